// The verbs of limiter.h, which includes this, and the same for windows that
// are replaced while calls run, which limiter_registry.h uses.
//
// Windows that are replaced: windows_of() returns what publish() stored last (a
// pointer, release and acquire) and is called after each load of the cell; an
// exchange, or a second load, then proves that the state was of these windows.
// Calls that meet the cell in between wait, kAttemptsMax times at most.
// REQUIRES: one ReplaceWindows() of a cell at a time, not there and back within
// a call; all windows outlive the calls.
#ifndef KONPRO_LIMITS_INTERNAL_LIMITER_INLINE_H_
#define KONPRO_LIMITS_INTERNAL_LIMITER_INLINE_H_

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "absl/base/attributes.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/window_rule.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_decision.h"

namespace konpro {

namespace internal {

// A windows_of() that always returns the same ones.
struct SameWindows {
  const LimiterWindows& operator()() const { return windows; }

  const LimiterWindows& windows;
};

// Whether `seen`, loaded before windows_of() was asked, was of its windows: it
// was if nobody replaced them in between, which changes the state.
template <typename WindowsOf, typename Cell>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool WasOfWindows(
    const Cell& cell, const LimiterState& seen) {
  if constexpr (std::is_same_v<WindowsOf, SameWindows>) {
    return true;
  } else {
    return cell.Load() == seen;
  }
}

// Stores that `seen` counts as `next` (SeenAt()). Windows that can be replaced
// must not be while that is done: a state of windows that came, went and came
// again meanwhile would be written over by one that others read as fresh. So
// whoever keeps them does it (KeepSeen()); else it stays undone, and the next
// call finds the same.
template <typename Cell, typename WindowsOf>
bool KeepSeen(Cell& cell, const WindowsOf& windows_of, LimiterState seen,
              const LimiterState& next, UnixNanos now) {
  if constexpr (std::is_same_v<WindowsOf, SameWindows>) {
    return cell.CompareExchange(seen, next);
  } else if constexpr (requires { windows_of.KeepSeen(now); }) {
    windows_of.KeepSeen(now);
    return cell.Load() == next;
  } else {
    return WasOfWindows<WindowsOf>(cell, seen);
  }
}

// What is said without a state that could be believed: try again now. A closed
// state, read by a rule, would say "never".
inline Decision GaveUp(const LimiterWindows& windows, uint64_t cost,
                       UnixNanos now) {
  const LimitOutcome outcome =
      Decide(windows, LimiterState::Closed(), cost, now).outcome();
  return Decision(outcome, windows, LimiterState(), cost, now);
}

// TryAcquire() after a lost race, of a closed cell and of a state that is
// ahead. What depends on no state is computed first: the shorter the way from a
// load to its exchange, the fewer races are lost.
template <typename Cell, typename WindowsOf>
ABSL_ATTRIBUTE_COLD ABSL_ATTRIBUTE_NOINLINE Decision TryAcquireAgain(
    Cell& cell, WindowsOf windows_of, uint64_t cost, UnixNanos now) {
  const LimiterWindows* windows = nullptr;
  WindowRule::Request first;
  WindowRule::Request second;
  for (int attempt = 1; attempt < kAttemptsMax; ++attempt) {
    cell.StepBack();
    LimiterState seen = cell.Load();
    const LimiterWindows* present = &windows_of();
    if (present != windows) {
      windows = present;
      if (cost > windows->cost_max()) {
        return Decision(windows->beyond(), *windows, seen, cost, now);
      }
      first = windows->rule(0).At(now, cost);
      second = windows->size() > 1 ? windows->rule(1).At(now, cost)
                                   : WindowRule::Request();
    }
    if (seen.windows[0] == WindowRule::kClosed) continue;
    const WindowRule::Step one = first.Advance(seen.windows[0]);
    const WindowRule::Step two = second.Advance(seen.windows[1]);
    if (!one.admitted || !two.admitted) {
      const LimiterState next = {
          {first.Seen(seen.windows[0]), second.Seen(seen.windows[1])}};
      if (next == seen ? !WasOfWindows<WindowsOf>(cell, seen)
                       : !KeepSeen(cell, windows_of, seen, next, now)) {
        continue;
      }
      return Decision(LimitOutcome::kRetryLater, *windows, next, cost, now);
    }
    const LimiterState next = {{one.state, two.state}};
    if (cell.CompareExchange(seen, next)) {
      return Decision(LimitOutcome::kAllowed, *windows, next, cost, now);
    }
  }
  return GaveUp(windows_of(), cost, now);
}

// Decide(), arranged for speed: whether all windows admit, and what they are
// then. If one refuses, `next` begins with kClosed if its state is closed or
// ahead, else with another; the other window may be unasked: whether it is
// ahead is found by a later call. REQUIRES: 1 <= cost <= windows.cost_max().
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool Advance(const LimiterWindows& windows,
                                                 const LimiterState& state,
                                                 uint64_t cost, UnixNanos now,
                                                 LimiterState& next) {
  next.windows[0] = state.windows[0];
  const WindowRule& first = windows.rule(0);
  const WindowRule& second = windows.rule(1);
  // Most often there are two FIXED windows, and the stored ones hold.
  if (windows.is_fixed_pair() && first.Holds(state.windows[0], now))
      [[likely]] {
    const WindowRule::Step one = first.AdvanceHeld(state.windows[0], cost);
    if (!one.admitted) return false;
    if (second.Holds(state.windows[1], now)) [[likely]] {
      const WindowRule::Step two = second.AdvanceHeld(state.windows[1], cost);
      if (!two.admitted) return false;
      next = {{one.state, two.state}};
      return true;
    }
  }
  // A second window that is full is found before anything is computed: while it
  // is, the first goes stale.
  const bool has_second = windows.size() > 1;
  if (has_second && second.RefusesAtOnce(state.windows[1], cost, now)) {
    return false;
  }
  const WindowRule::Step one = first.Advance(state.windows[0], cost, now);
  if (!one.admitted) {
    next.windows[0] = one.state;
    return false;
  }
  const WindowRule::Step two =
      has_second
          ? second.Advance(state.windows[1], cost, now)
          : WindowRule::Step{.state = state.windows[1], .admitted = true};
  if (!two.admitted) {
    next.windows[0] = two.state;
    return false;
  }
  next = {{one.state, two.state}};
  return true;
}

template <typename Cell, std::invocable WindowsOf>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline Decision TryAcquire(Cell& cell,
                                                        WindowsOf windows_of,
                                                        uint64_t cost,
                                                        UnixNanos now) {
  LimiterState seen = cell.Load();
  const LimiterWindows& windows = windows_of();
  // One comparison finds both rare costs: 0 wraps to the largest.
  if (cost - 1 >= windows.cost_max()) [[unlikely]] {
    return Decision(cost == 0 && windows.cost_max() > 0 ? LimitOutcome::kAllowed
                                                        : windows.beyond(),
                    windows, seen, cost, now);
  }
  LimiterState next;
  if (Advance(windows, seen, cost, now, next)) {
    if (!cell.CompareExchange(seen, next)) [[unlikely]] {
      return TryAcquireAgain(cell, windows_of, cost, now);
    }
    return Decision(LimitOutcome::kAllowed, windows, next, cost, now);
  }
  if (next.windows[0] == WindowRule::kClosed ||
      !WasOfWindows<WindowsOf>(cell, seen)) [[unlikely]] {
    return TryAcquireAgain(cell, windows_of, cost, now);
  }
  return Decision(LimitOutcome::kRetryLater, windows, seen, cost, now);
}

template <typename Cell, std::invocable WindowsOf>
inline Decision Peek(const Cell& cell, WindowsOf windows_of, uint64_t cost,
                     UnixNanos now) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (attempt > 0) cell.StepBack();
    const LimiterState seen = cell.Load();
    const LimiterWindows& windows = windows_of();
    if (windows.cost_max() == 0 || (seen.windows[0] != WindowRule::kClosed &&
                                    WasOfWindows<WindowsOf>(cell, seen))) {
      return Decision(Decide(windows, seen, cost, now).outcome(), windows, seen,
                      cost, now);
    }
  }
  return GaveUp(windows_of(), cost, now);
}

