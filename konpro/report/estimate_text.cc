#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "konpro/report/estimate_report.h"
#include "konpro/report/internal/plan_text.h"
#include "konpro/report/internal/report_line_text.h"
#include "konpro/report/internal/table.h"

namespace konpro {
namespace {

bool HasUncertain(const v1::Estimate& report) {
  return std::any_of(
      report.lines().begin(), report.lines().end(),
      [](const v1::ReportLine& line) { return line.has_uncertain_jobs(); });
}

// Whether a line's figures are known, or those that are likely.
std::string Basis(const v1::ReportLine& line) {
  return line.has_uncertain_jobs() ? "likely" : "exact";
}

ReportTable LinesTable(const v1::Estimate& report) {
  const bool uncertain = HasUncertain(report);
  std::vector<ReportTable::Column> columns = {{"operation"},
                                              {"jobs", ColumnAlign::kRight},
                                              {"quantity", ColumnAlign::kRight},
                                              {"credits", ColumnAlign::kRight}};
  if (uncertain) columns.insert(columns.begin() + 3, {"basis"});
  ReportTable table(columns);
  const auto row = [&](std::vector<std::string> cells, std::string basis) {
    if (uncertain) cells.insert(cells.begin() + 3, std::move(basis));
    return cells;
  };
  for (const v1::ReportLine& line : report.lines()) {
    table.AddRow(
        row({line.operation(), absl::StrCat(line.jobs()), QuantityText(line),
             line.has_cost() ? line.cost().credits() : "no price"},
            Basis(line)));
  }
  table.AddTotal(row(
      {"total", absl::StrCat(report.requests()), "", report.total().credits()},
      "likely"));
  return table;
}

using Facts = std::vector<std::string>;

// What the work costs, after `prefix`.
Facts CostFacts(const v1::Estimate& report, bool one_shortfall,
                const std::string& prefix) {
  Facts facts;
  if (report.has_range()) {
    const v1::TotalRange& range = report.range();
    facts.push_back(absl::StrCat(
        prefix, "range of the total: P10 ", range.p10().credits(), ", P50 ",
        range.p50().credits(), ", P90 ", range.p90().credits(), " (",
        range.samples(), " samples, seed ", range.seed(), ")"));
  }
  if (report.has_available()) {
    facts.push_back(
        absl::StrCat(prefix, "available: ", report.available().credits(),
                     one_shortfall ? ", shortfall: " : "",
                     one_shortfall ? report.shortfall().credits() : ""));
  }
  if (report.has_budget()) {
    facts.push_back(
        absl::StrCat(prefix, "budget: ", report.budget().credits(),
                     ", above it: ", report.over_budget().credits()));
    if (report.range().has_probability_within_budget()) {
      facts.back() +=
          absl::StrFormat(", kept in %.1f%% of samples",
                          report.range().probability_within_budget() * 100);
    }
  }
  return facts;
}

// Everything below the tables.
Facts AllFacts(absl::Span<const v1::Estimate> reports,
               const v1::Recommendation* recommendation, bool explain) {
  const bool one_shortfall = reports.size() == 1 || !reports[0].has_expiring();
  Facts facts = {absl::StrCat("requests: ", reports[0].requests())};
  const auto add = [&](std::string fact) {
    if (std::find(facts.begin(), facts.end(), fact) == facts.end()) {
      facts.push_back(std::move(fact));
    }
  };
  if (reports[0].plan().empty()) {
    add(absl::StrCat("plans that allow all of it: ",
                     reports[0].allowed_plans_size() == 0
                         ? "none"
                         : absl::StrJoin(reports[0].allowed_plans(), ", ")));
  }
  const bool differ = TotalsDiffer(reports);
  for (const v1::Estimate& report :
       reports.subspan(0, differ ? reports.size() : 1)) {
    for (std::string& fact :
         CostFacts(report, one_shortfall,
                   differ ? absl::StrCat(report.plan(), ": ") : "")) {
      add(std::move(fact));
    }
  }
  if (reports[0].has_deadline()) {
    add(absl::StrCat("deadline: ", reports[0].deadline().at()));
  }
  for (const v1::Estimate& report : reports) {
    for (std::string& fact : PlanFacts(report)) add(std::move(fact));
  }
  if (recommendation != nullptr) {
    const std::string& cheapest = recommendation->cheapest();
    const std::string& fastest = recommendation->fastest();
    add(absl::StrCat("cheapest: ", cheapest.empty() ? "none" : cheapest,
                     ", fastest: ", fastest.empty() ? "none" : fastest));
    add(absl::StrCat("because ", recommendation->reason()));
  }
  for (const v1::Estimate& report : reports) {
    for (const std::string& assumption : report.assumptions()) {
      add(absl::StrCat("assumed: ", assumption));
    }
  }
  if (!explain) return facts;
  for (const v1::Estimate& report : reports) {
    for (const v1::ReportLine& line : report.lines()) {
      if (line.has_explanation()) add(ExplanationText(line));
    }
    for (const v1::PricePeriod& period : report.price_periods()) {
      for (const v1::ReportLine& line : period.lines()) {
        if (!line.has_explanation()) continue;
        add(absl::StrCat(report.plan(), ": ", ExplanationText(line)));
      }
    }
  }
  return facts;
}

// How the cost of `line` comes about; by each price list, if there are several.
std::string LineExplanation(const v1::Estimate& report,
                            const v1::ReportLine& line) {
  if (line.has_explanation()) return ExplanationText(line);
  Facts texts;
  for (const v1::PricePeriod& period : report.price_periods()) {
    for (const v1::ReportLine& part : period.lines()) {
      if (part.operation() != line.operation() || !part.has_explanation()) {
        continue;
      }
      texts.push_back(ExplanationText(part));
    }
  }
  return absl::StrJoin(texts, ". ");
}

// If some quantities are uncertain, a column says what figures are based on,
// and the range of the total follows the total.
void PrintCsv(absl::Span<const v1::Estimate> reports, bool explain,
              std::ostream& out) {
  const bool uncertain = reports[0].has_range();
  std::vector<ReportTable::Column> columns = {{"plan"},
                                              {"operation"},
                                              {"jobs", ColumnAlign::kRight},
                                              {"quantity", ColumnAlign::kRight},
                                              {"unit"},
                                              {"ticks", ColumnAlign::kRight},
                                              {"credits", ColumnAlign::kRight}};
  if (uncertain) columns.push_back({"basis"});
  if (explain) columns.push_back({"explanation"});
  ReportTable table(columns);
  const auto add = [&](std::vector<std::string> row, std::string basis,
                       std::string explanation) {
    if (uncertain) row.push_back(std::move(basis));
    if (explain) row.push_back(std::move(explanation));
    table.AddRow(std::move(row));
  };
  for (const v1::Estimate& report : reports) {
    for (const v1::ReportLine& line : report.lines()) {
      add({report.plan(), line.operation(), absl::StrCat(line.jobs()),
           absl::StrCat(line.quantity()), line.unit(),
           line.has_cost() ? absl::StrCat(line.cost().ticks()) : "",
           line.has_cost() ? line.cost().credits() : ""},
          Basis(line), LineExplanation(report, line));
    }
    const auto add_total = [&](const char* name, const v1::Amount& amount,
                               const char* basis) {
      add({report.plan(), name, absl::StrCat(report.requests()), "", "",
           absl::StrCat(amount.ticks()), amount.credits()},
          basis, "");
    };
    add_total("total", report.total(), "likely");
    if (!uncertain) continue;
    add_total("total_p10", report.range().p10(), "range");
    add_total("total_p50", report.range().p50(), "range");
    add_total("total_p90", report.range().p90(), "range");
  }
  table.PrintCsv(out);
}

}  // namespace

void PrintEstimate(absl::Span<const v1::Estimate> reports,
                   const v1::Recommendation* recommendation,
                   ReportFormat format, bool explain, std::ostream& out) {
  if (format == ReportFormat::kCsv) return PrintCsv(reports, explain, out);
  const bool markdown = format == ReportFormat::kMarkdown;
  const auto print = [&](const ReportTable& table) {
    markdown ? table.PrintMarkdown(out) : table.PrintText(out);
    out << "\n";
  };
  if (TotalsDiffer(reports)) {
    for (const v1::Estimate& report : reports) {
      out << (markdown ? "**" : "") << report.plan() << (markdown ? "**" : "")
          << "\n\n";
      print(LinesTable(report));
    }
  } else {
    print(LinesTable(reports[0]));
  }
  if (!reports[0].plan().empty()) print(EstimatePlansTable(reports));
  for (const std::string& fact : AllFacts(reports, recommendation, explain)) {
    out << (markdown ? "- " : "") << fact << "\n";
  }
}

}  // namespace konpro
