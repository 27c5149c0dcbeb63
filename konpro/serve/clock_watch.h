// A server's own clock: whether the wall clock has been set since the server
// began. A ledger's time never goes back, so one job that is charged while the
// clock is weeks ahead would stop every account until then. Setting the clock
// does not move the boot-time clock (CLOCK_BOOTTIME), which also counts the
// time that the machine sleeps: if the two part, the wall clock has stepped.
//
//   ClockWatch clock;                     // the two agree from here on
//   clock.is_trusted()                    // true
//   // The wall clock is set 40 days ahead:
//   clock.is_trusted()                    // false, until it is set back, or
//   clock.Confirm();                      // somebody says that it is right
//   clock.Trusts(now)                     // of a time that was read before
//
// Small corrections, together up to kClockTolerance, are no step.
//
// Thread safety: thread-safe.
#ifndef KONPRO_SERVE_CLOCK_WATCH_H_
#define KONPRO_SERVE_CLOCK_WATCH_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"

namespace konpro {

struct ClockReading {
  absl::Time wall;
  absl::Duration since_boot;
};

// Both clocks of this machine.
ClockReading ReadClocks();

class ClockWatch {
 public:
  // `read` is thread-safe.
  explicit ClockWatch(std::function<ClockReading()> read = ReadClocks);
  ClockWatch(const ClockWatch&) = delete;
  ClockWatch& operator=(const ClockWatch&) = delete;

  // By how much the wall clock was set, since the start or the last Confirm();
  // below zero if it was set back.
  absl::Duration Step() const;
  // Whether the step is at most kClockTolerance, either way.
  bool is_trusted() const;
  // The same of what the wall clock said a moment ago, whatever it says by now:
  // of the time that is passed on.
  bool Trusts(UnixNanos wall) const;
  // For people: what has happened and what to do; "" if the clock is trusted.
  std::string Fault() const;
  // The wall clock is right as it is now.
  void Confirm();

 private:
  // The wall clock less the boot-time clock.
  int64_t ReadOffset() const;
  absl::Duration StepOf(int64_t offset_ns) const;

  // Constant after construction.
  const std::function<ClockReading()> read_;
  // Atomic. Relaxed: it orders nothing.
  std::atomic<int64_t> offset_ns_;
};

}  // namespace konpro

#endif  // KONPRO_SERVE_CLOCK_WATCH_H_
