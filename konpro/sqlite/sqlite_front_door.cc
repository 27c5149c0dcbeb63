#include "konpro/sqlite/sqlite_front_door.h"

#include <algorithm>

#include "konpro/sqlite/sqlite_account_store.h"
#include "konpro/sqlite/sqlite_key_store.h"
#include "konpro/sqlite/sqlite_store.h"

namespace konpro {
namespace {

// Moves what `made` has to `part`; its error otherwise.
template <typename Part, typename Made>
absl::Status Take(absl::StatusOr<std::unique_ptr<Made>> made, Part& part) {
  if (!made.ok()) return made.status();
  part = *std::move(made);
  return absl::OkStatus();
}

}  // namespace

SqliteFrontDoor::~SqliteFrontDoor() {
  if (keys_ != nullptr) keys_->SaveLastUses().IgnoreError();
}

absl::StatusOr<std::unique_ptr<SqliteFrontDoor>> SqliteFrontDoor::Open(
    const std::string& path, const Catalog& catalog, Options options) {
  std::unique_ptr<SqliteFrontDoor> all(new SqliteFrontDoor());
  absl::Status status =
      Take(SqliteDatabase::Open(path, options.sqlite), all->database_);
  if (!status.ok()) return status;
  std::unique_ptr<Store> store;
  status = Take(SqliteStore::Create(all->database_), store);
  if (!status.ok()) return status;
  status = Take(Ledger::Open(std::move(store), options.ledger), all->ledger_);
  if (!status.ok()) return status;

  status =
      Take(SqliteAccountStore::Create(all->database_), all->account_store_);
  if (!status.ok()) return status;
  status = Take(AccountDirectory::Open(*all->account_store_), all->accounts_);
  if (!status.ok()) return status;
  const size_t accounts = std::min(
      all->accounts_->size() + std::max<size_t>(options.spare_accounts, 1),
      LimiterRegistry::kCapacityMax);

  std::unique_ptr<SqliteKeyStore> key_store;
  status = Take(SqliteKeyStore::Create(all->database_), key_store);
  if (!status.ok()) return status;
  const absl::StatusOr<size_t> keys = key_store->Count();
  if (!keys.ok()) return keys.status();
  all->key_store_ = std::move(key_store);
  // The directory of keys knows all accounts.
  const size_t keys_max =
      std::min(std::max(*keys + options.spare_keys, accounts),
               KeyDirectory::kKeysMaxMax);
  status = Take(KeyDirectory::Open(*all->key_store_, {.keys_max = keys_max}),
                all->keys_);
  if (!status.ok()) return status;

  all->limits_ = std::move(options.limits);
  if (all->limits_ == nullptr) {
    status =
        Take(LimiterRegistry::Create({.capacity = accounts}), all->limits_);
    if (!status.ok()) return status;
  }
  if (options.restore_limits != nullptr) {
    status = options.restore_limits(*all->limits_);
    if (!status.ok()) return status;
  }
  status = Take(FrontDoor::Open({.catalog = catalog,
                                 .keys = *all->keys_,
                                 .accounts = *all->accounts_,
                                 .limits = *all->limits_,
                                 .ledger = *all->ledger_},
                                options.door),
                all->door_);
  if (!status.ok()) return status;
  return all;
}

}  // namespace konpro
