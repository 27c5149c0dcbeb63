#include "konpro/cli/estimate_command.h"

#include <algorithm>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/operation.h"
#include "konpro/cli/estimate_html.h"
#include "konpro/cli/plan_report.h"
#include "konpro/cli/schedule_file.h"
#include "konpro/estimate/estimator.h"
#include "konpro/estimate/uncertainty.h"
#include "konpro/input/input_errors.h"
#include "konpro/input/input_file.h"
#include "konpro/limits/schedule.h"
#include "konpro/report/report_json.h"
#include "konpro/report/report_line_text.h"
#include "konpro/report/report_message.h"
#include "konpro/report/table.h"
#include "proto/report.pb.h"

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

absl::Status Wrong(absl::string_view option, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(option, ": ", what));
}

absl::Status CheckUsed(const EstimateOptions& options,
                       const std::vector<const Plan*>& plans) {
  for (size_t i = 0; i < options.used.size(); ++i) {
    const auto& [window, used] = options.used[i];
    for (size_t k = 0; k < i; ++k) {
      if (options.used[k].first != window) continue;
      return Wrong("--used", absl::StrCat("window ", internal::Quoted(window),
                                          " is there twice"));
    }
    std::vector<absl::string_view> names;
    for (const Plan* plan : plans) {
      for (const RateWindow& w : plan->windows()) names.push_back(w.name());
    }
    if (std::find(names.begin(), names.end(), window) == names.end()) {
      return Wrong("--used",
                   absl::StrCat("no window is named ", internal::Quoted(window),
                                internal::Suggestion(window, names)));
    }
  }
  return absl::OkStatus();
}

// What must hold before the manifest is read.
absl::Status CheckOptions(const EstimateOptions& options,
                          const Catalog& catalog,
                          const std::vector<const Plan*>& plans) {
  if (plans.empty() && !options.plan.empty()) {
    return Wrong("--plan", catalog.UnknownPlan(options.plan).message());
  }
  if (!options.columns.unit.empty()) {
    const absl::Status status =
        FindColumnUnit(options.columns.unit, catalog).status();
    if (!status.ok()) return Wrong("--unit", status.message());
  }
  if (options.start < absl::UnixEpoch() ||
      options.start >= UnixNanos::Max().ToTime()) {
    return Wrong("--start", "is outside 1970-01-01 .. 2262-04-11");
  }
  Credits sum;
  bool expires = false;
  for (const ExpiringCredits& credits : options.available) {
    const std::optional<Credits> more = CheckedAdd(sum, credits.amount);
    if (!more.has_value()) {
      return Wrong("--available", "the sum leaves the range of 64 bits");
    }
    sum = *more;
    expires |= credits.expires_at != UnixNanos::Max();
  }
  const bool has_deadline =
      options.deadline.has_value() || options.deadline_after.has_value();
  const std::pair<const char*, bool> kWithPlan[] = {
      {"--deadline", has_deadline},
      {"--used", !options.used.empty()},
      {"--available with an expiry", expires}};
  for (const auto& [option, is_given] : kWithPlan) {
    if (!is_given || !plans.empty()) continue;
    return Wrong(option, "say for which plan, or --plan=all");
  }
  if (options.deadline.has_value() && *options.deadline < options.start) {
    return Wrong("--deadline", "is before the start");
  }
  if (!options.schedule_file.empty()) {
    if (options.plan.empty() || options.plan == "all") {
      return Wrong("--schedule", "say for which plan by --plan=NAME");
    }
    if (!plans[0]->has_windows()) {
      return Wrong("--schedule", absl::StrCat("plan ", plans[0]->name(),
                                              " has no request limits of its "
                                              "own, so there is no schedule"));
    }
  }
  return CheckUsed(options, plans);
}

