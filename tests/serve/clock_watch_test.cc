#include "konpro/serve/clock_watch.h"

#include <string>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/clock_tolerance.h"
#include "konpro/base/unix_nanos.h"

namespace konpro {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kMs = absl::Milliseconds(1);

TEST(ClockWatch, StepOfTheWallClockIsNotTrusted) {
  const struct {
    absl::Duration step;
    bool is_trusted;
    const char* fault;
  } kCases[] = {
      {absl::ZeroDuration(), true, ""},
      {kClockTolerance, true, ""},
      {kClockTolerance + kMs, false, "set ahead by 5m"},
      {-kClockTolerance, true, ""},
      {-kClockTolerance - kMs, false, "set back by 5m"},
      {absl::Hours(24 * 40), false, "set ahead by 40 days"},
  };
  for (const auto& c : kCases) {
    ClockReading reading = {.wall = absl::FromUnixSeconds(1'700'000'000),
                            .since_boot = absl::Hours(7)};
    const ClockWatch clock([&] { return reading; });
    // Time passes on both clocks.
    reading.wall += absl::Hours(1'000) + c.step;
    reading.since_boot += absl::Hours(1'000);
    EXPECT_EQ(clock.Step(), c.step);
    EXPECT_EQ(clock.is_trusted(), c.is_trusted) << c.step;
    EXPECT_THAT(clock.Fault(), HasSubstr(c.fault));
    EXPECT_EQ(clock.Fault().empty(), c.is_trusted);
  }
}

TEST(ClockWatch, StepIsOverOnceTheClockIsSetBackOrConfirmed) {
  ClockReading reading = {.wall = absl::FromUnixSeconds(1'700'000'000),
                          .since_boot = absl::Hours(7)};
  ClockWatch clock([&] { return reading; });
  reading.wall += absl::Hours(960);
  EXPECT_FALSE(clock.is_trusted());
  reading.wall -= absl::Hours(960);
  EXPECT_TRUE(clock.is_trusted());
  reading.wall += absl::Hours(960);
  clock.Confirm();
  EXPECT_TRUE(clock.is_trusted());
  // From the confirmed one on.
  reading.wall -= absl::Hours(960);
  EXPECT_FALSE(clock.is_trusted());
}

TEST(ClockWatch, SmallStepsAddUp) {
  ClockReading reading = {.wall = absl::FromUnixSeconds(1'700'000'000)};
  const ClockWatch clock([&] { return reading; });
  reading.wall += absl::Minutes(3);
  EXPECT_TRUE(clock.is_trusted());
  reading.wall += absl::Minutes(3);
  EXPECT_FALSE(clock.is_trusted());
}

TEST(ClockWatch, ATimeThatWasReadBeforeIsJudgedByItself) {
  ClockReading reading = {.wall = absl::FromUnixSeconds(1'700'000'000),
                          .since_boot = absl::Hours(7)};
  const ClockWatch clock([&] { return reading; });
  const auto before = UnixNanos::FromTime(reading.wall);
  const auto stepped = UnixNanos::FromTime(reading.wall + absl::Hours(960));
  EXPECT_TRUE(clock.Trusts(before));
  EXPECT_FALSE(clock.Trusts(stepped));
  reading.wall += absl::Hours(960);
  EXPECT_TRUE(clock.Trusts(before));
  EXPECT_FALSE(clock.Trusts(stepped));
  for (const absl::Duration step : {kClockTolerance, -kClockTolerance}) {
    const absl::Time wall = absl::FromUnixSeconds(1'700'000'000) + step;
    EXPECT_TRUE(clock.Trusts(UnixNanos::FromTime(wall)));
    EXPECT_FALSE(clock.Trusts(UnixNanos::FromTime(
        wall + (step > absl::ZeroDuration() ? kMs : -kMs))));
  }
}

TEST(ClockWatch, MachinesClocksAgree) {
  const ClockWatch clock;
  EXPECT_TRUE(clock.Trusts(UnixNanos::CoarseNow()));
  EXPECT_TRUE(clock.is_trusted());
}

}  // namespace
}  // namespace konpro
