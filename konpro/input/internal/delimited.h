// Length-delimited binary messages: each a varint of its size, then its bytes
// (docs/formats.md).
#ifndef KONPRO_INPUT_INTERNAL_DELIMITED_H_
#define KONPRO_INPUT_INTERNAL_DELIMITED_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "konpro/input/input_file.h"

namespace konpro {

// Thread-compatible.
class DelimitedReader {
 public:
  static constexpr size_t kMessageBytesMax = size_t{1} << 20;

  explicit DelimitedReader(InputFile& input) : input_(input) {}

  // Whether there was a message; `message` is its bytes, valid until the next
  // call. False at the end and, with error(), if the form is broken.
  bool Next(absl::string_view& message);

  // Why Next() gave false; "" at the end of an input that is whole.
  const std::string& error() const { return error_; }

  // Of the message that Next() gave or failed at: its number from 1, and where
  // its size begins.
  int64_t number() const { return number_; }
  int64_t offset() const { return offset_; }

 private:
  // Makes at least `size` bytes available in rest_, or false at the end.
  bool Fill(size_t size);

  InputFile& input_;
  absl::string_view rest_;
  std::string carried_;
  std::string error_;
  int64_t number_ = 0;
  int64_t offset_ = 0;
  int64_t next_offset_ = 0;
};

}  // namespace konpro

#endif  // KONPRO_INPUT_INTERNAL_DELIMITED_H_
