// Which time a command from outside may carry. A ledger's time never goes back,
// so one time far ahead of the clock would stop every account until then. So
// whatever takes a time from outside (a command line, an HTTP request, a usage
// record) compares it with the wall clock of its process before anything is
// written:
//
//   // An earlier time stays: noon.
//   TakeTime({.field = "--at", .asked = noon, .clock = one_pm})
//   // A little ahead of the clock is now: noon.
//   TakeTime({.field = "--at", .asked = noon + kClockTolerance, .clock = noon})
//   // kInvalidArgument: "--at: ... is 1h ahead of the clock ..."
//   TakeTime({.field = "--at", .asked = one_pm, .clock = noon})
//
// The rules of accounts and ledgers know no clock: their times are parameters.
// Ends (of a grant, a reservation, a key) may be any time ahead.
//
// Thread safety: pure functions.
#ifndef KONPRO_BASE_CLOCK_TOLERANCE_H_
#define KONPRO_BASE_CLOCK_TOLERANCE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace konpro {

// How far clocks may differ, unless the option says otherwise.
inline constexpr absl::Duration kClockTolerance = absl::Minutes(5);
inline constexpr absl::Duration kClockToleranceMax = absl::Hours(24);
inline constexpr char kClockToleranceOption[] = "--clock-tolerance";

struct OutsideTime {
  absl::string_view field;  // where it came from, as its writer calls it
  absl::Time asked;
  absl::Time clock;  // the wall clock of this process
  absl::Duration tolerance = kClockTolerance;
};

// `asked`, or `clock` if that is earlier. kInvalidArgument: it is more than the
// tolerance ahead; names the field, both times and the difference.
absl::StatusOr<absl::Time> TakeTime(const OutsideTime& time);

// Such as "4m", "13124 days": how far one clock is ahead of another, for
// people. Rounded down to a millisecond, from two days on to a day.
std::string AheadText(absl::Duration ahead);

// Such as "2026-11-02T09:00:00Z", rounded down to a millisecond.
std::string ClockText(absl::Time time);

}  // namespace konpro

#endif  // KONPRO_BASE_CLOCK_TOLERANCE_H_
