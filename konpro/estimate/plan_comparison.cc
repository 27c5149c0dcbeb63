#include "konpro/estimate/plan_comparison.h"

#include <algorithm>
#include <cstddef>

#include "konpro/limits/rate_window.h"
#include "konpro/limits/schedule.h"

namespace konpro {
namespace {

// The windows that an account of a plan without windows is given: those of the
// published plans.
std::vector<RateWindow> WindowsToBeGiven() {
  return {*RateWindow::Create(
              {.name = "minute", .limit = 1, .period = absl::Minutes(1)}),
          *RateWindow::Create(
              {.name = "day", .limit = 1, .period = absl::Hours(24)})};
}

}  // namespace

bool PlanQuestion::has_expiring() const {
  return std::any_of(available.begin(), available.end(),
                     [](const ExpiringCredits& credits) {
                       return credits.expires_at != UnixNanos::Max();
                     });
}

PlanComparison::PlanComparison(const Catalog& catalog,
                               const PlanQuestion& question)
    : catalog_(catalog),
      question_(question),
      has_expiring_(question.has_expiring()),
      counts_(CountsOfAll()),
      running_(counts_.begin(), counts_.end()),
      work_{.start = question.start, .used = question.used} {}

void PlanComparison::Add(int64_t jobs, Credits each) {
  for (size_t i = 0; i < running_.size(); ++i) AddUnder(i, jobs, each);
}

std::vector<std::vector<int64_t>> PlanComparison::CountsOfAll() const {
  std::vector<std::vector<int64_t>> counts;
  for (const Plan& plan : catalog_.plans()) {
    counts.emplace_back();
    if (!plan.has_windows() || !has_expiring_) continue;
    const Schedule schedule = ScheduleOf(
        plan.windows(), {.start = question_.start, .used = question_.used});
    for (const ExpiringCredits& credits : question_.available) {
      counts.back().push_back(RequestsBefore(schedule, credits.expires_at));
    }
  }
  return counts;
}

void PlanComparison::Finish(const Estimator& estimator) {
  Finish(std::vector<const Estimator*>(catalog_.plans().size(), &estimator));
}

void PlanComparison::Finish(absl::Span<const Estimator* const> estimators) {
  for (size_t i = 0; i < catalog_.plans().size(); ++i) {
    const Estimator& estimator = *estimators[i];
    work_.requests = estimator.requests();
    PlannedWork work = work_;
    work.cost = estimator.total();
    PlanFit fit = FitPlan(catalog_.plans()[i], work);
    fit.allowed = estimator.RefusedBy(*fit.plan).empty();
    // Without a schedule nothing is known to expire too early.
    std::vector<Credits> before(question_.available.size(), work.cost);
    for (size_t k = 0; k < counts_[i].size(); ++k) {
      before[k] = running_[i].CostOfFirst(counts_[i][k]);
    }
    FundsFit funds;
    if (!question_.available.empty()) {
      funds = *FitFunds(question_.available, before, work.cost);
    }
    fit.shortfall = funds.shortfall;
    fits_.push_back(fit);
    expired_.push_back(funds.expired);
  }
}

const PlanFit& PlanComparison::FitOf(const Plan& plan) const {
  return fits_[static_cast<size_t>(&plan - catalog_.plans().data())];
}

Credits PlanComparison::ExpiredUnder(const Plan& plan) const {
  return expired_[static_cast<size_t>(&plan - catalog_.plans().data())];
}

std::vector<const PlanFit*> PlanComparison::Carrying() const {
  std::vector<const PlanFit*> carrying;
  for (const PlanFit& fit : fits_) {
    if (fit.Carries(question_.deadline)) carrying.push_back(&fit);
  }
  return carrying;
}

Recommendation PlanComparison::Recommend() const {
  return konpro::Recommend(fits_, question_.deadline);
}

NeededChange PlanComparison::WhatWouldHaveToChange() const {
  NeededChange change;
  for (const PlanFit& fit : fits_) {
    if (!fit.allowed) continue;
    change.any_allowed = true;
    if (!fit.schedule.has_value()) {
      change.without_windows = &fit;
    } else if (change.soonest == nullptr ||
               fit.last.at < change.soonest->last.at) {
      change.soonest = &fit;
    }
  }
  if (question_.deadline.has_value() && change.without_windows != nullptr) {
    change.needed_limits = NeededLimits(*change.without_windows->plan);
  }
  return change;
}

std::vector<NeededLimit> PlanComparison::NeededLimits(const Plan& plan) const {
  const std::vector<RateWindow> windows =
      plan.has_windows() ? std::vector<RateWindow>(plan.windows().begin(),
                                                   plan.windows().end())
                         : WindowsToBeGiven();
  const std::optional<std::vector<int64_t>> limits =
      SmallestLimits(windows, work_, *question_.deadline);
  std::vector<NeededLimit> needed;
  for (size_t i = 0; limits.has_value() && i < windows.size(); ++i) {
    needed.push_back({std::string(windows[i].name()), (*limits)[i]});
  }
  return needed;
}

DeadlineFit PlanComparison::FitDeadline(const Plan& plan) const {
  const UnixNanos deadline = *question_.deadline;
  const PlanFit& fit = FitOf(plan);
  DeadlineFit out = {.met = fit.Carries(deadline)};
  if (out.met) return out;
  if (fit.allowed) {
    if (fit.schedule.has_value()) {
      out.late =
          fit.last.never() ? absl::InfiniteDuration() : fit.last.at - deadline;
    }
    out.needed_limits = NeededLimits(plan);
  }
  for (const PlanFit* other : Carrying()) out.met_by.push_back(other->plan);
  return out;
}

}  // namespace konpro
