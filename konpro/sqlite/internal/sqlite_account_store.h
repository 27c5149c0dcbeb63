// An AccountStore in a table of konpro's SQLite file, beside the ledger's and
// the keys'. docs/formats.md has the table.
//
//   auto store = SqliteAccountStore::Create(database);
//   AccountDirectory::Open(**store);
//
// Thread safety: thread-compatible; others may use the database meanwhile, see
// SqliteDatabase::mu().
#ifndef KONPRO_SQLITE_INTERNAL_SQLITE_ACCOUNT_STORE_H_
#define KONPRO_SQLITE_INTERNAL_SQLITE_ACCOUNT_STORE_H_

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "konpro/access/account_directory.h"
#include "konpro/sqlite/internal/sqlite_database.h"

namespace konpro::internal {

class SqliteAccountStore : public AccountStore {
 public:
  // Creates the table if it is missing. kDataLoss: `accounts` in the file is
  // another table. kUnavailable: it cannot be written.
  static absl::StatusOr<std::unique_ptr<SqliteAccountStore>> Create(
      std::shared_ptr<SqliteDatabase> database);

  absl::Status Put(const AccountRecord& record) override;
  absl::Status LoadAll(
      absl::FunctionRef<absl::Status(AccountRecord record)> load) override;

 private:
  using Statement = SqliteDatabase::Statement;

  explicit SqliteAccountStore(std::shared_ptr<SqliteDatabase> database)
      : database_(std::move(database)) {}

  absl::Status PrepareAll();
  absl::StatusOr<AccountRecord> Row() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mu());

  // Constant after construction.
  const std::shared_ptr<SqliteDatabase> database_;

  // Guarded by database_->mu().
  Statement put_ ABSL_GUARDED_BY(database_->mu());
  Statement load_ ABSL_GUARDED_BY(database_->mu());
};

}  // namespace konpro::internal

#endif  // KONPRO_SQLITE_INTERNAL_SQLITE_ACCOUNT_STORE_H_
