#include "konpro/sqlite/sqlite_backend.h"

#include <memory>
#include <utility>

#include "konpro/sqlite/internal/sqlite_account_store.h"
#include "konpro/sqlite/internal/sqlite_database.h"
#include "konpro/sqlite/internal/sqlite_key_store.h"
#include "konpro/sqlite/sqlite_store.h"

namespace konpro {

using internal::SqliteAccountStore;
using internal::SqliteDatabase;
using internal::SqliteKeyStore;

absl::StatusOr<Backend> OpenSqliteBackend(const std::string& path,
                                          const SqliteOptions& options) {
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> opened =
      SqliteDatabase::Open(path, options);
  if (!opened.ok()) return opened.status();
  const std::shared_ptr<SqliteDatabase> database = *std::move(opened);
  absl::StatusOr<std::unique_ptr<SqliteStore>> ledger =
      SqliteStore::Create(database);
  if (!ledger.ok()) return ledger.status();
  absl::StatusOr<std::unique_ptr<SqliteKeyStore>> keys =
      SqliteKeyStore::Create(database);
  if (!keys.ok()) return keys.status();
  absl::StatusOr<std::unique_ptr<SqliteAccountStore>> accounts =
      SqliteAccountStore::Create(database);
  if (!accounts.ok()) return accounts.status();
  return Backend{.ledger = *std::move(ledger),
                 .keys = *std::move(keys),
                 .accounts = *std::move(accounts)};
}

}  // namespace konpro
