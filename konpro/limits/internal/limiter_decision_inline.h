// The functions of limiter_decision.h, which includes this; nobody else does.
#ifndef KONPRO_LIMITS_INTERNAL_LIMITER_DECISION_INLINE_H_
#define KONPRO_LIMITS_INTERNAL_LIMITER_DECISION_INLINE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter_decision.h"
#include "konpro/limits/rate_window.h"

namespace konpro {

inline LimiterWindows::LimiterWindows(const RateWindow& first,
                                      const RateWindow& second, uint32_t size)
    : size_(size),
      kept_size_(static_cast<uint8_t>(size)),
      is_fixed_pair_(size == 2 && first.kind() == WindowKind::kFixed &&
                     second.kind() == WindowKind::kFixed),
      cost_max_(
          std::min(WindowRule(first).limit(), WindowRule(second).limit())),
      rules_{WindowRule(first), WindowRule(second)},
      windows_{first, second} {}

inline LimiterWindows LimiterWindows::Suspended() const {
  LimiterWindows result = *this;
  result.cost_max_ = 0;
  result.beyond_ = LimitOutcome::kNoWindows;
  return result;
}

inline LimiterWindows LimiterWindows::WithKept(const RateWindow& kept) const {
  LimiterWindows result = *this;
  result.kept_size_ = 2;
  result.rules_[1] = WindowRule(kept);
  result.windows_[1] = kept;
  return result;
}

inline LimiterWindows LimiterWindows::Of(absl::Span<const RateWindow> windows) {
  if (windows.empty()) return None();
  return LimiterWindows(windows.front(), windows.back(),
                        static_cast<uint32_t>(windows.size()));
}

inline LimiterWindows LimiterWindows::None(LimitOutcome beyond) {
  // Rules that are never asked.
  const RateWindow any =
      RateWindow::Create({.name = "none", .limit = 1, .period = absl::Hours(1)})
          .value();
  LimiterWindows none(any, any, 0);
  none.cost_max_ = 0;
  none.beyond_ = beyond;
  return none;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Decision::Decision(
    LimitOutcome outcome, const LimiterWindows& windows,
    const LimiterState& state, uint64_t cost, UnixNanos now)
    : windows_(&windows),
      state_(state),
      now_(now),
      cost_(static_cast<uint32_t>(cost)),
      outcome_(outcome) {
  if (outcome >= LimitOutcome::kExceedsLimit) [[unlikely]] {
    cost_ = static_cast<uint32_t>(std::min(cost, kCostMax));
  }
}

inline LimiterState SeenAt(const LimiterWindows& windows,
                           const LimiterState& state, UnixNanos now) {
  LimiterState seen = state;
  for (size_t i = 0; i < windows.size(); ++i) {
    seen.windows[i] = windows.rule(i).Seen(state.windows[i], now);
  }
  return seen;
}

inline Decision Decide(const LimiterWindows& windows, const LimiterState& state,
                       uint64_t cost, UnixNanos now) {
  if (cost > windows.cost_max() || windows.cost_max() == 0) {
    return Decision(windows.beyond(), windows, state, cost, now);
  }
  LimiterState next = state;
  for (size_t i = 0; cost > 0 && i < windows.size(); ++i) {
    const WindowRule::Step step =
        windows.rule(i).Advance(state.windows[i], cost, now);
    if (!step.admitted) {
      return Decision(LimitOutcome::kRetryLater, windows,
                      SeenAt(windows, state, now), cost, now);
    }
    next.windows[i] = step.state;
  }
  return Decision(LimitOutcome::kAllowed, windows, next, cost, now);
}

namespace internal {

// The place in `from` of the window that window `index` of `to` continues, or
// kWindowsMax: see Carry().
inline size_t OriginOf(const LimiterWindows& from, const LimiterWindows& to,
                       size_t index) {
  if (&from == &to) return index;
  constexpr size_t kNone = LimiterWindows::kWindowsMax;
  const auto named = [](const LimiterWindows& in, absl::string_view name) {
    for (size_t i = 0; i < in.kept_size(); ++i) {
      if (in.window(i).name() == name) return i;
    }
    return kNone;
  };
  const size_t origin = named(from, to.window(index).name());
  if (origin == kNone && index < from.kept_size() &&
      named(to, from.window(index).name()) == kNone) {
    return index;
  }
  return origin;
}

}  // namespace internal

inline size_t Decision::binding_window() const {
  if (windows_->size() <= 1) return 0;
  const WindowRule& first = windows_->rule(0);
  const WindowRule& second = windows_->rule(1);
  switch (outcome_) {
    case LimitOutcome::kExceedsLimit:
    case LimitOutcome::kNoWindows:
    case LimitOutcome::kUnknownAccount:
      return second.limit() < first.limit() ? 1 : 0;
    case LimitOutcome::kRetryLater: {
      const UnixNanos at = first.AdmitsAt(state_.windows[0], cost_, now_);
      return second.AdmitsAt(state_.windows[1], cost_, now_) > at ? 1 : 0;
    }
    case LimitOutcome::kAllowed:
      break;
  }
  return remaining(1) < remaining(0) ? 1 : 0;
}

inline UnixNanos Decision::retry_at() const {
  if (outcome_ == LimitOutcome::kAllowed) return now_;
  if (outcome_ != LimitOutcome::kRetryLater) return UnixNanos::Max();
  UnixNanos at = now_;
  for (size_t i = 0; i < windows_->size(); ++i) {
    at = std::max(at,
                  windows_->rule(i).AdmitsAt(state_.windows[i], cost_, now_));
  }
  return at;
}

inline LimiterState Carry(const LimiterWindows& from, const LimiterWindows& to,
                          const LimiterState& state, UnixNanos now) {
  LimiterState result;
  for (size_t i = 0; i < to.kept_size(); ++i) {
    const size_t origin = internal::OriginOf(from, to, i);
    // A window that has a new place begins no earlier than now. A state that is
    // fresh whatever the windows would be taken, by a call under way, for one
    // of `from`.
    if (origin != i) result.windows[i].word = to.rule(i).At(now, 0).mark;
    if (origin == LimiterWindows::kWindowsMax) continue;
    const WindowState carried =
        to.rule(i).Carry(from.rule(origin), state.windows[origin], now);
    result.windows[i].word = std::max(result.windows[i].word, carried.word);
  }
  return result;
}

inline LimiterWindows KeepingOf(const LimiterWindows& from,
                                const LimiterWindows& to) {
  if (to.size() != 1) return to;
  const size_t continued = internal::OriginOf(from, to, 0);
  for (size_t i = 0; i < from.kept_size(); ++i) {
    if (i != continued) return to.WithKept(from.window(i));
  }
  return to;
}

}  // namespace konpro

#endif  // KONPRO_LIMITS_INTERNAL_LIMITER_DECISION_INLINE_H_
