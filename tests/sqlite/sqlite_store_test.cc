// What the file does besides being a store: whose it is, who has it open, and
// what cannot be done to it.
#include "konpro/sqlite/sqlite_store.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/mutex.h"
#include "konpro/sqlite/internal/sqlite_database.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::internal::SqliteDatabase;

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string NewPath() {
  const std::string path = absl::StrCat(::testing::TempDir(), "file.db");
  for (const char* suffix : {"", "-wal", "-journal"}) {
    unlink(absl::StrCat(path, suffix).c_str());
  }
  return path;
}

void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A database of somebody else.
void MakeForeign(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);
}

int64_t ReadInteger(SqliteDatabase& database, const char* sql) {
  const MutexLock lock(database.mu());
  const SqliteDatabase::Statement statement = database.Prepare(sql).value();
  EXPECT_EQ(sqlite3_step(statement.get()), SQLITE_ROW);
  return sqlite3_column_int64(statement.get(), 0);
}

// Whose entries and snapshots this version would not understand.
TEST(SqliteDatabase, AFileOfTheEarlierVersionIsRefusedAndStaysAsItWas) {
  const std::string path = NewPath();
  MakeForeign(
      path,
      absl::StrCat("PRAGMA application_id = ", SqliteDatabase::kApplicationId,
                   "; PRAGMA user_version = 1;"
                   "CREATE TABLE journal (sequence INTEGER PRIMARY KEY, "
                   "entry BLOB NOT NULL, hash BLOB NOT NULL) STRICT;"
                   "INSERT INTO journal VALUES (1, x'01', x'02')"));
  const std::string before = ReadFile(path);
  EXPECT_THAT(
      SqliteStore::Open(path, {}),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               absl::StrCat(path,
                            ": of schema version 1, from an older konpro; this "
                            "one reads and writes version 2: use the older one "
                            "with this file, or begin a new file")));
  EXPECT_EQ(ReadFile(path), before);
}

TEST(SqliteDatabase, HasItsIdentityAndIsDurable) {
  const std::string path = NewPath();
  for (int round = 0; round < 2; ++round) {
    const std::unique_ptr<SqliteStore> store =
        SqliteStore::Open(path, {}).value();
    SqliteDatabase& database = *store->database();
    EXPECT_EQ(ReadInteger(database, "PRAGMA application_id"), 0x6b6f6e70);
    EXPECT_EQ(ReadInteger(database, "PRAGMA user_version"), 2);
    EXPECT_EQ(ReadInteger(database, "PRAGMA synchronous"), 2);
    const MutexLock lock(database.mu());
    const SqliteDatabase::Statement mode =
        database.Prepare("PRAGMA journal_mode").value();
    ASSERT_EQ(sqlite3_step(mode.get()), SQLITE_ROW);
    EXPECT_STREQ(
        reinterpret_cast<const char*>(sqlite3_column_text(mode.get(), 0)),
        "wal");
  }
}

// Whatever the process's mask is, and from the first moment on: the draft that
// gets the file's name has the mode too, while somebody looks at it.
TEST(SqliteDatabase, ItsFilesAreTheOwnersAlone) {
  const std::string path = NewPath();
  const std::string draft = absl::StrCat(path, ".new-", getpid());
  std::atomic<bool> is_over{false};
  std::atomic<int> seen{0};
  std::atomic<int> wide{0};
  std::thread other([&] {
    while (!is_over) {
      struct stat file;
      if (stat(draft.c_str(), &file) != 0) continue;
      ++seen;
      if ((file.st_mode & 0777) != 0600) ++wide;
    }
  });
  const mode_t mask = umask(0);
  std::unique_ptr<SqliteStore> store;
  for (int i = 0; i < 1'000 && seen == 0; ++i) {
    store.reset();
    NewPath();
    store = SqliteStore::Open(path, {}).value();
  }
  umask(mask);
  is_over = true;
  other.join();
  EXPECT_GT(seen, 0);
  EXPECT_EQ(wide, 0);
  for (const char* suffix : {"", "-wal"}) {
    struct stat file;
    ASSERT_EQ(stat(absl::StrCat(path, suffix).c_str(), &file), 0) << suffix;
    EXPECT_EQ(file.st_mode & 0777, 0600u) << suffix;
  }
}

