#include "konpro/access/key_directory.h"

#include <stdlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/api_key.h"
#include "konpro/base/unix_nanos.h"
#include "tests/testing/faulty_key_store.h"
#include "tests/testing/status_matchers.h"

namespace {
size_t allocations = 0;
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  void* const block = malloc(size);
  if (block == nullptr) abort();
  return block;
}
void operator delete(void* block) noexcept { free(block); }
void operator delete(void* block, size_t) noexcept { free(block); }

namespace konpro {
namespace {

using ::konpro::testing::FaultyKeyStore;
using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'040);
constexpr absl::string_view kNeverMinted =
    "kp_0123456789ABCDEFGHIJKLMNOPQRST4FPlxO";

std::unique_ptr<KeyDirectory> OpenOf(KeyStore& store, size_t keys_max = 100) {
  return KeyDirectory::Open(store, {.keys_max = keys_max}).value();
}

UnixNanos At(absl::Duration later) { return UnixNanos::FromTime(kNow + later); }

ApiKeyVerdict VerdictOn(const KeyDirectory& directory, ApiKeyText text,
                        absl::Duration later = absl::ZeroDuration()) {
  return directory.Authenticate(text, At(later)).verdict();
}

TEST(KeyDirectory, MintedKeyAuthenticatesItsAccount) {
  FaultyKeyStore store;
  const auto directory = OpenOf(store);
  const auto key = directory->Mint({.account_id = "acme"}, kNow);
  ASSERT_THAT(key, IsOk());
  const Authentication who =
      directory->Authenticate(key->secret.text(), At(absl::Seconds(1)));
  EXPECT_TRUE(who.ok());
  EXPECT_EQ(who.verdict(), ApiKeyVerdict::kAccepted);
  EXPECT_EQ(who.account_id(), "acme");
  EXPECT_EQ(who.key_id(), key->record.id());
  EXPECT_EQ(who.handle(), 0u);
  EXPECT_EQ(key->record.last_four, key->secret.text().LastFour());
  EXPECT_EQ(key->record.digest, ApiKeyDigest::Of(key->secret.text()));
}

TEST(KeyDirectory, KeyKeepsItsScope) {
  FaultyKeyStore store;
  for (const ApiKeyScope scope :
       {ApiKeyScope::kCustomer, ApiKeyScope::kService, ApiKeyScope::kAdmin}) {
    auto directory = OpenOf(store);
    const auto key =
        directory->Mint({.account_id = "acme", .scope = scope}, kNow);
    ASSERT_THAT(key, IsOk());
    EXPECT_EQ(key->record.scope, scope);
    const auto next = directory->Reset({.key = key->record.id()}, kNow);
    ASSERT_THAT(next, IsOk());
    EXPECT_EQ(next->record.scope, scope);
    for (const auto& opened : {OpenOf(store), std::move(directory)}) {
      const Authentication who =
          opened->Authenticate(next->secret.text(), At({}));
      EXPECT_TRUE(who.ok());
      EXPECT_EQ(who.scope(), scope);
      EXPECT_EQ(opened->Find(next->record.id())->scope, scope);
    }
  }
}

TEST(KeyDirectory, VerdictsDifferForTheAuditTrailOnly) {
  FaultyKeyStore store;
  const auto directory = OpenOf(store);
  const auto live = directory->Mint({.account_id = "acme"}, kNow);
  const auto dead = directory->Mint({.account_id = "acme"}, kNow);
  const auto old = directory->Mint({.account_id = "acme"}, kNow);
  const auto brief = directory->Mint(
      {.account_id = "acme", .expires_at = kNow + absl::Seconds(1)}, kNow);
  ASSERT_THAT(directory->Deactivate(dead->record.id(), kNow), IsOk());
  ASSERT_THAT(directory->Reset({.key = old->record.id()}, kNow), IsOk());
  const std::string text(live->secret.text().Reveal());
  const std::string misspelt =
      text.substr(0, 38) + (text[38] == '0' ? "1" : "0");
  const struct {
    ApiKeyText text;
    ApiKeyVerdict verdict;
    absl::string_view name;
    absl::string_view account_id;
  } kCases[] = {
      {live->secret.text(), ApiKeyVerdict::kAccepted, "accepted", "acme"},
      {ApiKeyText(), ApiKeyVerdict::kMissing, "missing", ""},
      {ApiKeyText::Unreadable(), ApiKeyVerdict::kMalformed, "malformed", ""},
      {ApiKeyText(misspelt), ApiKeyVerdict::kMalformed, "malformed", ""},
      {ApiKeyText(kNeverMinted), ApiKeyVerdict::kUnknown, "unknown", ""},
      {dead->secret.text(), ApiKeyVerdict::kDeactivated, "deactivated", "acme"},
      {old->secret.text(), ApiKeyVerdict::kReplaced, "replaced", "acme"},
      {brief->secret.text(), ApiKeyVerdict::kExpired, "expired", "acme"},
  };
  ASSERT_THAT(directory->Bind("acme", 9), IsOk());
  for (const auto& c : kCases) {
    const size_t before = allocations;
    const Authentication who =
        directory->Authenticate(c.text, At(absl::Seconds(1)));
    EXPECT_EQ(allocations, before) << c.name;
    EXPECT_EQ(who.verdict(), c.verdict) << c.name;
    EXPECT_EQ(ApiKeyVerdictName(who.verdict()), c.name);
    EXPECT_EQ(who.account_id(), c.account_id) << c.name;
    EXPECT_EQ(who.ok(), c.verdict == ApiKeyVerdict::kAccepted) << c.name;
    EXPECT_EQ(who.handle(), who.ok() ? 9u : 0u) << c.name;
  }
}

TEST(KeyDirectory, KeyEndsExactlyAtItsExpiry) {
  FaultyKeyStore store;
  const auto directory = OpenOf(store);
  const auto key = directory->Mint(
      {.account_id = "acme",
       .expires_at = kNow + absl::Milliseconds(5) + absl::Nanoseconds(7)},
      kNow);
  EXPECT_EQ(key->record.ends_at, kNow + absl::Milliseconds(5));
  const ApiKeyText text = key->secret.text();
  EXPECT_EQ(
      VerdictOn(*directory, text, absl::Milliseconds(5) - absl::Nanoseconds(1)),
      ApiKeyVerdict::kAccepted);
  EXPECT_EQ(VerdictOn(*directory, text, absl::Milliseconds(5)),
            ApiKeyVerdict::kExpired);
  EXPECT_THAT(
      directory->Mint({.account_id = "acme", .expires_at = kNow}, kNow),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expires_at: ")));
  const auto never = directory->Mint({.account_id = "acme"}, kNow);
  EXPECT_TRUE(
      directory
          ->Authenticate(never->secret.text(),
                         UnixNanos::FromNanos(9'223'372'036'000'000'000))
          .ok());
}

// A caller's clock that is behind does not bring an ended key back.
TEST(KeyDirectory, EndedKeyIsDeadAtEveryTime) {
  FaultyKeyStore store;
  auto directory = OpenOf(store);
  const auto dead = directory->Mint({.account_id = "acme"}, kNow);
  const auto old = directory->Mint({.account_id = "acme"}, kNow);
  ASSERT_THAT(directory->Deactivate(dead->record.id(), kNow), IsOk());
  ASSERT_THAT(directory->Reset({.key = old->record.id()}, kNow), IsOk());
  for (int round = 0; round < 2; ++round) {
    for (const absl::Duration later :
         {-absl::Hours(1), -absl::Nanoseconds(1), absl::ZeroDuration(),
          absl::Hours(1), absl::InfiniteDuration(),
          -absl::InfiniteDuration()}) {
      EXPECT_EQ(VerdictOn(*directory, dead->secret.text(), later),
                ApiKeyVerdict::kDeactivated);
      EXPECT_EQ(VerdictOn(*directory, old->secret.text(), later),
                ApiKeyVerdict::kReplaced);
    }
    directory = OpenOf(store);
  }
}

TEST(KeyDirectory, ResetWithOverlapServesBothUntilItEnds) {
  FaultyKeyStore store;
  auto directory = OpenOf(store);
  ASSERT_THAT(directory->Bind("acme", 7), IsOk());
  const auto old = directory->Mint({.account_id = "acme"}, kNow);
  const auto next = directory->Reset(
      {.key = old->record.id(), .overlap = absl::Hours(1)}, kNow);
  ASSERT_THAT(next, IsOk());
  EXPECT_EQ(next->record.account_id, "acme");
  for (int round = 0; round < 2; ++round) {
    // One account, one handle: one balance and one window.
    const UnixNanos before = At(absl::Hours(1) - absl::Nanoseconds(1));
    for (const ApiKeyText text : {old->secret.text(), next->secret.text()}) {
      const Authentication who = directory->Authenticate(text, before);
      EXPECT_TRUE(who.ok());
      EXPECT_EQ(who.account_id(), "acme");
      EXPECT_EQ(who.handle(), 7u);
    }
    EXPECT_EQ(VerdictOn(*directory, old->secret.text(), absl::Hours(1)),
              ApiKeyVerdict::kReplaced);
    EXPECT_EQ(VerdictOn(*directory, next->secret.text(), absl::Hours(1)),
              ApiKeyVerdict::kAccepted);
    directory = OpenOf(store);
    ASSERT_THAT(directory->Bind("acme", 7), IsOk());
  }
  // The overlap can be cut short.
  ASSERT_THAT(directory->Deactivate(old->record.id(), kNow), IsOk());
  EXPECT_EQ(VerdictOn(*directory, old->secret.text()),
            ApiKeyVerdict::kDeactivated);
}

TEST(KeyDirectory, OverlapDoesNotOutliveTheOldKeysExpiry) {
  FaultyKeyStore store;
  const auto directory = OpenOf(store);
  const auto old = directory->Mint(
      {.account_id = "acme", .expires_at = kNow + absl::Minutes(1)}, kNow);
  const auto next = directory->Reset({.key = old->record.id(),
                                      .overlap = absl::Hours(1),
                                      .expires_at = kNow + absl::Hours(2)},
                                     kNow);
  EXPECT_EQ(directory->Find(old->record.id())->ends_at,
            kNow + absl::Minutes(1));
  EXPECT_EQ(next->record.ends_at, kNow + absl::Hours(2));
}

TEST(KeyDirectory, OnlyActiveKeysAreReset) {
  FaultyKeyStore store;
  const auto directory = OpenOf(store);
  const auto dead = directory->Mint({.account_id = "acme"}, kNow);
  const auto old = directory->Mint({.account_id = "acme"}, kNow);
  const auto brief = directory->Mint(
      {.account_id = "acme", .expires_at = kNow + absl::Seconds(1)}, kNow);
  ASSERT_THAT(directory->Deactivate(dead->record.id(), kNow), IsOk());
  ASSERT_THAT(directory->Reset(
                  {.key = old->record.id(), .overlap = absl::Hours(1)}, kNow),
              IsOk());
  const size_t puts = store.puts;
  const struct {
    ApiKeyId key;
    absl::Duration overlap;
    absl::StatusCode code;
    absl::string_view message;
  } kCases[] = {
      {dead->record.id(), absl::ZeroDuration(),
       absl::StatusCode::kFailedPrecondition, "deactivated"},
      {old->record.id(), absl::ZeroDuration(),
       absl::StatusCode::kFailedPrecondition, "replaced"},
      {brief->record.id(), absl::ZeroDuration(),
       absl::StatusCode::kFailedPrecondition, "expired"},
      {ApiKeyId(1), absl::ZeroDuration(), absl::StatusCode::kNotFound,
       "no key has id 0000000000000001"},
      {old->record.id(), -absl::Seconds(1), absl::StatusCode::kInvalidArgument,
       "overlap: -1s"},
      {old->record.id(), KeyDirectory::kOverlapMax + absl::Nanoseconds(1),
       absl::StatusCode::kInvalidArgument, "overlap: "},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(directory->Reset({.key = c.key, .overlap = c.overlap},
                                 kNow + absl::Seconds(1)),
                StatusIs(c.code, HasSubstr(std::string(c.message))));
  }
  EXPECT_EQ(store.puts, puts);
  EXPECT_THAT(directory->Deactivate(ApiKeyId(1), kNow),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no key")));
  EXPECT_THAT(directory->Find(ApiKeyId(1)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no key")));
}

TEST(KeyDirectory, KeyIsDurableBeforeItAuthenticates) {
  FaultyKeyStore store;
  const auto directory = OpenOf(store);
  const auto old = directory->Mint({.account_id = "acme"}, kNow);
  std::vector<size_t> written;
  store.during_put = [&](absl::Span<const ApiKeyRecord> records) {
    written.push_back(records.size());
    // While Reset() writes, nothing has changed: the old key is alive.
    EXPECT_EQ(VerdictOn(*directory, old->secret.text()),
              ApiKeyVerdict::kAccepted);
  };
  store.error = absl::UnavailableError("disk full");
  EXPECT_THAT(directory->Mint({.account_id = "acme"}, kNow),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("disk")));
  EXPECT_THAT(directory->Reset({.key = old->record.id()}, kNow),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("disk")));
  EXPECT_EQ(directory->List("acme").size(), 1u);
  EXPECT_EQ(VerdictOn(*directory, old->secret.text()),
            ApiKeyVerdict::kAccepted);
  store.error = absl::OkStatus();
  EXPECT_THAT(directory->Reset({.key = old->record.id()}, kNow), IsOk());
  // Both records of a reset in one step.
  EXPECT_THAT(written, ::testing::ElementsAre(1u, 2u, 2u));
}

TEST(KeyDirectory, DeactivationHoldsThoughTheStoreFails) {
  FaultyKeyStore store;
  const auto directory = OpenOf(store);
  const auto key = directory->Mint({.account_id = "acme"}, kNow);
  store.during_put = [&](absl::Span<const ApiKeyRecord>) {
    EXPECT_EQ(VerdictOn(*directory, key->secret.text()),
              ApiKeyVerdict::kDeactivated);
  };
  store.error = absl::UnavailableError("disk full");
  EXPECT_THAT(directory->Deactivate(key->record.id(), kNow),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("disk")));
  EXPECT_EQ(VerdictOn(*directory, key->secret.text()),
            ApiKeyVerdict::kDeactivated);
  EXPECT_EQ(store.rows[0].state, ApiKeyState::kActive);
  // Again, until it is written; the time is that of the first call.
  store.error = absl::OkStatus();
  EXPECT_THAT(directory->Deactivate(key->record.id(), kNow + absl::Hours(1)),
              IsOk());
  EXPECT_EQ(store.rows[0].state, ApiKeyState::kDeactivated);
  EXPECT_EQ(store.rows[0].changed_at, kNow);
  EXPECT_EQ(store.rows[0].ends_at, kNow);
}

TEST(KeyDirectory, DeactivationThatIsNotDurableSaysSoAndIsWrittenAgain) {
  FaultyKeyStore store;
  const auto directory = OpenOf(store);
  const auto first = directory->Mint({.account_id = "acme"}, kNow);
  const auto second = directory->Mint({.account_id = "acme"}, kNow);
  const auto third = directory->Mint({.account_id = "acme"}, kNow);
  const auto is_durable = [&](const auto& key) {
    return directory->Find(key->record.id())->is_durable;
  };
  store.error = absl::UnavailableError("disk full");
  for (const auto* key : {&first, &second, &first}) {
    EXPECT_THAT(directory->Deactivate((*key)->record.id(), kNow),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("disk")));
    EXPECT_FALSE(is_durable(*key));
  }
  EXPECT_TRUE(is_durable(third));
  EXPECT_FALSE(directory->List("acme")[0].is_durable);
  EXPECT_THAT(directory->RetryDeactivations(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("disk")));
  EXPECT_FALSE(is_durable(first));
  // A use that is saved meanwhile does not count as the deactivation.
  store.error = absl::OkStatus();
  EXPECT_THAT(directory->SaveLastUses(), IsOk());
  EXPECT_THAT(directory->RetryDeactivations(), IsOk());
  EXPECT_TRUE(is_durable(first));
  EXPECT_TRUE(is_durable(second));
  EXPECT_EQ(store.rows[0].state, ApiKeyState::kDeactivated);
  EXPECT_EQ(store.rows[1].state, ApiKeyState::kDeactivated);
  EXPECT_EQ(store.rows[2].state, ApiKeyState::kActive);
  const size_t puts = store.puts;
  EXPECT_THAT(directory->RetryDeactivations(), IsOk());
  EXPECT_EQ(store.puts, puts) << "there is nothing to write";
}

TEST(KeyDirectory, ListShowsWhatAnOwnerNeeds) {
  FaultyKeyStore store;
  const auto directory = OpenOf(store);
  const auto first = directory->Mint({.account_id = "acme"}, kNow);
  ASSERT_THAT(directory->Mint({.account_id = "other"}, kNow), IsOk());
  const auto second =
      directory->Reset({.key = first->record.id(), .overlap = absl::Hours(1)},
                       kNow + absl::Seconds(1));
  ASSERT_TRUE(
      directory->Authenticate(second->secret.text(), At(absl::Seconds(125)))
          .ok());
  const std::vector<ApiKeyRecord> keys = directory->List("acme");
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].id(), first->record.id());
  EXPECT_EQ(keys[0].last_four, first->secret.text().LastFour());
  EXPECT_EQ(keys[0].state, ApiKeyState::kReplaced);
  EXPECT_EQ(keys[0].created_at, kNow);
  EXPECT_EQ(keys[0].changed_at, kNow + absl::Seconds(1));
  EXPECT_EQ(keys[0].ends_at, kNow + absl::Seconds(1) + absl::Hours(1));
  EXPECT_EQ(keys[0].last_used_at, absl::InfinitePast());
  EXPECT_EQ(keys[1].id(), second->record.id());
  EXPECT_EQ(keys[1].state, ApiKeyState::kActive);
  EXPECT_EQ(keys[1].ends_at, absl::InfiniteFuture());
  EXPECT_EQ(keys[1].last_used_at, kNow + absl::Minutes(2));
  EXPECT_TRUE(directory->List("nobody").empty());
}

