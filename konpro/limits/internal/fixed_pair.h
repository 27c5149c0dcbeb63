// When request k goes out under two FIXED windows, in time that grows with the
// logarithm of their periods.
//
// Let A be the number of requests so far, and B_i what A may rise to before
// window i ends; A = min(B_0, B_1) after each boundary. A boundary of window
// i is B_i := A + limit_i, so it is a 2 x 2 matrix over (min, +), and a
// boundary of both at once is a third one. The boundaries are two arithmetic
// progressions. Let their periods be P < Q: for at least q = ceil(Q / P) - 1
// times P after each Y (of period Q) there are exactly q X's and no Y, so
// that `Y X^q` can be taken for one letter; with that time cut out, Y has
// the period Q - qP, 0 < Q - qP <= P, and X keeps its own. That is Euclid's
// algorithm, and ends with equal periods: with one letter repeated for ever.
// Before each step the letters until both progressions have begun are
// applied one by one, powers of them by squaring; if A would reach the
// request, it is looked for inside the letter. (Sturmian words; the same
// recursion as in "floor sums" over a monoid.)
//
// Thread safety: thread-compatible.
#ifndef KONPRO_LIMITS_INTERNAL_FIXED_PAIR_H_
#define KONPRO_LIMITS_INTERNAL_FIXED_PAIR_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/schedule_views.h"
#include "konpro/limits/schedule.h"

namespace konpro::internal {

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

  // After what was applied.
  Caps caps_;
  std::array<int64_t, 2> count_ = {0, 0};

  // Letters of windows 0 and 1 and of both at once. Those of level + 1: of
  // window extended_[level] and of both, times_[level] of the other after it.
  size_t level_ = 0;
  std::array<std::array<Letter, 3>, kLevelsMax + 1> letters_;
  std::array<size_t, kLevelsMax> extended_;
  std::array<int64_t, kLevelsMax> times_;
};

}  // namespace konpro::internal

#endif  // KONPRO_LIMITS_INTERNAL_FIXED_PAIR_H_
