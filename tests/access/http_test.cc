#include "konpro/access/http.h"

#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/admission_result.h"
#include "konpro/access/api_key.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"

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
  EXPECT_EQ(above.outcome(), LimitOutcome::kExceedsLimit);
  EXPECT_THAT(Lines(above),
              ElementsAre(::testing::_, R"(RateLimit: "minute";r=60;t=0, )"
                                        R"("day";r=1000;t=0)"));
  // Behind the end of the domain of time.
  ASSERT_TRUE(TryAcquire(cell, Pro(), 60, UnixNanos::Max()).allowed());
  const Decision late = TryAcquire(cell, Pro(), 1, UnixNanos::Max());
  EXPECT_EQ(late.outcome(), LimitOutcome::kRetryLater);
  EXPECT_EQ(Lines(late).size(), 2u);
}

// The draft's w is an integer: a period of 1.5 s is told as 2.
TEST(Http, PeriodsAreWholeSecondsRoundedUp) {
  const LimiterWindows one(Window("odd_1", 5, absl::Milliseconds(1'500)));
  LimiterCell cell;
  EXPECT_EQ(Lines(TryAcquire(cell, one, 1, At(0)))[0],
            R"(RateLimit-Policy: "odd_1";q=5;w=2)");
}

// Answers.

std::string Text(const HttpAnswer& answer) {
  std::string text = absl::StrCat(answer.status, "\n");
  for (const HttpField& field : answer.fields) {
    absl::StrAppend(&text, field.name, ": ", field.value, "\n");
  }
  return absl::StrCat(text, answer.body);
}

AdmissionResult Of(AdmissionReason reason) {
  AdmissionResult a(Authentication(ApiKeyVerdict::kAccepted, nullptr, {}, 0));
  a.reason = reason;
  a.plan = Catalog::BuiltIn().FindPlan("free_trial");
  return a;
}

TEST(Http, StatusIsThatOfTheReason) {
  const struct {
    AdmissionReason reason;
    int status;
    absl::StatusCode code;
  } kCases[] = {
      {AdmissionReason::kAdmitted, 200, absl::StatusCode::kOk},
      {AdmissionReason::kUnauthenticated, 401,
       absl::StatusCode::kUnauthenticated},
      {AdmissionReason::kNotProvisioned, 403,
       absl::StatusCode::kPermissionDenied},
      {AdmissionReason::kSuspended, 403, absl::StatusCode::kPermissionDenied},
      {AdmissionReason::kMalformed, 400, absl::StatusCode::kInvalidArgument},
      {AdmissionReason::kUnknownOperation, 400,
       absl::StatusCode::kInvalidArgument},
      {AdmissionReason::kOperationNotInPlan, 403,
       absl::StatusCode::kPermissionDenied},
      {AdmissionReason::kNoWindows, 403, absl::StatusCode::kPermissionDenied},
      {AdmissionReason::kExceedsLimit, 400, absl::StatusCode::kOutOfRange},
      {AdmissionReason::kRateLimited, 429,
       absl::StatusCode::kResourceExhausted},
      {AdmissionReason::kNoPrice, 500, absl::StatusCode::kInternal},
      {AdmissionReason::kCostOutOfRange, 400, absl::StatusCode::kOutOfRange},
      {AdmissionReason::kInsufficientCredits, 402,
       absl::StatusCode::kFailedPrecondition},
      {AdmissionReason::kIdConflict, 422, absl::StatusCode::kAlreadyExists},
      {AdmissionReason::kReservationRefused, 409, absl::StatusCode::kAborted},
      {AdmissionReason::kUnavailable, 503, absl::StatusCode::kUnavailable},
      {AdmissionReason::kJobInProgress, 409, absl::StatusCode::kAborted},
      {AdmissionReason::kJobEnded, 409, absl::StatusCode::kAborted},
      {AdmissionReason::kJournalAhead, 503, absl::StatusCode::kUnavailable},
      {AdmissionReason::kWrongScope, 403, absl::StatusCode::kPermissionDenied},
  };
  EXPECT_EQ(std::size(kCases), kAdmissionReasons);
  for (const auto& c : kCases) {
    EXPECT_EQ(HttpStatus(c.reason), c.status);
    EXPECT_EQ(AdmissionCode(c.reason), c.code);
    AdmissionResult a = Of(c.reason);
    LimiterCell cell;
    a.limits = TryAcquire(cell, Pro(), 1, At(0));
    const HttpAnswer answer = AnswerOf(a);
    EXPECT_EQ(answer.status, c.status);
    if (c.status == 200) continue;
    EXPECT_EQ(answer.fields[0].value, "application/problem+json");
    EXPECT_THAT(answer.body, ::testing::HasSubstr(
                                 absl::StrCat("\"status\":", c.status, ",")));
    EXPECT_THAT(answer.body,
                ::testing::HasSubstr(absl::StrCat(
                    "\"code\":\"", AdmissionReasonName(c.reason), "\"")));
  }
}

TEST(Http, AdmittedAnswerHasRoomForABody) {
  LimiterCell cell;
  AdmissionResult a = Of(AdmissionReason::kAdmitted);
  a.limits = TryAcquire(cell, Pro(), 1, At(0));
  EXPECT_EQ(Text(AnswerOf(a)),
            "200\n"
            "RateLimit-Policy: \"minute\";q=60;w=60, \"day\";q=1000;w=86400\n"
            "RateLimit: \"minute\";r=59;t=60, \"day\";r=999;t=6360\n");
  a.limits.reset();
  a.reservation = "job\"7";
  a.need = Credits::Parse("12.5").value();
  EXPECT_EQ(Text(AnswerOf(a)),
            "200\nContent-Type: application/json\n"
            R"({"id":"job\"7","held":{"credits":"12.5","ticks":"75000000"},)"
            R"("replayed":false})");
  a.replayed = true;
  EXPECT_EQ(Text(AnswerOf(a)),
            "200\nContent-Type: application/json\nIdempotent-Replayed: true\n"
            R"({"id":"job\"7","held":{"credits":"12.5","ticks":"75000000"},)"
            R"("replayed":true})");
}

TEST(Http, RefusalForCreditsSaysHowManyAreMissing) {
  AdmissionResult a = Of(AdmissionReason::kInsufficientCredits);
  a.need = Credits::Parse("12.5").value();
  a.held = Credits::Parse("4").value();
  a.available = Credits::Parse("3").value();
  a.shortfall = Credits::Parse("9.5").value();
  a.needs_new_id = true;
  EXPECT_EQ(Text(AnswerOf(a)),
            "402\nContent-Type: application/problem+json\n"
            R"({"type":"tag:konpro.ai,2025:insufficient_credits",)"
            R"("title":"Insufficient credits","status":402,)"
            R"("detail":"need 12.5 credits, held 4, available 3; )"
            R"(a new attempt needs a new id",)"
            R"("code":"insufficient_credits","retryable":false,)"
            R"("needs_new_id":true,)"
            R"("need":{"credits":"12.5","ticks":"75000000"},)"
            R"("held":{"credits":"4","ticks":"24000000"},)"
            R"("available":{"credits":"3","ticks":"18000000"},)"
            R"("shortfall":{"credits":"9.5","ticks":"57000000"},)"
            R"("open_reservations_cover":false})");
  a.open_reservations_cover = true;
  EXPECT_THAT(AnswerOf(a).body,
              ::testing::AllOf(
                  ::testing::HasSubstr("open reservations would cover"),
                  ::testing::HasSubstr("\"open_reservations_cover\":true}")));
}

