#include "konpro/access/internal/watched_backend.h"

#include <chrono>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace konpro::internal {
namespace {

// No row of a snapshot has it: the first byte says what a row is.
constexpr absl::string_view kProbeKey = "probe";

// A machine that has just booted is above 0 too.
int64_t MonotonicNanos() {
  return std::chrono::steady_clock::now().time_since_epoch() /
         std::chrono::nanoseconds(1);
}

class WatchedStore : public Store, public StoreProbe {
 public:
  WatchedStore(std::unique_ptr<Store> store,
               std::shared_ptr<StoreHealth> health)
      : health_(std::move(health)), store_(std::move(store)) {}

  std::string name() const override ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return store_->name();  // a constant
  }
  absl::StatusOr<JournalHead> ReadHead() override {
    const MutexLock lock(mu_);
    absl::StatusOr<JournalHead> head = store_->ReadHead();
    if (!head.ok()) return Read(head.status());
    return head;
  }
  absl::Status Append(const JournalHead& head,
                      absl::Span<const StoredEntry> entries) override {
    const MutexLock lock(mu_);
    const StoreHealth::Write write(*health_, StoreHealth::Write::kLedger);
    return Written(store_->Append(head, entries));
  }
  absl::Status Read(uint64_t first, uint64_t last,
                    EntryVisitor visit) override {
    const MutexLock lock(mu_);
    absl::Status visited;
    const absl::Status read = store_->Read(
        first, last,
        [&](const StoredEntry& entry) { return visited = visit(entry); });
    return visited.ok() ? Read(read) : visited;
  }
  absl::Status WriteSnapshots(
      absl::Span<const SnapshotChange> changes) override {
    const MutexLock lock(mu_);
    const StoreHealth::Write write(*health_, StoreHealth::Write::kLedger);
    return Written(store_->WriteSnapshots(changes));
  }
  absl::Status ReadSnapshots(SnapshotVisitor visit) override {
    const MutexLock lock(mu_);
    absl::Status visited;
    const absl::Status read = store_->ReadSnapshots(
        [&](absl::string_view key, absl::string_view value) {
          return visited = visit(key, value);
        });
    return visited.ok() ? Read(read) : visited;
  }
  absl::Status DropSnapshots() override {
    const MutexLock lock(mu_);
    return Written(store_->DropSnapshots());
  }
  absl::Status Probe() override {
    const MutexLock lock(mu_);
    const SnapshotChange changes[] = {{.key = kProbeKey, .value = "probe"},
                                      {.key = kProbeKey}};
    const StoreHealth::Write write(*health_, StoreHealth::Write::kLedger);
    return Written(store_->WriteSnapshots(changes));
  }

 private:
  absl::Status Written(const absl::Status& status) {
    const absl::Status error = AsStoreError(status);
    health_->NoteWrite(error);
    return error;
  }
  absl::Status Read(const absl::Status& status) {
    const absl::Status error = AsStoreError(status);
    health_->NoteRead(error);
    return error;
  }

  const std::shared_ptr<StoreHealth> health_;
  Mutex mu_;
  const std::unique_ptr<Store> store_ ABSL_PT_GUARDED_BY(mu_);
};

class WatchedKeyStore : public KeyStore {
 public:
  WatchedKeyStore(std::unique_ptr<KeyStore> store,
                  std::shared_ptr<StoreHealth> health)
      : store_(std::move(store)), health_(std::move(health)) {}

  absl::StatusOr<size_t> Count() override { return store_->Count(); }
  absl::Status Put(absl::Span<const ApiKeyRecord> records) override {
    const StoreHealth::Write write(*health_, StoreHealth::Write::kKeys);
    const absl::Status error = AsStoreError(store_->Put(records));
    health_->NoteWrite(error);
    return error;
  }
  absl::Status LoadAll(
      absl::FunctionRef<absl::Status(ApiKeyRecord record)> load) override {
    return store_->LoadAll(load);
  }

 private:
  const std::unique_ptr<KeyStore> store_;
  const std::shared_ptr<StoreHealth> health_;
};

class WatchedAccountStore : public AccountStore {
 public:
  WatchedAccountStore(std::unique_ptr<AccountStore> store,
                      std::shared_ptr<StoreHealth> health)
      : store_(std::move(store)), health_(std::move(health)) {}

  absl::Status Put(const AccountRecord& record) override {
    const StoreHealth::Write write(*health_, StoreHealth::Write::kAccounts);
    const absl::Status error = AsStoreError(store_->Put(record));
    health_->NoteWrite(error);
    return error;
  }
  absl::Status LoadAll(
      absl::FunctionRef<absl::Status(AccountRecord record)> load) override {
    return store_->LoadAll(load);
  }

 private:
  const std::unique_ptr<AccountStore> store_;
  const std::shared_ptr<StoreHealth> health_;
};

}  // namespace

void StoreHealth::NoteWrite(const absl::Status& status) {
  if (absl::IsAborted(status)) return;
  if (status.ok() && !is_troubled()) return;
  {
    const MutexLock lock(mu_);
    if (status.ok() && status_.ok()) return;
    status_ = status;
    is_troubled_.store(!status.ok(), std::memory_order_relaxed);
  }
  if (observer_ != nullptr) observer_(status);
}

void StoreHealth::NoteRead(const absl::Status& status) {
  if (!status.ok()) NoteWrite(status);
}

absl::Status StoreHealth::status() const {
  {
    const MutexLock lock(mu_);
    if (!status_.ok()) return status_;
  }
  const absl::Duration longest = LongestWrite();
  if (longest < kSlowWrite) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat("the store is slow: a write has been running for ",
                   absl::ToInt64Seconds(longest), " s"));
}

absl::Duration StoreHealth::LongestWrite() const {
  int64_t began = 0;
  for (const std::atomic<int64_t>& of : began_ns_) {
    const int64_t ns = of.load(std::memory_order_relaxed);
    if (ns != 0 && (began == 0 || ns < began)) began = ns;
  }
  return began == 0 ? absl::ZeroDuration()
                    : absl::Nanoseconds(MonotonicNanos() - began);
}

StoreHealth::Write::Write(StoreHealth& health, Of store)
    : began_(health.began_ns_[store]) {
  began_.store(MonotonicNanos(), std::memory_order_relaxed);
}

StoreHealth::Write::~Write() { began_.store(0, std::memory_order_relaxed); }

WatchedBackend Watch(Backend backend, std::shared_ptr<StoreHealth> health) {
  auto ledger =
      std::make_unique<WatchedStore>(std::move(backend.ledger), health);
  StoreProbe* const probe = ledger.get();
  return {.backend = {.ledger = std::move(ledger),
                      .keys = std::make_unique<WatchedKeyStore>(
                          std::move(backend.keys), health),
                      .accounts = std::make_unique<WatchedAccountStore>(
                          std::move(backend.accounts), health)},
          .probe = probe};
}

absl::Status AsStoreError(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
      return status;
    default:
      return absl::UnavailableError(status.message());
  }
}

}  // namespace konpro::internal
