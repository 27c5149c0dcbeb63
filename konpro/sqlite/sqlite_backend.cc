#include "konpro/sqlite/sqlite_backend.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "konpro/sqlite/internal/sqlite_account_store.h"
#include "konpro/sqlite/internal/sqlite_database.h"
#include "konpro/sqlite/internal/sqlite_key_store.h"
#include "konpro/sqlite/sqlite_store.h"

// A file that is being made has another name and, until it is filled, a schema
// version that nobody opens. It takes its name with link(), which does not
// replace a file, and which is one step.

namespace konpro {
namespace {

using internal::SqliteAccountStore;
using internal::SqliteDatabase;
using internal::SqliteKeyStore;

constexpr const char* kSuffixes[] = {"", "-wal", "-shm", "-journal"};

absl::StatusOr<Backend> OpenStores(std::shared_ptr<SqliteDatabase> database) {
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

absl::Status CannotBeMade(const std::string& path) {
  return absl::UnavailableError(
      absl::StrCat(path, ": cannot be made: ", std::strerror(errno)));
}

absl::Status CheckIsNew(const std::string& path) {
  struct stat file;
  for (const char* suffix : kSuffixes) {
    const std::string name = path + suffix;
    if (lstat(name.c_str(), &file) == 0) {
      return absl::AlreadyExistsError(absl::StrCat(
          name, ": is there already; give the name of a new file"));
    }
  }
  return absl::OkStatus();
}

// Makes and fills `draft`, and closes it.
absl::Status Fill(const std::string& draft,
                  absl::FunctionRef<absl::Status(Backend&)> fill) {
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> opened =
      SqliteDatabase::Open(draft, {});
  if (!opened.ok()) return opened.status();
  const std::shared_ptr<SqliteDatabase> database = *std::move(opened);
  absl::StatusOr<Backend> backend = OpenStores(database);
  if (!backend.ok()) return backend.status();
  {
    const MutexLock lock(database->mu());
    const absl::Status status =
        database->Execute("PRAGMA user_version = 0; PRAGMA synchronous = OFF");
    if (!status.ok()) return status;
  }
  absl::Status status = fill(*backend);
  if (!status.ok()) return status;
  const MutexLock lock(database->mu());
  return database->Execute(
      absl::StrCat("PRAGMA synchronous = FULL; PRAGMA user_version = ",
                   SqliteDatabase::kSchemaVersion,
                   "; PRAGMA wal_checkpoint(TRUNCATE)")
          .c_str());
}

// Makes a file, or the names in a folder, durable.
bool Sync(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool is_synced = fsync(fd) == 0;
  close(fd);
  return is_synced;
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

absl::StatusOr<Backend> OpenSqliteBackend(const std::string& path,
                                          const SqliteOptions& options) {
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> opened =
      SqliteDatabase::Open(path, options);
  if (!opened.ok()) return opened.status();
  return OpenStores(*std::move(opened));
}

absl::Status MakeSqliteFile(const std::string& path,
                            absl::FunctionRef<absl::Status(Backend&)> fill) {
  absl::Status status = CheckIsNew(path);
  if (!status.ok()) return status;
  const std::string draft = absl::StrCat(path, ".unfinished-", getpid());
  const auto remove = [&] {
    for (const char* suffix : kSuffixes) unlink((draft + suffix).c_str());
  };
  // Of a process that was killed, and had the same number.
  remove();
  status = Fill(draft, fill);
  if (status.ok() && !Sync(draft)) status = CannotBeMade(path);
  if (status.ok() && link(draft.c_str(), path.c_str()) != 0) {
    status = errno == EEXIST ? CheckIsNew(path) : CannotBeMade(path);
  }
  remove();
  if (status.ok() && !Sync(FolderOf(path))) status = CannotBeMade(path);
  return status;
}

}  // namespace konpro
