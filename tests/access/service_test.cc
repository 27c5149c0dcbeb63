#include "konpro/access/service.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/backend.h"
#include "konpro/access/memory_stores.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/allowance.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/store.h"
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

// Stores that fail together, as those of a disk do.
struct Disk {
  absl::Status error;
  int writes = 0;
  absl::Status Write() {
    ++writes;
    return error;
  }
};

class DiskStore : public MemoryStore {
 public:
  explicit DiskStore(Disk& disk) : disk_(disk) {}
  absl::Status Append(const JournalHead& head,
                      absl::Span<const StoredEntry> entries) override {
    const absl::Status status = disk_.Write();
    return status.ok() ? MemoryStore::Append(head, entries) : status;
  }
  absl::Status WriteSnapshots(
      absl::Span<const SnapshotChange> changes) override {
    const absl::Status status = disk_.Write();
    return status.ok() ? MemoryStore::WriteSnapshots(changes) : status;
  }

 private:
  Disk& disk_;
};

class DiskKeyStore : public MemoryKeyStore {
 public:
  explicit DiskKeyStore(Disk& disk) : disk_(disk) {}
  absl::Status Put(absl::Span<const ApiKeyRecord> records) override {
    const absl::Status status = disk_.Write();
    return status.ok() ? MemoryKeyStore::Put(records) : status;
  }

 private:
  Disk& disk_;
};

class DiskAccountStore : public MemoryAccountStore {
 public:
  explicit DiskAccountStore(Disk& disk) : disk_(disk) {}
  absl::Status Put(const AccountRecord& record) override {
    const absl::Status status = disk_.Write();
    return status.ok() ? MemoryAccountStore::Put(record) : status;
  }

 private:
  Disk& disk_;
};

class ServiceOnADisk : public ::testing::Test {
 protected:
  ServiceOnADisk() {
    Service::Options options;
    options.spare_keys = options.spare_accounts = 10;
    options.on_store = [this](const absl::Status& status) {
      noted_.push_back(status.code());
    };
    service_ =
        Service::Open(
            Catalog::BuiltIn(),
            Backend{.ledger = std::make_unique<DiskStore>(disk_),
                    .keys = std::make_unique<DiskKeyStore>(disk_),
                    .accounts = std::make_unique<DiskAccountStore>(disk_)},
            std::move(options))
            .value();
  }

  absl::Status Grant(absl::string_view id) {
    return service_->ledger()
        .Apply({.account = "acme",
                .id = id,
                .at = kAt,
                .request = GrantCommand{.amount = *Credits::Parse("1")}})
        .status();
  }

  Disk disk_;
  std::vector<absl::StatusCode> noted_;
  std::unique_ptr<Service> service_;
};

// Whatever a backend calls it.
TEST_F(ServiceOnADisk, ItsTroubleIsUnavailableUntilAWriteSucceeds) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kResourceExhausted, absl::StatusCode::kUnavailable,
        absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kUnknown,
        absl::StatusCode::kPermissionDenied, absl::StatusCode::kNotFound,
        absl::StatusCode::kFailedPrecondition}) {
    SCOPED_TRACE(absl::StatusCodeToString(code));
    noted_.clear();
    disk_.error = absl::Status(code, "the disk");
    const auto is_trouble = StatusIs(absl::StatusCode::kUnavailable, _);
    EXPECT_THAT(Grant("g"), is_trouble);
    EXPECT_THAT(Grant("g"), is_trouble);
    EXPECT_THAT(service_->keys().Mint({.account_id = "acme"}, kNow),
                is_trouble);
    EXPECT_THAT(service_->admission().Provision("new", kNow), is_trouble);
    EXPECT_THAT(service_->StoreStatus(), is_trouble);
    service_->RetryWrites();
    EXPECT_THAT(service_->StoreStatus(), is_trouble);
    disk_.error = absl::OkStatus();
    EXPECT_THAT(service_->StoreStatus(), is_trouble);
    service_->RetryWrites();
    EXPECT_THAT(service_->StoreStatus(), IsOk());
    // Each failure, also of what the ledger does to open again.
    ASSERT_GE(noted_.size(), 6u);
    EXPECT_EQ(noted_.back(), absl::StatusCode::kOk);
    EXPECT_EQ(noted_.front(), absl::StatusCode::kUnavailable);
  }
  EXPECT_THAT(Grant("g"), IsOk());
  EXPECT_EQ(service_->ledger().Head()->sequence, 1u);
}

TEST_F(ServiceOnADisk, WithoutTroubleNothingIsWrittenAgain) {
  ASSERT_THAT(Grant("g"), IsOk());
  const int writes = disk_.writes;
  service_->RetryWrites();
  EXPECT_EQ(disk_.writes, writes);
  EXPECT_TRUE(noted_.empty());
}

TEST_F(ServiceOnADisk, WhatTookEffectIsWrittenAgain) {
  const MintedKey key =
      service_->admission().CreateKey({.account_id = "acme"}, kNow).value();
  disk_.error = absl::UnavailableError("disk full");
  const auto is_trouble = StatusIs(absl::StatusCode::kUnavailable, _);
  EXPECT_THAT(service_->keys().Deactivate(key.record.id(), kNow), is_trouble);
  EXPECT_THAT(service_->admission().Suspend("acme", kNow), is_trouble);
  const auto expect = [&](bool is_durable) {
    EXPECT_EQ(service_->keys().Find(key.record.id())->is_durable, is_durable);
    EXPECT_FALSE(service_->keys().Find(key.record.id())->IsAliveAt(kNow));
    EXPECT_TRUE(service_->accounts().Find("acme")->is_suspended);
    EXPECT_EQ(service_->accounts().Find("acme")->is_durable, is_durable);
  };
  expect(false);
  service_->RetryWrites();
  expect(false);
  disk_.error = absl::OkStatus();
  service_->RetryWrites();
  expect(true);
}

