// Every plan of a catalog with the same work: which plans carry it, which is
// the cheapest and which the fastest, what a plan lacks to meet a deadline, and
// what would have to change if none fits it. The results are in plan_fit.h;
// the words for them are in report/estimate_report.h.
//
//   PlanComparison comparison(catalog, question);
//   comparison.Add(/*jobs=*/90, /*each=*/cost);    // for all jobs, in order
//   comparison.Finish(estimator);
//   comparison.Recommend().cheapest                // an index, or nullopt
//   comparison.FitDeadline(pro).met                // false
//   comparison.NeededLimits(pro)                   // {{"minute", 90},
//                                                  //  {"day", 90}}
//
// Thread safety: thread-compatible.
//
// Limits: memory grows with plans and credits, not with jobs.
#ifndef KONPRO_ESTIMATE_PLAN_COMPARISON_H_
#define KONPRO_ESTIMATE_PLAN_COMPARISON_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/plan.h"
#include "konpro/estimate/estimator.h"
#include "konpro/estimate/internal/planner.h"
#include "konpro/estimate/plan_fit.h"

namespace konpro {

// What is asked about the work, whatever its size. The names in `used` must
// outlive the question.
struct PlanQuestion {
  UnixNanos start;
  std::vector<WindowUse> used;
  std::optional<UnixNanos> deadline;
  // Empty if nothing must be covered.
  std::vector<ExpiringCredits> available;

  bool has_expiring() const;
};

// A limit of a window that a plan would need.
struct NeededLimit {
  std::string window;
  int64_t limit = 0;

  friend bool operator==(const NeededLimit&, const NeededLimit&) = default;
};

// What a deadline means for one plan.
struct DeadlineFit {
  // Whether the plan carries the work by the deadline. All else is empty then.
  bool met = false;
  // How late the last request is; infinite if it never goes out. nullopt if the
  // plan does not allow the work, or has no windows.
  std::optional<absl::Duration> late;
  // Limits that would meet the deadline; empty if none would, or if the plan
  // does not allow the work.
  std::vector<NeededLimit> needed_limits;
  // The plans that meet it, in catalog order.
  std::vector<const Plan*> met_by;
};

// What would have to change if no plan carries the work.
struct NeededChange {
  bool any_allowed = false;
  // Of the plans that allow it, the one that is done first, late or never; and
  // the last one without windows. nullptr if there is none.
  const PlanFit* soonest = nullptr;
  const PlanFit* without_windows = nullptr;
  // Of `without_windows`, with a deadline; empty if no limits meet it.
  std::vector<NeededLimit> needed_limits;
};

class PlanComparison {
 public:
  // Both must outlive it.
  PlanComparison(const Catalog& catalog, const PlanQuestion& question);

  // The next jobs, one request each, under every plan. REQUIRES: as
  // RunningCost::Add().
  void Add(int64_t jobs, Credits each);
  // The same under the plan with that place in the catalog, if prices differ.
  void AddUnder(size_t plan, int64_t jobs, Credits each) {
    if (has_expiring_) running_[plan].Add(jobs, each);
  }

  // After the last job; once, and before the queries below, which are about
  // every plan in catalog order. REQUIRES: `estimator` has the same jobs,
  // estimator.requests() is at most Schedule::kRequestsMax, and the sum of what
  // is available is within Credits.
  void Finish(const Estimator& estimator);
  // The same with an estimator for each plan, in catalog order.
  void Finish(absl::Span<const Estimator* const> estimators);

  const PlanQuestion& question() const { return question_; }
  absl::Span<const PlanFit> fits() const { return fits_; }
  const PlanFit& FitOf(const Plan& plan) const;
  // What expires unused under `plan`; see FundsFit.
  Credits ExpiredUnder(const Plan& plan) const;
  // Plans that carry the work, and meet the deadline if there is one.
  std::vector<const PlanFit*> Carrying() const;

  // Of the plans that carry the work; see Recommendation.
  Recommendation Recommend() const;
  NeededChange WhatWouldHaveToChange() const;

  // Limits that meet the deadline: of the plan's windows or, if it has none, of
  // windows of a minute and a day of UTC; see SmallestLimits(). Empty if none
  // do. REQUIRES: there is a deadline.
  std::vector<NeededLimit> NeededLimits(const Plan& plan) const;
  // REQUIRES: there is a deadline.
  DeadlineFit FitDeadline(const Plan& plan) const;

 private:
  // How many requests each plan submits before each of the credits expire.
  std::vector<std::vector<int64_t>> CountsOfAll() const;

  // Constant after construction.
  const Catalog& catalog_;
  const PlanQuestion& question_;
  const bool has_expiring_;
  const std::vector<std::vector<int64_t>> counts_;

  // By plan.
  std::vector<RunningCost> running_;
  // Without its cost, which depends on the plan.
  PlannedWork work_;
  std::vector<PlanFit> fits_;
  std::vector<Credits> expired_;
};

}  // namespace konpro

#endif  // KONPRO_ESTIMATE_PLAN_COMPARISON_H_
