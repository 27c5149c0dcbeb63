#include "konpro/http.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/api_key.h"
#include "konpro/limiter.h"
#include "konpro/rate_window.h"
#include "konpro/unix_nanos.h"

namespace konpro {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kMinute = 1'700'000'040'000'000'000;
constexpr int64_t kSecond = 1'000'000'000;

RateWindow Window(absl::string_view name, int64_t limit, absl::Duration period,
                  WindowKind kind = WindowKind::kFixed) {
  return RateWindow::Create(
             {.name = name, .kind = kind, .limit = limit, .period = period})
      .value();
}

const LimiterWindows& Pro() {
  static const LimiterWindows& windows =
      *new LimiterWindows(Window("minute", 60, absl::Minutes(1)),
                          Window("day", 1'000, absl::Hours(24)));
  return windows;
}

std::vector<std::string> Lines(
    const Decision& decision, LegacyRateLimit legacy = LegacyRateLimit::kOmit) {
  std::vector<std::string> lines;
  for (const HttpField& field : RateLimitFields(decision, legacy)) {
    lines.push_back(absl::StrCat(field.name, ": ", field.value));
  }
  return lines;
}

UnixNanos At(int64_t later) { return UnixNanos::FromNanos(kMinute + later); }

TEST(Http, ApiKeyIsTheOneValueOfItsHeader) {
  const std::string longest = std::string(kApiKeyHeaderBytesMax, 'k');
  const std::string longer = std::string(kApiKeyHeaderBytesMax + 1, ' ');
  const struct {
    std::vector<HttpHeader> headers;
    absl::string_view text;
  } kCases[] = {
      {{}, ""},
      {{{"accept", "application/json"}, {"x-api-key", "abc"}}, "abc"},
      {{{"X-API-Key", "abc"}, {"accept", "*/*"}}, "abc"},
      {{{"X-API-KEY", " \t abc\t "}}, "abc"},
      {{{"x-api-key", "a b"}}, "a b"},
      {{{"x-api-key", "abc, def"}}, "abc, def"},
      {{{"x-api-key", "abc\n"}}, "abc\n"},
      {{{"x-api-key", ""}}, ""},
      {{{"x-api-key", " \t"}}, ""},
      {{{"x-api-key", longest}}, longest},
      {{{"x-api-key", longer}}, "-"},
      {{{"x-api-key", "abc"}, {"X-Api-Key", "def"}}, "-"},
      {{{"x-api-key", "abc"}, {"a", "b"}, {"x-api-key", "abc"}}, "-"},
      {{{"x-api-key", "abc"}, {"x-api-key", ""}}, "-"},
      {{{"x-api-key ", "abc"}, {"x_api_key", "abc"}, {"api-key", "a"}}, ""},
      {{{"", "abc"}, {"x-api-keys", "abc"}, {"x-api-ke", "abc"}}, ""},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(ApiKeyFromHeaders(c.headers).Reveal(), c.text);
  }
}

TEST(Http, MissingKeyIsNotAnUnreadableOne) {
  EXPECT_TRUE(ApiKeyFromHeaders({}).empty());
  const ApiKeyText two =
      ApiKeyFromHeaders({{"x-api-key", "a"}, {"x-api-key", "a"}});
  EXPECT_FALSE(two.empty());
  EXPECT_FALSE(two.IsWellFormed());
}

TEST(Http, FieldsSayWhatRemainsOfEachWindow) {
  LimiterCell cell;
  const UnixNanos now = At(48 * kSecond);
  ASSERT_TRUE(TryAcquire(cell, Pro(), 17, At(0)).allowed());
  EXPECT_THAT(
      Lines(TryAcquire(cell, Pro(), 1, now)),
      ElementsAre(
          R"(RateLimit-Policy: "minute";q=60;w=60, "day";q=1000;w=86400)",
          R"(RateLimit: "minute";r=42;t=12, "day";r=982;t=6312)"));
}

TEST(Http, SecondsAreRoundedUp) {
  LimiterCell cell;
  ASSERT_TRUE(TryAcquire(cell, Pro(), 60, At(0)).allowed());
  const struct {
    int64_t later;
    absl::string_view retry_after;
  } kCases[] = {
      {0, "60"},
      {1, "60"},
      {kSecond - 1, "60"},
      {kSecond, "59"},
      {kSecond + 1, "59"},
      {59 * kSecond, "1"},
      {60 * kSecond - 1, "1"},
  };
  for (const auto& c : kCases) {
    const Decision refused = TryAcquire(cell, Pro(), 1, At(c.later));
    ASSERT_FALSE(refused.allowed());
    EXPECT_THAT(Lines(refused),
                ElementsAre(::testing::_,
                            ::testing::HasSubstr(absl::StrCat(
                                "\"minute\";r=0;t=", c.retry_after, ",")),
                            absl::StrCat("Retry-After: ", c.retry_after)));
  }
}

// Whoever waits as long as told is admitted.
TEST(Http, RetryAfterIsLongEnough) {
  for (const WindowKind kind : {WindowKind::kFixed, WindowKind::kTokenBucket}) {
    const LimiterWindows windows(
        Window("w", 7, absl::Milliseconds(2'100), kind));
    for (int64_t later = 0; later < 3 * kSecond; later += 37'000'001) {
      LimiterCell cell;
      ASSERT_TRUE(TryAcquire(cell, windows, 7, At(later)).allowed());
      const Decision refused = TryAcquire(cell, windows, 1, At(later + 5));
      if (refused.allowed()) continue;
      const std::vector<HttpField> fields = RateLimitFields(refused);
      ASSERT_EQ(fields.size(), 3u);
      const int64_t wait = std::stoll(fields[2].value) * kSecond;
      EXPECT_TRUE(TryAcquire(cell, windows, 1, At(later + 5 + wait)).allowed());
      EXPECT_LT(absl::Nanoseconds(wait) - refused.retry_after(),
                absl::Seconds(1));
    }
  }
}

TEST(Http, RetryAfterIsOfTheWindowThatRefusesLongest) {
  const LimiterWindows windows(Window("minute", 2, absl::Minutes(1)),
                               Window("hour", 2, absl::Hours(1)));
  LimiterCell cell;
  ASSERT_TRUE(TryAcquire(cell, windows, 2, At(0)).allowed());
  EXPECT_THAT(
      Lines(TryAcquire(cell, windows, 1, At(0)), LegacyRateLimit::kAdd),
      ElementsAre(R"(RateLimit-Policy: "minute";q=2;w=60, "hour";q=2;w=3600)",
                  R"(RateLimit: "minute";r=0;t=60, "hour";r=0;t=2760)",
                  "Retry-After: 2760", "X-RateLimit-Limit: 2",
                  "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 2760"));
}

TEST(Http, LegacyFieldsAreOfTheBindingWindow) {
  LimiterCell cell;
  const Decision allowed = TryAcquire(cell, Pro(), 1, At(kSecond / 2));
  EXPECT_EQ(Lines(allowed).size(), 2u);
  EXPECT_THAT(
      Lines(allowed, LegacyRateLimit::kAdd),
      ElementsAre(::testing::_, ::testing::_, "X-RateLimit-Limit: 60",
                  "X-RateLimit-Remaining: 59", "X-RateLimit-Reset: 60"));
}

TEST(Http, NoRetryAfterWhereWaitingIsInVain) {
  LimiterCell cell;
  const Decision above = TryAcquire(cell, Pro(), 61, At(0));
  EXPECT_EQ(above.outcome(), Outcome::kExceedsLimit);
  EXPECT_THAT(Lines(above),
              ElementsAre(::testing::_, R"(RateLimit: "minute";r=60;t=0, )"
                                        R"("day";r=1000;t=0)"));
  // Behind the end of the domain of time.
  ASSERT_TRUE(TryAcquire(cell, Pro(), 60, UnixNanos::Max()).allowed());
  const Decision late = TryAcquire(cell, Pro(), 1, UnixNanos::Max());
  EXPECT_EQ(late.outcome(), Outcome::kRetryLater);
  EXPECT_EQ(Lines(late).size(), 2u);
}

// The draft's w is an integer: a period of 1.5 s is told as 2.
TEST(Http, PeriodsAreWholeSecondsRoundedUp) {
  const LimiterWindows one(Window("odd_1", 5, absl::Milliseconds(1'500)));
  LimiterCell cell;
  EXPECT_EQ(Lines(TryAcquire(cell, one, 1, At(0)))[0],
            R"(RateLimit-Policy: "odd_1";q=5;w=2)");
}

}  // namespace
}  // namespace konpro
