// Also compiled for AArch64 (aarch64_test.sh).
#include "konpro/limits/internal/atomic_u128.h"

#include <cstdint>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace konpro::internal {
namespace {

TEST(AtomicU128, ExchangesWhereBothHalvesAreEqual) {
  const struct {
    U128 there;
    U128 expected;
    bool done;
  } kCases[] = {
      {{1, 2}, {1, 2}, true},          {{1, 2}, {1, 3}, false},
      {{1, 2}, {2, 2}, false},         {{1, 2}, {2, 1}, false},
      {{0, 0}, {0, 0}, true},          {{~0ull, ~0ull}, {~0ull, ~0ull}, true},
      {{~0ull, 0}, {0, ~0ull}, false},
  };
  for (const auto& c : kCases) {
    AtomicU128 word(c.there);
    U128 expected = c.expected;
    EXPECT_EQ(word.CompareExchange(expected, {7, 8}), c.done);
    EXPECT_EQ(expected, c.there);
    const U128 after = c.done ? U128{7, 8} : c.there;
    EXPECT_EQ(word.Load(), after);
    EXPECT_EQ(word.LoadBoth(), after);
  }
}

// Both halves count, in opposite directions.
TEST(AtomicU128, LosesNoChangeOfTwoThreads) {
  constexpr uint64_t kChanges = 200'000;
  AtomicU128 word;
  int torn = 0;
  const auto change = [&word] {
    for (uint64_t i = 0; i < kChanges; ++i) {
      U128 seen = word.Load();
      while (!word.CompareExchange(seen, {seen.low + 1, seen.high - 1})) {
        Pause();
      }
    }
  };
  std::thread first(change);
  std::thread second(change);
  for (int i = 0; i < 10'000; ++i) {
    const U128 seen = word.LoadBoth();
    if (seen.low + seen.high != 0) ++torn;
  }
  first.join();
  second.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(word.Load(), (U128{2 * kChanges, -2 * kChanges}));
}

// What was written before an exchange is seen by who reads its result.
TEST(AtomicU128, ExchangePublishes) {
  AtomicU128 word;
  uint64_t message = 0;
  std::thread writer([&] {
    message = 42;
    U128 seen = word.Load();
    while (!word.CompareExchange(seen, {1, 1})) {
    }
  });
  while (word.Load().high == 0) std::this_thread::yield();
  EXPECT_EQ(message, 42u);
  writer.join();
}

}  // namespace
}  // namespace konpro::internal
