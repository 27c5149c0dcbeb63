#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/http.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/serve/api.h"
#include "konpro/serve/clock_watch.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/internal/api_route.h"
#include "konpro/serve/metrics.h"
#include "tests/testing/memory_admission.h"

namespace konpro {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// 2027-01-01T00:00:30Z
const absl::Time kStart = absl::FromUnixSeconds(1'798'761'630);

std::string FieldOf(const HttpAnswer& answer, absl::string_view name) {
  std::string value;
  for (const HttpField& field : answer.fields) {
    if (field.name != name) continue;
    EXPECT_EQ(value, "") << name << " twice";
    value = field.value;
  }
  return value;
}

class ServeApi : public ::testing::Test {
 protected:
  ServeApi()
      : memory_(Catalog::BuiltIn(), {.observer = &metrics_}),
        key_(memory_.admission->CreateKey({.account_id = "acme"}, kStart)
                 .value()),
        service_(Mint(ApiKeyScope::kService)),
        api_({.admission = *memory_.admission,
              .keys = *memory_.keys,
              .accounts = *memory_.accounts,
              .ledger = *memory_.ledger,
              .metrics = metrics_}) {
    memory_.Grant("acme", "100", now_);
  }

  MintedKey Mint(ApiKeyScope scope) {
    return memory_.admission
        ->CreateKey({.account_id = "billing", .scope = scope}, kStart)
        .value();
  }

  // With the account's key, but what ends a job: with a service's.
  HttpAnswer Ask(absl::string_view method, absl::string_view path,
                 absl::string_view body = "",
                 std::vector<HttpHeader> more = {}) {
    const bool is_end = absl::StartsWith(path, "/v1/jobs/");
    const MintedKey& key = is_end ? service_ : key_;
    more.push_back({"X-API-Key", key.secret.text().Reveal()});
    if (absl::EndsWith(path, "/cancel") && body.empty()) {
      body = R"({"account":"acme"})";
    }
    return AskAs(more, method, path, body);
  }

  HttpAnswer AskAs(std::vector<HttpHeader> headers, absl::string_view method,
                   absl::string_view path, absl::string_view body = "") {
    if (!body.empty()) headers.push_back({"Content-Type", "application/json"});
    return api_.Answer(
        {.method = method, .path = path, .headers = headers, .body = body},
        now_);
  }

  HttpAnswer Hold(absl::string_view id, int64_t quantity) {
    return Ask("POST", "/v1/jobs",
               absl::StrCat(R"({"operation":"avatar_video","quantity":)",
                            quantity, "}"),
               {{"Idempotency-Key", id}});
  }

  UnixNanos now_ = UnixNanos::FromTime(kStart);
  ServeMetrics metrics_;
  testing::MemoryAdmission memory_;
  MintedKey key_;      // acme's
  MintedKey service_;  // names the account
  Api api_;
};

TEST_F(ServeApi, AdmittedRequestSaysWhoseItIsAndWhatRemains) {
  const HttpAnswer answer = Ask("GET", "/v1/admit");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(FieldOf(answer, "X-Konpro-Status"), "200");
  EXPECT_EQ(FieldOf(answer, "X-Konpro-Account"), "acme");
  EXPECT_EQ(FieldOf(answer, "X-Konpro-Reservation"), "");
  EXPECT_EQ(FieldOf(answer, "Cache-Control"), "no-store");
  EXPECT_EQ(FieldOf(answer, "RateLimit"),
            "\"minute\";r=9;t=30, \"day\";r=99;t=86370");
}

TEST_F(ServeApi, UnauthenticatedCallersGetOneAnswerWhateverTheirKeyIs) {
  const HttpAnswer missing = AskAs({}, "GET", "/v1/admit");
  EXPECT_EQ(missing.status, 401);
  EXPECT_EQ(FieldOf(missing, "X-Konpro-Status"), "401");
  ASSERT_TRUE(memory_.keys->Deactivate(key_.record.id(), kStart).ok());
  for (const HttpAnswer& answer :
       {Ask("GET", "/v1/admit"),
        AskAs({{"x-api-key", "kp_none"}}, "GET", "/v1/admit")}) {
    EXPECT_EQ(answer.status, missing.status);
    EXPECT_EQ(answer.body, missing.body);
    ASSERT_EQ(answer.fields.size(), missing.fields.size());
    for (size_t i = 0; i < answer.fields.size(); ++i) {
      EXPECT_EQ(answer.fields[i].name, missing.fields[i].name);
      EXPECT_EQ(answer.fields[i].value, missing.fields[i].value);
    }
  }
}

TEST_F(ServeApi, OtherRefusalsReachAuthRequestAs403WithTheTrueStatus) {
  struct {
    absl::string_view operation;
    absl::string_view quantity;
    absl::string_view status;
    absl::string_view code;
  } const kRows[] = {
      {"avatar_video", "100001", "402", "insufficient_credits"},
      {"avatar_video", "many", "400", "malformed"},
      {"avatar_video", "", "400", "malformed"},
      {"avatar_video", "-1", "400", "malformed"},
      {"avatar_vide", "1", "400", "unknown_operation"},
      {"photo_avatar", "1", "403", "operation_not_in_plan"},
  };
  for (const auto& row : kRows) {
    const HttpAnswer answer = Ask("GET", "/v1/admit", "",
                                  {{"X-Konpro-Operation", row.operation},
                                   {"X-Konpro-Quantity", row.quantity},
                                   {"Idempotency-Key", "a"}});
    EXPECT_EQ(answer.status, 403) << row.code;
    EXPECT_EQ(FieldOf(answer, "X-Konpro-Status"), row.status) << row.code;
    EXPECT_THAT(FieldOf(answer, "X-Konpro-Problem"),
                HasSubstr(absl::StrCat("\"code\":\"", row.code, "\"")));
  }
}

TEST_F(ServeApi, FullWindowSaysWhenToComeBack) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(Ask("GET", "/v1/admit").status, 200) << i;
  }
  const HttpAnswer answer = Ask("GET", "/v1/admit");
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(FieldOf(answer, "X-Konpro-Status"), "429");
  EXPECT_EQ(FieldOf(answer, "Retry-After"), "30");
  now_ = UnixNanos::FromTime(kStart + absl::Seconds(30));
  EXPECT_EQ(Ask("GET", "/v1/admit").status, 200);
}

