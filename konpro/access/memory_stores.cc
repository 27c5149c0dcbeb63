#include "konpro/access/memory_stores.h"

namespace konpro {

absl::Status MemoryKeyStore::Put(absl::Span<const ApiKeyRecord> records) {
  for (const ApiKeyRecord& record : records) {
    const auto [place, is_new] =
        index_.try_emplace(std::string(record.digest.bytes()), records_.size());
    if (is_new) {
      records_.push_back(record);
    } else {
      records_[place->second] = record;
    }
  }
  return absl::OkStatus();
}

absl::Status MemoryKeyStore::LoadAll(
    absl::FunctionRef<absl::Status(ApiKeyRecord record)> load) {
  for (const ApiKeyRecord& record : records_) {
    absl::Status status = load(record);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MemoryAccountStore::Put(const AccountRecord& record) {
  const auto [place, is_new] =
      index_.try_emplace(record.account_id, records_.size());
  if (is_new) {
    records_.push_back(record);
    return absl::OkStatus();
  }
  AccountRecord& old = records_[place->second];
  const absl::Time created_at = old.created_at;
  old = record;
  old.created_at = created_at;
  return absl::OkStatus();
}

absl::Status MemoryAccountStore::LoadAll(
    absl::FunctionRef<absl::Status(AccountRecord record)> load) {
  for (const AccountRecord& record : records_) {
    absl::Status status = load(record);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace konpro
