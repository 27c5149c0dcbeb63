// Each pair of windows has a theory of its own. With one request a permit:
//
// Two FIXED windows. Let A be the number of requests so far, and B_i what A may
// rise to before window i ends; A = min(B_0, B_1) after each boundary. A
// boundary of window i is B_i := A + limit_i, so it is a 2 x 2 matrix over
// (min, +), and a boundary of both at once is a third one. The boundaries are
// two arithmetic progressions. Let their periods be P < Q: for at least
// q = ceil(Q / P) - 1 times P after each Y (of period Q) there are exactly q
// X's and no Y, so that `Y X^q` can be taken for one letter; with that time cut
// out, Y has the period Q - qP, 0 < Q - qP <= P, and X keeps its own. That is
// Euclid's algorithm, and ends with equal periods: with one letter repeated for
// ever. Before each step the letters until both progressions have begun are
// applied one by one, powers of them by squaring; if A would reach the
// request, it is looked for inside the letter. (Sturmian words; the same
// recursion as in "floor sums" over a monoid.)
//
// TOKEN_BUCKET and FIXED. Let d = the ticks in a FIXED period (a rational), L
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
// Two TOKEN_BUCKETs. The k-th request goes out at the later of the times x_k
// and y_k at which each bucket alone would admit it, unless a bucket has been
// full meanwhile. A bucket no slower than the other that is full while the
// other is waited for is not waited for again. A slower one can be full while
// the faster is waited for only because times are rounded to nanoseconds: if
// both intervals differ by less than one, and for two ticks at most. See
// Raise().
#include "konpro/limits/schedule.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/window_rule.h"
#include "konpro/limits/limiter_decision.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

using Wide = __int128;
using UnsignedWide = unsigned __int128;

constexpr int64_t kMsNanos = 1'000'000;
constexpr int64_t kMaxNanos = UnixNanos::Max().nanos();

