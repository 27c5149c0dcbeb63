// The bytes that outlive the process (docs/formats.md, "Bytes"): fixed and
// variable integers, and texts behind their length. A reader never reads beyond
// its end, and what a writer wrote is the only form that it takes.
#ifndef KONPRO_INTERNAL_BYTE_CODER_H_
#define KONPRO_INTERNAL_BYTE_CODER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

namespace konpro::internal {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

// Appends to a string, within a room that is asked for once: a push_back() a
// byte would cost more than the bytes.
class ByteWriter {
 public:
  static constexpr size_t kVarintBytesMax = 10;

  // REQUIRES: `room` bytes suffice for all that is put.
  ByteWriter(std::string& out, size_t room) : out_(out), size_(out.size()) {
    out_.resize(size_ + room);
    at_ = out_.data() + size_;
  }
  ~ByteWriter() { out_.resize(static_cast<size_t>(at_ - out_.data())); }
  ByteWriter(const ByteWriter&) = delete;
  ByteWriter& operator=(const ByteWriter&) = delete;

  void PutByte(uint8_t value) { *at_++ = static_cast<char>(value); }
  void PutFixed64(uint64_t value) {
    std::memcpy(at_, &value, sizeof(value));
    at_ += sizeof(value);
  }
  void PutVarint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
      PutByte(static_cast<uint8_t>(value | 0x80));
    }
    PutByte(static_cast<uint8_t>(value));
  }
  // Small magnitudes are short, negative ones too.
  void PutSigned(int64_t value) {
    PutVarint(static_cast<uint64_t>(value) << 1 ^
              static_cast<uint64_t>(value >> 63));
  }
  void PutText(absl::string_view text) {
    PutVarint(text.size());
    PutBytes(text);
  }
  // Without their length.
  void PutBytes(absl::string_view bytes) {
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }

 private:
  std::string& out_;
  const size_t size_;
  char* at_;
};

// Once something could not be read, everything else reads as zero or empty.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  // Whether all was read, and nothing failed.
  bool AtEnd() const { return ok_ && rest_.empty(); }
  absl::string_view rest() const { return rest_; }

  uint8_t Byte() {
    if (rest_.empty()) return Fail();
    const auto value = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  uint64_t Fixed64() {
    uint64_t value = 0;
    if (rest_.size() < sizeof(value)) return Fail();
    std::memcpy(&value, rest_.data(), sizeof(value));
    rest_.remove_prefix(sizeof(value));
    return value;
  }
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = Byte();
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte >= 0x80) continue;
      // The last byte is not zero, and has no bit beyond the 64th.
      if ((byte == 0 && shift > 0) || (shift == 63 && byte > 1)) return Fail();
      return value;
    }
    return Fail();
  }
  int64_t Signed() {
    const uint64_t value = Varint();
    return static_cast<int64_t>(value >> 1 ^ (0 - (value & 1)));
  }
  absl::string_view Text() { return Bytes(Varint()); }
  absl::string_view Bytes(uint64_t size) {
    if (size > rest_.size()) {
      Fail();
      return {};
    }
    const absl::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  // Marks what was read as no form that a writer writes.
  uint8_t Fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }

 private:
  absl::string_view rest_;
  bool ok_ = true;
};

}  // namespace konpro::internal

#endif  // KONPRO_INTERNAL_BYTE_CODER_H_