TEST(KeyDirectory, LastUseIsCoarseAndSavedOnRequest) {
  FaultyKeyStore store;
  auto directory = OpenOf(store);
  const auto key = directory->Mint({.account_id = "acme"}, kNow);
  const auto idle = directory->Mint({.account_id = "acme"}, kNow);
  const ApiKeyText text = key->secret.text();
  ASSERT_TRUE(directory->Authenticate(text, At(absl::Minutes(3))).ok());
  ASSERT_TRUE(directory->Authenticate(text, At(absl::Minutes(1))).ok());
  const auto last_used = [&] {
    return directory->Find(key->record.id())->last_used_at;
  };
  EXPECT_EQ(last_used(), kNow + absl::Minutes(3));  // it does not go back
  const size_t puts = store.puts;
  EXPECT_THAT(directory->SaveLastUses(), IsOk());
  EXPECT_THAT(directory->SaveLastUses(), IsOk());
  EXPECT_EQ(store.puts, puts + 1);
  directory = OpenOf(store);
  EXPECT_EQ(last_used(), kNow + absl::Minutes(3));
  EXPECT_EQ(directory->Find(idle->record.id())->last_used_at,
            absl::InfinitePast());
  // A refusal is no use.
  ASSERT_THAT(directory->Deactivate(key->record.id(), kNow), IsOk());
  EXPECT_FALSE(directory->Authenticate(text, At(absl::Hours(1))).ok());
  EXPECT_EQ(last_used(), kNow + absl::Minutes(3));
  ASSERT_TRUE(directory->Authenticate(idle->secret.text(), At({})).ok());
  store.error = absl::UnavailableError("disk full");
  EXPECT_THAT(directory->SaveLastUses(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("disk")));
  store.error = absl::OkStatus();
  EXPECT_THAT(directory->SaveLastUses(), IsOk());
  EXPECT_EQ(store.rows[1].last_used_at, kNow);
}

