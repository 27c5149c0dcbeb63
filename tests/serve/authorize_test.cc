// GET /v1/authorize in both of its forms: what a proxy is told of a request.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/http.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/serve/api.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/metrics.h"
#include "konpro/serve/proxy_routes.h"
#include "tests/testing/memory_admission.h"

namespace konpro {
namespace {

using ::testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1'798'761'630);

constexpr absl::string_view kRoutes = R"pb(
  routes { method: "GET" path: "/v1/**" free: true preflight: true }
  routes {
    method: "POST"
    path: "/v1/videos"
    operation: "avatar_video"
    hold: "60s"
    preflight: true
  }
  routes {
    method: "POST"
    path: "/v1/replays"
    operation: "avatar_video"
    hold: "1s"
    replays: PASS
  }
)pb";

std::string FieldOf(const HttpAnswer& answer, absl::string_view name) {
  for (const HttpField& field : answer.fields) {
    if (field.name == name) return field.value;
  }
  return "";
}

class Authorize : public ::testing::Test {
 protected:
  Authorize()
      : key_(memory_.admission->CreateKey({.account_id = "acme"}, kStart)
                 .value()),
        routes_(ProxyRoutes::Parse(kRoutes, "r", Catalog::BuiltIn()).value()),
        api_(With(&routes_)) {
    memory_.Grant("acme", "100", now_);
  }

  Api With(const ProxyRoutes* routes) {
    return Api({.admission = *memory_.admission,
                .keys = *memory_.keys,
                .accounts = *memory_.accounts,
                .ledger = *memory_.ledger,
                .metrics = metrics_,
                .routes = routes});
  }

  // Caddy's and Traefik's form.
  HttpAnswer Forwarded(absl::string_view method, absl::string_view target,
                       std::vector<HttpHeader> more = {}) {
    more.push_back({"X-Forwarded-Method", method});
    more.push_back({"X-Forwarded-Uri", target});
    return Ask("GET", "/v1/authorize", std::move(more));
  }
  // Envoy's form.
  HttpAnswer Below(absl::string_view method, absl::string_view target,
                   std::vector<HttpHeader> more = {}) {
    return Ask(method, absl::StrCat("/v1/authorize", target), std::move(more));
  }
  HttpAnswer Ask(absl::string_view method, absl::string_view path,
                 std::vector<HttpHeader> headers) {
    if (has_key_) headers.push_back({"x-api-key", key_.secret.text().Reveal()});
    return api_.Answer({.method = method, .path = path, .headers = headers},
                       now_);
  }

  Credits Reserved() {
    return memory_.ledger->BalanceOf("acme", now_)->reserved;
  }

  UnixNanos now_ = UnixNanos::FromTime(kStart);
  ServeMetrics metrics_;
  testing::MemoryAdmission memory_;
  MintedKey key_;
  const ProxyRoutes routes_;
  Api api_;
  bool has_key_ = true;
};

TEST_F(Authorize, BothFormsGiveTheTrueAnswer) {
  int id = 0;
  const auto both = [&](absl::string_view method, absl::string_view target) {
    const std::string one = absl::StrCat("job-", ++id);
    const std::string other = absl::StrCat("job-", ++id);
    const HttpAnswer forwarded =
        Forwarded(method, target, {{"Idempotency-Key", one}});
    const HttpAnswer below =
        Below(method, target, {{"Idempotency-Key", other}});
    EXPECT_EQ(forwarded.status, below.status) << target;
    return forwarded;
  };
  const HttpAnswer free = both("GET", "/v1/videos/7");
  EXPECT_EQ(free.status, 200);
  EXPECT_EQ(FieldOf(free, "X-Konpro-Account"), "acme");
  EXPECT_EQ(FieldOf(free, "X-Konpro-Reservation"), "");
  EXPECT_THAT(FieldOf(free, "RateLimit"), HasSubstr("\"minute\";r=9;"));
  const HttpAnswer none = both("POST", "/v1/forgotten");
  EXPECT_EQ(none.status, 403);
  EXPECT_THAT(none.body, HasSubstr("\"code\":\"no_route\""));
  EXPECT_EQ(both("GET", "/v1/../x").status, 400);
  EXPECT_EQ(Reserved(), Credits());
}

TEST_F(Authorize, RouteHoldsWhatItSaysAndOnce) {
  const std::vector<HttpHeader> id = {{"Idempotency-Key", "job-1"},
                                      // Never the client's to say.
                                      {"X-Konpro-Operation", "photo_avatar"},
                                      {"X-Konpro-Quantity", "1"}};
  const HttpAnswer first = Forwarded("POST", "/V1/videos/?a=b", id);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(FieldOf(first, "X-Konpro-Reservation"), "job-1");
  EXPECT_EQ(Reserved(), *Credits::Parse("60"));
  const HttpAnswer again = Below("POST", "/v1/videos", id);
  EXPECT_EQ(again.status, 409);
  EXPECT_THAT(again.body, HasSubstr("\"code\":\"in_progress\""));
  const HttpAnswer poor =
      Forwarded("POST", "/v1/videos", {{"Idempotency-Key", "job-2"}});
  EXPECT_EQ(poor.status, 402);
  const HttpAnswer no_id = Forwarded("POST", "/v1/videos");
  EXPECT_EQ(no_id.status, 400);
  EXPECT_THAT(no_id.body, HasSubstr("Idempotency-Key: is missing"));
  const std::vector<HttpHeader> replay = {{"Idempotency-Key", "job-3"}};
  EXPECT_EQ(Forwarded("POST", "/v1/replays", replay).status, 200);
  const HttpAnswer replayed = Forwarded("POST", "/v1/replays", replay);
  EXPECT_EQ(replayed.status, 200);
  EXPECT_EQ(FieldOf(replayed, "Idempotent-Replayed"), "true");
}

TEST_F(Authorize, FullWindowIs429WithTheTimeToWait) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(Below("GET", "/v1/videos").status, 200);
  }
  const HttpAnswer answer = Below("GET", "/v1/videos");
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(FieldOf(answer, "Retry-After"), "30");
}

