#include "konpro/access/backup.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "konpro/ledger/journal_repair.h"

namespace konpro {
namespace {

// Keys of one commit.
constexpr size_t kKeysAtOnce = 1024;

absl::StatusOr<uint64_t> CopyKeys(KeyReader keys, KeyStore& to) {
  uint64_t copied = 0;
  std::vector<ApiKeyRecord> some;
  const auto put = [&] {
    const absl::Status status = some.empty() ? absl::OkStatus() : to.Put(some);
    copied += some.size();
    some.clear();
    return status;
  };
  absl::Status status = keys([&](ApiKeyRecord record) {
    some.push_back(std::move(record));
    return some.size() < kKeysAtOnce ? absl::OkStatus() : put();
  });
  if (status.ok()) status = put();
  if (!status.ok()) return status;
  return copied;
}

}  // namespace

absl::StatusOr<BackupCounts> BackUp(Ledger& ledger, KeyReader keys,
                                    AccountReader accounts, uint64_t through,
                                    Backend& to) {
  BackupCounts counts;
  const absl::StatusOr<JournalHead> head =
      CopyJournal(ledger, through, *to.ledger);
  if (!head.ok()) return head.status();
  counts.entries = head->sequence;
  // A key's account is there before it.
  const absl::Status status = accounts([&](AccountRecord record) {
    ++counts.accounts;
    return to.accounts->Put(record);
  });
  if (!status.ok()) return status;
  const absl::StatusOr<uint64_t> copied = CopyKeys(keys, *to.keys);
  if (!copied.ok()) return copied.status();
  counts.keys = *copied;
  return counts;
}

absl::StatusOr<BackupCounts> BackUp(Service& service, uint64_t through,
                                    Backend& to) {
  // Of one moment: a key that is made meanwhile may have a later account.
  const std::vector<std::string> ids = service.accounts().AccountIds();
  return BackUp(
      service.ledger(),
      [&](absl::FunctionRef<absl::Status(ApiKeyRecord)> load) {
        for (const std::string& id : ids) {
          for (ApiKeyRecord& key : service.keys().List(id)) {
            const absl::Status status = load(std::move(key));
            if (!status.ok()) return status;
          }
        }
        return absl::OkStatus();
      },
      [&](absl::FunctionRef<absl::Status(AccountRecord)> load) {
        for (const std::string& id : ids) {
          absl::StatusOr<AccountRecord> record = service.accounts().Find(id);
          if (!record.ok()) return record.status();
          const absl::Status status = load(*std::move(record));
          if (!status.ok()) return status;
        }
        return absl::OkStatus();
      },
      through, to);
}

}  // namespace konpro