TEST_F(ServeApi, ProblemNamesTheOriginalPathWithoutItsQuery) {
  const HttpAnswer answer =
      AskAs({{"X-Original-Method", "GET"},
             {"X-Original-URI", "/v1/avatars/\"<?token=hidden"}},
            "GET", "/v1/admit");
  EXPECT_THAT(answer.body,
              HasSubstr("\"instance\":\"/v1/avatars/\\\"\\u003c\"}"));
  EXPECT_THAT(answer.body, Not(HasSubstr("hidden")));
}

TEST_F(ServeApi, ProxyStartsAJobOnceForAnId) {
  const auto admit = [&](std::vector<HttpHeader> more) {
    more.push_back({"X-Konpro-Operation", "avatar_video"});
    more.push_back({"X-Konpro-Quantity", "60000"});
    more.push_back({"Idempotency-Key", "job-1"});
    return Ask("GET", "/v1/admit", "", more);
  };
  const HttpAnswer first = admit({});
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(FieldOf(first, "X-Konpro-Reservation"), "job-1");
  EXPECT_EQ(FieldOf(first, "Idempotent-Replayed"), "");
  const HttpAnswer again = admit({});
  EXPECT_EQ(again.status, 403);
  EXPECT_EQ(FieldOf(again, "X-Konpro-Status"), "409");
  EXPECT_EQ(FieldOf(again, "X-Konpro-Reservation"), "");
  EXPECT_THAT(again.body, HasSubstr("\"code\":\"in_progress\""));
  // The route says that its API knows replays.
  const HttpAnswer replay = admit({{"X-Konpro-Open-Job", "replay"}});
  EXPECT_EQ(replay.status, 200);
  EXPECT_EQ(FieldOf(replay, "X-Konpro-Reservation"), "job-1");
  EXPECT_EQ(FieldOf(replay, "Idempotent-Replayed"), "true");
  EXPECT_EQ(memory_.ledger->BalanceOf("acme", now_)->reserved,
            *Credits::Parse("60"));
  ASSERT_EQ(Ask("POST", "/v1/jobs/job-1/cancel").status, 200);
  for (const absl::string_view open_job : {"", "replay"}) {
    const HttpAnswer ended = admit({{"X-Konpro-Open-Job", open_job}});
    EXPECT_EQ(FieldOf(ended, "X-Konpro-Status"), "409");
    EXPECT_THAT(ended.body, HasSubstr("\"code\":\"job_ended\""));
  }
}

