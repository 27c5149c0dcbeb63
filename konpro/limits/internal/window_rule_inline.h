// The transitions of window_rule.h, which includes this; nobody else does.
//
// FIXED. The number of the window is one division by the period, done as a
// multiplication (Granlund and Montgomery, "Division by Invariant Integers
// using Multiplication", PLDI 1994): a period is whole milliseconds, hence a
// multiple of 2^6 ns, and what remains of the time after that shift has 58
// bits. With 2^s <= d < 2^(s+1) for d = period / 2^6, the multiplier
// floor(2^(64+s) / d) + 1 has at most 64 bits, and its error over 58 bits stays
// below 1 / d.
//
// TOKEN_BUCKET. The generic cell rate algorithm needs a time between permits of
// period / limit, which is a whole number of nanoseconds for few limits. So a
// bucket counts time in ticks of its own: `unit` = ceil(period / limit) ticks a
// permit, capacity = limit * unit ticks a period, and the time t in nanoseconds
// is floor(t * capacity / period) ticks. Then capacity and refill are whole and
// exact, and rounding cannot accumulate, because the ticks of each period from
// the epoch begin with it. A tick is at most a nanosecond, so that
//   tick(t + period - 1) - tick(t) <= capacity - 1:
// what lies within less than a period is within less than a capacity, and any
// trailing period holds at most limit + (limit - 1). A tick is more than half a
// nanosecond, so that the time's 63 bits become 64.
#ifndef KONPRO_LIMITS_INTERNAL_WINDOW_RULE_INLINE_H_
#define KONPRO_LIMITS_INTERNAL_WINDOW_RULE_INLINE_H_

#include <algorithm>
#include <bit>
#include <cstdint>

#include "absl/base/attributes.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/window_rule.h"
#include "konpro/limits/rate_window.h"

