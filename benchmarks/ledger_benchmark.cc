// A ledger in memory and in a SQLite file, against what a service would write
// instead, and against what the disk allows at best.
//
// Every figure is to be read as a ratio to another of the same run. The work is
// pairs of a reservation and its capture, on accounts with 8 grants, with ids
// that were never used: a command is checked, looked for, applied, encoded,
// hashed and appended, and its balance is computed.
//
// Rivals: the same commands one at a time, each with a transaction of its own
// on the same file; the bytes of the journal appended to a plain file, with one
// fdatasync() a batch, which is the floor.
//
// Files lie in $TEST_TMPDIR, or in the working directory: not in memory, where
// a sync costs nothing.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "konpro/base/mutex.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/store.h"
#include "konpro/sqlite/sqlite_store.h"

namespace konpro {
namespace {

using ::konpro::internal::SqliteDatabase;

constexpr int kGrants = 8;
constexpr size_t kBatch = 1024;
const UnixNanos kStart = UnixNanos::FromNanos(1'800'000'000'000'000'000);

std::string PathOf(absl::string_view name) {
  const char* const directory = std::getenv("TEST_TMPDIR");
  return absl::StrCat(directory == nullptr ? "." : directory, "/", name);
}

// Without what an earlier run left.
std::string NewPath(absl::string_view name) {
  const std::string path = PathOf(name);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    unlink(absl::StrCat(path, suffix).c_str());
  }
  return path;
}

std::unique_ptr<Store> OpenFile(absl::string_view name) {
  return SqliteStore::Open(NewPath(name), {}).value();
}

std::string AccountName(size_t i) { return absl::StrCat("account-", i); }

// Commands with ids of their own, in the order reserve, capture.
class Workload {
 public:
  Workload(size_t accounts, absl::string_view prefix) : prefix_(prefix) {
    for (size_t i = 0; i < accounts; ++i) accounts_.push_back(AccountName(i));
  }

