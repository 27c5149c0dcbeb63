// A WindowRule is a RateWindow compiled into integers: pure functions that say
// what requests do to the state of a window. It has no clock, no account and no
// thread.
//
//   const WindowRule rule(minute);                 // of a RateWindow
//   rule.Advance(WindowState{}, /*cost=*/1, now)   // admitted, and the state
//   rule.Remaining(state, now)                     // 59
//
// Thread safety: immutable, trivially copyable. All functions are pure.
//
// Invariants: (1) no sequence of calls, whatever their times, lets a window
// admit more than its limit at once. (2) A transition that refuses changes
// nothing, except as (3) says. (3) A time before the stored state reopens no
// FIXED window and refills no bucket: a FIXED window stays the stored one, a
// bucket waits until the clock is back. But a state that is further ahead of
// the time than clocks disagree (kSkewNs) was written before the clock was set
// back: the window that holds at the time is used up instead, and the refusal's
// state says so. So no window is closed for longer than a period. (4) The fresh
// state is zero, at every time.
//
// Limits: those of rate_window.h; time as in unix_nanos.h; cost 0 .. limit.
#ifndef KONPRO_LIMITS_INTERNAL_WINDOW_RULE_H_
#define KONPRO_LIMITS_INTERNAL_WINDOW_RULE_H_

#include <cstdint>
#include <type_traits>

#include "konpro/base/unix_nanos.h"
#include "konpro/limits/rate_window.h"

namespace konpro {

// What a window has used, in the units of the rule that wrote it:
//   FIXED         bits 63..30: the number of the window, floor((time - phase)
//                 / period) + 1, at most 9,223,372,037 < 2^34: it never wraps.
//                 Bits 29..0: the permits that are used in it.
//   TOKEN_BUCKET  the theoretical arrival time (when the bucket is full again)
//                 in ticks of the bucket's own time: see WindowRule. Below
//                 2^64-2 at every time and cost: it never wraps.
struct WindowState {
  uint64_t word = 0;

  friend constexpr bool operator==(WindowState, WindowState) = default;
};

class WindowRule {
 public:
  // As RateWindow's, and REQUIRED to be within its limits.
  struct Terms {
    WindowKind kind = WindowKind::kFixed;
    int64_t limit = 0;
    int64_t period_ms = 0;
    int64_t phase_ms = 0;
  };

  struct Step {
    WindowState state;
    bool admitted = false;
  };

  // What one cost at one time does to any state. The default admits all and
  // changes nothing.
  struct Request {
    constexpr Step Advance(WindowState state) const;
    constexpr WindowState Seen(WindowState state) const;

    uint64_t mark = 0;  // the fresh state
    uint64_t mask = 0;  // the bits of a state that are compared
    uint64_t most = 0;  // the largest of them that is admitted
    uint64_t need = 0;  // what an admission adds
    uint64_t full = 0;  // the state that is used up
    // A state that is above the mark by more is ahead: see Seen().
    uint64_t ahead = ~uint64_t{0};
  };

  // A permit's origin: what Advance() returned, for which cost and when.
  struct Taken {
    WindowState state;
    uint64_t cost = 0;
    UnixNanos at;
  };

  constexpr explicit WindowRule(const Terms& terms);
  explicit WindowRule(const RateWindow& window)
      : WindowRule(Terms{.kind = window.kind(),
                         .limit = window.limit(),
                         .period_ms = window.period_ms(),
                         .phase_ms = window.phase_ms()}) {}

  // A state that no function returns and every rule refuses, for ever.
  static constexpr WindowState kClosed = {~uint64_t{0}};

  // By how much times of concurrent calls may disagree: a second, or as many
  // ticks of a bucket, which are half as long at least.
  static constexpr uint64_t kSkewNs = 1'000'000'000;

  constexpr WindowKind kind() const { return kind_; }
  constexpr uint64_t limit() const { return limit_; }

  // What `state` counts as at `now`: itself, or, if it is ahead, that the
  // window at `now` is used up.
  constexpr WindowState Seen(WindowState state, UnixNanos now) const;

