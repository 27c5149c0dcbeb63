#include "konpro/report/usage_report.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "konpro/estimate/estimator.h"
#include "konpro/report/internal/report_line_text.h"
#include "konpro/report/internal/table.h"
#include "konpro/report/report_message.h"

namespace konpro {
namespace {

v1::UsageReport Describe(const UsageTotals& totals) {
  const std::vector<UsageTotals::Account> accounts = totals.Accounts();
  std::vector<Credits> costs;
  for (const auto& account : accounts) costs.push_back(account.total);
  const std::vector<ShownCredits> shown =
      ShowParts(costs, Show(totals.total()));

  v1::UsageReport report;
  report.set_catalog_version(totals.catalog().version());
  report.set_records(totals.records());
  for (size_t i = 0; i < accounts.size(); ++i) {
    v1::AccountUsage& account = *report.add_accounts();
    account.set_account_id(std::string(accounts[i].id));
    *account.mutable_lines() = ToReportLines(accounts[i].lines, shown[i],
                                             /*explain=*/false, std::nullopt);
    account.mutable_total()->set_ticks(accounts[i].total.ticks());
    account.mutable_total()->set_credits(shown[i].ToString());
  }
  *report.mutable_total() = ToAmount(totals.total());
  report.add_assumptions(absl::StrCat("prices of catalog ",
                                      totals.catalog().version(),
                                      ", in effect when each job began"));
  report.add_assumptions(
      "records are not compared: one that is there twice is priced twice");
  if (totals.unpriced_records() > 0) {
    report.add_assumptions(absl::StrCat(
        "not in the total, for lack of a price when the job began: ",
        totals.unpriced_records(), " records"));
  }
  return report;
}

ReportTable AccountsTable(const v1::UsageReport& report) {
  ReportTable table({{"account"},
                     {"operation"},
                     {"records", ColumnAlign::kRight},
                     {"quantity", ColumnAlign::kRight},
                     {"credits", ColumnAlign::kRight}});
  for (const v1::AccountUsage& account : report.accounts()) {
    for (const v1::ReportLine& line : account.lines()) {
      table.AddRow({account.account_id(), line.operation(),
                    absl::StrCat(line.jobs()), QuantityText(line),
                    line.cost().credits()});
    }
  }
  table.AddTotal({"total", "", absl::StrCat(report.records()), "",
                  report.total().credits()});
  return table;
}

void PrintCsv(const v1::UsageReport& report, std::ostream& out) {
  ReportTable table({{"account_id"},
                     {"operation"},
                     {"records", ColumnAlign::kRight},
                     {"quantity", ColumnAlign::kRight},
                     {"unit"},
                     {"ticks", ColumnAlign::kRight},
                     {"credits", ColumnAlign::kRight}});
  for (const v1::AccountUsage& account : report.accounts()) {
    for (const v1::ReportLine& line : account.lines()) {
      table.AddRow({account.account_id(), line.operation(),
                    absl::StrCat(line.jobs()), absl::StrCat(line.quantity()),
                    line.unit(), absl::StrCat(line.cost().ticks()),
                    line.cost().credits()});
    }
  }
  table.AddRow({"", "total", absl::StrCat(report.records()), "", "",
                absl::StrCat(report.total().ticks()),
                report.total().credits()});
  table.PrintCsv(out);
}

}  // namespace

v1::UsageReport ToUsageReport(const UsageTotals& totals,
                              const UsageReportOptions& options) {
  v1::UsageReport report = Describe(totals);
  if (options.plan != nullptr) {
    report.set_plan(options.plan->name());
    for (std::string& name : totals.RefusedBy(*options.plan)) {
      report.add_refused_operations(std::move(name));
    }
  }
  if (options.available.has_value()) {
    *report.mutable_available() = ToAmount(*options.available);
    *report.mutable_shortfall() =
        ToAmount(*Shortfall(totals.total(), *options.available));
  }
  if (options.budget.has_value()) {
    *report.mutable_budget() = ToAmount(*options.budget);
    *report.mutable_over_budget() =
        ToAmount(*Shortfall(totals.total(), *options.budget));
  }
  return report;
}

void PrintUsageReport(const v1::UsageReport& report, ReportFormat format,
                      std::ostream& out) {
  if (format == ReportFormat::kCsv) return PrintCsv(report, out);
  const bool markdown = format == ReportFormat::kMarkdown;
  const ReportTable table = AccountsTable(report);
  markdown ? table.PrintMarkdown(out) : table.PrintText(out);
  out << "\n";
  const char* bullet = markdown ? "- " : "";
  out << bullet << "accounts: " << report.accounts_size() << "\n";
  if (!report.plan().empty()) {
    out << bullet << "plan: " << report.plan() << ", does not allow: "
        << (report.refused_operations_size() == 0
                ? "none"
                : absl::StrJoin(report.refused_operations(), ", "))
        << "\n";
  }
  if (report.has_available()) {
    out << bullet << "available: " << report.available().credits()
        << ", shortfall: " << report.shortfall().credits() << "\n";
  }
  if (report.has_budget()) {
    out << bullet << "budget: " << report.budget().credits()
        << ", above it: " << report.over_budget().credits() << "\n";
  }
  for (const std::string& assumption : report.assumptions()) {
    out << bullet << "assumed: " << assumption << "\n";
  }
}

}  // namespace konpro
