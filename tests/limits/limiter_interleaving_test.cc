// Every order of the atomic steps of three threads with three calls each.
#include <cstdint>
#include <iostream>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/limiter_history.h"
#include "tests/testing/limiter_interleavings.h"

namespace konpro {
namespace {

using ::konpro::testing::Interleavings;
using ::konpro::testing::LimiterCall;

constexpr int64_t kStart = 1'700'000'040'000'000'000;  // of a minute
constexpr int64_t kMinute = 60'000'000'000;

RateWindow Window(absl::string_view name, WindowKind kind, int64_t limit,
                  absl::Duration period) {
  return RateWindow::Create(
             {.name = name, .kind = kind, .limit = limit, .period = period})
      .value();
}

LimiterCall Acquire(uint64_t cost, int64_t after = 0) {
  return {.cost = cost, .now = UnixNanos::FromNanos(kStart + after)};
}
LimiterCall GiveBack(size_t call, int64_t after = 0) {
  return {.verb = LimiterCall::Verb::kRelease,
          .now = UnixNanos::FromNanos(kStart + after),
          .released = call};
}

const RateWindow& FixedMinute(int64_t limit) {
  static std::vector<RateWindow> windows = [] {
    std::vector<RateWindow> result;
    for (int64_t n = 1; n <= 8; ++n) {
      result.push_back(
          Window("minute", WindowKind::kFixed, n, absl::Minutes(1)));
    }
    return result;
  }();
  return windows[limit - 1];
}
RateWindow FixedDay(int64_t limit) {
  return Window("day", WindowKind::kFixed, limit, absl::Hours(24));
}
RateWindow Bucket(int64_t limit) {
  return Window("bucket", WindowKind::kTokenBucket, limit, absl::Minutes(1));
}

struct Case {
  absl::string_view name;
  LimiterWindows windows;
  Interleavings::Programs programs;
};

std::vector<Case> Cases() {
  const std::vector<LimiterCall> ones = {Acquire(1), Acquire(1), Acquire(1)};
  const std::vector<LimiterCall> with_refund = {Acquire(1), GiveBack(0),
                                                Acquire(1)};
  const std::vector<LimiterCall> two_then_back = {Acquire(2), GiveBack(0),
                                                  Acquire(2)};
  const std::vector<LimiterCall> next_minute = {
      Acquire(1, kMinute), Acquire(1, kMinute), Acquire(1, kMinute)};
  const std::vector<LimiterCall> across = {Acquire(1), Acquire(1, kMinute),
                                           GiveBack(0, kMinute)};
  const std::vector<LimiterCall> backward = {
      Acquire(1, kMinute), Acquire(1, -kMinute), GiveBack(0, 0)};
  return {
      {"one window", LimiterWindows(FixedMinute(4)), {ones, ones, ones}},
      {"the minute binds",
       LimiterWindows(FixedMinute(4), FixedDay(8)),
       {ones, ones, ones}},
      {"the day binds",
       LimiterWindows(FixedMinute(8), FixedDay(4)),
       {ones, ones, ones}},
      {"refunds",
       LimiterWindows(FixedMinute(2), FixedDay(3)),
       {with_refund, with_refund, ones}},
      {"costs of two",
       LimiterWindows(FixedMinute(3), FixedDay(4)),
       {two_then_back, with_refund, two_then_back}},
      {"a minute ends",
       LimiterWindows(FixedMinute(2), FixedDay(5)),
       {ones, next_minute, across}},
      {"clocks disagree",
       LimiterWindows(FixedMinute(2), FixedDay(4)),
       {across, backward, next_minute}},
      {"a bucket and a day",
       LimiterWindows(Bucket(2), FixedDay(4)),
       {with_refund, across, ones}},
      {"two buckets",
       LimiterWindows(Bucket(3), Bucket(2)),
       {two_then_back, backward, across}},
  };
}

TEST(LimiterInterleaving, EveryOrderOfStepsIsLinearizable) {
  for (const Case& c : Cases()) {
    const Interleavings::Summary summary =
        Interleavings(c.windows, c.programs).Explore(LimiterState{});
    EXPECT_EQ(summary.unexplained, 0u) << c.name;
    EXPECT_GT(summary.lost_races, 0u) << c.name;
    EXPECT_GT(summary.ends, 0u) << c.name;
    std::cout << c.name << ": " << summary.states << " states, " << summary.ends
              << " ends, " << summary.lost_races << " lost races\n";
  }
}

}  // namespace
}  // namespace konpro
