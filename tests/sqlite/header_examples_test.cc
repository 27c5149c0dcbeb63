// The examples of the room's public headers, as they stand there.
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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

// Into an empty directory.
void ChangeDirectory() {
  std::string path = absl::StrCat(std::getenv("TEST_TMPDIR"), "/XXXXXX");
  ASSERT_NE(mkdtemp(path.data()), nullptr);
  ASSERT_EQ(chdir(path.c_str()), 0);
}

TEST(HeaderExamples, SqliteAccountStore) {
  ChangeDirectory();
  const std::shared_ptr<SqliteDatabase> database =
      SqliteDatabase::Open("credits.db", {}).value();
  // sqlite_account_store.h
  auto store = SqliteAccountStore::Create(database);
  EXPECT_THAT(AccountDirectory::Open(**store), IsOk());
}

TEST(HeaderExamples, SqliteBackend) {
  ChangeDirectory();
  const Catalog& catalog = Catalog::BuiltIn();
  // sqlite_backend.h
  Backend backend = *OpenSqliteBackend("credits.db", {});
  auto service = *Service::Open(catalog, std::move(backend), {});
  EXPECT_EQ(service->accounts().size(), 0u);
}

TEST(HeaderExamples, SqliteDatabase) {
  ChangeDirectory();
  sqlite3* photos = nullptr;
  ASSERT_EQ(sqlite3_open("photos.db", &photos), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(photos, "CREATE TABLE photos (x)", nullptr, nullptr,
                         nullptr),
            SQLITE_OK);
  sqlite3_close(photos);
  // sqlite_database.h
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> database =
      SqliteDatabase::Open("credits.db", {});
  ASSERT_THAT(database, IsOk());
  EXPECT_THAT(SqliteDatabase::Open("credits.db", {}),
              StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_THAT(SqliteDatabase::Open("photos.db", {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, _));
}

TEST(HeaderExamples, SqliteKeyStore) {
  ChangeDirectory();
  const std::shared_ptr<SqliteDatabase> connection =
      SqliteDatabase::Open("credits.db", {}).value();
  // sqlite_key_store.h
  absl::StatusOr<std::unique_ptr<SqliteKeyStore>> store =
      SqliteKeyStore::Create(connection);
  EXPECT_THAT(KeyDirectory::Open(**store, {.keys_max = 1'000'000}), IsOk());
}

TEST(HeaderExamples, SqliteStore) {
  ChangeDirectory();
  // sqlite_store.h
  absl::StatusOr<std::unique_ptr<SqliteStore>> store =
      SqliteStore::Open("credits.db", {});
  EXPECT_THAT(Ledger::Open(*std::move(store), {}), IsOk());
}

}  // namespace
}  // namespace konpro