// As an earlier version, or a copy, left them.
TEST(SqliteDatabase, FilesThatOthersCouldOpenAreNarrowed) {
  const std::string path = NewPath();
  const std::string wal = path + "-wal";
  { ASSERT_THAT(SqliteDatabase::Open(path, {}), IsOk()); }
  Write(wal, "");
  ASSERT_EQ(chmod(path.c_str(), 0664), 0);
  ASSERT_EQ(chmod(wal.c_str(), 0644), 0);
  const auto database = SqliteDatabase::Open(path, {});
  ASSERT_THAT(database, IsOk());
  for (const std::string& name : {path, wal}) {
    struct stat file;
    ASSERT_EQ(stat(name.c_str(), &file), 0) << name;
    EXPECT_EQ(file.st_mode & 0777, 0600u) << name;
  }
  // It is as locked as before.
  EXPECT_THAT(SqliteDatabase::Open(path, {}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("in use")));
}

TEST(SqliteDatabase, AFileThatIsNotOursKeepsItsMode) {
  const std::string path = NewPath();
  Write(path, std::string(2'000, 'x'));
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  EXPECT_FALSE(SqliteDatabase::Open(path, {}).ok());
  struct stat file;
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0644u);
}

TEST(SqliteDatabase, ALogThatIsALinkIsRefused) {
  for (const char* suffix : {"-wal", "-shm", "-journal"}) {
    const std::string path = NewPath();
    ASSERT_THAT(SqliteDatabase::Open(path, {}), IsOk());
    const std::string victim = absl::StrCat(::testing::TempDir(), "victim");
    Write(victim, "data");
    const std::string log = absl::StrCat(path, suffix);
    unlink(log.c_str());
    ASSERT_EQ(symlink(victim.c_str(), log.c_str()), 0);
    EXPECT_THAT(SqliteDatabase::Open(path, {}),
                StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr(log)));
    std::string text;
    std::ifstream(victim) >> text;
    EXPECT_EQ(text, "data");
    unlink(log.c_str());
  }
}

// What the disk, the system or a limit of the process does is no fault of the
// request, and may be better later.
TEST(CodeOfSqlite, TroubleOfTheStoreIsUnavailable) {
  const struct {
    int result;
    absl::StatusCode code;
  } kCases[] = {
      {SQLITE_FULL, absl::StatusCode::kUnavailable},
      {SQLITE_IOERR, absl::StatusCode::kUnavailable},
      {SQLITE_IOERR_WRITE, absl::StatusCode::kUnavailable},
      {SQLITE_IOERR_FSYNC, absl::StatusCode::kUnavailable},
      {SQLITE_IOERR_NOMEM, absl::StatusCode::kUnavailable},
      {SQLITE_READONLY, absl::StatusCode::kUnavailable},
      {SQLITE_READONLY_DBMOVED, absl::StatusCode::kUnavailable},
      {SQLITE_CANTOPEN, absl::StatusCode::kUnavailable},
      {SQLITE_PERM, absl::StatusCode::kUnavailable},
      {SQLITE_AUTH, absl::StatusCode::kUnavailable},
      {SQLITE_NOMEM, absl::StatusCode::kUnavailable},
      {SQLITE_BUSY, absl::StatusCode::kUnavailable},
      {SQLITE_LOCKED, absl::StatusCode::kUnavailable},
      {SQLITE_PROTOCOL, absl::StatusCode::kUnavailable},
      {SQLITE_INTERRUPT, absl::StatusCode::kUnavailable},
      {SQLITE_NOLFS, absl::StatusCode::kUnavailable},
      {SQLITE_ERROR, absl::StatusCode::kDataLoss},
      {SQLITE_CORRUPT, absl::StatusCode::kDataLoss},
      {SQLITE_NOTADB, absl::StatusCode::kDataLoss},
      {SQLITE_CONSTRAINT, absl::StatusCode::kAborted},
      {SQLITE_CONSTRAINT_TRIGGER, absl::StatusCode::kAborted},
      {SQLITE_TOOBIG, absl::StatusCode::kInternal},
      {SQLITE_MISUSE, absl::StatusCode::kInternal},
      {SQLITE_RANGE, absl::StatusCode::kInternal},
      {SQLITE_OK, absl::StatusCode::kOk},
      {SQLITE_ROW, absl::StatusCode::kOk},
      {SQLITE_DONE, absl::StatusCode::kOk},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(internal::CodeOfSqlite(c.result), c.code)
        << sqlite3_errstr(c.result);
  }
}

