// A Service on one SQLite file: what it keeps, what it refuses, and that no
// key's text is in it.
#include "konpro/sqlite/sqlite_backend.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/http.h"
#include "konpro/access/service.h"
#include "konpro/base/credits.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'040);
const UnixNanos kAt = UnixNanos::FromTime(kNow);

std::string NewPath(const std::string& name) {
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/sqlite_backend_", name, ".db");
  for (const char* suffix : {"", "-wal", "-shm"}) {
    remove(absl::StrCat(path, suffix).c_str());
  }
  return path;
}

std::unique_ptr<Service> OpenAt(const std::string& path) {
  Service::Options options;
  options.spare_keys = options.spare_accounts = 100;
  return Service::Open(Catalog::BuiltIn(), OpenSqliteBackend(path, {}).value(),
                       std::move(options))
      .value();
}

void Grant(Service& service, absl::string_view account) {
  ASSERT_THAT(
      service.ledger().Apply(
          {.account = account,
           .id = "grant",
           .at = kAt,
           .request = GrantCommand{.amount = Credits::Parse("100").value()}}),
      IsOk());
}

std::string BytesOf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// Runs SQL on a file that nobody has open.
void Damage(const std::string& path, const char* sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(db);
  sqlite3_close(db);
}

TEST(SqliteBackend, AllOfItIsThereAgain) {
  const std::string path = NewPath("again");
  auto service = OpenAt(path);
  const MintedKey key =
      service->admission().CreateKey({.account_id = "acme"}, kNow).value();
  const MintedKey dead =
      service->admission().CreateKey({.account_id = "acme"}, kNow).value();
  ASSERT_THAT(service->keys().Deactivate(dead.record.id(), kNow), IsOk());
  ASSERT_THAT(
      service->admission().SetPlan("acme", "enterprise",
                                   ParseWindows("minute:7/1m").value(), kNow),
      IsOk());
  ASSERT_THAT(service->admission().Provision("other", kNow), IsOk());
  ASSERT_THAT(service->admission().Suspend("other", kNow), IsOk());
  Grant(*service, "acme");
  const AdmissionRequest job = {.key = key.secret.text(),
                                .operation = "avatar_video",
                                .quantity = 90'000,
                                .id = "job-7"};
  ASSERT_TRUE(service->admission().Admit(job, kAt).ok());

  service.reset();
  service = OpenAt(path);
  const AdmissionResult again = service->admission().Admit(job, kAt);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.plan->name(), "enterprise");
  EXPECT_EQ(service->admission().Admit({.key = dead.secret.text()}, kAt).reason,
            AdmissionReason::kUnauthenticated);
  EXPECT_TRUE(service->accounts().Find("other")->is_suspended);
  EXPECT_EQ(
      service->admission().Complete({"acme", "job-7", 84'000}, kAt)->charged,
      Credits::Parse("84").value());
  // Written when the first one ended.
  EXPECT_EQ(service->keys().Find(key.record.id())->last_used_at, kNow);
}

TEST(SqliteBackend, CarriesWhatWindowsHaveUsedWhereItIsGiven) {
  const std::string path = NewPath("limits");
  auto service = OpenAt(path);
  const MintedKey key =
      service->admission().CreateKey({.account_id = "acme"}, kNow).value();
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(
        service->admission().Admit({.key = key.secret.text()}, kAt).ok());
  }
  Service::Options options;
  options.limits = LimiterRegistry::Create({.capacity = 10}).value();
  ASSERT_THAT(
      service->limits().HandOver([&](const LimiterRegistry::Account& account) {
        EXPECT_THAT(options.limits->Restore(account), IsOk());
      }),
      IsOk());
  service.reset();
  service =
      Service::Open(Catalog::BuiltIn(), OpenSqliteBackend(path, {}).value(),
                    std::move(options))
          .value();
  EXPECT_EQ(service->admission()
                .Admit({.key = key.secret.text()}, kAt)
                .limits->remaining(0),
            3u);
}

