#include "konpro/ledger/ledger_command.h"

#include <algorithm>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "konpro/base/account_id.h"
#include "konpro/base/internal/name.h"

namespace konpro {
namespace {

bool IsId(absl::string_view id, size_t bytes_max) {
  return !id.empty() && id.size() <= bytes_max &&
         std::all_of(id.begin(), id.end(),
                     [](unsigned char c) { return absl::ascii_isgraph(c); });
}

absl::Status CheckId(absl::string_view field, absl::string_view id,
                     size_t bytes_max) {
  if (IsId(id, bytes_max)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", internal::Quoted(id), " is not 1 to ",
                   bytes_max, " bytes of printable ASCII without blanks"));
}

absl::Status CheckAmount(std::optional<Credits> amount) {
  if (amount.value_or(Credits()) >= Credits()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("amount: ", amount->ToString(), " is negative"));
}

absl::Status CheckOperation(absl::string_view operation) {
  if (operation.size() <= Account::kOperationBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("operation: ", internal::Quoted(operation), " has above ",
                   Account::kOperationBytesMax, " bytes"));
}

absl::Status CheckRequest(const GrantCommand& grant, absl::Duration) {
  if (!grant.id.empty()) {
    const absl::Status status =
        CheckId("grant", grant.id, Account::kGrantIdBytesMax);
    if (!status.ok()) return status;
  }
  if (grant.amount <= Credits()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "amount: ", grant.amount.ToString(), " is not above zero"));
  }
  if (grant.expires_at <= grant.effective_at) {
    return absl::InvalidArgumentError(
        "expires_at: not after the time from which it is effective");
  }
  return absl::OkStatus();
}

absl::Status CheckRequest(const AllowanceCommand&, absl::Duration) {
  return absl::OkStatus();
}

absl::Status CheckRequest(const EndAllowanceCommand& command, absl::Duration) {
  const absl::Status status =
      CheckId("source", command.source, Allowance::kNameBytesMax);
  if (!status.ok()) return status;
  return CheckId("item", command.item, Allowance::kNameBytesMax);
}

absl::Status CheckRequest(const VoidGrantCommand& command, absl::Duration) {
  return CheckId("grant", command.grant, Account::kGrantIdBytesMax);
}

absl::Status CheckRequest(const LedgerReserve& reserve,
                          absl::Duration duplicate_window) {
  absl::Status status = CheckAmount(reserve.amount);
  if (status.ok()) status = CheckOperation(reserve.operation);
  if (!status.ok()) return status;
  if (reserve.timeout < absl::Nanoseconds(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("timeout: ", absl::FormatDuration(reserve.timeout),
                     " is not above zero"));
  }
  if (reserve.timeout > duplicate_window) {
    return absl::InvalidArgumentError(
        absl::StrCat("timeout: ", absl::FormatDuration(reserve.timeout),
                     " is above the duplicate window of ",
                     absl::FormatDuration(duplicate_window),
                     ": the reservation would outlive the memory of its id"));
  }
  return absl::OkStatus();
}

absl::Status CheckRequest(const LedgerCapture& capture, absl::Duration) {
  const absl::Status status =
      CheckId("reservation", capture.reservation, kCommandIdBytesMax);
  if (!status.ok()) return status;
  return CheckAmount(capture.amount);
}

absl::Status CheckRequest(const LedgerVoid& request, absl::Duration) {
  return CheckId("reservation", request.reservation, kCommandIdBytesMax);
}

absl::Status CheckRequest(const SpendCommand& spend, absl::Duration) {
  const absl::Status status = CheckAmount(spend.amount);
  if (!status.ok()) return status;
  return CheckOperation(spend.operation);
}

absl::Status CheckRequest(const LedgerRefund& refund, absl::Duration) {
  if (refund.command.empty() == (refund.sequence == 0)) {
    return absl::InvalidArgumentError(
        "command: give the id or the sequence of what is to be refunded");
  }
  if (!refund.command.empty()) {
    const absl::Status status =
        CheckId("command", refund.command, kCommandIdBytesMax);
    if (!status.ok()) return status;
  }
  return CheckAmount(refund.amount);
}

// The amount that a price may be given for, or nullptr.
const Credits* PricedAmount(const LedgerRequest& request) {
  if (const auto* r = std::get_if<LedgerReserve>(&request)) return &r->amount;
  if (const auto* s = std::get_if<SpendCommand>(&request)) return &s->amount;
  const auto* c = std::get_if<LedgerCapture>(&request);
  return c != nullptr && c->amount.has_value() ? &*c->amount : nullptr;
}

