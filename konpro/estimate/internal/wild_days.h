// Days of a history that are nothing like the days around them: one job that
// ran away, one outage. They say nothing about other days, so spend_model.h
// leaves them out. What happens more often is part of demand and is no wild
// day: bursts, a level that moved for good, weekends off.
//
//   for (const WildSpendDay& wild : FindWildDays(days))
//     days[wild.day].spent = wild.usual;
//
// Thread safety: a pure function. It compares, multiplies and divides and calls
// no mathematical library, so each machine finds the same days.
//
// Limits: kWildDaysPerWindow in kWildWindowDays days; see the .cc for others.
#ifndef KONPRO_ESTIMATE_INTERNAL_WILD_DAYS_H_
#define KONPRO_ESTIMATE_INTERNAL_WILD_DAYS_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace konpro::internal {

struct SpendDay {
  // Zero or more, at most 2^63.
  double spent = 0;
  // Whether a limit was reached: demand was at least `spent`.
  bool capped = false;
};

struct WildSpendDay {
  // Index in the history.
  size_t day = 0;
  // What such a day usually comes to, by its weekday and the weeks around it.
  double usual = 0;
};

// Fewer days have no wild one: nothing says what is usual.
inline constexpr size_t kWildHistoryMin = 7;

// If more than so many days within this time stand out as far, none is wild.
inline constexpr size_t kWildDaysPerWindow = 3;
inline constexpr size_t kWildWindowDays = 56;

// In order of days.
std::vector<WildSpendDay> FindWildDays(absl::Span<const SpendDay> days);

}  // namespace konpro::internal

#endif  // KONPRO_ESTIMATE_INTERNAL_WILD_DAYS_H_
