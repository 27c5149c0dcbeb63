// A ledger on a disk that fails, and on files that were damaged: it recovers,
// or refuses with an error that says so, and never has a wrong balance.
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/mutex.h"
#include "konpro/ledger/ledger.h"
#include "konpro/sqlite/sqlite_store.h"
#include "tests/testing/fault_vfs.h"
#include "tests/testing/ledger_workload.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::internal::SqliteDatabase;

using ::konpro::testing::Fault;
using ::konpro::testing::FaultKind;
using ::konpro::testing::FaultVfs;
using ::konpro::testing::IsOk;
using ::konpro::testing::LedgerWorkload;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

constexpr size_t kAccounts = 3;
const UnixNanos kStart = UnixNanos::FromNanos(1'800'000'000'000'000'000);
// Looked at then: later than any command.
const UnixNanos kEnd = UnixNanos::FromNanos(1'900'000'000'000'000'000);

std::string PathOf(absl::string_view name) {
  return absl::StrCat(::testing::TempDir(), name);
}

std::string NewPath(absl::string_view name) {
  const std::string path = PathOf(name);
  for (const char* suffix : {"", "-wal", "-journal"}) {
    unlink(absl::StrCat(path, suffix).c_str());
  }
  return path;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return std::move(bytes).str();
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

absl::StatusOr<std::unique_ptr<Ledger>> OpenLedger(const std::string& path,
                                                   absl::string_view vfs) {
  absl::StatusOr<std::unique_ptr<SqliteStore>> store =
      SqliteStore::Open(path, {.vfs = std::string(vfs)});
  if (!store.ok()) return store.status();
  return Ledger::Open(*std::move(store), {.snapshot_every = 40});
}

std::map<std::string, Balance> Balances(Ledger& ledger) {
  std::map<std::string, Balance> balances;
  const absl::StatusOr<std::vector<std::string>> accounts = ledger.AccountIds();
  EXPECT_THAT(accounts, IsOk());
  for (const std::string& account : *accounts) {
    const absl::StatusOr<Balance> balance = ledger.BalanceOf(account, kEnd);
    EXPECT_THAT(balance, IsOk());
    balances[account] = *balance;
  }
  return balances;
}

// Applies a workload batch by batch, whatever the disk does, and keeps what was
// acknowledged.
class Client {
 public:
  static constexpr int kBatches = 16;
  static constexpr int kBatchCommands = 8;

  Client() : workload_(7, "id-", kAccounts, kStart) {}

  // Asks each batch again until it is answered, a few times.
  void Run(Ledger& ledger) {
    for (int i = 0; i < kBatches; ++i) {
      std::vector<LedgerCommand> batch;
      for (int j = 0; j < kBatchCommands; ++j) {
        batch.push_back(workload_.Next());
      }
      std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
      for (int tries = 0; tries < 3; ++tries) {
        ledger.ApplyBatch(batch, outcomes);
        if (!absl::IsUnavailable(outcomes.front().status())) break;
        ++unavailable_;
      }
      for (size_t j = 0; j < batch.size(); ++j) {
        if (!outcomes[j].ok() || outcomes[j]->sequence == 0) continue;
        acknowledged_.emplace_back(batch[j], outcomes[j]->sequence);
      }
    }
  }

  // All that was acknowledged is there, once, and what follows from it.
  void ExpectKept(const std::string& path) {
    absl::StatusOr<std::unique_ptr<Ledger>> ledger = OpenLedger(path, "");
    ASSERT_THAT(ledger, IsOk());
    const JournalHead head = (*ledger)->Head().value();
    for (const auto& [command, sequence] : acknowledged_) {
      const absl::StatusOr<LedgerOutcome> again = (*ledger)->Apply(command);
      ASSERT_THAT(again, IsOk());
      EXPECT_TRUE(again->replayed);
      EXPECT_EQ(again->sequence, sequence);
    }
    EXPECT_EQ((*ledger)->Head().value(), head);
    EXPECT_THAT((*ledger)->Verify([](uint64_t) {}), IsOk());
  }

  size_t acknowledged() const { return acknowledged_.size(); }
  int unavailable() const { return unavailable_; }

 private:
  LedgerWorkload workload_;
  std::vector<std::pair<LedgerCommand, uint64_t>> acknowledged_;
  int unavailable_ = 0;
};

class FaultTest : public ::testing::Test {
 protected:
  ~FaultTest() override { FaultVfs::Disarm(); }
};

// Every operation of a run fails once, and every suffix of them.
TEST_F(FaultTest, ADiskThatFailsOnceOrForGoodLosesNothingAcknowledged) {
  const std::pair<FaultKind, const char*> kKinds[] = {
      {FaultKind::kDiskFull, "disk full"},
      {FaultKind::kWriteFails, "write fails"},
      {FaultKind::kShortWrite, "short write"},
      {FaultKind::kSyncFails, "sync fails"},
      {FaultKind::kSyncFailsAndDrops, "sync fails and drops"},
  };
  for (const auto& [kind, name] : kKinds) {
    int64_t struck = 0;
    for (const bool stays : {false, true}) {
      for (int64_t at = 1;; ++at) {
        SCOPED_TRACE(
            absl::StrCat(name, stays ? " for good" : " once", " at ", at));
        const std::string path = NewPath("fault.db");
        Client client;
        FaultVfs::Arm({.kind = kind, .at = at, .stays = stays});
        {
          absl::StatusOr<std::unique_ptr<Ledger>> ledger =
              OpenLedger(path, FaultVfs::kName);
          if (ledger.ok()) {
            client.Run(**ledger);
            EXPECT_TRUE(stays || client.acknowledged() > 90);
          } else {
            EXPECT_THAT(ledger.status().message(), HasSubstr("fault.db"));
          }
        }
        const bool has_struck = FaultVfs::HasStruck();
        FaultVfs::Disarm();
        client.ExpectKept(path);
        if (HasFatalFailure()) return;
        if (!has_struck) break;
        ++struck;
      }
    }
    EXPECT_GT(struck, 30) << name;
  }
}

TEST_F(FaultTest, AFailedCommitIsSaidToBeUnknownAndMayBeAskedAgain) {
  FaultVfs::Disarm();
  const std::string path = NewPath("again.db");
  const std::unique_ptr<Ledger> ledger =
      OpenLedger(path, FaultVfs::kName).value();
  const LedgerCommand grant{
      .account = "acme",
      .id = "welcome",
      .at = kStart,
      .request = GrantCommand{.amount = Credits::FromTicks(9)}};
  FaultVfs::Arm({.kind = FaultKind::kSyncFails, .stays = true});
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(ledger->Apply(grant), StatusIs(absl::StatusCode::kUnavailable,
                                               HasSubstr("again.db")));
  }
  FaultVfs::Disarm();
  EXPECT_THAT(ledger->BalanceOf("acme", kStart),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("acme")));
  EXPECT_FALSE(ledger->Apply(grant)->replayed);
  EXPECT_TRUE(ledger->Apply(grant)->replayed);
  EXPECT_EQ(ledger->BalanceOf("acme", kStart)->available.ticks(), 9);
}