absl::Status CheckPricing(const Pricing& pricing,
                          const LedgerRequest& request) {
  const Credits* const amount = PricedAmount(request);
  if (amount == nullptr) {
    return absl::InvalidArgumentError(
        "pricing: only the amount of a reservation, a capture or a spend is "
        "priced");
  }
  for (absl::string_view text :
       {pricing.catalog_version, pricing.operation, pricing.job}) {
    if (text.size() <= kPricingTextBytesMax) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("pricing: ", internal::Quoted(text), " has above ",
                     kPricingTextBytesMax, " bytes"));
  }
  if (pricing.quantity_before < 0 ||
      pricing.quantity < pricing.quantity_before) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pricing.quantity: ", pricing.quantity, " behind ",
        pricing.quantity_before, ": a quantity is zero or more, and grows"));
  }
  const absl::StatusOr<Price> price = Price::Create(pricing.terms);
  if (!price.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("pricing.terms.", price.status().message()));
  }
  const std::optional<Credits> cost =
      price->CostOfSlice(pricing.quantity_before, pricing.quantity);
  if (cost == *amount) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "amount: ", amount->ToString(), " is not what the quantity costs, ",
      cost.has_value() ? cost->ToString() : "which is out of range"));
}

// Differences: values as text, and the first field whose texts differ.

std::string TextOf(absl::string_view text) { return std::string(text); }
std::string TextOf(Credits amount) { return amount.ToString(); }
std::string TextOf(const std::optional<Credits>& amount) {
  return amount.has_value() ? amount->ToString() : "all";
}
std::string TextOf(UnixNanos time) {
  if (time == UnixNanos::Max()) return "never";
  return absl::FormatTime(absl::RFC3339_full, time.ToTime(),
                          absl::UTCTimeZone());
}
std::string TextOf(const std::optional<UnixNanos>& time) {
  return time.has_value() ? TextOf(*time) : "none";
}
std::string TextOf(absl::Duration duration) {
  return absl::FormatDuration(duration);
}
std::string TextOf(const std::vector<std::string>& texts) {
  return texts.empty() ? "all" : absl::StrJoin(texts, ",");
}
std::string TextOf(bool value) { return value ? "yes" : "no"; }
std::string TextOf(int64_t value) { return absl::StrCat(value); }
std::string TextOf(GrantKind kind) {
  return kind == GrantKind::kPaid ? "paid" : "promotional";
}
std::string TextOf(Overrun overrun) {
  return overrun == Overrun::kReject ? "reject" : "top-up";
}
std::string TextOf(DrawMode mode) {
  switch (mode) {
    case DrawMode::kNormal:
      return "normal";
    case DrawMode::kBestEffort:
      return "best-effort";
    case DrawMode::kCheckOnly:
      return "check-only";
  }
  return "";
}
std::string TextOf(Cycle cycle) {
  switch (cycle) {
    case Cycle::kDay:
      return "day";
    case Cycle::kWeek:
      return "week";
    case Cycle::kMonth:
      return "month";
    case Cycle::kYear:
      return "year";
  }
  return "";
}
std::string TextOf(absl::CivilDay day) { return absl::FormatCivilTime(day); }

class Comparison {
 public:
  template <typename T>
  Comparison& Field(absl::string_view name, const T& now, const T& first) {
    if (difference_.empty() && !(now == first)) {
      difference_ =
          absl::StrCat(name, ": ", TextOf(now), ", was ", TextOf(first));
    }
    return *this;
  }
  std::string Take() { return std::move(difference_); }

 private:
  std::string difference_;
};

// With a price, its quantity stands for the amount.
void Compare(const GrantCommand& now, const GrantCommand& first, bool,
             Comparison& c) {
  c.Field("grant", now.id, first.id)
      .Field("amount", now.amount, first.amount)
      .Field("priority", int64_t{now.priority}, int64_t{first.priority})
      .Field("effective_at", now.effective_at, first.effective_at)
      .Field("expires_at", now.expires_at, first.expires_at)
      .Field("operations", now.operations, first.operations)
      .Field("kind", now.kind, first.kind);
}
void Compare(const AllowanceCommand& now, const AllowanceCommand& first, bool,
             Comparison& c) {
  const Allowance::Spec& a = now.allowance.spec();
  const Allowance::Spec& b = first.allowance.spec();
  c.Field("source", a.source, b.source)
      .Field("item", a.item, b.item)
      .Field("amount", a.amount, b.amount)
      .Field("cycle", a.cycle, b.cycle)
      .Field("anchor", a.anchor, b.anchor)
      .Field("zone", a.zone, b.zone)
      .Field("priority", int64_t{a.priority}, int64_t{b.priority})
      .Field("operations", a.operations, b.operations)
      .Field("kind", a.kind, b.kind)
      .Field("rollover_max", a.rollover_max, b.rollover_max)
      .Field("periods", a.periods, b.periods);
}
void Compare(const EndAllowanceCommand& now, const EndAllowanceCommand& first,
             bool, Comparison& c) {
  c.Field("source", now.source, first.source)
      .Field("item", now.item, first.item);
}
void Compare(const VoidGrantCommand& now, const VoidGrantCommand& first, bool,
             Comparison& c) {
  c.Field("grant", now.grant, first.grant);
}
void Compare(const LedgerReserve& now, const LedgerReserve& first, bool priced,
             Comparison& c) {
  if (!priced) c.Field("amount", now.amount, first.amount);
  c.Field("operation", now.operation, first.operation)
      .Field("timeout", absl::Trunc(now.timeout, absl::Nanoseconds(1)),
             absl::Trunc(first.timeout, absl::Nanoseconds(1)))
      .Field("overrun", now.overrun, first.overrun)
      .Field("mode", now.mode, first.mode);
}
void Compare(const LedgerCapture& now, const LedgerCapture& first, bool priced,
             Comparison& c) {
  c.Field("reservation", now.reservation, first.reservation);
  if (!priced) c.Field("amount", now.amount, first.amount);
  c.Field("final", now.final, first.final);
}
void Compare(const LedgerVoid& now, const LedgerVoid& first, bool,
             Comparison& c) {
  c.Field("reservation", now.reservation, first.reservation);
}
void Compare(const SpendCommand& now, const SpendCommand& first, bool priced,
             Comparison& c) {
  if (!priced) c.Field("amount", now.amount, first.amount);
  c.Field("operation", now.operation, first.operation)
      .Field("mode", now.mode, first.mode);
}
void Compare(const LedgerRefund& now, const LedgerRefund& first, bool,
             Comparison& c) {
  c.Field("command", now.command, first.command)
      .Field("sequence", static_cast<int64_t>(now.sequence),
             static_cast<int64_t>(first.sequence))
      .Field("amount", now.amount, first.amount);
}

}  // namespace

