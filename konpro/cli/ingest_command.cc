#include "konpro/cli/ingest_command.h"

#include <condition_variable>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "konpro/catalog/catalog.h"
#include "konpro/cli/ledger_output.h"
#include "konpro/input/input.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/usage_ledger.h"
#include "proto/usage.pb.h"

// Two batches, two threads: one is read and told about, the other is charged.
// All that is printed is printed by the thread that reads.

namespace konpro::cli {
namespace {

// Large enough that a commit costs little, small enough to be in the cache.
constexpr size_t kBatchRecords = 8192;

struct Batch {
  size_t size = 0;
  std::vector<v1::UsageRecord> records;  // the first `size`; reused
  std::vector<RecordPlace> places;
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
};

// Charges one batch at a time on a thread of its own.
class Charger {
 public:
  Charger(UsageLedger& usage, const LedgerFile& file)
      : usage_(usage), file_(file), thread_([this] { Run(); }) {}
  ~Charger() {
    {
      const std::lock_guard<std::mutex> lock(mu_);
      is_ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  // Waits until the batch before is done.
  void Wait() {
    std::unique_lock<std::mutex> lock(mu_);
    changed_.wait(lock, [&] { return batch_ == nullptr; });
  }
  // REQUIRES: no batch is being charged.
  void Start(Batch& batch) {
    {
      const std::lock_guard<std::mutex> lock(mu_);
      batch_ = &batch;
    }
    changed_.notify_all();
  }

 private:
  void Run() {
    std::unique_lock<std::mutex> lock(mu_);
    while (true) {
      changed_.wait(lock, [&] { return batch_ != nullptr || is_ending_; });
      if (batch_ == nullptr) return;
      Batch& batch = *batch_;
      lock.unlock();
      usage_.Charge(absl::MakeConstSpan(batch.records).first(batch.size),
                    TimeOf(file_), batch.outcomes);
      lock.lock();
      batch_ = nullptr;
      changed_.notify_all();
    }
  }

  UsageLedger& usage_;
  const LedgerFile& file_;
  std::mutex mu_;
  std::condition_variable changed_;
  Batch* batch_ = nullptr;
  bool is_ending_ = false;
  std::thread thread_;
};

class Ingestion {
 public:
  Ingestion(UsageLedger& usage, const LedgerFile& file, InputErrors& errors)
      : errors_(errors), charger_(usage, file) {}

  // Takes the record. An error where the ledger failed.
  absl::Status Add(v1::UsageRecord& record, const RecordPlace& place) {
    if (!failure_.ok()) return absl::OkStatus();
    Batch& batch = batches_[filling_];
    if (batch.size == batch.records.size()) {
      batch.records.emplace_back();
      batch.places.emplace_back();
    }
    batch.records[batch.size].Swap(&record);
    batch.places[batch.size] = place;
    if (++batch.size == kBatchRecords) Turn();
    return absl::OkStatus();
  }

  // Charges what is left.
  void Finish() {
    Turn();
    Turn();
  }

  const absl::Status& failure() const { return failure_; }
  int64_t records() const { return records_; }
  bool lacked_credits() const { return lacked_credits_; }
  v1::IngestReport Report() const;

 private:
  // Starts with the batch that is full, and tells about the one before.
  void Turn() {
    charger_.Wait();
    if (failure_.ok()) charger_.Start(batches_[filling_]);
    filling_ = 1 - filling_;
    Tell(batches_[filling_]);
  }

  void Tell(Batch& batch);
  void Count(const LedgerOutcome& outcome, const RecordPlace& place);

  InputErrors& errors_;
  Batch batches_[2];
  int filling_ = 0;
  absl::Status failure_;

  int64_t records_ = 0;
  int64_t applied_ = 0;
  int64_t replayed_ = 0;
  int64_t denied_ = 0;
  bool lacked_credits_ = false;
  std::map<std::string, int64_t> denials_;
  std::optional<Credits> charged_ = Credits();

  // Behind what it uses: it ends first.
  Charger charger_;
};

void Ingestion::Tell(Batch& batch) {
  for (size_t i = 0; i < batch.size && failure_.ok(); ++i) {
    const absl::StatusOr<LedgerOutcome>& outcome = batch.outcomes[i];
    const absl::StatusCode code = outcome.status().code();
    if (code == absl::StatusCode::kUnavailable ||
        code == absl::StatusCode::kDataLoss ||
        code == absl::StatusCode::kInternal) {
      failure_ = outcome.status();
      break;
    }
    ++records_;
    if (outcome.ok()) {
      Count(*outcome, batch.places[i]);
    } else {
      AddRecordError(errors_, batch.places[i], outcome.status().message());
    }
  }
  batch.size = 0;
}

void Ingestion::Count(const LedgerOutcome& outcome, const RecordPlace& place) {
  const Effect& effect = outcome.effect;
  if (outcome.replayed) ++replayed_;
  if (!effect.applied()) {
    if (!outcome.replayed) ++denied_;
    ++denials_[std::string(RefusalName(effect.refusal))];
    lacked_credits_ =
        lacked_credits_ || CodeOf(effect) == ExitCode::kOverAvailable;
    AddRecordNote(errors_, place, absl::StrCat("denied: ", DenialText(effect)));
    return;
  }
  if (outcome.replayed) return;
  ++applied_;
  for (const Allocation& part : effect.posted) {
    charged_ = charged_.has_value() ? CheckedAdd(*charged_, part.amount)
                                    : std::nullopt;
  }
}

v1::IngestReport Ingestion::Report() const {
  v1::IngestReport report;
  report.set_applied(applied_);
  report.set_replayed(replayed_);
  report.set_denied(denied_);
  report.set_refused(errors_.count());
  report.set_records(applied_ + replayed_ + denied_ + errors_.count());
  for (const auto& [reason, records] : denials_) {
    v1::IngestReason& denial = *report.add_denials();
    denial.set_reason(reason);
    denial.set_records(records);
  }
  if (charged_.has_value()) *report.mutable_charged() = ToAmount(*charged_);
  return report;
}

void PrintReport(const v1::IngestReport& report, Format format,
                 std::ostream& out) {
  if (format == Format::kJson) return PrintJson(report, out);
  out << "records: " << report.records() << ", applied: " << report.applied()
      << ", there before: " << report.replayed()
      << ", denied: " << report.denied() << ", refused: " << report.refused()
      << "\n";
  for (const v1::IngestReason& denial : report.denials()) {
    out << "denied, now or the first time: " << denial.records() << " for "
        << denial.reason() << "\n";
  }
  if (report.has_charged()) {
    out << "charged: " << report.charged().credits() << " credits\n";
  }
  out << "assumed: prices of catalog " << report.catalog_version()
      << ", in effect when each job began\n";
}

ExitCode CodeOfReport(const v1::IngestReport& report, bool lacked_credits,
                      Streams streams) {
  if (report.refused() > 0) {
    PrintReason(streams,
                absl::StrCat("refused: ", report.refused(), " records"));
    return ExitCode::kBadInput;
  }
  if (report.denials().empty()) return ExitCode::kOk;
  PrintReason(streams, lacked_credits
                           ? "denied: accounts have too few credits"
                           : "denied: records that accounts do not take");
  return lacked_credits ? ExitCode::kOverAvailable : ExitCode::kDenied;
}

}  // namespace

ExitCode RunLedgerIngest(const LedgerFile& file, const IngestOptions& options,
                         Streams streams) {
  const std::optional<Catalog> catalog = CatalogOf(file, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, /*create=*/false, streams, code);
  if (ledger == nullptr) return code;
  UsageLedger usage(*ledger, *catalog);
  InputErrors errors(options.records, streams.err,
                     std::numeric_limits<int64_t>::max());
  Input input(options.records, streams.in, streams.progress);
  Ingestion ingestion(usage, file, errors);
  ReadUsageRecords(input, options.form, errors,
                   [&](v1::UsageRecord& record, const RecordPlace& place) {
                     return ingestion.Add(record, place);
                   });
  ingestion.Finish();
  if (!ingestion.failure().ok()) {
    PrintReason(streams,
                absl::StrCat(ingestion.failure().message(),
                             "; it is safe to ingest the same records again"));
    return ExitCode::kInternal;
  }
  // An input that cannot be read at all was told about.
  if (!input.error().empty() && ingestion.records() == 0) {
    return ExitCode::kBadInput;
  }
  v1::IngestReport report = ingestion.Report();
  report.set_catalog_version(catalog->version());
  PrintReport(report, file.format, streams.out);
  return CodeOfReport(report, ingestion.lacked_credits(), streams);
}

}  // namespace konpro::cli
