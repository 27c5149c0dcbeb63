// The verbs of limiter.h, which includes this, and the same for windows that
// are replaced while calls run, which limiter_registry.h uses.
//
// Windows that are replaced: Present() returns those that publish() stored last
// (release and acquire), with a version that no other publication has, and
// IsPresent() says whether they still are. A call asks before it loads the cell
// and after it, which proves that the state was of these windows: the cell is
// closed while they change. An exchange then succeeds under these windows
// alone, however often they went and came again: under others the cell has
// other bits, as Carry() computes them anew. Unlike windows whose states agree
// in bits by chance cost a call that is under way at that instant no more than
// that its own permits are counted in the units of the windows that it saw.
// Calls that meet a closed cell wait, kAttemptsMax times at most.
// REQUIRES: one ReplaceWindows() of a cell at a time; all windows outlive the
// calls.
#ifndef KONPRO_LIMITS_INTERNAL_LIMITER_INLINE_H_
#define KONPRO_LIMITS_INTERNAL_LIMITER_INLINE_H_

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "absl/base/attributes.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/window_rule.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_decision.h"

namespace konpro {

namespace internal {

struct PresentWindows {
  const LimiterWindows* windows;
  uint64_t version;
};

// What a WindowsOf has.
template <typename T>
concept KeepsWindows = requires(const T& windows_of, uint64_t version) {
  { windows_of.Present() } -> std::same_as<PresentWindows>;
  { windows_of.IsPresent(version) } -> std::same_as<bool>;
};

// Windows that nobody replaces.
struct SameWindows {
  PresentWindows Present() const { return {&windows, 0}; }
  static constexpr bool IsPresent(uint64_t) { return true; }

  const LimiterWindows& windows;
};

// A cell is closed by its first word; the second stays what it was, so that a
// call that loads the first before and the second after that has seen a state
// that was there.
inline bool IsClosed(const LimiterState& state) {
  return state.windows[0] == WindowRule::kClosed;
}
inline LimiterState ClosedOf(const LimiterState& state) {
  return {{WindowRule::kClosed, state.windows[1]}};
}

// What is said without a state that could be believed: try again now. A closed
// state, read by a rule, would say "never".
inline Decision GaveUp(const LimiterWindows& windows, uint64_t cost,
                       UnixNanos now) {
  const LimitOutcome outcome =
      Decide(windows, LimiterState::Closed(), cost, now).outcome();
  return Decision(outcome, windows, LimiterState(), cost, now);
}

// Peek() of windows that can be replaced: of a state that was theirs.
template <typename Cell, KeepsWindows WindowsOf>
inline Decision Peek(const Cell& cell, WindowsOf windows_of, uint64_t cost,
                     UnixNanos now) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (attempt > 0) cell.StepBack();
    const PresentWindows present = windows_of.Present();
    const LimiterWindows& windows = *present.windows;
    const LimiterState seen = cell.Load();
    if (windows.cost_max() == 0 ||
        (!IsClosed(seen) && windows_of.IsPresent(present.version))) {
      return Decision(Decide(windows, seen, cost, now).outcome(), windows, seen,
                      cost, now);
    }
  }
  return GaveUp(*windows_of.Present().windows, cost, now);
}

// TryAcquire() after a lost race, of a closed cell, of a state that is ahead
// and of a cost that takes nothing: 0, or more than any state admits. What
// depends on no state is computed first: the shorter the way from a load to its
// exchange, the fewer races are lost.
template <typename Cell, KeepsWindows WindowsOf>
ABSL_ATTRIBUTE_COLD ABSL_ATTRIBUTE_NOINLINE Decision
TryAcquireAgain(Cell& cell, WindowsOf windows_of, uint64_t cost, UnixNanos now,
                int attempts) {
  const LimiterWindows* windows = nullptr;
  bool takes_nothing = false;
  WindowRule::Request first;
  WindowRule::Request second;
  for (int attempt = attempts; attempt < kAttemptsMax; ++attempt) {
    if (attempt > 0) cell.StepBack();
    const PresentWindows present = windows_of.Present();
    if (present.windows != windows) {
      windows = present.windows;
      takes_nothing = cost == 0 || cost > windows->cost_max();
      if (!takes_nothing) {
        first = windows->rule(0).At(now, cost);
        second = windows->size() > 1 ? windows->rule(1).At(now, cost)
                                     : WindowRule::Request();
      }
    }
    LimiterState seen = cell.Load();
    if (windows->cost_max() == 0) {
      return Decision(windows->beyond(), *windows, seen, cost, now);
    }
    if (IsClosed(seen)) continue;
    if (takes_nothing) {
      if (!windows_of.IsPresent(present.version)) continue;
      return Decision(Decide(*windows, seen, cost, now).outcome(), *windows,
                      seen, cost, now);
    }
    const WindowRule::Step one = first.Advance(seen.windows[0]);
    const WindowRule::Step two = second.Advance(seen.windows[1]);
    const bool admitted = one.admitted && two.admitted;
    const LimiterState next =
        admitted ? LimiterState{{one.state, two.state}}
                 : LimiterState{{first.Seen(seen.windows[0]),
                                 second.Seen(seen.windows[1])}};
    if (!windows_of.IsPresent(present.version)) continue;
    if (next != seen && !cell.CompareExchange(seen, next)) continue;
    return Decision(
        admitted ? LimitOutcome::kAllowed : LimitOutcome::kRetryLater, *windows,
        next, cost, now);
  }
  return GaveUp(*windows_of.Present().windows, cost, now);
}

