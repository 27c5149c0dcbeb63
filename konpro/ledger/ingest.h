// An Ingestion charges a stream of usage records to a ledger. Records are
// collected in batches; a thread of its own charges one batch while the caller
// fills the next. Outcomes are reported in the order of the records.
//
//   UsageLedger usage(*ledger, Catalog::BuiltIn());
//   Ingestion ingestion(usage, clock, report, {});
//   while (ReadRecord(record)) ingestion.Add(record);
//   ingestion.Finish();
//   ingestion.totals().applied
//
// A batch is durable before its outcomes are reported. A record that was
// charged before is replayed (usage.h), so after a failure it is safe to
// ingest all records again.
//
// The clock is asked once a batch. Without a time that it trusts, it returns
// kUnavailable, and the ingestion ends before that batch.
//
// Thread safety: thread-compatible. `clock` is called, and the UsageLedger
// used, on the ingestion's thread; `report` is called on the caller's thread,
// within Add() and Finish().
//
// Limits: two batches of Options::batch_records are in memory.
#ifndef KONPRO_LEDGER_INGEST_H_
#define KONPRO_LEDGER_INGEST_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/usage.h"
#include "proto/usage.pb.h"

namespace konpro {

// Counts of records that were reported. A record whose outcome is an error is
// in none of them.
struct IngestTotals {
  int64_t applied = 0;
  // Had an outcome before, whichever it was.
  int64_t replayed = 0;
  // Denied now.
  int64_t denied = 0;
  // Changed nothing: their jobs were settled before.
  int64_t job_settled = 0;
  // Of denials, now or the first time.
  std::map<Refusal, int64_t> denials;
  // What `applied` were charged together; nullopt if it is out of range.
  std::optional<Credits> charged = Credits();
  // The same of what they used and accounts had too little for.
  std::optional<Credits> uncollected = Credits();
};

class Ingestion {
 public:
  struct Options {
    // At least 1. Large enough that a commit costs little for each record,
    // small enough that a batch stays in the cache.
    size_t batch_records = 8192;
  };
  using Clock = std::function<absl::StatusOr<UnixNanos>()>;
  using Report = std::function<void(const absl::StatusOr<LedgerOutcome>&)>;

  // `usage` outlives it.
  Ingestion(UsageLedger& usage, Clock clock, Report report,
            const Options& options);
  // Waits for the batch that is being charged. What was added since is lost,
  // unless Finish() was called.
  ~Ingestion();
  Ingestion(const Ingestion&) = delete;
  Ingestion& operator=(const Ingestion&) = delete;

  // Takes the record's content, and leaves another's in it. After a failure it
  // does nothing.
  void Add(v1::UsageRecord& record);

  // Charges what is left, and reports it.
  void Finish();

  // Why the ledger or the clock failed: kUnavailable, kDataLoss or kInternal;
  // else OK. The
  // record that failed and those after it are not reported. Some of them may
  // have been charged.
  const absl::Status& failure() const { return failure_; }
  const IngestTotals& totals() const { return totals_; }

 private:
  class Charger;
  struct Batch {
    size_t size = 0;
    std::vector<v1::UsageRecord> records;  // the first `size`; reused
    std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  };

  // Charges the batch that is full, and reports the one before.
  void Turn();
  void ReportBatch(Batch& batch);
  void Count(const LedgerOutcome& outcome);

  const Report report_;
  const Options options_;
  std::array<Batch, 2> batches_;
  size_t filling_ = 0;
  absl::Status failure_;
  IngestTotals totals_;
  // The last member: its thread ends before the batches go.
  std::unique_ptr<Charger> charger_;
};

}  // namespace konpro

#endif  // KONPRO_LEDGER_INGEST_H_
