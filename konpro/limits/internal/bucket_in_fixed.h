// When request k goes out under a TOKEN_BUCKET and a FIXED window.
//
// Let d = the ticks in a FIXED period (a rational), L
// its limit, u the ticks of a permit, W_j the bucket's word at boundary j.
// While the FIXED window admits its L each time,
//   W_j = max(W_0 + j * L * u, mark(b_j)).
// (1) L * u <= d: mark(b_j) - W_j is the floor of something that does not fall,
// so a bucket once full at a boundary is full at all later ones, and one that
// had L permits for a window has them for all later ones. A window that takes
// all that the bucket has leaves the next at least floor(floor(d) / u) >= L.
// (2) L * u > d: the bucket has ever fewer permits for a window. Once they are
// fewer than L, a window begins with less than one permit in stock and gets at
// most ceil(d / u) <= L: the FIXED window refuses nothing any more, and the
// last of its L requests would not go out before the next begins.
// Either way a request goes out at the later of two times: the boundary that it
// comes after if each window before admits L, and when the bucket has W_j for
// it.
//
// Thread safety: thread-compatible.
#ifndef KONPRO_LIMITS_INTERNAL_BUCKET_IN_FIXED_H_
#define KONPRO_LIMITS_INTERNAL_BUCKET_IN_FIXED_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/schedule_views.h"
#include "konpro/limits/schedule.h"

namespace konpro::internal {

class BucketInFixed {
 public:
  BucketInFixed(const BucketView& bucket, Wide word, size_t bucket_index,
                const FixedView& fixed, UnixNanos start)
      : bucket_(bucket),
        bucket_index_(bucket_index),
        limit_(fixed.limit),
        period_(fixed.period()),
        start_(start),
        word_(std::max(word, bucket.Mark(start))),
        begin_(start.nanos()),
        end_(fixed.end.nanos()),
        room_(fixed.room) {
    const UnixNanos first = bucket_.At(word_, start_);
    if (first.nanos() < end_) return;
    // Windows pass before the bucket admits anything.
    const Wide passed = (first.nanos() - end_) / period_;
    behind_full_ = passed == 0 && room_ == 0;
    begin_ = end_ + passed * period_;
    end_ = begin_ + period_;
    room_ = limit_;
  }

  Submission Find(int64_t number) {
    Wide left = number;
    const bool bucket_is_slower =
        limit_ * bucket_.period() > period_ * bucket_.limit();
    for (;;) {
      if (begin_ >= kMaxNanos) return Never();
      const Wide word = Raised(word_, begin_);
      const Wide there = bucket_.CountUntil(word, Clamped(end_ - 1));
      if (IsWhole() && there >= limit_) break;
      const Wide taken = std::min(room_, there);
      if (left <= taken || (there < room_ && bucket_is_slower)) {
        return Within(0, left);
      }
      left -= taken;
      behind_full_ = taken == room_;
      word_ = word + taken * bucket_.unit();
      begin_ = end_;
      end_ += period_;
      room_ = limit_;
    }
    return Within((left - 1) / limit_, left);
  }

 private:
  size_t FixedIndex() const { return 1 - bucket_index_; }
  // Not one that the start cuts.
  bool IsWhole() const { return room_ == limit_ && end_ - begin_ == period_; }

  // The bucket's word if idle time until `at` has filled it.
  Wide Raised(Wide word, Wide at) const {
    return std::max(word, bucket_.Mark(Clamped(at)));
  }

  // Request `left`, counted from this window, if each window from this one
  // to `index` windows after it admits its limit, or the bucket alone binds.
  Submission Within(Wide index, Wide left) const {
    const Wide begin = begin_ + index * period_;
    if (begin >= kMaxNanos) return Never();
    const UnixNanos from = Clamped(begin);
    Wide before = word_;
    bool behind_full = behind_full_;
    if (index > 0) {
      before = Raised(word_, begin_) + index * limit_ * bucket_.unit();
      behind_full = bucket_.At(before - bucket_.unit(), start_) < from;
    }
    const Wide word =
        Raised(before, begin) + (left - 1 - index * limit_) * bucket_.unit();
    const UnixNanos at = bucket_.At(word, from);
    if (at == start_) return AtStart(start_);
    size_t binding = bucket_index_;
    if (at == from && behind_full) {
      // The FIXED window was waited for, and the bucket perhaps as long.
      const UnixNanos alone = bucket_.At(before, start_);
      binding = alone < from ? FixedIndex() : 0;
    }
    return AfterWait(at, binding);
  }

  const BucketView bucket_;
  const size_t bucket_index_;
  const Wide limit_;
  const Wide period_;
  const UnixNanos start_;

  // The present window, and the bucket's word where it begins.
  Wide word_;
  Wide begin_;
  Wide end_;
  Wide room_;
  // Whether the window before admitted all that it could.
  bool behind_full_ = false;
};

}  // namespace konpro::internal

#endif  // KONPRO_LIMITS_INTERNAL_BUCKET_IN_FIXED_H_
