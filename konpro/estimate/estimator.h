// An Estimator adds up what jobs will cost: one pass, memory that does not
// depend on the number of jobs. It knows prices and plans, not files and not
// time windows: if prices change while the requests go out, the caller says how
// many of them each price list has (batch_estimate.h knows).
//
//   Estimator estimator(Catalog::BuiltIn(), absl::Now());
//   const Operation* video = Catalog::BuiltIn().FindOperation("avatar_video");
//   estimator.Add({.operation = video, .quantity = 90'000, .jobs = 3});
//   estimator.total()                                // 270 credits
//   estimator.requests()                             // 3
//   estimator.RefusedBy(*Catalog::BuiltIn().FindPlan("pro"))   // {}
//   Shortfall(estimator.total(), *Credits::Parse("200"))       // 70 credits
//
//   Estimator changing(catalog, {{&old_prices, 1'000}, {&new_prices}});
//   // the first 1,000 requests at the old prices, all others at the new ones
//
// Each job is priced by itself, as it will be billed, and then added.
//
// Thread safety: thread-compatible.
//
// Invariants: (1) total() is the sum of the lines' costs. (2) requests() is the
// sum of the lines' jobs. (3) An Add() that fails changes nothing. (4) The sums
// over Periods() are those of the whole.
#ifndef KONPRO_ESTIMATE_ESTIMATOR_H_
#define KONPRO_ESTIMATE_ESTIMATOR_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
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

// Requests that one price list has, in the order in which they go out.
struct PricePeriod {
  // nullptr: nothing has a price.
  const PriceList* prices = nullptr;
  // How many, zero or more. The last period has all that follow.
  int64_t requests = std::numeric_limits<int64_t>::max();
};

// What all jobs of one operation come to.
struct EstimateLine {
  const Operation* operation = nullptr;
  // nullptr if none of the jobs has a price; `cost` is zero then, and means
  // nothing. Of several periods, the last price that was used.
  const Price* price = nullptr;
  int64_t jobs = 0;
  // Of the jobs, those without a price, which `cost` lacks.
  int64_t unpriced_jobs = 0;
  int64_t quantity = 0;
  // After minimum and increment of the price.
  int64_t billed_quantity = 0;
  Credits cost;
};

// What the jobs of one period come to.
struct EstimatePeriod {
  const PriceList* prices = nullptr;
  int64_t requests = 0;
  Credits cost;
  // Operations that have a job in it, in catalog order.
  std::vector<EstimateLine> lines;
};

class Estimator {
 public:
  // With the prices in effect at `at`. `catalog` must outlive the estimator.
  Estimator(const Catalog& catalog, absl::Time at)
      : Estimator(catalog,
                  std::vector<PricePeriod>{{.prices = catalog.PricesAt(at)}}) {}
  // REQUIRES: one period or more; their lists are the catalog's.
  Estimator(const Catalog& catalog, const std::vector<PricePeriod>& periods);

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

  // The periods that have a request, in order.
  std::vector<EstimatePeriod> Periods() const;

  // When the prices of the first period came into effect; nullopt if there are
  // none.
  std::optional<absl::Time> prices_since() const;

  // Calls `part` for each period that has some of the `jobs` requests after the
  // first `before`, with the price of `operation`, or nullptr, and their
  // number.
  void ForEachPart(
      const Operation& operation, int64_t before, int64_t jobs,
      absl::FunctionRef<void(const Price* price, int64_t jobs)> part) const;

 private:
  struct Period {
    const PriceList* prices = nullptr;
    // The number of the first request after it.
    int64_t end = 0;
    // By the operation's place in the catalog.
    std::vector<const Price*> price_of;
    // The same; empty if this is the only period.
    std::vector<EstimateLine> lines;
    Credits cost;
  };

  size_t IndexOf(const Operation& operation) const {
    return static_cast<size_t>(&operation - first_operation_);
  }
  // Jobs of `job` that one period has.
  absl::Status AddPart(const EstimateJob& job, int64_t jobs, Period& period);

  std::vector<Period> periods_;
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
