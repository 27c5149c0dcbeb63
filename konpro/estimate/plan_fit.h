// What a plan makes of some work, and which of several plans to take: results
// of plan_comparison.h.
//
//   const PlanFit& fit = comparison.FitOf(pro);
//   fit.last.at                          // when the last request goes out
//   fit.last.binding_window              // what it waits for
//   fit.Carries(deadline)                // whether the plan can do it by then
//   comparison.Recommend().cheapest      // an index into the plans, or nullopt
//
// Thread safety: immutable.
#ifndef KONPRO_ESTIMATE_PLAN_FIT_H_
#define KONPRO_ESTIMATE_PLAN_FIT_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/plan.h"
#include "konpro/limits/schedule.h"

namespace konpro {

// Credits that can be spent before `expires_at`, and not at it.
struct ExpiringCredits {
  Credits amount;
  UnixNanos expires_at = UnixNanos::Max();  // never
};

// What one plan makes of some work.
struct PlanFit {
  const Plan* plan = nullptr;
  // Whether it allows all operations: the caller says.
  bool allowed = true;
  // nullopt if the plan has no windows: nothing is known then.
  std::optional<Schedule> schedule;
  Submission last = {.at = UnixNanos::Max()};
  // Of the work, under this plan: prices may change while requests wait.
  Credits cost;
  // The caller says; see FitFunds().
  Credits shortfall;
  // Months of the subscription that the work takes, and their price with the
  // credits; 0 and nullopt if it has no price or is never done.
  int64_t months = 0;
  std::optional<Money> money;

  // Whether the plan can do the work, by `deadline` if there is one.
  bool Carries(std::optional<UnixNanos> deadline) const {
    return allowed && schedule.has_value() && !last.never() &&
           (!deadline.has_value() || last.at <= *deadline);
  }
};

// Of the plans that carry the work: those with the smallest shortfall, and of
// these one. Indices into what was given; nullopt if no plan fits it.
struct Recommendation {
  // The least money if all of them have a price in one currency; else the
  // fewest credits; of equals, the first of the catalog.
  std::optional<size_t> cheapest;
  // The earliest last request; of equals, the cheapest.
  std::optional<size_t> fastest;
  bool by_money = false;
};

}  // namespace konpro

#endif  // KONPRO_ESTIMATE_PLAN_FIT_H_
