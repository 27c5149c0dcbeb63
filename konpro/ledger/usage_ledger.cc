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

UnixNanos After(UnixNanos time, absl::Duration duration) {
  return UnixNanos::FromTime(time.ToTime() + duration);
}

// What a command was priced by.
absl::StatusOr<PriceInEffect> PriceOf(const Pricing& pricing) {
  const absl::StatusOr<Price> price = Price::Create(pricing.terms);
  if (!price.ok()) return absl::DataLossError(price.status().message());
  return PriceInEffect{.catalog_version = pricing.catalog_version,
                       .operation = pricing.operation,
                       .price = *price,
                       .effective_at = pricing.effective_at};
}

}  // namespace

PriceInEffect PriceOf(const Catalog& catalog, const RatedUsage& rated) {
  return {.catalog_version = catalog.version(),
          .operation = rated.operation->name,
          .price = *rated.price,
          .effective_at = UnixNanos::FromTime(rated.prices->effective_at())};
}

absl::StatusOr<PriceInEffect> PriceOfReservation(const Catalog& catalog,
                                                 const JournalEntry& entry) {
  const auto* const reserve =
      std::get_if<LedgerReserve>(&entry.command.request);
  if (reserve == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        entry.command.id, " is a ", RequestName(entry.command.request),
        ", not a reservation"));
  }
  if (entry.command.pricing.has_value()) {
    return PriceOf(*entry.command.pricing);
  }
  if (reserve->operation.empty()) {
    return absl::InvalidArgumentError(
        "the reservation has no operation, so a quantity has no price: give "
        "credits or all");
  }
  const Operation* const operation = catalog.FindOperation(reserve->operation);
  if (operation == nullptr) return catalog.UnknownOperation(reserve->operation);
  const absl::StatusOr<RatedUsage> rated = RateQuantity(
      catalog, *operation, /*quantity=*/0, entry.place.at.ToTime());
  if (!rated.ok()) return rated.status();
  return PriceOf(catalog, *rated);
}

absl::StatusOr<SlicePrice> PriceOfSlice(const PriceInEffect& price,
                                        const SliceQuantity& quantity,
                                        absl::string_view job) {
  int64_t total = 0;
  const std::optional<Credits> cost =
      __builtin_add_overflow(quantity.before, quantity.slice, &total)
          ? std::nullopt
          : price.price.CostOfSlice(quantity.before, total);
  if (!cost.has_value()) {
    return absl::OutOfRangeError(absl::StrCat("quantity: job ",
                                              internal::Quoted(job),
                                              " leaves the range of amounts"));
  }
  return SlicePrice{.cost = *cost,
                    .pricing = {.catalog_version = price.catalog_version,
                                .operation = price.operation,
                                .quantity = total,
                                .quantity_before = quantity.before,
                                .terms = price.price.terms(),
                                .effective_at = price.effective_at,
                                .job = job}};
}

UsageLedger::UsageLedger(Ledger& ledger, const Catalog& catalog,
                         const Options& options)
    : ledger_(ledger),
      catalog_(catalog),
      options_(options),
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
  if (has_jobs) {
    const absl::Status status = CatchUp();
    if (!status.ok()) {
      outcomes.assign(records.size(), status);
      return;
    }
  }
  records_ = records;
  at_ = at;
  is_made_ = false;
  ledger_.ApplyEach(
      records.size(),
      [&](size_t i, const internal::BatchLookup& lookup, LedgerCommand& command,
          absl::StatusOr<LedgerOutcome>& outcome) {
        if (is_made_) Note(outcomes[i - 1]);
        is_made_ = Make(i, lookup, outcome);
        if (is_made_) command = made_;
        return is_made_;
      },
      outcomes);
  if (is_made_) Note(outcomes.back());
  Finish(outcomes);
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

bool UsageLedger::Make(size_t i, const internal::BatchLookup& lookup,
                       absl::StatusOr<LedgerOutcome>& outcome) {
  const v1::UsageRecord& record = records_[i];
  const UnixNanos now = std::max(lookup.time(), at_);
  made_.account = record.account_id();
  made_.id = record.record_id();
  made_.at = at_;
  made_.event_at = UnixNanos::FromTime(StartTime(record));
  internal::UsageFate fate;
  absl::Status status = MakeCharge(record, rated_[i], now, lookup, fate);
  if (status.ok() && fate != internal::UsageFate::kJobSettled) return true;
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

absl::Status UsageLedger::MakeCharge(const v1::UsageRecord& record,
                                     const absl::StatusOr<RatedUsage>& rated,
                                     UnixNanos now,
                                     const internal::BatchLookup& lookup,
                                     internal::UsageFate& fate) {
  if (!rated.ok() &&
      (!absl::IsNotFound(rated.status()) || record.job_id().empty())) {
    return rated.status();
  }
  const absl::StatusOr<internal::UsageFate> found = FateOf(record, now, lookup);
  if (!found.ok()) return found.status();
  fate = *found;
  if (has_reservation_ && !is_retry_) {
    const auto& reserve = std::get<LedgerReserve>(reservation_.command.request);
    if (!reserve.operation.empty() && reserve.operation != record.operation()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "operation: the record is of ", internal::Quoted(record.operation()),
          ", its reservation ", internal::Quoted(record.job_id()), " of ",
          internal::Quoted(reserve.operation)));
    }
  }
  if (fate == internal::UsageFate::kJobSettled) return absl::OkStatus();
  const absl::StatusOr<PriceInEffect> price = PriceFor(record, rated);
  if (!price.ok()) return price.status();
  const int64_t before =
      record.job_id().empty()
          ? 0
          : sessions_.Charged({record.account_id(), record.job_id(),
                               price->operation, price->effective_at},
                              now);
  const absl::StatusOr<SlicePrice> slice = PriceOfSlice(
      *price, {.before = before, .slice = QuantityOf(record)}, record.job_id());
  if (!slice.ok()) return slice.status();
  if (has_reservation_ && !is_retry_) {
    const absl::Status status = CheckAgainstReservation(record, slice->cost);
    if (!status.ok()) return status;
  }
  made_.pricing = slice->pricing;
  const bool collects = Collects();
  if (fate == internal::UsageFate::kSpend) {
    made_.request =
        SpendCommand{.amount = slice->cost,
                     .operation = record.operation(),
                     .mode = collects ? DrawMode::kCollect : DrawMode::kNormal};
  } else {
    made_.request = LedgerCapture{.reservation = record.job_id(),
                                  .amount = slice->cost,
                                  .final = !record.partial(),
                                  .collects = collects,
                                  .is_record = true};
  }
  return absl::OkStatus();
}

