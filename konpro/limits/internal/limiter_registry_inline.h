// The hot path of limiter_registry.h, which includes this; nobody else does.
#ifndef KONPRO_LIMITS_INTERNAL_LIMITER_REGISTRY_INLINE_H_
#define KONPRO_LIMITS_INTERNAL_LIMITER_REGISTRY_INLINE_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_registry.h"

namespace konpro {

namespace internal {

// Half a cache line. The hash: 0 of an empty slot, 1 of one whose account went
// and that a search still passes; else bit 0 says that it is shared. The
// windows: a WindowsTag, 0 if the account is not there.
struct alignas(32) LimiterSlot {
  std::atomic<uint64_t> hash{0};
  std::atomic<uint64_t> windows{0};
  LimiterCell cell;
};

// An image has its fields in this order.
static_assert(sizeof(LimiterSlot) == sizeof(ImageSlot));
static_assert(offsetof(LimiterSlot, windows) == offsetof(ImageSlot, windows));
static_assert(offsetof(LimiterSlot, cell) == offsetof(ImageSlot, words));

}  // namespace internal

// The windows of the account that a handle is of, or the registry's windows of
// unknown accounts if the slot is another's: a slot that changes hands has the
// new hash (release, by the windows) before it has the new windows.
class LimiterRegistry::WindowsOf {
 public:
  WindowsOf(Handle handle, const LimiterRegistry& registry)
      : slot_(handle.slot_),
        hash_(handle.hash_),
        windows_(registry.windows_begin_) {}
  // Field by field, so that only a call off the hot path has it in memory.
  WindowsOf(const WindowsOf& other)
      : slot_(other.slot_), hash_(other.hash_), windows_(other.windows_) {}

  ABSL_ATTRIBUTE_ALWAYS_INLINE internal::PresentWindows Present() const {
    const uint64_t tag = slot_->windows.load(std::memory_order_acquire);
    const uint64_t hash = slot_->hash.load(std::memory_order_relaxed);
    if ((hash ^ hash_) > 1) [[unlikely]] {
      return {&windows_[internal::kNoAccount], tag};
    }
    return {&windows_[internal::IndexOf(tag)], tag};
  }
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool IsPresent(uint64_t tag) const {
    return slot_->windows.load(std::memory_order_relaxed) == tag;
  }

