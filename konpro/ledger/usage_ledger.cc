#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "konpro/base/clock_tolerance.h"
#include "konpro/base/internal/name.h"
#include "konpro/ledger/internal/ledger_batch.h"
#include "konpro/ledger/usage.h"

// A slice is priced when it is its turn: only then is it known whether the
// slices before it were charged. So records become commands one by one, within
// the ledger's batch. Sessions come from the journal, in which each slice has
// the whole quantity so far; it is read once, and then only what is new.

namespace konpro {
namespace {

bool IsNew(const absl::StatusOr<LedgerOutcome>& outcome) {
  return outcome.ok() && !outcome->replayed && outcome->sequence != 0;
}

UnixNanos PricesSince(const PriceList& prices) {
  return UnixNanos::FromTime(prices.effective_at());
}

}  // namespace

absl::StatusOr<SlicePrice> PriceOfSlice(const Catalog& catalog,
                                        const RatedUsage& rated, int64_t before,
                                        absl::string_view job) {
  int64_t total = 0;
  const std::optional<Credits> cost =
      __builtin_add_overflow(before, rated.quantity, &total)
          ? std::nullopt
          : rated.price->CostOfSlice(before, total);
  if (!cost.has_value()) {
    return absl::OutOfRangeError(absl::StrCat("quantity: job ",
                                              internal::Quoted(job),
                                              " leaves the range of amounts"));
  }
  return SlicePrice{.cost = *cost,
                    .pricing = {.catalog_version = catalog.version(),
                                .operation = rated.operation->name,
                                .quantity = total,
                                .quantity_before = before,
                                .terms = rated.price->terms(),
                                .effective_at = PricesSince(*rated.prices),
                                .job = job}};
}

UsageLedger::UsageLedger(Ledger& ledger, const Catalog& catalog)
    : ledger_(ledger),
      catalog_(catalog),
      sessions_(ledger.options().duplicate_window) {}

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
  const absl::Status status = has_jobs ? CatchUp() : absl::OkStatus();
  if (!status.ok()) {
    outcomes.assign(records.size(), status);
    return;
  }
  is_made_ = false;
  ledger_.ApplyEach(
      records.size(),
      [&](size_t i, const internal::BatchLookup& lookup,
          LedgerCommand& command) {
        if (is_made_) Note(outcomes[i - 1]);
        is_made_ = false;
        if (!rated_[i].ok()) return rated_[i].status();
        const absl::Status made = Make(records[i], *rated_[i], since, lookup);
        if (!made.ok()) return made;
        made_.at = at;
        is_made_ = true;
        command = made_;
        return made;
      },
      outcomes);
  if (is_made_) Note(outcomes.back());
  Finish(outcomes);
}

absl::StatusOr<RatedUsage> UsageLedger::Rate(const v1::UsageRecord& record,
                                             UnixNanos now) {
  absl::StatusOr<RatedUsage> rated = RateUsage(catalog_, record, now.ToTime());
  if (!rated.ok()) return rated;
  const absl::StatusOr<absl::Time> taken =
      TakeTime({.field = "start_time",
                .asked = StartTime(record),
                .clock = now.ToTime(),
                .tolerance = ledger_.options().clock_tolerance});
  if (!taken.ok()) return taken.status();
  return rated;
}

absl::Status UsageLedger::Make(const v1::UsageRecord& record,
                               const RatedUsage& rated, UnixNanos now,
                               const internal::BatchLookup& lookup) {
  made_.account = record.account_id();
  made_.id = record.record_id();
  made_.event_at = UnixNanos::FromTime(StartTime(record));
  int64_t before = 0;
  bool is_capture = false;
  if (!record.job_id().empty()) {
    const absl::StatusOr<bool> found = HasReservation(record, now, lookup);
    if (!found.ok()) return found.status();
    is_capture = *found;
    before =
        sessions_.Charged({record.account_id(), record.job_id(),
                           rated.operation->name, PricesSince(*rated.prices)},
                          now);
  }
  absl::StatusOr<SlicePrice> price =
      PriceOfSlice(catalog_, rated, before, record.job_id());
  if (!price.ok()) return price.status();
  made_.pricing = price->pricing;
  if (is_capture) {
    made_.request = LedgerCapture{.reservation = record.job_id(),
                                  .amount = price->cost,
                                  .final = !record.partial()};
  } else {
    made_.request =
        SpendCommand{.amount = price->cost, .operation = record.operation()};
  }
  return absl::OkStatus();
}

