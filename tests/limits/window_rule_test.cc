// The transitions of window_rule.h, called directly.
#include "konpro/limits/internal/window_rule.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

using Terms = WindowRule::Terms;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMax = INT64_MAX;
constexpr int64_t kLimitMax = RateWindow::kLimitMax;
constexpr int64_t kPeriodMaxMs = RateWindow::kPeriodMaxMs;

constexpr UnixNanos At(int64_t nanos) { return UnixNanos::FromNanos(nanos); }

constexpr WindowRule Fixed(int64_t limit, int64_t period_ms,
                           int64_t phase_ms = 0) {
  return WindowRule(Terms{.kind = WindowKind::kFixed,
                          .limit = limit,
                          .period_ms = period_ms,
                          .phase_ms = phase_ms});
}
constexpr WindowRule Bucket(int64_t limit, int64_t period_ms) {
  return WindowRule(Terms{.kind = WindowKind::kTokenBucket,
                          .limit = limit,
                          .period_ms = period_ms});
}

constexpr WindowState After(const WindowRule& rule, uint64_t cost,
                            int64_t now) {
  return rule.Advance(WindowState{}, cost, At(now)).state;
}

// Transitions are constant expressions.
static_assert(Fixed(60, 60'000).Advance({}, 60, At(0)).admitted);
static_assert(
    Fixed(60, 60'000).Remaining(After(Fixed(60, 60'000), 7, 0), At(0)) == 53);
static_assert(Bucket(7, 60'000).AdmitsAt(After(Bucket(7, 60'000), 7, 0), 1,
                                         At(0)) == At(8'571'428'572));
static_assert(Bucket(7, 60'000).FreshAt(After(Bucket(7, 60'000), 7, 0),
                                        At(0)) == At(60 * kSecond));