 private:
  const Slot* const slot_;
  const uint64_t hash_;
  const LimiterWindows* const windows_;
};

// What the hash requires; an id of another form was never inserted.
inline bool LimiterRegistry::HasIdSize(absl::string_view account) {
  // One comparison finds both: 0 wraps to the largest.
  return account.size() - 1 < kAccountIdBytesMax;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline uint64_t LimiterRegistry::HashOf(
    absl::string_view account) const {
  return internal::HashOf(hash_, account);
}

inline size_t LimiterRegistry::LineOf(uint64_t hash) const {
  return internal::LineOf(hash, lines_);
}

inline size_t LimiterRegistry::NextLine(size_t line) const {
  return line + 1 < lines_ ? line + 1 : 0;
}

inline void LimiterRegistry::Prefetch(uint64_t hash) const {
  Slot* const line = &slots_[LineOf(hash) * kSlotsPerLine];
  __builtin_prefetch(line, /*rw=*/1);
  __builtin_prefetch(line + kSlotsPerLine);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline LimiterRegistry::Handle
LimiterRegistry::FindHashed(absl::string_view account, uint64_t hash) const {
  // Which of the two is chosen without a branch: nobody could foresee it. One
  // account in twelve lies further on, which nobody foresees either: the next
  // line is under way by then.
  Slot* const line = &slots_[LineOf(hash) * kSlotsPerLine];
  __builtin_prefetch(line + kSlotsPerLine);
  Slot* const slot =
      &line[line[1].hash.load(std::memory_order_acquire) == hash];
  if (slot->hash.load(std::memory_order_acquire) != hash) [[unlikely]] {
    return FindFurther(account, hash);
  }
  return Handle(slot, hash);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline LimiterRegistry::Handle
LimiterRegistry::Find(absl::string_view account) const {
  if (!HasIdSize(account)) [[unlikely]]
    return Handle();
  return FindHashed(account, HashOf(account));
}

inline size_t LimiterRegistry::SlotOf(Handle handle) const {
  return static_cast<size_t>(handle.slot_ - slots_);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline LimiterRegistry::Handle
LimiterRegistry::InSlot(size_t slot) const {
  Slot* const there = &slots_[slot];
  const uint64_t hash = there->hash.load(std::memory_order_acquire);
  // 0 and 1 are no account's.
  if (hash <= 1) [[unlikely]]
    return Handle();
  return Handle(there, hash);
}

inline void LimiterRegistry::PrefetchSlot(size_t slot) const {
  __builtin_prefetch(&slots_[slot], /*rw=*/1);
}

inline Decision LimiterRegistry::Unknown(uint64_t cost, UnixNanos now) const {
  return Decision(LimitOutcome::kUnknownAccount,
                  windows_begin_[internal::kNoAccount], LimiterState(), cost,
                  now);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Decision LimiterRegistry::TryAcquire(
    Handle handle, uint64_t cost, UnixNanos now) {
  if (!handle) [[unlikely]]
    return Unknown(cost, now);
  return internal::TryAcquire(handle.slot_->cell, WindowsOf(handle, *this),
                              cost, now);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Decision LimiterRegistry::TryAcquire(
    absl::string_view account, uint64_t cost, UnixNanos now) {
  return TryAcquire(Find(account), cost, now);
}

inline Decision LimiterRegistry::TryAcquire(Handle handle, uint64_t cost) {
  __builtin_prefetch(handle.slot_, /*rw=*/1);
  return TryAcquire(handle, cost, UnixNanos::CoarseNow());
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Decision LimiterRegistry::TryAcquire(
    absl::string_view account, uint64_t cost) {
  if (!HasIdSize(account)) [[unlikely]]
    return Unknown(cost, UnixNanos::CoarseNow());
  const uint64_t hash = HashOf(account);
  Prefetch(hash);
  const UnixNanos now = UnixNanos::CoarseNow();
  return TryAcquire(FindHashed(account, hash), cost, now);
}

template <std::invocable<size_t, const Decision&> Visit>
void LimiterRegistry::AcquireBatch(absl::Span<const Request> requests,
                                   UnixNanos now, Visit visit) {
  std::array<uint64_t, kBatch> hashes;
  for (size_t begin = 0; begin < requests.size(); begin += kBatch) {
    const size_t size = std::min(kBatch, requests.size() - begin);
    for (size_t i = 0; i < size; ++i) {
      const absl::string_view account = requests[begin + i].account;
      hashes[i] = HasIdSize(account) ? HashOf(account) : 0;
      Prefetch(hashes[i]);
    }
    for (size_t i = 0; i < size; ++i) {
      const Request& request = requests[begin + i];
      const Handle handle =
          hashes[i] != 0 ? FindHashed(request.account, hashes[i]) : Handle();
      visit(begin + i, TryAcquire(handle, request.cost, now));
    }
  }
}

inline Decision LimiterRegistry::Peek(Handle handle, uint64_t cost,
                                      UnixNanos now) const {
  if (!handle) return Unknown(cost, now);
  return internal::Peek(handle.slot_->cell, WindowsOf(handle, *this), cost,
                        now);
}

inline bool LimiterRegistry::Release(Handle handle, const Decision& decision,
                                     UnixNanos now) {
  if (!handle) return true;
  return internal::Release(handle.slot_->cell, WindowsOf(handle, *this),
                           decision, now);
}

}  // namespace konpro

#endif  // KONPRO_LIMITS_INTERNAL_LIMITER_REGISTRY_INLINE_H_
