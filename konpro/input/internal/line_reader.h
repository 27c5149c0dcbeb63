// The lines of an input, one at a time.
//
//   LineReader lines(input);
//   for (absl::string_view line; lines.Next(line);) { ... }
//   if (lines.too_long()) ...   // at lines.line_number()
//
// Thread safety: thread-compatible.
#ifndef KONPRO_INPUT_INTERNAL_LINE_READER_H_
#define KONPRO_INPUT_INTERNAL_LINE_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "konpro/input/input_file.h"

namespace konpro {

class LineReader {
 public:
  // Bytes of a line with its end, at most.
  static constexpr size_t kLineBytesMax = size_t{1} << 20;

  // `input` must outlive it.
  explicit LineReader(InputFile& input) : input_(input) {}

  // Returns whether there was a line. `line` includes its line feed, which only
  // the last line may lack, and is valid until the next call. False at the end,
  // and before a line that is too long: too_long() then.
  bool Next(absl::string_view& line);

  // The number of the line that Next() returned or refused, from 1.
  int64_t line_number() const { return line_number_; }
  bool too_long() const { return too_long_; }

 private:
  InputFile& input_;
  absl::string_view rest_;
  std::string carried_;
  int64_t line_number_ = 0;
  bool too_long_ = false;
};

}  // namespace konpro

#endif  // KONPRO_INPUT_INTERNAL_LINE_READER_H_