TEST(SqliteBackend, IsOpenInOneProcessAtATime) {
  const std::string path = NewPath("once");
  const auto service = OpenAt(path);
  EXPECT_THAT(OpenSqliteBackend(path, {}).status(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(path)));
}

TEST(SqliteBackend, DamagedAccountsAreDataLoss) {
  const struct {
    const char* sql;
    absl::string_view what;
  } kCases[] = {
      {"UPDATE accounts SET windows = 'minute'", "account acme: windows: "},
      {"UPDATE accounts SET account_id = 'a b'", "a b"},
      {"DROP TABLE accounts; CREATE TABLE accounts (name TEXT)", "account_id"},
  };
  for (const auto& c : kCases) {
    const std::string path = NewPath("damaged");
    ASSERT_THAT(OpenAt(path)->admission().Provision("acme", kNow), IsOk());
    Damage(path, c.sql);
    absl::StatusOr<Backend> backend = OpenSqliteBackend(path, {});
    EXPECT_THAT(
        backend.ok()
            ? Service::Open(Catalog::BuiltIn(), *std::move(backend), {})
                  .status()
            : backend.status(),
        StatusIs(absl::StatusCode::kDataLoss, HasSubstr(std::string(c.what))));
  }
}

// Keys, accounts and the ledger write through one connection, each from threads
// of its own.
TEST(SqliteBackend, WritersTakeTurns) {
  const auto service = OpenAt(NewPath("turns"));
  Grant(*service, "acme");
  const auto provision = [&](absl::string_view prefix) {
    for (int i = 0; i < 20; ++i) {
      EXPECT_THAT(service->admission().Provision(absl::StrCat(prefix, i), kNow),
                  IsOk());
    }
  };
  const auto spend = [&] {
    for (int i = 0; i < 20; ++i) {
      const std::string id = absl::StrCat("spend-", i);
      EXPECT_THAT(service->ledger().Apply({.account = "acme",
                                           .id = id,
                                           .at = kAt,
                                           .request = SpendCommand{}}),
                  IsOk());
    }
  };
  const auto mint = [&] {
    for (int i = 0; i < 20; ++i) {
      EXPECT_THAT(service->keys().Mint({.account_id = "acme"}, kNow), IsOk());
    }
  };
  std::thread first(provision, "a");
  std::thread second(spend);
  std::thread third(mint);
  first.join();
  second.join();
  third.join();
  EXPECT_EQ(service->accounts().size(), 20u);
  EXPECT_EQ(service->keys().List("acme").size(), 20u);
}

// The whole life of keys, with every answer, error and file that comes of it.
TEST(SqliteBackend, TextOfAKeyIsNowhereButInItsOwnersHands) {
  const std::string path = NewPath("secret");
  auto service = OpenAt(path);
  std::vector<MintedKey> keys;
  for (int i = 0; i < 4; ++i) {
    keys.push_back(
        service->admission().CreateKey({.account_id = "acme"}, kNow).value());
  }
  keys.push_back(
      service->keys()
          .Reset({.key = keys[0].record.id(), .overlap = absl::Hours(1)}, kNow)
          .value());
  keys.push_back(
      service->keys().Reset({.key = keys[1].record.id()}, kNow).value());
  ASSERT_THAT(service->keys().Deactivate(keys[2].record.id(), kNow), IsOk());
  std::string seen;
  for (const MintedKey& key : keys) {
    for (const absl::string_view operation : {"", "avatar_video", "no_such"}) {
      // Somebody sends the key as an id, too.
      const HttpAnswer answer = AnswerOf(
          service->admission().Admit({.key = key.secret.text(),
                                      .operation = operation,
                                      .quantity = operation.empty() ? 0 : 1'000,
                                      .id = "job"},
                                     kAt));
      absl::StrAppend(&seen, answer.body);
      for (const HttpField& field : answer.fields) {
        absl::StrAppend(&seen, field.name, field.value);
      }
    }
    const auto again = service->keys().Reset({.key = key.record.id()}, kNow);
    absl::StrAppend(&seen, again.status().ToString());
    for (const ApiKeyRecord& record : service->keys().List("acme")) {
      absl::StrAppend(&seen, record.account_id, record.last_four,
                      record.digest.bytes());
    }
    absl::StrAppend(&seen, ::testing::PrintToString(key.secret.text()),
                    ::testing::PrintToString(key.secret));
  }
  const std::string wal = BytesOf(path + "-wal");
  EXPECT_FALSE(wal.empty());
  absl::StrAppend(&seen, wal, BytesOf(path));
  service.reset();
  absl::StrAppend(&seen, BytesOf(path));
  EXPECT_THAT(seen, HasSubstr("acme"));
  for (const MintedKey& key : keys) {
    const std::string text(key.secret.text().Reveal());
    // Nor what would do to guess it.
    EXPECT_EQ(seen.find(text), std::string::npos);
    EXPECT_EQ(seen.find(text.substr(3, 30)), std::string::npos);
    EXPECT_EQ(seen.find(text.substr(20, 12)), std::string::npos);
  }
}