namespace konpro {

constexpr WindowRule::WindowRule(const Terms& terms)
    : kind_(terms.kind),
      limit_(static_cast<uint32_t>(terms.limit)),
      capacity_(limit_),
      period_ns_(static_cast<uint64_t>(terms.period_ms) * 1'000'000) {
  using Wide = unsigned __int128;
  if (kind_ == WindowKind::kFixed) {
    last_ns_ = static_cast<uint64_t>(terms.phase_ms) * 1'000'000 - 1;
    multiplier_low_or_held_ns_ = period_ns_ + kSkewNs;
    const uint64_t divisor = period_ns_ >> kPeriodShift;
    shift_ = static_cast<uint8_t>(std::bit_width(divisor) - 1);
    multiplier_high_ =
        static_cast<uint64_t>((Wide{1} << (64 + shift_)) / divisor) + 1;
    return;
  }
  unit_ = (period_ns_ + limit_ - 1) / limit_;
  capacity_ = limit_ * unit_;
  ahead_ = capacity_ + kSkewNs;
  // tick(t) = t + floor(t * rest / period). The 128-bit reciprocal is exact:
  // its error is below 2^63 * 2^-128, less than 1 / period > 2^-55.
  const uint64_t rest = capacity_ - period_ns_;
  if (rest == 0) return;
  const Wide high = (Wide{rest} << 64) / period_ns_;
  const Wide low = (((Wide{rest} << 64) % period_ns_) << 64) / period_ns_;
  const Wide multiplier = ((high << 64) | low) + 1;
  multiplier_high_ = static_cast<uint64_t>(multiplier >> 64);
  multiplier_low_or_held_ns_ = static_cast<uint64_t>(multiplier);
}

constexpr uint64_t WindowRule::FixedMark(UnixNanos now) const {
  using Wide = unsigned __int128;
  const uint64_t t = static_cast<uint64_t>(now.nanos());
  const uint64_t since = t + (period_ns_ - 1 - last_ns_);
  const uint64_t high = static_cast<uint64_t>(
      (Wide{since >> kPeriodShift} * multiplier_high_) >> 64);
  return (high >> shift_) << kCountBits;
}

constexpr uint64_t WindowRule::Mark(UnixNanos now) const {
  using Wide = unsigned __int128;
  if (kind_ == WindowKind::kFixed) return FixedMark(now);
  const uint64_t t = static_cast<uint64_t>(now.nanos());
  const uint64_t low =
      static_cast<uint64_t>((Wide{t} * multiplier_low_or_held_ns_) >> 64);
  return t + static_cast<uint64_t>((Wide{t} * multiplier_high_ + low) >> 64);
}

constexpr UnixNanos WindowRule::FirstAt(uint64_t mark) const {
  using Wide = unsigned __int128;
  Wide t = 0;
  if (kind_ == WindowKind::kFixed) {
    const uint64_t begun = (mark & kCountMask) != 0;
    const uint64_t before = period_ns_ - 1 - last_ns_;
    t = Wide{(mark >> kCountBits) + begun} * period_ns_;
    t = t > before ? t - before : 0;
  } else {
    t = (Wide{mark} * period_ns_ + capacity_ - 1) / capacity_;
  }
  const Wide max = static_cast<Wide>(UnixNanos::Max().nanos());
  return UnixNanos::FromNanos(static_cast<int64_t>(t < max ? t : max));
}

constexpr bool WindowRule::Holds(WindowState state, UnixNanos now) const {
  // What is left after `now` of the stored window; 2^63 and more if it has
  // ended. The product overflows in kClosed alone, which either answer refuses.
  const uint64_t left = (state.word >> kCountBits) * period_ns_ + last_ns_ -
                        static_cast<uint64_t>(now.nanos());
  return left < multiplier_low_or_held_ns_;
}

constexpr WindowState WindowRule::Seen(WindowState state, UnixNanos now) const {
  if (kind_ == WindowKind::kFixed && Holds(state, now)) return state;
  return At(now, 0).Seen(state);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE constexpr WindowRule::Step WindowRule::Advance(
    WindowState state, uint64_t cost, UnixNanos now) const {
  if (kind_ == WindowKind::kFixed) return AdvanceFixed(state, cost, now);
  const uint64_t mark = Mark(now);
  const uint64_t need = cost * unit_;
  // A bucket that is ahead is empty.
  const uint64_t base = std::max(state.word, mark);
  if (base - mark > capacity_ - need) {
    return {.state = base - mark > ahead_ ? kClosed : state};
  }
  return {.state = {base + need}, .admitted = true};
}

ABSL_ATTRIBUTE_ALWAYS_INLINE constexpr WindowRule::Step
WindowRule::AdvanceFixed(WindowState state, uint64_t cost,
                         UnixNanos now) const {
  // Most often the stored window holds, which is known without a division.
  if (Holds(state, now)) [[likely]] {
    if (!AdmitsHeld(state, cost)) return {.state = state};
    return {.state = TakenHeld(state, cost), .admitted = true};
  }
  return AdvanceEnded(state, cost, now);
}

constexpr WindowRule::Step WindowRule::AdvanceEnded(WindowState state,
                                                    uint64_t cost,
                                                    UnixNanos now) const {
  // One that has ended is below the mark; one that is ahead, or closed, above.
  const uint64_t mark = FixedMark(now);
  if (state.word > mark) return {.state = kClosed};
  return {.state = {mark + cost}, .admitted = true};
}

constexpr bool WindowRule::AdmitsHeld(WindowState state, uint64_t cost) const {
  return (state.word & kCountMask) + cost <= capacity_;
}

constexpr WindowRule::Request WindowRule::At(UnixNanos now,
                                             uint64_t cost) const {
  const uint64_t mark = Mark(now);
  const uint64_t need = cost * unit_;
  if (kind_ == WindowKind::kFixed) {
    // The next window is not ahead if it begins soon.
    const uint64_t left = (mark >> kCountBits) * period_ns_ + last_ns_ -
                          static_cast<uint64_t>(now.nanos());
    return {.mark = mark,
            .mask = kCountMask,
            .most = capacity_ - need,
            .need = need,
            .full = mark + capacity_,
            .ahead = left < kSkewNs ? 2 * kCountMask + 1 : kCountMask};
  }
  return {.mark = mark,
          .mask = ~uint64_t{0},
          .most = mark + (capacity_ - need),
          .need = need,
          .full = mark + capacity_,
          .ahead = ahead_};
}

constexpr WindowState WindowRule::Request::Seen(WindowState state) const {
  const uint64_t base = std::max(state.word, mark);
  if (base - mark <= ahead || state == kClosed) return state;
  return {full};
}

constexpr WindowRule::Step WindowRule::Request::Advance(
    WindowState state) const {
  // The later of what is stored and now: a clock that goes backward a little
  // changes no window, and idle time fills a bucket no further than full.
  const uint64_t base = std::max(state.word, mark);
  if (base - mark > ahead) [[unlikely]] {
    return {.state = kClosed};
  }
  if ((base & mask) > most) return {.state = state};
  return {.state = {base + need}, .admitted = true};
}

constexpr uint64_t WindowRule::Used(WindowState state, UnixNanos now) const {
  const uint64_t mark = Mark(now);
  const uint64_t base = std::max(Seen(state, now).word, mark);
  return kind_ == WindowKind::kFixed ? base & kCountMask : base - mark;
}

constexpr uint64_t WindowRule::Remaining(WindowState state,
                                         UnixNanos now) const {
  const uint64_t used = Used(state, now);
  return used < capacity_ ? (capacity_ - used) / unit_ : 0;
}

constexpr UnixNanos WindowRule::AdmitsAt(WindowState state, uint64_t cost,
                                         UnixNanos now) const {
  if (cost == 0 || Advance(state, cost, now).admitted) return now;
  const uint64_t seen = Seen(state, now).word;
  if (kind_ == WindowKind::kFixed) {
    return FirstAt(std::max(seen, Mark(now)) | kCountMask);
  }
  return FirstAt(seen - (capacity_ - cost * unit_));
}

constexpr UnixNanos WindowRule::FreshAt(WindowState state,
                                        UnixNanos now) const {
  if (Used(state, now) == 0) return now;
  const uint64_t seen = Seen(state, now).word;
  return FirstAt(kind_ == WindowKind::kFixed ? seen | kCountMask : seen);
}

constexpr WindowState WindowRule::Refund(WindowState state, const Taken& taken,
                                         UnixNanos now) const {
  if (state == kClosed) return state;
  if (kind_ == WindowKind::kFixed) {
    if (state.word >> kCountBits != taken.state.word >> kCountBits) {
      return state;
    }
    return {state.word - std::min(taken.cost, state.word & kCountMask)};
  }
  // Let the same calls meet a bucket from which the permits were never taken.
  // It is ahead by their ticks at first, and loses that only if it is full,
  // at most as fast as time passes. The state proves that time has come at
  // least within a capacity of it.
  const uint64_t from = Mark(taken.at);
  const uint64_t seen = state.word - std::min(state.word, capacity_);
  const uint64_t elapsed = std::max({from, seen, Mark(now)}) - from;
  const uint64_t ticks = taken.cost * unit_;
  const uint64_t back = ticks - std::min(ticks, elapsed);
  return {state.word - std::min(back, state.word)};
}

constexpr bool WindowRule::SharesStatesWith(const WindowRule& other) const {
  return kind_ == other.kind_ && period_ns_ == other.period_ns_ &&
         (kind_ == WindowKind::kFixed ? last_ns_ == other.last_ns_
                                      : limit_ == other.limit_);
}

constexpr WindowState WindowRule::Carry(const WindowRule& from,
                                        WindowState state,
                                        UnixNanos now) const {
  using Wide = unsigned __int128;
  if (SharesStatesWith(from) || state == kClosed) return state;
  // A FIXED window that is stored and has not begun holds from its start.
  UnixNanos at = now;
  if (from.kind_ == WindowKind::kFixed) {
    at = std::max(now, from.FirstAt(state.word & ~kCountMask));
  }
  const uint64_t used = from.Used(state, at);
  const uint64_t mark = Mark(at);
  if (kind_ == WindowKind::kFixed) {
    const uint64_t permits = used / from.unit_ + (used % from.unit_ != 0);
    return {mark + std::min(permits, kCountMask)};
  }
  const Wide word = (Wide{used} * unit_ + from.unit_ - 1) / from.unit_ + mark;
  const Wide word_max = kClosed.word - 1;
  return {static_cast<uint64_t>(word < word_max ? word : word_max)};
}

}  // namespace konpro

#endif  // KONPRO_LIMITS_INTERNAL_WINDOW_RULE_INLINE_H_
