// Sixteen bytes that change in one step: the one place with machine code.
// std::atomic of 16 bytes calls into libatomic, which may lock; this is one
// instruction (x86-64: `lock cmpxchg16b`, which needs no compiler flag here) or
// one exclusive pair (AArch64: `ldaxp`, `stlxp`). Other machines do not
// compile.
//
// Thread safety: thread-safe.
//
// Memory ordering: CompareExchange() is acquire-release and pairs with itself
// and with Load(), whose two loads are each acquire: what was written before a
// successful exchange is visible to who reads its result.
//
// Invariants: (1) only CompareExchange() writes. (2) Each half that Load()
// returns was in the word at some instant during the call; the two need not
// have been there together. A later CompareExchange() from that value succeeds
// only if they are together then. (3) LoadBoth() returns a pair that was there
// together.
//
// Thread sanitizer: it does not see machine code, so its builds use its own
// run-time's 16-byte exchange and instrumented loads instead. They guarantee
// the same, and all accesses count as synchronisation; speed means nothing
// there.
#ifndef KONPRO_LIMITS_INTERNAL_ATOMIC_U128_H_
#define KONPRO_LIMITS_INTERNAL_ATOMIC_U128_H_

#include <cstdint>
#include <type_traits>

#if defined(__SANITIZE_THREAD__)
#define KONPRO_ATOMIC_U128_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KONPRO_ATOMIC_U128_TSAN 1
#endif
#endif

#if defined(KONPRO_ATOMIC_U128_TSAN)
extern "C" int __tsan_atomic128_compare_exchange_strong(
    volatile unsigned __int128* word, unsigned __int128* expected,
    unsigned __int128 desired, int order, int failure_order);
#elif !defined(__x86_64__) && !defined(__aarch64__)
#error "konpro needs a 16-byte compare-and-swap: x86-64 or AArch64"
#endif

namespace konpro::internal {

// Tells the processor that this thread waits for another.
inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

struct U128 {
  uint64_t low = 0;
  uint64_t high = 0;

  friend constexpr bool operator==(U128 a, U128 b) = default;
};

class alignas(16) AtomicU128 {
 public:
  constexpr AtomicU128() = default;
  constexpr explicit AtomicU128(U128 value) : halves_(value) {}
  AtomicU128(const AtomicU128&) = delete;
  AtomicU128& operator=(const AtomicU128&) = delete;

  U128 Load() const {
    return {.low = __atomic_load_n(&halves_.low, __ATOMIC_ACQUIRE),
            .high = __atomic_load_n(&halves_.high, __ATOMIC_ACQUIRE)};
  }

  // Costs a CompareExchange() and takes the cache line as a write does.
  U128 LoadBoth() {
    U128 value = Load();
    while (!CompareExchange(value, value)) {
    }
    return value;
  }

  // Writes `desired` and returns true if the word is `expected`; else
  // returns false with what is there, as Load() would return it, in `expected`.
  // Never fails without cause.
  bool CompareExchange(U128& expected, U128 desired) {
#if defined(KONPRO_ATOMIC_U128_TSAN)
    unsigned __int128 was = Join(expected);
    const bool done = __tsan_atomic128_compare_exchange_strong(
        reinterpret_cast<volatile unsigned __int128*>(&halves_), &was,
        Join(desired), __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    expected = {.low = static_cast<uint64_t>(was),
                .high = static_cast<uint64_t>(was >> 64)};
    return done;
#elif defined(__x86_64__)
    bool done;
    asm volatile("lock cmpxchg16b %[word]"
                 : "=@ccz"(done), [word] "+m"(halves_), "+a"(expected.low),
                   "+d"(expected.high)
                 : "b"(desired.low), "c"(desired.high)
                 : "memory");
    return done;
#else
    // One block: a spill between the pair would cost the reservation.
    U128 seen;
    uint32_t done;
    asm volatile(
        "1: ldaxp %[seen_low], %[seen_high], %[word]\n"
        "   cmp %[seen_low], %[expected_low]\n"
        "   ccmp %[seen_high], %[expected_high], #0, eq\n"
        "   b.ne 2f\n"
        "   stlxp %w[done], %[low], %[high], %[word]\n"
        "   cbnz %w[done], 1b\n"
        "2: cset %w[done], eq\n"
        : [seen_low] "=&r"(seen.low), [seen_high] "=&r"(seen.high),
          [done] "=&r"(done), [word] "+Q"(halves_)
        : [expected_low] "r"(expected.low), [expected_high] "r"(expected.high),
          [low] "r"(desired.low), [high] "r"(desired.high)
        : "cc", "memory");
    expected = seen;
    return done != 0;
#endif
  }

 private:
#if defined(KONPRO_ATOMIC_U128_TSAN)
  static unsigned __int128 Join(U128 value) {
    return static_cast<unsigned __int128>(value.high) << 64 | value.low;
  }
#endif

  U128 halves_;
};

static_assert(sizeof(AtomicU128) == 16 && alignof(AtomicU128) == 16);
static_assert(std::is_trivially_destructible_v<AtomicU128>);

}  // namespace konpro::internal

#endif  // KONPRO_LIMITS_INTERNAL_ATOMIC_U128_H_
