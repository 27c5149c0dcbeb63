// What an estimate says about plans: when the work is done, whether the credits
// last, which plan to take, and what would have to change otherwise.
#ifndef KONPRO_CLI_PLAN_REPORT_H_
#define KONPRO_CLI_PLAN_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/estimate/estimator.h"
#include "konpro/estimate/planner.h"
#include "konpro/report/table.h"
#include "proto/report.pb.h"

namespace konpro::cli {

// What is asked about the work, whatever its size. The names in `used` must
// outlive whoever keeps it.
struct PlanQuestion {
  UnixNanos start;
  std::vector<WindowUse> used;
  std::optional<UnixNanos> deadline;
  // Empty where nothing must be covered.
  std::vector<ExpiringCredits> available;

  bool has_expiring() const;
};

// Sees the jobs go by, in order, and then knows what every plan of a catalog
// makes of them. Memory grows with plans and credits, not with jobs.
class PlanComparison {
 public:
  // Both must outlive it.
  PlanComparison(const Catalog& catalog, const PlanQuestion& question);

  // The next jobs, one request each. REQUIRES: as RunningCost::Add().
  void Add(int64_t jobs, Credits each) {
    if (has_expiring_) running_.Add(jobs, each);
  }

  // Of every plan, in catalog order. REQUIRES: estimator.requests() is at most
  // Schedule::kRequestsMax, and the sum of what is available is within Credits.
  void Finish(const Estimator& estimator);

  const PlanQuestion& question() const { return question_; }
  const PlannedWork& work() const { return work_; }
  absl::Span<const PlanFit> fits() const { return fits_; }
  const PlanFit& FitOf(const Plan& plan) const;
  // What expires unused under `plan`; see FundsFit.
  Credits ExpiredUnder(const Plan& plan) const;
  // Plans that carry the work, and meet the deadline where there is one.
  std::vector<const PlanFit*> Carrying() const;
  // Limits that meet the deadline, of the plan's windows or, where it has none,
  // of windows of a minute and a day of UTC; see SmallestLimits().
  // REQUIRES: there is a deadline.
  std::vector<v1::WindowLimit> NeededLimits(const Plan& plan) const;

 private:
  // How many requests each plan submits before each of the credits expire.
  std::vector<std::vector<int64_t>> CountsOfAll() const;

  const Catalog& catalog_;
  const PlanQuestion& question_;
  const bool has_expiring_;
  const std::vector<std::vector<int64_t>> counts_;
  RunningCost running_;
  PlannedWork work_;
  std::vector<PlanFit> fits_;
  std::vector<Credits> expired_;
};

// Adds to `report` what `plan` makes of the work.
void DescribePlan(const PlanComparison& comparison, const Plan& plan,
                  v1::Estimate& report);

// REQUIRES: `comparison` is finished.
v1::Recommendation ToRecommendation(const PlanComparison& comparison);

// Plans beside each other.
ReportTable PlansTable(absl::Span<const v1::Estimate> reports);

// Lines about one plan, for people.
std::vector<std::string> PlanFacts(const v1::Estimate& report);

// How far `report` is behind its deadline, in words that follow the plan.
std::string DeadlineText(const v1::Estimate& report);

// Seconds rounded up to whole ones, as "9m30s"; "never" where they are
// infinite.
std::string DurationText(double seconds);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_PLAN_REPORT_H_
