// What limiter_fast_path_test.sh reads the instructions of.
#include <cstdint>

#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"

namespace konpro {

extern "C" LimitOutcome KonproFastPath(LimiterCell& cell,
                                       const LimiterWindows& windows,
                                       uint64_t cost, UnixNanos now);
extern "C" LimitOutcome KonproFastPath(LimiterCell& cell,
                                       const LimiterWindows& windows,
                                       uint64_t cost, UnixNanos now) {
  return TryAcquire(cell, windows, cost, now).outcome();
}

}  // namespace konpro
