// The first nanosecond at which a price list is in effect, for everything that
// decides prices by the data plane's clock.
//
// Thread safety: pure.
#ifndef KONPRO_ESTIMATE_INTERNAL_PRICE_TIME_H_
#define KONPRO_ESTIMATE_INTERNAL_PRICE_TIME_H_

#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"

namespace konpro::internal {

// UnixNanos::Max() if it lies after the end of time.
inline UnixNanos FirstAtOrAfter(absl::Time time) {
  const UnixNanos at = UnixNanos::FromTime(time);
  return at < UnixNanos::Max() && at.ToTime() < time
             ? UnixNanos::FromNanos(at.nanos() + 1)
             : at;
}

}  // namespace konpro::internal

#endif  // KONPRO_ESTIMATE_INTERNAL_PRICE_TIME_H_
