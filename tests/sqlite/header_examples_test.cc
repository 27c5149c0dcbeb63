// The examples in the headers of konpro/sqlite, as they stand there.
#include <sqlite3.h>
#include <stdio.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/account_directory.h"
#include "konpro/access/backend.h"
#include "konpro/access/key_directory.h"
#include "konpro/access/service.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/ledger.h"
#include "konpro/sqlite/sqlite_account_store.h"
#include "konpro/sqlite/sqlite_backend.h"
#include "konpro/sqlite/sqlite_database.h"
#include "konpro/sqlite/sqlite_key_store.h"
#include "konpro/sqlite/sqlite_store.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::_;

std::string NewPath(const std::string& name) {
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/header_", name, ".db");
  for (const char* suffix : {"", "-wal", "-shm"}) {
    remove(absl::StrCat(path, suffix).c_str());
  }
  return path;
}

TEST(HeaderExamples, Backend) {
  const Catalog& catalog = Catalog::BuiltIn();
  Backend backend = *OpenSqliteBackend(NewPath("backend"), {});
  auto service = *Service::Open(catalog, std::move(backend), {});
  EXPECT_EQ(service->accounts().size(), 0u);
}

TEST(HeaderExamples, DatabaseAndStores) {
  const std::string path = NewPath("database");
  std::shared_ptr<SqliteDatabase> database = *SqliteDatabase::Open(path, {});
  EXPECT_THAT(SqliteDatabase::Open(path, {}),
              StatusIs(absl::StatusCode::kUnavailable, _));
  auto accounts = SqliteAccountStore::Create(database);
  EXPECT_THAT(AccountDirectory::Open(**accounts), IsOk());
  absl::StatusOr<std::unique_ptr<SqliteKeyStore>> keys =
      SqliteKeyStore::Create(database);
  EXPECT_THAT(KeyDirectory::Open(**keys, {.keys_max = 1'000'000}), IsOk());
}

TEST(HeaderExamples, DatabaseOfAnotherApplication) {
  const std::string path = NewPath("photos");
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(db, "CREATE TABLE photos (x)", nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(db);
  EXPECT_THAT(SqliteDatabase::Open(path, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, _));
}

TEST(HeaderExamples, Store) {
  absl::StatusOr<std::unique_ptr<SqliteStore>> store =
      SqliteStore::Open(NewPath("store"), {});
  EXPECT_THAT(Ledger::Open(*std::move(store), {}), IsOk());
}

}  // namespace
}  // namespace konpro