TEST_F(FaultTest, APowerCutLosesNothingAcknowledged) {
  for (int batches = 0; batches < 40; ++batches) {
    SCOPED_TRACE(batches);
    FaultVfs::Disarm();
    const std::string path = NewPath("power.db");
    Client client;
    {
      absl::StatusOr<std::unique_ptr<Ledger>> ledger =
          OpenLedger(path, FaultVfs::kName);
      ASSERT_THAT(ledger, IsOk());
      for (int i = 0; i < batches / 8; ++i) client.Run(**ledger);
      if (batches % 2 == 0) {
        ASSERT_THAT((*ledger)->Snapshot(), IsOk());
      }
      FaultVfs::CutPower();
    }
    client.ExpectKept(path);
  }
}

// A file of some pages, closed, and what is right about it.
class DamageTest : public ::testing::TestWithParam<bool> {
 protected:
  DamageTest() : path_(NewPath("damage.db")) {
    const std::unique_ptr<Ledger> ledger = OpenLedger(path_, "").value();
    LedgerWorkload workload(11, "id-", kAccounts, kStart);
    for (int i = 0; i < 60; ++i) {
      ledger->Apply(workload.Next()).status().IgnoreError();
    }
    // Behind the snapshot there is something to be replayed.
    if (GetParam()) {
      EXPECT_THAT(ledger->Snapshot(), IsOk());
    }
    for (int i = 0; i < 10; ++i) {
      ledger->Apply(workload.Next()).status().IgnoreError();
    }
    right_ = Balances(*ledger);
  }

