#include "konpro/cli/ledger_query_command.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "google/protobuf/util/json_util.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/price_list.h"
#include "konpro/cli/ledger_output.h"
#include "konpro/estimate/estimator.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/statement.h"
#include "konpro/report/report_format.h"
#include "konpro/report/report_json.h"
#include "konpro/report/table.h"
#include "proto/report.pb.h"

namespace konpro::cli {
namespace {

std::string OrDash(std::string text) { return text.empty() ? "-" : text; }

void PrintAccount(const v1::LedgerAccount& account, std::ostream& out) {
  ReportTable places({{"place"}, {"credits", ColumnAlign::kRight}});
  const v1::LedgerBalance& b = account.balance();
  for (const auto& [name, amount] :
       {std::pair<const char*, const v1::Amount&>{"available", b.available()},
        {"pending", b.pending()},
        {"reserved", b.reserved()},
        {"posted", b.posted()},
        {"expired", b.expired()},
        {"voided", b.voided()}}) {
    places.AddRow({name, amount.credits()});
  }
  places.PrintText(out);
  out << "\n";
  ReportTable grants({{"grant"},
                      {"issued", ColumnAlign::kRight},
                      {"available", ColumnAlign::kRight},
                      {"reserved", ColumnAlign::kRight},
                      {"posted", ColumnAlign::kRight},
                      {"expires"},
                      {"for"}});
  for (const v1::LedgerGrantState& grant : account.grants()) {
    grants.AddRow({grant.id(), grant.issued().credits(),
                   grant.balance().available().credits(),
                   grant.balance().reserved().credits(),
                   grant.balance().posted().credits(), grant.expires_at(),
                   grant.operations().empty()
                       ? "all"
                       : absl::StrJoin(grant.operations(), ",")});
  }
  grants.PrintText(out);
  out << "\n";
  for (const v1::LedgerReservationState& open : account.reservations()) {
    out << "reserved by " << open.seq() << ": " << open.held().credits()
        << " until " << open.expires_at() << "\n";
  }
  out << "account: " << account.account() << ", at: " << account.at()
      << ", last entry that applied: " << account.seq() << "\n";
}

// "1m30s", "3 image"; in base units where the catalog has no such operation.
std::string Quantity(const Catalog& catalog, const std::string& name,
                     int64_t quantity) {
  const Operation* const operation = catalog.FindOperation(name);
  if (operation == nullptr) return absl::StrCat(quantity);
  if (operation->unit == QuantityUnit::kMilliseconds) {
    return FormatQuantity(quantity, operation->unit);
  }
  return absl::StrCat(quantity, " ", operation->unit_name);
}

// What an entry asked for, in one row of a history.
std::string WhatOf(const v1::LedgerEntry& entry, const Catalog& catalog) {
  if (entry.has_pricing()) {
    const v1::LedgerPricing& pricing = entry.pricing();
    return absl::StrCat(
        pricing.operation(), " ",
        Quantity(catalog, pricing.operation(),
                 pricing.quantity() - pricing.quantity_before()));
  }
  if (entry.has_reservation()) return entry.reservation();
  if (entry.has_grant()) return entry.grant();
  if (entry.has_allowance()) return entry.allowance().source();
  if (entry.has_target()) return absl::StrCat("of ", entry.target());
  return OrDash(entry.operation());
}

std::string OutcomeOf(const v1::LedgerEntry& entry) {
  return entry.outcome() == "applied"
             ? entry.outcome()
             : absl::StrCat(
                   "denied: ",
                   absl::StrReplaceAll(entry.denial().reason(), {{"_", " "}}));
}

// "2027-01-01 00:00:00", which a narrow column breaks at the blank.
std::string SpacedTime(absl::string_view rfc3339) {
  return absl::StrReplaceAll(rfc3339, {{"T", " "}, {"Z", ""}});
}

void PrintHistory(const v1::LedgerHistory& history, const Catalog& catalog,
                  std::ostream& out) {
  ReportTable table({{"seq", ColumnAlign::kRight},
                     {"at (UTC)"},
                     {"command"},
                     {"id"},
                     {"what"},
                     {"credits", ColumnAlign::kRight},
                     {"outcome"}});
  for (const v1::LedgerEntry& entry : history.entries()) {
    table.AddRow({absl::StrCat(entry.seq()), SpacedTime(entry.at()),
                  entry.command(), entry.id(), WhatOf(entry, catalog),
                  entry.has_amount() ? entry.amount().credits() : "-",
                  OutcomeOf(entry)});
  }
  table.PrintText(out);
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

void PrintExplanation(const v1::LedgerExplanation& explanation,
                      const Catalog& catalog, std::ostream& out) {
  const v1::LedgerEntry& entry = explanation.entry();
  out << entry.command() << " " << entry.id() << " of " << entry.account()
      << ": entry " << entry.seq() << " at " << entry.at() << "\n"
      << OutcomeOf(entry);
  if (entry.denial().has_need()) {
    out << ": need " << entry.denial().need().credits() << ", available "
        << entry.denial().available().credits();
  }
  out << "\n";
  if (entry.has_amount()) {
    out << "amount: " << entry.amount().credits() << " credits, "
        << entry.amount().ticks() << " ticks\n";
  }
  if (entry.has_pricing()) {
    const v1::LedgerPricing& p = entry.pricing();
    const auto text = [&](int64_t quantity) {
      return Quantity(catalog, p.operation(), quantity);
    };
    out << "priced: " << p.operation() << ", quantity "
        << text(p.quantity() - p.quantity_before());
    if (p.quantity_before() > 0) {
      out << " behind " << text(p.quantity_before()) << " of the same job";
    }
    out << "; increment " << text(p.increment()) << ", minimum "
        << text(p.minimum()) << ", so billed "
        << text(explanation.billed_quantity()) << "; price "
        << p.price().credits() << " credits per " << text(p.per()) << " "
        << p.price_version() << ", catalog " << p.catalog_version()
        << "; rounding: " << explanation.rounding() << "\n";
  }
  for (const v1::LedgerPart& part : entry.parts()) {
    out << "grant " << part.grant() << " ("
        << (part.has_grant_id() ? part.grant_id() : "not kept any more")
        << "): " << part.amount().credits() << " credits\n";
  }
  if (entry.has_released()) {
    out << "released: " << entry.released().credits() << " credits\n";
  }
}

// What came, and what became of it: two lists with one sum, so that both are
// shown as parts of what that is shown as.
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
  // A sum that no amount is: then each is shown as it is.
  BalanceParts parts;
  for (Credits part : came) parts.came.push_back(Show(part));
  for (Credits part : went) parts.went.push_back(Show(part));
  return parts;
}

v1::LedgerStatement ToStatement(const Statement& statement,
                                const StatementOptions& options,
                                const StatementPeriod& period,
                                const Catalog& catalog) {
  v1::LedgerStatement out;
  out.set_account(options.account);
  out.set_zone(options.zone.name());
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
  }
  return out;
}

void PrintStatement(const v1::LedgerStatement& statement, std::ostream& out) {
  ReportTable lines({{"operation"},
                     {"count", ColumnAlign::kRight},
                     {"quantity", ColumnAlign::kRight},
                     {"credits", ColumnAlign::kRight}});
  int64_t count = 0;
  for (const v1::StatementLine& line : statement.lines()) {
    count += line.count();
    lines.AddRow(
        {OrDash(line.operation()), absl::StrCat(line.count()),
         line.unit() == "ms"
             ? FormatQuantity(line.quantity(), QuantityUnit::kMilliseconds)
             : absl::StrCat(line.quantity(), " ", line.unit()),
         line.cost().credits()});
  }
  lines.AddTotal(
      {"spent", absl::StrCat(count), "", statement.spent().credits()});
  lines.PrintText(out);
  out << "\n";
  ReportTable sum({{"balance"}, {"credits", ColumnAlign::kRight}});
  sum.AddRow({"opening", statement.opening().credits()});
  sum.AddRow({"+ granted", statement.granted().credits()});
  sum.AddRow({"- spent", statement.spent().credits()});
  sum.AddRow({"+ refunded", statement.refunded().credits()});
  sum.AddRow({"- expired", statement.expired().credits()});
  sum.AddRow({"- voided", statement.voided().credits()});
  sum.AddTotal({"closing", statement.closing().credits()});
  sum.PrintText(out);
  out << "\naccount: " << statement.account()
      << "\nperiod: " << statement.begin() << " to " << statement.end()
      << " by the ledger's time, stated as of " << statement.as_of()
      << "\nof closing: available " << statement.closing_available().credits()
      << ", pending " << statement.closing_pending().credits() << ", reserved "
      << statement.closing_reserved().credits() << "\n";
}

template <typename Message, typename PrintTable>
ExitCode Print(const Message& message, const LedgerFile& file,
               PrintTable print_table, Streams streams) {
  if (file.format == ReportFormat::kJson) {
    PrintJson(message, streams.out);
  } else {
    print_table(message, streams.out);
  }
  return ExitCode::kOk;
}

}  // namespace