TEST(Service, ACommandThatNamesAnUnknownOperationIsNotJournaled) {
  const auto service = InMemory(10);
  Allowance::Spec spec;
  spec.source = "plan";
  spec.item = "credits";
  spec.amount = *Credits::Parse("1");
  spec.anchor = absl::CivilDay(2023, 1, 1);
  spec.operations = {"photoavatar"};
  const LedgerRequest kRequests[] = {
      GrantCommand{.amount = spec.amount, .operations = {"photoavatar"}},
      AllowanceCommand{Allowance::Create(spec).value()},
      LedgerReserve{.operation = "photoavatar", .timeout = absl::Hours(1)},
      SpendCommand{.operation = "photoavatar"},
  };
  for (const LedgerRequest& request : kRequests) {
    EXPECT_THAT(
        service->ledger().Apply(
            {.account = "acme", .id = "x", .at = kAt, .request = request}),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr("did you mean \"photo_avatar\"?")));
  }
  EXPECT_EQ(service->ledger().Head()->sequence, 0u);
  EXPECT_THAT(
      service->ledger().Apply(
          {.account = "acme", .id = "x", .at = kAt, .request = SpendCommand{}}),
      IsOk());
}

TEST(Service, CommandsNameOperationsOfTheCatalogThatReplacedTheFirst) {
  const Catalog& built_in = Catalog::BuiltIn();
  Catalog::Spec spec = {.version = "relic"};
  spec.operations.assign(built_in.operations().begin(),
                         built_in.operations().end());
  spec.operations.push_back({"relic", QuantityUnit::kCount, "piece"});
  spec.plans.assign(built_in.plans().begin(), built_in.plans().end());
  const Catalog next = Catalog::Create(spec).value();
  const auto service = InMemory(10);
  const auto grant = [&](absl::string_view operation) {
    return service->ledger()
        .Apply(
            {.account = "acme",
             .id = "x",
             .at = kAt,
             .request = GrantCommand{.amount = *Credits::Parse("1"),
                                     .operations = {std::string(operation)}}})
        .status();
  };
  EXPECT_THAT(grant("relic"), StatusIs(absl::StatusCode::kInvalidArgument, _));
  ASSERT_THAT(service->SetCatalog(next), IsOk());
  EXPECT_EQ(&service->admission().catalog(), &next);
  EXPECT_THAT(grant("relic"), IsOk());
  // One that is refused replaces neither.
  spec.plans.clear();
  spec.plans.push_back(*built_in.FindPlan("pro"));
  spec.operations.pop_back();
  const Catalog refused = Catalog::Create(spec).value();
  EXPECT_THAT(service->SetCatalog(refused),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
  EXPECT_EQ(&service->admission().catalog(), &next);
  EXPECT_THAT(
      service->ledger().Apply({.account = "acme",
                               .id = "y",
                               .at = kAt,
                               .request = SpendCommand{.operation = "relic"}}),
      IsOk());
}

// A store whose writes last until they are let go.
class HangingStore : public MemoryStore {
 public:
  absl::Status Append(const JournalHead& head,
                      absl::Span<const StoredEntry> entries) override {
    begun.Notify();
    go_on.WaitForNotification();
    return MemoryStore::Append(head, entries);
  }

  absl::Notification begun;
  absl::Notification go_on;
};

TEST(Service, AWriteThatDoesNotEndIsASlowStore) {
  auto store = std::make_unique<HangingStore>();
  HangingStore& hanging = *store;
  Backend backend = Backend::InMemory();
  backend.ledger = std::move(store);
  const auto service =
      Service::Open(Catalog::BuiltIn(), std::move(backend), {}).value();
  std::thread writer([&] {
    (void)service->ledger().Apply(
        {.account = "acme",
         .id = "x",
         .at = kAt,
         .request = GrantCommand{.amount = *Credits::Parse("1")}});
  });
  hanging.begun.WaitForNotification();
  // Not at once.
  EXPECT_THAT(service->StoreStatus(), IsOk());
  const absl::Time end = absl::Now() + absl::Seconds(60);
  while (service->StoreStatus().ok() && absl::Now() < end) {
    absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_THAT(service->StoreStatus(),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("slow")));
  hanging.go_on.Notify();
  writer.join();
  EXPECT_THAT(service->StoreStatus(), IsOk());
}

TEST(Service, LimitsCanBeOpenedInMemoryOfTheirOwn) {
  std::unique_ptr<LimiterRegistry> registry;
  const auto open = [&] {
    Service::Options options;
    options.spare_accounts = 3;
    options.open_limits = [&](size_t capacity, absl::Span<const std::string>) {
      if (registry == nullptr) {
        registry = LimiterRegistry::Create({.capacity = capacity}).value();
      }
      return registry.get();
    };
    return Service::Open(Catalog::BuiltIn(), Backend::InMemory(),
                         std::move(options))
        .value();
  };
  for (int life = 0; life < 2; ++life) {
    const auto service = open();
    EXPECT_EQ(&service->limits(), registry.get());
    EXPECT_EQ(registry->capacity(), 3u);
  }
}

TEST(Service, ErrorOfOpeningLimitsIsItsOwn) {
  Service::Options options;
  options.open_limits = [](size_t, absl::Span<const std::string>) {
    return absl::DataLossError("limits");
  };
  EXPECT_THAT(Service::Open(Catalog::BuiltIn(), Backend::InMemory(),
                            std::move(options)),
              StatusIs(absl::StatusCode::kDataLoss, "limits"));
}

}  // namespace
}  // namespace konpro
