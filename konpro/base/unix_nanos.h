// UnixNanos is the time of the data plane: whole nanoseconds since 1970 UTC in
// one integer. absl::Time is the time of everything else.
//
//   UnixNanos::FromNanos(1'700'000'000'000'000'000)
//   UnixNanos::FromTime(absl::FromUnixSeconds(1'700'000'000))     // the same
//   UnixNanos::CoarseNow()                      // costs a few nanoseconds
//
// Thread safety: immutable but for assignment. All functions but CoarseNow()
// are pure.
//
// Limits: 0 .. 2^63-1 nanoseconds, 1970-01-01 .. 2262-04-11. A time outside
// counts as the nearer end: nothing wraps.
#ifndef KONPRO_BASE_UNIX_NANOS_H_
#define KONPRO_BASE_UNIX_NANOS_H_

#include <time.h>

#include <compare>
#include <cstdint>
#include <limits>
#include <ostream>
#include <type_traits>

#include "absl/time/time.h"

namespace konpro {

class UnixNanos {
 public:
  constexpr UnixNanos() = default;

  static constexpr UnixNanos FromNanos(int64_t nanos) {
    return UnixNanos(nanos < 0 ? 0 : nanos);
  }

  // Rounds down to a nanosecond. It calls into Abseil's library: the data plane
  // keeps the result, or reads a clock that counts nanoseconds itself.
  static UnixNanos FromTime(absl::Time time) {
    if (time >= Max().ToTime()) return Max();
    return FromNanos(absl::ToUnixNanos(time));
  }

  // The system's coarse real-time clock, which costs a tenth of the precise
  // one. It is never ahead of the precise clock and at most one timer tick
  // late (1 .. 10 ms by kernel, commonly 4 ms): a limit decided by it resets up
  // to a tick late, never early. If the system has no such clock, this is the
  // precise one.
  static UnixNanos CoarseNow() {
    timespec now;
#ifdef CLOCK_REALTIME_COARSE
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
#else
    clock_gettime(CLOCK_REALTIME, &now);
#endif
    return FromNanos(int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec);
  }

  static constexpr UnixNanos Max() {
    return UnixNanos(std::numeric_limits<int64_t>::max());
  }

  constexpr int64_t nanos() const { return nanos_; }
  absl::Time ToTime() const { return absl::FromUnixNanos(nanos_); }

  friend constexpr auto operator<=>(UnixNanos a, UnixNanos b) = default;

  // The exact time between: two times in the domain are at most 2^63-1 apart.
  friend constexpr absl::Duration operator-(UnixNanos a, UnixNanos b) {
    return absl::Nanoseconds(a.nanos_ - b.nanos_);
  }

  friend std::ostream& operator<<(std::ostream& os, UnixNanos t) {
    return os << t.nanos_ << "ns";
  }

 private:
  constexpr explicit UnixNanos(int64_t nanos) : nanos_(nanos) {}

  int64_t nanos_ = 0;
};

static_assert(sizeof(UnixNanos) == 8);
static_assert(std::is_trivially_copyable_v<UnixNanos>);

}  // namespace konpro

#endif  // KONPRO_BASE_UNIX_NANOS_H_
