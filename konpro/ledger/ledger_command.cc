#include "konpro/ledger/ledger_command.h"

#include <iterator>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/account_id.h"
#include "konpro/base/internal/name.h"

namespace konpro {
namespace {

using ::konpro::internal::CheckId;

absl::Status CheckAmount(std::optional<Credits> amount) {
  if (amount.value_or(Credits()) >= Credits()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("amount: ", amount->ToString(), " is negative"));
}

absl::Status CheckOperation(absl::string_view operation) {
  if (operation.size() <= AccountLimits::kOperationBytesMax)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("operation: ", internal::Quoted(operation), " has above ",
                   AccountLimits::kOperationBytesMax, " bytes"));
}

absl::Status CheckRequest(const GrantCommand& grant, absl::Duration) {
  if (!grant.id.empty()) {
    const absl::Status status =
        CheckId("grant", grant.id, AccountLimits::kGrantIdBytesMax);
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
  return CheckId("grant", command.grant, AccountLimits::kGrantIdBytesMax);
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
        "command: give the id or the sequence of the command to refund");
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
  for (absl::string_view text : {pricing.catalog_version, pricing.operation,
                                 pricing.job, pricing.label}) {
    if (text.size() <= kPricingTextBytesMax) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("pricing: ", internal::Quoted(text), " has above ",
                     kPricingTextBytesMax, " bytes"));
  }
  if (pricing.quantity_before < 0 ||
      pricing.quantity < pricing.quantity_before) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pricing.quantity: ", pricing.quantity, " after ",
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

// Those that may draw on what the command grants; nullptr: it grants nothing.
const std::vector<std::string>* OperationsOf(const LedgerRequest& request) {
  if (const auto* grant = std::get_if<GrantCommand>(&request)) {
    return &grant->operations;
  }
  if (const auto* allowance = std::get_if<AllowanceCommand>(&request)) {
    return &allowance->allowance.spec().operations;
  }
  return nullptr;
}

// "" if it is for no operation in particular.
absl::string_view OperationOf(const LedgerRequest& request) {
  if (const auto* reserve = std::get_if<LedgerReserve>(&request)) {
    return reserve->operation;
  }
  const auto* const spend = std::get_if<SpendCommand>(&request);
  return spend == nullptr ? absl::string_view() : spend->operation;
}

}  // namespace

absl::Status ValidateCommand(const LedgerCommand& command,
                             absl::Duration duplicate_window) {
  absl::Status status = CheckAccountId(command.account, "account");
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
  if (status.ok() && command.settles_job &&
      (!std::holds_alternative<SpendCommand>(command.request) ||
       !command.pricing.has_value() || command.pricing->job.empty())) {
    return absl::InvalidArgumentError(
        "settles_job: only a priced spend for a job settles one");
  }
  return status;
}

absl::Status CheckNames(const LedgerCommand& command, const Catalog& catalog) {
  const auto check = [&](absl::string_view field,
                         absl::string_view operation) -> absl::Status {
    if (catalog.FindOperation(operation) != nullptr) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        field, ": ", catalog.UnknownOperation(operation).message()));
  };
  if (const std::vector<std::string>* names = OperationsOf(command.request)) {
    for (const std::string& name : *names) {
      absl::Status status = check("operations", name);
      if (!status.ok()) return status;
    }
  }
  const absl::string_view operation = OperationOf(command.request);
  return operation.empty() ? absl::OkStatus() : check("operation", operation);
}

bool IsCheckOnly(const LedgerRequest& request) {
  if (const auto* r = std::get_if<LedgerReserve>(&request)) {
    return r->mode == DrawMode::kCheckOnly;
  }
  const auto* s = std::get_if<SpendCommand>(&request);
  return s != nullptr && s->mode == DrawMode::kCheckOnly;
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
    case Refusal::kJobSettled:
      return "job_settled";
  }
  return "";
}

}  // namespace konpro