PlanQuestion ToQuestion(const EstimateOptions& options) {
  PlanQuestion question = {.start = UnixNanos::FromTime(options.start),
                           .available = options.available};
  for (const auto& [window, used] : options.used) {
    question.used.push_back({window, used});
  }
  if (options.deadline.has_value()) {
    question.deadline = UnixNanos::FromTime(*options.deadline);
  } else if (options.deadline_after.has_value()) {
    question.deadline =
        UnixNanos::FromTime(options.start + *options.deadline_after);
  }
  return question;
}

// Everything that one pass over the manifest finds out.
class Totals {
 public:
  // Both must outlive it.
  Totals(const Catalog& catalog, const EstimateOptions& options,
         const PlanQuestion& question)
      : estimator_(catalog, options.at),
        comparison_(catalog, question),
        first_operation_(catalog.operations().data()),
        uncertain_jobs_(catalog.operations().size()) {
    const PriceList* prices = catalog.PricesAt(options.at);
    for (const Operation& operation : catalog.operations()) {
      prices_.push_back(prices == nullptr ? nullptr
                                          : prices->Find(operation.name));
    }
  }

  absl::Status Add(const ManifestRow& row) {
    absl::Status status = estimator_.Add(row.job);
    if (!status.ok()) return status;
    const auto index =
        static_cast<size_t>(row.job.operation - first_operation_);
    const Price* price = prices_[index];
    // The estimator has added up the very costs, and requests: they fit.
    comparison_.Add(row.job.jobs, price == nullptr
                                      ? Credits()
                                      : *price->CostOf(row.job.quantity));
    if (estimator_.requests() > static_cast<int64_t>(Schedule::kRequestsMax)) {
      return absl::OutOfRangeError("more than 2^60 requests");
    }
    if (!row.range.has_value()) return absl::OkStatus();
    uncertain_jobs_[index] += row.job.jobs;
    return price == nullptr ? absl::OkStatus()
                            : uncertain_.Add(*price, *row.range, row.job.jobs);
  }

  const Estimator& estimator() const { return estimator_; }
  const UncertainTotal& uncertain() const { return uncertain_; }
  PlanComparison& comparison() { return comparison_; }
  int64_t UncertainJobs(const Operation& operation) const {
    return uncertain_jobs_[static_cast<size_t>(&operation - first_operation_)];
  }

  // Of the total; what is certain is what the uncertain jobs do not cost.
  absl::StatusOr<TotalRange> Range(const EstimateOptions& options) const {
    return uncertain_.Range(
        {.certain = *CheckedSubtract(estimator_.total(), uncertain_.likely()),
         .budget = options.budget,
         .seed = options.seed,
         .samples = kSamples});
  }

  static constexpr int kSamples = 10'000;

 private:
  Estimator estimator_;
  UncertainTotal uncertain_;
  PlanComparison comparison_;
  const Operation* first_operation_;
  // One for each operation of the catalog, as the next.
  std::vector<const Price*> prices_;
  std::vector<int64_t> uncertain_jobs_;
};

void DescribeRange(const TotalRange& range, uint64_t seed,
                   v1::TotalRange& out) {
  *out.mutable_p10() = ToAmount(range.p10);
  *out.mutable_p50() = ToAmount(range.p50);
  *out.mutable_p90() = ToAmount(range.p90);
  if (range.within_budget.has_value()) {
    out.set_probability_within_budget(*range.within_budget);
  }
  out.set_samples(Totals::kSamples);
  out.set_seed(absl::StrCat(seed));
}

void DescribeCredits(const EstimateOptions& options, Credits total,
                     v1::Estimate& report) {
  if (!options.available.empty()) {
    Credits available;
    for (const ExpiringCredits& credits : options.available) {
      available = *CheckedAdd(available, credits.amount);
    }
    *report.mutable_available() = ToAmount(available);
    *report.mutable_shortfall() = ToAmount(*Shortfall(total, available));
  }
  if (options.budget.has_value()) {
    *report.mutable_budget() = ToAmount(*options.budget);
    *report.mutable_over_budget() =
        ToAmount(*Shortfall(total, *options.budget));
  }
}