  void ReadAndCompare(const std::string& bytes) {
    NewPath("damage.db");
    WriteFile(path_, bytes);
    absl::StatusOr<std::unique_ptr<Ledger>> ledger = OpenLedger(path_, "");
    if (!ledger.ok()) {
      ++refused_;
      EXPECT_THAT(ledger.status().message(), HasSubstr("damage.db"));
      return;
    }
    EXPECT_EQ(Balances(**ledger), right_);
    const absl::StatusOr<VerifyReport> verified =
        (*ledger)->Verify([](uint64_t) {});
    if (verified.ok()) {
      ++fine_;
    } else {
      ++found_;
      EXPECT_THAT(verified.status().message(), HasSubstr("damage.db"));
    }
    // The past is right, or damaged.
    for (const auto& [account, balance] : right_) {
      absl::StatusOr<Account> past =
          (*ledger)->AccountAtSequence(account, ~uint64_t{0});
      if (!past.ok()) continue;
      past->Advance(kEnd);
      EXPECT_EQ(past->balance(), balance);
    }
  }

  const std::string path_;
  std::map<std::string, Balance> right_;
  int refused_ = 0;
  int found_ = 0;
  int fine_ = 0;
};

TEST_P(DamageTest, AFlippedBitInAnyPageIsNeverAWrongBalance) {
  const std::string whole = ReadFile(path_);
  ASSERT_EQ(whole.size() % 4096, 0);
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << ", " << whole.size() / 4096 << " pages"
            << std::endl;
  std::mt19937_64 random(seed);
  std::vector<size_t> bits;
  for (size_t bit = 0; bit < 8 * 100; ++bit) bits.push_back(bit);
  for (size_t page = 0; page < whole.size() / 4096; ++page) {
    for (int i = 0; i < 120; ++i) {
      bits.push_back(page * 8 * 4096 + random() % (8 * 4096));
    }
    // Where the tree's own bytes are.
    for (int i = 0; i < 40; ++i) {
      bits.push_back(page * 8 * 4096 + random() % (8 * 64));
    }
  }
  for (const size_t bit : bits) {
    SCOPED_TRACE(absl::StrCat("seed ", seed, ", bit ", bit));
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    ReadAndCompare(flipped);
    if (HasFailure()) return;
  }
  std::cout << refused_ << " refused, " << found_ << " found by Verify(), "
            << fine_ << " without effect" << std::endl;
  EXPECT_GT(refused_, 0);
  EXPECT_GT(fine_, 0);
}

TEST_P(DamageTest, ATruncatedFileIsRefused) {
  const std::string whole = ReadFile(path_);
  for (size_t size = 0; size < whole.size(); size += 1024) {
    SCOPED_TRACE(size);
    ReadAndCompare(whole.substr(0, size));
    if (HasFailure()) return;
  }
  EXPECT_GE(refused_ + fine_, static_cast<int>(whole.size() / 1024));
  EXPECT_GT(refused_, 0);
}

INSTANTIATE_TEST_SUITE_P(Snapshots, DamageTest, ::testing::Bool());

