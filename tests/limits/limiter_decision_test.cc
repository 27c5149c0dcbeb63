#include "konpro/limits/limiter_decision.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/rate_window.h"

// It compiles where the 16-byte instruction is missing.
#ifdef KONPRO_LIMITS_INTERNAL_ATOMIC_U128_H_
#error "limiter_decision.h includes the cell's instruction"
#endif

namespace konpro {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'699'920'000 * kSecond;  // of a day

UnixNanos At(int64_t seconds) {
  return UnixNanos::FromNanos(kStart + seconds * kSecond);
}

RateWindow Fixed(absl::string_view name, int64_t limit, absl::Duration period) {
  return *RateWindow::Create({.name = name, .limit = limit, .period = period});
}

TEST(Decision, OfEqualWindowsTheFirstBinds) {
  const struct {
    const char* what;
    int64_t minute;
    int64_t day;
    uint64_t taken;
    uint64_t cost;
    int64_t at;  // seconds after the start of a day
    LimitOutcome outcome;
    size_t binding_window;  // of minute, day
    size_t swapped;         // of day, minute
  } kRows[] = {
      {"the same remain", 5, 5, 2, 1, 0, LimitOutcome::kAllowed, 0, 0},
      {"fewer in the minute", 5, 6, 2, 1, 0, LimitOutcome::kAllowed, 0, 1},
      {"fewer in the day", 6, 5, 2, 1, 0, LimitOutcome::kAllowed, 1, 0},
      {"both end at midnight", 5, 5, 5, 1, 86'399, LimitOutcome::kRetryLater, 0,
       0},
      {"the day ends later", 5, 5, 5, 1, 0, LimitOutcome::kRetryLater, 1, 0},
      {"the minute refuses alone", 5, 6, 5, 1, 0, LimitOutcome::kRetryLater, 0,
       1},
      {"one limit", 5, 5, 0, 6, 0, LimitOutcome::kExceedsLimit, 0, 0},
      {"the minute's is lower", 5, 6, 0, 7, 0, LimitOutcome::kExceedsLimit, 0,
       1},
      {"the day's is lower", 6, 5, 0, 7, 0, LimitOutcome::kExceedsLimit, 1, 0},
  };
  for (const auto& row : kRows) {
    const RateWindow minute = Fixed("minute", row.minute, absl::Minutes(1));
    const RateWindow day = Fixed("day", row.day, absl::Hours(24));
    for (const bool swapped : {false, true}) {
      const LimiterWindows windows =
          swapped ? LimiterWindows(day, minute) : LimiterWindows(minute, day);
      const Decision taken =
          Decide(windows, LimiterState(), row.taken, At(row.at));
      ASSERT_TRUE(taken.allowed()) << row.what;
      const Decision d = Decide(windows, taken.state(), row.cost, At(row.at));
      EXPECT_EQ(d.outcome(), row.outcome) << row.what;
      EXPECT_EQ(d.binding_window(), swapped ? row.swapped : row.binding_window)
          << row.what;
    }
  }
}

TEST(LimiterWindows, OfASpanAreThoseWindows) {
  const RateWindow windows[] = {Fixed("minute", 5, absl::Minutes(1)),
                                Fixed("day", 9, absl::Hours(24))};
  const LimiterWindows none = LimiterWindows::Of({});
  EXPECT_EQ(none.size(), 0u);
  EXPECT_EQ(Decide(none, LimiterState(), 1, At(0)).outcome(),
            LimitOutcome::kNoWindows);
  const LimiterWindows one = LimiterWindows::Of({windows, 1});
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one.window(0), windows[0]);
  EXPECT_EQ(one.cost_max(), 5u);
  EXPECT_FALSE(one.is_fixed_pair());
  const LimiterWindows two = LimiterWindows::Of(windows);
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two.window(0), windows[0]);
  EXPECT_EQ(two.window(1), windows[1]);
  EXPECT_EQ(two.cost_max(), 5u);
  EXPECT_TRUE(two.is_fixed_pair());
}

}  // namespace
}  // namespace konpro