TEST(SqliteDatabase, RefusesWhatIsNotItsFile) {
  const std::string path = NewPath();
  const auto open = [&] { return SqliteDatabase::Open(path, {}).status(); };
  const auto is = [&](absl::StatusCode code, const char* message) {
    return StatusIs(code, AllOf(HasSubstr(path), HasSubstr(message)));
  };
  MakeForeign(path, "CREATE TABLE photos (id INTEGER)");
  EXPECT_THAT(open(), is(absl::StatusCode::kFailedPrecondition,
                         "another application (application_id 0"));
  MakeForeign(path, "PRAGMA application_id = 7");
  EXPECT_THAT(open(), is(absl::StatusCode::kFailedPrecondition,
                         "another application (application_id 7"));
  MakeForeign(path, absl::StrCat("PRAGMA application_id = ",
                                 SqliteDatabase::kApplicationId,
                                 "; PRAGMA user_version = 3"));
  EXPECT_THAT(open(), is(absl::StatusCode::kFailedPrecondition,
                         "of schema version 3, from a newer konpro; this one "
                         "reads and writes version 2: use the newer one"));
  MakeForeign(path, "PRAGMA user_version = 0");
  EXPECT_THAT(open(), is(absl::StatusCode::kDataLoss, "schema version 0"));
  MakeForeign(path, "PRAGMA user_version = 2");
  EXPECT_THAT(open(), IsOk());
  NewPath();
  Write(path, "");
  EXPECT_THAT(open(), is(absl::StatusCode::kDataLoss, "is empty"));
  Write(path, std::string(8192, 'x'));
  EXPECT_THAT(open(), is(absl::StatusCode::kDataLoss, "not a database"));
  NewPath();
  EXPECT_THAT(SqliteDatabase::Open(path, {.create = false}),
              is(absl::StatusCode::kNotFound, "no such file"));
  const std::string nowhere = absl::StrCat(path, ".dir/file.db");
  EXPECT_THAT(SqliteDatabase::Open(nowhere, {}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(nowhere)));
}

// A refused file is as it was.
TEST(SqliteDatabase, LeavesAForeignFileAlone) {
  const std::string path = NewPath();
  MakeForeign(path, "CREATE TABLE photos (id INTEGER)");
  const auto bytes = [&] {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string before = bytes();
  EXPECT_FALSE(SqliteDatabase::Open(path, {}).ok());
  EXPECT_EQ(bytes(), before);
}

TEST(SqliteDatabase, IsOpenInOneProcessAtATime) {
  const std::string path = NewPath();
  std::unique_ptr<SqliteStore> store = SqliteStore::Open(path, {}).value();
  const auto is_refused =
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr(path), HasSubstr("in use by another process")));
  EXPECT_THAT(SqliteDatabase::Open(path, {}), is_refused);
  // A process of its own: locks are a process's.
  store.reset();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto held = SqliteStore::Open(path, {});
    const char is_open = held.ok() ? 1 : 0;
    if (write(ends[1], &is_open, 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char is_open = 0;
  ASSERT_EQ(read(ends[0], &is_open, 1), 1);
  ASSERT_EQ(is_open, 1);
  EXPECT_THAT(SqliteDatabase::Open(path, {}), is_refused);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_THAT(SqliteDatabase::Open(path, {}), IsOk());
}

TEST(SqliteDatabase, LeavesNoDraftsBehind) {
  const std::string path = NewPath();
  ASSERT_THAT(SqliteDatabase::Open(path, {}), IsOk());
  std::vector<std::string> drafts;
  DIR* const directory = opendir(::testing::TempDir().c_str());
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name.find("file.db.new") != std::string::npos) drafts.push_back(name);
  }
  closedir(directory);
  EXPECT_THAT(drafts, IsEmpty());
}

TEST(SqliteStore, TheJournalIsAppendOnly) {
  const std::unique_ptr<SqliteStore> store =
      SqliteStore::Open(NewPath(), {}).value();
  JournalHash hash{};
  ASSERT_THAT(store->Append({}, {{.sequence = 1, .bytes = "x", .hash = hash}}),
              IsOk());
  SqliteDatabase& database = *store->database();
  const MutexLock lock(database.mu());
  for (const char* sql :
       {"UPDATE journal SET entry = x'00'", "DELETE FROM journal"}) {
    EXPECT_THAT(database.Execute(sql),
                StatusIs(absl::StatusCode::kAborted, HasSubstr("append-only")));
  }
  EXPECT_THAT(database.Execute("INSERT INTO journal VALUES (2, 'text', '')"),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("journal")));
}

TEST(SqliteStore, TablesOfAnotherFormAreRefused) {
  const std::string path = NewPath();
  {
    const std::unique_ptr<SqliteDatabase> database =
        SqliteDatabase::Open(path, {}).value();
    const MutexLock lock(database->mu());
    ASSERT_THAT(database->Execute("CREATE TABLE journal (number INTEGER)"),
                IsOk());
  }
  EXPECT_THAT(SqliteStore::Open(path, {}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("sequence")));
}

}  // namespace
}  // namespace konpro
