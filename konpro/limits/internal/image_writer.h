// What a LimiterRegistry writes into its memory beside its slots, so that
// limiter_image.h can read it whenever the process ends. Each change of two
// places is announced in the header first.
//
// Thread safety: thread-compatible; by default it writes nothing.
#ifndef KONPRO_LIMITS_INTERNAL_IMAGE_WRITER_H_
#define KONPRO_LIMITS_INTERNAL_IMAGE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/account_hash.h"
#include "konpro/limits/internal/image_layout.h"
#include "konpro/limits/limiter_decision.h"
#include "konpro/limits/limiter_image.h"

namespace konpro::internal {

// The geometry of a registry's table.
// So that a search always meets an empty slot, however small the table is.
inline constexpr size_t kSpareLines = 8;
inline size_t LinesFor(size_t capacity) {
  return capacity + capacity / 8 + kSpareLines;
}
inline uint64_t HashOf(const AccountHash& hash, absl::string_view account) {
  const uint64_t value = hash(account) & ~uint64_t{1};
  return value == 0 ? 2 : value;
}
inline size_t LineOf(uint64_t hash, size_t lines) {
  using Wide = unsigned __int128;
  return static_cast<size_t>((Wide{hash} * lines) >> 64);
}

class ImageWriter {
 public:
  ImageWriter() = default;
  ImageWriter(const LimiterMemory& memory, const AccountHash::Key& key,
              size_t lines);

  // Before a slot refers to windows number `index`.
  void AddWindows(size_t index, const LimiterWindows& windows);
  // Around the change of a slot's hash.
  void BeginAdd(size_t slot, uint64_t hash);
  void EndAdd();
  void BeginRemove(size_t slot, uint64_t hash);
  void EndRemove();
  // Before each attempt to close a cell, and once it is open again.
  void BeginReplace(size_t slot, WindowsTag windows, const LimiterState& state);
  void EndReplace();
  void SetFreshSince(UnixNanos time);

 private:
  absl::Span<char> bytes_;
  std::function<void(absl::Span<const char>)> flush_;
};

}  // namespace konpro::internal

#endif  // KONPRO_LIMITS_INTERNAL_IMAGE_WRITER_H_