// Decide(), arranged for speed: whether all windows admit, and what they are
// then. If one refuses, `next` begins with kClosed if its state is closed or
// ahead, else with another; the other window may be unasked: whether it is
// ahead is found by a later call. REQUIRES: 1 <= cost <= windows.cost_max().
struct Advanced {
  LimiterState next;
  bool admitted = false;
};

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Advanced Advance(
    const LimiterWindows& windows, const LimiterState& state, uint64_t cost,
    UnixNanos now) {
  const WindowRule& first = windows.rule(0);
  const WindowRule& second = windows.rule(1);
  WindowRule::Step one;
  WindowRule::Step two = {.state = state.windows[1], .admitted = true};
  // Most often there are two FIXED windows, and the stored ones hold. A window
  // that is full is found before the other's number is computed: while it is,
  // that one goes stale.
  if (windows.is_fixed_pair()) [[likely]] {
    const bool first_holds = first.Holds(state.windows[0], now);
    if (first_holds && !first.AdmitsHeld(state.windows[0], cost)) {
      return {.next = state};
    }
    two = second.AdvanceFixed(state.windows[1], cost, now);
    if (!two.admitted) return {.next = {{two.state, {}}}};
    if (first_holds) [[likely]] {
      return {
          .next = {{WindowRule::TakenHeld(state.windows[0], cost), two.state}},
          .admitted = true};
    }
    one = first.AdvanceEnded(state.windows[0], cost, now);
  } else {
    one = first.Advance(state.windows[0], cost, now);
    if (one.admitted && windows.size() > 1) {
      two = second.Advance(state.windows[1], cost, now);
    }
  }
  if (!one.admitted) return {.next = {{one.state, {}}}};
  if (!two.admitted) return {.next = {{two.state, {}}}};
  return {.next = {{one.state, two.state}}, .admitted = true};
}

template <typename Cell, KeepsWindows WindowsOf>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline Decision TryAcquire(Cell& cell,
                                                        WindowsOf windows_of,
                                                        uint64_t cost,
                                                        UnixNanos now) {
  const PresentWindows present = windows_of.Present();
  const LimiterWindows& windows = *present.windows;
  // One comparison finds both rare costs: 0 wraps to the largest.
  if (cost - 1 >= windows.cost_max()) [[unlikely]] {
    return TryAcquireAgain(cell, windows_of, cost, now, /*attempts=*/0);
  }
  LimiterState seen = cell.Load();
  const auto [next, admitted] = Advance(windows, seen, cost, now);
  if (admitted) {
    if (!windows_of.IsPresent(present.version) ||
        !cell.CompareExchange(seen, next)) [[unlikely]] {
      return TryAcquireAgain(cell, windows_of, cost, now, /*attempts=*/1);
    }
    return Decision(LimitOutcome::kAllowed, windows, next, cost, now);
  }
  if (next.windows[0] == WindowRule::kClosed ||
      !windows_of.IsPresent(present.version)) [[unlikely]] {
    return TryAcquireAgain(cell, windows_of, cost, now, /*attempts=*/1);
  }
  return Decision(LimitOutcome::kRetryLater, windows, seen, cost, now);
}

template <typename Cell, KeepsWindows WindowsOf>
inline bool Release(Cell& cell, WindowsOf windows_of, const Decision& decision,
                    UnixNanos now) {
  if (!decision.allowed() || decision.cost() == 0) return true;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (attempt > 0) cell.StepBack();
    const PresentWindows present = windows_of.Present();
    const LimiterWindows& windows = *present.windows;
    if (windows.size() == 0) return true;
    LimiterState seen = cell.Load();
    if (IsClosed(seen)) continue;
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
    if (!windows_of.IsPresent(present.version)) continue;
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
  } while (!cell.CompareExchange(seen, ClosedOf(seen)));
  publish();
  LimiterState closed = ClosedOf(seen);
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