TEST_F(ServeApi, HeldJobIsReplayedUntilItEnds) {
  const HttpAnswer first = Hold("job-1", 60'000);
  EXPECT_EQ(FieldOf(first, "Idempotent-Replayed"), "");
  const HttpAnswer again = Hold("job-1", 60'000);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(FieldOf(again, "Idempotent-Replayed"), "true");
  EXPECT_THAT(again.body, HasSubstr("\"held\":{\"credits\":\"60\""));
  ASSERT_EQ(Ask("POST", "/v1/jobs/job-1/complete",
                R"({"account":"acme","quantity":60000})")
                .status,
            200);
  const HttpAnswer ended = Hold("job-1", 60'000);
  EXPECT_EQ(ended.status, 409);
  EXPECT_THAT(ended.body, HasSubstr("\"code\":\"job_ended\""));
  EXPECT_THAT(ended.body, HasSubstr("\"needs_new_id\":true"));
}

TEST_F(ServeApi, JobIsHeldAndCompletedAndRetriesReturnTheSame) {
  EXPECT_EQ(Hold("job/1", 60'000).status, 200);
  for (int i = 0; i < 2; ++i) {
    const HttpAnswer done = Ask("POST", "/v1/jobs/job%2F1/complete",
                                R"({"account":"acme","quantity":"40000"})");
    EXPECT_EQ(done.status, 200);
    EXPECT_THAT(done.body, HasSubstr("\"charged\":{\"credits\":\"40\""));
  }
  EXPECT_EQ(Ask("POST", "/v1/jobs/job%2F1/cancel").status, 409);
  EXPECT_EQ(memory_.ledger->BalanceOf("acme", now_)->available,
            *Credits::Parse("60"));
  EXPECT_THAT(metrics_.Text(),
              HasSubstr("konpro_jobs_total{end=\"completed\"} 1\n"));
  EXPECT_THAT(metrics_.Text(),
              HasSubstr("konpro_charged_ticks_total 240000000\n"));
}

TEST_F(ServeApi, ServiceEndsTheJobsOfAnyAccountThatItNames) {
  ASSERT_EQ(Hold("job-1", 60'000).status, 200);
  ASSERT_TRUE(memory_.keys->Deactivate(key_.record.id(), kStart).ok());
  const HttpAnswer nobody = Ask("POST", "/v1/jobs/job-1/cancel", "{}");
  EXPECT_EQ(nobody.status, 400);
  EXPECT_THAT(nobody.body, HasSubstr("account: is missing"));
  EXPECT_EQ(
      Ask("POST", "/v1/jobs/job-1/cancel", R"({"account":"globex"})").status,
      404);
  EXPECT_EQ(
      Ask("POST", "/v1/jobs/job-1/cancel", R"({"account":"acme"})").status,
      200);
}

// Or it would complete its job with a smaller quantity.
TEST_F(ServeApi, CustomerEndsNoJobNotEvenItsOwn) {
  ASSERT_EQ(Hold("job-1", 60'000).status, 200);
  for (const char* end : {"complete", "cancel"}) {
    const HttpAnswer answer =
        AskAs({{"x-api-key", key_.secret.text().Reveal()}}, "POST",
              absl::StrCat("/v1/jobs/job-1/", end),
              R"({"account":"acme","quantity":1})");
    EXPECT_EQ(answer.status, 403);
    EXPECT_THAT(answer.body, HasSubstr("\"code\":\"wrong_scope\""));
  }
  EXPECT_EQ(memory_.ledger->BalanceOf("acme", now_)->reserved,
            *Credits::Parse("60"));
}

TEST_F(ServeApi, ServiceReservesForTheAccountThatItNames) {
  const auto hold = [&](absl::string_view id, absl::string_view account) {
    return AskAs(
        {{"x-api-key", service_.secret.text().Reveal()},
         {"Idempotency-Key", id}},
        "POST", "/v1/jobs",
        absl::StrCat(R"({"operation":"avatar_video",)",
                     R"("quantity":"1s","account":")", account, "\"}"));
  };
  for (int i = 0; i < 20; ++i) {  // more than a minute's window
    EXPECT_EQ(hold(absl::StrCat("job-", i), "acme").status, 200);
  }
  EXPECT_EQ(memory_.ledger->BalanceOf("acme", now_)->reserved,
            *Credits::Parse("20"));
  const HttpAnswer nobody = hold("job", "");
  EXPECT_EQ(nobody.status, 400);
  EXPECT_THAT(nobody.body, HasSubstr("account: is missing"));
  EXPECT_THAT(hold("job", "none").body,
              HasSubstr("\"code\":\"not_provisioned\""));
}

// Each route with each scope and without a key: 401 and 403, or anything else.
TEST_F(ServeApi, EachRouteTakesTheScopesThatItNames) {
  struct {
    absl::string_view method;
    absl::string_view pattern;
    bool nobody;
    bool customer;
    bool service;
    bool admin;
  } const kRows[] = {
      {"GET", "/v1/admit", false, true, false, false},
      {"*", "/v1/authorize", false, true, false, false},
      {"*", "/v1/authorize/**", false, true, false, false},
      {"POST", "/v1/jobs", false, true, true, true},
      {"POST", "/v1/jobs/{}/complete", false, false, true, true},
      {"POST", "/v1/jobs/{}/cancel", false, false, true, true},
      {"GET", "/v1/account", false, true, false, false},
      {"POST", "/v1/estimate", false, true, false, false},
      {"POST", "/v1/accounts", false, false, false, true},
      {"GET", "/v1/accounts", false, false, false, true},
      {"GET", "/v1/accounts/{}", false, false, false, true},
      {"PUT", "/v1/accounts/{}/plan", false, false, false, true},
      {"PUT", "/v1/accounts/{}/windows", false, false, false, true},
      {"POST", "/v1/accounts/{}/suspend", false, false, false, true},
      {"POST", "/v1/accounts/{}/resume", false, false, false, true},
      {"POST", "/v1/accounts/{}/keys", false, false, false, true},
      {"GET", "/v1/accounts/{}/keys", false, false, false, true},
      {"POST", "/v1/keys/{}/reset", false, false, false, true},
      {"POST", "/v1/keys/{}/deactivate", false, false, false, true},
      {"GET", "/v1/accounts/{}/credits", false, false, false, true},
      {"POST", "/v1/accounts/{}/grants", false, false, false, true},
      {"POST", "/v1/accounts/{}/grants/{}/void", false, false, false, true},
      {"GET", "/metrics", true, true, true, true},
      {"GET", "/healthz", true, true, true, true},
  };
  const MintedKey admin = Mint(ApiKeyScope::kAdmin);
  ASSERT_EQ(std::size(kRows), internal::ApiRoutes().size());
  for (size_t i = 0; i < std::size(kRows); ++i) {
    const auto& row = kRows[i];
    EXPECT_EQ(internal::ApiRoutes()[i].method, row.method);
    EXPECT_EQ(internal::ApiRoutes()[i].pattern, row.pattern);
    const std::string path =
        absl::StrReplaceAll(row.pattern, {{"{}", "a"}, {"**", "a"}});
    const auto status = [&](const MintedKey* key) {
      std::vector<HttpHeader> headers;
      if (key != nullptr) {
        headers.push_back({"x-api-key", key->secret.text().Reveal()});
      }
      const HttpAnswer answer =
          AskAs(headers, row.method, path, row.method == "POST" ? "{}" : "");
      const std::string code = FieldOf(answer, "X-Konpro-Status");
      return code.empty() ? absl::StrCat(answer.status) : code;
    };
    EXPECT_EQ(status(nullptr) == "401", !row.nobody) << row.pattern;
    EXPECT_EQ(status(&key_) == "403", !row.customer) << row.pattern;
    EXPECT_EQ(status(&service_) == "403", !row.service) << row.pattern;
    EXPECT_EQ(status(&admin) == "403", !row.admin) << row.pattern;
  }
}

// What a page of another site can send in its visitor's name.
TEST_F(ServeApi, FormsAndPlainTextsAreRefused) {
  for (const char* type :
       {"", "text/plain", "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a", "application/jsonx"}) {
    const std::vector<HttpHeader> headers = {
        {"x-api-key", key_.secret.text().Reveal()},
        {"Idempotency-Key", "job-1"},
        {"Content-Type", type}};
    const HttpAnswer answer =
        api_.Answer({.method = "POST",
                     .path = "/v1/jobs",
                     .headers = headers,
                     .body = R"({"operation":"avatar_video","quantity":1})"},
                    now_);
    EXPECT_EQ(answer.status, 415) << type;
    EXPECT_THAT(answer.body, HasSubstr("Content-Type: should be"));
  }
  EXPECT_EQ(memory_.ledger->BalanceOf("acme", now_)->reserved, Credits());
  EXPECT_EQ(AskAs({{"x-api-key", key_.secret.text().Reveal()},
                   {"content-type", " Application/JSON ; charset=utf-8"}},
                  "POST", "/v1/estimate", R"({"jobs":[]})")
                .status,
            200);
}

TEST_F(ServeApi, EscapesOfAPathAreDecodedByPart) {
  for (const char* path : {"/v1/jobs/a%2/cancel", "/v1/jobs/%zz/cancel",
                           "/v1/jobs/%/cancel", "/v1/jobs/a%00b/cancel"}) {
    const HttpAnswer answer = Ask("POST", path);
    EXPECT_EQ(answer.status, 400) << path;
    EXPECT_THAT(answer.body, HasSubstr("the path"));
  }
  EXPECT_EQ(Ask("POST", "/v1/jobs/a/b/cancel").status, 404);
  EXPECT_EQ(Ask("POST", "/v1/jobs//cancel").status, 404);
  EXPECT_EQ(Ask("POST", "/v1/jobs%2Fa/cancel").status, 404);
}

TEST_F(ServeApi, BodiesThatAreNotWhatIsExpectedAreRefused) {
  const std::string long_body(kApiBodyBytesMax + 1, ' ');
  struct {
    absl::string_view path;
    absl::string_view body;
    int status;
  } const kRows[] = {
      {"/v1/jobs", "", 400},
      {"/v1/jobs", "[]", 400},
      {"/v1/jobs", "{}", 400},
      {"/v1/jobs", R"({"operation":"avatar_video"})", 400},
      {"/v1/jobs", R"({"operation":"avatar_video","quantity":1.5})", 400},
      {"/v1/jobs", R"({"operation":"avatar_video","quantity":-1})", 400},
      {"/v1/jobs", R"({"operation":"avatar_video","quantity":1,"x":1})", 400},
      {"/v1/jobs", R"({"operation":"avatar_video","quantity":9,"quantity":1})",
       400},
      {"/v1/jobs", long_body, 413},
      {"/v1/jobs/a/complete", "{}", 400},
      {"/v1/jobs/a/complete", R"({"account":"acme","quantity":-1})", 400},
      {"/v1/jobs/a/complete", R"({"account":"acme","quantity":1})", 404},
      {"/v1/jobs/a/cancel", "x", 400},
      {"/v1/estimate", R"({"jobs":[{"operation":"avatar_video"}]})", 400},
      {"/v1/estimate", R"({"jobs":[{"operation":"x","quantity":1}]})", 400},
  };
  for (const auto& row : kRows) {
    const HttpAnswer answer =
        Ask("POST", row.path, row.body, {{"Idempotency-Key", "a"}});
    EXPECT_EQ(answer.status, row.status)
        << row.path << " " << row.body.substr(0, 80) << ": " << answer.body;
    // A full window would hide what is meant.
    now_ = UnixNanos::FromTime(now_.ToTime() + absl::Minutes(1));
  }
  EXPECT_EQ(Hold("", 1).status, 400);
}

// Each error names the field and the form that it should have.
TEST_F(ServeApi, ErrorsNameTheFieldAndItsForm) {
  struct {
    absl::string_view path;
    absl::string_view body;
    int status;
    absl::string_view detail;
  } const kRows[] = {
      {"/v1/jobs", "", 400, "the body: is empty, should be one JSON object"},
      {"/v1/jobs", "[]", 400,
       "the body: is an array, should be one JSON object"},
      {"/v1/jobs", "7", 400,
       "the body: is a number, should be one JSON object"},
      {"/v1/jobs", "{", 400, "the body: is no JSON: line 1, column 2: "},
      {"/v1/jobs", "{}", 400, "operation: is missing"},
      {"/v1/jobs", R"({"operation":"avatar_video"})", 400,
       "quantity: is missing"},
      {"/v1/jobs", R"({"operation":"avatar_video","quantity":1.5})", 400,
       "quantity: \\\"1.5\\\" is no quantity"},
      {"/v1/jobs", R"({"operation":"avatar_video","quantity":"1.5"})", 400,
       "digits alone are milliseconds"},
      {"/v1/jobs", R"({"operation":"avatar_video","quantity":"90x"})", 400,
       "quantity: \\\"90x\\\""},
      {"/v1/jobs", R"({"operation":"avatar_video","quantity":-1})", 400,
       "quantity: is negative"},
      {"/v1/jobs",
       R"({"operation":"avatar_video","quantity":9223372036854775808})", 400,
       "quantity: \\\"9223372036854775808\\\" is outside the range"},
      {"/v1/jobs", R"({"operation":"avatar_video","quantity":true})", 400,
       "quantity: is a boolean, should be a number of base units or a text"},
      {"/v1/jobs", R"({"operation":"avatar_video","quantity":[1]})", 400,
       "quantity: is an array, should be"},
      {"/v1/jobs", R"({"operation":7,"quantity":1})", 400,
       "operation: is a number, should be a text"},
      {"/v1/jobs", R"({"operation":"avatar_video","quantitiy":1})", 400,
       "member \\\"quantitiy\\\" is not known; did you mean \\\"quantity"},
      {"/v1/jobs", R"({"operation":"avatar_video","quantity":1,"top_up":true})",
       400, "member \\\"top_up\\\" is not known"},
      {"/v1/jobs", R"({"operation":"avatar_video","quantity":1,"quantity":2})",
       400, "column 42: member \\\"quantity\\\" stands twice"},
      {"/v1/jobs", R"({"operation":"avatar_vide","quantity":"90s"})", 400,
       "avatar_video"},
      {"/v1/jobs/a/complete", "{}", 400, "quantity: is missing"},
      {"/v1/jobs/a b/complete", R"({"account":"acme","quantity":1})", 400,
       "the job's id in the path: "},
      {"/v1/jobs/a/cancel", "[]", 400, "the body: is an array"},
      {"/v1/estimate", R"({"jobs":{}})", 400,
       "jobs: is an object, should be an array of objects"},
      {"/v1/estimate", R"({"jobs":[1]})", 400, "jobs[0]: is a number"},
      {"/v1/estimate", R"({"jobs":[{"operation":"avatar_video"}]})", 400,
       "jobs[0].quantity: is missing"},
      {"/v1/estimate",
       R"({"jobs":[{"operation":"avatar_video","quantity":1},
                   {"operation":"avatar_video","quantity":"x"}]})",
       400, "jobs[1].quantity: \\\"x\\\" is no quantity"},
      {"/v1/estimate",
       R"({"jobs":[{"operation":"avatar_video","quantity":1,"jobs":1.5}]})",
       400, "jobs[0].jobs: \\\"1.5\\\" is not a whole number"},
      {"/v1/estimate",
       R"({"jobs":[{"operation":"avatar_video","quantity":1,"n":1}]})", 400,
       "member \\\"jobs[0].n\\\" is not known"},
  };
  for (const auto& row : kRows) {
    const HttpAnswer answer =
        Ask("POST", row.path, row.body, {{"Idempotency-Key", "a"}});
    EXPECT_EQ(answer.status, row.status) << row.body;
    EXPECT_THAT(answer.body, HasSubstr(std::string(row.detail))) << row.body;
    now_ = UnixNanos::FromTime(now_.ToTime() + absl::Minutes(1));
  }
}

TEST_F(ServeApi, FieldsOfAMeteredAdmissionAreNamed) {
  struct {
    std::vector<HttpHeader> headers;
    absl::string_view detail;
  } const kRows[] = {
      {{{"X-Konpro-Quantity", "1000"}},
       "Idempotency-Key: is missing; it is one id"},
      {{{"X-Konpro-Quantity", "1000"},
        {"Idempotency-Key", "a"},
        {"idempotency-key", "a"}},
       "Idempotency-Key: there are several"},
      {{{"X-Konpro-Quantity", "1000"}, {"Idempotency-Key", "a b"}},
       "Idempotency-Key: is no id"},
      {{{"X-Konpro-Quantity", "1000"}, {"Idempotency-Key", "\"a"}},
       "Idempotency-Key: is no id"},
      {{{"X-Konpro-Quantity", "1000"}, {"Idempotency-Key", "\"a\\"}},
       "Idempotency-Key: is no id"},
      {{{"X-Konpro-Quantity", "1000"}, {"Idempotency-Key", "\"\""}},
       "Idempotency-Key: is no id"},
      {{{"Idempotency-Key", "a"}}, "X-Konpro-Quantity: is missing"},
      {{{"X-Konpro-Quantity", "10x"}, {"Idempotency-Key", "a"}},
       "X-Konpro-Quantity: \\\"10x\\\""},
      {{{"X-Konpro-Quantity", "-1"}, {"Idempotency-Key", "a"}},
       "X-Konpro-Quantity: is negative"},
  };
  for (const auto& row : kRows) {
    std::vector<HttpHeader> headers = row.headers;
    headers.push_back({"X-Konpro-Operation", "avatar_video"});
    const HttpAnswer answer = Ask("GET", "/v1/admit", "", headers);
    EXPECT_EQ(FieldOf(answer, "X-Konpro-Status"), "400");
    EXPECT_THAT(answer.body, HasSubstr(absl::StrCat("\"", row.detail)));
    // The key is looked at first, and what is malformed uses no permit.
    EXPECT_EQ(AskAs(headers, "GET", "/v1/admit").status, 401);
  }
  EXPECT_EQ(FieldOf(Ask("GET", "/v1/admit"), "RateLimit").substr(0, 12),
            "\"minute\";r=9");
}

TEST_F(ServeApi, QuotedIdIsTheSameId) {
  EXPECT_EQ(Hold("job-1", 1'000).status, 200);
  EXPECT_THAT(Hold("\"job-1\"", 1'000).body, HasSubstr("\"replayed\":true"));
  EXPECT_EQ(Hold("\"a\\\\b\\\"\"", 1'000).status, 200);
  EXPECT_THAT(Hold("a\\b\"", 1'000).body, HasSubstr("\"replayed\":true"));
}

TEST_F(ServeApi, QuantityHasAUnitOrIsBaseUnits) {
  int id = 0;
  for (const absl::string_view quantity :
       {"60000", "60000.0", "\"60000\"", "\"60s\"", "\"1 min\"", "\"PT1M\"",
        "\"1:00\""}) {
    const std::string job = absl::StrCat("job-", ++id);
    const HttpAnswer held =
        Ask("POST", "/v1/jobs",
            absl::StrCat(R"({"operation":"avatar_video","quantity":)", quantity,
                         "}"),
            {{"Idempotency-Key", job}});
    EXPECT_THAT(held.body, HasSubstr("\"held\":{\"credits\":\"60\""))
        << quantity;
    const HttpAnswer done =
        Ask("POST", absl::StrCat("/v1/jobs/", job, "/complete"),
            R"({"account":"acme","quantity":"0.5s"})");
    EXPECT_THAT(done.body, HasSubstr("\"charged\":{\"credits\":\"0.5\""))
        << done.body;
  }
  const HttpAnswer admitted = Ask("GET", "/v1/admit", "",
                                  {{"X-Konpro-Operation", "avatar_video"},
                                   {"X-Konpro-Quantity", "1m"},
                                   {"Idempotency-Key", "proxied"}});
  EXPECT_THAT(admitted.body, HasSubstr("\"held\":{\"credits\":\"60\""));
  EXPECT_EQ(Ask("POST", "/v1/jobs/none/complete",
                R"({"account":"acme","quantity":"1s"})")
                .status,
            404);
}

// What is wrong with a quantity does not hide whose job it is.
TEST_F(ServeApi, MalformedQuantityOfAServiceIsNoMissingKey) {
  const HttpAnswer answer = Ask("POST", "/v1/jobs/a/complete",
                                R"({"account":"acme","quantity":[1.5]})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("quantity: is an array"));
}

TEST_F(ServeApi, EachEndOfAJobHasItsOwnCode) {
  struct {
    absl::string_view first;
    absl::string_view code;
  } const kRows[] = {{"complete", "reservation_captured"},
                     {"cancel", "reservation_voided"},
                     {"", "reservation_expired"}};
  for (const auto& row : kRows) {
    const std::string id = absl::StrCat("job-", row.code);
    ASSERT_EQ(Hold(id, 60'000).status, 200);
    if (row.first.empty()) {
      now_ = UnixNanos::FromTime(now_.ToTime() + absl::Hours(25));
    } else {
      ASSERT_EQ(
          Ask("POST", absl::StrCat("/v1/jobs/", id, "/", row.first),
              row.first == "cancel" ? "" : R"({"account":"acme","quantity":0})")
              .status,
          200);
    }
    const HttpAnswer answer =
        Ask("POST", absl::StrCat("/v1/jobs/", id, "/complete"),
            R"({"account":"acme","quantity":1})");
    EXPECT_EQ(answer.status, 409);
    EXPECT_THAT(answer.body, HasSubstr(absl::StrCat("\"code\":\"", row.code)));
    EXPECT_THAT(answer.body, HasSubstr("\"retryable\":false"));
  }
}

// A clock that was set 40 days ahead would close the ledger for everybody.
TEST_F(ServeApi, ClockThatWasSetStopsMeteredWorkUntilItIsConfirmed) {
  ClockReading reading = {.wall = kStart};
  ClockWatch clock([&] { return reading; });
  Api api({.admission = *memory_.admission,
           .keys = *memory_.keys,
           .accounts = *memory_.accounts,
           .ledger = *memory_.ledger,
           .metrics = metrics_,
           .clock = &clock});
  const auto ask = [&](absl::string_view method, absl::string_view path,
                       absl::string_view body = "",
                       absl::string_view operation = "") {
    const bool is_end = absl::StartsWith(path, "/v1/jobs/");
    const std::vector<HttpHeader> headers = {
        {"x-api-key", (is_end ? service_ : key_).secret.text().Reveal()},
        {"Idempotency-Key", "job-1"},
        {"Content-Type", "application/json"},
        {"X-Konpro-Operation", operation},
        {"X-Konpro-Quantity", "1s"}};
    return api.Answer(
        {.method = method, .path = path, .headers = headers, .body = body},
        now_);
  };
  const uint64_t entries = memory_.ledger->Head()->sequence;
  reading.wall += absl::Hours(24 * 40);
  now_ = UnixNanos::FromTime(reading.wall);
  const HttpAnswer admit = ask("GET", "/v1/admit", "", "avatar_video");
  EXPECT_EQ(admit.status, 403);
  EXPECT_EQ(FieldOf(admit, "X-Konpro-Status"), "503");
  for (const char* path :
       {"/v1/jobs", "/v1/jobs/a/complete", "/v1/jobs/a/cancel"}) {
    const HttpAnswer answer =
        ask("POST", path, R"({"operation":"avatar_video","quantity":"1s"})");
    EXPECT_EQ(answer.status, 503) << path;
    EXPECT_THAT(answer.body, HasSubstr("\"retryable\":true"));
    EXPECT_EQ(FieldOf(answer, "Retry-After"), "5");
  }
  EXPECT_EQ(api.Answer({.method = "POST", .path = "/v1/jobs"}, now_).status,
            401);
  EXPECT_EQ(memory_.ledger->Head()->sequence, entries);
  const HttpAnswer health = ask("GET", "/healthz");
  EXPECT_EQ(health.status, 503);
  EXPECT_THAT(health.body, HasSubstr("40 days"));
  EXPECT_EQ(ask("GET", "/v1/admit").status, 200);
  EXPECT_EQ(ask("GET", "/v1/account").status, 200);
  clock.Confirm();
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  EXPECT_EQ(ask("GET", "/v1/admit", "", "avatar_video").status, 200);
  EXPECT_EQ(
      ask("POST", "/v1/jobs/job-1/cancel", R"({"account":"acme"})").status,
      200);
}

// The time that a request is served at counts, whatever the clock says once it
// is looked at again.
TEST_F(ServeApi, TheTimeOfARequestIsTheOneThatIsTrusted) {
  ClockReading reading = {.wall = kStart};
  ClockWatch clock([&] { return reading; });
  Api api({.admission = *memory_.admission,
           .keys = *memory_.keys,
           .accounts = *memory_.accounts,
           .ledger = *memory_.ledger,
           .metrics = metrics_,
           .clock = &clock});
  const auto hold = [&](absl::string_view id, absl::Time now) {
    const std::vector<HttpHeader> headers = {
        {"x-api-key", key_.secret.text().Reveal()},
        {"Content-Type", "application/json"},
        {"Idempotency-Key", id}};
    return api
        .Answer({.method = "POST",
                 .path = "/v1/jobs",
                 .headers = headers,
                 .body = R"({"operation":"avatar_video","quantity":1})"},
                UnixNanos::FromTime(now))
        .status;
  };
  const uint64_t entries = memory_.ledger->Head()->sequence;
  // Ahead for a moment, in which the request began.
  EXPECT_EQ(hold("a", kStart + absl::Hours(24 * 40)), 503);
  EXPECT_EQ(memory_.ledger->Head()->sequence, entries);
  // Ahead from just after the request began.
  reading.wall += absl::Hours(24 * 40);
  EXPECT_EQ(hold("b", kStart), 200);
}

TEST_F(ServeApi, NulInAPathIsMalformed) {
  for (const absl::string_view path :
       {absl::string_view("/v1/admit\0", 10),
        absl::string_view("/v1/jobs/a\0b/cancel", 19)}) {
    EXPECT_EQ(Ask("POST", path).status, 400);
  }
}

TEST_F(ServeApi, EstimateIsUnderTheAccountsPlanAndBalance) {
  const HttpAnswer answer =
      Ask("POST", "/v1/estimate",
          R"({"jobs":[{"operation":"avatar_video","quantity":90000,"jobs":2},
                      {"operation":"photo_avatar","quantity":"1"}]})");
  EXPECT_EQ(answer.status, 200);
  for (const char* part :
       {R"("plan": "free_trial")", R"("credits": "182")", R"("requests": "3")",
        R"("allowed": false)", R"("refused_operations": [)",
        R"("credits": "82")"}) {
    EXPECT_THAT(answer.body, HasSubstr(part));
  }
}

// A window of the key's own, which the plan's windows do not know of.
TEST_F(ServeApi, KeyReadsSixtyTimesAMinute) {
  for (int i = 0; i < 60; ++i) {
    const bool is_read = i % 2 == 0;
    ASSERT_EQ(is_read ? Ask("GET", "/v1/account").status
                      : Ask("POST", "/v1/estimate", R"({"jobs":[]})").status,
              200);
  }
  const HttpAnswer answer = Ask("GET", "/v1/account");
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(FieldOf(answer, "Retry-After"), "1");
  EXPECT_EQ(FieldOf(answer, "RateLimit-Policy"), "\"reads\";q=60;w=60");
  EXPECT_THAT(answer.body, HasSubstr("\"code\":\"rate_limited\""));
  EXPECT_THAT(FieldOf(Ask("GET", "/v1/admit"), "RateLimit"),
              HasSubstr("\"minute\";r=9;"));
  const MintedKey other =
      memory_.admission->CreateKey({.account_id = "acme"}, kStart).value();
  EXPECT_EQ(
      AskAs({{"x-api-key", other.secret.text().Reveal()}}, "GET", "/v1/account")
          .status,
      200);
  now_ = UnixNanos::FromTime(kStart + absl::Seconds(1));
  EXPECT_EQ(Ask("GET", "/v1/account").status, 200);
}

TEST_F(ServeApi, AccountIsShownWithoutCountingTheRequest) {
  for (int i = 0; i < 20; ++i) {
    const HttpAnswer answer = Ask("GET", "/v1/account");
    ASSERT_EQ(answer.status, 200);
    EXPECT_THAT(answer.body, HasSubstr(R"("remaining": "10")"));
    EXPECT_THAT(answer.body, HasSubstr(R"("credits": "100")"));
  }
  EXPECT_EQ(AskAs({}, "GET", "/v1/account").status, 401);
}

TEST_F(ServeApi, AccountHasItsPlanWindowsAndKeys) {
  now_ = UnixNanos::FromTime(kStart + absl::Milliseconds(500));
  EXPECT_EQ(Ask("GET", "/v1/admit").status, 200);
  const std::string body = Ask("GET", "/v1/account").body;
  for (const char* part :
       {R"("account": "acme")", R"("plan": "free_trial")",
        R"("is_suspended": false)", R"("kind": "fixed")", R"("limit": "10")",
        R"("period_ms": "60000")", R"("has_own_windows": false)",
        R"("created_at": "2027-01-01T00:00:30Z")", R"("keys": 1)",
        // Rounded up: half a second less.
        R"("reset_after_seconds": "30")"}) {
    EXPECT_THAT(body, HasSubstr(part));
  }
}

TEST_F(ServeApi, LimitsOfSizesAreInclusive) {
  const auto estimate = [&](int jobs, size_t bytes) {
    std::string body = "{\"jobs\":[";
    for (int i = 0; i < jobs; ++i) {
      absl::StrAppend(&body, i == 0 ? "" : ",",
                      R"({"operation":"avatar_video","quantity":1})");
    }
    body += "]}";
    if (body.size() < bytes) body.append(bytes - body.size(), ' ');
    return Ask("POST", "/v1/estimate", body).status;
  };
  EXPECT_EQ(estimate(kEstimateJobsMax, 0), 200);
  EXPECT_EQ(estimate(kEstimateJobsMax + 1, 0), 413);
  EXPECT_EQ(estimate(1, kApiBodyBytesMax), 200);
  EXPECT_EQ(estimate(1, kApiBodyBytesMax + 1), 413);
  const auto has_instance = [&](size_t bytes) {
    const std::string path = "/" + std::string(bytes - 1, 'a');
    return absl::StrContains(
        AskAs({{"X-Original-URI", path}}, "GET", "/v1/admit").body, path);
  };
  EXPECT_TRUE(has_instance(1'024));
  EXPECT_FALSE(has_instance(1'025));
}

TEST_F(ServeApi, CompleteDrawsOnTheBalanceAboveWhatWasHeld) {
  EXPECT_EQ(Hold("more", 1'000).status, 200);
  EXPECT_EQ(Ask("POST", "/v1/jobs/more/complete",
                R"({"account":"acme","quantity":10000})")
                .status,
            200);
}

TEST_F(ServeApi, ImplausibleActualQuantityIsAnErrorThatNamesIt) {
  EXPECT_EQ(Hold("job", 1'000).status, 200);
  const HttpAnswer answer = Ask("POST", "/v1/jobs/job/complete",
                                R"({"account":"acme","quantity":10001})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("quantity: implausible"));
}

TEST_F(ServeApi, UnauthenticatedCallersLearnNothingAboutTheirBody) {
  for (const char* path : {"/v1/jobs", "/v1/estimate", "/v1/jobs/a/complete"}) {
    EXPECT_EQ(AskAs({}, "POST", path, "not JSON").status, 401) << path;
  }
}

TEST_F(ServeApi, OtherPathsAndMethodsAreRefused) {
  struct {
    absl::string_view method;
    absl::string_view path;
    int status;
    absl::string_view allow;
  } const kRows[] = {
      {"GET", "/healthz", 200, ""},
      {"GET", "/metrics", 200, ""},
      {"HEAD", "/healthz", 200, ""},
      {"HEAD", "/v1/admit", 200, ""},
      {"HEAD", "/v1/account", 200, ""},
      {"OPTIONS", "/healthz", 204, "GET, HEAD, OPTIONS"},
      {"OPTIONS", "/v1/jobs", 204, "POST, OPTIONS"},
      {"OPTIONS", "/v1/jobs/a/cancel", 204, "POST, OPTIONS"},
      {"OPTIONS", "*", 204, "GET, HEAD, POST, OPTIONS"},
      {"OPTIONS", "/v1/none", 404, ""},
      {"POST", "/healthz", 405, "GET, HEAD, OPTIONS"},
      {"POST", "/v1/admit", 405, "GET, HEAD, OPTIONS"},
      {"GET", "/v1/jobs", 405, "POST, OPTIONS"},
      {"HEAD", "/v1/jobs", 405, "POST, OPTIONS"},
      {"GET", "/v1/jobs/a/cancel", 405, "POST, OPTIONS"},
      {"GET", "/v1/jobs/a", 404, ""},
      {"GET", "/v1/admit/", 404, ""},
      {"GET", "", 404, ""},
  };
  for (const auto& row : kRows) {
    const HttpAnswer answer = Ask(row.method, row.path);
    EXPECT_EQ(answer.status, row.status) << row.method << " " << row.path;
    EXPECT_EQ(FieldOf(answer, "Allow"), row.allow) << row.path;
  }
}

TEST_F(ServeApi, MetricsCountAnswersAndReasons) {
  Ask("GET", "/v1/admit");
  AskAs({}, "GET", "/v1/admit");
  const std::string text = Ask("GET", "/metrics").body;
  for (const char* line :
       {"konpro_http_answers_total{status=\"200\"} 1\n",
        "konpro_http_answers_total{status=\"401\"} 1\n",
        "konpro_admissions_total{reason=\"admitted\"} 1\n",
        "konpro_admissions_total{reason=\"unauthenticated\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

// As a command left it that ran while the clock was 40 days ahead.
TEST_F(ServeApi, AJournalAheadOfTheClockIs503AndNamesTheRepair) {
  ASSERT_EQ(Hold("before", 1000).status, 200);
  const absl::Time later = kStart + absl::Hours(24 * 40);
  memory_.Grant("globex", "5", UnixNanos::FromTime(later));
  const uint64_t entries = memory_.ledger->Head()->sequence;
  for (const HttpAnswer& answer : {Hold("after", 1000), Hold("before", 1000),
                                   Ask("POST", "/v1/jobs/before/complete",
                                       R"({"account":"acme","quantity":1000})"),
                                   Ask("POST", "/v1/jobs/before/cancel"),
                                   Ask("POST", "/v1/jobs/none/cancel")}) {
    EXPECT_EQ(answer.status, 503);
    EXPECT_THAT(answer.body, HasSubstr(R"("code":"journal_ahead")"));
    EXPECT_THAT(answer.body, HasSubstr(R"("retryable":true)"));
    EXPECT_THAT(answer.body, HasSubstr("is 40 days after"));
    EXPECT_THAT(answer.body,
                HasSubstr("konpro backup NEW --db=FILE --through=2"));
  }
  const HttpAnswer admitted = Ask("GET", "/v1/admit", "",
                                  {{"X-Konpro-Operation", "avatar_video"},
                                   {"X-Konpro-Quantity", "1000"},
                                   {"Idempotency-Key", "after"}});
  EXPECT_EQ(FieldOf(admitted, "X-Konpro-Status"), "503");
  EXPECT_EQ(memory_.ledger->Head()->sequence, entries);
  // What moves no credits goes on.
  EXPECT_EQ(Ask("GET", "/v1/admit").status, 200);
  EXPECT_EQ(Ask("GET", "/v1/account").status, 200);
  // A little ahead is not: clocks differ.
  now_ = UnixNanos::FromTime(later - absl::Minutes(5));
  EXPECT_EQ(Hold("in time", 1000).status, 400);  // an id has no blank
  EXPECT_EQ(Hold("in-time", 1000).status, 200);
}

}  // namespace
}  // namespace konpro
