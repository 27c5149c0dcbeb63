// A SqliteDatabase is konpro's file: one SQLite database that a ledger
// (sqlite_store.h) and a directory of keys share, open in one process at a
// time. docs/formats.md has its tables.
//
//   absl::StatusOr<std::unique_ptr<SqliteDatabase>> database =
//       SqliteDatabase::Open("credits.db", {});
//   SqliteDatabase::Open("credits.db", {})   // kUnavailable: is open already
//   SqliteDatabase::Open("photos.db", {})    // kFailedPrecondition: not ours
//
// Thread safety: thread-compatible. Hold mu() to use the connection: a
// transaction belongs to a connection, not to a thread.
//
// Invariants: (1) the file bears kApplicationId and kSchemaVersion. (2) What is
// committed is on the disk: the journal mode is WAL, `synchronous` is FULL. (3)
// No other process has the file open. (4) A file that it makes has mode 0600
// before anything is in it, and so have those that SQLite makes beside it. One
// that others could open is narrowed, if it is the process's user's.
#ifndef KONPRO_SQLITE_INTERNAL_SQLITE_DATABASE_H_
#define KONPRO_SQLITE_INTERNAL_SQLITE_DATABASE_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/base/mutex.h"
#include "konpro/sqlite/sqlite_options.h"

namespace konpro::internal {

// What a caller should do about a result code of SQLite. kUnavailable: try
// again later; the disk is full, failing, slow or not to be written, or a limit
// of the process is reached. kDataLoss: the file is damaged, or another one.
// kAborted: a constraint. kInternal: a defect of ours.
absl::StatusCode CodeOfSqlite(int result);

class SqliteDatabase {
 public:
  static constexpr int32_t kApplicationId = 0x6b6f6e70;  // "konp"
  static constexpr int kSchemaVersion = 2;

  // kNotFound: there is no file, and `create` is false. kFailedPrecondition:
  // the file is another application's, or of a newer version. kDataLoss: it is
  // no database, or damaged. kUnavailable: another process has it open, or it
  // cannot be read or written. kPermissionDenied: a log beside it is a symbolic
  // link, or another user's. Messages begin with the path.
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> Open(
      const std::string& path, const SqliteOptions& options);

  ~SqliteDatabase();
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  const std::string& path() const { return path_; }
  Mutex& mu() ABSL_LOCK_RETURNED(mu_) { return mu_; }
  sqlite3* handle() { return db_; }

  // Runs statements that return nothing.
  absl::Status Execute(const char* sql) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const {
      sqlite3_finalize(statement);
    }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;
  absl::StatusOr<Statement> Prepare(absl::string_view sql)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Steps a statement that returns no row, and resets it.
  absl::Status Run(sqlite3_stmt* statement) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // The error of the last call on the connection: CodeOfSqlite().
  absl::Status Error() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

 private:
  SqliteDatabase(std::string path, sqlite3* db) : path_(path), db_(db) {}

  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> Connect(
      const std::string& path, const std::string& vfs, int flags);
  // A file of that name that has its identity and nothing else.
  static absl::Status Make(const std::string& path, const std::string& vfs);
  static absl::Status CheckLogs(const std::string& path);
  static absl::Status Narrow(const std::string& path);

  absl::Status SetUp() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckIdentity() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status TakeLock() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<int64_t> ReadInteger(absl::string_view sql)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  const std::string path_;

  // Guarded by mu_.
  Mutex mu_;
  sqlite3* const db_ ABSL_PT_GUARDED_BY(mu_);
};

}  // namespace konpro::internal

#endif  // KONPRO_SQLITE_INTERNAL_SQLITE_DATABASE_H_
