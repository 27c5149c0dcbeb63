// The examples of the room's public headers, as they stand there.
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
#include "konpro/access/backend.h"
#include "konpro/access/service.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/ledger.h"
#include "konpro/sqlite/sqlite_backend.h"
#include "konpro/sqlite/sqlite_store.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;

// Into an empty directory.
void ChangeDirectory() {
  std::string path = absl::StrCat(std::getenv("TEST_TMPDIR"), "/XXXXXX");
  ASSERT_NE(mkdtemp(path.data()), nullptr);
  ASSERT_EQ(chdir(path.c_str()), 0);
}

TEST(HeaderExamples, SqliteBackend) {
  ChangeDirectory();
  const Catalog& catalog = Catalog::BuiltIn();
  // sqlite_backend.h
  Backend backend = *OpenSqliteBackend("credits.db", {});
  auto service = *Service::Open(catalog, std::move(backend), {});
  EXPECT_EQ(service->accounts().size(), 0u);
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