TEST_F(Authorize, NoKeyIs401WhateverElseIsWrong) {
  has_key_ = false;
  for (const char* target :
       {"/v1/videos", "/v1/../x", "/forgotten", "/v1/%zz"}) {
    EXPECT_EQ(Forwarded("POST", target).status, 401) << target;
    EXPECT_EQ(Below("POST", target).status, 401) << target;
  }
  EXPECT_EQ(Ask("GET", "/v1/authorize", {}).status, 401);
}

// Else a client could add one that the proxy's own does not replace.
TEST_F(Authorize, WhatTheProxySaysIsSaidOnce) {
  const HttpHeader method = {"X-Forwarded-Method", "GET"};
  const HttpHeader target = {"X-Forwarded-Uri", "/v1/videos"};
  for (const std::vector<HttpHeader>& headers :
       std::vector<std::vector<HttpHeader>>{
           {},
           {method},
           {target},
           {method, method, target},
           {method, target, {"x-forwarded-uri", "/v1/other"}},
           {{"X-Forwarded-Method", "GET, POST"}, target},
           {method, {"X-Forwarded-Uri", ""}}}) {
    const HttpAnswer answer = Ask("GET", "/v1/authorize", headers);
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.body, HasSubstr("X-Forwarded-"));
  }
  EXPECT_EQ(Ask("GET", "/v1/authorize", {method, target}).status, 200);
  // Below it, the client's own fields say nothing.
  const HttpAnswer below = Below("POST", "/v1/forgotten", {method, target});
  EXPECT_EQ(below.status, 403);
  EXPECT_EQ(Below("GET", "/", {method, target}).status, 403);
}

TEST_F(Authorize, PreflightPassesWhereItsRouteSaysSo) {
  has_key_ = false;
  const auto preflight = [&](absl::string_view method,
                             absl::string_view target) {
    return Forwarded("OPTIONS", target,
                     {{"Origin", "https://example.com"},
                      {"Access-Control-Request-Method", method}})
        .status;
  };
  EXPECT_EQ(preflight("POST", "/v1/videos"), 200);
  EXPECT_EQ(preflight("GET", "/v1/videos"), 200);
  EXPECT_EQ(preflight("POST", "/v1/replays"), 401);
  EXPECT_EQ(preflight("POST", "/v1/forgotten"), 401);
  // An OPTIONS that asks for nothing is a request like others.
  EXPECT_EQ(Forwarded("OPTIONS", "/v1/videos").status, 401);
  EXPECT_EQ(Reserved(), Credits());
}

TEST_F(Authorize, WithoutRoutesEachRequestIsCountedAndHoldsNothing) {
  Api api = With(nullptr);
  const std::vector<HttpHeader> headers = {
      {"x-api-key", key_.secret.text().Reveal()}};
  const HttpAnswer answer = api.Answer(
      {.method = "POST", .path = "/v1/authorize/v1/videos", .headers = headers},
      now_);
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(FieldOf(answer, "RateLimit"), HasSubstr("\"minute\";r=9;"));
  EXPECT_EQ(Reserved(), Credits());
}

// As the documentation of forwardAuth says: GET with the client's fields, and
// these of its own.
TEST_F(Authorize, TraefikAsksOfAJob) {
  const HttpAnswer answer = Ask("GET", "/v1/authorize",
                                {{"Content-Type", "multipart/form-data"},
                                 {"Idempotency-Key", "job-1"},
                                 {"X-Forwarded-For", "192.0.2.7"},
                                 {"X-Forwarded-Host", "api.example.com"},
                                 {"X-Forwarded-Method", "POST"},
                                 {"X-Forwarded-Proto", "https"},
                                 {"X-Forwarded-Uri", "/v1/videos?a=b"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(FieldOf(answer, "X-Konpro-Reservation"), "job-1");
}

// As the documentation of ext_authz's HTTP service says: the client's method,
// path_prefix before its path, Host, an empty body, and the allowed fields.
TEST_F(Authorize, EnvoyAsksOfAJob) {
  const HttpAnswer answer = Ask("POST", "/v1/authorize/v1/videos",
                                {{"Host", "api.example.com"},
                                 {"Content-Length", "0"},
                                 {"Idempotency-Key", "job-1"},
                                 {"X-Forwarded-For", "192.0.2.7"},
                                 {"X-Envoy-Internal", "true"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(FieldOf(answer, "X-Konpro-Reservation"), "job-1");
}

TEST_F(Authorize, ServiceKeysAreRefused) {
  const MintedKey service =
      memory_.admission
          ->CreateKey({.account_id = "billing", .scope = ApiKeyScope::kService},
                      kStart)
          .value();
  has_key_ = false;
  const HttpAnswer answer = Below(
      "GET", "/v1/videos", {{"x-api-key", service.secret.text().Reveal()}});
  EXPECT_EQ(answer.status, 403);
  EXPECT_THAT(answer.body, HasSubstr("\"code\":\"wrong_scope\""));
}

}  // namespace
}  // namespace konpro