std::vector<std::string> FilesBeginningWith(const std::string& path) {
  std::vector<std::string> files;
  const std::filesystem::path begin(path);
  for (const auto& file :
       std::filesystem::directory_iterator(begin.parent_path())) {
    const std::string name = file.path().filename().string();
    if (name.rfind(begin.filename().string(), 0) == 0) files.push_back(name);
  }
  return files;
}

absl::Status Fill(Backend& to, int accounts) {
  for (int i = 0; i < accounts; ++i) {
    const absl::Status status =
        to.accounts->Put({.account_id = absl::StrCat("a", i), .plan = "pro"});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

TEST(MakeSqliteFile, TheFileIsWholeAndItsOwnersAlone) {
  const std::string path = NewPath("made");
  ASSERT_THAT(MakeSqliteFile(path, [](Backend& to) { return Fill(to, 500); }),
              IsOk());
  EXPECT_THAT(FilesBeginningWith(path), ElementsAre("sqlite_backend_made.db"));
  struct stat made;
  ASSERT_EQ(stat(path.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0600);
  EXPECT_EQ(OpenAt(path)->accounts().size(), 500);
  // No file is replaced, nor is a file that a link names.
  const std::string link = NewPath("link");
  ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
  for (const std::string& there : {path, link}) {
    EXPECT_THAT(MakeSqliteFile(there, [](Backend& to) { return Fill(to, 1); }),
                StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(there)));
  }
  EXPECT_EQ(OpenAt(path)->accounts().size(), 500);
}

TEST(MakeSqliteFile, IfItCannotBeFilledThereIsNone) {
  const std::string path = NewPath("unfilled");
  const absl::Status failed = absl::DataLossError("entry 3 is damaged");
  EXPECT_EQ(MakeSqliteFile(path,
                           [&](Backend& to) {
                             EXPECT_THAT(Fill(to, 3), IsOk());
                             return failed;
                           }),
            failed);
  EXPECT_THAT(FilesBeginningWith(path), ElementsAre());
}

TEST(MakeSqliteFile, AProcessThatIsKilledLeavesNoFileThatOpens) {
  const std::string path = NewPath("killed");
  const pid_t child = fork();
  if (child == 0) {
    (void)MakeSqliteFile(path, [](Backend& to) {
      (void)Fill(to, 100);
      raise(SIGKILL);
      return absl::OkStatus();
    });
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  const std::vector<std::string> left = FilesBeginningWith(path);
  EXPECT_THAT(left, Not(ElementsAre()));
  const std::string folder = ::testing::TempDir() + "/";
  for (const std::string& name : left) {
    EXPECT_THAT(name, HasSubstr(".unfinished-"));
    EXPECT_FALSE(OpenSqliteBackend(folder + name, {.create = false}).ok())
        << name;
  }
  // It is made when it is asked for again.
  EXPECT_THAT(MakeSqliteFile(path, [](Backend& to) { return Fill(to, 1); }),
              IsOk());
  for (const std::string& name : left) remove((folder + name).c_str());
}

}  // namespace
}  // namespace konpro
