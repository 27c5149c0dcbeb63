// A KeyStore in a table of konpro's SQLite file, beside the ledger's and the
// accounts'. docs/formats.md has the table.
//
//   auto store = SqliteKeyStore::Create(database);
//   KeyDirectory::Open(**store, {.keys_max = 1'000'000});
//
// Thread safety: thread-compatible; others may use the database meanwhile, see
// SqliteDatabase::mu().
//
// Invariants: (1) what Put() wrote is on the disk when it returns OK. (2) The
// table holds digests, never texts.
#ifndef KONPRO_SQLITE_INTERNAL_SQLITE_KEY_STORE_H_
#define KONPRO_SQLITE_INTERNAL_SQLITE_KEY_STORE_H_

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "konpro/access/key_directory.h"
#include "konpro/sqlite/internal/sqlite_database.h"

namespace konpro::internal {

class SqliteKeyStore : public KeyStore {
 public:
  // Creates the table if it is missing. kDataLoss: `api_keys` in the file is
  // another table. kUnavailable: it cannot be written.
  static absl::StatusOr<std::unique_ptr<SqliteKeyStore>> Create(
      std::shared_ptr<SqliteDatabase> database);

  absl::StatusOr<size_t> Count() override;
  absl::Status Put(absl::Span<const ApiKeyRecord> records) override;
  absl::Status LoadAll(
      absl::FunctionRef<absl::Status(ApiKeyRecord record)> load) override;

 private:
  using Statement = SqliteDatabase::Statement;

  explicit SqliteKeyStore(std::shared_ptr<SqliteDatabase> database)
      : database_(std::move(database)) {}

  absl::Status PrepareAll();
  absl::Status PutOne(const ApiKeyRecord& record)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mu());
  absl::StatusOr<ApiKeyRecord> Row() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mu());

  // Constant after construction.
  const std::shared_ptr<SqliteDatabase> database_;

  // Guarded by database_->mu().
  Statement begin_ ABSL_GUARDED_BY(database_->mu());
  Statement commit_ ABSL_GUARDED_BY(database_->mu());
  Statement rollback_ ABSL_GUARDED_BY(database_->mu());
  Statement put_ ABSL_GUARDED_BY(database_->mu());
  Statement load_ ABSL_GUARDED_BY(database_->mu());
};

}  // namespace konpro::internal

#endif  // KONPRO_SQLITE_INTERNAL_SQLITE_KEY_STORE_H_
