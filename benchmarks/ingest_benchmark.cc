// Usage records a second through `konpro ledger ingest` into a SQLite file that
// is durable when a batch is told: read, checked, priced, charged to 1,000
// accounts, journaled. Half of the records are slices of jobs. The rivals are
// the same records with a transaction each, as a service would write it first,
// and the floor: the same bytes read as records and dropped.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "google/protobuf/util/json_util.h"
#include "konpro/catalog/catalog.h"
#include "konpro/cli/ingest_command.h"
#include "konpro/input/input_file.h"
#include "konpro/input/usage_input.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/usage.h"
#include "konpro/sqlite/sqlite_store.h"
#include "proto/usage.pb.h"

namespace konpro::cli {
namespace {

constexpr int kRecords = 200'000;
constexpr int kAccounts = 1'000;
constexpr int64_t kStart = 1'790'000'000;
const absl::Time kNow = absl::FromUnixSeconds(kStart + kRecords);

v1::UsageRecord Record(int i) {
  v1::UsageRecord record;
  record.set_record_id(absl::StrCat("record-", i));
  record.set_account_id(
      absl::StrCat("account-", i * int64_t{7919} % kAccounts));
  if (i % 4 == 0) {
    record.set_operation("photo_avatar");
    record.set_count(1 + i % 10);
  } else {
    record.set_operation(i % 4 == 1 ? "avatar_video" : "interactive_avatar");
    record.mutable_duration()->set_seconds(i % 600);
    record.mutable_duration()->set_nanos(i % 1'000 * 1'000'000);
  }
  record.mutable_start_time()->set_seconds(kStart + i);
  record.mutable_end_time()->set_seconds(kStart + i);
  if (i % 2 == 1) record.set_job_id(absl::StrCat("job-", i % 20'000));
  return record;
}

std::string Write(bool json) {
  std::ostringstream out;
  std::string line;
  for (int i = 0; i < kRecords; ++i) {
    if (json) {
      line.clear();
      (void)google::protobuf::util::MessageToJsonString(Record(i), &line);
      out << line << "\n";
    } else {
      google::protobuf::util::SerializeDelimitedToOstream(Record(i), &out);
    }
  }
  return out.str();
}

const std::string& Records(bool json) {
  static const std::string& lines = *new std::string(Write(true));
  static const std::string& delimited = *new std::string(Write(false));
  return json ? lines : delimited;
}

std::string Path() {
  const char* const folder = std::getenv("TEST_TMPDIR");
  return absl::StrCat(folder == nullptr ? "/var/tmp" : folder,
                      "/konpro_ingest.db");
}

// A file of accounts that have enough.
void MakeAccounts(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::remove(absl::StrCat(path, suffix).c_str());
  }
  auto ledger = Ledger::Open(*SqliteStore::Open(path, {}), {});
  std::vector<std::string> ids;
  for (int i = 0; i < kAccounts; ++i)
    ids.push_back(absl::StrCat("account-", i));
  std::vector<LedgerCommand> grants;
  for (const std::string& id : ids) {
    grants.push_back(
        {.account = id,
         .id = "grant",
         .at = UnixNanos::FromTime(absl::FromUnixSeconds(kStart)),
         .request = GrantCommand{.amount = *Credits::Parse("1000000000")}});
  }
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  (*ledger)->ApplyBatch(grants, outcomes);
}

void BM_Ingest_Konpro(benchmark::State& state) {
  const std::string path = Path();
  for (auto _ : state) {
    state.PauseTiming();
    MakeAccounts(path);
    std::istringstream in(Records(state.range(0) == 1));
    std::ostringstream out;
    std::ostringstream err;
    state.ResumeTiming();
    if (RunLedgerIngest({.db = path, .at = kNow}, {.records = "-"},
                        {in, out, err}) != ExitCode::kOk) {
      state.SkipWithError(err.str().c_str());
    }
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
}
BENCHMARK(BM_Ingest_Konpro)
    ->ArgName("json")
    ->Arg(1)
    ->Arg(0)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

// All of them were there before.
void BM_IngestAgain_Konpro(benchmark::State& state) {
  const std::string path = Path();
  MakeAccounts(path);
  for (auto _ : state) {
    std::istringstream in(Records(state.range(0) == 1));
    std::ostringstream out;
    std::ostringstream err;
    if (RunLedgerIngest({.db = path, .at = kNow}, {.records = "-"},
                        {in, out, err}) != ExitCode::kOk) {
      state.SkipWithError(err.str().c_str());
    }
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
}
BENCHMARK(BM_IngestAgain_Konpro)->ArgName("json")->Arg(0)->UseRealTime();

void BM_Ingest_TransactionEach(benchmark::State& state) {
  constexpr int kSome = 1'000;
  const std::string path = Path();
  std::vector<v1::UsageRecord> records;
  for (int i = 0; i < kSome; ++i) records.push_back(Record(i));
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  for (auto _ : state) {
    state.PauseTiming();
    MakeAccounts(path);
    auto ledger = Ledger::Open(*SqliteStore::Open(path, {}), {});
    UsageLedger usage(**ledger, Catalog::BuiltIn());
    state.ResumeTiming();
    for (const v1::UsageRecord& record : records) {
      usage.Charge(absl::MakeConstSpan(&record, 1), UnixNanos::FromTime(kNow),
                   outcomes);
      if (!outcomes[0].ok()) state.SkipWithError("not charged");
    }
  }
  state.SetItemsProcessed(state.iterations() * kSome);
}
BENCHMARK(BM_Ingest_TransactionEach)->UseRealTime();

void BM_Ingest_ReadAlone(benchmark::State& state) {
  for (auto _ : state) {
    std::istringstream in(Records(state.range(0) == 1));
    std::ostringstream err;
    InputErrors errors("-", err);
    InputFile input("-", in, nullptr);
    ReadUsageRecords(input, UsageRecordForm::kAuto, errors,
                     [](const v1::UsageRecord& record) {
                       benchmark::DoNotOptimize(record.account_id());
                       return absl::OkStatus();
                     });
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
}
BENCHMARK(BM_Ingest_ReadAlone)->ArgName("json")->Arg(1)->Arg(0)->UseRealTime();

}  // namespace
}  // namespace konpro::cli

BENCHMARK_MAIN();
