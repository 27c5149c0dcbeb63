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

absl::Status AccountDirectory::Put(AccountRecord record) {
  absl::Status status = CheckAccountId(record.account_id);
  if (!status.ok()) return status;
  const MutexLock lock(mu_);
  const auto found = records_.find(record.account_id);
  if (found == records_.end() && records_.size() >= kAccountsMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("accounts: all of ", kAccountsMax, " are taken"));
  }
  status = store_.Put(record);
  if (!status.ok()) return status;
  std::string id = record.account_id;
  records_.insert_or_assign(std::move(id), std::move(record));
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
