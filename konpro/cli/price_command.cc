#include "konpro/cli/price_command.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "konpro/catalog/operation.h"
#include "konpro/estimate/estimator.h"
#include "konpro/input/input_errors.h"
#include "konpro/input/input_file.h"
#include "konpro/input/usage_input.h"
#include "konpro/ledger/usage.h"
#include "konpro/report/report_json.h"
#include "konpro/report/report_line_text.h"
#include "konpro/report/report_message.h"
#include "konpro/report/table.h"
#include "proto/report.pb.h"
#include "proto/usage.pb.h"

namespace konpro::cli {
namespace {

// What one account used.
struct Tally {
  // One for each operation of the catalog, in its order.
  std::vector<EstimateLine> lines;
  Credits total;
};

// Adds up rated records; memory grows with accounts.
class Usage {
 public:
  explicit Usage(const Catalog& catalog)
      : catalog_(catalog), has_records_(catalog.operations().size()) {}

  // kOutOfRange where a sum leaves its range; nothing was added. Other errors
  // as of RateUsage(), but that a record without a price is counted.
  absl::Status Add(const v1::UsageRecord& record);

  v1::UsageReport Report() const;

  // The names of the operations with records, priced or not, that `plan` does
  // not allow; in catalog order.
  std::vector<std::string> RefusedBy(const Plan& plan) const;

  Credits total() const { return total_; }
  int64_t unpriced_records() const { return unpriced_records_; }

 private:
  size_t IndexOf(const Operation* operation) const {
    return static_cast<size_t>(operation - catalog_.operations().data());
  }

