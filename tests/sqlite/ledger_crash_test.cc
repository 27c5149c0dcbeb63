// A process that applies commands and says which were acknowledged is killed at
// random: while it makes the file, appends, snapshots or copies the log into
// the database. Whatever was acknowledged is there, as it was acknowledged;
// what is asked again takes effect once; and the journal verifies.
//
// KONPRO_CRASH_ROUNDS says how often; the seed is printed.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/mutex.h"
#include "konpro/ledger/ledger.h"
#include "konpro/sqlite/sqlite_store.h"
#include "tests/testing/ledger_workload.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::internal::SqliteDatabase;

using ::konpro::testing::IsOk;
using ::konpro::testing::LedgerWorkload;

constexpr size_t kAccounts = 3;
constexpr size_t kCommandsMax = 100'000;
// A new file so often, to be killed while it is made.
constexpr uint64_t kRoundsPerFile = 20;

// What a child says of the command of that number in its workload.
struct Acknowledgement {
  uint64_t command = 0;
  uint64_t sequence = 0;  // 0: refused without an entry
  bool is_applied = false;
};

LedgerWorkload WorkloadOf(uint64_t seed, uint64_t round) {
  // Later than all rounds before.
  return LedgerWorkload(
      seed + round, absl::StrCat("r", round, "-"), kAccounts,
      UnixNanos::FromNanos(1'800'000'000'000'000'000 +
                           static_cast<int64_t>(round) * 1'000'000'000));
}

absl::StatusOr<std::unique_ptr<Ledger>> OpenLedger(
    const std::string& path, std::shared_ptr<SqliteDatabase>* database) {
  absl::StatusOr<std::unique_ptr<SqliteStore>> store =
      SqliteStore::Open(path, {});
  if (!store.ok()) return store.status();
  if (database != nullptr) *database = (*store)->database();
  return Ledger::Open(*std::move(store), {.snapshot_every = 64});
}

// Runs until it is killed; never returns.
[[noreturn]] void RunChild(const std::string& path, uint64_t seed,
                           uint64_t round, int pipe) {
  std::shared_ptr<SqliteDatabase> database;
  const absl::StatusOr<std::unique_ptr<Ledger>> ledger =
      OpenLedger(path, &database);
  if (!ledger.ok()) _exit(1);
  LedgerWorkload workload = WorkloadOf(seed, round);
  std::mt19937_64 random(seed + round);
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  for (uint64_t done = 0; done < kCommandsMax;) {
    std::vector<LedgerCommand> batch;
    for (uint64_t i = 1 + random() % 32; i-- > 0;) {
      batch.push_back(workload.Next());
    }
    (*ledger)->ApplyBatch(batch, outcomes);
    std::vector<Acknowledgement> acknowledged;
    for (const absl::StatusOr<LedgerOutcome>& outcome : outcomes) {
      acknowledged.push_back(
          {.command = done++,
           .sequence = outcome.ok() ? outcome->sequence : 0,
           .is_applied = outcome.ok() && outcome->effect.applied()});
    }
    const size_t bytes = acknowledged.size() * sizeof(Acknowledgement);
    if (write(pipe, acknowledged.data(), bytes) !=
        static_cast<ssize_t>(bytes)) {
      _exit(2);
    }
    if (random() % 8 == 0) {
      const MutexLock lock(database->mu());
      database->Execute("PRAGMA wal_checkpoint(TRUNCATE)").IgnoreError();
    }
  }
  _exit(0);
}

// What the child said until it was killed.
std::vector<Acknowledgement> RunAndKill(const std::string& path, uint64_t seed,
                                        uint64_t round, useconds_t delay) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    RunChild(path, seed, round, ends[1]);
  }
  close(ends[1]);
  std::vector<Acknowledgement> acknowledged;
  const auto read_some = [&] {
    Acknowledgement one;
    if (read(ends[0], &one, sizeof(one)) != sizeof(one)) return false;
    acknowledged.push_back(one);
    return true;
  };
  // Half of them are killed in the midst of work, half while they open.
  if (round % 2 == 0) read_some();
  usleep(delay);
  kill(child, SIGKILL);
  while (read_some()) {
  }
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0)
      << "the child failed with " << WEXITSTATUS(status);
  return acknowledged;
}

std::map<std::pair<std::string, std::string>, int> CountIds(Ledger& ledger) {
  std::map<std::pair<std::string, std::string>, int> counts;
  EXPECT_THAT(
      ledger.ForEachEntry(1, ~uint64_t{0},
                          [&](const JournalEntry& entry, absl::string_view) {
                            ++counts[{std::string(entry.command.account),
                                      std::string(entry.command.id)}];
                            return absl::OkStatus();
                          }),
      IsOk());
  return counts;
}

// Asks everything again that was acknowledged, and some more that may have been
// under way.
void AskAgain(Ledger& ledger, LedgerWorkload workload,
              const std::vector<Acknowledgement>& acknowledged) {
  const size_t commands = acknowledged.size() + 32;
  for (size_t i = 0; i < commands; ++i) {
    const absl::StatusOr<LedgerOutcome> again = ledger.Apply(workload.Next());
    if (i >= acknowledged.size()) continue;
    const Acknowledgement& first = acknowledged[i];
    ASSERT_EQ(first.command, i);
    if (first.sequence == 0) {
      EXPECT_FALSE(again.ok());
      continue;
    }
    ASSERT_THAT(again, IsOk()) << "command " << i << " was acknowledged";
    EXPECT_TRUE(again->replayed);
    EXPECT_EQ(again->sequence, first.sequence);
    EXPECT_EQ(again->effect.applied(), first.is_applied);
  }
}

uint64_t Rounds() {
  const char* const text = std::getenv("KONPRO_CRASH_ROUNDS");
  uint64_t rounds = 0;
  return text != nullptr && absl::SimpleAtoi(text, &rounds) ? rounds : 200;
}

TEST(LedgerCrash, NothingAcknowledgedIsLostAndNothingIsDoneTwice) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << std::endl;
  std::mt19937_64 random(seed);
  std::string path;
  uint64_t acknowledged_in_all = 0;
  for (uint64_t round = 0; round < Rounds() && !HasFailure(); ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", seed, ", round ", round));
    if (round % kRoundsPerFile == 0) {
      path = absl::StrCat(::testing::TempDir(), "crash-", round, ".db");
    }
    const std::vector<Acknowledgement> acknowledged = RunAndKill(
        path, seed, round, static_cast<useconds_t>(random() % 20'000));
    acknowledged_in_all += acknowledged.size();

    absl::StatusOr<std::unique_ptr<Ledger>> ledger = OpenLedger(path, nullptr);
    ASSERT_THAT(ledger, IsOk());
    AskAgain(**ledger, WorkloadOf(seed, round), acknowledged);
    EXPECT_THAT((*ledger)->Verify([](uint64_t) {}), IsOk());
    for (const auto& [id, count] : CountIds(**ledger)) {
      EXPECT_EQ(count, 1) << id.first << " " << id.second;
    }
  }
  std::cout << acknowledged_in_all << " commands were acknowledged"
            << std::endl;
}

}  // namespace
}  // namespace konpro