TEST(Http, RefusalForTheRateSaysWhenToComeBack) {
  LimiterCell cell;
  ASSERT_TRUE(TryAcquire(cell, Pro(), 60, At(0)).allowed());
  AdmissionResult a = Of(AdmissionReason::kRateLimited);
  a.limits = TryAcquire(cell, Pro(), 1, At(kSecond + 1));
  a.retry_after = a.limits->retry_after();
  a.retryable = true;
  EXPECT_EQ(
      Text(AnswerOf(a)),
      "429\nContent-Type: application/problem+json\n"
      "RateLimit-Policy: \"minute\";q=60;w=60, \"day\";q=1000;w=86400\n"
      "RateLimit: \"minute\";r=0;t=59, \"day\";r=940;t=6359\n"
      "Retry-After: 59\n"
      R"({"type":"tag:konpro.ai,2025:rate_limited","title":"Rate limited",)"
      R"("status":429,"detail":"window minute admits 60 requests in 1m",)"
      R"("code":"rate_limited","retryable":true,"retry_after":59})");
}

// Whatever is wrong with the key.
TEST(Http, UnauthenticatedCallersGetTheSameBytes) {
  std::vector<std::string> texts;
  for (const ApiKeyVerdict verdict :
       {ApiKeyVerdict::kMissing, ApiKeyVerdict::kMalformed,
        ApiKeyVerdict::kUnknown, ApiKeyVerdict::kDeactivated,
        ApiKeyVerdict::kReplaced, ApiKeyVerdict::kExpired}) {
    AdmissionResult a(Authentication(verdict, nullptr, ApiKeyId(7), 0));
    a.reason = AdmissionReason::kUnauthenticated;
    texts.push_back(Text(AnswerOf(a)));
    EXPECT_EQ(texts.back(), texts.front());
  }
  EXPECT_EQ(texts.front(),
            "401\nContent-Type: application/problem+json\n"
            "WWW-Authenticate: ApiKey header=\"x-api-key\"\n"
            R"({"type":"tag:konpro.ai,2025:unauthenticated",)"
            R"("title":"Unauthenticated","status":401,)"
            R"("detail":"no valid API key in x-api-key",)"
            R"("code":"unauthenticated","retryable":false})");
}