template <typename Cell, std::invocable WindowsOf>
inline bool Release(Cell& cell, WindowsOf windows_of, const Decision& decision,
                    UnixNanos now) {
  if (!decision.allowed() || decision.cost() == 0) return true;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (attempt > 0) cell.StepBack();
    LimiterState seen = cell.Load();
    const LimiterWindows& windows = windows_of();
    if (windows.size() == 0) return true;
    if (seen.windows[0] == WindowRule::kClosed) continue;
    LimiterState next = seen;
    for (size_t i = 0; i < windows.size(); ++i) {
      const WindowRule& rule = windows.rule(i);
      const size_t origin = OriginOf(decision.windows(), windows, i);
      if (origin == LimiterWindows::kWindowsMax ||
          !rule.SharesStatesWith(decision.windows().rule(origin))) {
        continue;
      }
      next.windows[i] = rule.Refund(seen.windows[i],
                                    {.state = decision.state().windows[origin],
                                     .cost = decision.cost(),
                                     .at = decision.now()},
                                    now);
    }
    if (next == seen || cell.CompareExchange(seen, next)) return true;
  }
  return false;
}

// `note` is called with the state before each attempt to close the cell.
template <typename Cell, std::invocable Publish,
          std::invocable<const LimiterState&> Note>
inline void ReplaceWindows(Cell& cell, const LimiterWindows& from,
                           const LimiterWindows& to, UnixNanos now,
                           Publish publish, Note note) {
  LimiterState seen = cell.Load();
  do {
    note(seen);
  } while (!cell.CompareExchange(seen, LimiterState::Closed()));
  publish();
  LimiterState closed = LimiterState::Closed();
  cell.CompareExchange(closed, Carry(from, to, seen, now));
}

template <typename Cell, std::invocable Publish>
inline void ReplaceWindows(Cell& cell, const LimiterWindows& from,
                           const LimiterWindows& to, UnixNanos now,
                           Publish publish) {
  ReplaceWindows(cell, from, to, now, publish, [](const LimiterState&) {});
}

}  // namespace internal

template <typename Cell>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline Decision TryAcquire(
    Cell& cell, const LimiterWindows& windows, uint64_t cost, UnixNanos now) {
  return internal::TryAcquire(cell, internal::SameWindows{windows}, cost, now);
}

template <typename Cell>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline Decision TryAcquire(
    Cell& cell, const LimiterWindows& windows, uint64_t cost) {
  return TryAcquire(cell, windows, cost, UnixNanos::CoarseNow());
}

template <typename Cell>
inline Decision Peek(const Cell& cell, const LimiterWindows& windows,
                     uint64_t cost, UnixNanos now) {
  return internal::Peek(cell, internal::SameWindows{windows}, cost, now);
}

template <typename Cell>
inline bool Release(Cell& cell, const LimiterWindows& windows,
                    const Decision& decision, UnixNanos now) {
  return internal::Release(cell, internal::SameWindows{windows}, decision, now);
}

}  // namespace konpro

#endif  // KONPRO_LIMITS_INTERNAL_LIMITER_INLINE_H_
