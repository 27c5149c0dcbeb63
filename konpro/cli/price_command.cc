#include "konpro/cli/price_command.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "konpro/cli/input.h"
#include "konpro/cli/table.h"
#include "konpro/cli/usage_input.h"
#include "konpro/usage.h"
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
  explicit Usage(const Catalog& catalog) : catalog_(catalog) {}

  // kOutOfRange where a sum leaves its range; nothing was added. Other errors
  // as of RateUsage(), but that a record without a price is counted.
  absl::Status Add(const v1::UsageRecord& record);

  v1::UsageReport Report() const;

  Credits total() const { return total_; }
  int64_t unpriced_records() const { return unpriced_records_; }

 private:
  const Catalog& catalog_;
  absl::flat_hash_map<std::string, Tally> accounts_;
  Credits total_;
  int64_t records_ = 0;
  int64_t unpriced_records_ = 0;
};

absl::Status Usage::Add(const v1::UsageRecord& record) {
  const absl::StatusOr<RatedUsage> rated = RateUsage(catalog_, record);
  if (!rated.ok()) {
    if (!absl::IsNotFound(rated.status())) return rated.status();
    ++records_;
    ++unpriced_records_;
    return absl::OkStatus();
  }
  Tally& tally = accounts_[record.account_id()];
  if (tally.lines.empty()) tally.lines.resize(catalog_.operations().size());
  EstimateLine& line =
      tally.lines[rated->operation - catalog_.operations().data()];
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
  ++records_;
  return absl::OkStatus();
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

Table AccountsTable(const v1::UsageReport& report) {
  Table table({{"account"},
               {"operation"},
               {"records", Align::kRight},
               {"quantity", Align::kRight},
               {"credits", Align::kRight}});
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
  Table table({{"account_id"},
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

void PrintReport(const v1::UsageReport& report, Format format,
                 std::ostream& out) {
  if (format == Format::kJson) return PrintJson(report, out);
  if (format == Format::kCsv) return PrintCsv(report, out);
  const bool markdown = format == Format::kMarkdown;
  const Table table = AccountsTable(report);
  markdown ? table.PrintMarkdown(out) : table.PrintText(out);
  out << "\n";
  const char* bullet = markdown ? "- " : "";
  out << bullet << "accounts: " << report.accounts_size() << "\n";
  if (report.has_budget()) {
    out << bullet << "budget: " << report.budget().credits()
        << ", above it: " << report.over_budget().credits() << "\n";
  }
  for (const std::string& assumption : report.assumptions()) {
    out << bullet << "assumed: " << assumption << "\n";
  }
}

}  // namespace

ExitCode RunPrice(const PriceOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = LoadCatalog(options.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  Usage usage(*catalog);
  InputErrors errors(options.file, streams.err);
  Input input(options.file, streams.in, streams.progress);
  ReadUsageRecords(
      input, options.form, errors,
      [&](const v1::UsageRecord& record) { return usage.Add(record); });
  errors.Finish();
  if (!errors.none()) return ExitCode::kBadInput;

  v1::UsageReport report = usage.Report();
  if (options.budget.has_value()) {
    *report.mutable_budget() = ToAmount(*options.budget);
    *report.mutable_over_budget() =
        ToAmount(*Shortfall(usage.total(), *options.budget));
  }
  PrintReport(report, options.format, streams.out);
  const ExitCode code = CheckBudget(usage.total(), options.budget, streams);
  if (usage.unpriced_records() == 0) return code;
  PrintReason(streams, absl::StrCat("no price for ", usage.unpriced_records(),
                                    " records"));
  return ExitCode::kNotAllowed;
}

}  // namespace konpro::cli
