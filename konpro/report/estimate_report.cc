#include "konpro/report/estimate_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/price_list.h"
#include "konpro/estimate/estimator.h"
#include "konpro/estimate/plan_fit.h"
#include "konpro/estimate/uncertainty.h"
#include "konpro/limits/rate_window.h"
#include "konpro/report/internal/plan_text.h"
#include "konpro/report/report_message.h"

namespace konpro {
namespace {

void DescribeRange(const TotalRange& range, uint64_t seed,
                   v1::TotalRange& out) {
  *out.mutable_p10() = ToAmount(range.p10);
  *out.mutable_p50() = ToAmount(range.p50);
  *out.mutable_p90() = ToAmount(range.p90);
  if (range.within_budget.has_value()) {
    out.set_probability_within_budget(*range.within_budget);
  }
  out.set_samples(BatchEstimate::kSamples);
  out.set_seed(absl::StrCat(seed));
}

void DescribeCredits(const PlanQuestion& question,
                     std::optional<Credits> budget, Credits total,
                     v1::Estimate& report) {
  if (!question.available.empty()) {
    Credits available;
    for (const ExpiringCredits& credits : question.available) {
      available = *CheckedAdd(available, credits.amount);
    }
    *report.mutable_available() = ToAmount(available);
    *report.mutable_shortfall() = ToAmount(*Shortfall(total, available));
  }
  if (budget.has_value()) {
    *report.mutable_budget() = ToAmount(*budget);
    *report.mutable_over_budget() = ToAmount(*Shortfall(total, *budget));
  }
}

// The prices that `estimator` takes.
std::string PricesText(const Estimator& estimator,
                       const std::string& catalog_version) {
  if (estimator.Periods().size() > 1) {
    return absl::StrCat("prices of catalog ", catalog_version,
                        ", in effect when each request goes out");
  }
  return estimator.prices_since().has_value()
             ? absl::StrCat("prices of catalog ", catalog_version,
                            ", in effect ",
                            PriceVersion(*estimator.prices_since()))
             : absl::StrCat("catalog ", catalog_version,
                            " has no prices at that time");
}

void AddAssumptions(const BatchCost& batch,
                    const std::vector<std::string>& ignored_columns,
                    v1::Estimate& report) {
  report.add_assumptions("each job is one request");
  report.add_assumptions(PricesText(batch.estimator, report.catalog_version()));
  if (report.unpriced_operations_size() > 0) {
    report.add_assumptions(
        absl::StrCat("not in the total, for lack of a price: ",
                     absl::StrJoin(report.unpriced_operations(), ", ")));
  }
  if (batch.uncertain.jobs() > 0) {
    report.add_assumptions(absl::StrCat(
        "quantities of ", batch.uncertain.jobs(),
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
}

// Said if it is not known which requests go out before the prices change.
void AddPriceChange(const BatchEstimate& batch, v1::Estimate& report) {
  if (!batch.prices_until().has_value()) return;
  report.add_assumptions(absl::StrCat(
      "all requests go out before other prices are in effect, from ",
      internal::FormatRfc3339(*batch.prices_until()),
      " on: without the limits of a plan nothing else is known"));
}

// The lists that the requests of `estimator` have, if there are several.
void DescribePeriods(const Estimator& estimator, bool explain,
                     v1::Estimate& report) {
  const std::vector<EstimatePeriod> periods = estimator.Periods();
  if (periods.size() < 2) return;
  std::vector<Credits> costs;
  for (const EstimatePeriod& period : periods) costs.push_back(period.cost);
  const std::vector<ShownCredits> shown =
      ShowParts(costs, Show(estimator.total()));
  for (size_t i = 0; i < periods.size(); ++i) {
    v1::PricePeriod& out = *report.add_price_periods();
    std::optional<absl::Time> since;
    if (periods[i].prices != nullptr) since = periods[i].prices->effective_at();
    out.set_price_version(since.has_value() ? PriceVersion(*since) : "none");
    out.set_requests(periods[i].requests);
    out.mutable_cost()->set_ticks(periods[i].cost.ticks());
    out.mutable_cost()->set_credits(shown[i].ToString());
    if (!explain) continue;
    *out.mutable_lines() =
        ToReportLines(periods[i].lines, shown[i], /*explain=*/true, since);
  }
}

// What `cost`, which is of `batch`, says whatever else the plan makes of the
// work. kOutOfRange: the range of the total leaves the range of Credits.
absl::Status DescribeCost(const BatchEstimate& batch, const BatchCost& cost,
                          const EstimateReportOptions& options,
                          v1::Estimate& report) {
  const Estimator& estimator = cost.estimator;
  *report.mutable_total() = ToAmount(estimator.total());
  report.set_requests(estimator.requests());
  const std::vector<EstimateLine> lines = estimator.Lines();
  const bool one_list = estimator.Periods().size() < 2;
  *report.mutable_lines() =
      ToReportLines(lines, Show(estimator.total()), options.explain && one_list,
                    estimator.prices_since());
  for (size_t i = 0; i < lines.size(); ++i) {
    const Operation& operation = *lines[i].operation;
    if (lines[i].unpriced_jobs > 0) {
      report.add_unpriced_operations(operation.name);
    }
    if (batch.UncertainJobs(operation) > 0) {
      report.mutable_lines(static_cast<int>(i))
          ->set_uncertain_jobs(batch.UncertainJobs(operation));
    }
  }
  DescribePeriods(estimator, options.explain, report);
  DescribeCredits(batch.comparison().question(), options.budget,
                  estimator.total(), report);
  AddAssumptions(cost, options.ignored_columns, report);
  if (cost.uncertain.jobs() == 0) return absl::OkStatus();
  const absl::StatusOr<TotalRange> range =
      cost.Range(options.budget, options.seed);
  if (!range.ok()) return range.status();
  DescribeRange(*range, options.seed, *report.mutable_range());
  return absl::OkStatus();
}

std::string TimeOrNothing(UnixNanos time) {
  return time == UnixNanos::Max() ? "" : internal::FormatRfc3339(time.ToTime());
}

void DescribeSchedule(const PlanFit& fit, v1::Estimate& report) {
  v1::RequestSchedule& schedule = *report.mutable_schedule();
  schedule.set_start(internal::FormatRfc3339(fit.schedule->start().ToTime()));
  schedule.set_first(TimeOrNothing(fit.schedule->first().at));
  schedule.set_last(TimeOrNothing(fit.last.at));
  if (fit.last.binding_window.has_value()) {
    schedule.set_binding_window(
        std::string(fit.plan->windows()[*fit.last.binding_window].name()));
  }
  schedule.set_duration_seconds(
      absl::ToDoubleSeconds(fit.schedule->duration()));
}

void DescribeDeadline(const PlanComparison& comparison, const Plan& plan,
                      v1::Estimate& report) {
  const DeadlineFit fit = comparison.FitDeadline(plan);
  v1::Deadline& out = *report.mutable_deadline();
  out.set_at(internal::FormatRfc3339(comparison.question().deadline->ToTime()));
  out.set_met(fit.met);
  out.set_limits_not_known(!plan.has_windows());
  if (fit.late.has_value()) {
    out.set_late_seconds(absl::ToDoubleSeconds(*fit.late));
  }
  for (const NeededLimit& needed : fit.needed_limits) {
    v1::WindowLimit& limit = *out.add_needed_limits();
    limit.set_window(needed.window);
    limit.set_limit(needed.limit);
  }
  for (const Plan* other : fit.met_by) out.add_met_by(other->name());
}

// Uses of windows that are above the plan's limit.
void DescribeUse(const PlanQuestion& question, const Plan& plan,
                 v1::Estimate& report) {
  for (const WindowUse& use : question.used) {
    for (const RateWindow& window : plan.windows()) {
      if (window.name() != use.window || use.used <= window.limit()) continue;
      report.add_assumptions(
          absl::StrCat(plan.name(), ": ", use.used, " used in window ",
                       use.window, " count as its limit, ", window.limit()));
    }
  }
}

void DescribePlan(const PlanComparison& comparison, const Plan& plan,
                  v1::Estimate& report) {
  const PlanFit& fit = comparison.FitOf(plan);
  const PlanQuestion& question = comparison.question();
  if (fit.allowed && fit.schedule.has_value()) DescribeSchedule(fit, report);
  if (question.deadline.has_value()) DescribeDeadline(comparison, plan, report);
  if (!question.available.empty()) {
    *report.mutable_shortfall() = ToAmount(fit.shortfall);
  }
  if (question.has_expiring() && report.has_schedule()) {
    *report.mutable_expiring() = ToAmount(comparison.ExpiredUnder(plan));
  }
  if (fit.allowed && fit.money.has_value()) {
    v1::Money& money = *report.mutable_money();
    money.set_currency(plan.price()->currency);
    money.set_amount(fit.money->ToString());
    money.set_months(fit.months);
    report.add_assumptions(
        "money: each month that has begun by the last request, from the start, "
        "and the credits, rounded to six places half to even");
  }
  if (fit.allowed) DescribeUse(question, plan, report);
}

// What would have to change if no plan carries the work.
std::string ChangeText(const PlanComparison& comparison) {
  const NeededChange change = comparison.WhatWouldHaveToChange();
  if (!change.any_allowed) return "no plan allows all of it";
  if (!comparison.question().deadline.has_value()) {
    return change.without_windows == nullptr
               ? "no plan is ever done with it"
               : absl::StrCat("only ", change.without_windows->plan->name(),
                              " allows it, with limits given per account");
  }
  const UnixNanos deadline = *comparison.question().deadline;
  std::vector<std::string> texts;
  if (change.soonest != nullptr && !change.soonest->last.never()) {
    const UnixNanos done = change.soonest->last.at;
    texts.push_back(absl::StrCat(
        change.soonest->plan->name(), " is done at ",
        internal::FormatRfc3339(done.ToTime()), ", ",
        DurationText(absl::ToDoubleSeconds(done - deadline)), " late"));
  }
  if (!change.needed_limits.empty()) {
    texts.push_back(absl::StrCat(
        change.without_windows->plan->name(), " needs limits of ",
        absl::StrJoin(change.needed_limits, ", ",
                      [](std::string* out, const NeededLimit& needed) {
                        absl::StrAppend(out, needed.limit, " per ",
                                        needed.window);
                      })));
  }
  return absl::StrCat("no plan meets the deadline", texts.empty() ? "" : "; ",
                      absl::StrJoin(texts, "; "));
}

std::string Reason(const PlanComparison& comparison,
                   const Recommendation& best) {
  const PlanFit& cheapest = comparison.fits()[*best.cheapest];
  const PlanFit& fastest = comparison.fits()[*best.fastest];
  const bool deadline = comparison.question().deadline.has_value();
  const std::vector<const PlanFit*> carrying = comparison.Carrying();
  const bool same_cost = std::all_of(
      carrying.begin(), carrying.end(),
      [&](const PlanFit* fit) { return fit->cost == cheapest.cost; });
  std::string reason =
      best.by_money
          ? absl::StrCat(cheapest.plan->name(),
                         " costs the least: ", cheapest.money->ToString(), " ",
                         cheapest.plan->price()->currency)
      : !same_cost
          ? absl::StrCat(cheapest.plan->name(), " takes the fewest credits: ",
                         cheapest.cost.ToString(),
                         ", because prices change while requests wait")
          : absl::StrCat("credits are the same under every plan: ",
                         cheapest.plan->name(), " is the first that ",
                         deadline ? "meets the deadline" : "allows all of it");
  if (&fastest != &cheapest) {
    absl::StrAppend(
        &reason, "; ", fastest.plan->name(), " is done ",
        DurationText(absl::ToDoubleSeconds(cheapest.last.at - fastest.last.at)),
        " earlier");
  } else {
    absl::StrAppend(&reason, "; none is done earlier");
  }
  if (cheapest.shortfall > Credits()) {
    absl::StrAppend(&reason, "; ", cheapest.shortfall.ToString(),
                    " credits are missing");
  }
  return reason;
}

}  // namespace

absl::StatusOr<v1::Estimate> ToEstimateReport(
    const BatchEstimate& batch, const Catalog& catalog,
    const EstimateReportOptions& options) {
  v1::Estimate report;
  report.set_catalog_version(catalog.version());
  for (const Plan& plan : catalog.plans()) {
    if (batch.estimator().RefusedBy(plan).empty()) {
      report.add_allowed_plans(plan.name());
    }
  }
  report.set_allowed(report.allowed_plans_size() > 0);
  const absl::Status status =
      DescribeCost(batch, batch.cost(), options, report);
  if (!status.ok()) return status;
  AddPriceChange(batch, report);
  return report;
}

absl::StatusOr<v1::Estimate> ToPlanReport(
    const v1::Estimate& estimate, const BatchEstimate& batch, const Plan& plan,
    const EstimateReportOptions& options) {
  const PlanComparison& comparison = batch.comparison();
  v1::Estimate report;
  if (batch.HasOwnCost(plan)) {
    report.set_catalog_version(estimate.catalog_version());
    const absl::Status status =
        DescribeCost(batch, batch.CostUnder(plan), options, report);
    if (!status.ok()) return status;
  } else {
    report = estimate;
    report.clear_allowed_plans();
  }
  report.set_plan(plan.name());
  for (const Operation* operation : batch.estimator().RefusedBy(plan)) {
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

v1::Recommendation ToRecommendation(const PlanComparison& comparison) {
  const Recommendation best = comparison.Recommend();
  v1::Recommendation recommendation;
  if (!best.cheapest.has_value()) {
    recommendation.set_reason(ChangeText(comparison));
    return recommendation;
  }
  recommendation.set_cheapest(comparison.fits()[*best.cheapest].plan->name());
  recommendation.set_fastest(comparison.fits()[*best.fastest].plan->name());
  recommendation.set_reason(Reason(comparison, best));
  return recommendation;
}

v1::Estimates ToEstimates(absl::Span<const v1::Estimate> reports,
                          const v1::Recommendation* recommendation) {
  v1::Estimates all;
  for (const v1::Estimate& report : reports) *all.add_plans() = report;
  if (recommendation != nullptr) {
    *all.mutable_recommendation() = *recommendation;
  }
  return all;
}

std::string DeadlineReason(const v1::Estimate& report) {
  return absl::StrCat("plan ", DeadlineVerdict(report));
}

}  // namespace konpro
