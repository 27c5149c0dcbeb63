#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "konpro/catalog/operation.h"
#include "konpro/report/internal/table.h"
#include "konpro/report/ledger_message.h"

namespace konpro {
namespace {

std::string OrDash(std::string text) { return text.empty() ? "-" : text; }

// "1m30s", "3 image"; in base units if the catalog has no such operation.
std::string QuantityOf(const Catalog& catalog, const std::string& name,
                       int64_t quantity) {
  const Operation* const operation = catalog.FindOperation(name);
  if (operation == nullptr) return absl::StrCat(quantity);
  if (operation->unit == QuantityUnit::kMilliseconds) {
    return FormatQuantity(quantity, operation->unit);
  }
  return absl::StrCat(quantity, " ", operation->unit_name);
}

// The request of an entry, in one row of a history.
std::string WhatOf(const v1::LedgerEntry& entry, const Catalog& catalog) {
  if (entry.has_pricing()) {
    const v1::LedgerPricing& pricing = entry.pricing();
    return absl::StrCat(
        pricing.operation(), " ",
        QuantityOf(catalog, pricing.operation(),
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

// "2027-01-01 00:00:00", which a narrow column can break at the blank.
std::string SpacedTime(absl::string_view rfc3339) {
  return absl::StrReplaceAll(rfc3339, {{"T", " "}, {"Z", ""}});
}

}  // namespace

void PrintCreditsText(const v1::AccountCredits& account, std::ostream& out) {
  ReportTable places({{"place"}, {"credits", ColumnAlign::kRight}});
  const v1::Balance& b = account.balance();
  for (const auto& [name, amount] :
       {std::pair<const char*, const v1::Amount&>{"available", b.available()},
        {"pending", b.pending()},
        {"reserved", b.reserved()},
        {"posted", b.posted()},
        {"expired", b.expired()},
        {"voided", b.voided()}}) {
    places.AddRow({name, amount.credits()});
  }
  if (b.has_uncollected()) {
    places.AddRow({"uncollected", b.uncollected().credits()});
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
  for (const v1::Grant& grant : account.grants()) {
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
  for (const v1::Reservation& open : account.reservations()) {
    out << "reserved by " << open.seq() << ": " << open.held().credits()
        << " until " << open.expires_at() << "\n";
  }
  out << "account: " << account.account() << ", at: " << account.at()
      << ", last entry that applied: " << account.seq() << "\n";
}

void PrintHistoryText(const v1::LedgerHistory& history, const Catalog& catalog,
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

void PrintExplanationText(const v1::LedgerExplanation& explanation,
                          const Catalog& catalog, std::ostream& out) {
  const v1::LedgerEntry& entry = explanation.entry();
  out << entry.command() << " " << entry.id() << " of " << entry.account()
      << ": entry " << entry.seq() << " at " << entry.at() << "\n"
      << OutcomeOf(entry);
  if (entry.denial().has_need()) {
    out << ": need " << entry.denial().need().credits();
    if (entry.denial().has_held()) {
      out << ", held " << entry.denial().held().credits();
    }
    out << ", available " << entry.denial().available().credits();
  }
  out << "\n";
  if (entry.has_amount()) {
    out << "amount: " << entry.amount().credits() << " credits, "
        << entry.amount().ticks() << " ticks\n";
  }
  if (entry.has_pricing()) {
    const v1::LedgerPricing& p = entry.pricing();
    const auto text = [&](int64_t quantity) {
      return QuantityOf(catalog, p.operation(), quantity);
    };
    out << "priced: " << p.operation() << ", quantity "
        << text(p.quantity() - p.quantity_before());
    if (p.quantity_before() > 0) {
      out << " after " << text(p.quantity_before()) << " of the same job";
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
  if (entry.has_uncollected()) {
    out << "uncollected: " << entry.uncollected().credits() << " credits\n";
  }
}

void PrintStatementText(const v1::LedgerStatement& statement,
                        std::ostream& out) {
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
  if (statement.uncollected().ticks() != 0) {
    out << "uncollected, beside the balance: "
        << statement.uncollected().credits() << "\n";
  }
}

void PrintIngestText(const v1::IngestReport& report, std::ostream& out) {
  out << "records: " << report.records() << ", applied: " << report.applied()
      << ", there before: " << report.replayed()
      << ", denied: " << report.denied() << ", refused: " << report.refused()
      << "\n";
  for (const v1::IngestReason& denial : report.denials()) {
    out << "denied, now or the first time: " << denial.records() << " for "
        << denial.reason() << "\n";
  }
  if (report.has_charged()) {
    out << "charged: " << report.charged().credits() << " credits\n";
  }
  if (report.uncollected().ticks() != 0) {
    out << "uncollected: " << report.uncollected().credits() << " credits\n";
  }
  if (report.job_settled() > 0) {
    out << "job settled before, nothing charged: " << report.job_settled()
        << "\n";
  }
  out << "assumed: prices of catalog " << report.catalog_version()
      << ", in effect when each job began, or when it was reserved\n";
}

void PrintBackupText(const v1::Backup& backup, std::ostream& out) {
  out << "copied to " << backup.to() << ": entries: " << backup.entries()
      << ", accounts: " << backup.accounts() << ", keys: " << backup.keys()
      << "\nentries left out: " << backup.left_out_size() << "\n";
  if (backup.left_out().empty()) return;
  ReportTable table({{"seq", ColumnAlign::kRight},
                     {"at (UTC)"},
                     {"account"},
                     {"command"},
                     {"id"},
                     {"credits", ColumnAlign::kRight},
                     {"outcome"}});
  for (const v1::LedgerEntry& entry : backup.left_out()) {
    table.AddRow({absl::StrCat(entry.seq()), SpacedTime(entry.at()),
                  entry.account(), entry.command(), entry.id(),
                  entry.has_amount() ? entry.amount().credits() : "-",
                  OutcomeOf(entry)});
  }
  table.PrintText(out);
}

void PrintVerificationText(const v1::LedgerVerification& verification,
                           std::ostream& out) {
  out << (verification.has_good_through() ? "ahead of the clock: " : "fine: ")
      << verification.entries() << " entries, of which "
      << verification.denied()
      << " denied; accounts: " << verification.accounts()
      << ", snapshots compared: " << verification.snapshots()
      << "\nhash of the journal: " << verification.hash() << "\n";
  if (verification.has_good_through()) {
    out << "time of the journal: " << verification.ahead_at()
        << "\nlast entry that is not ahead: " << verification.good_through()
        << "\n";
  }
}

}  // namespace konpro