TEST(KeyDirectory, LastUsesAreSavedInChunks) {
  FaultyKeyStore store;
  const auto directory = OpenOf(store, 3'000);
  for (int i = 0; i < 2'500; ++i) {
    const auto key =
        directory->Mint({.account_id = absl::StrCat("a", i)}, kNow);
    ASSERT_TRUE(directory->Authenticate(key->secret.text(), At({})).ok());
  }
  std::vector<size_t> written;
  store.during_put = [&](absl::Span<const ApiKeyRecord> records) {
    written.push_back(records.size());
  };
  EXPECT_THAT(directory->SaveLastUses(), IsOk());
  EXPECT_THAT(written, ::testing::ElementsAre(1'024u, 1'024u, 452u));
}

TEST(KeyDirectory, HandleIsOfTheAccountNotOfTheKey) {
  FaultyKeyStore store;
  const auto directory = OpenOf(store);
  const auto before = directory->Mint({.account_id = "acme"}, kNow);
  ASSERT_THAT(directory->Bind("acme", 1), IsOk());
  ASSERT_THAT(directory->Bind("other", 2), IsOk());
  const auto after = directory->Mint({.account_id = "acme"}, kNow);
  const auto other = directory->Mint({.account_id = "other"}, kNow);
  const auto handle = [&](const absl::StatusOr<MintedKey>& key) {
    return directory->Authenticate(key->secret.text(), At({})).handle();
  };
  EXPECT_EQ(handle(before), 1u);
  EXPECT_EQ(handle(after), 1u);
  EXPECT_EQ(handle(other), 2u);
  ASSERT_THAT(directory->Bind("acme", 3), IsOk());
  EXPECT_EQ(handle(before), 3u);
  EXPECT_EQ(handle(after), 3u);
  EXPECT_EQ(handle(other), 2u);
}

TEST(KeyDirectory, LimitsAreKept) {
  FaultyKeyStore store;
  EXPECT_THAT(KeyDirectory::Open(store, {.keys_max = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0")));
  EXPECT_THAT(
      KeyDirectory::Open(store, {.keys_max = KeyDirectory::kKeysMaxMax + 1}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("keys_max: ")));
  const auto directory = OpenOf(store, 2);
  for (absl::string_view id :
       {absl::string_view(""), absl::string_view("a b")}) {
    EXPECT_THAT(directory->Mint({.account_id = id}, kNow),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("account_id: ")));
    EXPECT_THAT(directory->Bind(id, 1),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("account_id: ")));
  }
  EXPECT_THAT(directory->Mint({.account_id = std::string(129, 'a')}, kNow),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("128")));
  const auto key = directory->Mint({.account_id = "a"}, kNow);
  ASSERT_THAT(directory->Mint({.account_id = "b"}, kNow), IsOk());
  const size_t puts = store.puts;
  EXPECT_THAT(directory->Mint({.account_id = "c"}, kNow),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("2")));
  EXPECT_THAT(directory->Reset({.key = key->record.id()}, kNow),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("2")));
  EXPECT_THAT(directory->Bind("c", 1),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("2")));
  EXPECT_EQ(store.puts, puts);
  EXPECT_THAT(
      KeyDirectory::Open(store, {.keys_max = 1}),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("more than 1")));
}

