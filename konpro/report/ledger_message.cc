#include "konpro/report/ledger_message.h"

#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/price_list.h"
#include "konpro/estimate/estimator.h"
#include "konpro/report/account_message.h"
#include "konpro/report/report_message.h"

namespace konpro {
namespace {

// Sets the fields of an entry that depend on the kind of request.
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
    entry.set_kind(std::string(GrantKindName(grant.kind)));
  }
  void operator()(const AllowanceCommand& command) const {
    const Allowance::Spec& spec = command.allowance.spec();
    v1::LedgerAllowance& allowance = *entry.mutable_allowance();
    allowance.set_source(spec.source);
    allowance.set_item(spec.item);
    *allowance.mutable_amount() = ToAmount(spec.amount);
    allowance.set_cycle(std::string(CycleName(spec.cycle)));
    allowance.set_anchor(absl::FormatCivilTime(spec.anchor));
    allowance.set_zone(spec.zone);
    *allowance.mutable_rollover_max() = ToAmount(spec.rollover_max);
    allowance.set_periods(spec.periods);
    *entry.mutable_amount() = ToAmount(spec.amount);
    entry.set_priority(spec.priority);
    for (const std::string& name : spec.operations) entry.add_operations(name);
    entry.set_kind(std::string(GrantKindName(spec.kind)));
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
    entry.set_mode(std::string(DrawModeName(reserve.mode)));
    entry.set_timeout_seconds(absl::ToDoubleSeconds(reserve.timeout));
    entry.set_overrun(std::string(OverrunName(reserve.overrun)));
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
    entry.set_mode(std::string(DrawModeName(spend.mode)));
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
  if (!pricing.label.empty()) out.set_label(std::string(pricing.label));
  return out;
}

bool SaysAmounts(Refusal refusal) {
  return refusal == Refusal::kInsufficientCredits ||
         refusal == Refusal::kAboveHold || refusal == Refusal::kAboveSpend;
}

// Sets the fields that a result and a first outcome have in common.
template <typename Message>
void PutEffect(const LedgerCommand& command, const AccountEffect& effect,
               UnixNanos at, Message& out) {
  out.set_outcome(effect.applied() ? "applied" : "denied");
  if (effect.applied()) {
    *out.mutable_amount() = ToAmount(AmountOf(command.request, effect, at));
    if (effect.released != Credits()) {
      *out.mutable_released() = ToAmount(effect.released);
    }
    if (effect.uncollected != Credits()) {
      *out.mutable_uncollected() = ToAmount(effect.uncollected);
    }
    return;
  }
  v1::LedgerDenial denial = ToDenial(effect);
  out.set_reason(denial.reason());
  if (denial.has_need()) *out.mutable_need() = denial.need();
  if (denial.has_held()) *out.mutable_held() = denial.held();
  if (denial.has_available()) *out.mutable_available() = denial.available();
  if (denial.has_shortfall()) *out.mutable_shortfall() = denial.shortfall();
  if (denial.has_released()) *out.mutable_released() = denial.released();
}

// The credits that came and the credits that went have one sum, and both lists
// are shown as parts of the shown sum.
struct BalanceParts {
  std::vector<ShownCredits> came;
  std::vector<ShownCredits> went;
};
BalanceParts ShowBalance(const Statement& s) {
  const Credits came[] = {s.opening, s.granted, s.refunded};
  const Credits went[] = {s.spent, s.expired, s.voided, s.closing};
  std::optional<Credits> sum = Credits();
  for (Credits part : came) {
    if (sum.has_value()) sum = CheckedAdd(*sum, part);
  }
  if (sum.has_value()) {
    return {ShowParts(came, Show(*sum)), ShowParts(went, Show(*sum))};
  }
  // The sum is out of the range of amounts: each part is rounded by itself.
  BalanceParts parts;
  for (Credits part : came) parts.came.push_back(Show(part));
  for (Credits part : went) parts.went.push_back(Show(part));
  return parts;
}

}  // namespace

v1::LedgerDenial ToDenial(const AccountEffect& effect) {
  v1::LedgerDenial out;
  out.set_reason(std::string(RefusalName(effect.refusal)));
  if (SaysAmounts(effect.refusal)) {
    *out.mutable_need() = ToAmount(effect.shortage.need);
    if (effect.refusal != Refusal::kAboveSpend) {
      *out.mutable_held() = ToAmount(effect.shortage.held);
    }
    *out.mutable_available() = ToAmount(effect.shortage.available);
    *out.mutable_shortfall() = ToAmount(effect.shortage.missing);
  }
  if (effect.refusal == Refusal::kReservationExpired) {
    *out.mutable_released() = ToAmount(effect.released);
  }
  return out;
}

