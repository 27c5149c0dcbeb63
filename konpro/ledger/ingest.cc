#include "konpro/ledger/ingest.h"

#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "konpro/base/mutex.h"

namespace konpro {

// Charges one batch at a time on a thread of its own. Between Start() and the
// end of the next Wait() the batch is the thread's; else it is the caller's.
class Ingestion::Charger {
 public:
  Charger(UsageLedger& usage, Clock clock)
      : usage_(usage), clock_(std::move(clock)), thread_([this] { Run(); }) {}
  ~Charger() {
    End();  // clang looks at the locks of functions, not of destructors
    thread_.join();
  }

  // Waits until no batch is being charged.
  void Wait() {
    const MutexLock lock(mu_);
    while (batch_ != nullptr) changed_.Wait(mu_);
  }
  // REQUIRES: no batch is being charged.
  void Start(Batch& batch) {
    {
      const MutexLock lock(mu_);
      batch_ = &batch;
    }
    changed_.NotifyAll();
  }

 private:
  void End() {
    {
      const MutexLock lock(mu_);
      is_ending_ = true;
    }
    changed_.NotifyAll();
  }

  void Run() {
    while (Batch* const batch = NextBatch()) {
      const absl::StatusOr<UnixNanos> now = clock_();
      if (now.ok()) {
        usage_.Charge(absl::MakeConstSpan(batch->records).first(batch->size),
                      *now, batch->outcomes);
      } else {
        batch->outcomes.assign(batch->size, now.status());
      }
      {
        const MutexLock lock(mu_);
        batch_ = nullptr;
      }
      changed_.NotifyAll();
    }
  }

  // Null at the end.
  Batch* NextBatch() {
    const MutexLock lock(mu_);
    while (batch_ == nullptr && !is_ending_) changed_.Wait(mu_);
    return batch_;
  }

  // Constant after construction.
  UsageLedger& usage_;
  const Clock clock_;
  // Guarded by mu_.
  Mutex mu_;
  CondVar changed_;
  Batch* batch_ ABSL_GUARDED_BY(mu_) = nullptr;
  bool is_ending_ ABSL_GUARDED_BY(mu_) = false;
  // The last member: the thread uses the others.
  std::thread thread_;
};

Ingestion::Ingestion(UsageLedger& usage, Clock clock, Report report,
                     const Options& options)
    : report_(std::move(report)),
      options_(options),
      charger_(std::make_unique<Charger>(usage, std::move(clock))) {}

Ingestion::~Ingestion() = default;

void Ingestion::Add(v1::UsageRecord& record) {
  if (!failure_.ok()) return;
  Batch& batch = batches_[filling_];
  if (batch.size == batch.records.size()) batch.records.emplace_back();
  batch.records[batch.size].Swap(&record);
  if (++batch.size == options_.batch_records) Turn();
}

void Ingestion::Finish() {
  Turn();
  Turn();
}

void Ingestion::Turn() {
  charger_->Wait();
  if (failure_.ok()) charger_->Start(batches_[filling_]);
  filling_ = 1 - filling_;
  ReportBatch(batches_[filling_]);
}

void Ingestion::ReportBatch(Batch& batch) {
  for (size_t i = 0; i < batch.size && failure_.ok(); ++i) {
    const absl::StatusOr<LedgerOutcome>& outcome = batch.outcomes[i];
    const absl::Status& status = outcome.status();
    if (absl::IsUnavailable(status) || absl::IsDataLoss(status) ||
        absl::IsInternal(status)) {
      failure_ = status;
      break;
    }
    if (outcome.ok()) Count(*outcome);
    report_(outcome);
  }
  batch.size = 0;
}

void Ingestion::Count(const LedgerOutcome& outcome) {
  const AccountEffect& effect = outcome.effect;
  if (effect.refusal == Refusal::kJobSettled) {
    ++totals_.job_settled;
    return;
  }
  if (outcome.replayed) ++totals_.replayed;
  if (!effect.applied()) {
    if (!outcome.replayed) ++totals_.denied;
    ++totals_.denials[effect.refusal];
    return;
  }
  if (outcome.replayed) return;
  ++totals_.applied;
  const auto add = [](Credits amount, std::optional<Credits>& sum) {
    if (sum.has_value()) sum = CheckedAdd(*sum, amount);
  };
  for (const Allocation& part : effect.posted)
    add(part.amount, totals_.charged);
  add(effect.uncollected, totals_.uncollected);
}

}  // namespace konpro