  const Catalog& catalog_;
  // By the operation's place in the catalog.
  std::vector<bool> has_records_;
  absl::flat_hash_map<std::string, Tally> accounts_;
  Credits total_;
  int64_t records_ = 0;
  int64_t unpriced_records_ = 0;
};

absl::Status Usage::Add(const v1::UsageRecord& record) {
  const absl::StatusOr<RatedUsage> rated = RateUsage(catalog_, record);
  if (!rated.ok()) {
    if (!absl::IsNotFound(rated.status())) return rated.status();
    has_records_[IndexOf(catalog_.FindOperation(record.operation()))] = true;
    ++records_;
    ++unpriced_records_;
    return absl::OkStatus();
  }
  Tally& tally = accounts_[record.account_id()];
  if (tally.lines.empty()) tally.lines.resize(catalog_.operations().size());
  EstimateLine& line = tally.lines[IndexOf(rated->operation)];
  int64_t quantity = 0;
  const std::optional<Credits> total = CheckedAdd(total_, rated->cost);
  if (!total.has_value() ||
      __builtin_add_overflow(line.quantity, rated->quantity, &quantity)) {
    return absl::OutOfRangeError(
        "the sum of all records leaves the range of "
        "64 bits");
  }
  // Costs are not negative: a line and an account are at most the total.
  line.operation = rated->operation;
  line.price = rated->price;
  line.jobs += 1;
  line.quantity = quantity;
  line.cost = *CheckedAdd(line.cost, rated->cost);
  tally.total = *CheckedAdd(tally.total, rated->cost);
  total_ = *total;
  has_records_[IndexOf(rated->operation)] = true;
  ++records_;
  return absl::OkStatus();
}

std::vector<std::string> Usage::RefusedBy(const Plan& plan) const {
  std::vector<std::string> refused;
  for (const Operation& operation : catalog_.operations()) {
    if (has_records_[IndexOf(&operation)] && !plan.Allows(operation.name)) {
      refused.push_back(operation.name);
    }
  }
  return refused;
}

v1::UsageReport Usage::Report() const {
  std::vector<std::pair<absl::string_view, const Tally*>> accounts;
  for (const auto& [id, tally] : accounts_) accounts.emplace_back(id, &tally);
  std::sort(accounts.begin(), accounts.end());
  std::vector<Credits> totals;
  for (const auto& [id, tally] : accounts) totals.push_back(tally->total);
  const std::vector<ShownCredits> shown = ShowParts(totals, Show(total_));

  v1::UsageReport report;
  report.set_catalog_version(catalog_.version());
  report.set_records(records_);
  for (size_t i = 0; i < accounts.size(); ++i) {
    const Tally& tally = *accounts[i].second;
    std::vector<EstimateLine> lines;
    for (const EstimateLine& line : tally.lines) {
      if (line.jobs > 0) lines.push_back(line);
    }
    v1::AccountUsage& account = *report.add_accounts();
    account.set_account_id(std::string(accounts[i].first));
    *account.mutable_lines() = ToReportLines(lines, shown[i],
                                             /*explain=*/false, std::nullopt);
    account.mutable_total()->set_ticks(tally.total.ticks());
    account.mutable_total()->set_credits(shown[i].ToString());
  }
  *report.mutable_total() = ToAmount(total_);
  report.add_assumptions(absl::StrCat("prices of catalog ", catalog_.version(),
                                      ", in effect when each job began"));
  report.add_assumptions(
      "records are not compared: one that is there twice is priced twice");
  if (unpriced_records_ > 0) {
    report.add_assumptions(absl::StrCat(
        "not in the total, for lack of a price when the job began: ",
        unpriced_records_, " records"));
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
                     {"records"},
                     {"quantity"},
                     {"unit"},
                     {"ticks"},
                     {"credits"}});
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

void PrintReport(const v1::UsageReport& report, ReportFormat format,
                 std::ostream& out) {
  if (format == ReportFormat::kJson) return PrintJson(report, out);
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

// `usage` against what the options ask of it.
v1::UsageReport ToReport(const Usage& usage, const Plan* plan,
                         const PriceOptions& options) {
  v1::UsageReport report = usage.Report();
  if (plan != nullptr) {
    report.set_plan(plan->name());
    for (std::string& name : usage.RefusedBy(*plan)) {
      report.add_refused_operations(std::move(name));
    }
  }
  if (options.available.has_value()) {
    *report.mutable_available() = ToAmount(*options.available);
    *report.mutable_shortfall() =
        ToAmount(*Shortfall(usage.total(), *options.available));
  }
  if (options.budget.has_value()) {
    *report.mutable_budget() = ToAmount(*options.budget);
    *report.mutable_over_budget() =
        ToAmount(*Shortfall(usage.total(), *options.budget));
  }
  return report;
}

ExitCode Verdict(const v1::UsageReport& report, const Usage& usage,
                 const PriceOptions& options, Streams streams) {
  ExitCode code = CheckAvailable(usage.total(), options.available, streams);
  const ExitCode budget = CheckBudget(usage.total(), options.budget, streams);
  if (budget != ExitCode::kOk) code = budget;
  if (report.refused_operations_size() > 0) {
    code = ExitCode::kNotAllowed;
    PrintReason(streams,
                absl::StrCat("plan ", report.plan(), " does not allow ",
                             absl::StrJoin(report.refused_operations(), ", ")));
  }
  if (usage.unpriced_records() > 0) {
    code = ExitCode::kNotAllowed;
    PrintReason(streams, absl::StrCat("no price for ", usage.unpriced_records(),
                                      " records"));
  }
  return code;
}

}  // namespace

ExitCode RunPrice(const PriceOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = LoadCatalog(options.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  const Plan* const plan = catalog->FindPlan(options.plan);
  if (plan == nullptr && !options.plan.empty()) {
    PrintReason(
        streams,
        absl::StrCat("--plan: ", catalog->UnknownPlan(options.plan).message()));
    return ExitCode::kBadInput;
  }
  Usage usage(*catalog);
  InputErrors errors(options.file, streams.err);
  InputFile input(options.file, streams.in, streams.progress);
  ReadUsageRecords(
      input, options.form, errors,
      [&](const v1::UsageRecord& record) { return usage.Add(record); });
  errors.Finish();
  if (!errors.none()) return ExitCode::kBadInput;

  const v1::UsageReport report = ToReport(usage, plan, options);
  PrintReport(report, options.format, streams.out);
  return Verdict(report, usage, options, streams);
}

}  // namespace konpro::cli
