#include "konpro/access/service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/backend.h"
#include "konpro/access/memory_stores.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/account_command.h"
#include "konpro/limits/limiter_registry.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::_;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'040);
const UnixNanos kAt = UnixNanos::FromTime(kNow);

std::unique_ptr<Service> InMemory(size_t spare) {
  Service::Options options;
  options.spare_keys = options.spare_accounts = spare;
  return Service::Open(Catalog::BuiltIn(), Backend::InMemory(),
                       std::move(options))
      .value();
}

TEST(Service, LifeOfAJobNeedsNoFile) {
  const auto service = InMemory(10);
  const MintedKey key =
      service->admission().CreateKey({.account_id = "acme"}, kNow).value();
  ASSERT_THAT(service->ledger().Apply(
                  {.account = "acme",
                   .id = "welcome",
                   .at = kAt,
                   .request = GrantCommand{.amount = *Credits::Parse("100")}}),
              IsOk());
  ASSERT_TRUE(service->admission()
                  .Admit({.key = key.secret.text(),
                          .operation = "avatar_video",
                          .quantity = 90'000,
                          .id = "job-7"},
                         kAt)
                  .ok());
  const auto done =
      service->admission().Complete({"acme", "job-7", 84'000}, kAt);
  ASSERT_THAT(done, IsOk());
  EXPECT_EQ(done->balance.available, *Credits::Parse("16"));
  EXPECT_EQ(service->keys().List("acme").size(), 1u);
  EXPECT_EQ(service->accounts().size(), 1u);
}

TEST(Service, ABackendWithoutAStoreIsRefusedByItsName) {
  for (const std::string name : {"ledger", "keys", "accounts"}) {
    Backend backend = Backend::InMemory();
    if (name == "ledger") backend.ledger = nullptr;
    if (name == "keys") backend.keys = nullptr;
    if (name == "accounts") backend.accounts = nullptr;
    EXPECT_THAT(Service::Open(Catalog::BuiltIn(), std::move(backend), {}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("backend." + name)));
  }
}

// A backend of memory stores that outlive the service.
class Borrowed : public KeyStore {
 public:
  explicit Borrowed(KeyStore& store) : store_(store) {}
  absl::StatusOr<size_t> Count() override { return store_.Count(); }
  absl::Status Put(absl::Span<const ApiKeyRecord> records) override {
    return store_.Put(records);
  }
  absl::Status LoadAll(
      absl::FunctionRef<absl::Status(ApiKeyRecord record)> load) override {
    return store_.LoadAll(load);
  }

 private:
  KeyStore& store_;
};

TEST(Service, RoomForKeysIsBeyondThoseOfTheBackend) {
  MemoryKeyStore keys;
  for (int life = 0; life < 3; ++life) {
    Backend backend = Backend::InMemory();
    backend.keys = std::make_unique<Borrowed>(keys);
    Service::Options options;
    options.spare_keys = 2;
    options.spare_accounts = 1;
    const auto service = Service::Open(Catalog::BuiltIn(), std::move(backend),
                                       std::move(options))
                             .value();
    for (int i = 0; i < 2; ++i) {
      EXPECT_THAT(service->keys().Mint({.account_id = "acme"}, kNow), IsOk());
    }
    EXPECT_THAT(
        service->keys().Mint({.account_id = "acme"}, kNow),
        StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("keys")));
    EXPECT_EQ(keys.Count().value(), size_t(2 * life + 2));
  }
}

TEST(Service, RoomForAccountsIsBounded) {
  const auto service = InMemory(3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(service->admission().Provision(absl::StrCat("a", i), kNow),
                IsOk());
  }
  EXPECT_THAT(service->admission().Provision("a3", kNow),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
}

TEST(Service, RoomForKeysIsAtLeastThatForAccounts) {
  Service::Options options;
  options.spare_keys = 1;
  options.spare_accounts = 5;
  const auto service =
      Service::Open(Catalog::BuiltIn(), Backend::InMemory(), std::move(options))
          .value();
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(service->admission().Provision(absl::StrCat("a", i), kNow),
                IsOk());
  }
}

TEST(Service, WithoutSpareAccountsThereIsRoomForOne) {
  const auto service = InMemory(0);
  EXPECT_THAT(service->admission().Provision("a", kNow), IsOk());
  EXPECT_THAT(service->admission().Provision("b", kNow),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
}

TEST(Service, LastUsesAreWrittenWhenItEnds) {
  MemoryKeyStore keys;
  Backend backend = Backend::InMemory();
  backend.keys = std::make_unique<Borrowed>(keys);
  auto service =
      Service::Open(Catalog::BuiltIn(), std::move(backend), {}).value();
  const MintedKey key =
      service->admission().CreateKey({.account_id = "acme"}, kNow).value();
  ASSERT_TRUE(service->admission().Admit({.key = key.secret.text()}, kAt).ok());
  service.reset();
  const auto directory = KeyDirectory::Open(keys, {.keys_max = 10}).value();
  EXPECT_EQ(directory->Find(key.record.id())->last_used_at, kNow);
}

TEST(Service, ErrorOfRestoringLimitsIsItsOwn) {
  Service::Options options;
  options.restore_limits = [](LimiterRegistry&) {
    return absl::DataLossError("limits");
  };
  EXPECT_THAT(Service::Open(Catalog::BuiltIn(), Backend::InMemory(),
                            std::move(options)),
              StatusIs(absl::StatusCode::kDataLoss, "limits"));
}

}  // namespace
}  // namespace konpro