UnixNanos Clamped(Wide nanos) {
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

Submission AtStart(UnixNanos start) { return {.at = start}; }

Submission Never() { return {.at = UnixNanos::Max()}; }

// At Max() nothing is waited for any more.
Submission AfterWait(UnixNanos at, size_t binding_window) {
  if (at == UnixNanos::Max()) return Never();
  return {.at = at, .binding_window = binding_window};
}

// The later of two, and which: the first of equals.
Submission Later(UnixNanos first, UnixNanos second, UnixNanos start) {
  const UnixNanos at = std::max(first, second);
  if (at == start) return AtStart(start);
  return AfterWait(at, second > first ? 1 : 0);
}

// ---- One window.

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

// ---- Two FIXED windows.

class FixedPair {
 public:
  FixedPair(const FixedView& first, const FixedView& second, int64_t number)
      : number_(number),
        start_ms_{CeilMs(first.end), CeilMs(second.end)},
        period_ms_{first.period_ms, second.period_ms},
        caps_{first.room, second.room} {
    const int64_t a = first.limit;
    const int64_t b = second.limit;
    letters_[0] = {Letter{.cost = {{{a, kFar}, {a, 0}}}, .count = {1, 0}},
                   Letter{.cost = {{{0, b}, {kFar, b}}}, .count = {0, 1}},
                   Letter{.cost = {{{a, b}, {a, b}}}, .count = {1, 1}}};
  }

  // REQUIRES: the request does not go out at the start.
  Submission Find() {
    std::array<int64_t, 2> next = start_ms_;
    std::array<int64_t, 2> period = period_ms_;
    // Each progression begins within its period: a state whose window lies
    // ahead can begin one later.
    int64_t shift = std::max(next[0] - period[0], next[1] - period[1]);
    for (;;) {
      for (size_t i = 0; i < 2; ++i) {
        if (next[i] <= shift) {
          const int64_t times = (shift - next[i]) / period[i] + 1;
          if (Run(letters_[level_][i], times)) return Inside(i);
          next[i] += times * period[i];
        }
        next[i] -= shift;
      }
      if (period[0] == period[1]) return Periodic(next);
      const size_t y = period[1] > period[0] ? 1 : 0;
      const size_t x = 1 - y;
      const int64_t q = (period[y] - 1) / period[x];
      Extend(y, q);
      period[y] -= q * period[x];
      shift = std::max<int64_t>(0, next[y] - period[y]);
    }
  }

 private:
  // More than any request's number; twice that is an int64_t.
  static constexpr int64_t kFar = int64_t{1} << 61;
  // Periods are below 2^35 ms, and two steps of Euclid halve them at least.
  static constexpr size_t kLevelsMax = 72;
  static constexpr size_t kPowersMax = 64;
  static constexpr size_t kBoth = 2;

  struct Letter {
    // What caps_[j] becomes: the least caps_[i] + cost[i][j].
    std::array<std::array<int64_t, 2>, 2> cost;
    // The boundaries of each window that it holds.
    std::array<int64_t, 2> count;
  };

  using Caps = std::array<int64_t, 2>;

  // Boundaries are whole milliseconds; only the end of time is not.
  static int64_t CeilMs(UnixNanos at) {
    return at.nanos() / kMsNanos + (at.nanos() % kMsNanos != 0);
  }

  static Letter Then(const Letter& a, const Letter& b) {
    Letter result;
    for (size_t i = 0; i < 2; ++i) {
      for (size_t j = 0; j < 2; ++j) {
        result.cost[i][j] = std::min(
            {a.cost[i][0] + b.cost[0][j], a.cost[i][1] + b.cost[1][j], kFar});
      }
      result.count[i] = a.count[i] + b.count[i];
    }
    return result;
  }

  static Letter Power(Letter base, int64_t times) {
    Letter result = {.cost = {{{0, kFar}, {kFar, 0}}}, .count = {0, 0}};
    for (; times > 0; times >>= 1) {
      if (times & 1) result = Then(result, base);
      if (times > 1) base = Then(base, base);
    }
    return result;
  }

  // Applies `letter` unless the request is inside: then true.
  bool Reaches(const Letter& letter) {
    Caps caps;
    for (size_t j = 0; j < 2; ++j) {
      caps[j] = std::min(
          {caps_[0] + letter.cost[0][j], caps_[1] + letter.cost[1][j], kFar});
    }
    if (std::min(caps[0], caps[1]) >= number_) return true;
    caps_ = caps;
    for (size_t i = 0; i < 2; ++i) count_[i] += letter.count[i];
    return false;
  }

  // Applies `letter` up to `times` times: true before the one that the request
  // is inside of.
  bool Run(const Letter& letter, int64_t times) {
    std::array<Letter, kPowersMax> powers;
    size_t size = 1;
    powers[0] = letter;
    for (; (times >> size) > 0; ++size) {
      powers[size] = Then(powers[size - 1], powers[size - 1]);
      // Of what is longer than needed, nothing longer still is needed.
      const auto& cost = powers[size].cost;
      if (std::min(caps_[0] + std::min(cost[0][0], cost[0][1]),
                   caps_[1] + std::min(cost[1][0], cost[1][1])) >= number_) {
        break;
      }
    }
    for (size_t i = size; i-- > 0;) {
      if (times >> i > 0 && !Reaches(powers[i])) times -= int64_t{1} << i;
    }
    return times > 0;
  }

  // Puts `times` letters of the other window after each of window `y`.
  void Extend(size_t y, int64_t times) {
    const std::array<Letter, 3>& from = letters_[level_];
    std::array<Letter, 3>& to = letters_[level_ + 1];
    const Letter tail = Power(from[1 - y], times);
    to[1 - y] = from[1 - y];
    to[y] = Then(from[y], tail);
    to[kBoth] = Then(from[kBoth], tail);
    extended_[level_] = y;
    times_[level_] = times;
    ++level_;
  }

  // Both progressions have one period: what comes next comes for ever.
  Submission Periodic(const std::array<int64_t, 2>& next) {
    const std::array<Letter, 3>& letters = letters_[level_];
    if (next[0] == next[1]) {
      if (!Run(letters[kBoth], TimesMax(letters[kBoth]))) return Never();
      return Inside(kBoth);
    }
    const size_t early = next[0] < next[1] ? 0 : 1;
    const Letter pair = Then(letters[early], letters[1 - early]);
    if (!Run(pair, TimesMax(pair))) return Never();
    return Inside(Reaches(letters[early]) ? early : 1 - early);
  }

  // How often a letter that repeats for ever does so before time ends, or more.
  int64_t TimesMax(const Letter& letter) const {
    const Wide length_ms = Wide{letter.count[0]} * period_ms_[0];
    return static_cast<int64_t>(kMaxNanos / kMsNanos / length_ms) + 2;
  }

  // The request is inside letter `index` of level_, which is next.
  Submission Inside(size_t index) {
    while (level_ > 0) {
      --level_;
      const size_t y = extended_[level_];
      if (index == 1 - y || Reaches(letters_[level_][index])) continue;
      index = 1 - y;
      Run(letters_[level_][index], times_[level_]);
    }
    size_t window = index;
    if (index == kBoth) window = caps_[0] <= caps_[1] ? 0 : 1;
    const Wide at_ms =
        start_ms_[window] + Wide{count_[window]} * period_ms_[window];
    return AfterWait(Clamped(at_ms * kMsNanos), window);
  }

  // Constant after construction.
  const int64_t number_;
  const std::array<int64_t, 2> start_ms_;  // the first boundaries
  const std::array<int64_t, 2> period_ms_;

  // Behind what was applied.
  Caps caps_;
  std::array<int64_t, 2> count_ = {0, 0};

  // Letters of windows 0 and 1 and of both at once. Those of level + 1: of
  // window extended_[level] and of both, times_[level] of the other behind.
  size_t level_ = 0;
  std::array<std::array<Letter, 3>, kLevelsMax + 1> letters_;
  std::array<size_t, kLevelsMax> extended_;
  std::array<int64_t, kLevelsMax> times_;
};

// ---- A FIXED window and a TOKEN_BUCKET.

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

// ---- Two TOKEN_BUCKETs.

// The sum of floor((step * i + offset) / by) over 0 <= i < count, modulo 2^128.
UnsignedWide FloorSum(UnsignedWide count, UnsignedWide step,
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

  // Where it is later than first_, with the window that this request waits for.
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
  // j before `number` tells.
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
  // Behind idle time before the first request.
  std::array<Wide, 2> words_;
  Submission first_;
  size_t slow_;    // of the longer interval
  bool are_near_;  // intervals differ by less than a nanosecond
};

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
  if (decision.outcome() == LimitOutcome::kExceedsLimit) return Never();
  if (!decision.allowed()) {
    binding_window_ = decision.binding_window();
    now_ = decision.retry_at();
    state_ = decision.state();
    decision = Decide(windows_, state_, cost, now_);
  }
  if (now_ == UnixNanos::Max()) return Never();
  state_ = decision.state();
  return {.at = now_, .binding_window = binding_window_};
}

Submission Schedule::At(uint64_t number) const {
  const auto find = windows_.size() == 1 ? FindInOne : FindInTwo;
  return find(windows_, state_, start_, static_cast<int64_t>(number));
}

}  // namespace konpro
