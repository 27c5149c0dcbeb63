// One request a permit: each pair of windows has a theory of its own, in
// internal/fixed_pair.h, bucket_in_fixed.h and bucket_pair.h.
#include "konpro/limits/schedule.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/bucket_in_fixed.h"
#include "konpro/limits/internal/bucket_pair.h"
#include "konpro/limits/internal/fixed_pair.h"
#include "konpro/limits/internal/schedule_views.h"
#include "konpro/limits/internal/window_rule.h"
#include "konpro/limits/limiter_decision.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

using internal::AfterWait;
using internal::AtStart;
using internal::BucketInFixed;
using internal::BucketPair;
using internal::BucketView;
using internal::Clamped;
using internal::FixedPair;
using internal::FixedView;
using internal::Later;
using internal::Wide;

Submission OneFixed(const FixedView& window, UnixNanos start, int64_t number) {
  if (number <= window.room) return AtStart(start);
  const int64_t index = (number - window.room - 1) / window.limit;
  return AfterWait(Clamped(window.end.nanos() + index * window.period()), 0);
}

Submission OneBucket(const BucketView& bucket, Wide word, UnixNanos start,
                     int64_t number) {
  word = std::max(word, bucket.Mark(start));
  const UnixNanos at = bucket.At(word + (number - 1) * bucket.unit(), start);
  return Later(at, at, start);
}

bool IsFixed(const LimiterWindows& windows, size_t index) {
  return windows.window(index).kind() == WindowKind::kFixed;
}

Submission FindInOne(const LimiterWindows& windows, const LimiterState& state,
                     UnixNanos start, int64_t number) {
  if (IsFixed(windows, 0)) {
    return OneFixed(FixedView(windows, state, start, 0), start, number);
  }
  return OneBucket(BucketView(windows, 0),
                   static_cast<Wide>(state.windows[0].word), start, number);
}

Submission FindInTwo(const LimiterWindows& windows, const LimiterState& state,
                     UnixNanos start, int64_t number) {
  const size_t fixed = IsFixed(windows, 0) ? 0 : 1;
  const size_t other = 1 - fixed;
  if (!IsFixed(windows, fixed)) {
    return BucketPair(BucketView(windows, 0), BucketView(windows, 1), state,
                      start)
        .Find(number);
  }
  const FixedView view(windows, state, start, fixed);
  if (!IsFixed(windows, other)) {
    return BucketInFixed(BucketView(windows, other),
                         static_cast<Wide>(state.windows[other].word), other,
                         view, start)
        .Find(number);
  }
  const FixedView second(windows, state, start, other);
  if (number <= std::min(view.room, second.room)) return AtStart(start);
  return FixedPair(view, second, number).Find();
}

}  // namespace

absl::StatusOr<LimiterState> StateWithUse(const LimiterWindows& windows,
                                          absl::Span<const WindowUse> uses,
                                          UnixNanos at) {
  LimiterState state;
  std::array<bool, LimiterWindows::kWindowsMax> is_named = {};
  for (const WindowUse& use : uses) {
    size_t i = 0;
    while (i < windows.size() && windows.window(i).name() != use.window) ++i;
    if (i == windows.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "used: no window is named ", internal::Quoted(use.window)));
    }
    if (is_named[i]) {
      return absl::InvalidArgumentError(
          absl::StrCat("used: window \"", use.window, "\" is named twice"));
    }
    is_named[i] = true;
    const int64_t limit = windows.window(i).limit();
    if (use.used < 0 || use.used > limit) {
      return absl::InvalidArgumentError(
          absl::StrCat("used: ", use.used, " requests in window \"", use.window,
                       "\" are outside 0 .. ", limit));
    }
    state.windows[i] =
        windows.rule(i)
            .Advance(WindowState{}, static_cast<uint64_t>(use.used), at)
            .state;
  }
  return state;
}

Submission Submitter::Next(uint64_t cost) {
  Decision decision = Decide(windows_, state_, cost, now_);
  if (decision.outcome() == LimitOutcome::kExceedsLimit)
    return internal::Never();
  if (!decision.allowed()) {
    binding_window_ = decision.binding_window();
    now_ = decision.retry_at();
    state_ = decision.state();
    decision = Decide(windows_, state_, cost, now_);
  }
  if (now_ == UnixNanos::Max()) return internal::Never();
  state_ = decision.state();
  return {.at = now_, .binding_window = binding_window_};
}

Submission Schedule::At(uint64_t number) const {
  const auto find = windows_.size() == 1 ? FindInOne : FindInTwo;
  return find(windows_, state_, start_, static_cast<int64_t>(number));
}

}  // namespace konpro
