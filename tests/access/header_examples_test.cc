// The examples of the room's public headers, as they stand there.
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/account_directory.h"
#include "konpro/access/admission.h"
#include "konpro/access/admission_result.h"
#include "konpro/access/api_key.h"
#include "konpro/access/backend.h"
#include "konpro/access/backup.h"
#include "konpro/access/http.h"
#include "konpro/access/key_directory.h"
#include "konpro/access/limiter_snapshot.h"
#include "konpro/access/memory_stores.h"
#include "konpro/access/service.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/account_command.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/limits/rate_window.h"
#include "konpro/sqlite/sqlite_backend.h"
#include "proto/limiter.pb.h"
#include "tests/testing/memory_admission.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::MemoryAdmission;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const absl::Time now = absl::FromUnixSeconds(1'700'000'040);
const UnixNanos at = UnixNanos::FromTime(now);

TEST(HeaderExamples, AccountDirectory) {
  MemoryAccountStore store;
  // account_directory.h
  auto directory = *AccountDirectory::Open(store);
  ASSERT_THAT(directory->Put({.account_id = "acme", .plan = "pro"}), IsOk());
  EXPECT_EQ(directory->Find("acme")->plan, "pro");
}

TEST(HeaderExamples, Admission) {
  MemoryAdmission memory;
  const Admission::Parts parts = memory.parts();
  memory.Grant("acme", "100", at);
  // admission.h
  auto admission = *Admission::Open(parts, {});
  MintedKey key = *admission->CreateKey({.account_id = "acme"}, now);
  AdmissionResult a = admission->Admit({.key = key.secret.text(),
                                        .operation = "avatar_video",
                                        .quantity = 90'000,
                                        .id = "job-7"},
                                       at);
  EXPECT_TRUE(a.ok());
  EXPECT_EQ(admission->Complete({"acme", "job-7", 84'000}, at)->charged,
            *Credits::Parse("84"));
}

TEST(HeaderExamples, AdmissionResult) {
  for (const bool rich : {true, false}) {
    MemoryAdmission memory;
    memory.Grant("acme", rich ? "100" : "16", at);
    Admission* const admission = memory.admission.get();
    const MintedKey minted =
        admission->CreateKey({.account_id = "acme"}, now).value();
    const std::string text(minted.secret.text().Reveal());
    const std::vector<HttpHeader> headers = {{"X-Api-Key", text}};
    // admission_result.h
    AdmissionResult a = admission->Admit({.key = ApiKeyFromHeaders(headers),
                                          .operation = "avatar_video",
                                          .quantity = 90'000,
                                          .id = "job-7"},
                                         at);
    EXPECT_EQ(a.ok(), rich);
    if (rich) {
      EXPECT_EQ(a.reservation, "job-7");
      continue;
    }
    EXPECT_EQ(a.reason, AdmissionReason::kInsufficientCredits);
    const std::vector<Credits> amounts = {a.need, a.held, a.available,
                                          a.shortfall};
    EXPECT_THAT(amounts,
                ElementsAre(*Credits::Parse("90"), Credits(),
                            *Credits::Parse("16"), *Credits::Parse("74")));
  }
}

TEST(HeaderExamples, ApiKey) {
  // api_key.h
  absl::StatusOr<ApiKeySecret> secret = ApiKeySecret::Mint();
  const std::string header_value(secret->text().Reveal());
  EXPECT_THAT(header_value, StartsWith("kp_"));
  EXPECT_EQ(header_value.size(), 3u + 36u);
  const ApiKeyText presented(header_value);
  EXPECT_TRUE(presented.IsWellFormed());
  EXPECT_TRUE(ApiKeyDigest::Of(presented) == ApiKeyDigest::Of(secret->text()));
}

TEST(HeaderExamples, Backend) {
  // backend.h
  Backend memory = Backend::InMemory();
  EXPECT_NE(memory.ledger, nullptr);
  ASSERT_EQ(chdir(std::getenv("TEST_TMPDIR")), 0);
  Backend file = *OpenSqliteBackend("credits.db", {});
  EXPECT_NE(file.ledger, nullptr);
}

TEST(HeaderExamples, Service) {
  const Catalog& catalog = Catalog::BuiltIn();
  // service.h
  auto service = *Service::Open(catalog, Backend::InMemory(), {});
  ASSERT_THAT(service->admission().CreateKey({.account_id = "acme"}, now),
              IsOk());
  EXPECT_EQ(service->ledger().BalanceOf("acme", at).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(HeaderExamples, Http) {
  MemoryAdmission memory;
  const MintedKey minted =
      memory.admission->CreateKey({.account_id = "acme"}, now).value();
  Admission* const admission = memory.admission.get();
  const std::string text = " " + std::string(minted.secret.text().Reveal());
  // http.h
  const std::vector<HttpHeader> headers = {{"X-Api-Key", text}};
  const ApiKeyText key = ApiKeyFromHeaders(headers);
  HttpAnswer answer = AnswerOf(admission->Admit({.key = key,
                                                 .operation = "avatar_video",
                                                 .quantity = 90'000,
                                                 .id = "job-7"},
                                                at));
  EXPECT_EQ(answer.status, 402);
  EXPECT_EQ(answer.fields[0].value, "application/problem+json");
  EXPECT_EQ(answer.fields[1].name, "RateLimit-Policy");
  EXPECT_EQ(answer.fields[2].name, "RateLimit");
  EXPECT_THAT(answer.body,
              StartsWith("{\"type\":\"tag:konpro.ai,2025:insufficient_credits"
                         "\",\"title\":\"Insufficient credits\","
                         "\"status\":402,"));
  EXPECT_THAT(answer.body,
              HasSubstr("\"code\":\"insufficient_credits\",\"retryable\":false,"
                        "\"needs_new_id\":true,"
                        "\"need\":{\"credits\":\"90\",\"ticks\":\"540000000\"}"
                        ",\"held\":{\"credits\":\"0\",\"ticks\":\"0\"}"
                        ",\"available\":{"));
}

TEST(HeaderExamples, Backup) {
  auto service = *Service::Open(Catalog::BuiltIn(), Backend::InMemory(), {});
  ASSERT_THAT(service->admission().CreateKey({.account_id = "acme"}, now),
              IsOk());
  for (const char* id : {"1", "2", "3", "4", "5", "6", "7"}) {
    ASSERT_THAT(service->ledger().Apply(
                    {.account = "acme",
                     .id = id,
                     .at = at,
                     .request = GrantCommand{.amount = *Credits::Parse("1")}}),
                IsOk());
  }
  // backup.h
  Backend copy = Backend::InMemory();
  EXPECT_EQ(BackUp(*service, /*through=*/6, copy)->entries, 6);
  EXPECT_EQ(copy.keys->Count().value(), 1);
}

TEST(HeaderExamples, KeyDirectory) {
  MemoryKeyStore store;
  const UnixNanos unix_nanos = at;
  // key_directory.h
  auto directory = *KeyDirectory::Open(store, {.keys_max = 1'000'000});
  MintedKey key = *directory->Mint({.account_id = "acme"}, now);
  const std::string shown(key.secret.text().Reveal());
  const ApiKeyText text(shown);
  ASSERT_THAT(directory->Bind("acme", 7), IsOk());
  EXPECT_TRUE(directory->Authenticate(text, unix_nanos).ok());
  EXPECT_EQ(directory->Authenticate(text, unix_nanos).handle(), 7u);
  const ApiKeyId id = key.record.id();
  ASSERT_THAT(directory->Reset({.key = id, .overlap = absl::Hours(24)}, now),
              IsOk());
  EXPECT_TRUE(directory->Authenticate(text, at).ok());
  ASSERT_THAT(directory->Deactivate(id, now), IsOk());
  EXPECT_FALSE(directory->Authenticate(text, at).ok());
}

TEST(HeaderExamples, LimiterSnapshot) {
  auto registry = *LimiterRegistry::Create({.capacity = 10});
  ASSERT_THAT(registry->Insert("acme", ParseWindows("minute:2/1m").value()),
              IsOk());
  ASSERT_TRUE(registry->TryAcquire("acme", 1, at).allowed());
  std::vector<v1::LimiterSnapshot> parts;
  // limiter_snapshot.h
  ASSERT_THAT(HandOverLimiter(*registry,
                              [&](const v1::LimiterSnapshot& part) {
                                parts.push_back(part);
                              }),
              IsOk());
  auto larger = *LimiterRegistry::Create({.capacity = 20});
  for (const v1::LimiterSnapshot& part : parts) {
    ASSERT_THAT(RestoreLimiter(part, *larger), IsOk());
  }
  EXPECT_TRUE(larger->TryAcquire("acme", 1, at).allowed());
  EXPECT_FALSE(larger->TryAcquire("acme", 1, at).allowed());
}

TEST(HeaderExamples, MemoryStores) {
  // memory_stores.h
  MemoryKeyStore store;
  auto keys = KeyDirectory::Open(store, {.keys_max = 1'000});
  EXPECT_THAT(keys, IsOk());
}

}  // namespace
}  // namespace konpro
