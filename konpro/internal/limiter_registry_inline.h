// The hot path of limiter_registry.h, which includes this; nobody else does.
#ifndef KONPRO_INTERNAL_LIMITER_REGISTRY_INLINE_H_
#define KONPRO_INTERNAL_LIMITER_REGISTRY_INLINE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/base/attributes.h"
#include "absl/strings/string_view.h"
#include "konpro/limiter.h"
#include "konpro/limiter_registry.h"
#include "konpro/unix_nanos.h"

namespace konpro {

// The windows of the account that a handle is of, or the registry's unknown_
// where the slot is another's: a slot that changes hands has the new hash
// (release, by the windows) before it has the new windows.
class LimiterRegistry::WindowsOf {
 public:
  WindowsOf(Handle handle, const LimiterWindows& unknown)
      : handle_(handle), unknown_(unknown) {}

  const LimiterWindows& operator()() const {
    const LimiterWindows* windows =
        handle_.slot_->windows.load(std::memory_order_acquire);
    const uint64_t hash = handle_.slot_->hash.load(std::memory_order_relaxed);
    if (windows == nullptr || (hash ^ handle_.hash_) > 1) [[unlikely]] {
      return unknown_;
    }
    return *windows;
  }

 private:
  const Handle handle_;
  const LimiterWindows& unknown_;
};

inline uint64_t LimiterRegistry::HashOf(absl::string_view account) const {
  const uint64_t hash = hash_(account) & ~uint64_t{1};
  return hash == 0 ? 2 : hash;
}

inline size_t LimiterRegistry::LineOf(uint64_t hash) const {
  using Wide = unsigned __int128;
  return static_cast<size_t>((Wide{hash} * lines_) >> 64);
}

inline void LimiterRegistry::Prefetch(uint64_t hash) const {
  __builtin_prefetch(&slots_[LineOf(hash) * kSlotsPerLine], /*rw=*/1);
}

inline LimiterRegistry::Handle LimiterRegistry::FindHashed(
    absl::string_view account, uint64_t hash) const {
  // Which of the two is chosen without a branch: nobody could foresee it.
  Slot* line = &slots_[LineOf(hash) * kSlotsPerLine];
  Slot* slot = &line[line[1].hash.load(std::memory_order_acquire) == hash];
  if (slot->hash.load(std::memory_order_acquire) != hash) [[unlikely]] {
    return FindFurther(account, hash);
  }
  return Handle(slot, hash);
}

inline LimiterRegistry::Handle LimiterRegistry::Find(
    absl::string_view account) const {
  // One comparison finds both: 0 wraps to the largest.
  if (account.size() - 1 >= kAccountIdBytesMax) [[unlikely]]
    return Handle();
  return FindHashed(account, HashOf(account));
}

inline std::optional<Decision> LimiterRegistry::Known(
    const Decision& decision) const {
  if (&decision.windows() == &unknown_) [[unlikely]]
    return std::nullopt;
  return decision;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline std::optional<Decision>
LimiterRegistry::TryAcquire(Handle handle, uint64_t cost, UnixNanos now) {
  if (!handle) [[unlikely]]
    return std::nullopt;
  return Known(konpro::TryAcquire(handle.slot_->cell,
                                  WindowsOf(handle, unknown_), cost, now));
}

inline std::optional<Decision> LimiterRegistry::TryAcquire(
    absl::string_view account, uint64_t cost, UnixNanos now) {
  return TryAcquire(Find(account), cost, now);
}

inline std::optional<Decision> LimiterRegistry::TryAcquire(Handle handle,
                                                           uint64_t cost) {
  __builtin_prefetch(handle.slot_, /*rw=*/1);
  return TryAcquire(handle, cost, UnixNanos::CoarseNow());
}

inline std::optional<Decision> LimiterRegistry::TryAcquire(
    absl::string_view account, uint64_t cost) {
  if (account.size() - 1 >= kAccountIdBytesMax) [[unlikely]] {
    return std::nullopt;
  }
  const uint64_t hash = HashOf(account);
  Prefetch(hash);
  const UnixNanos now = UnixNanos::CoarseNow();
  return TryAcquire(FindHashed(account, hash), cost, now);
}

inline std::optional<Decision> LimiterRegistry::Peek(Handle handle,
                                                     uint64_t cost,
                                                     UnixNanos now) const {
  if (!handle) return std::nullopt;
  return Known(
      konpro::Peek(handle.slot_->cell, WindowsOf(handle, unknown_), cost, now));
}

inline bool LimiterRegistry::Release(Handle handle, const Decision& decision,
                                     UnixNanos now) {
  if (!handle) return true;
  return konpro::Release(handle.slot_->cell, WindowsOf(handle, unknown_),
                         decision, now);
}

}  // namespace konpro

#endif  // KONPRO_INTERNAL_LIMITER_REGISTRY_INLINE_H_
