// Accounts, keys and credits by HTTP, with a key of scope admin.
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "konpro/access/http.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/serve/api.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/metrics.h"
#include "proto/account.pb.h"
#include "proto/api.pb.h"
#include "proto/api_key.pb.h"
#include "proto/ledger.pb.h"
#include "tests/testing/memory_admission.h"

namespace konpro {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kStart = absl::FromUnixSeconds(1'798'761'630);

class AccountRoutes : public ::testing::Test {
 protected:
  AccountRoutes()
      : admin_(Mint("root", ApiKeyScope::kAdmin)),
        api_({.admission = *memory_.admission,
              .keys = *memory_.keys,
              .accounts = *memory_.accounts,
              .ledger = *memory_.ledger,
              .metrics = metrics_}) {}

  MintedKey Mint(absl::string_view account, ApiKeyScope scope) {
    return memory_.admission
        ->CreateKey({.account_id = account, .scope = scope}, kStart)
        .value();
  }

  HttpAnswer AskWith(absl::string_view key, absl::string_view method,
                     absl::string_view path, absl::string_view body = "",
                     absl::string_view id = "",
                     const std::vector<HttpHeader>& arguments = {}) {
    std::vector<HttpHeader> headers = {{"x-api-key", key}};
    if (!body.empty()) headers.push_back({"Content-Type", "application/json"});
    if (!id.empty()) headers.push_back({"Idempotency-Key", id});
    return api_.Answer({.method = method,
                        .path = path,
                        .arguments = arguments,
                        .headers = headers,
                        .body = body},
                       now_);
  }
  HttpAnswer Ask(absl::string_view method, absl::string_view path,
                 absl::string_view body = "", absl::string_view id = "",
                 const std::vector<HttpHeader>& arguments = {}) {
    return AskWith(admin_.secret.text().Reveal(), method, path, body, id,
                   arguments);
  }

  template <typename Message>
  static Message Read(const HttpAnswer& answer) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    Message message;
    EXPECT_TRUE(
        google::protobuf::util::JsonStringToMessage(answer.body, &message).ok())
        << answer.body;
    return message;
  }

  UnixNanos now_ = UnixNanos::FromTime(kStart);
  ServeMetrics metrics_;
  testing::MemoryAdmission memory_;
  MintedKey admin_;
  Api api_;
};

TEST_F(AccountRoutes, AccountLivesByHttpAlone) {
  EXPECT_EQ(
      Read<v1::Account>(Ask("POST", "/v1/accounts", R"({"account":"acme"})"))
          .plan(),
      "free_trial");
  EXPECT_EQ(Read<v1::Account>(
                Ask("PUT", "/v1/accounts/acme/plan", R"({"plan":"pro"})"))
                .plan(),
            "pro");
  const v1::ApiKey key =
      Read<v1::ApiKey>(Ask("POST", "/v1/accounts/acme/keys", "{}"));
  EXPECT_EQ(key.scope(), "customer");
  EXPECT_EQ(AskWith(key.key(), "GET", "/v1/admit").status, 200);
  const v1::LedgerResult grant = Read<v1::LedgerResult>(
      Ask("POST", "/v1/accounts/acme/grants", R"({"credits":"12.5"})", "g-1"));
  EXPECT_EQ(grant.outcome(), "applied");
  EXPECT_EQ(grant.balance().available().credits(), "12.5");
  EXPECT_EQ(AskWith(key.key(), "POST", "/v1/jobs",
                    R"({"operation":"avatar_video","quantity":"12s"})", "job-1")
                .status,
            200);
  const v1::AccountCredits credits =
      Read<v1::AccountCredits>(Ask("GET", "/v1/accounts/acme/credits"));
  EXPECT_EQ(credits.balance().reserved().credits(), "12");
  EXPECT_EQ(credits.reservations_size(), 1);
  EXPECT_EQ(Ask("POST", "/v1/jobs/job-1/complete",
                R"({"account":"acme","quantity":"10s"})")
                .status,
            200);
  EXPECT_TRUE(Read<v1::Account>(Ask("POST", "/v1/accounts/acme/suspend"))
                  .is_suspended());
  EXPECT_EQ(AskWith(key.key(), "GET", "/v1/admit").status, 403);
  EXPECT_FALSE(Read<v1::Account>(Ask("POST", "/v1/accounts/acme/resume"))
                   .is_suspended());
  const v1::ApiKey next = Read<v1::ApiKey>(
      Ask("POST", absl::StrCat("/v1/keys/", key.id(), "/reset"),
          R"({"overlap":"1h"})"));
  EXPECT_EQ(AskWith(key.key(), "GET", "/v1/admit").status, 200);
  EXPECT_EQ(Read<v1::ApiKey>(
                Ask("POST", absl::StrCat("/v1/keys/", key.id(), "/deactivate")))
                .state(),
            "deactivated");
  EXPECT_EQ(AskWith(key.key(), "GET", "/v1/admit").status, 401);
  EXPECT_EQ(AskWith(next.key(), "GET", "/v1/admit").status, 200);
  const HttpAnswer keys = Ask("GET", "/v1/accounts/acme/keys");
  EXPECT_EQ(Read<v1::ApiKeys>(keys).keys_size(), 2);
  EXPECT_THAT(keys.body, Not(HasSubstr(next.key())));
}

TEST_F(AccountRoutes, GrantIsMadeOnceForAnId) {
  Ask("POST", "/v1/accounts", R"({"account":"acme"})");
  const auto grant = [&](absl::string_view body) {
    return Ask("POST", "/v1/accounts/acme/grants", body, "g-1");
  };
  EXPECT_EQ(grant(R"({"credits":"5"})").status, 200);
  const HttpAnswer again = grant(R"({"credits":"5"})");
  EXPECT_EQ(Read<v1::LedgerResult>(again).outcome(), "replayed");
  EXPECT_EQ(Read<v1::LedgerResult>(again).balance().available().credits(), "5");
  EXPECT_EQ(grant(R"({"credits":"6"})").status, 422);
  const HttpAnswer ended =
      Ask("POST", "/v1/accounts/acme/grants/g-1/void", "", "v-1");
  EXPECT_EQ(Read<v1::LedgerResult>(ended).balance().available().credits(), "0");
  const HttpAnswer denied =
      Ask("POST", "/v1/accounts/acme/grants/g-1/void", "", "v-2");
  EXPECT_EQ(denied.status, 409);
  EXPECT_THAT(denied.body, HasSubstr("\"code\":\"grant_ended\""));
}

TEST_F(AccountRoutes, CreditsAreShownAsOfAnEntry) {
  Ask("POST", "/v1/accounts", R"({"account":"acme"})");
  const auto first = Read<v1::LedgerResult>(
      Ask("POST", "/v1/accounts/acme/grants", R"({"credits":"5"})", "g-1"));
  Ask("POST", "/v1/accounts/acme/grants", R"({"credits":"5"})", "g-2");
  const auto available = [&](const std::vector<HttpHeader>& arguments) {
    return Read<v1::AccountCredits>(
               Ask("GET", "/v1/accounts/acme/credits", "", "", arguments))
        .balance()
        .available()
        .credits();
  };
  EXPECT_EQ(available({}), "10");
  EXPECT_EQ(available({{"as_of", absl::StrCat(first.seq())}}), "5");
  for (const char* value : {"0", "-1", "x", "%zz"}) {
    EXPECT_EQ(
        Ask("GET", "/v1/accounts/acme/credits", "", "", {{"as_of", value}})
            .status,
        400)
        << value;
  }
}

TEST_F(AccountRoutes, PagesHaveEachAccountOnce) {
  std::set<std::string> made = {"root"};
  for (int i = 0; i < 25; ++i) {
    const std::string account = absl::StrCat("acct/", i);
    made.insert(account);
    Ask("POST", "/v1/accounts",
        absl::StrCat(R"({"account":")", account, "\"}"));
  }
  std::set<std::string> listed;
  std::string cursor;
  int pages = 0;
  do {
    const auto page = Read<v1::AccountList>(Ask(
        "GET", "/v1/accounts", "", "", {{"limit", "10"}, {"cursor", cursor}}));
    EXPECT_LE(page.accounts_size(), 10);
    for (const v1::Account& account : page.accounts()) {
      EXPECT_TRUE(listed.insert(account.account()).second);
    }
    cursor = page.next();
    // A cursor stays good if accounts come between.
    Ask("POST", "/v1/accounts", R"({"account":"acct/0/later"})");
    made.insert("acct/0/later");
  } while (!cursor.empty() && ++pages < 10);
  EXPECT_EQ(listed.size() + (listed.contains("acct/0/later") ? 0 : 1),
            made.size());
  EXPECT_EQ(Read<v1::Account>(Ask("GET", "/v1/accounts/acct%2F7")).account(),
            "acct/7");
}

