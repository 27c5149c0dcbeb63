#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "konpro/estimate/estimator.h"
#include "konpro/report/comparison_report.h"
#include "konpro/report/internal/percent_text.h"
#include "konpro/report/internal/table.h"
#include "konpro/report/report_message.h"

namespace konpro {
namespace {

// The same operation in both; what one lacks is a line of zeros.
struct LinePair {
  SavedLine old_line;
  SavedLine new_line;
};

// Costs are not negative: their difference is in range.
Credits Change(const LinePair& pair) {
  return *CheckedSubtract(pair.new_line.cost, pair.old_line.cost);
}

std::vector<LinePair> Pairs(const SavedReport& old_report,
                            const SavedReport& new_report) {
  std::vector<LinePair> pairs;
  for (const SavedLine& line : new_report.lines) {
    const SavedLine* old_line = old_report.Find(line.operation);
    pairs.push_back({old_line == nullptr ? SavedLine{} : *old_line, line});
  }
  for (const SavedLine& line : old_report.lines) {
    if (new_report.Find(line.operation) == nullptr) {
      pairs.push_back(
          {line, SavedLine{.operation = line.operation, .unit = line.unit}});
    }
  }
  return pairs;
}

v1::DiffLine ToReport(const LinePair& pair) {
  v1::DiffLine line;
  line.set_operation(pair.new_line.operation);
  *line.mutable_old_cost() = ToAmount(pair.old_line.cost);
  *line.mutable_new_cost() = ToAmount(pair.new_line.cost);
  *line.mutable_change() = ToAmount(Change(pair));
  const auto hundredths = PercentHundredths(Change(pair), pair.old_line.cost);
  if (hundredths.has_value()) {
    line.set_percent(static_cast<double>(*hundredths) / 100);
  }
  line.set_old_jobs(pair.old_line.jobs);
  line.set_new_jobs(pair.new_line.jobs);
  line.set_old_quantity(pair.old_line.quantity);
  line.set_new_quantity(pair.new_line.quantity);
  line.set_unit(pair.new_line.unit);
  return line;
}

void ShareOutLines(const SavedReport& old_report, const SavedReport& new_report,
                   Credits change, v1::EstimateDiff& report) {
  std::vector<v1::Amount*> old_costs, new_costs, changes;
  for (v1::DiffLine& line : *report.mutable_lines()) {
    old_costs.push_back(line.mutable_old_cost());
    new_costs.push_back(line.mutable_new_cost());
    changes.push_back(line.mutable_change());
  }
  ShareOut(old_costs, old_report.total);
  ShareOut(new_costs, new_report.total);
  ShareOut(changes, change);
}

void NotePlans(const SavedReport& old_report, const SavedReport& new_report,
               v1::EstimateDiff& report) {
  if (old_report.catalog_version != new_report.catalog_version) {
    report.add_notes(absl::StrCat("prices of catalog ",
                                  old_report.catalog_version, ", then of ",
                                  new_report.catalog_version));
  }
  for (const auto& [plan, refused] : new_report.refused_by_plan) {
    const auto old_plan = old_report.refused_by_plan.find(plan);
    if (old_plan == old_report.refused_by_plan.end() ||
        old_plan->second == refused) {
      continue;
    }
    report.add_notes(
        refused.empty()
            ? absl::StrCat("plan ", plan, " allows all of it now")
            : absl::StrCat("plan ", plan, " refuses ",
                           absl::StrJoin(refused, ", "), " now, before: ",
                           old_plan->second.empty()
                               ? "nothing"
                               : absl::StrJoin(old_plan->second, ", ")));
  }
}

std::string JobsText(const v1::DiffLine& line) {
  if (line.old_jobs() == line.new_jobs()) return absl::StrCat(line.new_jobs());
  return absl::StrCat(line.old_jobs(), " -> ", line.new_jobs());
}

std::vector<std::string> Row(const v1::DiffLine& line) {
  const auto hundredths =
      PercentHundredths(Credits::FromTicks(line.change().ticks()),
                        Credits::FromTicks(line.old_cost().ticks()));
  return {line.operation(),          JobsText(line),
          line.old_cost().credits(), line.new_cost().credits(),
          SignedText(line.change()), SignedPercentText(hundredths)};
}

}  // namespace

v1::EstimateDiff ToEstimateDiff(const SavedReport& old_report,
                                const SavedReport& new_report,
                                const IncreaseLimit& limit) {
  v1::EstimateDiff report;
  report.set_old_catalog_version(old_report.catalog_version);
  report.set_new_catalog_version(new_report.catalog_version);
  for (const LinePair& pair : Pairs(old_report, new_report)) {
    *report.add_lines() = ToReport(pair);
  }
  const LinePair total = {{.jobs = old_report.jobs, .cost = old_report.total},
                          {.operation = "total",
                           .jobs = new_report.jobs,
                           .cost = new_report.total}};
  *report.mutable_total() = ToReport(total);
  ShareOutLines(old_report, new_report, Change(total), report);
  NotePlans(old_report, new_report, report);

  // What is more than any amount allows any increase.
  Credits allowed = Credits::Max();
  if (limit.credits.has_value()) {
    allowed = *limit.credits;
    report.set_max_increase(allowed.ToString());
  } else if (limit.percent.has_value()) {
    allowed = limit.percent->Of(old_report.total).value_or(Credits::Max());
    report.set_max_increase(limit.percent->ToString());
  }
  if (!report.max_increase().empty()) {
    *report.mutable_over_max_increase() =
        ToAmount(*Shortfall(Change(total), allowed));
  }
  return report;
}

void PrintDiffText(const v1::EstimateDiff& report, std::ostream& out) {
  ReportTable table({{"operation"},
                     {"jobs", ColumnAlign::kRight},
                     {"old", ColumnAlign::kRight},
                     {"new", ColumnAlign::kRight},
                     {"change", ColumnAlign::kRight},
                     {"percent", ColumnAlign::kRight}});
  for (const v1::DiffLine& line : report.lines()) table.AddRow(Row(line));
  table.AddTotal(Row(report.total()));
  table.PrintText(out);
  if (!report.max_increase().empty() || !report.notes().empty()) out << "\n";
  if (!report.max_increase().empty()) {
    out << "allowed increase: " << report.max_increase()
        << ", above it: " << report.over_max_increase().credits() << "\n";
  }
  for (const std::string& note : report.notes())
    out << "note: " << note << "\n";
}

}  // namespace konpro
