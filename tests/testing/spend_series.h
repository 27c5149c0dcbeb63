// Made-up daily spend of known kinds, the same on every machine:
// std::mt19937_64 is portable, and so is what is made of it here.
//
// Thread safety: thread-compatible.
#ifndef KONPRO_TESTS_TESTING_SPEND_SERIES_H_
#define KONPRO_TESTS_TESTING_SPEND_SERIES_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "absl/time/civil_time.h"
#include "konpro/base/credits.h"
#include "konpro/estimate/forecast.h"

namespace konpro::testing {

enum class SpendKind {
  kFlat,
  kWeekly,
  kTrend,
  kBursty,
  kCapped,
  kIntermittent
};

struct SpendSeries {
  std::vector<DailySpend> days;
  // What would have been spent without a limit, in credits.
  std::vector<double> demand;
};

class SpendSeriesMaker {
 public:
  explicit SpendSeriesMaker(uint64_t seed) : random_(seed) {}

  // Series of one kind differ in level, in weekday of the first day, and in
  // slope where they have one.
  SpendSeries Make(SpendKind kind, int days) {
    const double level = 100 * std::exp(Normal());
    const auto first = static_cast<int>(Uniform() * 7);
    // From -0.2% to 1% of the first level a day.
    const double slope = -0.002 + 0.012 * Uniform();
    SpendSeries series;
    for (int i = 0; i < days; ++i) {
      const double demand =
          level * std::max(0.0, Relative(kind, (first + i) % 7, slope * i));
      const double cap = kind == SpendKind::kCapped ? 1.4 * level : 1e15;
      series.demand.push_back(demand);
      series.days.push_back(
          {.day = absl::CivilDay(2027, 1, 4) + first + i,
           .spent = Credits::FromTicks(static_cast<int64_t>(
               std::min(demand, cap) * Credits::kTicksPerCredit)),
           .capped = demand >= cap});
    }
    return series;
  }

  // In [0, 1).
  double Uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

  // By the method of Box and Muller.
  double Normal() {
    return std::sqrt(-2 * std::log(1 - Uniform())) *
           std::cos(2 * M_PI * Uniform());
  }

 private:
  // Demand of a day as a multiple of the level.
  double Relative(SpendKind kind, int weekday, double growth) {
    constexpr double kWeek[] = {1.25, 1.3, 1.2, 1.25, 1.1, 0.5, 0.4};
    switch (kind) {
      case SpendKind::kFlat:
        return 1 + 0.2 * Normal();
      case SpendKind::kWeekly:
        return kWeek[weekday] * std::exp(0.2 * Normal());
      case SpendKind::kTrend:
        return (1 + growth) * std::exp(0.15 * Normal());
      case SpendKind::kBursty:
        // Base load, and on one day of eight a burst of many times that.
        return 0.3 * std::exp(0.3 * Normal()) +
               (Uniform() < 0.125 ? 1 - 2 * std::log(1 - Uniform()) : 0);
      case SpendKind::kCapped:
        return kWeek[weekday] * std::exp(0.25 * Normal());
      case SpendKind::kIntermittent:
        return Uniform() < 0.15 ? std::exp(0.5 * Normal()) : 0;
    }
    return 0;
  }

  std::mt19937_64 random_;
};

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_SPEND_SERIES_H_