TEST(KeyDirectory, AnAccountHasSoManyLiveKeys) {
  FaultyKeyStore store;
  const auto directory = OpenOf(store);
  ApiKeyId first;
  for (size_t i = 0; i < KeyDirectory::kLiveKeysMax; ++i) {
    const auto key = directory->Mint({.account_id = "acme"}, kNow);
    ASSERT_THAT(key, IsOk());
    if (i == 0) first = key->record.id();
  }
  EXPECT_THAT(directory->Mint({.account_id = "acme"}, kNow),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("64")));
  EXPECT_THAT(directory->Reset({.key = first, .overlap = absl::Hours(1)}, kNow),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("64")));
  EXPECT_THAT(directory->Mint({.account_id = "other"}, kNow), IsOk());
  // Ending one at once makes room for its successor, or for another.
  const auto next = directory->Reset({.key = first}, kNow);
  ASSERT_THAT(next, IsOk());
  ASSERT_THAT(directory->Deactivate(next->record.id(), kNow), IsOk());
  EXPECT_THAT(directory->Mint({.account_id = "acme"}, kNow), IsOk());
}

TEST(KeyDirectory, RecordsThatNoDirectoryWroteAreDataLoss) {
  FaultyKeyStore good;
  const auto key = OpenOf(good)->Mint({.account_id = "acme"}, kNow);
  ASSERT_THAT(key, IsOk());
  const struct {
    absl::string_view what;
    void (*damage)(std::vector<ApiKeyRecord>& rows);
  } kCases[] = {
      {"account_id: ", [](auto& rows) { rows[0].account_id = ""; }},
      {"last_four: ", [](auto& rows) { rows[0].last_four = "abc"; }},
      {"last_four: ", [](auto& rows) { rows[0].last_four = "ab c"; }},
      {"state: ", [](auto& rows) { rows[0].state = ApiKeyState{0}; }},
      {"state: ", [](auto& rows) { rows[0].state = ApiKeyState{4}; }},
      {"scope: ", [](auto& rows) { rows[0].scope = ApiKeyScope{0}; }},
      {"scope: ", [](auto& rows) { rows[0].scope = ApiKeyScope{4}; }},
      {"there twice", [](auto& rows) { rows.push_back(rows[0]); }},
  };
  for (const auto& c : kCases) {
    FaultyKeyStore store;
    store.rows = good.rows;
    c.damage(store.rows);
    EXPECT_THAT(
        KeyDirectory::Open(store, {.keys_max = 10}),
        StatusIs(absl::StatusCode::kDataLoss,
                 ::testing::AllOf(HasSubstr(key->record.id().ToString()),
                                  HasSubstr(std::string(c.what)))));
  }
  FaultyKeyStore broken;
  broken.error = absl::DataLossError("page 7");
  EXPECT_THAT(KeyDirectory::Open(broken, {.keys_max = 10}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("page 7")));
}

