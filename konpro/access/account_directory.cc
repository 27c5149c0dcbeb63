#include "konpro/access/account_directory.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "konpro/base/account_id.h"
#include "konpro/base/internal/name.h"

namespace konpro {
absl::StatusOr<std::unique_ptr<AccountDirectory>> AccountDirectory::Open(
    AccountStore& store) {
  std::unique_ptr<AccountDirectory> directory(new AccountDirectory(store));
  const absl::Status loaded = directory->LoadAll();
  if (!loaded.ok()) return loaded;
  return directory;
}

absl::Status AccountDirectory::LoadAll() {
  const MutexLock lock(mu_);
  const auto load = [&](AccountRecord record)
                        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) -> absl::Status {
    const absl::Status status = CheckAccountId(record.account_id);
    if (!status.ok()) return absl::DataLossError(status.message());
    std::string id = record.account_id;
    if (!records_.emplace(id, std::move(record)).second) {
      return absl::DataLossError(absl::StrCat("account ", id, ": there twice"));
    }
    return absl::OkStatus();
  };
  return store_.LoadAll(load);
}

absl::Status AccountDirectory::CheckRoom(const AccountRecord& record) const {
  if (absl::Status s = CheckAccountId(record.account_id); !s.ok()) return s;
  if (records_.size() < kAccountsMax || records_.contains(record.account_id)) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("accounts: all of ", kAccountsMax, " are taken"));
}

absl::Status AccountDirectory::PutLocked(AccountRecord record) {
  record.is_durable = true;
  absl::Status status = store_.Put(record);
  if (!status.ok()) return status;
  undurable_.erase(record.account_id);
  std::string id = record.account_id;
  records_.insert_or_assign(std::move(id), std::move(record));
  return absl::OkStatus();
}

absl::Status AccountDirectory::Put(AccountRecord record) {
  const MutexLock lock(mu_);
  const absl::Status status = CheckRoom(record);
  return status.ok() ? PutLocked(std::move(record)) : status;
}

absl::Status AccountDirectory::PutInForce(AccountRecord record) {
  const MutexLock lock(mu_);
  absl::Status status = CheckRoom(record);
  if (!status.ok()) return status;
  status = PutLocked(record);
  if (status.ok()) return status;
  record.is_durable = false;
  std::string id = record.account_id;
  undurable_.insert(id);
  records_.insert_or_assign(std::move(id), std::move(record));
  return status;
}

absl::Status AccountDirectory::RetryPuts() {
  const MutexLock lock(mu_);
  while (!undurable_.empty()) {
    const absl::Status status = PutLocked(records_.at(*undurable_.begin()));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<AccountRecord> AccountDirectory::Find(
    absl::string_view account_id) const {
  const MutexLock lock(mu_);
  const auto found = records_.find(std::string(account_id));
  if (found != records_.end()) return found->second;
  return absl::NotFoundError(absl::StrCat(
      "account ", internal::Quoted(account_id), " was never provisioned"));
}

std::vector<std::string> AccountDirectory::AccountIds() const {
  const MutexLock lock(mu_);
  std::vector<std::string> ids;
  ids.reserve(records_.size());
  for (const auto& [id, unused] : records_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

size_t AccountDirectory::size() const {
  const MutexLock lock(mu_);
  return records_.size();
}

}  // namespace konpro
