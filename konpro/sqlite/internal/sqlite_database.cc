#include "konpro/sqlite/internal/sqlite_database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

// The file's identity is read before anything in it is trusted, and before
// anything is written: a file of somebody else stays as it was. A new file is
// made under another name and gets its own when it has its identity, so that a
// file without a page is none of ours that has just begun, but one that lost
// everything.
//
// The lock: in `locking_mode = EXCLUSIVE` a connection keeps the lock of its
// first read or write until it is closed, and the index of the WAL is in its
// memory, so that no other process can even read. It is taken here, and not by
// whichever command comes first.

namespace konpro::internal {
namespace {

// Pages of the WAL after which it is copied into the database.
constexpr char kPragmas[] =
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA cache_size = -16384;";
constexpr char kJournalMode[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 4096;";

absl::Status CannotBeMade(const std::string& path) {
  return absl::UnavailableError(
      absl::StrCat(path, ": cannot be made: ", std::strerror(errno)));
}

}  // namespace

absl::StatusCode CodeOfSqlite(int result) {
  switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return absl::StatusCode::kOk;
    case SQLITE_ERROR:  // such as: no such column
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return absl::StatusCode::kDataLoss;
    case SQLITE_CONSTRAINT:
      return absl::StatusCode::kAborted;
    case SQLITE_INTERNAL:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
      return absl::StatusCode::kInternal;
    default:  // FULL, IOERR, READONLY, CANTOPEN, PERM, NOMEM, BUSY, ...
      return absl::StatusCode::kUnavailable;
  }
}

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Connect(
    const std::string& path, const std::string& vfs, int flags) {
  sqlite3* db = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &db,
                      flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX |
                          SQLITE_OPEN_EXRESCODE,
                      vfs.empty() ? nullptr : vfs.c_str());
  if (db == nullptr) return absl::UnavailableError("sqlite: no memory");
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(path, db));
  const MutexLock lock(database->mu_);
  if (code != SQLITE_OK) return database->Error();
  return database;
}

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(
    const std::string& path, const SqliteOptions& options) {
  if (access(path.c_str(), F_OK) != 0) {
    if (!options.create) {
      return absl::NotFoundError(absl::StrCat(path, ": there is no such file"));
    }
    const absl::Status status = Make(path, options.vfs);
    if (!status.ok()) return status;
  }
  if (absl::Status logs = CheckLogs(path); !logs.ok()) return logs;
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> database =
      Connect(path, options.vfs, 0);
  if (!database.ok()) return database;
  {
    const MutexLock lock((*database)->mu_);
    absl::Status status = (*database)->SetUp();
    // Only now it is known to be ours.
    if (status.ok()) status = Narrow(path);
    if (!status.ok()) return status;
  }
  return database;
}