// The first bytes of a digest are a key's id and find its slot; they let nobody
// in.
TEST(KeyDirectory, OnlyTheWholeDigestCounts) {
  FaultyKeyStore store;
  const auto key = OpenOf(store)->Mint({.account_id = "acme"}, kNow);
  ASSERT_TRUE(OpenOf(store)->Authenticate(key->secret.text(), At({})).ok());
  for (size_t i = 0; i < ApiKeyDigest::kBytes; ++i) {
    std::string other(key->record.digest.bytes());
    other[i] = static_cast<char>(other[i] ^ 1);
    store.rows[0].digest = *ApiKeyDigest::FromBytes(other);
    const Authentication who =
        OpenOf(store)->Authenticate(key->secret.text(), At({}));
    EXPECT_EQ(who.verdict(), ApiKeyVerdict::kUnknown) << i;
    EXPECT_EQ(who.account_id(), "") << i;
    // Nor do keys with the same last digits hide each other.
    if (i >= sizeof(ApiKeyId)) continue;
    store.rows.push_back(key->record);
    EXPECT_EQ(VerdictOn(*OpenOf(store), key->secret.text()),
              ApiKeyVerdict::kAccepted)
        << i;
    store.rows.pop_back();
  }
}

TEST(KeyDirectory, DeactivatedRecordIsDeadWhateverItsTimes) {
  FaultyKeyStore store;
  const auto key = OpenOf(store)->Mint({.account_id = "acme"}, kNow);
  store.rows[0].state = ApiKeyState::kDeactivated;
  store.rows[0].ends_at = absl::InfiniteFuture();
  EXPECT_EQ(VerdictOn(*OpenOf(store), key->secret.text()),
            ApiKeyVerdict::kDeactivated);
}

