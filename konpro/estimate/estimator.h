// An Estimator adds up what jobs will cost: one pass, memory that does not
// depend on the number of jobs. It knows prices and plans, not files and not
// time windows.
//
//   Estimator estimator(Catalog::BuiltIn(), absl::Now());
//   const Operation* video = Catalog::BuiltIn().FindOperation("avatar_video");
//   estimator.Add({.operation = video, .quantity = 90'000, .jobs = 3});
//   estimator.total()                                // 270 credits
//   estimator.requests()                             // 3
//   estimator.RefusedBy(*Catalog::BuiltIn().FindPlan("pro"))   // {}
//   Shortfall(estimator.total(), *Credits::Parse("200"))       // 70 credits
//
// Each job is priced by itself, as it will be billed, and then added.
//
// Thread safety: thread-compatible.
//
// Invariants: (1) total() is the sum of the lines' costs. (2) requests() is the
// sum of the lines' jobs. (3) An Add() that fails changes nothing.
#ifndef KONPRO_ESTIMATE_ESTIMATOR_H_
#define KONPRO_ESTIMATE_ESTIMATOR_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/plan.h"
#include "konpro/catalog/price_list.h"

namespace konpro {

// Identical jobs, one request each.
struct EstimateJob {
  // Of the estimator's catalog.
  const Operation* operation = nullptr;
  // Of one job, in base units of the operation. Zero or more.
  int64_t quantity = 0;
  // Zero or more. Zero asks for nothing, and a plan cannot refuse it.
  int64_t jobs = 1;
};

// What all jobs of one operation come to.
struct EstimateLine {
  const Operation* operation = nullptr;
  // nullptr if the operation has no price at the estimator's time; `cost` is
  // zero then, and means nothing.
  const Price* price = nullptr;
  int64_t jobs = 0;
  int64_t quantity = 0;
  // After minimum and increment of the price.
  int64_t billed_quantity = 0;
  Credits cost;
};

class Estimator {
 public:
  // With the prices in effect at `at`. `catalog` must outlive the estimator.
  Estimator(const Catalog& catalog, absl::Time at);

  // kOutOfRange: a sum leaves its range; nothing was added.
  // REQUIRES: job.operation is one of the catalog's; no negative.
  absl::Status Add(const EstimateJob& job);

  // Operations that have a job, in catalog order.
  std::vector<EstimateLine> Lines() const;

  Credits total() const { return total_; }

  // Requests that the jobs take: one each.
  int64_t requests() const { return requests_; }

  // Operations that have a job and that `plan` does not allow, in catalog
  // order.
  std::vector<const Operation*> RefusedBy(const Plan& plan) const;

  // When the prices came into effect; nullopt if none are.
  std::optional<absl::Time> prices_since() const { return prices_since_; }

 private:
  std::optional<absl::Time> prices_since_;
  // One for each operation of the catalog, in its order.
  std::vector<EstimateLine> lines_;
  const Operation* first_operation_;
  Credits total_;
  int64_t requests_ = 0;
};

// What `available` lacks to cover `cost`; zero if it does. nullopt if
// that leaves the range of Credits.
std::optional<Credits> Shortfall(Credits cost, Credits available);

}  // namespace konpro

#endif  // KONPRO_ESTIMATE_ESTIMATOR_H_
