#include "konpro/sqlite/internal/sqlite_key_store.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/api_key.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/mutex.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/sqlite/internal/sqlite_database.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::internal::SqliteDatabase;
using ::konpro::internal::SqliteKeyStore;

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'040);

class SqliteKeyStoreTest : public ::testing::Test {
 protected:
  SqliteKeyStoreTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    OpenAgain();
  }

  // As another process would.
  void OpenAgain() {
    store_.reset();
    database_.reset();
    database_ = SqliteDatabase::Open(path_, {}).value();
    store_ = SqliteKeyStore::Create(database_).value();
  }
  void Sql(const std::string& sql) {
    const MutexLock lock(database_->mu());
    ASSERT_THAT(database_->Execute(sql.c_str()), IsOk());
  }

  std::vector<ApiKeyRecord> Rows() {
    std::vector<ApiKeyRecord> rows;
    EXPECT_THAT(store_->LoadAll([&](ApiKeyRecord record) {
      rows.push_back(std::move(record));
      return absl::OkStatus();
    }),
                IsOk());
    return rows;
  }

  const std::string folder_ = absl::StrCat(::testing::TempDir(), "/keys");
  const std::string path_ = absl::StrCat(folder_, "/konpro.db");
  std::shared_ptr<SqliteDatabase> database_;
  std::unique_ptr<SqliteKeyStore> store_;
};

ApiKeyRecord Record(absl::string_view text) {
  return {.digest = ApiKeyDigest::Of(ApiKeyText(text)),
          .account_id = absl::StrCat("account ", text),
          .last_four = "Ab12",
          .created_at = kNow,
          .changed_at = kNow};
}

void ExpectSame(const ApiKeyRecord& a, const ApiKeyRecord& b) {
  EXPECT_EQ(a.id(), b.id());
  EXPECT_TRUE(a.digest == b.digest);
  EXPECT_EQ(a.account_id, b.account_id);
  EXPECT_EQ(a.last_four, b.last_four);
  EXPECT_EQ(a.scope, b.scope);
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.created_at, b.created_at);
  EXPECT_EQ(a.changed_at, b.changed_at);
  EXPECT_EQ(a.ends_at, b.ends_at);
  EXPECT_EQ(a.last_used_at, b.last_used_at);
}

TEST_F(SqliteKeyStoreTest, RecordsComeBackInTheirOrder) {
  std::vector<ApiKeyRecord> records;
  for (int i = 0; i < 20; ++i) records.push_back(Record(absl::StrCat(i)));
  records[1].ends_at = kNow + absl::Milliseconds(1);
  records[1].last_used_at = kNow + absl::Minutes(1);
  records[1].scope = ApiKeyScope::kService;
  records[2].scope = ApiKeyScope::kAdmin;
  records[2].state = ApiKeyState::kDeactivated;
  records[2].created_at = absl::UnixEpoch();
  EXPECT_THAT(store_->Put(records), IsOk());
  records[0].state = ApiKeyState::kReplaced;
  records[0].changed_at = kNow + absl::Seconds(1);
  records[0].ends_at = kNow + absl::Hours(1);
  records[0].last_used_at = kNow;
  EXPECT_THAT(store_->Put({&records[0], 1}), IsOk());
  EXPECT_THAT(store_->Put({}), IsOk());
  OpenAgain();
  const std::vector<ApiKeyRecord> rows = Rows();
  ASSERT_EQ(rows.size(), records.size());
  for (size_t i = 0; i < rows.size(); ++i) ExpectSame(rows[i], records[i]);
}

TEST_F(SqliteKeyStoreTest, AllRecordsAreWrittenOrNone) {
  Sql("CREATE TRIGGER no BEFORE INSERT ON api_keys WHEN new.account_id = "
      "'account bad' BEGIN SELECT raise(ABORT, 'refused'); END");
  const ApiKeyRecord good = Record("good");
  EXPECT_THAT(store_->Put({{good, Record("bad")}}),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("refused")));
  EXPECT_TRUE(Rows().empty());
  EXPECT_THAT(store_->Put({&good, 1}), IsOk());
  EXPECT_EQ(Rows().size(), 1u);
}

TEST_F(SqliteKeyStoreTest, LoadingStopsWhereItIsTold) {
  ASSERT_THAT(store_->Put({{Record("1"), Record("2")}}), IsOk());
  int calls = 0;
  EXPECT_THAT(store_->LoadAll([&](ApiKeyRecord) {
    ++calls;
    return absl::ResourceExhaustedError("full");
  }),
              StatusIs(absl::StatusCode::kResourceExhausted, "full"));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(Rows().size(), 2u);
}