// What no bit flips to, but a hand that knows SQL does.
TEST(ForgedTables, AreRefusedWithTheEntryThatIsWrong) {
  const struct {
    bool with_snapshot;
    const char* sql;
    const char* message;
  } kCases[] = {
      {false, "DELETE FROM journal WHERE sequence = 5", "entry 5: is missing"},
      {false, "DELETE FROM journal WHERE sequence = 20",
       "entry 20: is missing"},
      {false, "DELETE FROM journal", "entry 1: is missing"},
      {false,
       "UPDATE journal SET entry = (SELECT entry FROM journal WHERE "
       "sequence = 4) WHERE sequence = 5",
       "entry 5: its bytes do not match its hash"},
      {false, "UPDATE journal SET hash = zeroblob(32) WHERE sequence = 5",
       "entry 5: its bytes do not match its hash"},
      {false, "UPDATE journal_head SET hash = zeroblob(32)",
       "entry 20: is not the head of the journal"},
      {false, "UPDATE journal_head SET sequence = 19",
       "entry 19: is not the head of the journal"},
      {false, "DELETE FROM journal_head",
       "entry 1: is after the journal's head"},
      {true, "DELETE FROM journal_head", "entry 0: is not the head"},
      {true, "DELETE FROM journal WHERE sequence = 20",
       "entry 20: is missing or another, but there is a snapshot of it"},
      {true, "DELETE FROM journal",
       "entry 20: is missing or another, but there is a snapshot of it"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.sql);
    const std::string path = NewPath("forged.db");
    {
      const std::unique_ptr<Ledger> ledger = OpenLedger(path, "").value();
      LedgerWorkload workload(19, "id-", kAccounts, kStart);
      while (ledger->Head()->sequence < 20) {
        ledger->Apply(workload.Next()).status().IgnoreError();
      }
      if (c.with_snapshot) {
        ASSERT_THAT(ledger->Snapshot(), IsOk());
      }
    }
    {
      const std::unique_ptr<SqliteDatabase> database =
          SqliteDatabase::Open(path, {}).value();
      const MutexLock lock(database->mu());
      ASSERT_THAT(database->Execute("DROP TRIGGER journal_is_not_updated;"
                                    "DROP TRIGGER journal_is_not_deleted"),
                  IsOk());
      ASSERT_THAT(database->Execute(c.sql), IsOk());
    }
    EXPECT_THAT(OpenLedger(path, ""),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(c.message)));
  }
}

// SQLite takes a log up to what is damaged in it: an earlier state, as if the
// last commits had not been made, but one that was.
TEST(DamagedLog, IsAnEarlierState) {
  const std::string path = NewPath("log.db");
  std::string database;
  std::string log;
  std::map<uint64_t, std::map<std::string, Balance>> states;
  {
    const std::unique_ptr<Ledger> ledger = OpenLedger(path, "").value();
    LedgerWorkload workload(13, "id-", kAccounts, kStart);
    for (int i = 0; i < 40; ++i) {
      ledger->Apply(workload.Next()).status().IgnoreError();
      states[ledger->Head().value().sequence] = Balances(*ledger);
    }
    database = ReadFile(path);
    log = ReadFile(path + "-wal");
  }
  std::mt19937_64 random(17);
  for (int i = 0; i < 200; ++i) {
    SCOPED_TRACE(i);
    std::string damaged = log;
    if (i % 2 == 0) {
      damaged.resize(random() % log.size());
    } else {
      damaged[random() % log.size()] ^= 16;
    }
    NewPath("log.db");
    WriteFile(path, database);
    WriteFile(path + "-wal", damaged);
    absl::StatusOr<std::unique_ptr<Ledger>> ledger = OpenLedger(path, "");
    if (!ledger.ok()) continue;
    const uint64_t sequence = (*ledger)->Head().value().sequence;
    EXPECT_EQ(Balances(**ledger), states[sequence]);
    EXPECT_THAT((*ledger)->Verify([](uint64_t) {}), IsOk());
  }
}

}  // namespace
}  // namespace konpro
