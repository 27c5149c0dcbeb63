// The examples in the headers of konpro/access, as they stand there.
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/account_directory.h"
#include "konpro/access/admission.h"
#include "konpro/access/admission_result.h"
#include "konpro/access/api_key.h"
#include "konpro/access/backend.h"
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
#include "proto/limiter.pb.h"
#include "tests/testing/memory_admission.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::MemoryAdmission;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const absl::Time now = absl::FromUnixSeconds(1'700'000'040);
const UnixNanos at = UnixNanos::FromTime(now);

TEST(HeaderExamples, AccountDirectory) {
  MemoryAccountStore store;
  auto directory = *AccountDirectory::Open(store);
  ASSERT_THAT(directory->Put({.account_id = "acme", .plan = "pro"}), IsOk());
  EXPECT_EQ(directory->Find("acme")->plan, "pro");
}

TEST(HeaderExamples, AdmissionAndResult) {
  MemoryAdmission memory;
  const Admission::Parts parts = memory.parts();
  memory.Grant("acme", "100", at);
  auto admission = *Admission::Open(parts, {});
  MintedKey key = *admission->CreateKey({.account_id = "acme"}, now);
  AdmissionResult a = admission->Admit({.key = key.secret.text(),
                                        .operation = "avatar_video",
                                        .quantity = 90'000,
                                        .id = "job-7"},
                                       at);
  EXPECT_TRUE(a.ok());
  EXPECT_EQ(a.reservation, "job-7");
  EXPECT_EQ(admission->Complete({"acme", "job-7", 84'000}, at)->charged,
            *Credits::Parse("84"));
  const std::string text(key.secret.text().Reveal());
  const std::vector<HttpHeader> headers = {{"X-Api-Key", text}};
  AdmissionResult poor = admission->Admit({.key = ApiKeyFromHeaders(headers),
                                           .operation = "avatar_video",
                                           .quantity = 90'000,
                                           .id = "job-8"},
                                          at);
  EXPECT_EQ(poor.reason, AdmissionReason::kInsufficientCredits);
  EXPECT_EQ(poor.need, *Credits::Parse("90"));
  EXPECT_EQ(poor.available, *Credits::Parse("16"));
  EXPECT_EQ(poor.shortfall, *Credits::Parse("74"));
}

TEST(HeaderExamples, ApiKey) {
  absl::StatusOr<ApiKeySecret> secret = ApiKeySecret::Mint();
  EXPECT_THAT(std::string(secret->text().Reveal()), StartsWith("kp_"));
  EXPECT_EQ(secret->text().Reveal().size(), 3u + 36u);
  const ApiKeyText presented(secret->text().Reveal());
  EXPECT_TRUE(presented.IsWellFormed());
  EXPECT_TRUE(ApiKeyDigest::Of(presented) == ApiKeyDigest::Of(secret->text()));
}

TEST(HeaderExamples, BackendAndService) {
  const Catalog& catalog = Catalog::BuiltIn();
  Backend memory = Backend::InMemory();
  EXPECT_NE(memory.ledger, nullptr);
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
  const std::string text = " " + std::string(minted.secret.text().Reveal());
  const std::vector<HttpHeader> headers = {{"X-Api-Key", text}};
  const ApiKeyText key = ApiKeyFromHeaders(headers);
  HttpAnswer answer =
      AnswerOf(memory.admission->Admit({.key = key,
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
                        "\"need\":{\"credits\":\"90\",\"ticks\":\"540000000\"}"
                        ",\"available\":{"));
}

TEST(HeaderExamples, KeyDirectory) {
  MemoryKeyStore store;
  auto directory = *KeyDirectory::Open(store, {.keys_max = 1'000'000});
  MintedKey key = *directory->Mint({.account_id = "acme"}, now);
  ASSERT_THAT(directory->Bind("acme", 7), IsOk());
  const ApiKeyText text = key.secret.text();
  EXPECT_TRUE(directory->Authenticate(text, at).ok());
  EXPECT_EQ(directory->Authenticate(text, at).handle(), 7u);
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
  MemoryKeyStore store;
  auto keys = KeyDirectory::Open(store, {.keys_max = 1'000});
  EXPECT_THAT(keys, IsOk());
}

}  // namespace
}  // namespace konpro
