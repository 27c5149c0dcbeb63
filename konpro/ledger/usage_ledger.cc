#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "konpro/base/clock_tolerance.h"
#include "konpro/base/internal/name.h"
#include "konpro/ledger/usage.h"

// A slice is priced when it is its turn: only then is it known what the session
// has charged, and what has become of the job. So records become commands one
// by one, within the ledger's batch.

namespace konpro {

using internal::JobState;
using internal::UsageFate;

UsageLedger::UsageLedger(Ledger& ledger, const Catalog& catalog,
                         const Options& options)
    : ledger_(ledger), catalog_(catalog), options_(options) {}

void UsageLedger::Charge(absl::Span<const v1::UsageRecord> records,
                         UnixNanos at,
                         std::vector<absl::StatusOr<LedgerOutcome>>& outcomes) {
  const UnixNanos since = std::max(ledger_.Now(), at);
  rated_.clear();
  bool has_jobs = false;
  for (const v1::UsageRecord& record : records) {
    rated_.push_back(Rate(record, since));
    has_jobs = has_jobs || !record.job_id().empty();
  }
  if (has_jobs) {
    const absl::Status status = internal::LedgerBatch::ReadSessions(ledger_);
    if (!status.ok()) {
      outcomes.assign(records.size(), status);
      return;
    }
  }
  internal::LedgerBatch::Apply(
      ledger_, records.size(),
      [&](size_t i, const internal::BatchLookup& lookup, LedgerCommand& command,
          absl::StatusOr<LedgerOutcome>& outcome) {
        command.at = at;
        return Make(records[i], rated_[i], lookup, command, outcome);
      },
      outcomes);
}

absl::StatusOr<RatedUsage> UsageLedger::Rate(const v1::UsageRecord& record,
                                             UnixNanos now) {
  absl::StatusOr<RatedUsage> rated = RateUsage(catalog_, record, now.ToTime());
  // Without a price now, its reservation may still have one.
  if (!rated.ok() && !absl::IsNotFound(rated.status())) return rated;
  const absl::StatusOr<absl::Time> taken =
      TakeTime({.field = "start_time",
                .asked = StartTime(record),
                .clock = now.ToTime(),
                .tolerance = ledger_.options().clock_tolerance});
  if (!taken.ok()) return taken.status();
  return rated;
}

bool UsageLedger::Make(const v1::UsageRecord& record,
                       const absl::StatusOr<RatedUsage>& rated,
                       const internal::BatchLookup& lookup,
                       LedgerCommand& command,
                       absl::StatusOr<LedgerOutcome>& outcome) {
  const UnixNanos now = std::max(lookup.time(), command.at);
  command.account = record.account_id();
  command.id = record.record_id();
  command.event_at = UnixNanos::FromTime(StartTime(record));
  const absl::StatusOr<UsageFate> fate =
      MakeCharge(record, rated, now, lookup, command);
  if (fate.ok() && *fate != UsageFate::kJobSettled) return true;
  absl::Status status = fate.status();
  absl::StatusOr<const Account*> account = nullptr;
  if (status.ok()) {
    account = lookup.AccountAt(record.account_id(), now);
    status = account.status();
  }
  if (!status.ok()) {
    outcome = status;
    return false;
  }
  outcome = LedgerOutcome{.at = now, .balance = (*account)->balance()};
  outcome->effect.refusal = Refusal::kJobSettled;
  return false;
}

absl::StatusOr<UsageFate> UsageLedger::MakeCharge(
    const v1::UsageRecord& record, const absl::StatusOr<RatedUsage>& rated,
    UnixNanos now, const internal::BatchLookup& lookup,
    LedgerCommand& command) {
  if (!rated.ok() &&
      (!absl::IsNotFound(rated.status()) || record.job_id().empty())) {
    return rated.status();
  }
  absl::Status status = charge_.Find(
      lookup,
      {.account = record.account_id(), .id = record.record_id(), .now = now},
      record.job_id());
  if (!status.ok()) return status;
  const absl::StatusOr<UsageFate> fate = FateOf(record, lookup, command);
  if (!fate.ok()) return fate;
  status = CheckOperation(record);
  if (!status.ok()) return status;
  if (*fate == UsageFate::kJobSettled) return fate;
  const absl::StatusOr<PriceInEffect> price = PriceFor(record, rated);
  if (!price.ok()) return price.status();
  const absl::StatusOr<SlicePrice> slice =
      charge_.PriceNext(lookup, *price, {.quantity = QuantityOf(record)});
  if (!slice.ok()) return slice.status();
  status = charge_.CheckPlausible(*slice, options_.implausible_factor);
  if (!status.ok()) return status;
  command.pricing = slice->pricing;
  const bool collects = Collects();
  if (*fate == UsageFate::kSpend) {
    command.request =
        SpendCommand{.amount = slice->cost,
                     .operation = record.operation(),
                     .mode = collects ? DrawMode::kCollect : DrawMode::kNormal};
  } else {
    command.request = LedgerCapture{.reservation = charge_.job(),
                                    .amount = slice->cost,
                                    .final = !record.partial(),
                                    .collects = collects,
                                    .is_record = true};
  }
  return fate;
}

absl::Status UsageLedger::CheckOperation(const v1::UsageRecord& record) const {
  if (charge_.reservation() == nullptr) return absl::OkStatus();
  const auto& reserve =
      std::get<LedgerReserve>(charge_.reservation()->command.request);
  if (reserve.operation.empty() || reserve.operation == record.operation()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "operation: the record is of ", internal::Quoted(record.operation()),
      ", its reservation ", internal::Quoted(charge_.job()), " of ",
      internal::Quoted(reserve.operation)));
}

