// What limiter_fast_path_test.sh reads the instructions of.
#include <cstdint>

#include "konpro/limiter.h"
#include "konpro/unix_nanos.h"

namespace konpro {

extern "C" Outcome KonproFastPath(LimiterCell& cell,
                                  const LimiterWindows& windows, uint64_t cost,
                                  UnixNanos now);
extern "C" Outcome KonproFastPath(LimiterCell& cell,
                                  const LimiterWindows& windows, uint64_t cost,
                                  UnixNanos now) {
  return TryAcquire(cell, windows, cost, now).outcome();
}

}  // namespace konpro
