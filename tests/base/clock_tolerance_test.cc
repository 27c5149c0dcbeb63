#include "konpro/base/clock_tolerance.h"

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

constexpr absl::Duration kTick = absl::Nanoseconds(1);
const absl::Time kClock = absl::FromUnixSeconds(1'793'620'800);  // 2026-11-02

TEST(ClockTolerance, ALittleAheadIsNowAndMoreIsRefused) {
  const absl::Duration years = absl::Hours(24 * 365 * 40);
  const struct {
    absl::Duration ahead;
    absl::Duration tolerance;
    std::optional<absl::Duration> taken;  // after the clock
  } kRows[] = {
      {-years, kClockTolerance, -years},
      {-absl::Minutes(6), kClockTolerance, -absl::Minutes(6)},
      {-kTick, kClockTolerance, -kTick},
      {absl::ZeroDuration(), kClockTolerance, absl::ZeroDuration()},
      {kTick, kClockTolerance, absl::ZeroDuration()},
      {absl::Milliseconds(200), kClockTolerance, absl::ZeroDuration()},
      {absl::Minutes(4), kClockTolerance, absl::ZeroDuration()},
      {absl::Minutes(5), kClockTolerance, absl::ZeroDuration()},
      {absl::Minutes(5) + kTick, kClockTolerance, std::nullopt},
      {absl::Minutes(6), kClockTolerance, std::nullopt},
      {years, kClockTolerance, std::nullopt},
      {absl::InfiniteDuration(), kClockTolerance, std::nullopt},
      {absl::InfiniteDuration(), kClockToleranceMax, std::nullopt},
      {absl::ZeroDuration(), absl::ZeroDuration(), absl::ZeroDuration()},
      {kTick, absl::ZeroDuration(), std::nullopt},
      {absl::Hours(24), kClockToleranceMax, absl::ZeroDuration()},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<absl::Time> taken =
        TakeTime({.field = "at",
                  .asked = kClock + row.ahead,
                  .clock = kClock,
                  .tolerance = row.tolerance});
    if (row.taken.has_value()) {
      ASSERT_THAT(taken, IsOk()) << row.ahead;
      EXPECT_EQ(*taken, kClock + *row.taken) << row.ahead;
    } else {
      EXPECT_THAT(taken, StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("at: ")))
          << row.ahead;
    }
  }
}

TEST(ClockTolerance, ARefusalNamesFieldTimeClockAndHowFar) {
  EXPECT_THAT(
      TakeTime({.field = "start_time",
                .asked = kClock + absl::Minutes(6) + absl::Milliseconds(1),
                .clock = kClock}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "start_time: 2026-11-02T12:06:00.001Z is 6m0.001s ahead of the "
               "clock, which says 2026-11-02T12:00:00Z; at most 5m is taken, "
               "as now"));
  EXPECT_EQ(AheadText(absl::Hours(48) - kTick), "47h59m59.999s");
  EXPECT_EQ(AheadText(absl::Hours(48)), "2 days");
  EXPECT_EQ(AheadText(absl::Hours(24 * 365 * 36)), "13140 days");
}

}  // namespace
}  // namespace konpro
