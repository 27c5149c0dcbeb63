#include "konpro/cli/estimate_command.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/internal/progress_bar.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/estimate/batch_estimate.h"
#include "konpro/estimate/estimator.h"
#include "konpro/estimate/plan_comparison.h"
#include "konpro/input/input_file.h"
#include "konpro/report/estimate_report.h"
#include "konpro/report/report_message.h"
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

void PrintReport(const std::vector<v1::Estimate>& reports,
                 const v1::Recommendation* recommendation,
                 const std::vector<const Plan*>& plans,
                 const PlanComparison& comparison,
                 const EstimateOptions& options, std::ostream& out) {
  switch (options.format) {
    case ReportFormat::kJson:
      if (recommendation == nullptr) return PrintJson(reports[0], out);
      return PrintJson(ToEstimates(reports, recommendation), out);
    case ReportFormat::kHtml:
      return PrintHtml(ToEstimates(reports, recommendation),
                       ToEstimatePage(options.file, plans, comparison), out);
    default:
      return PrintEstimate(reports, recommendation, options.format,
                           options.explain, out);
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
                             : DeadlineReason(reports[0]));
  }
  if (options.available.empty()) return code;
  // The plan that lacks the least, of those that could do the work. Without a
  // schedule it is not known what expires too early.
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

// Of the plans that allow the work, or of all if none does, the one that costs
// the least.
Credits LeastTotal(const std::vector<v1::Estimate>& reports) {
  const auto costs_less = [](const v1::Estimate& a, const v1::Estimate& b) {
    return a.allowed() != b.allowed() ? a.allowed()
                                      : a.total().ticks() < b.total().ticks();
  };
  return Credits::FromTicks(
      std::min_element(reports.begin(), reports.end(), costs_less)
          ->total()
          .ticks());
}

ExitCode Verdict(const std::vector<v1::Estimate>& reports,
                 const v1::Recommendation* recommendation,
                 const EstimateOptions& options, Streams streams) {
  ExitCode code = CheckPlans(reports, recommendation, options, streams);
  const ExitCode budget =
      CheckBudget(LeastTotal(reports), options.budget, streams);
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

// Writes the times of all requests, if the plan allows them.
ExitCode WriteSchedule(const EstimateOptions& options, const PlanFit& fit,
                       Streams streams) {
  if (!fit.allowed) {
    PrintReason(streams,
                absl::StrCat(options.schedule_file,
                             ": not written, for the plan allows not all"));
    return ExitCode::kOk;
  }
  internal::ProgressBar bar(streams.progress,
                            static_cast<int64_t>(fit.schedule->requests()),
                            "requests");
  const absl::Status status =
      WriteScheduleFile(options.schedule_file, *fit.schedule,
                        [&](int64_t requests) { bar.Advance(requests); });
  bar.Clear();
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
  BatchEstimate batch(*catalog, options.at, question);
  InputErrors errors(options.file, streams.err);
  InputFile input(options.file, streams.in, streams.progress);
  const std::vector<std::string> ignored = ReadManifest(
      input, options.columns, *catalog, errors,
      [&](const ManifestRow& row) { return batch.Add(row.job, row.range); });
  const EstimateReportOptions wanted = {.budget = options.budget,
                                        .seed = options.seed,
                                        .explain = options.explain,
                                        .ignored_columns = ignored};
  const absl::StatusOr<v1::Estimate> estimate =
      ToEstimateReport(batch, *catalog, wanted);
  if (!estimate.ok()) errors.AddForFile(estimate.status().message());
  errors.Finish();
  if (!errors.none()) return ExitCode::kBadInput;

  batch.Finish();
  std::vector<v1::Estimate> reports;
  for (const Plan* plan : plans) {
    absl::StatusOr<v1::Estimate> report =
        ToPlanReport(*estimate, batch, *plan, wanted);
    if (!report.ok()) return FailWith(report.status(), streams);
    reports.push_back(*std::move(report));
  }
  if (plans.empty()) reports.push_back(*estimate);
  std::optional<v1::Recommendation> recommendation;
  if (options.plan == "all") {
    recommendation = ToRecommendation(batch.comparison());
  }
  const v1::Recommendation* recommended =
      recommendation.has_value() ? &*recommendation : nullptr;
  PrintReport(reports, recommended, plans, batch.comparison(), options,
              streams.out);
  const ExitCode code = Verdict(reports, recommended, options, streams);
  if (options.schedule_file.empty()) return code;
  const ExitCode written =
      WriteSchedule(options, batch.comparison().FitOf(*plans[0]), streams);
  return written == ExitCode::kOk ? code : written;
}

}  // namespace konpro::cli
