#include "konpro/ledger/internal/session_charge.h"

#include <algorithm>
#include <array>
#include <variant>

#include "absl/numeric/int128.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/internal/usage_sessions.h"

namespace konpro::internal {
namespace {

// The ids that a job's reservation may have: the name itself comes first.
std::array<std::string, 2> IdsOf(absl::string_view job) {
  return {std::string(job), absl::StrCat(kAdmittedJobPrefix, job)};
}

}  // namespace

absl::Status SessionCharge::Find(const BatchLookup& lookup,
                                 const Command& command,
                                 absl::string_view job) {
  command_ = command;
  job_ = std::string(job);
  has_first_ = false;
  has_reservation_ = false;
  held_.reset();
  const absl::StatusOr<uint64_t> first =
      lookup.FindCommand(command.account, command.id);
  if (!first.ok()) return first.status();
  if (*first == 0) {
    return job.empty() ? absl::OkStatus() : FindReservation(lookup, job);
  }
  const absl::Status status = lookup.ReadEntry(*first, first_bytes_, first_);
  if (!status.ok()) return status;
  has_first_ = true;
  if (first_.command.pricing.has_value() && !job.empty()) {
    const absl::string_view was = first_.command.pricing->job;
    const std::array<std::string, 2> ids = IdsOf(job);
    if (was == ids[1] || was == SessionName(job)) job_ = std::string(was);
  }
  return absl::OkStatus();
}

absl::Status SessionCharge::FindReservation(const BatchLookup& lookup,
                                            absl::string_view job) {
  for (const std::string& id : IdsOf(job)) {
    const absl::StatusOr<uint64_t> sequence =
        lookup.FindCommand(command_.account, id);
    if (!sequence.ok()) return sequence.status();
    if (*sequence == 0) continue;
    const absl::Status status =
        lookup.ReadEntry(*sequence, reservation_bytes_, reservation_);
    if (!status.ok()) return status;
    if (!std::holds_alternative<LedgerReserve>(reservation_.command.request) ||
        !reservation_.effect.applied()) {
      continue;
    }
    has_reservation_ = true;
    job_ = id;
    const absl::StatusOr<const Account*> account =
        lookup.AccountAt(command_.account, command_.now);
    if (!account.ok()) return account.status();
    const std::optional<ReservationView> open =
        (*account)->FindReservation(*sequence);
    if (open.has_value()) held_ = open->held;
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

const LedgerReserve& SessionCharge::reserve() const {
  return std::get<LedgerReserve>(reservation_.command.request);
}

// The account knows whether the reservation is open. Why it is not, the
// sessions know: they know each that was settled after it was made. They also
// know those whose ids were forgotten since, as a record may come until its
// acceptance window is over, and then that of its job may be.
absl::StatusOr<JobState> SessionCharge::State(const BatchLookup& lookup) {
  if (job_.empty()) return JobState::kNoReservation;
  if (held_.has_value()) return JobState::kOpen;
  const absl::StatusOr<UsageSessions*> sessions = lookup.Sessions();
  if (!sessions.ok()) return sessions.status();
  if (has_reservation_) {
    return (*sessions)
        ->SettledAs(command_.account, job_, command_.now)
        .value_or(JobState::kExpired);
  }
  for (const std::string& id : IdsOf(job_)) {
    const std::optional<JobState> settled =
        (*sessions)->SettledAs(command_.account, id, command_.now);
    if (!settled.has_value()) continue;
    job_ = id;
    return *settled;
  }
  job_ = std::string(SessionName(job_));
  return JobState::kNoReservation;
}

// An admitted job is charged under its reservation's id only once it has that
// reservation. So if all is still held, and more than nothing, and the smallest
// quantity costs something, then nothing was charged.
bool SessionCharge::NeedsSessions(const Price& price) const {
  if (has_first_ || job_.empty()) return false;
  const bool is_untouched =
      held_.has_value() && *held_ == reserve().amount && *held_ > Credits() &&
      absl::StartsWith(job_, kAdmittedJobPrefix) &&
      price.CostOf(1).value_or(Credits::Max()) > Credits();
  return !is_untouched;
}

absl::StatusOr<SlicePrice> SessionCharge::PriceNext(
    const BatchLookup& lookup, const PriceInEffect& price,
    const Quantity& quantity) const {
  int64_t before = 0;
  if (has_first_) {
    if (first_.command.pricing.has_value()) {
      before = first_.command.pricing->quantity_before;
    }
  } else if (NeedsSessions(price.price)) {
    const absl::StatusOr<UsageSessions*> sessions = lookup.Sessions();
    if (!sessions.ok()) return sessions.status();
    before = (*sessions)->Charged(
        {command_.account, job_, price.operation, price.effective_at},
        command_.now);
  }
  const int64_t slice = quantity.is_total
                            ? std::max(quantity.quantity - before, int64_t{0})
                            : quantity.quantity;
  return PriceOfSlice(price, {.before = before, .slice = slice}, job_);
}

absl::Status SessionCharge::CheckPlausible(const SlicePrice& slice,
                                           int64_t factor) const {
  if (!has_reservation_ || factor == 0) return absl::OkStatus();
  const absl::StatusOr<PriceInEffect> price = PriceOf(slice.pricing);
  if (!price.ok()) return price.status();
  const std::optional<Credits> cost =
      price->price.CostOf(slice.pricing.quantity);
  const Credits hold = reserve().amount;
  if (cost.has_value() &&
      absl::int128(cost->ticks()) <= absl::int128(hold.ticks()) * factor) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("quantity: implausible: with it the job costs ",
                   cost.has_value() ? cost->ToString() : "more than any amount",
                   ", which is above ", factor, " times the ", hold.ToString(),
                   " that its reservation was made for"));
}

}  // namespace konpro::internal