  // Takes `cost` permits, or returns `state` if fewer remain, and kClosed if it
  // is ahead: the state to keep is Seen() then. REQUIRES: cost <= limit().
  constexpr Step Advance(WindowState state, uint64_t cost, UnixNanos now) const;
  // The same for a caller that may have to try several states: what depends on
  // none.
  constexpr Request At(UnixNanos now, uint64_t cost) const;
  // FIXED: whether `now` is in the stored window, or before it by no more than
  // clocks disagree.
  constexpr bool Holds(WindowState state, UnixNanos now) const;
  // Advance() of a FIXED window.
  constexpr Step AdvanceFixed(WindowState state, uint64_t cost,
                              UnixNanos now) const;
  // Advance() of a FIXED window unless Holds().
  constexpr Step AdvanceEnded(WindowState state, uint64_t cost,
                              UnixNanos now) const;
  // Advance() if Holds(): whether it admits, and the state after that.
  constexpr bool AdmitsHeld(WindowState state, uint64_t cost) const;
  static constexpr WindowState TakenHeld(WindowState state, uint64_t cost) {
    return {state.word + cost};
  }

  // The permits that could be taken at `now`, whole ones.
  constexpr uint64_t Remaining(WindowState state, UnixNanos now) const;

  // The first time from `now` on at which Advance() admits `cost` if nothing
  // else happens and Seen() is kept; Max() if that is never in the domain of
  // time. REQUIRES: cost <= limit().
  constexpr UnixNanos AdmitsAt(WindowState state, uint64_t cost,
                               UnixNanos now) const;

  // The first time from `now` on at which the window is fresh; see AdmitsAt().
  constexpr UnixNanos FreshAt(WindowState state, UnixNanos now) const;

  // FIXED: when the stored window ends. REQUIRES: it has used something.
  constexpr UnixNanos EndOf(WindowState state) const {
    return FirstAt(state.word | kCountMask);
  }

  // Gives back what was taken, if `state` is still of the window that it was
  // taken from: a FIXED window that has not ended, or what a bucket's refill
  // has not given back since, `cost` less the limit's share of the time
  // between. Then no later Advance() admits what it would refuse had the
  // permits never been taken. For a bucket that holds if `now` is no earlier
  // than the times that other calls have used; if it is, a refund is its cost
  // at most. REQUIRES: each Taken is given back once.
  constexpr WindowState Refund(WindowState state, const Taken& taken,
                               UnixNanos now) const;

  // The state under this rule that has used what `state` has under `from`,
  // rounded up to what this rule can hold.
  constexpr WindowState Carry(const WindowRule& from, WindowState state,
                              UnixNanos now) const;

  // Whether both read a state alike; their limits may differ if both are FIXED.
  constexpr bool SharesStatesWith(const WindowRule& other) const;

 private:
  // The fresh state of a window that begins, or is full, at `now`.
  constexpr uint64_t Mark(UnixNanos now) const;
  constexpr uint64_t FixedMark(UnixNanos now) const;
  // The inverse: the first time whose Mark() is at least `mark`, or Max().
  constexpr UnixNanos FirstAt(uint64_t mark) const;
  // What `state` has used at `now` under this rule, in ticks of unit_.
  constexpr uint64_t Used(WindowState state, UnixNanos now) const;

  static constexpr int kPeriodShift = 6;  // a millisecond is 2^6 * 15,625 ns
  static constexpr int kCountBits = 30;
  static constexpr uint64_t kCountMask = (uint64_t{1} << kCountBits) - 1;

  WindowKind kind_;
  uint8_t shift_ = 0;  // FIXED: after the multiplication
  uint32_t limit_;
  uint64_t unit_ = 1;  // what a permit adds to a word
  uint64_t capacity_;  // limit_ * unit_
  uint64_t period_ns_;
  // FIXED: the phase less 1, modulo 2^64: window w ends w periods after that.
  uint64_t last_ns_ = 0;
  // What is above the mark by more is ahead, unless it Holds(). TOKEN_BUCKET:
  // kSkewNs and the capacity, in ticks; FIXED: 0.
  uint64_t ahead_ = 0;
  uint64_t multiplier_high_ = 0;  // the reciprocal that Mark() multiplies by
  // TOKEN_BUCKET: the lower half of the reciprocal. FIXED: kSkewNs and a
  // period.
  uint64_t multiplier_low_or_held_ns_ = 0;
};

static_assert(std::is_trivially_copyable_v<WindowRule>);
static_assert(sizeof(WindowRule) == 64);

}  // namespace konpro

#include "konpro/limits/internal/window_rule_inline.h"  // IWYU pragma: export

#endif  // KONPRO_LIMITS_INTERNAL_WINDOW_RULE_H_