// Each names the member or the argument.
TEST_F(AccountRoutes, MalformedRequestsAreNamed) {
  Ask("POST", "/v1/accounts", R"({"account":"acme"})");
  struct {
    absl::string_view method;
    absl::string_view path;
    absl::string_view body;
    int status;
    absl::string_view detail;
  } const kRows[] = {
      {"POST", "/v1/accounts", R"({"account":"a b"})", 400, "account"},
      {"POST", "/v1/accounts", "{}", 400, "account"},
      {"GET", "/v1/accounts/none", "", 404, "none"},
      {"PUT", "/v1/accounts/acme/plan", R"({"plan":"prro"})", 400,
       "\\\"pro\\\""},
      {"PUT", "/v1/accounts/none/plan", R"({"plan":"pro"})", 404, "none"},
      {"PUT", "/v1/accounts/acme/windows", R"({"windows":"x"})", 400,
       "windows: "},
      {"POST", "/v1/accounts/none/keys", "{}", 404, "none"},
      {"POST", "/v1/accounts/acme/keys", R"({"expires_at":"soon"})", 400,
       "expires_at: "},
      {"POST", "/v1/accounts/acme/keys", R"({"scope":"admin"})", 400, "scope"},
      {"POST", "/v1/keys/xyz/reset", "{}", 400, "key"},
      {"POST", "/v1/keys/0123456789abcdef/reset", "{}", 404, "no key"},
      {"POST", "/v1/accounts/none/grants", R"({"credits":"1"})", 404, "none"},
      {"POST", "/v1/accounts/acme/grants", R"({"credits":"x"})", 400,
       "credits: "},
      {"POST", "/v1/accounts/acme/grants", "{}", 400, "credits: "},
      {"POST", "/v1/accounts/acme/grants", R"({"credits":"0"})", 400, "amount"},
      {"POST", "/v1/accounts/acme/grants", R"({"credits":"1","kind":"payed"})",
       400, "kind: "},
      {"POST", "/v1/accounts/acme/grants",
       R"({"credits":"1","operations":["avatar_vide"]})", 400, "avatar_video"},
      {"POST", "/v1/accounts/acme/grants",
       R"({"credits":"1","expires_at":"2027-13-01T00:00:00Z"})", 400,
       "expires_at: "},
  };
  for (const auto& row : kRows) {
    const HttpAnswer answer = Ask(row.method, row.path, row.body, "id");
    EXPECT_EQ(answer.status, row.status) << row.path << " " << answer.body;
    EXPECT_THAT(answer.body, HasSubstr(std::string(row.detail))) << row.path;
  }
  EXPECT_EQ(
      Ask("POST", "/v1/accounts/acme/grants", R"({"credits":"1"})").status,
      400);
  for (const HttpHeader& argument : std::vector<HttpHeader>{
           {"cursr", ""}, {"cursor", "*"}, {"limit", "0"}, {"limit", "1001"}}) {
    const HttpAnswer answer = Ask("GET", "/v1/accounts", "", "", {argument});
    EXPECT_EQ(answer.status, 400) << argument.name;
    EXPECT_THAT(answer.body, HasSubstr("the query: "));
  }
  EXPECT_EQ(Ask("GET", "/v1/accounts", "", "", {{"limit", "1"}, {"limit", "2"}})
                .status,
            400);
}

// They are made and replaced by the command line alone; any is ended here.
TEST_F(AccountRoutes, KeysOfServicesAreNotReplacedByHttp) {
  const MintedKey service = Mint("billing", ApiKeyScope::kService);
  const std::string path =
      absl::StrCat("/v1/keys/", service.record.id().ToString());
  EXPECT_EQ(Ask("POST", path + "/reset", "{}").status, 403);
  EXPECT_EQ(Ask("POST", path + "/deactivate").status, 200);
  EXPECT_FALSE(memory_.keys->Authenticate(service.secret.text(), now_).ok());
}

}  // namespace
}  // namespace konpro
