#include "konpro/estimate/batch_estimate.h"

#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/price_list.h"
#include "konpro/estimate/internal/planner.h"
#include "konpro/estimate/internal/price_time.h"
#include "konpro/limits/schedule.h"

namespace konpro {
namespace {

// What goes out before a price list is in effect does not depend on how many
// requests follow, so each request's list is known when its job is read.

// The list in effect at `start`; the lists that take effect later follow it.
size_t FirstList(const Catalog& catalog, UnixNanos start) {
  size_t later = 0;
  for (const PriceList& list : catalog.price_lists()) {
    if (internal::FirstAtOrAfter(list.effective_at()) > start) break;
    ++later;
  }
  return later;
}

// The prices of requests that `plan` lets go out.
std::vector<PricePeriod> PeriodsOf(const Catalog& catalog, const Plan& plan,
                                   const PlanQuestion& question) {
  const auto lists = catalog.price_lists();
  size_t later = FirstList(catalog, question.start);
  std::vector<PricePeriod> periods = {
      {.prices = later == 0 ? nullptr : &lists[later - 1]}};
  if (!plan.has_windows() || later == lists.size()) return periods;
  const Schedule schedule = ScheduleOf(
      plan.windows(), {.start = question.start, .used = question.used});
  int64_t begin = 0;
  for (; later < lists.size(); ++later) {
    const UnixNanos from =
        internal::FirstAtOrAfter(lists[later].effective_at());
    if (from == UnixNanos::Max()) break;
    const int64_t before = RequestsBefore(schedule, from);
    periods.back().requests = before - begin;
    periods.push_back({.prices = &lists[later]});
    begin = before;
  }
  return periods;
}

}  // namespace

absl::StatusOr<TotalRange> BatchCost::Range(std::optional<Credits> budget,
                                            uint64_t seed) const {
  // What is certain is what the uncertain jobs do not cost.
  return uncertain.Range(
      {.certain = *CheckedSubtract(estimator.total(), uncertain.likely()),
       .budget = budget,
       .seed = seed,
       .samples = BatchEstimate::kSamples});
}

BatchEstimate::BatchEstimate(const Catalog& catalog,
                             std::optional<absl::Time> at,
                             const PlanQuestion& question)
    : catalog_(catalog),
      comparison_(catalog, question),
      cost_of_plan_(catalog.plans().size()),
      uncertain_jobs_(catalog.operations().size()) {
  if (at.has_value()) {
    costs_.push_back({.estimator = Estimator(catalog, *at)});
    return;
  }
  const auto lists = catalog.price_lists();
  const size_t later = FirstList(catalog, question.start);
  costs_.push_back(
      {.estimator = Estimator(
           catalog,
           std::vector<PricePeriod>{
               {.prices = later == 0 ? nullptr : &lists[later - 1]}})});
  if (later < lists.size() &&
      internal::FirstAtOrAfter(lists[later].effective_at()) <
          UnixNanos::Max()) {
    prices_until_ = lists[later].effective_at();
  }
  for (size_t i = 0; i < catalog.plans().size(); ++i) {
    const std::vector<PricePeriod> periods =
        PeriodsOf(catalog, catalog.plans()[i], question);
    if (periods.size() == 1) continue;
    cost_of_plan_[i] = costs_.size();
    costs_.push_back({.estimator = Estimator(catalog, periods)});
  }
}

absl::Status BatchEstimate::AddTo(size_t index, const EstimateJob& job,
                                  const std::optional<QuantityRange>& range) {
  BatchCost& cost = costs_[index];
  const int64_t before = cost.estimator.requests();
  absl::Status status = cost.estimator.Add(job);
  if (!status.ok()) return status;
  cost.estimator.ForEachPart(
      *job.operation, before, job.jobs, [&](const Price* price, int64_t jobs) {
        // The estimator has added up the same costs and requests: they fit.
        const Credits each =
            price == nullptr ? Credits() : *price->CostOf(job.quantity);
        for (size_t i = 0; i < cost_of_plan_.size(); ++i) {
          if (cost_of_plan_[i] == index) comparison_.AddUnder(i, jobs, each);
        }
        if (range.has_value() && price != nullptr && status.ok()) {
          status = cost.uncertain.Add(*price, *range, jobs);
        }
      });
  return status;
}

absl::Status BatchEstimate::Add(const EstimateJob& job,
                                const std::optional<QuantityRange>& range) {
  for (size_t i = 0; i < costs_.size(); ++i) {
    absl::Status status = AddTo(i, job, range);
    if (!status.ok()) return status;
  }
  if (estimator().requests() > static_cast<int64_t>(Schedule::kRequestsMax)) {
    return absl::OutOfRangeError("more than 2^60 requests");
  }
  if (range.has_value()) uncertain_jobs_[IndexOf(*job.operation)] += job.jobs;
  return absl::OkStatus();
}

void BatchEstimate::Finish() {
  std::vector<const Estimator*> estimators;
  for (const size_t index : cost_of_plan_) {
    estimators.push_back(&costs_[index].estimator);
  }
  comparison_.Finish(estimators);
}

}  // namespace konpro