// A retry has the form of the first time, whatever the options are by now.
bool UsageLedger::Collects() const {
  if (charge_.first() == nullptr) return !options_.denies_shortfall;
  const LedgerRequest& first = charge_.first()->command.request;
  if (const auto* c = std::get_if<LedgerCapture>(&first)) return c->collects;
  const auto* const s = std::get_if<SpendCommand>(&first);
  return s == nullptr || s->mode == DrawMode::kCollect;
}

// A retry is priced as it was the first time: the content is compared then.
absl::StatusOr<PriceInEffect> UsageLedger::PriceFor(
    const v1::UsageRecord& record,
    const absl::StatusOr<RatedUsage>& rated) const {
  const JournalEntry* const first = charge_.first();
  if (first != nullptr && first->command.pricing.has_value() &&
      first->command.pricing->operation == record.operation()) {
    return PriceOf(*first->command.pricing);
  }
  const JournalEntry* const reservation = charge_.reservation();
  if (reservation != nullptr &&
      !std::get<LedgerReserve>(reservation->command.request)
           .operation.empty()) {
    return PriceOfReservation(catalog_, *reservation);
  }
  if (!rated.ok()) return rated.status();
  return PriceOf(catalog_, *rated);
}

// A record that was charged before stays what it was, whatever became of its
// job since: it is a retry, whose form is that of the first time.
absl::StatusOr<UsageFate> UsageLedger::FateOf(
    const v1::UsageRecord& record, const internal::BatchLookup& lookup,
    LedgerCommand& command) {
  if (const JournalEntry* const first = charge_.first()) {
    command.settles_job = first->command.settles_job && !record.partial();
    return std::holds_alternative<LedgerCapture>(first->command.request)
               ? UsageFate::kCapture
               : UsageFate::kSpend;
  }
  const absl::StatusOr<JobState> state = charge_.State(lookup);
  if (!state.ok()) return state.status();
  command.settles_job = *state == JobState::kExpired && !record.partial();
  return internal::FateOfRecord(
      *state, {.is_partial = record.partial(), .is_late = record.late()});
}

}  // namespace konpro
