#include "konpro/cli/estimate_command.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "konpro/cli/estimate_html.h"
#include "konpro/cli/input.h"
#include "konpro/cli/table.h"
#include "konpro/estimator.h"
#include "konpro/internal/name.h"

namespace konpro::cli {
namespace {

// The plans to report on; empty for no plan in particular.
std::vector<const Plan*> PlansToReport(const std::string& name,
                                       const Catalog& catalog) {
  std::vector<const Plan*> plans;
  for (const Plan& plan : catalog.plans()) {
    if (name == "all" || name == plan.name()) plans.push_back(&plan);
  }
  return plans;
}

// What an estimate says whatever the plan.
v1::Estimate ToEstimate(const Estimator& estimator, const Catalog& catalog,
                        const EstimateOptions& options,
                        const std::vector<std::string>& ignored_columns) {
  v1::Estimate report;
  report.set_catalog_version(catalog.version());
  *report.mutable_total() = ToAmount(estimator.total());
  report.set_requests(estimator.requests());
  const std::vector<EstimateLine> lines = estimator.Lines();
  *report.mutable_lines() =
      ToReportLines(lines, Show(estimator.total()), options.explain,
                    estimator.prices_since());
  for (const EstimateLine& line : lines) {
    if (line.price == nullptr) {
      report.add_unpriced_operations(line.operation->name);
    }
  }
  for (const Plan& plan : catalog.plans()) {
    if (estimator.RefusedBy(plan).empty()) {
      report.add_allowed_plans(plan.name());
    }
  }
  report.set_allowed(report.allowed_plans_size() > 0);
  if (options.available.has_value()) {
    *report.mutable_available() = ToAmount(*options.available);
    *report.mutable_shortfall() =
        ToAmount(*Shortfall(estimator.total(), *options.available));
  }
  if (options.budget.has_value()) {
    *report.mutable_budget() = ToAmount(*options.budget);
    *report.mutable_over_budget() =
        ToAmount(*Shortfall(estimator.total(), *options.budget));
  }
  report.add_assumptions("each job is one request");
  report.add_assumptions(
      estimator.prices_since().has_value()
          ? absl::StrCat("prices of catalog ", catalog.version(),
                         ", in effect ",
                         PriceVersion(*estimator.prices_since()))
          : absl::StrCat("catalog ", catalog.version(),
                         " has no prices at that time"));
  if (report.unpriced_operations_size() > 0) {
    report.add_assumptions(
        absl::StrCat("not in the total, for lack of a price: ",
                     absl::StrJoin(report.unpriced_operations(), ", ")));
  }
  if (!ignored_columns.empty()) {
    report.add_assumptions(absl::StrCat(
        "columns that were not read: ",
        absl::StrJoin(ignored_columns, ", ",
                      [](std::string* out, const std::string& column) {
                        *out += internal::Quoted(column);
                      })));
  }
  return report;
}

v1::Estimate ForPlan(const v1::Estimate& estimate, const Estimator& estimator,
                     const Plan& plan) {
  v1::Estimate report = estimate;
  report.set_plan(plan.name());
  report.clear_allowed_plans();
  for (const Operation* operation : estimator.RefusedBy(plan)) {
    report.add_refused_operations(operation->name);
  }
  report.set_allowed(report.refused_operations_size() == 0);
  if (!plan.has_windows()) {
    report.add_assumptions(
        absl::StrCat(plan.name(),
                     " has no request limits of its own: an account on it must "
                     "be given them before anything is admitted"));
  }
  return report;
}

Table LinesTable(const v1::Estimate& report) {
  Table table({{"operation"},
               {"jobs", Align::kRight},
               {"quantity", Align::kRight},
               {"credits", Align::kRight}});
  for (const v1::ReportLine& line : report.lines()) {
    table.AddRow({line.operation(), absl::StrCat(line.jobs()),
                  QuantityText(line),
                  line.has_cost() ? line.cost().credits() : "no price"});
  }
  table.AddTotal(
      {"total", absl::StrCat(report.requests()), "", report.total().credits()});
  return table;
}

std::string RequestsText(const Plan& plan) {
  std::vector<std::string> texts;
  for (const RateWindow& window : plan.windows()) {
    texts.push_back(absl::StrCat(window.limit(), " per ", window.name()));
  }
  return texts.empty() ? "given per account" : absl::StrJoin(texts, ", ");
}

Table PlansTable(const std::vector<v1::Estimate>& reports,
                 const std::vector<const Plan*>& plans) {
  Table table({{"plan"}, {"allowed"}, {"requests"}});
  for (size_t i = 0; i < plans.size(); ++i) {
    table.AddRow(
        {plans[i]->name(),
         reports[i].allowed()
             ? "yes"
             : absl::StrCat("no: ", absl::StrJoin(
                                        reports[i].refused_operations(), ", ")),
         RequestsText(*plans[i])});
  }
  return table;
}

// Everything below the tables: `bullet` before each line.
void PrintFacts(const v1::Estimate& report, bool explain,
                absl::string_view bullet, std::ostream& out) {
  const auto fact = [&](absl::string_view text) {
    out << bullet << text << "\n";
  };
  fact(absl::StrCat("requests: ", report.requests()));
  if (report.plan().empty()) {
    fact(absl::StrCat("plans that allow all of it: ",
                      report.allowed_plans_size() == 0
                          ? "none"
                          : absl::StrJoin(report.allowed_plans(), ", ")));
  }
  if (report.has_available()) {
    fact(absl::StrCat("available: ", report.available().credits(),
                      ", shortfall: ", report.shortfall().credits()));
  }
  if (report.has_budget()) {
    fact(absl::StrCat("budget: ", report.budget().credits(),
                      ", above it: ", report.over_budget().credits()));
  }
  for (const std::string& assumption : report.assumptions()) {
    fact(absl::StrCat("assumed: ", assumption));
  }
  if (!explain) return;
  for (const v1::ReportLine& line : report.lines()) {
    if (line.has_cost()) fact(ExplanationText(line));
  }
}

void PrintCsv(const std::vector<v1::Estimate>& reports, bool explain,
              std::ostream& out) {
  std::vector<Table::Column> columns = {{"plan"},     {"operation"}, {"jobs"},
                                        {"quantity"}, {"unit"},      {"ticks"},
                                        {"credits"}};
  if (explain) columns.push_back({"explanation"});
  Table table(columns);
  for (const v1::Estimate& report : reports) {
    for (const v1::ReportLine& line : report.lines()) {
      std::vector<std::string> row = {
          report.plan(),
          line.operation(),
          absl::StrCat(line.jobs()),
          absl::StrCat(line.quantity()),
          line.unit(),
          line.has_cost() ? absl::StrCat(line.cost().ticks()) : "",
          line.has_cost() ? line.cost().credits() : ""};
      if (explain) row.push_back(line.has_cost() ? ExplanationText(line) : "");
      table.AddRow(row);
    }
    std::vector<std::string> total = {report.plan(),
                                      "total",
                                      absl::StrCat(report.requests()),
                                      "",
                                      "",
                                      absl::StrCat(report.total().ticks()),
                                      report.total().credits()};
    if (explain) total.push_back("");
    table.AddRow(total);
  }
  table.PrintCsv(out);
}

void PrintReport(const std::vector<v1::Estimate>& reports,
                 const std::vector<const Plan*>& plans,
                 const EstimateOptions& options, std::ostream& out) {
  if (options.format == Format::kJson) {
    if (options.plan != "all") return PrintJson(reports[0], out);
    v1::Estimates all;
    for (const v1::Estimate& report : reports) *all.add_plans() = report;
    return PrintJson(all, out);
  }
  if (options.format == Format::kHtml) {
    v1::Estimates all;
    EstimatePage page = {.source = options.file};
    for (size_t i = 0; i < reports.size(); ++i) {
      *all.add_plans() = reports[i];
      page.plans.push_back(
          {.limits = plans.empty() ? "" : RequestsText(*plans[i])});
    }
    return PrintHtml(all, page, out);
  }
  if (options.format == Format::kCsv) {
    return PrintCsv(reports, options.explain, out);
  }
  const bool markdown = options.format == Format::kMarkdown;
  const auto print = [&](const Table& table) {
    markdown ? table.PrintMarkdown(out) : table.PrintText(out);
    out << "\n";
  };
  print(LinesTable(reports[0]));
  if (!plans.empty()) print(PlansTable(reports, plans));
  PrintFacts(reports[0], options.explain, markdown ? "- " : "", out);
  // What the other plans assume besides.
  for (size_t i = 1; i < reports.size(); ++i) {
    for (const std::string& assumption : reports[i].assumptions()) {
      const auto& said = reports[0].assumptions();
      if (std::find(said.begin(), said.end(), assumption) == said.end()) {
        out << (markdown ? "- " : "") << "assumed: " << assumption << "\n";
      }
    }
  }
}

ExitCode Verdict(const std::vector<v1::Estimate>& reports,
                 const Estimator& estimator, const EstimateOptions& options,
                 Streams streams) {
  ExitCode code = ExitCode::kOk;
  if (options.available.has_value() && estimator.total() > *options.available) {
    code = ExitCode::kOverAvailable;
    PrintReason(streams,
                absl::StrCat("not covered: need ", estimator.total().ToString(),
                             ", available ", options.available->ToString(),
                             ", short ", reports[0].shortfall().credits()));
  }
  const ExitCode budget =
      CheckBudget(estimator.total(), options.budget, streams);
  if (budget != ExitCode::kOk) code = budget;
  const bool allowed =
      std::any_of(reports.begin(), reports.end(),
                  [](const v1::Estimate& report) { return report.allowed(); });
  if (!allowed) {
    code = ExitCode::kNotAllowed;
    const auto& refused = reports[0].refused_operations();
    PrintReason(streams, reports.size() > 1 || reports[0].plan().empty()
                             ? "no plan allows all of it"
                             : absl::StrCat("plan ", reports[0].plan(),
                                            " does not allow ",
                                            absl::StrJoin(refused, ", ")));
  }
  if (reports[0].unpriced_operations_size() > 0) {
    code = ExitCode::kNotAllowed;
    PrintReason(
        streams,
        absl::StrCat("no price for ",
                     absl::StrJoin(reports[0].unpriced_operations(), ", ")));
  }
  return code;
}

}  // namespace

ExitCode RunEstimate(const EstimateOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = LoadCatalog(options.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  const std::vector<const Plan*> plans = PlansToReport(options.plan, *catalog);
  if (plans.empty() && !options.plan.empty()) {
    PrintReason(
        streams,
        absl::StrCat("--plan: ", catalog->UnknownPlan(options.plan).message()));
    return ExitCode::kBadInput;
  }
  if (!options.columns.unit.empty()) {
    const absl::Status status =
        FindColumnUnit(options.columns.unit, *catalog).status();
    if (!status.ok()) {
      PrintReason(streams, absl::StrCat("--unit: ", status.message()));
      return ExitCode::kBadInput;
    }
  }

  Estimator estimator(*catalog, options.at);
  InputErrors errors(options.file, streams.err);
  Input input(options.file, streams.in, streams.progress);
  const std::vector<std::string> ignored =
      ReadManifest(input, options.columns, *catalog, errors,
                   [&](const Job& job) { return estimator.Add(job); });
  errors.Finish();
  if (!errors.none()) return ExitCode::kBadInput;

  const v1::Estimate estimate =
      ToEstimate(estimator, *catalog, options, ignored);
  std::vector<v1::Estimate> reports;
  for (const Plan* plan : plans) {
    reports.push_back(ForPlan(estimate, estimator, *plan));
  }
  if (plans.empty()) reports.push_back(estimate);
  PrintReport(reports, plans, options, streams.out);
  return Verdict(reports, estimator, options, streams);
}

}  // namespace konpro::cli
