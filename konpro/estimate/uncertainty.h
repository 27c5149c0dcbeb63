// Uncertain quantities: jobs of which a low, a likely and a high quantity is
// known, and what they may cost together. A job of a known quantity is
// estimator.h.
//
//   UncertainTotal total;
//   total.Add(video, {60'000, 90'000, 150'000}, /*jobs=*/12);
//   total.likely()                               // 1,080 credits
//   const auto range = total.Range({.certain = *Credits::Parse("500"),
//                                   .budget = *Credits::Parse("1700")});
//   range->p90                // 90% of the totals are at most this
//   range->within_budget      // the share of totals within the budget
//
// Each job's quantity is drawn by itself, also of jobs that are alike, from the
// triangular distribution (Kotz and van Dorp, Beyond Beta, 2004, chapter 1)
// from low to high with its mode at likely, rounded to whole base units, and
// priced by Price::CostOf(). Percentiles are those of the sampled totals.
//
// Thread safety: thread-compatible. Range() is const and pure.
//
// Invariants: (1) the sum of costs at `low` <= p10 <= p50 <= p90 <= that at
// `high`. (2) The same calls and the same seed give the same bytes on every
// machine: IEEE additions, products, quotients and roots alone. (3) An Add()
// that fails changes nothing.
//
// Memory and error: kDrawnJobsMax jobs, those that vary the most, are drawn one
// by one. All others together are one draw of a distribution with their mean,
// variance, skewness and kurtosis (Cornish and Fisher, 1938). The share of
// totals below a percentile is off by sampling, with the default 10,000 samples
// 0.3 points (one standard deviation) at p10 and p90 and 0.5 at p50.
#ifndef KONPRO_ESTIMATE_UNCERTAINTY_H_
#define KONPRO_ESTIMATE_UNCERTAINTY_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/price_list.h"

namespace konpro {

// Of one job, in base units. 0 <= low <= likely <= high.
struct QuantityRange {
  int64_t low = 0;
  int64_t likely = 0;
  int64_t high = 0;

  friend bool operator==(const QuantityRange&, const QuantityRange&) = default;
};

struct TotalRange {
  Credits p10;
  Credits p50;
  Credits p90;
  // With a budget: the share of samples whose total is at most that.
  std::optional<double> within_budget;
};

class UncertainTotal {
 public:
  static constexpr int64_t kDrawnJobsMax = 1024;

  struct Options {
    // What is certain and part of every total. Zero or more.
    Credits certain;
    std::optional<Credits> budget;
    uint64_t seed = 1;
    // 100 .. 1,000,000.
    int samples = 10'000;
  };

  // kOutOfRange: the total at `high` leaves the range of Credits; nothing was
  // added. REQUIRES: jobs >= 0.
  absl::Status Add(const Price& price, const QuantityRange& quantity,
                   int64_t jobs);

  // kOutOfRange: the total leaves the range of Credits.
  absl::StatusOr<TotalRange> Range(const Options& options) const;

  // Jobs, and their costs at the likely quantities.
  int64_t jobs() const { return jobs_; }
  Credits likely() const { return likely_; }

 private:
  // Mean and higher cumulants of a cost, in ticks. Those of independent costs
  // add up.
  struct Cumulants {
    double mean = 0;
    double variance = 0;
    double third = 0;
    double fourth = 0;

    void Add(const Cumulants& other, double times);
  };

  // Jobs that are drawn one by one.
  struct Drawn {
    Price price;
    QuantityRange quantity;
    int64_t jobs = 0;
    Cumulants each;
    // Which call to Add() it was.
    int64_t call = 0;
  };

  static Cumulants CumulantsOf(const Price& price,
                               const QuantityRange& quantity);
  // Whether `a` is drawn rather than `b`.
  static bool VariesMore(const Drawn& a, const Drawn& b);
  void Condense(const Drawn& jobs);

  int64_t jobs_ = 0;
  Credits low_;
  Credits likely_;
  Credits high_;
  // A heap: what varies the least is in front.
  std::vector<Drawn> drawn_;
  int64_t drawn_jobs_ = 0;
  int64_t calls_ = 0;
  // Of all other jobs; their costs at low and at high.
  Cumulants condensed_;
  Credits condensed_low_;
  Credits condensed_high_;
};

}  // namespace konpro

#endif  // KONPRO_ESTIMATE_UNCERTAINTY_H_
