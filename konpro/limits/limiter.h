// A LimiterCell is the state of one account's rate windows, and TryAcquire()
// the decision on one request: admitted by all windows or counted by none, in
// one atomic step. It knows no account ids (limiter_registry.h) and no credits.
//
//   const LimiterWindows windows(minute, day);   // shared by many cells
//   LimiterCell cell;                            // fresh
//   const Decision d = TryAcquire(cell, windows, /*cost=*/1, now);
//   d.allowed()                                  // true
//   d.remaining(0)                               // 59
//   d.reset_after(0)                             // 60s or less
//   Release(cell, windows, d, later);            // the request was not made
//
// Thread safety: LimiterCell is thread-safe and lock-free; LimiterWindows and
// Decision are immutable. A Decision refers to its windows, which must outlive
// it.
//
// Memory ordering: see internal/atomic_u128.h. A change of a cell is
// acquire-release; a refusal and Peek() are acquire loads.
//
// Invariants: (1) an admission is one 16-byte compare-and-swap; a refusal, a
// peek and a cost of 0 write nothing. (2) A refusal is decided by one window,
// from a state that this window had during the call. (3) Those of
// rate_window.h, for each window.
//
// Limits: one or two windows. A call that loses kAttemptsMax races or finds the
// cell closed so often says "retry later", after zero, of the fresh state.
#ifndef KONPRO_LIMITS_LIMITER_H_
#define KONPRO_LIMITS_LIMITER_H_

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/atomic_u128.h"
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

// One or two rate windows, compiled for the data plane.
class LimiterWindows {
 public:
  static constexpr size_t kWindowsMax = 2;

  explicit LimiterWindows(const RateWindow& only)
      : LimiterWindows(only, only, 1) {}
  LimiterWindows(const RateWindow& first, const RateWindow& second)
      : LimiterWindows(first, second, 2) {}
  // No windows: not "unlimited", but nothing is admitted.
  // REQUIRES: `beyond` is kNoWindows or kUnknownAccount.
  static LimiterWindows None(LimitOutcome beyond = LimitOutcome::kNoWindows);
  // These windows, which keep what was used and admit nothing.
  LimiterWindows Suspended() const;

  size_t size() const { return size_; }
  // REQUIRES: index < size().
  const RateWindow& window(size_t index) const { return windows_[index]; }
  const WindowRule& rule(size_t index) const { return rules_[index]; }
  bool is_fixed_pair() const { return is_fixed_pair_; }
  // The largest cost that could ever be admitted: 0 where nothing is.
  uint64_t cost_max() const { return cost_max_; }
  // The outcome of a cost that is larger.
  LimitOutcome beyond() const { return beyond_; }

 private:
  LimiterWindows(const RateWindow& first, const RateWindow& second,
                 uint32_t size);

  uint32_t size_;
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

class LimiterCell {
 public:
  constexpr LimiterCell() = default;
  constexpr explicit LimiterCell(const LimiterState& state)
      : word_(Pack(state)) {}

  // Each window's state at some instant of the call.
  LimiterState Load() const { return Unpack(word_.Load()); }
  // Both at one instant; it costs as much as a change.
  LimiterState LoadBoth() { return Unpack(word_.LoadBoth()); }
  // Writes `desired` where the state is `expected`; else returns false and
  // what Load() would in `expected`.
  bool CompareExchange(LimiterState& expected, const LimiterState& desired) {
    internal::U128 seen = Pack(expected);
    const bool done = word_.CompareExchange(seen, Pack(desired));
    expected = Unpack(seen);
    return done;
  }
  // Waits, behind a lost race, about as long as a cache line takes to another
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
  // The cost asked for, or 2^32-1 where it is larger.
  uint64_t cost() const { return cost_; }

  // Which window binds: of a refusal the one that refuses longest, of a cost
  // above a limit the one with the lowest limit, else the one with the fewest
  // permits left; the first of equals, 0 where there is none.
  size_t binding_window() const;

  // What a caller could take from a window now.
  // REQUIRES: index < windows().size().
  uint64_t remaining(size_t index) const {
    return windows_->rule(index).Remaining(state_.windows[index], now_);
  }

  // The first time at which the same request is admitted when nothing else
  // happens: now() where it is allowed, UnixNanos::Max() where that is never.
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

static_assert(sizeof(Decision) == 40);
static_assert(std::is_trivially_copyable_v<Decision>);

// How often a call tries to swap before it gives up.
inline constexpr int kAttemptsMax = 128;

// The decision alone, without a cell: pure. Its state() is what a cell has to
// hold for it to be true.
Decision Decide(const LimiterWindows& windows, const LimiterState& state,
                uint64_t cost, UnixNanos now);

// Takes `cost` permits of every window, or none. A Cell is a LimiterCell, or
// what has its Load(), CompareExchange() and StepBack().
template <typename Cell>
Decision TryAcquire(Cell& cell, const LimiterWindows& windows, uint64_t cost,
                    UnixNanos now);
// At UnixNanos::CoarseNow(), with its error.
template <typename Cell>
Decision TryAcquire(Cell& cell, const LimiterWindows& windows, uint64_t cost);

// What TryAcquire() would decide, but state() is what is there: takes nothing.
template <typename Cell>
Decision Peek(const Cell& cell, const LimiterWindows& windows, uint64_t cost,
              UnixNanos now);

// Gives an allowed decision's permits back to the windows that they came from,
// where those still hold: see WindowRule::Refund(). Another decision gives
// nothing. `windows` are the cell's now: what continues a window (see Carry())
// with another period, kind or bucket size gets nothing. False where
// kAttemptsMax races were lost: nothing is given back, try again.
// REQUIRES: each decision is released once.
template <typename Cell>
bool Release(Cell& cell, const LimiterWindows& windows,
             const Decision& decision, UnixNanos now);

// What `state` has used under `from`, as a state under `to`: a window continues
// the one of its name, else the one in its place if no other continues that,
// else it begins fresh at `now`.
LimiterState Carry(const LimiterWindows& from, const LimiterWindows& to,
                   const LimiterState& state, UnixNanos now);

// Windows that are replaced while calls run: windows_of() returns what
// publish() stored last (a pointer, release and acquire) and is asked behind
// each load of the cell; an exchange, or a second load, then proves that the
// state was of these windows. Calls that meet the cell in between wait,
// kAttemptsMax times at most. REQUIRES: one ReplaceWindows() of a cell at a
// time, not there and back within a call; all windows outlive the calls.
template <typename Cell, std::invocable WindowsOf>
Decision TryAcquire(Cell& cell, WindowsOf windows_of, uint64_t cost,
                    UnixNanos now);
template <typename Cell, std::invocable WindowsOf>
Decision Peek(const Cell& cell, WindowsOf windows_of, uint64_t cost,
              UnixNanos now);
template <typename Cell, std::invocable WindowsOf>
bool Release(Cell& cell, WindowsOf windows_of, const Decision& decision,
             UnixNanos now);
template <typename Cell, std::invocable Publish>
void ReplaceWindows(Cell& cell, const LimiterWindows& from,
                    const LimiterWindows& to, UnixNanos now, Publish publish);

}  // namespace konpro

#include "konpro/limits/internal/limiter_inline.h"  // IWYU pragma: export

#endif  // KONPRO_LIMITS_LIMITER_H_
