// How plan_comparison.h finds what plans make of the same work: when it would
// be done, whether credits that expire last for it, what it costs in money, and
// which plan to take.
//
//   const PlannedWork work = {.requests = 1'001, .cost = ..., .start = start};
//   const PlanFit fit = FitPlan(pro, work);
//   fit.last.at                          // when the last request goes out
//   fit.last.binding_window              // what it waits for
//   Recommend(fits, deadline).cheapest   // an index into `fits`, or nullopt
//   SmallestLimits(windows, work, deadline)      // limits that would meet it
//
// Thread safety: RunningCost is thread-compatible; functions are pure.
//
// Invariants: (1) SmallestLimits() meet the deadline, and with one permit fewer
// in any of them they do not. (2) A recommended plan allows the work and meets
// the deadline.
//
// Cost: FitPlan() and RequestsBefore() take time that does not grow with the
// number of requests: a few calls of Schedule::At() and some 60.
#ifndef KONPRO_ESTIMATE_INTERNAL_PLANNER_H_
#define KONPRO_ESTIMATE_INTERNAL_PLANNER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/plan.h"
#include "konpro/estimate/plan_fit.h"
#include "konpro/limits/rate_window.h"
#include "konpro/limits/schedule.h"

namespace konpro {

// Requests of cost 1 in a window, from `start` on.
struct PlannedWork {
  // 0 .. Schedule::kRequestsMax.
  int64_t requests = 0;
  Credits cost;
  UnixNanos start;
  // What windows have used at the start. One that a plan has not is passed
  // over; more than its limit counts as the limit: a plan that is changed keeps
  // what was used (rate_window.h). No window twice, nothing negative.
  std::vector<WindowUse> used;
};

// REQUIRES: one or two windows.
Schedule ScheduleOf(absl::Span<const RateWindow> windows,
                    const PlannedWork& work);

// How many requests a client that never ends has submitted before `time`; at
// most Schedule::kRequestsMax. It depends on no number of requests.
int64_t RequestsBefore(const Schedule& schedule, UnixNanos time);

// Whether all of them go out at `deadline` or before.
bool Meets(const Schedule& schedule, UnixNanos deadline);

// Limits of `windows`, in their order, under which the work meets `deadline`,
// each as small as can be: that of the longest period first, the other one
// under it. The limits that `windows` have do not matter. nullopt if no
// limit does. REQUIRES: one or two windows; deadline >= work.start.
std::optional<std::vector<int64_t>> SmallestLimits(
    absl::Span<const RateWindow> windows, const PlannedWork& work,
    UnixNanos deadline);

// What the first requests of some work cost, in one pass and without keeping
// the requests: the numbers that matter are given before.
class RunningCost {
 public:
  explicit RunningCost(std::vector<int64_t> counts);

  // The next requests, each at the same cost.
  // REQUIRES: the sum of all costs is within Credits.
  void Add(int64_t requests, Credits each);

  // REQUIRES: one of the counts.
  Credits CostOfFirst(int64_t count) const;

 private:
  // Sorted, each once.
  std::vector<int64_t> counts_;
  // Of those that were reached.
  std::vector<Credits> costs_;
  int64_t requests_ = 0;
  Credits cost_;
};

struct FundsFit {
  // What would have to be added, without an expiry, so that every request is
  // covered.
  Credits shortfall;
  // What is unused when it expires, and that is before all of it went out.
  Credits expired;
};

// Whether `credits` cover work of which `spent_before[i]` goes out before
// credits[i].expires_at, and `cost` in all. Requests draw on what expires the
// soonest. nullopt if the sum of credits leaves its range.
std::optional<FundsFit> FitFunds(absl::Span<const ExpiringCredits> credits,
                                 absl::Span<const Credits> spent_before,
                                 Credits cost);

// Months that have begun by `last`, at least one: the first begins at `start`,
// each next one on the same day of the next month in UTC, or on its last day
// if it is shorter. REQUIRES: start <= last.
int64_t MonthsBegun(absl::Time start, absl::Time last);

// `allowed` and `shortfall` as they are by default.
PlanFit FitPlan(const Plan& plan, const PlannedWork& work);

// REQUIRES: `fits` in catalog order.
Recommendation Recommend(absl::Span<const PlanFit> fits,
                         std::optional<UnixNanos> deadline);

}  // namespace konpro

#endif  // KONPRO_ESTIMATE_INTERNAL_PLANNER_H_
