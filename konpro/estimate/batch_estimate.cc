#include "konpro/estimate/batch_estimate.h"

#include "konpro/limits/schedule.h"

namespace konpro {

BatchEstimate::BatchEstimate(const Catalog& catalog, absl::Time at,
                             const PlanQuestion& question)
    : estimator_(catalog, at),
      comparison_(catalog, question),
      first_operation_(catalog.operations().data()),
      uncertain_jobs_(catalog.operations().size()) {
  const PriceList* prices = catalog.PricesAt(at);
  for (const Operation& operation : catalog.operations()) {
    prices_.push_back(prices == nullptr ? nullptr
                                        : prices->Find(operation.name));
  }
}

absl::Status BatchEstimate::Add(const EstimateJob& job,
                                const std::optional<QuantityRange>& range) {
  absl::Status status = estimator_.Add(job);
  if (!status.ok()) return status;
  const size_t index = IndexOf(*job.operation);
  const Price* price = prices_[index];
  // The estimator has added up the same costs and requests: they fit.
  comparison_.Add(job.jobs,
                  price == nullptr ? Credits() : *price->CostOf(job.quantity));
  if (estimator_.requests() > static_cast<int64_t>(Schedule::kRequestsMax)) {
    return absl::OutOfRangeError("more than 2^60 requests");
  }
  if (!range.has_value()) return absl::OkStatus();
  uncertain_jobs_[index] += job.jobs;
  return price == nullptr ? absl::OkStatus()
                          : uncertain_.Add(*price, *range, job.jobs);
}

int64_t BatchEstimate::UncertainJobs(const Operation& operation) const {
  return uncertain_jobs_[IndexOf(operation)];
}

absl::StatusOr<TotalRange> BatchEstimate::Range(std::optional<Credits> budget,
                                                uint64_t seed) const {
  // What is certain is what the uncertain jobs do not cost.
  return uncertain_.Range(
      {.certain = *CheckedSubtract(estimator_.total(), uncertain_.likely()),
       .budget = budget,
       .seed = seed,
       .samples = kSamples});
}

}  // namespace konpro
