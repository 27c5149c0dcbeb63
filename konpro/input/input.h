// Inputs of commands: where they come from, how their errors are told, and how
// their reading shows on a terminal.
#ifndef KONPRO_INPUT_INPUT_H_
#define KONPRO_INPUT_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <istream>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace konpro::cli {

// Prints `FILE:LINE:COLUMN: what` for the first errors, as many as are to be
// shown, and counts the rest. Thread-compatible.
class InputErrors {
 public:
  static constexpr int64_t kShownMax = 20;

  InputErrors(std::string file, std::ostream& err,
              int64_t shown_max = kShownMax)
      : file_(std::move(file)), err_(err), shown_max_(shown_max) {}

  // Lines and columns count from 1; columns are bytes.
  void Add(int64_t line, int64_t column, absl::string_view what);

  // An error of the whole file, such as that it cannot be read.
  void AddForFile(absl::string_view what);

  // Print the same of what is no error.
  void Note(int64_t line, int64_t column, absl::string_view what);
  void NoteForFile(absl::string_view what);

  // Prints how many were not shown, if any.
  void Finish();

  int64_t count() const { return count_; }
  bool none() const { return count_ == 0; }

 private:
  bool Counted();

  std::string file_;
  std::ostream& err_;
  const int64_t shown_max_;
  int64_t count_ = 0;
};

// A bar on a terminal while bytes are read, or something else is counted, and
// nothing where `out` is null.
// Thread-compatible.
class Progress {
 public:
  // `total` below 0 where the size is unknown, as in a pipe. `unit`: what is
  // counted; "" for bytes.
  Progress(std::ostream* out, int64_t total, absl::string_view unit = "")
      : out_(out), total_(total), unit_(unit) {}
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Advance(int64_t count) {
    done_ += count;
    if (out_ != nullptr) Draw();
  }

  // Removes the bar.
  void Clear();

 private:
  void Draw();

  std::ostream* out_;
  int64_t total_;
  absl::string_view unit_;
  int64_t done_ = 0;
  bool drawn_ = false;
  absl::Time next_draw_ = absl::InfinitePast();
};

// `path`, or standard input for "-", read as bytes in blocks.
class Input {
 public:
  // Bytes that Read() gives at most.
  static constexpr size_t kBlockBytes = size_t{256} << 10;

  // `in` is what "-" means.
  Input(const std::string& path, std::istream& in, std::ostream* progress_out);

  // The next block, empty at the end; valid until the next call. A UTF-8 byte
  // order mark at the beginning is dropped.
  absl::string_view Read();

  // The block that the next Read() will give.
  absl::string_view Peek();

  // Why the input could not be opened or read to its end, or "". Valid after
  // Read() gave an empty block.
  std::string error() const;

 private:
  std::string path_;
  std::ifstream file_;
  std::istream* in_;
  Progress progress_;
  std::string block_;
  absl::string_view peeked_;
  bool first_ = true;
  bool failed_ = false;
  int errno_ = 0;
};

// Gives the lines of `input`, one at a time, each with its line end but for a
// last one that has none. A line is at most kLineBytesMax.
class LineReader {
 public:
  static constexpr size_t kLineBytesMax = size_t{1} << 20;

  explicit LineReader(Input& input) : input_(input) {}

  // Whether there was a line; `line` is valid until the next call. False at the
  // end and, with too_long(), before a line that is too long.
  bool Next(absl::string_view& line);

  // The number of the line that Next() gave or refused, from 1.
  int64_t line_number() const { return line_number_; }
  bool too_long() const { return too_long_; }

 private:
  Input& input_;
  absl::string_view rest_;
  std::string carried_;
  int64_t line_number_ = 0;
  bool too_long_ = false;
};

}  // namespace konpro::cli

#endif  // KONPRO_INPUT_INPUT_H_
