// A Store in a SQLite file: the embedded default. One file, no server, durable
// when a call returns.
//
//   absl::StatusOr<std::unique_ptr<SqliteStore>> store =
//       SqliteStore::Open("credits.db", {});
//   Ledger::Open(*std::move(store), {});
//
// Thread safety: thread-compatible; others may use the database meanwhile, if
// they hold its mu().
//
// Invariants: (1) no row of the journal is ever changed or deleted: triggers
// refuse it. (2) The head is written with the entries, in their transaction: a
// journal that lost its end has another head.
#ifndef KONPRO_SQLITE_SQLITE_STORE_H_
#define KONPRO_SQLITE_SQLITE_STORE_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "konpro/ledger/store.h"
#include "konpro/sqlite/internal/sqlite_database.h"
#include "konpro/sqlite/sqlite_options.h"

namespace konpro {

class SqliteStore : public Store {
 public:
  // kNotFound: there is no file, and `create` is false. kFailedPrecondition:
  // the file is another application's, or of a newer version. kDataLoss: it is
  // no database, damaged, or its tables are others. kUnavailable: another
  // process has it open, or it cannot be read or written. kPermissionDenied: a
  // log beside it is a symbolic link, or another user's. Messages begin with
  // the path.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(
      const std::string& path, const SqliteOptions& options);
  // For OpenSqliteBackend(): in a database that is open. Creates its tables if
  // they are missing.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Create(
      std::shared_ptr<internal::SqliteDatabase> database);

  const std::shared_ptr<internal::SqliteDatabase>& database() const {
    return database_;
  }

  std::string name() const override { return database_->path(); }
  absl::StatusOr<JournalHead> ReadHead() override;
  absl::Status Append(const JournalHead& head,
                      absl::Span<const StoredEntry> entries) override;
  absl::Status Read(uint64_t first, uint64_t last, EntryVisitor visit) override;
  absl::Status WriteSnapshots(
      absl::Span<const SnapshotChange> changes) override;
  absl::Status ReadSnapshots(SnapshotVisitor visit) override;
  absl::Status DropSnapshots() override;

 private:
  using Statement = internal::SqliteDatabase::Statement;

  explicit SqliteStore(std::shared_ptr<internal::SqliteDatabase> database)
      : database_(std::move(database)) {}

  absl::Status PrepareAll();
  // Runs `write` in a transaction: all of it or nothing.
  absl::Status Transact(absl::FunctionRef<absl::Status()> write);
  absl::StatusOr<JournalHead> Head()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mu());
  absl::Status WriteEntries(absl::Span<const StoredEntry> entries)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mu());
  absl::Status WriteSnapshot(const SnapshotChange& change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mu());

  // Constant after construction.
  const std::shared_ptr<internal::SqliteDatabase> database_;

  // Guarded by database_->mu().
  Statement begin_ ABSL_GUARDED_BY(database_->mu());
  Statement commit_ ABSL_GUARDED_BY(database_->mu());
  Statement rollback_ ABSL_GUARDED_BY(database_->mu());
  Statement read_head_ ABSL_GUARDED_BY(database_->mu());
  Statement move_head_ ABSL_GUARDED_BY(database_->mu());
  Statement append_ ABSL_GUARDED_BY(database_->mu());
  Statement read_ ABSL_GUARDED_BY(database_->mu());
  Statement put_snapshot_ ABSL_GUARDED_BY(database_->mu());
  Statement delete_snapshot_ ABSL_GUARDED_BY(database_->mu());
  Statement read_snapshots_ ABSL_GUARDED_BY(database_->mu());
  Statement drop_snapshots_ ABSL_GUARDED_BY(database_->mu());
};

}  // namespace konpro

#endif  // KONPRO_SQLITE_SQLITE_STORE_H_