absl::Status ValidateCommand(const LedgerCommand& command,
                             absl::Duration duplicate_window) {
  absl::Status status = CheckAccountId(command.account);
  if (!status.ok()) return status;
  if (!IsCheckOnly(command.request)) {
    status = CheckId("id", command.id, kCommandIdBytesMax);
    if (!status.ok()) return status;
  }
  status = std::visit(
      [&](const auto& r) { return CheckRequest(r, duplicate_window); },
      command.request);
  if (status.ok() && command.pricing.has_value()) {
    status = CheckPricing(*command.pricing, command.request);
  }
  return status;
}

bool IsCheckOnly(const LedgerRequest& request) {
  if (const auto* r = std::get_if<LedgerReserve>(&request)) {
    return r->mode == DrawMode::kCheckOnly;
  }
  const auto* s = std::get_if<SpendCommand>(&request);
  return s != nullptr && s->mode == DrawMode::kCheckOnly;
}

std::string ContentDifference(const LedgerCommand& now,
                              const LedgerCommand& first) {
  Comparison c;
  c.Field("command", RequestName(now.request), RequestName(first.request))
      .Field("event_at", now.event_at, first.event_at)
      .Field("pricing", now.pricing.has_value(), first.pricing.has_value());
  const bool priced = now.pricing.has_value() && first.pricing.has_value();
  if (now.request.index() == first.request.index()) {
    std::visit(
        [&](const auto& r) {
          Compare(r, std::get<std::decay_t<decltype(r)>>(first.request), priced,
                  c);
        },
        now.request);
  }
  if (priced) {
    c.Field("pricing.operation", now.pricing->operation,
            first.pricing->operation)
        .Field("pricing.quantity",
               now.pricing->quantity - now.pricing->quantity_before,
               first.pricing->quantity - first.pricing->quantity_before)
        .Field("pricing.job", now.pricing->job, first.pricing->job);
  }
  return c.Take();
}

absl::string_view RequestName(const LedgerRequest& request) {
  static constexpr absl::string_view kNames[] = {
      "grant",   "allowance", "end_allowance", "void_grant", "reserve",
      "capture", "void",      "spend",         "refund"};
  static_assert(std::size(kNames) == std::variant_size_v<LedgerRequest>);
  return kNames[request.index()];
}

absl::string_view RefusalName(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return "none";
    case Refusal::kInsufficientCredits:
      return "insufficient_credits";
    case Refusal::kUnknownGrant:
      return "unknown_grant";
    case Refusal::kGrantEnded:
      return "grant_ended";
    case Refusal::kGrantExists:
      return "grant_exists";
    case Refusal::kAllowanceExists:
      return "allowance_exists";
    case Refusal::kUnknownReservation:
      return "unknown_reservation";
    case Refusal::kReservationCaptured:
      return "reservation_captured";
    case Refusal::kReservationVoided:
      return "reservation_voided";
    case Refusal::kReservationExpired:
      return "reservation_expired";
    case Refusal::kAboveHold:
      return "above_hold";
    case Refusal::kAboveSpend:
      return "above_spend";
    case Refusal::kTooLateToRefund:
      return "too_late_to_refund";
    case Refusal::kTooManyGrants:
      return "too_many_grants";
    case Refusal::kTooManyAllowances:
      return "too_many_allowances";
    case Refusal::kTooManyReservations:
      return "too_many_reservations";
    case Refusal::kTooManyAllocations:
      return "too_many_allocations";
    case Refusal::kTooManyRefunds:
      return "too_many_refunds";
    case Refusal::kAmountTooLarge:
      return "amount_too_large";
    case Refusal::kMalformed:
      return "malformed";
    case Refusal::kUnknownAllowance:
      return "unknown_allowance";
  }
  return "";
}

}  // namespace konpro
