#include "konpro/input/internal/delimited.h"

#include "absl/strings/str_cat.h"

namespace konpro {

bool DelimitedReader::Fill(size_t size) {
  while (rest_.size() < size) {
    // What is left stands in the input's block, which the next Read() reuses.
    std::string carried(rest_.data(), rest_.size());
    const absl::string_view block = input_.Read();
    carried.append(block.data(), block.size());
    carried_.swap(carried);
    rest_ = carried_;
    if (block.empty()) return false;
  }
  return true;
}

bool DelimitedReader::Next(absl::string_view& message) {
  ++number_;
  offset_ = next_offset_;
  uint64_t size = 0;
  size_t size_bytes = 0;
  for (bool more = true; more; ++size_bytes) {
    if (!Fill(size_bytes + 1)) {
      if (size_bytes > 0) error_ = "ends within the size of a message";
      return false;
    }
    const auto byte = static_cast<unsigned char>(rest_[size_bytes]);
    size |= static_cast<uint64_t>(byte & 0x7f) << (7 * size_bytes);
    more = (byte & 0x80) != 0;
    if (size > kMessageBytesMax || size_bytes > 3) {
      error_ = absl::StrCat("a message of more than ", kMessageBytesMax,
                            " bytes: is this length-delimited binary?");
      return false;
    }
  }
  if (!Fill(size_bytes + size)) {
    error_ = absl::StrCat("ends within a message of ", size, " bytes");
    return false;
  }
  message = rest_.substr(size_bytes, size);
  rest_.remove_prefix(size_bytes + size);
  next_offset_ += static_cast<int64_t>(size_bytes + size);
  return true;
}

}  // namespace konpro