// What an estimate says whatever the plan.
v1::Estimate ToEstimate(const Totals& totals, const Catalog& catalog,
                        const EstimateOptions& options,
                        const std::vector<std::string>& ignored_columns) {
  const Estimator& estimator = totals.estimator();
  v1::Estimate report;
  report.set_catalog_version(catalog.version());
  *report.mutable_total() = ToAmount(estimator.total());
  report.set_requests(estimator.requests());
  const std::vector<EstimateLine> lines = estimator.Lines();
  *report.mutable_lines() =
      ToReportLines(lines, Show(estimator.total()), options.explain,
                    estimator.prices_since());
  for (size_t i = 0; i < lines.size(); ++i) {
    const Operation& operation = *lines[i].operation;
    if (lines[i].price == nullptr) {
      report.add_unpriced_operations(operation.name);
    }
    if (totals.UncertainJobs(operation) > 0) {
      report.mutable_lines(static_cast<int>(i))
          ->set_uncertain_jobs(totals.UncertainJobs(operation));
    }
  }
  for (const Plan& plan : catalog.plans()) {
    if (estimator.RefusedBy(plan).empty()) {
      report.add_allowed_plans(plan.name());
    }
  }
  report.set_allowed(report.allowed_plans_size() > 0);
  DescribeCredits(options, estimator.total(), report);
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
  if (totals.uncertain().jobs() > 0) {
    report.add_assumptions(absl::StrCat(
        "quantities of ", totals.uncertain().jobs(),
        " jobs are uncertain: lines and total take the likely one; for the "
        "range each job is drawn by itself, triangular from low to high"));
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
                     const PlanComparison& comparison, const Plan& plan) {
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
  const PlanQuestion& question = comparison.question();
  report.add_assumptions(absl::StrCat(
      "requests go out from ", internal::FormatRfc3339(question.start.ToTime()),
      " on, each as soon as the plan admits it",
      question.used.empty() ? "" : "; used by then: ",
      absl::StrJoin(question.used, ", ",
                    [](std::string* out, const WindowUse& use) {
                      absl::StrAppend(out, use.window, " ", use.used);
                    })));
  if (question.has_expiring()) {
    report.add_assumptions(
        "jobs run in their order here; each draws on the credits that expire "
        "the soonest, as its request goes out");
  }
  DescribePlan(comparison, plan, report);
  return report;
}

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

// What is true whatever the plan.
Facts CostFacts(const v1::Estimate& report, bool one_shortfall) {
  Facts facts = {absl::StrCat("requests: ", report.requests())};
  if (report.plan().empty()) {
    facts.push_back(
        absl::StrCat("plans that allow all of it: ",
                     report.allowed_plans_size() == 0
                         ? "none"
                         : absl::StrJoin(report.allowed_plans(), ", ")));
  }
  if (report.has_range()) {
    const v1::TotalRange& range = report.range();
    facts.push_back(absl::StrCat(
        "range of the total: P10 ", range.p10().credits(), ", P50 ",
        range.p50().credits(), ", P90 ", range.p90().credits(), " (",
        range.samples(), " samples, seed ", range.seed(), ")"));
  }
  if (report.has_available()) {
    facts.push_back(
        absl::StrCat("available: ", report.available().credits(),
                     one_shortfall ? ", shortfall: " : "",
                     one_shortfall ? report.shortfall().credits() : ""));
  }
  if (report.has_budget()) {
    facts.push_back(
        absl::StrCat("budget: ", report.budget().credits(),
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
Facts AllFacts(const std::vector<v1::Estimate>& reports,
               const v1::Recommendation* recommendation,
               const EstimateOptions& options) {
  const bool one_shortfall = reports.size() == 1 || !reports[0].has_expiring();
  Facts facts = CostFacts(reports[0], one_shortfall);
  const auto add = [&](std::string fact) {
    if (std::find(facts.begin(), facts.end(), fact) == facts.end()) {
      facts.push_back(std::move(fact));
    }
  };
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
  if (!options.explain) return facts;
  for (const v1::ReportLine& line : reports[0].lines()) {
    if (line.has_cost()) add(ExplanationText(line));
  }
  return facts;
}

// With a column of what figures are based on where some are uncertain, and the
// range of the total behind the total.
void PrintCsv(const std::vector<v1::Estimate>& reports, bool explain,
              std::ostream& out) {
  const bool uncertain = reports[0].has_range();
  std::vector<ReportTable::Column> columns = {
      {"plan"}, {"operation"}, {"jobs"},   {"quantity"},
      {"unit"}, {"ticks"},     {"credits"}};
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
          Basis(line), line.has_cost() ? ExplanationText(line) : "");
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

v1::Estimates ToEstimates(const std::vector<v1::Estimate>& reports,
                          const v1::Recommendation* recommendation) {
  v1::Estimates all;
  for (const v1::Estimate& report : reports) *all.add_plans() = report;
  if (recommendation != nullptr) {
    *all.mutable_recommendation() = *recommendation;
  }
  return all;
}

std::string LimitsText(const Plan& plan) {
  std::vector<std::string> texts;
  for (const RateWindow& window : plan.windows()) {
    texts.push_back(absl::StrCat(window.limit(), " per ", window.name()));
  }
  return texts.empty() ? "given per account" : absl::StrJoin(texts, ", ");
}

// What a page shows beside `reports`, which are of `plans`.
EstimatePage ToPage(const std::vector<v1::Estimate>& reports,
                    const std::vector<const Plan*>& plans,
                    const PlanComparison& comparison,
                    const EstimateOptions& options) {
  EstimatePage page = {.source = options.file, .plans = {}};
  page.plans.resize(reports.size());
  for (size_t i = 0; i < plans.size(); ++i) {
    page.plans[i].limits = LimitsText(*plans[i]);
    if (!reports[i].has_schedule()) continue;
    page.plans[i].submissions =
        SampleSubmissions(*comparison.FitOf(*plans[i]).schedule);
  }
  return page;
}

void PrintReport(const std::vector<v1::Estimate>& reports,
                 const v1::Recommendation* recommendation,
                 const EstimateOptions& options, std::ostream& out) {
  if (options.format == ReportFormat::kJson) {
    if (recommendation == nullptr) return PrintJson(reports[0], out);
    return PrintJson(ToEstimates(reports, recommendation), out);
  }
  if (options.format == ReportFormat::kCsv) {
    return PrintCsv(reports, options.explain, out);
  }
  const bool markdown = options.format == ReportFormat::kMarkdown;
  const auto print = [&](const ReportTable& table) {
    markdown ? table.PrintMarkdown(out) : table.PrintText(out);
    out << "\n";
  };
  print(LinesTable(reports[0]));
  if (!reports[0].plan().empty()) print(PlansTable(reports));
  for (const std::string& fact : AllFacts(reports, recommendation, options)) {
    out << (markdown ? "- " : "") << fact << "\n";
  }
}

// The reasons that are about plans: a deadline, and credits.
ExitCode CheckPlans(const std::vector<v1::Estimate>& reports,
                    const v1::Recommendation* recommendation,
                    const EstimateOptions& options, Streams streams) {
  ExitCode code = ExitCode::kOk;
  const auto any = [&](auto&& holds) {
    return std::any_of(reports.begin(), reports.end(), holds);
  };
  const bool any_allowed =
      any([](const v1::Estimate& report) { return report.allowed(); });
  if (reports[0].has_deadline() && any_allowed &&
      !any(
          [](const v1::Estimate& report) { return report.deadline().met(); })) {
    code = ExitCode::kMissesDeadline;
    PrintReason(streams, recommendation != nullptr
                             ? recommendation->reason()
                             : absl::StrCat("plan ", reports[0].plan(),
                                            " misses the deadline: ",
                                            DeadlineText(reports[0])));
  }
  if (options.available.empty()) return code;
  // The plan that lacks the least, of those that could do the work. Without a
  // schedule what expires cannot be told apart.
  const v1::Estimate* best = nullptr;
  const bool any_scheduled =
      any([](const v1::Estimate& report) { return report.has_schedule(); });
  for (const v1::Estimate& report : reports) {
    if (any_scheduled && !report.has_schedule()) continue;
    if (best == nullptr ||
        report.shortfall().ticks() < best->shortfall().ticks()) {
      best = &report;
    }
  }
  if (best->shortfall().ticks() == 0) return code;
  PrintReason(streams,
              absl::StrCat("not covered: need ", best->total().credits(),
                           ", available ", best->available().credits(),
                           ", short ", best->shortfall().credits()));
  return ExitCode::kOverAvailable;
}

ExitCode Verdict(const std::vector<v1::Estimate>& reports,
                 const v1::Recommendation* recommendation,
                 const Estimator& estimator, const EstimateOptions& options,
                 Streams streams) {
  ExitCode code = CheckPlans(reports, recommendation, options, streams);
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

// The times of all requests, where they are asked for and there are any.
ExitCode WriteSchedule(const EstimateOptions& options, const PlanFit& fit,
                       Streams streams) {
  if (!fit.allowed) {
    PrintReason(streams,
                absl::StrCat(options.schedule_file,
                             ": not written, for the plan allows not all"));
    return ExitCode::kOk;
  }
  const absl::Status status =
      WriteScheduleFile(options.schedule_file, *fit.schedule, streams.progress);
  if (status.ok()) return ExitCode::kOk;
  PrintReason(streams, status.message());
  return ExitCode::kInternal;
}

}  // namespace

ExitCode RunEstimate(const EstimateOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = LoadCatalog(options.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  const std::vector<const Plan*> plans = PlansToReport(options.plan, *catalog);
  const absl::Status status = CheckOptions(options, *catalog, plans);
  if (!status.ok()) {
    PrintReason(streams, status.message());
    return ExitCode::kBadInput;
  }

  const PlanQuestion question = ToQuestion(options);
  Totals totals(*catalog, options, question);
  InputErrors errors(options.file, streams.err);
  InputFile input(options.file, streams.in, streams.progress);
  const std::vector<std::string> ignored =
      ReadManifest(input, options.columns, *catalog, errors,
                   [&](const ManifestRow& row) { return totals.Add(row); });
  v1::Estimate estimate = ToEstimate(totals, *catalog, options, ignored);
  if (totals.uncertain().jobs() > 0) {
    const absl::StatusOr<TotalRange> range = totals.Range(options);
    if (range.ok()) {
      DescribeRange(*range, options.seed, *estimate.mutable_range());
    } else {
      errors.AddForFile(range.status().message());
    }
  }
  errors.Finish();
  if (!errors.none()) return ExitCode::kBadInput;

  PlanComparison& comparison = totals.comparison();
  comparison.Finish(totals.estimator());
  std::vector<v1::Estimate> reports;
  for (const Plan* plan : plans) {
    reports.push_back(ForPlan(estimate, totals.estimator(), comparison, *plan));
  }
  if (plans.empty()) reports.push_back(estimate);
  std::optional<v1::Recommendation> recommendation;
  if (options.plan == "all") recommendation = ToRecommendation(comparison);
  const v1::Recommendation* recommended =
      recommendation.has_value() ? &*recommendation : nullptr;
  if (options.format == ReportFormat::kHtml) {
    PrintHtml(ToEstimates(reports, recommended),
              ToPage(reports, plans, comparison, options), streams.out);
  } else {
    PrintReport(reports, recommended, options, streams.out);
  }
  const ExitCode code =
      Verdict(reports, recommended, totals.estimator(), options, streams);
  if (options.schedule_file.empty()) return code;
  const ExitCode written =
      WriteSchedule(options, comparison.FitOf(*plans[0]), streams);
  return written == ExitCode::kOk ? code : written;
}

}  // namespace konpro::cli
