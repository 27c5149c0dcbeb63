// The decision on one request, as a pure function: LimiterWindows and a
// LimiterState to a Decision and the next state. It has no cell, no thread and
// no account; limiter.h keeps a state that threads share, rate_window.h
// describes a window.
//
//   const LimiterWindows windows(minute, day);       // 60 a minute, 1000 a day
//   const Decision d = Decide(windows, LimiterState{}, /*cost=*/1, now);
//   d.allowed()                                      // true
//   d.remaining(0)                                   // 59
//   d.reset_after(0)                                 // 60s or less
//   Decide(windows, d.state(), /*cost=*/60, now).outcome()   // kRetryLater
//
// Thread safety: LimiterWindows and Decision are immutable; functions are pure.
// A Decision refers to its windows, which must outlive it.
//
// Invariants: (1) no sequence of calls, whatever their times, lets a window
// admit more than its limit at once. (2) A refusal changes no state, except as
// (3) says. (3) A time before the stored state reopens no FIXED window and
// refills no bucket. If it is more than a second before, the clock was set
// back: the window that holds at that time is used up, by the refusal, and the
// account waits for its end, never longer than a period. (4) The state of zeros
// is fresh, at every time.
//
// Limits: at most two windows; cost 0 .. 2^64-1.
#ifndef KONPRO_LIMITS_LIMITER_DECISION_H_
#define KONPRO_LIMITS_LIMITER_DECISION_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/window_rule.h"
#include "konpro/limits/rate_window.h"

namespace konpro {

// The numbers are fixed: bindings and other processes use them.
enum class LimitOutcome : uint8_t {
  kAllowed = 0,
  kRetryLater = 1,      // refused now, admitted at retry_at()
  kExceedsLimit = 2,    // the cost is above a limit: never admitted
  kNoWindows = 3,       // the account has no windows: nothing is admitted
  kUnknownAccount = 4,  // limiter_registry.h has no account with this id
};

// The windows of an account, compiled for the data plane.
class LimiterWindows {
 public:
  static constexpr size_t kWindowsMax = RateWindow::kWindowsMax;

  explicit LimiterWindows(const RateWindow& only)
      : LimiterWindows(only, only, 1) {}
  LimiterWindows(const RateWindow& first, const RateWindow& second)
      : LimiterWindows(first, second, 2) {}
  // None() of none. REQUIRES: CheckWindows(windows).ok().
  static LimiterWindows Of(absl::Span<const RateWindow> windows);
  // No windows: not "unlimited", but nothing is admitted.
  // REQUIRES: `beyond` is kNoWindows or kUnknownAccount.
  static LimiterWindows None(LimitOutcome beyond = LimitOutcome::kNoWindows);
  // These windows, which keep what was used and admit nothing.
  LimiterWindows Suspended() const;
  // This window and, after it, one that limits nothing: what was used of it is
  // kept for when it comes back. REQUIRES: size() is 1; another name.
  LimiterWindows WithKept(const RateWindow& kept) const;

  size_t size() const { return size_; }
  // With the one that is kept.
  size_t kept_size() const { return kept_size_; }
  // REQUIRES: index < kept_size().
  const RateWindow& window(size_t index) const { return windows_[index]; }
  const WindowRule& rule(size_t index) const { return rules_[index]; }
  bool is_fixed_pair() const { return is_fixed_pair_; }
  // The largest cost that could ever be admitted; 0 if nothing is.
  uint64_t cost_max() const { return cost_max_; }
  // The outcome of a cost that is larger.
  LimitOutcome beyond() const { return beyond_; }

 private:
  LimiterWindows(const RateWindow& first, const RateWindow& second,
                 uint32_t size);

  uint32_t size_;
  uint8_t kept_size_;
  bool is_fixed_pair_;
  LimitOutcome beyond_ = LimitOutcome::kExceedsLimit;
  uint64_t cost_max_;
  std::array<WindowRule, kWindowsMax> rules_;
  std::array<RateWindow, kWindowsMax> windows_;
};

// The states of both windows, in the order of LimiterWindows.
struct LimiterState {
  std::array<WindowState, LimiterWindows::kWindowsMax> windows;

  // Refused by every rule: what a cell holds while its windows are replaced.
  static constexpr LimiterState Closed() {
    return {{WindowRule::kClosed, WindowRule::kClosed}};
  }

  friend constexpr bool operator==(const LimiterState&,
                                   const LimiterState&) = default;
};

// What was decided, and what follows from it; the latter is computed when it is
// asked for. An allowed decision speaks of the time after it, a refused one and
// a peek of the state that was seen.
class Decision {
 public:
  // `state` is what outcome and windows make of it, see state().
  Decision(LimitOutcome outcome, const LimiterWindows& windows,
           const LimiterState& state, uint64_t cost, UnixNanos now);

  LimitOutcome outcome() const { return outcome_; }
  bool allowed() const { return outcome_ == LimitOutcome::kAllowed; }

  const LimiterWindows& windows() const { return *windows_; }
  const LimiterState& state() const { return state_; }
  UnixNanos now() const { return now_; }
  // The cost asked for, or 2^32-1 if it is larger.
  uint64_t cost() const { return cost_; }

  // Which window binds: of a refusal the one that refuses longest, of a cost
  // above a limit the one with the lowest limit, else the one with the fewest
  // permits left; the first of equals, 0 if there is none.
  size_t binding_window() const;

  // What a caller could take from a window now.
  // REQUIRES: index < windows().size().
  uint64_t remaining(size_t index) const {
    return windows_->rule(index).Remaining(state_.windows[index], now_);
  }

  // The first time at which the same request is admitted when nothing else
  // happens: now() if it is allowed, UnixNanos::Max() if that is never.
  UnixNanos retry_at() const;
  absl::Duration retry_after() const { return retry_at() - now_; }

  // The first time at which a window is fresh again.
  // REQUIRES: index < windows().size().
  UnixNanos reset_at(size_t index) const {
    return windows_->rule(index).FreshAt(state_.windows[index], now_);
  }
  absl::Duration reset_after(size_t index) const {
    return reset_at(index) - now_;
  }

 private:
  static constexpr uint64_t kCostMax = ~uint32_t{0};

  const LimiterWindows* windows_;
  LimiterState state_;
  UnixNanos now_;
  uint32_t cost_;
  LimitOutcome outcome_;
};

static_assert(sizeof(LimiterWindows) == 256);  // a registry has a table
static_assert(sizeof(Decision) == 40);
static_assert(std::is_trivially_copyable_v<Decision>);

// What `state` counts as at `now`: itself, except for windows that are ahead of
// `now`, see (3), which are used up.
LimiterState SeenAt(const LimiterWindows& windows, const LimiterState& state,
                    UnixNanos now);

// The decision alone, without a cell: pure. Its state() is what a cell has to
// hold for it to be true.
Decision Decide(const LimiterWindows& windows, const LimiterState& state,
                uint64_t cost, UnixNanos now);

// What `state` has used under `from`, as a state under `to`: a window continues
// the one of its name, else the one in its place if no other continues that,
// else it begins fresh at `now`. Windows that are kept are among both.
LimiterState Carry(const LimiterWindows& from, const LimiterWindows& to,
                   const LimiterState& state, UnixNanos now);

// `to` with what it must keep after `from`: the window that no window of `to`
// continues, if `to` has a place for it.
LimiterWindows KeepingOf(const LimiterWindows& from, const LimiterWindows& to);

}  // namespace konpro

#include "konpro/limits/internal/limiter_decision_inline.h"  // IWYU pragma: export

#endif  // KONPRO_LIMITS_LIMITER_DECISION_H_
