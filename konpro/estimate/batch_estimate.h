// A batch of jobs, seen once: what it costs, how far the total may be off if
// quantities are uncertain, and what every plan makes of it. Each request is
// priced by the list in effect when the plan lets it go out, so that a replay
// of the schedule (replay.h) costs the same.
//
//   BatchEstimate batch(catalog, /*at=*/std::nullopt, question);
//   batch.Add({.operation = avatar, .quantity = 90'000, .jobs = 3});
//   batch.Add({.operation = photo, .quantity = 10},
//             QuantityRange{.low = 5, .likely = 10, .high = 40});
//   batch.Finish();
//   batch.estimator().total()                      // 290 credits
//   batch.CostUnder(pro).estimator.Periods().size()   // 1: one price list
//   batch.Range(budget, /*seed=*/1)->p90           // above 290 credits
//   batch.comparison().Recommend().cheapest        // an index, or nullopt
//
// Thread safety: thread-compatible.
//
// Limits: 2^60 requests; memory grows with plans and price lists to come, not
// with jobs whose quantity is known.
#ifndef KONPRO_ESTIMATE_BATCH_ESTIMATE_H_
#define KONPRO_ESTIMATE_BATCH_ESTIMATE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/plan.h"
#include "konpro/estimate/estimator.h"
#include "konpro/estimate/plan_comparison.h"
#include "konpro/estimate/uncertainty.h"

namespace konpro {

// What a batch costs, by the prices that count.
struct BatchCost {
  Estimator estimator;
  UncertainTotal uncertain;

  // Of the total. Errors as of UncertainTotal::Range().
  absl::StatusOr<TotalRange> Range(std::optional<Credits> budget,
                                   uint64_t seed) const;
};

class BatchEstimate {
 public:
  // Samples of the range of the total.
  static constexpr int kSamples = 10'000;

  // With the prices in effect at `at` for all requests. Without `at`, each
  // request has those in effect when it goes out, under a plan with windows;
  // else those in effect at question.start. `catalog` and `question` must
  // outlive it.
  BatchEstimate(const Catalog& catalog, std::optional<absl::Time> at,
                const PlanQuestion& question);

  // The next jobs. job.quantity is the likely one if there is a range.
  // kOutOfRange: a sum leaves its range; the batch means nothing then. Other
  // errors as of UncertainTotal::Add(). REQUIRES: as Estimator::Add().
  absl::Status Add(const EstimateJob& job,
                   const std::optional<QuantityRange>& range = std::nullopt);

  // After the last job; comparison() is complete then.
  void Finish();

  // Under no plan in particular: as if all requests went out at the start.
  const BatchCost& cost() const { return costs_[0]; }
  const Estimator& estimator() const { return cost().estimator; }
  const UncertainTotal& uncertain() const { return cost().uncertain; }
  const BatchCost& CostUnder(const Plan& plan) const {
    return costs_[cost_of_plan_[IndexOf(plan)]];
  }
  // Whether that is a cost of its own: other prices take effect after the
  // start. It may still be the same amount.
  bool HasOwnCost(const Plan& plan) const {
    return cost_of_plan_[IndexOf(plan)] != 0;
  }
  // When the prices that cost() takes end, unless that is never, or they are
  // those of a given time.
  std::optional<absl::Time> prices_until() const { return prices_until_; }

  const PlanComparison& comparison() const { return comparison_; }
  // Jobs of `operation` whose quantity is uncertain.
  int64_t UncertainJobs(const Operation& operation) const {
    return uncertain_jobs_[IndexOf(operation)];
  }

  absl::StatusOr<TotalRange> Range(std::optional<Credits> budget,
                                   uint64_t seed) const {
    return cost().Range(budget, seed);
  }

 private:
  size_t IndexOf(const Operation& operation) const {
    return static_cast<size_t>(&operation - catalog_.operations().data());
  }
  size_t IndexOf(const Plan& plan) const {
    return static_cast<size_t>(&plan - catalog_.plans().data());
  }
  // The next jobs at costs_[index].
  absl::Status AddTo(size_t index, const EstimateJob& job,
                     const std::optional<QuantityRange>& range);

  const Catalog& catalog_;
  std::optional<absl::Time> prices_until_;
  PlanComparison comparison_;
  // The first is that of no plan in particular.
  std::vector<BatchCost> costs_;
  // By the plan's place in the catalog: which of them.
  std::vector<size_t> cost_of_plan_;
  // By the operation's place in the catalog.
  std::vector<int64_t> uncertain_jobs_;
};

}  // namespace konpro

#endif  // KONPRO_ESTIMATE_BATCH_ESTIMATE_H_