  // REQUIRES: an even number.
  absl::Span<const LedgerCommand> Next(size_t commands) {
    ids_.resize(commands);
    commands_.clear();
    for (size_t i = 0; i < commands; i += 2) {
      // By a step that is prime to all sizes: neighbours are far apart.
      place_ = (place_ + 7919) % accounts_.size();
      ids_[i] = absl::StrCat(prefix_, next_, "/hold");
      ids_[i + 1] = absl::StrCat(prefix_, next_++, "/done");
      commands_.push_back(
          {.account = accounts_[place_],
           .id = ids_[i],
           .at = kStart,
           .request = LedgerReserve{.amount = Credits::FromTicks(600'000),
                                    .operation = "avatar_video",
                                    .timeout = absl::Hours(1)}});
      commands_.push_back(
          {.account = accounts_[place_],
           .id = ids_[i + 1],
           .at = kStart,
           .request = LedgerCapture{.reservation = ids_[i],
                                    .amount = Credits::FromTicks(500'000)}});
    }
    return commands_;
  }

 private:
  const std::string prefix_;
  std::vector<std::string> accounts_;
  std::vector<std::string> ids_;
  std::vector<LedgerCommand> commands_;
  size_t place_ = 0;
  uint64_t next_ = 0;
};

// Many accounts to a batch: each batch is a sync.
std::unique_ptr<Ledger> OpenWithGrants(std::unique_ptr<Store> store,
                                       size_t accounts) {
  std::unique_ptr<Ledger> ledger = Ledger::Open(std::move(store), {}).value();
  std::vector<std::string> ids;
  for (int grant = 0; grant < kGrants; ++grant) {
    ids.push_back(absl::StrCat("grant-", grant));
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < accounts; ++i) names.push_back(AccountName(i));
  std::vector<LedgerCommand> commands;
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  for (size_t i = 0; i < accounts; ++i) {
    for (int grant = 0; grant < kGrants; ++grant) {
      commands.push_back({.account = names[i],
                          .id = ids[grant],
                          .at = kStart,
                          .request = GrantCommand{
                              .amount = Credits::FromTicks(int64_t{1} << 50),
                              .priority = grant}});
    }
    if (commands.size() < 8 * kBatch && i + 1 < accounts) continue;
    ledger->ApplyBatch(commands, outcomes);
    commands.clear();
  }
  return ledger;
}

bool AllApplied(absl::Span<const absl::StatusOr<LedgerOutcome>> outcomes) {
  return std::all_of(outcomes.begin(), outcomes.end(), [](const auto& o) {
    return o.ok() && !o->replayed && o->effect.applied();
  });
}

void CountCommands(benchmark::State& state, size_t commands) {
  state.SetItemsProcessed(static_cast<int64_t>(commands));
}

// In memory, one thread, with all that a durable one does but the disk.
void BM_Apply_Memory(benchmark::State& state) {
  const auto accounts = static_cast<size_t>(state.range(0));
  const std::unique_ptr<Ledger> ledger =
      OpenWithGrants(std::make_unique<MemoryStore>(), accounts);
  Workload workload(accounts, "job-");
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  size_t commands = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const absl::Span<const LedgerCommand> batch = workload.Next(kBatch);
    state.ResumeTiming();
    ledger->ApplyBatch(batch, outcomes);
    commands += batch.size();
    if (!AllApplied(outcomes)) state.SkipWithError("not applied");
  }
  CountCommands(state, commands);
}
BENCHMARK(BM_Apply_Memory)->Arg(1)->Arg(1024)->Arg(65536);

// The same, durable: a batch is a transaction.
void BM_Apply_Sqlite(benchmark::State& state) {
  const auto batch_size = static_cast<size_t>(state.range(0));
  const std::unique_ptr<Ledger> ledger =
      OpenWithGrants(OpenFile("ledger.db"), 1024);
  Workload workload(1024, "job-");
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  size_t commands = 0;
  for (auto _ : state) {
    const absl::Span<const LedgerCommand> batch = workload.Next(batch_size);
    ledger->ApplyBatch(batch, outcomes);
    commands += batch.size();
    if (!AllApplied(outcomes)) state.SkipWithError("not applied");
  }
  CountCommands(state, commands);
}
BENCHMARK(BM_Apply_Sqlite)
    ->Arg(2)
    ->Arg(64)
    ->Arg(1024)
    ->Arg(8192)
    ->UseRealTime();

// Callers that are threads, and wait for each call before they make the next.
// Latencies are of calls.
void BM_Callers_Sqlite(benchmark::State& state) {
  const auto callers = static_cast<size_t>(state.range(0));
  const auto call_size = static_cast<size_t>(state.range(1));
  const auto calls = static_cast<size_t>(state.range(2));
  const std::unique_ptr<Ledger> ledger =
      OpenWithGrants(OpenFile("callers.db"), 1024);
  std::vector<double> latencies;
  size_t commands = 0;
  size_t round = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<std::vector<double>> measured(callers);
    std::atomic<bool> failed = false;
    ++round;
    const auto call = [&](size_t caller) {
      Workload workload(1024, absl::StrCat("c", round, "-", caller, "-"));
      std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
      absl::Span<const LedgerCommand> pending;
      for (size_t i = 0; i < calls; ++i) {
        if (pending.empty())
          pending = workload.Next(std::max<size_t>(call_size, 2));
        const auto begin = std::chrono::steady_clock::now();
        ledger->ApplyBatch(pending.first(call_size), outcomes);
        measured[caller].push_back(std::chrono::duration<double, std::micro>(
                                       std::chrono::steady_clock::now() - begin)
                                       .count());
        pending.remove_prefix(call_size);
        if (!AllApplied(outcomes)) failed = true;
      }
    };
    state.ResumeTiming();
    std::vector<std::thread> threads;
    for (size_t i = 0; i < callers; ++i) threads.emplace_back(call, i);
    for (std::thread& thread : threads) thread.join();
    state.PauseTiming();
    for (const std::vector<double>& some : measured) {
      latencies.insert(latencies.end(), some.begin(), some.end());
    }
    commands += callers * calls * call_size;
    if (failed) state.SkipWithError("not applied");
    state.ResumeTiming();
  }
  CountCommands(state, commands);
  std::sort(latencies.begin(), latencies.end());
  state.counters["p50_us"] = latencies[latencies.size() / 2];
  state.counters["p99_us"] = latencies[latencies.size() * 99 / 100];
}
BENCHMARK(BM_Callers_Sqlite)
    ->ArgNames({"callers", "commands", "calls"})
    ->Args({1, 1, 400})
    ->Args({64, 1, 200})
    ->Args({1024, 1, 40})
    ->Args({16, 256, 8})
    ->UseRealTime();

// What a service would write instead: tables of grants, reservations and
// commands, and a transaction for each command or for several.
class SqlLedger {
 public:
  explicit SqlLedger(size_t accounts)
      : database_(SqliteDatabase::Open(NewPath("sql.db"), {}).value()) {
    const char* const kTables =
        "CREATE TABLE grants (account TEXT, id INTEGER, priority INTEGER,"
        " free INTEGER, reserved INTEGER, posted INTEGER,"
        " PRIMARY KEY (account, priority, id)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE reservations (account TEXT, id TEXT, grant_id INTEGER,"
        " priority INTEGER, held INTEGER, expires_at INTEGER, state INTEGER,"
        " PRIMARY KEY (account, id)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE commands (account TEXT, id TEXT, kind INTEGER,"
        " amount INTEGER, outcome INTEGER, at INTEGER,"
        " PRIMARY KEY (account, id)) STRICT, WITHOUT ROWID;";
    ok_ = database_->Execute(kTables).ok();
    Begin();
    for (size_t i = 0; i < accounts; ++i) {
      for (int grant = 0; grant < kGrants; ++grant) {
        ok_ &= database_
                   ->Execute(absl::StrCat("INSERT INTO grants VALUES ('",
                                          AccountName(i), "',", grant, ",",
                                          grant, ",", int64_t{1} << 50, ",0,0)")
                                 .c_str())
                   .ok();
      }
    }
    Commit();
    PrepareAll();
  }

  void Begin() { Step(begin_); }
  void Commit() { Step(commit_); }
  bool ok() const { return ok_; }

  void Reserve(absl::string_view account, absl::string_view id,
               int64_t amount) {
    if (Step(known_, account, id)) ok_ = false;
    Step(grant_, account, {}, amount);
    const int64_t priority = sqlite3_column_int64(grant_.get(), 0);
    const int64_t grant = sqlite3_column_int64(grant_.get(), 1);
    Step(hold_, account, {}, amount, priority, grant);
    Step(reserve_, account, id, amount, priority, grant);
    Step(note_, account, id, amount);
  }
  void Capture(absl::string_view account, absl::string_view reservation,
               absl::string_view id, int64_t amount) {
    if (Step(known_, account, id)) ok_ = false;
    if (!Step(held_, account, reservation)) ok_ = false;
    const int64_t held = sqlite3_column_int64(held_.get(), 0);
    const int64_t priority = sqlite3_column_int64(held_.get(), 1);
    const int64_t grant = sqlite3_column_int64(held_.get(), 2);
    Step(post_, account, {}, amount, priority, grant, held);
    Step(close_, account, reservation);
    Step(note_, account, id, amount);
  }

 private:
  using Statement = SqliteDatabase::Statement;

  Statement Make(absl::string_view sql) {
    const MutexLock lock(database_->mu());
    return database_->Prepare(sql).value();
  }
  template <typename... Numbers>
  bool Step(const Statement& statement, absl::string_view account = {},
            absl::string_view id = {}, Numbers... numbers) {
    sqlite3_stmt* const s = statement.get();
    sqlite3_reset(s);
    int place = 0;
    for (absl::string_view text : {account, id}) {
      ++place;
      if (text.empty()) continue;
      sqlite3_bind_text(s, place, text.data(), static_cast<int>(text.size()),
                        SQLITE_STATIC);
    }
    (sqlite3_bind_int64(s, ++place, numbers), ...);
    const int code = sqlite3_step(s);
    if (code != SQLITE_ROW && code != SQLITE_DONE) ok_ = false;
    return code == SQLITE_ROW;
  }

  std::unique_ptr<SqliteDatabase> database_;
  bool ok_ = true;
  const Statement begin_ = Make("BEGIN IMMEDIATE");
  const Statement commit_ = Make("COMMIT");
  Statement known_, grant_, hold_, reserve_, note_, held_, post_, close_;

  void PrepareAll() {
    known_ = Make("SELECT outcome FROM commands WHERE account=?1 AND id=?2");
    grant_ = Make(
        "SELECT priority, id FROM grants WHERE account=?1 AND"
        " free>=?3 ORDER BY priority, id LIMIT 1");
    hold_ = Make(
        "UPDATE grants SET free=free-?3, reserved=reserved+?3"
        " WHERE account=?1 AND priority=?4 AND id=?5");
    reserve_ = Make("INSERT INTO reservations VALUES (?1,?2,?5,?4,?3,0,0)");
    note_ = Make("INSERT INTO commands VALUES (?1,?2,1,?3,0,0)");
    held_ = Make(
        "SELECT held, priority, grant_id FROM reservations"
        " WHERE account=?1 AND id=?2 AND state=0");
    post_ = Make(
        "UPDATE grants SET reserved=reserved-?6, posted=posted+?3,"
        " free=free+?6-?3 WHERE account=?1 AND priority=?4 AND id=?5");
    close_ = Make(
        "UPDATE reservations SET state=1"
        " WHERE account=?1 AND id=?2");
  }
};

void BM_Rival_SqlTransactions(benchmark::State& state) {
  const auto batch_size = static_cast<size_t>(state.range(0));
  SqlLedger ledger(1024);
  Workload workload(1024, "job-");
  size_t commands = 0;
  for (auto _ : state) {
    const absl::Span<const LedgerCommand> batch =
        workload.Next(std::max<size_t>(batch_size, 2));
    for (size_t i = 0; i < batch.size(); ++i) {
      const LedgerCommand& command = batch[i];
      if (i % batch_size == 0) ledger.Begin();
      if (i % 2 == 0) {
        ledger.Reserve(command.account, command.id, 600'000);
      } else {
        ledger.Capture(command.account, batch[i - 1].id, command.id, 500'000);
      }
      if ((i + 1) % batch_size == 0) ledger.Commit();
    }
    commands += batch.size();
    if (!ledger.ok()) state.SkipWithError("failed");
  }
  CountCommands(state, commands);
}
BENCHMARK(BM_Rival_SqlTransactions)->Arg(1)->Arg(64)->Arg(1024)->UseRealTime();

// As many bytes as the journal of such commands has, and a sync a batch.
void BM_Floor_AppendAndSync(benchmark::State& state) {
  const auto batch_size = static_cast<size_t>(state.range(0));
  const std::unique_ptr<Ledger> ledger =
      OpenWithGrants(std::make_unique<MemoryStore>(), 1024);
  const uint64_t before = ledger->Head().value().sequence;
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  ledger->ApplyBatch(Workload(1024, "job-").Next(batch_size), outcomes);
  std::string bytes;
  const absl::Status read =
      ledger->ForEachEntry(before + 1, ~uint64_t{0},
                           [&](const JournalEntry&, absl::string_view entry) {
                             absl::StrAppend(&bytes, entry);
                             bytes.append(sizeof(JournalHash), 'h');
                             return absl::OkStatus();
                           });
  const int file = open(NewPath("floor").c_str(), O_CREAT | O_WRONLY, 0600);
  size_t commands = 0;
  for (auto _ : state) {
    if (!read.ok() ||
        write(file, bytes.data(), bytes.size()) !=
            static_cast<ssize_t>(bytes.size()) ||
        fdatasync(file) != 0) {
      state.SkipWithError("cannot write");
    }
    commands += batch_size;
  }
  close(file);
  CountCommands(state, commands);
  state.counters["bytes"] = static_cast<double>(bytes.size() / batch_size);
}
BENCHMARK(BM_Floor_AppendAndSync)
    ->Arg(2)
    ->Arg(64)
    ->Arg(1024)
    ->Arg(8192)
    ->UseRealTime();

// A file with some entries, with a snapshot or without.
void Fill(Ledger& ledger, size_t entries) {
  Workload workload(1024, "job-");
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  for (size_t done = 0; done < entries; done += 8192) {
    ledger.ApplyBatch(workload.Next(8192), outcomes);
  }
}

void BM_Verify_Sqlite(benchmark::State& state) {
  const std::unique_ptr<Ledger> ledger =
      OpenWithGrants(OpenFile("verify.db"), 1024);
  Fill(*ledger, static_cast<size_t>(state.range(0)));
  if (!ledger->Snapshot().ok()) state.SkipWithError("no snapshot");
  uint64_t entries = 0;
  for (auto _ : state) {
    const absl::StatusOr<VerifyReport> report = ledger->Verify([](uint64_t) {});
    if (!report.ok() || report->snapshots == 0) {
      state.SkipWithError("not verified");
      break;
    }
    entries += report->entries;
  }
  CountCommands(state, entries);
}
BENCHMARK(BM_Verify_Sqlite)->Arg(1 << 17)->UseRealTime();

void BM_Open_Sqlite(benchmark::State& state) {
  const bool with_snapshot = state.range(1) != 0;
  {
    std::unique_ptr<Ledger> ledger = OpenWithGrants(OpenFile("open.db"), 1024);
    Fill(*ledger, static_cast<size_t>(state.range(0)));
  }
  const std::string path = PathOf("open.db");
  if (!with_snapshot &&
      !SqliteStore::Open(path, {}).value()->DropSnapshots().ok()) {
    state.SkipWithError("cannot drop");
  }
  for (auto _ : state) {
    std::unique_ptr<Store> store = SqliteStore::Open(path, {}).value();
    std::unique_ptr<Ledger> ledger = Ledger::Open(std::move(store), {}).value();
    state.PauseTiming();
    ledger.reset();
    if (!with_snapshot &&
        !SqliteStore::Open(path, {}).value()->DropSnapshots().ok()) {
      state.SkipWithError("cannot drop");
    }
    state.ResumeTiming();
  }
}
BENCHMARK(BM_Open_Sqlite)
    ->ArgNames({"entries", "snapshot"})
    ->Args({1 << 17, 1})
    ->Args({1 << 17, 0})
    ->UseRealTime();

// Keeps nothing: what is measured then is the ledger's memory.
class NoStore : public Store {
 public:
  std::string name() const override { return "none"; }
  absl::StatusOr<JournalHead> ReadHead() override { return JournalHead(); }
  absl::Status Append(const JournalHead&,
                      absl::Span<const StoredEntry>) override {
    return absl::OkStatus();
  }
  absl::Status Read(uint64_t, uint64_t, EntryVisitor) override {
    return absl::OkStatus();
  }
  absl::Status WriteSnapshots(absl::Span<const SnapshotChange>) override {
    return absl::OkStatus();
  }
  absl::Status ReadSnapshots(SnapshotVisitor) override {
    return absl::OkStatus();
  }
  absl::Status DropSnapshots() override { return absl::OkStatus(); }
};

size_t BytesInUse() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// The time is of no interest: bytes of an account with 8 grants, and of an id
// that is remembered.
void BM_Memory(benchmark::State& state) {
  constexpr size_t kAccounts = 4096;
  const auto ids = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    const size_t empty = BytesInUse();
    const std::unique_ptr<Ledger> ledger =
        OpenWithGrants(std::make_unique<NoStore>(), kAccounts);
    const size_t with_accounts = BytesInUse();
    std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
    std::vector<std::string> names(kBatch);
    uint64_t next = 0;
    for (size_t done = 0; done < ids; done += kBatch) {
      std::vector<LedgerCommand> commands;
      for (std::string& name : names) {
        name = absl::StrCat("spend-", next++);
        commands.push_back({.account = "account-0",
                            .id = name,
                            .at = kStart,
                            .request = SpendCommand{}});
      }
      ledger->ApplyBatch(commands, outcomes);
    }
    if (!AllApplied(outcomes)) state.SkipWithError("not applied");
    state.counters["bytes_per_account"] =
        static_cast<double>((with_accounts - empty) / kAccounts);
    state.counters["bytes_per_id"] =
        static_cast<double>(BytesInUse() - with_accounts) /
        static_cast<double>(ids);
  }
}
BENCHMARK(BM_Memory)->Arg(1 << 18)->Arg((1 << 18) + (1 << 17))->Iterations(1);

}  // namespace
}  // namespace konpro

BENCHMARK_MAIN();
