#include "konpro/cli/ledger_change_command.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/quantity_capture.h"
#include "konpro/ledger/session.h"
#include "konpro/report/ledger_message.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
namespace {

// `; did you mean "x"?` if the command names a grant or an allowance that the
// account does not have.
std::string MeantText(Ledger& ledger, const LedgerCommand& command) {
  const absl::StatusOr<Account> account =
      ledger.AccountAt(command.account, ledger.Now());
  if (!account.ok()) return "";
  std::vector<std::string> known;
  absl::string_view name;
  if (const auto* grant = std::get_if<VoidGrantCommand>(&command.request)) {
    name = grant->grant;
    for (const GrantView& view : account->Grants()) known.emplace_back(view.id);
  } else if (const auto* end =
                 std::get_if<EndAllowanceCommand>(&command.request)) {
    name = end->source;
    for (const Allowance& allowance : account->Allowances()) {
      known.push_back(allowance.spec().source);
    }
  }
  return internal::Suggestion(
      name, std::vector<absl::string_view>(known.begin(), known.end()));
}

// Prints the result of a command.
ExitCode Print(Ledger& ledger, const LedgerCommand& command,
               const absl::StatusOr<LedgerOutcome>& outcome, Streams streams) {
  if (!outcome.ok()) return FailWith(outcome.status(), streams);
  PrintJson(ToResult(command, *outcome, ledger.Now()), streams.out);
  const Refusal refusal = outcome->effect.refusal;
  if (refusal != Refusal::kNone) {
    const bool is_unknown = refusal == Refusal::kUnknownGrant ||
                            refusal == Refusal::kUnknownAllowance;
    PrintReason(
        streams,
        absl::StrCat(outcome->replayed ? "denied the first time: " : "denied: ",
                     DenialText(outcome->effect),
                     is_unknown ? MeantText(ledger, command) : ""));
  }
  return ExitCodeOf(outcome->effect);
}

// Applies the command and prints its result.
ExitCode Execute(Ledger& ledger, const LedgerCommand& command,
                 Streams streams) {
  return Print(ledger, command, ledger.Apply(command), streams);
}

// A command that refers to nothing has no account whose journal could hold the
// denial.
ExitCode DenyUnknown(LedgerCommand command, absl::string_view reason,
                     const absl::Status& status, Streams streams) {
  v1::LedgerResult result = ToResult(command);
  result.set_at(TimeText(command.at));
  result.set_outcome("denied");
  result.set_reason(std::string(reason));
  PrintJson(result, streams.out);
  PrintReason(streams, absl::StrCat("denied: ", status.message()));
  return ExitCode::kDenied;
}

absl::StatusOr<int64_t> UnitsOf(const Operation& operation,
                                const std::string& quantity) {
  const absl::StatusOr<int64_t> units = ParseQuantity(quantity, operation.unit);
  if (units.ok()) return units;
  return absl::InvalidArgumentError(
      absl::StrCat("quantity: ", units.status().message()));
}

// The amount of a reservation or a spend, and how it came about.
struct Charge {
  Credits amount;
  std::optional<Pricing> pricing;
};
absl::StatusOr<Charge> ChargeOf(const Catalog& catalog,
                                const std::string& operation,
                                const std::string& quantity,
                                std::optional<Credits> credits, UnixNanos at) {
  if (credits.has_value() != quantity.empty()) {
    return absl::InvalidArgumentError(
        "give an operation and its quantity, or --credits in their place");
  }
  if (credits.has_value()) {
    if (!operation.empty() && catalog.FindOperation(operation) == nullptr) {
      return catalog.UnknownOperation(operation);
    }
    return Charge{*credits, std::nullopt};
  }
  const Operation* const known = catalog.FindOperation(operation);
  if (known == nullptr) return catalog.UnknownOperation(operation);
  const absl::StatusOr<int64_t> units = UnitsOf(*known, quantity);
  if (!units.ok()) return units.status();
  const absl::StatusOr<RatedUsage> rated =
      RateQuantity(catalog, *known, *units, at.ToTime());
  if (!rated.ok()) return rated.status();
  const absl::StatusOr<SlicePrice> price = PriceOfSlice(
      PriceOf(catalog, *rated), {.slice = rated->quantity}, /*job=*/"");
  if (!price.ok()) return price.status();
  return Charge{price->cost, price->pricing};
}

// In base units of what the reservation is for.
absl::StatusOr<int64_t> UnitsOfReservation(const Catalog& catalog,
                                           const JournalEntry& reservation,
                                           const std::string& quantity) {
  const absl::StatusOr<PriceInEffect> kept =
      PriceOfReservation(catalog, reservation);
  if (!kept.ok()) return kept.status();
  const Operation* const operation = catalog.FindOperation(kept->operation);
  if (operation == nullptr) return catalog.UnknownOperation(kept->operation);
  return UnitsOf(*operation, quantity);
}

constexpr char kItem[] = "credits";

// Before the file is made: a name that the catalog does not know, and what is
// malformed.
absl::Status CheckNew(const LedgerCommand& command, const Catalog& catalog) {
  absl::Status status =
      ValidateCommand(command, LedgerOptions().duplicate_window);
  if (status.ok()) status = CheckNames(command, catalog);
  return status;
}

// Applies a command to an account that exists: one that refers to nothing has
// no journal that could hold its denial.
ExitCode ExecuteOnAccount(const ServiceFile& file, LedgerCommand command,
                          Streams streams) {
  ExitCode code = ExitCode::kOk;
  const std::optional<UnixNanos> at = CommandTime(file, streams, code);
  if (!at.has_value()) return code;
  command.at = *at;
  const LedgerPointer ledger =
      OpenLedger(file, LedgerUse::kChange, streams, code);
  if (ledger == nullptr) return code;
  const absl::Status known =
      ledger->BalanceOf(command.account, command.at).status();
  if (!known.ok()) return FailWith(known, streams);
  return Execute(*ledger, command, streams);
}

// Opens the ledger, and finds the account of a reservation or a posting.
struct Opened {
  LedgerPointer ledger;
  Ledger::CommandPlace target;
};
std::optional<Opened> OpenTarget(const ServiceFile& file,
                                 const std::string& account,
                                 const std::string& id,
                                 absl::string_view reason,
                                 LedgerCommand& command, Streams streams,
                                 ExitCode& code) {
  const std::optional<UnixNanos> at = CommandTime(file, streams, code);
  if (!at.has_value()) return std::nullopt;
  Opened opened;
  opened.ledger = OpenLedger(file, LedgerUse::kChange, streams, code);
  if (opened.ledger == nullptr) return std::nullopt;
  absl::StatusOr<Ledger::CommandPlace> target =
      FindCommand(*opened.ledger, account, id);
  command.at = *at;
  if (absl::IsNotFound(target.status())) {
    command.account = account;
    code = DenyUnknown(command, reason, target.status(), streams);
    return std::nullopt;
  }
  if (!target.ok()) {
    code = FailWith(target.status(), streams);
    return std::nullopt;
  }
  opened.target = *std::move(target);
  return opened;
}

// Applies what `request_of` makes of the amount that `options` ask for.
template <typename Options, typename RequestOf>
ExitCode ExecuteCharge(const ServiceFile& file, const Options& options,
                       Streams streams, RequestOf request_of) {
  const std::optional<Catalog> catalog = CatalogOf(file, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  ExitCode code = ExitCode::kOk;
  const std::optional<UnixNanos> at = CommandTime(file, streams, code);
  if (!at.has_value()) return code;
  const LedgerPointer ledger =
      OpenLedger(file, LedgerUse::kChange, streams, code);
  if (ledger == nullptr) return code;
  // By the prices of the time that it counts as.
  const absl::StatusOr<Charge> charge =
      ChargeOf(*catalog, options.operation, options.quantity, options.credits,
               std::max(*at, ledger->Now()));
  if (!charge.ok()) return FailWith(charge.status(), streams);
  return Execute(*ledger,
                 {.account = options.account,
                  .id = options.id,
                  .at = *at,
                  .request = request_of(charge->amount),
                  .pricing = charge->pricing},
                 streams);
}

}  // namespace

ExitCode RunLedgerGrant(const ServiceFile& file, const GrantOptions& options,
                        Streams streams) {
  const std::optional<Catalog> catalog = CatalogOf(file, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  ExitCode code = ExitCode::kOk;
  const std::optional<UnixNanos> at = CommandTime(file, streams, code);
  if (!at.has_value()) return code;
  const LedgerCommand command{.account = options.account,
                              .id = options.id,
                              .at = *at,
                              .request = options.grant};
  const absl::Status status = CheckNew(command, *catalog);
  if (!status.ok()) return FailWith(status, streams);
  const LedgerPointer ledger =
      OpenLedger(file, LedgerUse::kCreate, streams, code);
  return ledger == nullptr ? code : Execute(*ledger, command, streams);
}

ExitCode RunLedgerAllowance(const ServiceFile& file,
                            const AllowanceOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = CatalogOf(file, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  Allowance::Spec spec = options.spec;
  spec.source = options.id;
  spec.item = kItem;
  absl::StatusOr<Allowance> allowance = Allowance::Create(std::move(spec));
  if (!allowance.ok()) return FailWith(allowance.status(), streams);
  ExitCode code = ExitCode::kOk;
  const std::optional<UnixNanos> at = CommandTime(file, streams, code);
  if (!at.has_value()) return code;
  const LedgerCommand command{
      .account = options.account,
      .id = options.id,
      .at = *at,
      .request = AllowanceCommand{*std::move(allowance)}};
  const absl::Status status = CheckNew(command, *catalog);
  if (!status.ok()) return FailWith(status, streams);
  const LedgerPointer ledger =
      OpenLedger(file, LedgerUse::kCreate, streams, code);
  return ledger == nullptr ? code : Execute(*ledger, command, streams);
}

ExitCode RunLedgerEndAllowance(const ServiceFile& file,
                               const EndAllowanceOptions& options,
                               Streams streams) {
  return ExecuteOnAccount(
      file,
      {.account = options.account,
       .id = options.id,
       .request =
           EndAllowanceCommand{.source = options.allowance, .item = kItem}},
      streams);
}

ExitCode RunLedgerVoidGrant(const ServiceFile& file,
                            const VoidGrantOptions& options, Streams streams) {
  return ExecuteOnAccount(file,
                          {.account = options.account,
                           .id = options.id,
                           .request = VoidGrantCommand{.grant = options.grant}},
                          streams);
}

ExitCode RunLedgerReserve(const ServiceFile& file,
                          const ReserveOptions& options, Streams streams) {
  return ExecuteCharge(file, options, streams, [&](Credits amount) {
    return LedgerReserve{.amount = amount,
                         .operation = options.operation,
                         .timeout = options.timeout,
                         .overrun = options.overrun,
                         .mode = options.mode};
  });
}

ExitCode RunLedgerSpend(const ServiceFile& file, const SpendOptions& options,
                        Streams streams) {
  return ExecuteCharge(file, options, streams, [&](Credits amount) {
    return SpendCommand{.amount = amount, .operation = options.operation};
  });
}

ExitCode RunLedgerCapture(const ServiceFile& file,
                          const CaptureOptions& options, Streams streams) {
  if (int{!options.quantity.empty()} + int{options.credits.has_value()} +
          int{options.all} !=
      1) {
    return FailWith(absl::InvalidArgumentError(
                        "give an amount: a quantity, --credits or --all"),
                    streams);
  }
  const std::optional<Catalog> catalog = CatalogOf(file, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  LedgerCommand command{
      .id = options.id,
      .request = LedgerCapture{.reservation = options.reservation,
                               .amount = options.credits,
                               .final = !options.partial}};
  ExitCode code = ExitCode::kOk;
  const std::optional<Opened> opened = OpenTarget(
      file, options.account, options.reservation,
      RefusalName(Refusal::kUnknownReservation), command, streams, code);
  if (!opened.has_value()) return code;
  command.account = opened->target.account;
  Ledger& ledger = *opened->ledger;
  if (options.quantity.empty()) return Execute(ledger, command, streams);
  const absl::StatusOr<OwnedEntry> reservation =
      ledger.ReadEntry(opened->target.sequence);
  if (!reservation.ok()) return FailWith(reservation.status(), streams);
  const absl::StatusOr<int64_t> units =
      UnitsOfReservation(*catalog, **reservation, options.quantity);
  if (!units.ok()) return FailWith(units.status(), streams);
  return Print(ledger, command,
               CaptureQuantity(ledger, *catalog,
                               {.account = command.account,
                                .id = command.id,
                                .reservation = options.reservation,
                                .at = command.at,
                                .quantity = *units,
                                .final = !options.partial}),
               streams);
}

ExitCode RunLedgerVoid(const ServiceFile& file, const VoidOptions& options,
                       Streams streams) {
  LedgerCommand command{
      .id = options.id,
      .request = LedgerVoid{.reservation = options.reservation}};
  ExitCode code = ExitCode::kOk;
  const std::optional<Opened> opened = OpenTarget(
      file, options.account, options.reservation,
      RefusalName(Refusal::kUnknownReservation), command, streams, code);
  if (!opened.has_value()) return code;
  command.account = opened->target.account;
  return Execute(*opened->ledger, command, streams);
}

// The target is named by its sequence, which stays valid however old it is.
ExitCode RunLedgerRefund(const ServiceFile& file, const RefundOptions& options,
                         Streams streams) {
  LedgerCommand command{.id = options.id, .request = LedgerRefund{}};
  ExitCode code = ExitCode::kOk;
  const std::optional<Opened> opened =
      OpenTarget(file, options.account, options.command, "unknown_command",
                 command, streams, code);
  if (!opened.has_value()) return code;
  command.account = opened->target.account;
  command.request = LedgerRefund{.sequence = opened->target.sequence,
                                 .amount = options.credits};
  return Execute(*opened->ledger, command, streams);
}

}  // namespace konpro::cli
