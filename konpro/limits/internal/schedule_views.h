// Windows as schedule.cc and what it includes see them: in nanoseconds, ticks
// and permits from the start on.
//
// Thread safety: immutable; functions are pure.
#ifndef KONPRO_LIMITS_INTERNAL_SCHEDULE_VIEWS_H_
#define KONPRO_LIMITS_INTERNAL_SCHEDULE_VIEWS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/window_rule.h"
#include "konpro/limits/limiter_decision.h"
#include "konpro/limits/schedule.h"

namespace konpro::internal {

using Wide = __int128;
using UnsignedWide = unsigned __int128;

constexpr int64_t kMsNanos = 1'000'000;
constexpr int64_t kMaxNanos = UnixNanos::Max().nanos();

inline UnixNanos Clamped(Wide nanos) {
  return nanos < kMaxNanos ? UnixNanos::FromNanos(static_cast<int64_t>(nanos))
                           : UnixNanos::Max();
}

// A FIXED window as seen from the start: `room` permits until `end`, then the
// limit in each period.
struct FixedView {
  FixedView(const LimiterWindows& windows, const LimiterState& state,
            UnixNanos start, size_t index)
      : limit(windows.window(index).limit()),
        period_ms(windows.window(index).period_ms()) {
    const WindowRule& rule = windows.rule(index);
    const WindowState now = state.windows[index];
    room = static_cast<int64_t>(rule.Remaining(now, start));
    // A window of which nothing is used would be called fresh at once.
    end =
        rule.FreshAt(room > 0 ? rule.Advance(now, 1, start).state : now, start);
  }

  Wide period() const { return Wide{period_ms} * kMsNanos; }

  int64_t limit;
  int64_t period_ms;
  int64_t room;
  UnixNanos end;
};

// A TOKEN_BUCKET in its own ticks, taken from its rule. A word is wide here: a
// request that would need more than 64 bits is after the end of time.
class BucketView {
 public:
  BucketView(const LimiterWindows& windows, size_t index)
      : rule_(windows.rule(index)),
        unit_(static_cast<Wide>(
            rule_.Advance(WindowState{}, 1, UnixNanos()).state.word)),
        limit_(windows.window(index).limit()),
        period_(Wide{windows.window(index).period_ms()} * kMsNanos) {}

  Wide unit() const { return unit_; }
  Wide limit() const { return limit_; }
  Wide capacity() const { return limit_ * unit_; }
  Wide period() const { return period_; }

  Wide Mark(UnixNanos at) const {
    return static_cast<Wide>(rule_.Advance(WindowState{}, 1, at).state.word) -
           unit_;
  }
  // When a permit is there after `word`, from `from` on.
  UnixNanos At(Wide word, UnixNanos from) const {
    if (word >= static_cast<Wide>(WindowRule::kClosed.word) - 1) {
      return UnixNanos::Max();
    }
    const Wide tick = word - (capacity() - unit_);
    if (tick <= Mark(from)) return from;
    return Clamped((tick * period_ + capacity() - 1) / capacity());
  }
  // The permits that are there after `word` until `last`.
  Wide CountUntil(Wide word, UnixNanos last) const {
    const Wide free = Mark(last) + capacity() - word;
    return free < 0 ? 0 : free / unit_;
  }

 private:
  const WindowRule& rule_;
  Wide unit_;
  Wide limit_;
  Wide period_;
};

inline Submission AtStart(UnixNanos start) { return {.at = start}; }

inline Submission Never() { return {.at = UnixNanos::Max()}; }

// At Max() nothing is waited for any more.
inline Submission AfterWait(UnixNanos at, size_t binding_window) {
  if (at == UnixNanos::Max()) return Never();
  return {.at = at, .binding_window = binding_window};
}

// The later of two, and which: the first of equals.
inline Submission Later(UnixNanos first, UnixNanos second, UnixNanos start) {
  const UnixNanos at = std::max(first, second);
  if (at == start) return AtStart(start);
  return AfterWait(at, second > first ? 1 : 0);
}

}  // namespace konpro::internal

#endif  // KONPRO_LIMITS_INTERNAL_SCHEDULE_VIEWS_H_