std::string DenialText(const AccountEffect& effect) {
  const Shortage& s = effect.shortage;
  const std::string amounts = absl::StrCat(
      "need ", s.need.ToString(), ", held ", s.held.ToString(), ", available ",
      s.available.ToString(), ", short ", s.missing.ToString());
  if (effect.refusal == Refusal::kReservationExpired) {
    return absl::StrCat("the reservation has expired; ",
                        effect.released.ToString(), " were released");
  }
  if (effect.refusal == Refusal::kInsufficientCredits) return amounts;
  if (effect.refusal == Refusal::kAboveHold) {
    return absl::StrCat("above what is held: ", amounts);
  }
  if (effect.refusal == Refusal::kAboveSpend) {
    return absl::StrCat("above what is not refunded yet: need ",
                        s.need.ToString(), ", of which there are ",
                        s.available.ToString());
  }
  if (effect.refusal == Refusal::kTooManyAllocations) {
    return absl::StrCat(
        "too_many_allocations: a reservation holds parts of at "
        "most ",
        AccountLimits::kAllocationsMax,
        " grants, and this would draw on more: reserve less, "
        "in several reservations");
  }
  return absl::StrCat(RefusalName(effect.refusal));
}

Credits AmountOf(const LedgerRequest& request, const AccountEffect& effect,
                 UnixNanos at) {
  if (!effect.applied()) return Credits();
  if (const auto* grant = std::get_if<GrantCommand>(&request)) {
    return grant->amount;
  }
  if (const auto* command = std::get_if<AllowanceCommand>(&request)) {
    const Allowance& allowance = command->allowance;
    const std::optional<int64_t> period = allowance.IndexAt(at);
    return period.has_value() && *period < allowance.index_end()
               ? allowance.spec().amount
               : Credits();
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
  if (effect.uncollected != Credits()) {
    *entry.mutable_uncollected() = ToAmount(effect.uncollected);
  }
  return entry;
}

v1::AccountCredits ToAccountCredits(absl::string_view id,
                                    const Account& account) {
  v1::AccountCredits out;
  out.set_account(std::string(id));
  out.set_at(TimeText(account.now()));
  out.set_seq(account.last_sequence());
  *out.mutable_balance() = ToMessage(account.balance());
  for (const GrantView& view : account.Grants()) {
    v1::Grant& grant = *out.add_grants();
    grant.set_id(std::string(view.id));
    *grant.mutable_issued() = ToAmount(view.issued);
    grant.set_priority(view.priority);
    grant.set_effective_at(TimeText(view.effective_at));
    grant.set_expires_at(TimeText(view.expires_at));
    for (const std::string& name : view.operations) grant.add_operations(name);
    grant.set_kind(std::string(GrantKindName(view.kind)));
    *grant.mutable_balance() = ToMessage(view.balance);
  }
  for (const ReservationView& view : account.Reservations()) {
    v1::Reservation& open = *out.add_reservations();
    open.set_seq(view.sequence);
    open.set_operation(std::string(view.operation));
    *open.mutable_held() = ToAmount(view.held);
    *open.mutable_captured() = ToAmount(view.captured);
    open.set_expires_at(TimeText(view.expires_at));
  }
  return out;
}

v1::LedgerResult ToResult(const LedgerCommand& command) {
  v1::LedgerResult result;
  result.set_command(std::string(RequestName(command.request)));
  result.set_account(std::string(command.account));
  result.set_id(std::string(command.id));
  return result;
}

v1::LedgerResult ToResult(const LedgerCommand& command,
                          const LedgerOutcome& outcome, UnixNanos now) {
  v1::LedgerResult result = ToResult(command);
  if (outcome.sequence != 0) result.set_seq(outcome.sequence);
  result.set_at(TimeText(now));
  if (outcome.replayed) {
    v1::LedgerFirst& first = *result.mutable_first();
    first.set_seq(outcome.sequence);
    first.set_at(TimeText(outcome.at));
    PutEffect(command, outcome.effect, outcome.at, first);
    result.set_outcome("replayed");
  } else {
    PutEffect(command, outcome.effect, outcome.at, result);
  }
  v1::Balance& balance = *result.mutable_balance();
  balance = ToMessage(outcome.balance);
  balance.clear_pending();
  if (outcome.balance.voided == Credits()) balance.clear_voided();
  return result;
}

v1::LedgerExplanation ToExplanation(const Explanation& explanation) {
  v1::LedgerExplanation out;
  const JournalEntry& entry = *explanation.entry;
  *out.mutable_entry() = ToEntry(entry);
  for (int i = 0; i < out.entry().parts_size(); ++i) {
    const Explanation::Part& part = explanation.parts[i];
    if (part.grant_id.empty()) continue;
    out.mutable_entry()->mutable_parts(i)->set_grant_id(part.grant_id);
  }
  if (!entry.command.pricing.has_value()) return out;
  const Pricing& pricing = *entry.command.pricing;
  const absl::StatusOr<Price> price = Price::Create(pricing.terms);
  if (price.ok() && explanation.billed_quantity.has_value()) {
    out.set_billed_quantity(
        *explanation.billed_quantity -
        price->BilledQuantity(pricing.quantity_before).value_or(0));
  }
  out.set_rounding(explanation.rounding_rest == 0
                       ? "none"
                       : absl::StrCat("half to even; exact is ",
                                      explanation.rounding_rest, "/",
                                      pricing.terms.per, " ticks more"));
  return out;
}

v1::LedgerStatement ToStatement(const Statement& statement,
                                absl::string_view account, absl::TimeZone zone,
                                const StatementPeriod& period,
                                const Catalog& catalog) {
  v1::LedgerStatement out;
  out.set_account(std::string(account));
  out.set_zone(zone.name());
  out.set_begin(TimeText(period.begin));
  out.set_end(TimeText(period.end));
  out.set_as_of(TimeText(statement.as_of));
  const BalanceParts shown_parts = ShowBalance(statement);
  const auto put = [](Credits amount, ShownCredits text, v1::Amount* to) {
    to->set_ticks(amount.ticks());
    to->set_credits(text.ToString());
  };
  put(statement.opening, shown_parts.came[0], out.mutable_opening());
  put(statement.granted, shown_parts.came[1], out.mutable_granted());
  put(statement.refunded, shown_parts.came[2], out.mutable_refunded());
  put(statement.spent, shown_parts.went[0], out.mutable_spent());
  put(statement.expired, shown_parts.went[1], out.mutable_expired());
  put(statement.voided, shown_parts.went[2], out.mutable_voided());
  put(statement.closing, shown_parts.went[3], out.mutable_closing());
  *out.mutable_uncollected() = ToAmount(statement.uncollected);
  const Balance& left = statement.balance;
  const std::vector<ShownCredits> kept = ShowParts(
      {left.available, left.pending, left.reserved}, shown_parts.went[3]);
  put(left.available, kept[0], out.mutable_closing_available());
  put(left.pending, kept[1], out.mutable_closing_pending());
  put(left.reserved, kept[2], out.mutable_closing_reserved());
  std::vector<Credits> costs;
  for (const StatementLine& line : statement.lines) costs.push_back(line.cost);
  const std::vector<ShownCredits> shown = ShowParts(costs, shown_parts.went[0]);
  for (size_t i = 0; i < statement.lines.size(); ++i) {
    const StatementLine& line = statement.lines[i];
    const Operation* const operation = catalog.FindOperation(line.operation);
    v1::StatementLine& to = *out.add_lines();
    to.set_operation(line.operation);
    to.set_count(line.count);
    to.set_quantity(line.quantity);
    if (operation != nullptr) to.set_unit(operation->unit_name);
    to.mutable_cost()->set_ticks(line.cost.ticks());
    to.mutable_cost()->set_credits(shown[i].ToString());
    if (line.uncollected != Credits()) {
      *to.mutable_uncollected() = ToAmount(line.uncollected);
    }
  }
  return out;
}

v1::LedgerVerification ToMessage(const VerifyReport& report) {
  v1::LedgerVerification out;
  out.set_entries(report.entries);
  out.set_denied(report.denied);
  out.set_accounts(report.accounts);
  out.set_snapshots(report.snapshots);
  const JournalHash& hash = report.head.hash;
  out.set_hash(absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(hash.data()), hash.size())));
  return out;
}

v1::IngestReport ToMessage(const IngestTotals& totals, int64_t refused,
                           const Catalog& catalog) {
  v1::IngestReport report;
  report.set_catalog_version(catalog.version());
  report.set_applied(totals.applied);
  report.set_replayed(totals.replayed);
  report.set_denied(totals.denied);
  report.set_refused(refused);
  report.set_job_settled(totals.job_settled);
  report.set_records(totals.applied + totals.replayed + totals.denied +
                     totals.job_settled + refused);
  std::map<std::string, int64_t> denials;
  for (const auto& [refusal, records] : totals.denials) {
    denials[std::string(RefusalName(refusal))] = records;
  }
  for (const auto& [reason, records] : denials) {
    v1::IngestReason& denial = *report.add_denials();
    denial.set_reason(reason);
    denial.set_records(records);
  }
  if (totals.charged.has_value()) {
    *report.mutable_charged() = ToAmount(*totals.charged);
  }
  if (totals.uncollected.has_value()) {
    *report.mutable_uncollected() = ToAmount(*totals.uncollected);
  }
  return report;
}

}  // namespace konpro
