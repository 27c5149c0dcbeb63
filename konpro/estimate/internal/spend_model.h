// The statistics of forecast.h: a model of daily spend, in plain numbers
// without a unit. What they mean in credits and dates is said there.
//
//   const SpendModel model = SpendModel::Fit(days);
//   model.Expected(14)                          // the mean of each next day
//   model.Simulate(random, absl::MakeSpan(path));  // one possible future
//
// Thread safety: immutable.
//
// Invariants: (1) nothing that it returns is negative, infinite or not a
// number. (2) The same days and the same random numbers give the same results.
#ifndef KONPRO_ESTIMATE_INTERNAL_SPEND_MODEL_H_
#define KONPRO_ESTIMATE_INTERNAL_SPEND_MODEL_H_

#include <array>
#include <cstddef>
#include <random>
#include <vector>

#include "absl/types/span.h"
#include "konpro/estimate/internal/wild_days.h"

namespace konpro::internal {

inline constexpr int kDaysPerWeek = 7;

class SpendModel {
 public:
  // Days that Fit() looks at: the last ones.
  static constexpr size_t kDaysMax = 1096;
  // Fewer days give their average: no weekly pattern, no trend, no Simulate().
  static constexpr size_t kPatternDaysMin = 14;

  // REQUIRES: at least one day.
  static SpendModel Fit(absl::Span<const SpendDay> days);

  // Spend of an average day, now; and its change from one day to the next.
  double level() const { return level_; }
  double slope() const { return slope_; }

  // What each of the next seven days is of an average day; mean 1.
  const std::array<double, kDaysPerWeek>& pattern() const { return pattern_; }

  // Days that were left out, in order, with what was expected of them.
  const std::vector<WildSpendDay>& wild_days() const { return wild_days_; }

  // The expected spend of each of the next `days` days.
  std::vector<double> Expected(size_t days) const;

  // Fills `path` with the spend of the next days in one possible future.
  // REQUIRES: fitted to at least kPatternDaysMin days.
  void Simulate(std::mt19937_64& random, absl::Span<double> path) const;

 private:
  friend class SpendModelFitter;

  // One way to follow the level: how fast it forgets, where it stands.
  struct Smoother {
    double discount = 1;
    // Pulls the slope to zero, as that much evidence would; infinite for none.
    double slope_ridge = 0;
    // Discounted sums over past days, the last one at time 0: of the weekday
    // factors and their products with time and time squared; of what was spent
    // and its product with time.
    double s0 = 0, s1 = 0, s2 = 0, t0 = 0, t1 = 0;
    double level = 0;
    double slope = 0;
    // Its share in the forecast.
    double weight = 0;

    // Time goes on by a day on which `factor` was expected of an average day.
    void Advance(double factor, double spent);
    // Level after so many days' worth of slope.
    double LevelAfter(double damped_days) const;
    // What a surprise of one average day does to level and slope.
    double LevelGain() const;
    double SlopeGain() const;
  };

  std::vector<Smoother> smoothers_;
  std::array<double, kDaysPerWeek> pattern_ = {};
  double level_ = 0;
  double slope_ = 0;
  // What past days came to as a multiple of what was expected, in order;
  // mean 1.
  std::vector<double> ratios_;
  // Their standard deviation.
  double deviation_ = 0;
  std::vector<WildSpendDay> wild_days_;
};

}  // namespace konpro::internal

#endif  // KONPRO_ESTIMATE_INTERNAL_SPEND_MODEL_H_