TEST_F(SqliteKeyStoreTest, OtherTableIsDataLoss) {
  store_.reset();
  Sql("DROP TABLE api_keys");
  Sql("CREATE TABLE api_keys (digest BLOB)");
  EXPECT_THAT(SqliteKeyStore::Create(database_),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("column")));
}

TEST_F(SqliteKeyStoreTest, DamagedRowsAreDataLoss) {
  const struct {
    absl::string_view column;
    absl::string_view value;
    absl::string_view message;
  } kCases[] = {
      {"digest", "x'00'", "32 bytes"},
      {"digest", "NULL", "32 bytes"},
      {"account_id", "''", "account_id"},
      {"last_four", "NULL", "last_four"},
      {"state", "257", "state"},
      {"state", "-1", "state"},
      {"scope", "0", "scope"},
      {"scope", "257", "scope"},
  };
  store_.reset();
  Sql("DROP TABLE api_keys");
  Sql("CREATE TABLE api_keys (number INTEGER PRIMARY KEY, digest UNIQUE, "
      "account_id, last_four, scope, state, created_at_ms, changed_at_ms, "
      "ends_at_ms, last_used_at_ms)");
  store_ = SqliteKeyStore::Create(database_).value();
  for (const auto& c : kCases) {
    const auto key = KeyDirectory::Open(*store_, {.keys_max = 10})
                         .value()
                         ->Mint({.account_id = "acme"}, kNow);
    ASSERT_THAT(key, IsOk());
    Sql(absl::StrCat("UPDATE api_keys SET ", c.column, " = ", c.value));
    EXPECT_THAT(KeyDirectory::Open(*store_, {.keys_max = 10}),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr(std::string(c.message))));
    Sql("DELETE FROM api_keys");
  }
}

TEST_F(SqliteKeyStoreTest, DirectoryLivesOnInTheFile) {
  auto directory = KeyDirectory::Open(*store_, {.keys_max = 10}).value();
  const auto live = directory->Mint({.account_id = "acme"}, kNow);
  const auto dead = directory->Mint({.account_id = "acme"}, kNow);
  const auto old = directory->Mint({.account_id = "acme"}, kNow);
  const auto next = directory->Reset(
      {.key = old->record.id(), .overlap = absl::Hours(1)}, kNow);
  ASSERT_THAT(directory->Deactivate(dead->record.id(), kNow), IsOk());
  directory.reset();
  OpenAgain();
  directory = KeyDirectory::Open(*store_, {.keys_max = 10}).value();
  const auto verdict = [&](const auto& key, absl::Duration later) {
    return directory
        ->Authenticate(key->secret.text(), UnixNanos::FromTime(kNow + later))
        .verdict();
  };
  EXPECT_EQ(verdict(live, absl::Hours(1)), ApiKeyVerdict::kAccepted);
  EXPECT_EQ(verdict(dead, absl::ZeroDuration()), ApiKeyVerdict::kDeactivated);
  EXPECT_EQ(verdict(old, absl::Minutes(59)), ApiKeyVerdict::kAccepted);
  EXPECT_EQ(verdict(old, absl::Hours(1)), ApiKeyVerdict::kReplaced);
  EXPECT_EQ(verdict(next, absl::Hours(1)), ApiKeyVerdict::kAccepted);
  EXPECT_EQ(directory->List("acme").size(), 4u);
}

// The whole folder, the write-ahead log included, is searched for every key.
TEST_F(SqliteKeyStoreTest, NoTextIsInTheFile) {
  const auto directory = KeyDirectory::Open(*store_, {.keys_max = 100}).value();
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) {
    const auto key = directory->Mint({.account_id = "acme"}, kNow);
    const auto next = directory->Reset({.key = key->record.id()}, kNow);
    ASSERT_THAT(directory->Deactivate(next->record.id(), kNow), IsOk());
    texts.emplace_back(key->secret.text().Reveal());
    texts.emplace_back(next->secret.text().Reveal());
  }
  const std::string digest(directory->List("acme")[0].digest.bytes());
  int digests = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
    digests += bytes.find(digest) != std::string::npos;
    EXPECT_EQ(bytes.find("kp_"), std::string::npos) << entry.path();
    for (const std::string& text : texts) {
      EXPECT_EQ(bytes.find(text.substr(3, 12)), std::string::npos)
          << entry.path();
    }
  }
  EXPECT_GT(digests, 0);
}

}  // namespace
}  // namespace konpro