// A record that was charged before stays what it was, whatever became of its
// job since: it is a retry.
absl::StatusOr<bool> UsageLedger::HasReservation(
    const v1::UsageRecord& record, UnixNanos now,
    const internal::BatchLookup& lookup) {
  absl::StatusOr<uint64_t> first =
      lookup.FindCommand(record.account_id(), record.record_id());
  if (!first.ok()) return first.status();
  absl::Status status;
  if (*first != 0) {
    status = lookup.ReadEntry(*first, found_bytes_, found_);
    if (!status.ok()) return status;
    return std::holds_alternative<LedgerCapture>(found_.command.request);
  }
  first = lookup.FindCommand(record.account_id(), record.job_id());
  if (!first.ok()) return first.status();
  if (*first == 0) return false;
  status = lookup.ReadEntry(*first, found_bytes_, found_);
  if (!status.ok()) return status;
  return found_.effect.applied() &&
         std::holds_alternative<LedgerReserve>(found_.command.request) &&
         !sessions_.IsSettled(record.account_id(), record.job_id(), now);
}

void UsageLedger::Note(const absl::StatusOr<LedgerOutcome>& outcome) {
  if (!seen_.has_value() || !IsNew(outcome) || !outcome->effect.applied()) {
    return;
  }
  sessions_.Observe(made_, outcome->at);
}

// If others applied commands meanwhile, seen_ stays, and the journal is read
// from there. Adding a slice twice changes nothing.
void UsageLedger::Finish(
    absl::Span<const absl::StatusOr<LedgerOutcome>> outcomes) {
  if (!seen_.has_value()) return;
  uint64_t added = 0;
  uint64_t last = 0;
  for (const absl::StatusOr<LedgerOutcome>& outcome : outcomes) {
    if (absl::IsUnavailable(outcome.status())) {
      sessions_.Clear();
      seen_.reset();
      return;
    }
    if (!IsNew(outcome)) continue;
    ++added;
    last = outcome->sequence;
  }
  if (added > 0 && last == *seen_ + added) seen_ = last;
}

absl::StatusOr<int64_t> UsageLedger::Charged(absl::string_view account,
                                             absl::string_view job,
                                             const RatedUsage& rated) {
  const absl::Status status = CatchUp();
  if (!status.ok()) return status;
  return sessions_.Charged(
      {account, job, rated.operation->name, PricesSince(*rated.prices)},
      ledger_.Now());
}

absl::Status UsageLedger::CatchUp() {
  const absl::StatusOr<JournalHead> head = ledger_.Head();
  if (!head.ok()) return head.status();
  uint64_t first = seen_.value_or(0) + 1;
  if (!seen_.has_value()) {
    const absl::StatusOr<uint64_t> found = FirstInWindow(head->sequence);
    if (!found.ok()) return found.status();
    first = *found;
  }
  const absl::Status status = ledger_.ForEachEntry(
      first, head->sequence, [&](const JournalEntry& entry, absl::string_view) {
        if (entry.effect.applied()) {
          sessions_.Observe(entry.command, entry.place.at);
        }
        return absl::OkStatus();
      });
  if (status.ok()) seen_ = head->sequence;
  return status;
}

// Times of entries never go back.
absl::StatusOr<uint64_t> UsageLedger::FirstInWindow(uint64_t last) {
  const UnixNanos now = ledger_.Now();
  uint64_t first = 1;
  uint64_t end = last + 1;
  while (first < end) {
    const uint64_t middle = first + (end - first) / 2;
    const absl::StatusOr<OwnedEntry> entry = ledger_.ReadEntry(middle);
    if (!entry.ok()) return entry.status();
    if (now - (*entry)->place.at > ledger_.options().duplicate_window) {
      first = middle + 1;
    } else {
      end = middle;
    }
  }
  return first;
}

}  // namespace konpro