// A retry has the form of the first time, whatever the options are by now.
bool UsageLedger::Collects() const {
  if (!is_retry_) return !options_.denies_shortfall;
  const LedgerRequest& first = found_.command.request;
  if (const auto* c = std::get_if<LedgerCapture>(&first)) return c->collects;
  const auto* const s = std::get_if<SpendCommand>(&first);
  return s == nullptr || s->mode == DrawMode::kCollect;
}

// A retry is priced as it was the first time: the content is compared then.
absl::StatusOr<PriceInEffect> UsageLedger::PriceFor(
    const v1::UsageRecord& record,
    const absl::StatusOr<RatedUsage>& rated) const {
  if (is_retry_ && found_.command.pricing.has_value() &&
      found_.command.pricing->operation == record.operation()) {
    return PriceOf(*found_.command.pricing);
  }
  if (has_reservation_ && !is_retry_ &&
      !std::get<LedgerReserve>(reservation_.command.request)
           .operation.empty()) {
    return PriceOfReservation(catalog_, reservation_);
  }
  if (!rated.ok()) return rated.status();
  return PriceOf(catalog_, *rated);
}

absl::Status UsageLedger::CheckAgainstReservation(const v1::UsageRecord& record,
                                                  Credits cost) const {
  const Credits hold =
      std::get<LedgerReserve>(reservation_.command.request).amount;
  if (options_.implausible_factor == 0 || hold == Credits() ||
      static_cast<__int128>(cost.ticks()) <=
          static_cast<__int128>(hold.ticks()) * options_.implausible_factor) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "quantity: implausible: it costs ", cost.ToString(), ", above ",
      options_.implausible_factor, " times the ", hold.ToString(),
      " that reservation ", internal::Quoted(record.job_id()), " is for"));
}

// A record that was charged before stays what it was, whatever became of its
// job since: it is a retry, whose form is that of the first time.
absl::StatusOr<internal::UsageFate> UsageLedger::FateOf(
    const v1::UsageRecord& record, UnixNanos now,
    const internal::BatchLookup& lookup) {
  has_reservation_ = false;
  const absl::StatusOr<internal::JobState> state = StateOf(record, now, lookup);
  if (!state.ok()) return state.status();
  const absl::StatusOr<uint64_t> first =
      lookup.FindCommand(record.account_id(), record.record_id());
  if (!first.ok()) return first.status();
  is_retry_ = *first != 0;
  if (!is_retry_) {
    return internal::FateOfRecord(
        *state, {.is_partial = record.partial(), .is_late = record.late()});
  }
  const absl::Status status = lookup.ReadEntry(*first, found_bytes_, found_);
  if (!status.ok()) return status;
  return std::holds_alternative<LedgerCapture>(found_.command.request)
             ? internal::UsageFate::kCapture
             : internal::UsageFate::kSpend;
}

// The account knows best whether the reservation is open. Why it is not, the
// sessions know; if they do not, another process settled it just now.
absl::StatusOr<internal::JobState> UsageLedger::StateOf(
    const v1::UsageRecord& record, UnixNanos now,
    const internal::BatchLookup& lookup) {
  using internal::JobState;
  if (record.job_id().empty()) return JobState::kNoReservation;
  const absl::StatusOr<uint64_t> sequence =
      lookup.FindCommand(record.account_id(), record.job_id());
  if (!sequence.ok()) return sequence.status();
  if (*sequence == 0) return JobState::kNoReservation;
  const absl::Status status =
      lookup.ReadEntry(*sequence, reservation_bytes_, reservation_);
  if (!status.ok()) return status;
  const auto* const reserve =
      std::get_if<LedgerReserve>(&reservation_.command.request);
  if (reserve == nullptr || !reservation_.effect.applied()) {
    return JobState::kNoReservation;
  }
  has_reservation_ = true;
  const absl::StatusOr<const Account*> account =
      lookup.AccountAt(record.account_id(), now);
  if (!account.ok()) return account.status();
  if ((*account)->FindReservation(*sequence).has_value()) {
    return JobState::kOpen;
  }
  const std::optional<JobState> settled =
      sessions_.SettledAs(record.account_id(), record.job_id(), now);
  if (settled.has_value()) return *settled;
  return After(reservation_.place.at, reserve->timeout) <= now
             ? JobState::kExpired
             : JobState::kSettledByCommand;
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

absl::StatusOr<SlicePrice> UsageLedger::PriceOfNextSlice(
    absl::string_view account, absl::string_view job,
    const PriceInEffect& price, int64_t quantity) {
  const absl::Status status = CatchUp();
  if (!status.ok()) return status;
  const int64_t before = sessions_.Charged(
      {account, job, price.operation, price.effective_at}, ledger_.Now());
  return PriceOfSlice(price, {.before = before, .slice = quantity}, job);
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
