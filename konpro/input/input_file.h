// A file, or standard input, read as bytes in blocks.
//
//   InputFile input("jobs.csv", in, /*progress_out=*/nullptr);
//   for (absl::string_view block = input.Read(); !block.empty();
//        block = input.Read()) { ... }
//   input.error()                          // "" if it was read to its end
//
// Thread safety: thread-compatible.
#ifndef KONPRO_INPUT_INPUT_FILE_H_
#define KONPRO_INPUT_INPUT_FILE_H_

#include <cstddef>
#include <fstream>
#include <istream>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/input/progress_bar.h"

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
  ProgressBar progress_;
  std::string block_;
  absl::string_view peeked_;
  bool first_ = true;
  // What the input is in place of UTF-8, or "".
  absl::string_view foreign_form_;
  bool failed_ = false;
  int errno_ = 0;
};

// All of `path`, or of `in` for "-". kNotFound: it cannot be read.
// kInvalidArgument: it has more than `bytes_max` bytes.
absl::StatusOr<std::string> ReadWholeInput(const std::string& path,
                                           std::istream& in, size_t bytes_max);

}  // namespace konpro

#endif  // KONPRO_INPUT_INPUT_FILE_H_
