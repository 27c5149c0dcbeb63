#include "konpro/base/clock_tolerance.h"

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace konpro {
namespace {

// From here on nobody counts the hours.
constexpr absl::Duration kDaysFrom = absl::Hours(48);

}  // namespace

absl::StatusOr<absl::Time> TakeTime(const OutsideTime& time) {
  if (time.asked - time.clock <= time.tolerance) {
    return std::min(time.asked, time.clock);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      time.field, ": ", ClockText(time.asked), " is ",
      AheadText(time.asked - time.clock), " ahead of the clock, which says ",
      ClockText(time.clock), "; at most ", AheadText(time.tolerance),
      " is taken, as now"));
}

std::string AheadText(absl::Duration ahead) {
  if (ahead >= kDaysFrom) {
    return absl::StrCat(ahead / absl::Hours(24), " days");
  }
  return absl::FormatDuration(absl::Trunc(ahead, absl::Milliseconds(1)));
}

std::string ClockText(absl::Time time) {
  const absl::Duration since =
      absl::Floor(time - absl::UnixEpoch(), absl::Milliseconds(1));
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*SZ", absl::UnixEpoch() + since,
                          absl::UTCTimeZone());
}

}  // namespace konpro
