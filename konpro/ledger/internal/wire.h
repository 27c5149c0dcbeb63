// Bytes of journals and snapshots: canonical varints, amounts, times and texts
// (docs/formats.md, "Account").
#ifndef KONPRO_LEDGER_INTERNAL_WIRE_H_
#define KONPRO_LEDGER_INTERNAL_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"

namespace konpro::internal {

// Appends to a string.
class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out) {}

  void Byte(uint8_t value) { out_.push_back(static_cast<char>(value)); }
  // Seven bits a byte, low ones first, bit 7 set in all but the last.
  void Varint(uint64_t value) {
    if (value < 0x80) return Byte(static_cast<uint8_t>(value));
    // Appended at once: times and most amounts are longer than a byte.
    char bytes[10];
    size_t size = 0;
    for (; value >= 0x80; value >>= 7) {
      bytes[size++] = static_cast<char>(value | 0x80);
    }
    bytes[size++] = static_cast<char>(value);
    out_.append(bytes, size);
  }
  // 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
  void Signed(int64_t value) {
    Varint((static_cast<uint64_t>(value) << 1) ^
           static_cast<uint64_t>(value >> 63));
  }
  // REQUIRES: zero or more.
  void Amount(Credits value) { Varint(static_cast<uint64_t>(value.ticks())); }
  void Time(UnixNanos value) { Varint(static_cast<uint64_t>(value.nanos())); }
  void Text(absl::string_view value) {
    Varint(value.size());
    out_.append(value.data(), value.size());
  }

 private:
  std::string& out_;
};

// Reads the same. After a field that is cut off or has another form, failed()
// is true, and that field and all after it read as zero or empty.
class WireReader {
 public:
  explicit WireReader(absl::string_view bytes) : rest_(bytes) {}

  bool failed() const { return failed_; }
  // Whether all bytes were read without a failure.
  bool done() const { return !failed_ && rest_.empty(); }

  uint8_t Byte() {
    if (rest_.empty()) failed_ = true;
    if (failed_) return 0;
    const auto value = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = Byte();
      // The tenth byte has one bit; a last byte of zero says nothing.
      if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0)) break;
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return failed_ ? 0 : value;
    }
    failed_ = true;
    return 0;
  }
  int64_t Signed() {
    const uint64_t value = Varint();
    return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  // A count of things that follow, of at least one byte each: the bytes bound
  // it if nothing else does.
  size_t Count(size_t most = std::numeric_limits<size_t>::max()) {
    const uint64_t value = Varint();
    if (value > most || value > rest_.size()) failed_ = true;
    return failed_ ? 0 : static_cast<size_t>(value);
  }
  Credits Amount() { return Credits::FromTicks(Positive()); }
  UnixNanos Time() { return UnixNanos::FromNanos(Positive()); }
  absl::string_view Text(size_t bytes_max) {
    const size_t size = Count(bytes_max);
    const absl::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }

 private:
  int64_t Positive() {
    const uint64_t value = Varint();
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      failed_ = true;
    }
    return failed_ ? 0 : static_cast<int64_t>(value);
  }

  absl::string_view rest_;
  bool failed_ = false;
};

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_WIRE_H_