ExitCode RunLedgerBalance(const LedgerFile& file, const BalanceOptions& options,
                          Streams streams) {
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, /*create=*/false, streams, code);
  if (ledger == nullptr) return code;
  const absl::StatusOr<Account> account =
      options.at_seq.has_value()
          ? ledger->AccountAtSequence(options.account, *options.at_seq)
          : ledger->AccountAt(options.account, TimeOf(file));
  if (!account.ok()) return FailWith(account.status(), streams);
  return Print(ToAccount(options.account, *account), file, PrintAccount,
               streams);
}

ExitCode RunLedgerHistory(const LedgerFile& file, const HistoryOptions& options,
                          Streams streams) {
  const std::optional<Catalog> catalog = CatalogOf(file, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, /*create=*/false, streams, code);
  if (ledger == nullptr) return code;
  v1::LedgerHistory history;
  history.set_account(options.account);
  const absl::Status status = ledger->History(
      options.account, [&](const JournalEntry& entry, absl::string_view) {
        *history.add_entries() = ToEntry(entry);
        return absl::OkStatus();
      });
  if (!status.ok()) return FailWith(status, streams);
  return Print(
      history, file,
      [&](const v1::LedgerHistory& message, std::ostream& out) {
        PrintHistory(message, *catalog, out);
      },
      streams);
}