absl::Status SqliteDatabase::Make(const std::string& path,
                                  const std::string& vfs) {
  const std::string draft = absl::StrCat(path, ".new-", getpid());
  unlink(draft.c_str());
  // SQLite would make it with mode 0644, and follow a link.
  const int fd = open(draft.c_str(),
                      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return CannotBeMade(path);
  close(fd);
  absl::Status status;
  {
    absl::StatusOr<std::unique_ptr<SqliteDatabase>> database =
        Connect(draft, vfs, 0);
    status = database.status();
    if (status.ok()) {
      const MutexLock lock((*database)->mu_);
      status = (*database)->Execute(
          absl::StrCat("PRAGMA application_id = ", kApplicationId,
                       "; PRAGMA user_version = ", kSchemaVersion)
              .c_str());
    }
  }
  // Whoever else made it meanwhile made the same.
  if (status.ok() && link(draft.c_str(), path.c_str()) != 0 &&
      errno != EEXIST) {
    status = CannotBeMade(path);
  }
  unlink(draft.c_str());
  return status;
}

// Whoever can write the directory could have made a log, and SQLite would write
// through a link.
absl::Status SqliteDatabase::CheckLogs(const std::string& path) {
  struct stat file;
  if (stat(path.c_str(), &file) != 0) return absl::OkStatus();
  for (const char* suffix : {"-wal", "-shm", "-journal"}) {
    const std::string log = path + suffix;
    struct stat beside;
    if (lstat(log.c_str(), &beside) != 0) continue;
    if (S_ISREG(beside.st_mode) && beside.st_uid == file.st_uid) continue;
    return absl::PermissionDeniedError(absl::StrCat(
        log, ": is not a file of the database's owner; remove it"));
  }
  return absl::OkStatus();
}

// By name: closing a descriptor of the file would end SQLite's lock on it.
absl::Status SqliteDatabase::Narrow(const std::string& path) {
  for (const char* suffix : {"", "-wal"}) {
    const std::string name = path + suffix;
    struct stat file;
    if (stat(name.c_str(), &file) != 0 || file.st_uid != geteuid()) continue;
    if ((file.st_mode & (S_IRWXG | S_IRWXO)) == 0) continue;
    if (chmod(name.c_str(), file.st_mode & S_IRWXU) != 0) {
      return absl::UnavailableError(
          absl::StrCat(name,
                       ": others can open it, and its mode cannot be "
                       "changed: ",
                       std::strerror(errno)));
    }
  }
  return absl::OkStatus();
}

SqliteDatabase::~SqliteDatabase() { sqlite3_close_v2(db_); }

absl::Status SqliteDatabase::SetUp() {
  absl::Status status = Execute(kPragmas);
  if (status.ok()) status = CheckIdentity();
  if (status.ok()) status = Execute(kJournalMode);
  if (status.ok()) status = TakeLock();
  return status;
}

absl::Status SqliteDatabase::CheckIdentity() {
  const absl::StatusOr<int64_t> pages = ReadInteger("PRAGMA page_count");
  if (!pages.ok()) return pages.status();
  if (*pages == 0) {
    return absl::DataLossError(
        absl::StrCat(path_, ": is empty; remove it to start over"));
  }
  const absl::StatusOr<int64_t> application =
      ReadInteger("PRAGMA application_id");
  if (!application.ok()) return application.status();
  if (*application != kApplicationId) {
    return absl::FailedPreconditionError(absl::StrCat(
        path_, ": a database of another application (application_id ",
        *application, ", not ", kApplicationId, ")"));
  }
  const absl::StatusOr<int64_t> version = ReadInteger("PRAGMA user_version");
  if (!version.ok()) return version.status();
  if (*version < 1) {
    return absl::DataLossError(
        absl::StrCat(path_, ": no schema version ", *version));
  }
  if (*version != kSchemaVersion) {
    const bool is_newer = *version > kSchemaVersion;
    return absl::FailedPreconditionError(absl::StrCat(
        path_, ": of schema version ", *version, ", from ",
        is_newer ? "a newer" : "an older",
        " konpro; this one reads and writes version ", kSchemaVersion,
        is_newer ? ": use the newer one"
                 : ": use the older one with this file, or begin a new file"));
  }
  return absl::OkStatus();
}

absl::Status SqliteDatabase::TakeLock() {
  return Execute("BEGIN IMMEDIATE; COMMIT");
}

absl::StatusOr<int64_t> SqliteDatabase::ReadInteger(absl::string_view sql) {
  absl::StatusOr<Statement> statement = Prepare(sql);
  if (!statement.ok()) return statement.status();
  if (sqlite3_step(statement->get()) != SQLITE_ROW) return Error();
  return sqlite3_column_int64(statement->get(), 0);
}

absl::Status SqliteDatabase::Execute(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error();
}

absl::StatusOr<SqliteDatabase::Statement> SqliteDatabase::Prepare(
    absl::string_view sql) {
  sqlite3_stmt* prepared = nullptr;
  const int code =
      sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (code != SQLITE_OK) return Error();
  return Statement(prepared);
}

absl::Status SqliteDatabase::Run(sqlite3_stmt* statement) {
  const int code = sqlite3_step(statement);
  absl::Status status = code == SQLITE_DONE ? absl::OkStatus() : Error();
  sqlite3_reset(statement);
  return status;
}

absl::Status SqliteDatabase::Error() const {
  const int code = sqlite3_extended_errcode(db_);
  if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED) {
    return absl::UnavailableError(
        absl::StrCat(path_, ": in use by another process"));
  }
  return absl::Status(CodeOfSqlite(code),
                      absl::StrCat(path_, ": ", sqlite3_errmsg(db_),
                                   " (SQLite code ", code, ")"));
}

}  // namespace konpro::internal
