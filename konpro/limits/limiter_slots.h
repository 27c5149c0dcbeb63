// Handles of a LimiterRegistry as numbers, for who packs them beside something
// of its own.
//
// Thread safety: as the registry's data plane.
#ifndef KONPRO_LIMITS_LIMITER_SLOTS_H_
#define KONPRO_LIMITS_LIMITER_SLOTS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/base/attributes.h"
#include "konpro/limits/limiter_registry.h"

namespace konpro {

class LimiterRegistry::Slots {
 public:
  // Of a number: two slots for each account, and a few more.
  static constexpr int kBits = 26;
  static_assert(kCapacityMax <= size_t{1} << (kBits - 2));

  // REQUIRES: the handle is not null.
  static size_t Of(const LimiterRegistry& registry, Handle handle) {
    return static_cast<size_t>(handle.slot_ - registry.slots_);
  }

  // The handle of the account that is there now, or null. Behind DropIdle(),
  // that may be another. REQUIRES: `slot` is Of() a handle of this registry.
  ABSL_ATTRIBUTE_ALWAYS_INLINE static Handle At(const LimiterRegistry& registry,
                                                size_t slot) {
    internal::LimiterSlot* const there = &registry.slots_[slot];
    const uint64_t hash = there->hash.load(std::memory_order_acquire);
    // 0 and 1 are no account's.
    if (hash <= 1) [[unlikely]]
      return Handle();
    return Handle(there, hash);
  }

  // Has what At() and TryAcquire() need on its way.
  static void Prefetch(const LimiterRegistry& registry, size_t slot) {
    __builtin_prefetch(&registry.slots_[slot], /*rw=*/1);
  }
};

}  // namespace konpro

#endif  // KONPRO_LIMITS_LIMITER_SLOTS_H_