// Every slot that may be taken is: look-ups walk past many others.
TEST(KeyDirectory, FullDirectoryKnowsEveryKey) {
  FaultyKeyStore store;
  constexpr size_t kKeys = 3'000;
  const auto directory = OpenOf(store, kKeys);
  std::vector<MintedKey> keys;
  for (size_t i = 0; i < kKeys; ++i) {
    auto key = directory->Mint({.account_id = absl::StrCat("a", i)}, kNow);
    ASSERT_THAT(key, IsOk());
    keys.push_back(*std::move(key));
  }
  for (const MintedKey& key : keys) {
    const Authentication who =
        directory->Authenticate(key.secret.text(), At({}));
    ASSERT_TRUE(who.ok());
    ASSERT_EQ(who.account_id(), key.record.account_id);
    ASSERT_EQ(directory->Find(key.record.id())->account_id,
              key.record.account_id);
  }
  EXPECT_EQ(VerdictOn(*directory, ApiKeyText(kNeverMinted)),
            ApiKeyVerdict::kUnknown);
}

// A list of keys with what each must be, against the directory, which is
// opened again now and then; the store fails now and then.
class Model {
 public:
  struct Key {
    ApiKeySecret secret;
    ApiKeyId id;
    std::string account_id;
    absl::Time ends_at;  // InfinitePast() where it is dead for good
    bool active = true;
    bool lost = false;  // dead here, alive on disk
  };

