// A file, or standard input, read as bytes in blocks; and the errors of an
// input, printed with their place as a compiler prints its own.
//
//   InputFile input("jobs.csv", in, /*progress_out=*/nullptr);
//   for (absl::string_view block = input.Read(); !block.empty();
//        block = input.Read()) { ... }
//   input.error()                          // "" if it was read to its end
//
//   InputErrors errors("jobs.csv", err);
//   errors.Add(3, 7, "no quantity");       // jobs.csv:3:7: no quantity
//   errors.AddForFile("is empty");         // jobs.csv: is empty
//   errors.Finish();                       // nothing more: both were shown
//   errors.count()                         // 2
//
// Thread safety: thread-compatible.
#ifndef KONPRO_INPUT_INPUT_FILE_H_
#define KONPRO_INPUT_INPUT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <istream>
#include <ostream>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/base/internal/progress_bar.h"

namespace konpro {

class InputFile {
 public:
  // Bytes that Read() returns at most.
  static constexpr size_t kBlockBytes = size_t{256} << 10;

  // `path` is a file, or "-" for `in`. Progress is drawn on `progress_out`
  // unless that is null. Both must outlive it.
  InputFile(const std::string& path, std::istream& in,
            std::ostream* progress_out);

  // The next block, empty at the end; valid until the next call. A UTF-8 byte
  // order mark at the beginning is dropped.
  absl::string_view Read();

  // The block that the next Read() will return.
  absl::string_view Peek();

  // Why the input could not be opened or read to its end, or "". Valid after
  // Read() returned an empty block. What is compressed, a spreadsheet or UTF-16
  // is not read, and named.
  std::string error() const;

 private:
  std::string path_;
  std::ifstream file_;
  std::istream* in_;
  internal::ProgressBar progress_;
  std::string block_;
  absl::string_view peeked_;
  bool first_ = true;
  // What the input is in place of UTF-8, or "".
  absl::string_view foreign_form_;
  bool failed_ = false;
  int errno_ = 0;
};

// All of the file at `path`, or of `in` for "-"; of one that has more than
// bytes_max, at least one byte more. kNotFound: it cannot be read; begins with
// the path.
absl::StatusOr<std::string> ReadText(const std::string& path, std::istream& in,
                                     size_t bytes_max);

// All of `path`, or of `in` for "-". kNotFound: it cannot be read.
// kInvalidArgument: it has more than `bytes_max` bytes.
absl::StatusOr<std::string> ReadWholeInput(const std::string& path,
                                           std::istream& in, size_t bytes_max);

// Prints the first `shown_max` errors and counts the rest.
class InputErrors {
 public:
  static constexpr int64_t kShownMax = 20;

  // `err` must outlive it.
  InputErrors(std::string file, std::ostream& err,
              int64_t shown_max = kShownMax)
      : file_(std::move(file)), err_(err), shown_max_(shown_max) {}

  // Lines and columns count from 1; columns are bytes.
  void Add(int64_t line, int64_t column, absl::string_view what);

  // An error of the whole file, such as that it cannot be read.
  void AddForFile(absl::string_view what);

  // Print a note, which is not an error and not counted.
  void Note(int64_t line, int64_t column, absl::string_view what);
  void NoteForFile(absl::string_view what);

  // Prints how many errors were not shown, if any.
  void Finish();

  int64_t count() const { return count_; }
  bool none() const { return count_ == 0; }

 private:
  bool CountAndShow() { return ++count_ <= shown_max_; }

  // Constant after construction.
  std::string file_;
  std::ostream& err_;
  const int64_t shown_max_;

  int64_t count_ = 0;
};

}  // namespace konpro

#endif  // KONPRO_INPUT_INPUT_FILE_H_
