// A KeyStore in a table of a SQLite database, which may be the ledger's: each
// has its own tables there. docs/formats.md has the table.
//
//   absl::StatusOr<std::unique_ptr<SqliteKeyStore>> store =
//       SqliteKeyStore::Create(connection);
//   KeyDirectory::Open(**store, {.keys_max = 1'000'000});
//
// Thread safety: thread-compatible; others may use a SqliteDatabase meanwhile,
// see SqliteDatabase::mu().
//
// Invariants: (1) what Put() wrote is on the disk when it returns OK, as far as
// the connection's `PRAGMA synchronous` says: FULL or more is required. (2) The
// table holds digests, never texts.
#ifndef KONPRO_SQLITE_SQLITE_KEY_STORE_H_
#define KONPRO_SQLITE_SQLITE_KEY_STORE_H_

#include <sqlite3.h>

#include <cstddef>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/mutex.h"
#include "konpro/sqlite/sqlite_database.h"

namespace konpro {

class SqliteKeyStore : public KeyStore {
 public:
  // Creates the table if it is missing. `db` must outlive the store, and
  // REQUIRES: no other user of this connection has a transaction open while the
  // store is called. Other connections to the file are welcome: the store waits
  // for them as long as the connection's busy handler does.
  // kFailedPrecondition: the connection is not durable. kDataLoss: the file is
  // no database, or `api_keys` in it is another table. kUnavailable: it cannot
  // be written.
  static absl::StatusOr<std::unique_ptr<SqliteKeyStore>> Create(sqlite3* db);

  // The same in konpro's file; its other users take turns by its mu().
  // REQUIRES: no caller of the store holds it.
  static absl::StatusOr<std::unique_ptr<SqliteKeyStore>> Create(
      std::shared_ptr<SqliteDatabase> database);

  absl::StatusOr<size_t> Count() override;
  absl::Status Put(absl::Span<const ApiKeyRecord> records) override;
  absl::Status LoadAll(
      absl::FunctionRef<absl::Status(ApiKeyRecord record)> load) override;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  // `database` is null if the connection is not konpro's.
  SqliteKeyStore(sqlite3* db, std::shared_ptr<SqliteDatabase> database);

  absl::Status PrepareAll();
  absl::Status Prepare(absl::string_view sql, Statement& statement)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Runs a prepared statement that returns no row.
  absl::Status Run(const Statement& statement)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status PutOne(const ApiKeyRecord& record)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<ApiKeyRecord> Row() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Error() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  const std::shared_ptr<SqliteDatabase> database_;
  Mutex own_mu_;  // of a connection that is not konpro's
  Mutex& mu_;     // database_'s, or own_mu_

  // Guarded by mu_.
  sqlite3* const db_ ABSL_PT_GUARDED_BY(mu_);
  Statement begin_ ABSL_GUARDED_BY(mu_);
  Statement commit_ ABSL_GUARDED_BY(mu_);
  Statement rollback_ ABSL_GUARDED_BY(mu_);
  Statement put_ ABSL_GUARDED_BY(mu_);
  Statement load_ ABSL_GUARDED_BY(mu_);
};

}  // namespace konpro

#endif  // KONPRO_SQLITE_SQLITE_KEY_STORE_H_
