// Times as reports show them: RFC 3339 in UTC, or the names of the ends of
// time.
//
//   TimeText(absl::FromUnixSeconds(1'798'761'600))   // "2027-01-01T00:00:00Z"
//   TimeText(absl::InfiniteFuture())                 // "never"
//   TimeText(absl::InfinitePast())                   // "always"
//
// Thread safety: all functions are pure.
#ifndef KONPRO_REPORT_TIME_TEXT_H_
#define KONPRO_REPORT_TIME_TEXT_H_

#include <string>

#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"

namespace konpro {

// "never" from the year 10000 on, "always" before the year 1.
std::string TimeText(absl::Time time);
// "never" for UnixNanos::Max(), "always" for 0.
std::string TimeText(UnixNanos time);

}  // namespace konpro

#endif  // KONPRO_REPORT_TIME_TEXT_H_