static_assert(Bucket(3, 1'000).Carry(Fixed(5, 1'000),
                                     After(Fixed(5, 1'000), 2, 0),
                                     At(0)) == After(Bucket(3, 1'000), 2, 0));

TEST(WindowRule, WordsArePackedAsStated) {
  const struct {
    WindowRule rule;
    uint64_t cost;
    int64_t now;
    uint64_t word;
  } kCases[] = {
      {Fixed(60, 60'000), 1, 0, uint64_t{1} << 30 | 1},
      {Fixed(60, 60'000), 60, 60 * kSecond - 1, uint64_t{1} << 30 | 60},
      {Fixed(60, 60'000), 5, 60 * kSecond, uint64_t{2} << 30 | 5},
      // The part of a window before the first phase is window 0.
      {Fixed(60, 60'000, 7'000), 1, 7 * kSecond - 1, 1},
      {Fixed(60, 60'000, 7'000), 1, 7 * kSecond, uint64_t{1} << 30 | 1},
      // The largest of all: 34 bits of window, 30 of count.
      {Fixed(kLimitMax, 1'000), uint64_t{kLimitMax}, kMax,
       uint64_t{9'223'372'037} << 30 | uint64_t{kLimitMax}},
      {Fixed(1, kPeriodMaxMs, kPeriodMaxMs - 1), 1, kMax,
       uint64_t{291} << 30 | 1},
      // A limit that divides the period: ticks are nanoseconds.
      {Bucket(60, 60'000), 1, 5, 5 + kSecond},
      // Seven in a minute: 8,571,428,572 ticks each, 4 more a minute than
      // nanoseconds.
      {Bucket(7, 60'000), 1, 60 * kSecond,
       uint64_t{60'000'000'004} + 8'571'428'572},
      // The shortest tick that there is, 0.5000000005 ns, at the last time.
      {Bucket(999'999'999, 1'000), 999'999'999, kMax, 18446744057262807538u},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(After(c.rule, c.cost, c.now).word, c.word);
  }
}

TEST(WindowRule, TicksFitAtEveryEdgeOfTheDomain) {
  for (const int64_t period_ms :
       {int64_t{1'000}, int64_t{1'001}, int64_t{1'073}, int64_t{1'074},
        int64_t{60'000}, kPeriodMaxMs - 1, kPeriodMaxMs}) {
    for (const int64_t limit :
         {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{999'999'999},
          int64_t{1'000'000'000}, int64_t{1'000'000'001}, kLimitMax - 1,
          kLimitMax}) {
      const WindowRule rule = Bucket(limit, period_ms);
      const WindowState full = After(rule, limit, kMax);
      EXPECT_GT(full.word, After(rule, limit, kMax - 1).word);
      EXPECT_LT(full.word, WindowRule::kClosed.word - 1);
      EXPECT_FALSE(rule.Advance(full, 1, At(kMax)).admitted);
      EXPECT_EQ(rule.Remaining(full, At(kMax)), 0u);
      EXPECT_EQ(rule.AdmitsAt(full, limit, At(kMax)), UnixNanos::Max());
    }
  }
}

TEST(WindowRule, ClosedRefusesForEver) {
  for (const WindowRule& rule :
       {Fixed(1, 1'000), Fixed(kLimitMax, 1'000),
        Fixed(kLimitMax, kPeriodMaxMs, kPeriodMaxMs - 1), Fixed(7, 1'024),
        Bucket(1, 1'000), Bucket(kLimitMax, 1'000), Bucket(999'999'999, 1'000),
        Bucket(1, kPeriodMaxMs)}) {
    for (const int64_t now : {int64_t{0}, kSecond, kMax - 1, kMax}) {
      const WindowState closed = WindowRule::kClosed;
      EXPECT_FALSE(rule.Advance(closed, 1, At(now)).admitted);
      EXPECT_EQ(rule.Remaining(closed, At(now)), 0u);
      EXPECT_EQ(rule.AdmitsAt(closed, 1, At(now)), UnixNanos::Max());
      EXPECT_EQ(rule.FreshAt(closed, At(now)), UnixNanos::Max());
      EXPECT_EQ(rule.Refund(closed, {.state = closed, .cost = 1, .at = At(now)},
                            At(now)),
                closed);
      EXPECT_EQ(rule.Carry(Fixed(3, 5'000), closed, At(now)), closed);
      EXPECT_EQ(rule.Carry(Bucket(3, 5'000), closed, At(now)), closed);
    }
  }
}

TEST(WindowRule, ClocksThatDisagreeNeitherReopenNorRefill) {
  const WindowRule fixed = Fixed(3, 60'000);
  const WindowState used = After(fixed, 2, 600 * kSecond);
  const WindowRule::Step step = fixed.Advance(used, 1, At(599 * kSecond));
  EXPECT_TRUE(step.admitted);
  EXPECT_FALSE(fixed.Advance(step.state, 1, At(599 * kSecond)).admitted);
  EXPECT_FALSE(fixed.Advance(step.state, 1, At(659 * kSecond)).admitted);
  EXPECT_EQ(fixed.AdmitsAt(step.state, 1, At(599 * kSecond)),
            At(660 * kSecond));

  const WindowRule bucket = Bucket(3, 60'000);
  const WindowState level = After(bucket, 2, 600 * kSecond);
  EXPECT_FALSE(bucket.Advance(level, 2, At(600 * kSecond - 1)).admitted);
  EXPECT_TRUE(bucket.Advance(level, 1, At(600 * kSecond)).admitted);
}

// A state of two hours ahead, and at all other distances: the first call uses
// up the window that holds at its time, and the next one is admitted.
TEST(WindowRule, ClockThatIsSetBackUsesUpOnePeriodAndNoMore) {
  for (const WindowRule& rule :
       {Fixed(3, 60'000), Fixed(3, 60'000, 17'000), Bucket(3, 60'000),
        Bucket(7, 61'003), Fixed(kLimitMax, 1'000)}) {
    for (const int64_t ahead :
         {int64_t{61} + 61, int64_t{3'600}, int64_t{7'200},
          int64_t{400} * 86'400, kMax / kSecond - 1'000}) {
      const int64_t now = 600 * kSecond + 1;
      const WindowState state = After(rule, 1, now + ahead * kSecond);
      const WindowRule::Step step = rule.Advance(state, 1, At(now));
      ASSERT_FALSE(step.admitted);
      ASSERT_EQ(step.state, WindowRule::kClosed);
      const WindowState seen = rule.Seen(state, At(now));
      EXPECT_LT(seen.word, state.word);
      EXPECT_EQ(rule.Remaining(state, At(now)), 0u);
      const int64_t at = rule.AdmitsAt(state, 1, At(now)).nanos();
      EXPECT_LE(at, now + 61 * kSecond);
      EXPECT_FALSE(rule.Advance(seen, 1, At(at - 1)).admitted);
      EXPECT_TRUE(rule.Advance(seen, 1, At(at)).admitted);
      // Once, not at each call.
      EXPECT_EQ(rule.Advance(seen, 1, At(at - 1)).state, seen);
    }
  }
}

TEST(WindowRule, StateIsAheadByMoreThanASecond) {
  const WindowRule fixed = Fixed(3, 60'000);
  const WindowState next = After(fixed, 1, 600 * kSecond);
  EXPECT_TRUE(fixed.Advance(next, 1, At(599 * kSecond)).admitted);
  EXPECT_EQ(fixed.Advance(next, 1, At(599 * kSecond - 1)).state,
            WindowRule::kClosed);
  // A tick is a nanosecond.
  const WindowRule bucket = Bucket(3, 60'000);
  const WindowState empty = After(bucket, 3, 600 * kSecond);
  EXPECT_EQ(bucket.Advance(empty, 1, At(599 * kSecond)).state, empty);
  EXPECT_EQ(bucket.Advance(empty, 1, At(599 * kSecond - 1)).state,
            WindowRule::kClosed);
}

TEST(WindowRule, RefundGoesToItsOwnWindowAlone) {
  const WindowRule fixed = Fixed(5, 60'000);
  const WindowState first = After(fixed, 3, 0);
  const WindowRule::Taken taken = {.state = first, .cost = 3, .at = At(0)};
  EXPECT_EQ(fixed.Remaining(fixed.Refund(first, taken, At(1)), At(1)), 5u);
  const WindowState second = fixed.Advance(first, 2, At(60 * kSecond)).state;
  EXPECT_EQ(fixed.Refund(second, taken, At(60 * kSecond)), second);

  // Six permits a minute: after 10 s the refill has given one back.
  const WindowRule bucket = Bucket(6, 60'000);
  const WindowState level = After(bucket, 2, 0);
  const WindowRule::Taken two = {.state = level, .cost = 2, .at = At(0)};
  const struct {
    int64_t now;
    uint64_t remaining;
    int64_t fresh;
  } kCases[] = {
      {0, 6, 0},
      {10 * kSecond, 6, 10 * kSecond},
      {20 * kSecond, 6, 20 * kSecond},
  };
  for (const auto& c : kCases) {
    const WindowState back = bucket.Refund(level, two, At(c.now));
    EXPECT_EQ(bucket.Remaining(back, At(c.now)), c.remaining);
    EXPECT_EQ(bucket.FreshAt(back, At(c.now)), At(c.fresh));
  }
  // Taken, refilled, and all taken again by somebody else: nothing comes back.
  const WindowState others = bucket.Advance(level, 6, At(20 * kSecond)).state;
  EXPECT_EQ(bucket.Refund(others, two, At(20 * kSecond)), others);
}

// With refunds, a bucket admits only what it would admit had the refunded
// permits never been taken: for every admission that was kept, all kept ones
// from there on fit into a capacity and the refill since.
TEST(WindowRule, BucketRefundsNeverMint) {
  struct Kept {
    WindowRule::Taken taken;
    bool kept = true;
  };
  std::mt19937_64 random(3);
  for (int round = 0; round < 20'000; ++round) {
    const int64_t limit = 1 + random() % 5;
    const int64_t interval = 1 + random() % 4;
    // A tick is a nanosecond: the period is limit * interval seconds.
    const WindowRule rule = Bucket(limit, limit * interval * 1'000);
    std::vector<Kept> history;
    WindowState state;
    int64_t now = 0;
    for (int i = 0; i < 24; ++i) {
      now += static_cast<int64_t>(random() % (interval * kSecond));
      if (random() % 3 == 0 && !history.empty()) {
        Kept& k = history[random() % history.size()];
        if (k.kept) state = rule.Refund(state, k.taken, At(now));
        k.kept = false;
        continue;
      }
      const uint64_t cost = 1 + random() % limit;
      const WindowRule::Step step = rule.Advance(state, cost, At(now));
      if (!step.admitted) continue;
      state = step.state;
      history.push_back({{.state = state, .cost = cost, .at = At(now)}});
      int64_t behind = 0;
      for (auto k = history.rbegin(); k != history.rend(); ++k) {
        if (!k->kept) continue;
        behind += static_cast<int64_t>(k->taken.cost) * interval * kSecond;
        ASSERT_LE(behind,
                  limit * interval * kSecond + now - k->taken.at.nanos())
            << round;
      }
    }
  }
}

// The largest sum of `admitted` (time, cost) within any half-open period.
int64_t WorstTrailing(const std::vector<std::pair<int64_t, int64_t>>& admitted,
                      int64_t period) {
  std::deque<std::pair<int64_t, int64_t>> window;
  int64_t sum = 0;
  int64_t worst = 0;
  for (const auto& [time, cost] : admitted) {
    while (!window.empty() && window.front().first <= time - period) {
      sum -= window.front().second;
      window.pop_front();
    }
    window.push_back({time, cost});
    sum += cost;
    worst = std::max(worst, sum);
  }
  return worst;
}

TEST(WindowRule, WorstCaseOfATrailingPeriodIsReachedAndNotPassed) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 400; ++round) {
    const bool fixed = round % 2 == 0;
    const int64_t limit = 1 + random() % 40;
    const int64_t period_ms = 1'000 + random() % 500;
    const int64_t period = period_ms * 1'000'000;
    const WindowRule rule = fixed
                                ? Fixed(limit, period_ms, random() % period_ms)
                                : Bucket(limit, period_ms);
    const int64_t worst_allowed = fixed ? 2 * limit : 2 * limit - 1;

    // As much as possible, as early as possible, from a random time on; and the
    // same with random pauses.
    for (const bool pauses : {false, true}) {
      std::vector<std::pair<int64_t, int64_t>> admitted;
      WindowState state;
      int64_t now = static_cast<int64_t>(random() >> 2);
      if (fixed && !pauses) {
        now = rule.FreshAt(After(rule, 1, now), At(now)).nanos() - 1;
      }
      const int64_t end = now + 3 * period;
      while (now < end) {
        const WindowRule::Step step = rule.Advance(state, 1, At(now));
        if (step.admitted) {
          admitted.push_back({now, 1});
          state = step.state;
          if (pauses && random() % 4 == 0) now += random() % (period / limit);
          continue;
        }
        const int64_t at = rule.AdmitsAt(state, 1, At(now)).nanos();
        ASSERT_FALSE(rule.Advance(state, 1, At(at - 1)).admitted);
        now = at;
      }
      const int64_t worst = WorstTrailing(admitted, period);
      ASSERT_LE(worst, worst_allowed) << limit << " per " << period_ms;
      if (!pauses) {
        ASSERT_EQ(worst, worst_allowed) << limit << " per " << period_ms;
      }
    }
  }
}

TEST(WindowRule, RetryTimeIsExactOnAGrid) {
  const int64_t limits[] = {1, 2, 3, 7, 59, 60, 61, 1'000, 999'983, kLimitMax};
  const int64_t periods_ms[] = {1'000,  1'001,      7'919,       60'000,
                                61'007, 86'400'000, kPeriodMaxMs};
  std::mt19937_64 random(11);
  int64_t cases = 0;
  int64_t refusals = 0;
  for (const int64_t limit : limits) {
    for (const int64_t period_ms : periods_ms) {
      for (int phase = -1; phase < 2; ++phase) {
        const WindowRule rule =
            phase < 0 ? Bucket(limit, period_ms)
                      : Fixed(limit, period_ms, phase * (period_ms / 3));
        for (int i = 0; i < 4'800; ++i) {
          ++cases;
          const int64_t start = static_cast<int64_t>(
              random() % (i % 2 == 0 ? uint64_t{4'000'000'000'000'000'000}
                                     : uint64_t{100'000'000'000}));
          const uint64_t used = 1 + random() % limit;
          const uint64_t cost = 1 + random() % limit;
          const WindowState state = After(rule, used, start);
          const int64_t now =
              start + static_cast<int64_t>(random() % 4) * period_ms * 250'000;
          const int64_t at = rule.AdmitsAt(state, cost, At(now)).nanos();
          ASSERT_TRUE(rule.Advance(state, cost, At(at)).admitted);
          if (at == now) continue;
          ++refusals;
          ASSERT_FALSE(rule.Advance(state, cost, At(at - 1)).admitted);
        }
      }
    }
  }
  EXPECT_GE(cases, 1'000'000);
  EXPECT_GE(refusals, 100'000);
}

TEST(WindowRule, CarryKeepsWhatWasUsed) {
  const int64_t now = 100 * 86'400 * kSecond + 5 * kSecond;
  const struct {
    WindowRule from;
    uint64_t used;
    WindowRule to;
    uint64_t remaining;
  } kCases[] = {
      {Fixed(10, 60'000), 4, Fixed(20, 60'000), 16},
      {Fixed(10, 60'000), 4, Fixed(3, 60'000), 0},
      {Fixed(10, 60'000), 4, Fixed(10, 86'400'000), 6},
      {Fixed(10, 86'400'000), 4, Fixed(10, 60'000), 6},
      {Fixed(10, 60'000), 4, Bucket(10, 60'000), 6},
      {Bucket(10, 60'000), 4, Fixed(10, 60'000), 6},
      {Bucket(10, 60'000), 4, Bucket(20, 60'000), 16},
      {Bucket(10, 60'000), 4, Bucket(3, 60'000), 0},
      {Bucket(7, 61'000), 4, Bucket(11, 1'000), 7},
  };
  for (const auto& c : kCases) {
    const WindowState state =
        c.to.Carry(c.from, After(c.from, c.used, now), At(now));
    EXPECT_EQ(c.to.Remaining(state, At(now)), c.remaining);
  }
  // Fresh stays fresh, whatever the rules.
  for (const auto& c : kCases) {
    const WindowState state = c.to.Carry(c.from, WindowState{}, At(now));
    EXPECT_EQ(c.to.Remaining(state, At(now)), c.to.limit());
  }
  // A year of backlog per permit: beyond all times, hence used up.
  const WindowRule slow = Bucket(1, kPeriodMaxMs);
  const WindowState state =
      slow.Carry(Fixed(kLimitMax, 1'000),
                 After(Fixed(kLimitMax, 1'000), kLimitMax, now), At(now));
  EXPECT_FALSE(slow.Advance(state, 1, At(kMax)).admitted);
}

}  // namespace
}  // namespace konpro
