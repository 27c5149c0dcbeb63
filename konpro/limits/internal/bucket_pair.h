// When request k goes out under two TOKEN_BUCKETs.
//
// The k-th request goes out at the later of the times x_k and y_k at which
// each bucket alone would admit it, unless a bucket has been full meanwhile.
// A bucket no slower than the other that is full while the other is waited
// for is not waited for again. A slower one can be full while the faster is
// waited for only because times are rounded to nanoseconds: if both
// intervals differ by less than one, and for two ticks at most. See Raise().
//
// Thread safety: immutable.
#ifndef KONPRO_LIMITS_INTERNAL_BUCKET_PAIR_H_
#define KONPRO_LIMITS_INTERNAL_BUCKET_PAIR_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/schedule_views.h"
#include "konpro/limits/limiter_decision.h"
#include "konpro/limits/schedule.h"

namespace konpro::internal {

// The sum of floor((step * i + offset) / by) over 0 <= i < count, modulo 2^128.
inline UnsignedWide FloorSum(UnsignedWide count, UnsignedWide step,
                             UnsignedWide offset, UnsignedWide by) {
  UnsignedWide sum = 0;
  while (count > 0) {
    const UnsignedWide pairs =
        count % 2 == 0 ? count / 2 * (count - 1) : (count - 1) / 2 * count;
    sum += pairs * (step / by) + count * (offset / by);
    step %= by;
    offset %= by;
    const UnsignedWide top = step * count + offset;
    if (top < by) break;
    count = top / by;
    offset = top % by;
    std::swap(step, by);
  }
  return sum;
}

class BucketPair {
 public:
  BucketPair(const BucketView& first, const BucketView& second,
             const LimiterState& state, UnixNanos start)
      : buckets_{first, second} {
    std::array<UnixNanos, 2> at;
    for (size_t i = 0; i < 2; ++i) {
      words_[i] = static_cast<Wide>(state.windows[i].word);
      at[i] = buckets_[i].At(words_[i], start);
    }
    first_ = Later(at[0], at[1], start);
    for (size_t i = 0; i < 2; ++i) {
      words_[i] = std::max(words_[i], buckets_[i].Mark(first_.at));
    }
    // Intervals are period / limit.
    slow_ = first.period() * second.limit() >= second.period() * first.limit()
                ? 0
                : 1;
    const BucketView& slow = buckets_[slow_];
    const BucketView& fast = buckets_[1 - slow_];
    are_near_ = slow.period() * fast.limit() - fast.period() * slow.limit() <
                slow.limit() * fast.limit();
  }

  Submission Find(int64_t number) const {
    Submission result = Time(number);
    if (result.never()) return result;
    // What goes out together waited for the same. Permits are 0.9 ns apart at
    // least, so that this is few steps.
    while (result.at > first_.at) {
      const Submission before = Time(--number);
      if (before.at < result.at) return result;
      result = before;
    }
    return first_;
  }

 private:
  // A numerator over the bucket's capacity: nanoseconds at a tick.
  struct Ratio {
    UnsignedWide Whole() const { return above / below; }

    UnsignedWide above;
    UnsignedWide below;
  };

  static Ratio TimeOf(const BucketView& bucket, Wide tick) {
    return {.above = static_cast<UnsignedWide>(tick * bucket.period()),
            .below = static_cast<UnsignedWide>(bucket.capacity())};
  }

  // When the fast bucket alone admits request `number`, not rounded up.
  Ratio Admitted(Wide number) const {
    const BucketView& fast = buckets_[1 - slow_];
    return TimeOf(fast,
                  words_[1 - slow_] + number * fast.unit() - fast.capacity());
  }

  // When the slow bucket, but for `raise` ticks, is full again after the
  // request before, not rounded up.
  Ratio Full(Wide number, Wide raise) const {
    const BucketView& slow = buckets_[slow_];
    return TimeOf(slow, words_[slow_] + raise + (number - 1) * slow.unit());
  }

  // Whether b - a < 1. REQUIRES: a <= b.
  static bool AreWithinOne(const Ratio& a, const Ratio& b) {
    const UnsignedWide whole = b.Whole() - a.Whole();
    if (whole != 1) return whole == 0;
    return b.above % b.below * a.below < a.above % a.below * b.below;
  }

  UnixNanos TimeBy(size_t index, Wide number, Wide raise) const {
    const BucketView& bucket = buckets_[index];
    return bucket.At(words_[index] + raise + (number - 1) * bucket.unit(),
                     first_.at);
  }

  // If it is later than first_, with the window that this request waits for.
  Submission Time(int64_t number) const {
    std::array<UnixNanos, 2> at = {TimeBy(0, number, 0), TimeBy(1, number, 0)};
    const UnixNanos raised = TimeBy(slow_, number, kRaiseMax);
    if (are_near_ && raised > at[slow_] && raised >= at[1 - slow_] &&
        std::max(at[0], at[1]) < UnixNanos::Max()) {
      at[slow_] = TimeBy(slow_, number, Raise(number));
    }
    return Later(at[0], at[1], first_.at);
  }

  // By how many ticks the slow bucket's word is ahead, because it has been full
  // while the fast one was waited for. With the first request at t and the
  // intervals s of the slow one and f of the fast one, the fast one alone
  // admits request j at ceil(X), X <= t + (j - 1) * f, and the slow one is full
  // `r` ticks ahead at ceil(Y), Y > t + (j - 1) * s. So Y - X > 0 grows with j,
  // both can be one nanosecond only while it is below 1, and then
  // ceil(X) - ceil(Y) + 1 is 1 if they are and 0 if not: the sum over all such
  // j before `number` is what counts.
  Wide Raise(Wide number) const {
    const BucketView& fast = buckets_[1 - slow_];
    const BucketView& slow = buckets_[slow_];
    // The first request that waits for the fast one.
    const Wide low = fast.CountUntil(words_[1 - slow_], first_.at) + 1;
    Wide raise = 0;
    for (; raise < kRaiseMax; ++raise) {
      Wide begin = low;
      Wide end = std::max(low, number);
      while (begin < end) {
        const Wide middle = (begin + end) / 2;
        if (AreWithinOne(Admitted(middle), Full(middle, raise + 1))) {
          begin = middle + 1;
        } else {
          end = middle;
        }
      }
      const UnsignedWide count = static_cast<UnsignedWide>(end - low);
      const Ratio x = Admitted(low);
      const Ratio y = Full(low, raise + 1);
      const UnsignedWide met = FloorSum(count, fast.unit() * fast.period(),
                                        x.above + x.below - 1, x.below) -
                               FloorSum(count, slow.unit() * slow.period(),
                                        y.above + y.below - 1, y.below) +
                               count;
      if (met == 0) break;
    }
    return raise;
  }

  static constexpr Wide kRaiseMax = 2;

  // Constant after construction.
  const std::array<BucketView, 2> buckets_;
  // After idle time before the first request.
  std::array<Wide, 2> words_;
  Submission first_;
  size_t slow_;    // of the longer interval
  bool are_near_;  // intervals differ by less than a nanosecond
};

}  // namespace konpro::internal

#endif  // KONPRO_LIMITS_INTERNAL_BUCKET_PAIR_H_
