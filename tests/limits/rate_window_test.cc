#include "konpro/limits/rate_window.h"

#include <string>
#include <utility>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::absl::StatusCode;
using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::StartsWith;

RateWindow::Spec Minute() {
  return {.name = "minute", .limit = 60, .period = absl::Minutes(1)};
}

TEST(RateWindow, KeepsWhatItWasGiven) {
  const auto window = RateWindow::Create({.name = "day",
                                          .limit = 1'000,
                                          .period = absl::Hours(24),
                                          .phase = absl::Milliseconds(1)});
  ASSERT_THAT(window, IsOk());
  EXPECT_EQ(window->name(), "day");
  EXPECT_EQ(window->kind(), WindowKind::kFixed);
  EXPECT_EQ(window->limit(), 1'000);
  EXPECT_EQ(window->period(), absl::Hours(24));
  EXPECT_EQ(window->phase(), absl::Milliseconds(1));
  EXPECT_EQ(*window, *window);
  EXPECT_FALSE(*window == RateWindow::Create(Minute()).value());
}

TEST(RateWindow, EveryBoundHasTwoSides) {
  const auto with = [](auto change) {
    RateWindow::Spec spec = Minute();
    change(spec);
    return RateWindow::Create(spec);
  };
  const std::string longest(RateWindow::kNameBytesMax, 'w');
  const absl::Duration shortest = absl::Milliseconds(RateWindow::kPeriodMinMs);
  const absl::Duration year = absl::Milliseconds(RateWindow::kPeriodMaxMs);
  const absl::Duration ms = absl::Milliseconds(1);
  using Spec = RateWindow::Spec;

  EXPECT_THAT(with([&](Spec& s) { s.name = longest; }), IsOk());
  EXPECT_THAT(with([](Spec& s) { s.limit = RateWindow::kLimitMin; }), IsOk());
  EXPECT_THAT(with([](Spec& s) { s.limit = RateWindow::kLimitMax; }), IsOk());
  EXPECT_THAT(with([&](Spec& s) { s.period = shortest; }), IsOk());
  EXPECT_THAT(with([&](Spec& s) { s.period = year; }), IsOk());
  EXPECT_THAT(with([&](Spec& s) { s.phase = absl::Minutes(1) - ms; }), IsOk());

  const auto refused = [](const char* field) {
    return StatusIs(StatusCode::kInvalidArgument, StartsWith(field));
  };
  const std::string too_long = longest + "w";
  EXPECT_THAT(with([&](Spec& s) { s.name = too_long; }), refused("name: "));
  EXPECT_THAT(with([](Spec& s) { s.name = ""; }), refused("name: "));
  EXPECT_THAT(with([](Spec& s) { s.name = "per minute"; }), refused("name: "));
  EXPECT_THAT(with([](Spec& s) { s.kind = static_cast<WindowKind>(7); }),
              refused("kind: "));
  EXPECT_THAT(with([](Spec& s) { s.limit = 0; }), refused("limit: "));
  EXPECT_THAT(with([](Spec& s) { s.limit = -1; }), refused("limit: "));
  EXPECT_THAT(with([](Spec& s) { s.limit = RateWindow::kLimitMax + 1; }),
              refused("limit: "));
  EXPECT_THAT(with([](Spec& s) { s.period = absl::ZeroDuration(); }),
              refused("period: "));
  EXPECT_THAT(with([&](Spec& s) { s.period = shortest - ms; }),
              refused("period: "));
  EXPECT_THAT(with([&](Spec& s) { s.period = year + ms; }),
              refused("period: "));
  EXPECT_THAT(with([](Spec& s) { s.period = absl::InfiniteDuration(); }),
              refused("period: "));
  EXPECT_THAT(with([](Spec& s) { s.period += absl::Nanoseconds(1); }),
              refused("period: "));
  EXPECT_THAT(with([&](Spec& s) { s.phase = -ms; }), refused("phase: "));
  EXPECT_THAT(with([](Spec& s) { s.phase = absl::Minutes(1); }),
              refused("phase: "));
  EXPECT_THAT(with([](Spec& s) { s.phase = absl::Nanoseconds(1); }),
              refused("phase: "));
  EXPECT_THAT(with([&](Spec& s) {
                s.kind = WindowKind::kTokenBucket;
                s.phase = ms;
              }),
              refused("phase: "));
}

}  // namespace
}  // namespace konpro
