// A batch of jobs, seen once: what it costs, how far the total may be off if
// quantities are uncertain, and what every plan makes of it.
//
//   BatchEstimate batch(catalog, at, question);
//   batch.Add({.operation = avatar, .quantity = 90'000, .jobs = 3});
//   batch.Add({.operation = photo, .quantity = 10},
//             QuantityRange{.low = 5, .likely = 10, .high = 40});
//   batch.Finish();
//   batch.estimator().total()                      // 290 credits
//   batch.Range(budget, /*seed=*/1)->p90           // above 290 credits
//   batch.comparison().Recommend().cheapest        // an index, or nullopt
//
// Thread safety: thread-compatible.
//
// Limits: 2^60 requests; memory does not grow with jobs whose quantity is
// known.
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
#include "konpro/catalog/price_list.h"
#include "konpro/estimate/estimator.h"
#include "konpro/estimate/plan_comparison.h"
#include "konpro/estimate/uncertainty.h"

namespace konpro {

class BatchEstimate {
 public:
  // Samples of the range of the total.
  static constexpr int kSamples = 10'000;

  // With the prices in effect at `at`. `catalog` and `question` must outlive
  // it.
  BatchEstimate(const Catalog& catalog, absl::Time at,
                const PlanQuestion& question);

  // The next jobs. job.quantity is the likely one if there is a range.
  // kOutOfRange: a sum leaves its range; the batch means nothing then. Other
  // errors as of UncertainTotal::Add(). REQUIRES: as Estimator::Add().
  absl::Status Add(const EstimateJob& job,
                   const std::optional<QuantityRange>& range = std::nullopt);

  // After the last job; comparison() is complete then.
  void Finish() { comparison_.Finish(estimator_); }

  const Estimator& estimator() const { return estimator_; }
  const UncertainTotal& uncertain() const { return uncertain_; }
  const PlanComparison& comparison() const { return comparison_; }
  // Jobs of `operation` whose quantity is uncertain.
  int64_t UncertainJobs(const Operation& operation) const;

  // Of the total. Errors as of UncertainTotal::Range().
  absl::StatusOr<TotalRange> Range(std::optional<Credits> budget,
                                   uint64_t seed) const;

 private:
  size_t IndexOf(const Operation& operation) const {
    return static_cast<size_t>(&operation - first_operation_);
  }

  Estimator estimator_;
  UncertainTotal uncertain_;
  PlanComparison comparison_;
  const Operation* first_operation_;
  // By the operation's place in the catalog, as the next.
  std::vector<const Price*> prices_;
  std::vector<int64_t> uncertain_jobs_;
};

}  // namespace konpro

#endif  // KONPRO_ESTIMATE_BATCH_ESTIMATE_H_