ExitCode RunLedgerExplain(const LedgerFile& file, const ExplainOptions& options,
                          Streams streams) {
  const std::optional<Catalog> catalog = CatalogOf(file, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, /*create=*/false, streams, code);
  if (ledger == nullptr) return code;
  const absl::StatusOr<Ledger::CommandPlace> place =
      FindTarget(*ledger, options.account, options.command);
  if (!place.ok()) return FailWith(place.status(), streams);
  const absl::StatusOr<Explanation> explanation =
      ledger->Explain(place->sequence);
  if (!explanation.ok()) return FailWith(explanation.status(), streams);
  return Print(
      ToExplanation(*explanation), file,
      [&](const v1::LedgerExplanation& message, std::ostream& out) {
        PrintExplanation(message, *catalog, out);
      },
      streams);
}

ExitCode RunLedgerStatement(const LedgerFile& file,
                            const StatementOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = CatalogOf(file, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, /*create=*/false, streams, code);
  if (ledger == nullptr) return code;
  // Midnight where there is one, else the first instant behind.
  const auto begin_of = [&](absl::CivilMonth month) {
    return UnixNanos::FromTime(absl::FromCivil(month, options.zone));
  };
  const StatementPeriod period{.begin = begin_of(options.month),
                               .end = begin_of(options.month + 1)};
  const absl::StatusOr<Statement> statement =
      MakeStatement(*ledger, options.account, period, TimeOf(file));
  if (!statement.ok()) return FailWith(statement.status(), streams);
  return Print(ToStatement(*statement, options, period, *catalog), file,
               PrintStatement, streams);
}

ExitCode RunLedgerVerify(const LedgerFile& file, Streams streams) {
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, /*create=*/false, streams, code);
  if (ledger == nullptr) return code;
  const absl::StatusOr<VerifyReport> report =
      ledger->Verify([&](uint64_t entries) {
        if (streams.progress == nullptr) return;
        *streams.progress << "\r" << entries << " entries" << std::flush;
      });
  if (streams.progress != nullptr) *streams.progress << "\r\033[K";
  if (!report.ok()) return FailWith(report.status(), streams);
  v1::LedgerVerification out;
  out.set_entries(report->entries);
  out.set_denied(report->denied);
  out.set_accounts(report->accounts);
  out.set_snapshots(report->snapshots);
  const JournalHash& hash = report->head.hash;
  out.set_hash(absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(hash.data()), hash.size())));
  return Print(
      out, file,
      [](const v1::LedgerVerification& v, std::ostream& to) {
        to << "fine: " << v.entries() << " entries, of which " << v.denied()
           << " denied; accounts: " << v.accounts()
           << ", snapshots compared: " << v.snapshots() << "\nhash of the "
           << "journal: " << v.hash() << "\n";
      },
      streams);
}

ExitCode RunLedgerExport(const LedgerFile& file, Streams streams) {
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, /*create=*/false, streams, code);
  if (ledger == nullptr) return code;
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string line;
  const absl::Status status = ledger->ForEachEntry(
      1, ~uint64_t{0}, [&](const JournalEntry& entry, absl::string_view) {
        line.clear();
        (void)google::protobuf::util::MessageToJsonString(ToEntry(entry), &line,
                                                          options);
        streams.out << line << "\n";
        return absl::OkStatus();
      });
  return status.ok() ? ExitCode::kOk : FailWith(status, streams);
}

}  // namespace konpro::cli
