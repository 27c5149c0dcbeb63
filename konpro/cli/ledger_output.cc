#include "konpro/cli/ledger_output.h"

#include <optional>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/cli/command.h"
#include "konpro/estimate/estimator.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
namespace {

std::string TextOf(GrantKind kind) {
  return kind == GrantKind::kPaid ? "paid" : "promotional";
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

// What was asked for, by kind of request.
struct Describe {
  const JournalEntry& journaled;
  v1::LedgerEntry& entry;

  void operator()(const GrantCommand& grant) const {
    *entry.mutable_amount() = ToAmount(grant.amount);
    entry.set_grant(grant.id.empty() ? std::string(journaled.command.id)
                                     : grant.id);
    entry.set_priority(grant.priority);
    entry.set_effective_at(TimeText(grant.effective_at));
    entry.set_expires_at(TimeText(grant.expires_at));
    for (const std::string& name : grant.operations) entry.add_operations(name);
    entry.set_kind(TextOf(grant.kind));
  }
  void operator()(const AllowanceCommand& command) const {
    const Allowance::Spec& spec = command.allowance.spec();
    v1::LedgerAllowance& allowance = *entry.mutable_allowance();
    allowance.set_source(spec.source);
    allowance.set_item(spec.item);
    *allowance.mutable_amount() = ToAmount(spec.amount);
    allowance.set_cycle(TextOf(spec.cycle));
    allowance.set_anchor(absl::FormatCivilTime(spec.anchor));
    allowance.set_zone(spec.zone);
    *allowance.mutable_rollover_max() = ToAmount(spec.rollover_max);
    allowance.set_periods(spec.periods);
    *entry.mutable_amount() = ToAmount(spec.amount);
    entry.set_priority(spec.priority);
    for (const std::string& name : spec.operations) entry.add_operations(name);
    entry.set_kind(TextOf(spec.kind));
  }
  void operator()(const EndAllowanceCommand& command) const {
    v1::LedgerAllowance& allowance = *entry.mutable_allowance();
    allowance.set_source(std::string(command.source));
    allowance.set_item(std::string(command.item));
  }
  void operator()(const VoidGrantCommand& command) const {
    entry.set_grant(std::string(command.grant));
  }
  void operator()(const LedgerReserve& reserve) const {
    *entry.mutable_amount() = ToAmount(reserve.amount);
    entry.set_operation(std::string(reserve.operation));
    entry.set_mode(TextOf(reserve.mode));
    entry.set_timeout_seconds(absl::ToDoubleSeconds(reserve.timeout));
    entry.set_overrun(reserve.overrun == Overrun::kReject ? "reject"
                                                          : "top-up");
  }
  void operator()(const LedgerCapture& capture) const {
    *entry.mutable_amount() = ToAmount(journaled.resolution.amount);
    entry.set_reservation(std::string(capture.reservation));
    entry.set_final(capture.final);
    entry.set_target(journaled.resolution.target);
  }
  void operator()(const LedgerVoid& request) const {
    entry.set_reservation(std::string(request.reservation));
    entry.set_target(journaled.resolution.target);
  }
  void operator()(const SpendCommand& spend) const {
    *entry.mutable_amount() = ToAmount(spend.amount);
    entry.set_operation(std::string(spend.operation));
    entry.set_mode(TextOf(spend.mode));
  }
  void operator()(const LedgerRefund&) const {
    *entry.mutable_amount() = ToAmount(journaled.resolution.amount);
    entry.set_target(journaled.resolution.target);
  }
};

v1::LedgerPricing ToPricing(const Pricing& pricing) {
  v1::LedgerPricing out;
  out.set_catalog_version(std::string(pricing.catalog_version));
  out.set_operation(std::string(pricing.operation));
  out.set_quantity(pricing.quantity);
  out.set_quantity_before(pricing.quantity_before);
  *out.mutable_price() = ToAmount(pricing.terms.credits);
  out.set_per(pricing.terms.per);
  out.set_increment(pricing.terms.increment);
  out.set_minimum(pricing.terms.minimum);
  out.set_price_version(PriceVersion(pricing.effective_at == UnixNanos()
                                         ? absl::InfinitePast()
                                         : pricing.effective_at.ToTime()));
  out.set_job(std::string(pricing.job));
  return out;
}

bool SaysAmounts(Refusal refusal) {
  return refusal == Refusal::kInsufficientCredits ||
         refusal == Refusal::kAboveHold || refusal == Refusal::kAboveSpend;
}

}  // namespace

std::string TimeText(UnixNanos time) {
  if (time == UnixNanos::Max()) return "never";
  if (time == UnixNanos()) return "always";
  return internal::FormatRfc3339(time.ToTime());
}

v1::LedgerBalance ToBalance(const Balance& balance, bool of_command) {
  v1::LedgerBalance out;
  *out.mutable_available() = ToAmount(balance.available);
  *out.mutable_reserved() = ToAmount(balance.reserved);
  *out.mutable_posted() = ToAmount(balance.posted);
  *out.mutable_expired() = ToAmount(balance.expired);
  if (of_command) return out;
  *out.mutable_pending() = ToAmount(balance.pending);
  *out.mutable_voided() = ToAmount(balance.voided);
  return out;
}

v1::LedgerDenial ToDenial(const AccountEffect& effect) {
  v1::LedgerDenial out;
  out.set_reason(std::string(RefusalName(effect.refusal)));
  if (SaysAmounts(effect.refusal)) {
    *out.mutable_need() = ToAmount(effect.need);
    *out.mutable_available() = ToAmount(effect.available);
    const std::optional<Credits> missing =
        Shortfall(effect.need, effect.available);
    if (missing.has_value()) *out.mutable_shortfall() = ToAmount(*missing);
  }
  if (effect.refusal == Refusal::kReservationExpired) {
    *out.mutable_released() = ToAmount(effect.released);
  }
  return out;
}

std::string DenialText(const AccountEffect& effect) {
  if (effect.refusal == Refusal::kReservationExpired) {
    return absl::StrCat("the reservation has expired; ",
                        effect.released.ToString(), " were released");
  }
  if (effect.refusal == Refusal::kInsufficientCredits) {
    const std::optional<Credits> missing =
        Shortfall(effect.need, effect.available);
    return absl::StrCat("need ", effect.need.ToString(), ", available ",
                        effect.available.ToString(), ", short ",
                        missing.has_value() ? missing->ToString() : "more");
  }
  if (effect.refusal == Refusal::kAboveHold) {
    return absl::StrCat("above what is held: need ", effect.need.ToString(),
                        ", held ", effect.available.ToString());
  }
  if (effect.refusal == Refusal::kAboveSpend) {
    return absl::StrCat("above what is not refunded yet: need ",
                        effect.need.ToString(), ", of which there are ",
                        effect.available.ToString());
  }
  return absl::StrCat(RefusalName(effect.refusal));
}

ExitCode CodeOf(const AccountEffect& effect) {
  if (effect.applied()) return ExitCode::kOk;
  return effect.refusal == Refusal::kInsufficientCredits
             ? ExitCode::kOverAvailable
             : ExitCode::kDenied;
}

Credits AmountOf(const LedgerRequest& request, const AccountEffect& effect) {
  if (!effect.applied()) return Credits();
  if (const auto* grant = std::get_if<GrantCommand>(&request)) {
    return grant->amount;
  }
  if (!effect.held.empty()) return *SumOf(effect.held);
  return *SumOf(effect.posted.empty() ? effect.refunded : effect.posted);
}

v1::LedgerEntry ToEntry(const JournalEntry& journaled) {
  const LedgerCommand& command = journaled.command;
  const AccountEffect& effect = journaled.effect;
  v1::LedgerEntry entry;
  entry.set_seq(journaled.place.sequence);
  entry.set_previous(journaled.place.previous);
  entry.set_at(TimeText(journaled.place.at));
  entry.set_account(std::string(command.account));
  entry.set_id(std::string(command.id));
  entry.set_command(std::string(RequestName(command.request)));
  entry.set_outcome(effect.applied() ? "applied" : "denied");
  if (!effect.applied()) *entry.mutable_denial() = ToDenial(effect);
  if (command.event_at.has_value()) {
    entry.set_event_at(TimeText(*command.event_at));
  }
  if (command.pricing.has_value()) {
    *entry.mutable_pricing() = ToPricing(*command.pricing);
  }
  std::visit(Describe{journaled, entry}, command.request);
  for (const auto* parts : {&effect.held, &effect.posted, &effect.refunded}) {
    for (const Allocation& allocation : *parts) {
      v1::LedgerPart& part = *entry.add_parts();
      part.set_grant(allocation.grant);
      *part.mutable_amount() = ToAmount(allocation.amount);
    }
  }
  if (effect.applied() && effect.released != Credits()) {
    *entry.mutable_released() = ToAmount(effect.released);
  }
  return entry;
}

v1::LedgerAccount ToAccount(absl::string_view id, const Account& account) {
  v1::LedgerAccount out;
  out.set_account(std::string(id));
  out.set_at(TimeText(account.now()));
  out.set_seq(account.last_sequence());
  *out.mutable_balance() = ToBalance(account.balance(), /*of_command=*/false);
  for (const GrantView& view : account.Grants()) {
    v1::LedgerGrantState& grant = *out.add_grants();
    grant.set_id(std::string(view.id));
    *grant.mutable_issued() = ToAmount(view.issued);
    grant.set_priority(view.priority);
    grant.set_effective_at(TimeText(view.effective_at));
    grant.set_expires_at(TimeText(view.expires_at));
    for (const std::string& name : view.operations) grant.add_operations(name);
    grant.set_kind(TextOf(view.kind));
    *grant.mutable_balance() = ToBalance(view.balance, /*of_command=*/false);
  }
  for (const ReservationView& view : account.Reservations()) {
    v1::LedgerReservationState& open = *out.add_reservations();
    open.set_seq(view.sequence);
    open.set_operation(std::string(view.operation));
    *open.mutable_held() = ToAmount(view.held);
    *open.mutable_captured() = ToAmount(view.captured);
    open.set_expires_at(TimeText(view.expires_at));
  }
  return out;
}

}  // namespace konpro::cli