// What the store says names files.
TEST(Http, WhatGoesWrongInsideIsNotTold) {
  AdmissionResult a = Of(AdmissionReason::kUnavailable);
  a.detail = "/var/lib/credits.db: disk I/O error";
  a.retryable = true;
  EXPECT_THAT(AnswerOf(a).body, ::testing::Not(::testing::HasSubstr("/var")));
  for (const absl::Status& status :
       {absl::UnavailableError("/var/lib"), absl::InternalError("/var/lib"),
        absl::DataLossError("/var/lib"), absl::UnknownError("/var/lib")}) {
    const HttpAnswer answer = AnswerOf(status);
    EXPECT_EQ(answer.status, absl::IsUnavailable(status) ? 503 : 500);
    EXPECT_THAT(answer.body, ::testing::Not(::testing::HasSubstr("/var")));
  }
}

TEST(Http, ErrorsOfTheCallerAreTold) {
  const struct {
    absl::Status status;
    int http;
  } kCases[] = {
      {absl::InvalidArgumentError("quantity: \"<b>\""), 400},
      {absl::OutOfRangeError("quantity: \"<b>\""), 400},
      {absl::NotFoundError("quantity: \"<b>\""), 404},
      {absl::FailedPreconditionError("quantity: \"<b>\""), 409},
      {absl::ResourceExhaustedError("quantity: \"<b>\""), 413},
      {absl::AlreadyExistsError("quantity: \"<b>\""), 422},
  };
  for (const auto& c : kCases) {
    const HttpAnswer answer = AnswerOf(c.status);
    EXPECT_EQ(answer.status, c.http);
    EXPECT_THAT(answer.body, ::testing::HasSubstr(
                                 R"("detail":"quantity: \"\u003cb\u003e\"")"));
  }
}

TEST(Http, AccountWithoutWindowsHasNoRateLimitFields) {
  AdmissionResult a = Of(AdmissionReason::kNoWindows);
  const LimiterWindows none = LimiterWindows::None();
  LimiterCell cell;
  a.limits = TryAcquire(cell, none, 1, At(0));
  EXPECT_EQ(AnswerOf(a).fields.size(), 1u);
}

TEST(Http, SettlementSaysWhatWasCharged) {
  Settlement settlement = {.reservation = "job-7",
                           .charged = Credits::Parse("84").value(),
                           .released = Credits::Parse("6").value()};
  settlement.balance.available = Credits::Parse("16").value();
  EXPECT_EQ(Text(AnswerOf(settlement)),
            "200\nContent-Type: application/json\n"
            R"({"id":"job-7","charged":{"credits":"84","ticks":"504000000"},)"
            R"("released":{"credits":"6","ticks":"36000000"},)"
            R"("replayed":false,"balance":{"available":{"credits":"16",)"
            R"("ticks":"96000000"},"reserved":{"credits":"0","ticks":"0"}}})");
}

}  // namespace
}  // namespace konpro