  explicit Model(uint64_t seed) : random_(seed) {}

  void Step() {
    now_ += absl::Milliseconds(static_cast<int64_t>(random_() % 500));
    store_.error = random_() % 5 == 0 ? absl::UnavailableError("disk full")
                                      : absl::OkStatus();
    switch (random_() % 6) {
      case 0:
        return Mint();
      case 1:
        return Reset();
      case 2:
        return Deactivate();
      case 3:
        return Open();
      default:
        return Check();
    }
  }

 private:
  bool Chance() { return random_() % 2 == 0; }
  bool IsLive(const Key& key) const { return key.ends_at > now_; }

  void Mint() {
    const std::string account = absl::StrCat("a", random_() % 3);
    const absl::Time end =
        Chance() ? absl::InfiniteFuture() : now_ + absl::Milliseconds(700);
    Add(directory_->Mint({.account_id = account, .expires_at = end}, now_),
        account, end);
  }

  void Reset() {
    if (keys_.empty()) return;
    Key& old = keys_[random_() % keys_.size()];
    const absl::Duration overlap =
        Chance() ? absl::ZeroDuration() : absl::Milliseconds(900);
    auto next = directory_->Reset({.key = old.id, .overlap = overlap}, now_);
    if (!old.active || !IsLive(old)) {
      EXPECT_THAT(next, StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr("not active")));
      return;
    }
    if (next.ok()) {
      old.active = false;
      old.ends_at = overlap == absl::ZeroDuration()
                        ? absl::InfinitePast()
                        : std::min(old.ends_at, now_ + overlap);
    }
    Add(std::move(next), std::string(old.account_id), absl::InfiniteFuture());
  }

  void Deactivate() {
    if (keys_.empty()) return;
    Key& key = keys_[random_() % keys_.size()];
    const absl::Status status = directory_->Deactivate(key.id, now_);
    EXPECT_EQ(status.ok(), store_.error.ok());
    key.active = false;
    key.ends_at = absl::InfinitePast();
    key.lost = !status.ok();
  }

  // What is dead here alone would live again: written first, as the header
  // tells callers.
  void Open() {
    store_.error = absl::OkStatus();
    for (Key& key : keys_) {
      if (!key.lost) continue;
      EXPECT_THAT(directory_->Deactivate(key.id, now_), IsOk());
      key.lost = false;
    }
    directory_ = OpenOf(store_, kKeysMax);
    Check();
  }

  void Check() {
    for (const Key& key : keys_) {
      const Authentication who = directory_->Authenticate(
          key.secret.text(), UnixNanos::FromTime(now_));
      ASSERT_EQ(who.ok(), IsLive(key)) << key.id;
      ASSERT_EQ(who.account_id(), key.account_id);
    }
  }

  void Add(absl::StatusOr<MintedKey> key, std::string account, absl::Time end) {
    ASSERT_EQ(key.ok(), store_.error.ok()) << key.status();
    if (!key.ok()) return;
    const ApiKeyId id = key->record.id();
    keys_.push_back({std::move(key->secret), id, std::move(account), end});
  }

  static constexpr size_t kKeysMax = 400;

  std::mt19937_64 random_;
  FaultyKeyStore store_;
  absl::Time now_ = kNow;
  std::unique_ptr<KeyDirectory> directory_ = OpenOf(store_, kKeysMax);
  std::vector<Key> keys_;
};

TEST(KeyDirectory, AgreesWithAListOfKeys) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Model model(seed);
    for (int i = 0; i < 400; ++i) model.Step();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace konpro
