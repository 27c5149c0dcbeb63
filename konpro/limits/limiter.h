// A LimiterCell keeps the state of one account's rate windows; TryAcquire()
// decides on a request and counts it, in one atomic step: all windows admit it
// or none counts it. It has no account ids (limiter_registry.h) and no credits;
// what a Decision says is in limiter_decision.h.
//
//   const LimiterWindows windows(minute, day);   // shared by many cells
//   LimiterCell cell;                            // fresh
//   const Decision d = TryAcquire(cell, windows, /*cost=*/1, now);
//   d.allowed()                                  // true
//   d.remaining(0)                               // 59
//   d.reset_after(0)                             // 60s or less
//   Release(cell, windows, d, later);            // the request was not made
//
// Thread safety: LimiterCell is thread-safe and lock-free.
//
// Memory ordering: see internal/atomic_u128.h. A change of a cell is
// acquire-release; a refusal and Peek() are acquire loads.
//
// Invariants: (1) an admission is one 16-byte compare-and-swap; a refusal, a
// peek and a cost of 0 write nothing. (2) A refusal is decided by one window,
// from a state that this window had during the call. (3) Those of
// limiter_decision.h.
//
// Limits: a call that loses kAttemptsMax races, or finds the cell closed as
// often, returns kRetryLater with a retry_after() of zero, of the fresh state.
#ifndef KONPRO_LIMITS_LIMITER_H_
#define KONPRO_LIMITS_LIMITER_H_

#include <cstdint>
#include <type_traits>

#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/atomic_u128.h"
#include "konpro/limits/limiter_decision.h"

namespace konpro {

class LimiterCell {
 public:
  constexpr LimiterCell() = default;
  constexpr explicit LimiterCell(const LimiterState& state)
      : word_(Pack(state)) {}

  // Each window's state at some instant of the call.
  LimiterState Load() const { return Unpack(word_.Load()); }
  // Both at one instant; it costs as much as a change.
  LimiterState LoadBoth() { return Unpack(word_.LoadBoth()); }
  // Writes `desired` if the state is `expected`; else returns false and
  // what Load() would in `expected`.
  bool CompareExchange(LimiterState& expected, const LimiterState& desired) {
    internal::U128 seen = Pack(expected);
    const bool done = word_.CompareExchange(seen, Pack(desired));
    expected = Unpack(seen);
    return done;
  }
  // Waits, after a lost race, about as long as a cache line takes to another
  // core and back: the winner makes several changes while it has the line, and
  // two threads get twice as much out of one cell.
  static void StepBack() {
    for (int i = 0; i < kPauses; ++i) internal::Pause();
  }

 private:
  static constexpr int kPauses = 32;

  static constexpr internal::U128 Pack(const LimiterState& state) {
    return {.low = state.windows[0].word, .high = state.windows[1].word};
  }
  static constexpr LimiterState Unpack(internal::U128 word) {
    return {{WindowState{word.low}, WindowState{word.high}}};
  }

  internal::AtomicU128 word_;
};

static_assert(sizeof(LimiterCell) == 16 && alignof(LimiterCell) == 16);
static_assert(std::is_trivially_destructible_v<LimiterCell>);

// How often a call tries to swap before it gives up.
inline constexpr int kAttemptsMax = 128;

// Takes `cost` permits of every window, or none. A Cell is a LimiterCell, or a
// class with its Load(), CompareExchange() and StepBack().
template <typename Cell>
Decision TryAcquire(Cell& cell, const LimiterWindows& windows, uint64_t cost,
                    UnixNanos now);
// At UnixNanos::CoarseNow(), with its error.
template <typename Cell>
Decision TryAcquire(Cell& cell, const LimiterWindows& windows, uint64_t cost);

// What TryAcquire() would decide; takes nothing, and state() is the present
// state.
template <typename Cell>
Decision Peek(const Cell& cell, const LimiterWindows& windows, uint64_t cost,
              UnixNanos now);

// Gives an allowed decision's permits back to the windows that they came from,
// if those still hold: see WindowRule::Refund(). Another decision gives
// nothing. `windows` are the cell's now: one that continues a window (see
// Carry()) with another period, kind or bucket size gets nothing. False if
// kAttemptsMax races were lost: nothing is given back, try again.
// REQUIRES: each decision is released once.
template <typename Cell>
bool Release(Cell& cell, const LimiterWindows& windows,
             const Decision& decision, UnixNanos now);

}  // namespace konpro

#include "konpro/limits/internal/limiter_inline.h"  // IWYU pragma: export

#endif  // KONPRO_LIMITS_LIMITER_H_
