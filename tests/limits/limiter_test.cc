#include "konpro/limits/limiter.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'699'920'000 * kSecond;  // of a day
constexpr int64_t kMax = INT64_MAX;

UnixNanos At(int64_t after) { return UnixNanos::FromNanos(kStart + after); }

RateWindow Window(absl::string_view name, int64_t limit, absl::Duration period,
                  WindowKind kind = WindowKind::kFixed) {
  return RateWindow::Create(
             {.name = name, .kind = kind, .limit = limit, .period = period})
      .value();
}
RateWindow Minute(int64_t limit) {
  return Window("minute", limit, absl::Minutes(1));
}
RateWindow Day(int64_t limit) { return Window("day", limit, absl::Hours(24)); }
RateWindow Bucket(int64_t limit) {
  return Window("bucket", limit, absl::Minutes(1), WindowKind::kTokenBucket);
}

TEST(Limiter, AdmitsByAllWindowsOrCountsInNone) {
  const LimiterWindows windows(Minute(3), Day(5));
  LimiterCell cell;
  const struct {
    int64_t after;
    uint64_t cost;
    LimitOutcome outcome;
    size_t binding;
    uint64_t minute_left;
    uint64_t day_left;
    absl::Duration retry_after;
  } kCases[] = {
      {0, 1, LimitOutcome::kAllowed, 0, 2, 4, absl::ZeroDuration()},
      {kSecond, 2, LimitOutcome::kAllowed, 0, 0, 2, absl::ZeroDuration()},
      {kSecond, 1, LimitOutcome::kRetryLater, 0, 0, 2, absl::Seconds(59)},
      {kSecond, 0, LimitOutcome::kAllowed, 0, 0, 2, absl::ZeroDuration()},
      {60 * kSecond, 3, LimitOutcome::kRetryLater, 1, 3, 2,
       absl::Hours(24) - absl::Minutes(1)},
      {60 * kSecond, 2, LimitOutcome::kAllowed, 1, 1, 0, absl::ZeroDuration()},
      {61 * kSecond, 2, LimitOutcome::kRetryLater, 1, 1, 0,
       absl::Hours(24) - absl::Seconds(61)},
      {86'400 * kSecond, 3, LimitOutcome::kAllowed, 0, 0, 2,
       absl::ZeroDuration()},
  };
  for (const auto& c : kCases) {
    const Decision d = TryAcquire(cell, windows, c.cost, At(c.after));
    EXPECT_EQ(d.outcome(), c.outcome) << c.after;
    EXPECT_EQ(d.binding_window(), c.binding) << c.after;
    EXPECT_EQ(d.remaining(0), c.minute_left) << c.after;
    EXPECT_EQ(d.remaining(1), c.day_left) << c.after;
    EXPECT_EQ(d.retry_after(), c.retry_after) << c.after;
  }
}

TEST(Limiter, CostAboveALimitIsNeverAdmitted) {
  const LimiterWindows windows(Minute(60), Day(5));
  LimiterCell cell;
  for (const uint64_t cost : {uint64_t{6}, uint64_t{61}, uint64_t{1} << 32,
                              uint64_t{1} << 63, ~uint64_t{0}}) {
    const Decision d = TryAcquire(cell, windows, cost, At(0));
    EXPECT_EQ(d.outcome(), LimitOutcome::kExceedsLimit) << cost;
    EXPECT_EQ(d.binding_window(), 1u);
    EXPECT_EQ(d.retry_at(), UnixNanos::Max());
  }
  EXPECT_EQ(cell.Load(), LimiterState{});
}

TEST(Limiter, DecisionSaysWhenWindowsAreFresh) {
  const LimiterWindows windows(Bucket(6), Day(5));
  LimiterCell cell;
  const Decision fresh = Peek(cell, windows, 1, At(7));
  EXPECT_TRUE(fresh.allowed());
  EXPECT_EQ(fresh.reset_after(0), absl::ZeroDuration());
  EXPECT_EQ(fresh.reset_after(1), absl::ZeroDuration());
  const Decision d = TryAcquire(cell, windows, 2, At(10 * kSecond));
  EXPECT_EQ(d.reset_after(0), absl::Seconds(20));
  EXPECT_EQ(d.reset_after(1), absl::Hours(24) - absl::Seconds(10));
}

TEST(Limiter, ReleaseGivesBackOnlyWhatWasTaken) {
  const LimiterWindows windows(Minute(3), Day(5));
  LimiterCell cell;
  const Decision first = TryAcquire(cell, windows, 3, At(0));
  const Decision refused = TryAcquire(cell, windows, 1, At(0));
  EXPECT_TRUE(Release(cell, windows, refused, At(0)));
  EXPECT_EQ(cell.Load(), first.state());
  const Decision second = TryAcquire(cell, windows, 1, At(60 * kSecond));
  EXPECT_TRUE(Release(cell, windows, first, At(60 * kSecond)));
  // The minute has passed and the day has not.
  const Decision d = Peek(cell, windows, 1, At(60 * kSecond));
  EXPECT_EQ(d.remaining(0), 2u);
  EXPECT_EQ(d.remaining(1), 4u);
  EXPECT_TRUE(Release(cell, windows, second, At(61 * kSecond)));
  EXPECT_EQ(Peek(cell, windows, 1, At(61 * kSecond)).remaining(1), 5u);
}

TEST(Limiter, ReleaseFindsWindowsAsCarryDoes) {
  const LimiterWindows minute(Minute(3));
  const LimiterWindows burst_first(Window("burst", 5, absl::Minutes(1)),
                                   Minute(3));
  LimiterCell cell;
  const Decision taken = TryAcquire(cell, minute, 1, At(0));
  internal::ReplaceWindows(cell, minute, burst_first, At(0), [] {});
  ASSERT_TRUE(TryAcquire(cell, burst_first, 1, At(0)).allowed());
  EXPECT_TRUE(Release(cell, burst_first, taken, At(0)));
  const Decision d = Peek(cell, burst_first, 1, At(0));
  // The new window gave nothing, and gets nothing.
  EXPECT_EQ(d.remaining(0), 4u);
  EXPECT_EQ(d.remaining(1), 2u);
}

TEST(Limiter, NewLimitCountsFromTheNextCall) {
  const LimiterWindows before(Minute(3), Day(5));
  LimiterCell cell;
  TryAcquire(cell, before, 3, At(0));
  const LimiterWindows raised(Minute(5), Day(6));
  EXPECT_EQ(Peek(cell, raised, 1, At(0)).remaining(0), 2u);
  const LimiterWindows lowered(Minute(2), Day(6));
  const Decision d = Peek(cell, lowered, 1, At(0));
  EXPECT_EQ(d.outcome(), LimitOutcome::kRetryLater);
  EXPECT_EQ(d.retry_after(), absl::Minutes(1));
}

TEST(Limiter, CarryFindsWindowsByNameThenByPlace) {
  const LimiterWindows minute_and_day(Minute(10), Day(20));
  LimiterCell cell;
  TryAcquire(cell, minute_and_day, 3, At(0));
  TryAcquire(cell, minute_and_day, 4, At(60 * kSecond));
  const UnixNanos now = At(61 * kSecond);
  const struct {
    LimiterWindows to;
    uint64_t first_left;
    uint64_t second_left;
  } kCases[] = {
      {LimiterWindows(Day(20), Minute(10)), 13, 6},
      {LimiterWindows(Bucket(10), Day(30)), 6, 23},
      {LimiterWindows(Minute(10), Window("month", 50, absl::Hours(720))), 6,
       43},
      {LimiterWindows(Day(30)), 23, 0},
      {LimiterWindows(Window("hour", 30, absl::Hours(1))), 26, 0},
  };
  for (const auto& c : kCases) {
    const LimiterCell changed(Carry(minute_and_day, c.to, cell.Load(), now));
    const Decision d = Peek(changed, c.to, 1, now);
    EXPECT_EQ(d.remaining(0), c.first_left);
    if (c.to.size() > 1) {
      EXPECT_EQ(d.remaining(1), c.second_left);
    }
  }
  const LimiterWindows day(Day(20));
  const LimiterCell one(Carry(minute_and_day, day, cell.Load(), now));
  const LimiterState both = Carry(day, minute_and_day, one.Load(), now);
  EXPECT_EQ(both.windows[0].word, minute_and_day.rule(0).At(now, 0).mark);
  EXPECT_EQ(both.windows[1], cell.Load().windows[1]);
}

TEST(Limiter, ClosedCellRefusesEverything) {
  for (const LimiterWindows& windows :
       {LimiterWindows(Minute(3), Day(5)), LimiterWindows(Bucket(3)),
        LimiterWindows(Minute(RateWindow::kLimitMax), Bucket(3))}) {
    LimiterCell cell(LimiterState::Closed());
    for (const UnixNanos now :
         {UnixNanos(), At(0), UnixNanos::FromNanos(kMax)}) {
      // It is closed for a moment: the hint is not that nothing is ever
      // admitted.
      for (const Decision& d :
           {TryAcquire(cell, windows, 1, now), Peek(cell, windows, 1, now)}) {
        EXPECT_EQ(d.outcome(), LimitOutcome::kRetryLater);
        EXPECT_EQ(d.retry_after(), absl::ZeroDuration());
        EXPECT_EQ(d.reset_after(0), absl::ZeroDuration());
      }
      EXPECT_TRUE(Peek(cell, windows, 0, now).allowed());
      EXPECT_EQ(Peek(cell, windows, windows.cost_max() + 1, now).outcome(),
                LimitOutcome::kExceedsLimit);
    }
    EXPECT_EQ(cell.LoadBoth(), LimiterState::Closed());
  }
}

// A locked exchange writes, and so faults, whatever it compares.
TEST(Limiter, RefusalsAndPeeksWriteNothing) {
  void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  const LimiterWindows full(Minute(1), Day(5));
  const LimiterWindows day_full(Minute(5), Day(1));
  const LimiterWindows bucket_full(Bucket(1), Day(5));
  auto* cells = static_cast<LimiterCell*>(page);
  for (int i = 0; i < 3; ++i) new (&cells[i]) LimiterCell;
  ASSERT_TRUE(TryAcquire(cells[0], full, 1, At(0)).allowed());
  ASSERT_TRUE(TryAcquire(cells[1], day_full, 1, At(0)).allowed());
  ASSERT_TRUE(TryAcquire(cells[2], bucket_full, 1, At(0)).allowed());
  ASSERT_EQ(mprotect(page, 4096, PROT_READ), 0);
  EXPECT_FALSE(TryAcquire(cells[0], full, 1, At(1)).allowed());
  EXPECT_FALSE(TryAcquire(cells[1], day_full, 1, At(60 * kSecond)).allowed());
  EXPECT_FALSE(TryAcquire(cells[2], bucket_full, 1, At(1)).allowed());
  EXPECT_TRUE(TryAcquire(cells[0], full, 0, At(60 * kSecond)).allowed());
  EXPECT_FALSE(TryAcquire(cells[0], full, 2, At(60 * kSecond)).allowed());
  EXPECT_TRUE(Peek(cells[0], full, 1, At(60 * kSecond)).allowed());
  munmap(page, 4096);
}

TEST(Limiter, GivesUpBehindItsAttempts) {
  // Every exchange finds that somebody else was faster.
  struct AlwaysLate {
    int exchanges = 0;
    LimiterState Load() const { return {}; }
    bool CompareExchange(LimiterState&, const LimiterState&) {
      ++exchanges;
      return false;
    }
    static void StepBack() {}
  };
  const LimiterWindows windows(Minute(3), Day(5));
  AlwaysLate cell;
  const Decision d = TryAcquire(cell, windows, 1, At(0));
  EXPECT_EQ(cell.exchanges, kAttemptsMax);
  EXPECT_EQ(d.outcome(), LimitOutcome::kRetryLater);
  EXPECT_EQ(d.retry_after(), absl::ZeroDuration());
  LimiterCell real;
  const Decision taken = TryAcquire(real, windows, 1, At(0));
  struct LateToRefund : AlwaysLate {
    LimiterState state;
    LimiterState Load() const { return state; }
  };
  LateToRefund late;
  late.state = taken.state();
  EXPECT_FALSE(Release(late, windows, taken, At(0)));
  EXPECT_EQ(late.exchanges, kAttemptsMax);
}

TEST(Limiter, NothingIsAdmittedWithoutWindows) {
  const LimiterWindows windows(Minute(3), Day(5));
  const LimiterWindows none = LimiterWindows::None();
  const LimiterWindows suspended = windows.Suspended();
  LimiterCell cell;
  const Decision taken = TryAcquire(cell, windows, 2, At(0));
  for (const LimiterWindows* w : {&none, &suspended}) {
    for (const uint64_t cost :
         {uint64_t{0}, uint64_t{1}, uint64_t{4}, ~uint64_t{0}}) {
      const Decision d = TryAcquire(cell, *w, cost, At(0));
      EXPECT_EQ(d.outcome(), LimitOutcome::kNoWindows) << cost;
      EXPECT_EQ(d.retry_at(), UnixNanos::Max());
      EXPECT_EQ(d.binding_window(), 0u);
      EXPECT_EQ(Peek(cell, *w, cost, At(0)).outcome(),
                LimitOutcome::kNoWindows);
    }
  }
  EXPECT_EQ(cell.Load(), taken.state());
  EXPECT_TRUE(Release(cell, none, taken, At(0)));
  EXPECT_EQ(cell.Load(), taken.state());
  // What was used before is still used behind.
  const LimiterCell again(Carry(suspended, windows, cell.Load(), At(1)));
  EXPECT_EQ(Peek(again, windows, 1, At(1)).remaining(0), 1u);
}

// replaced_windows_test.cc has every order of such steps.
TEST(Limiter, ExchangeBehindReplacedWindowsFails) {
  const LimiterWindows day_first(Day(9), Minute(5));
  const LimiterWindows minute_first(Minute(5), Day(9));
  LimiterCell cell;
  LimiterState seen = cell.Load();
  const Decision d = Decide(day_first, seen, 1, At(0));
  internal::ReplaceWindows(cell, day_first, minute_first, At(0), [] {});
  EXPECT_FALSE(cell.CompareExchange(seen, d.state()));
  EXPECT_EQ(Peek(cell, minute_first, 1, At(0)).remaining(0), 5u);
}

// A decision of a cost of 0 is a peek, and as true: of a cell that is closed it
// speaks of the fresh state.
TEST(Limiter, CostOfNothingReadsNoClosedState) {
  const LimiterWindows windows(Minute(3), Day(5));
  LimiterCell cell(LimiterState::Closed());
  const Decision d = TryAcquire(cell, windows, 0, At(0));
  EXPECT_TRUE(d.allowed());
  EXPECT_EQ(d.remaining(0), 3u);
  EXPECT_EQ(d.reset_after(0), absl::ZeroDuration());
}

TEST(Limiter, OwnClockIsTheCoarseOne) {
  const LimiterWindows windows(Minute(3), Day(5));
  LimiterCell cell;
  const UnixNanos before = UnixNanos::CoarseNow();
  const Decision d = TryAcquire(cell, windows, 1);
  EXPECT_TRUE(d.allowed());
  EXPECT_GE(d.now(), before);
  EXPECT_LE(d.now(), UnixNanos::FromTime(absl::Now()));
}

TEST(LimitOutcome, NumbersAreFixed) {
  EXPECT_EQ(static_cast<int>(LimitOutcome::kAllowed), 0);
  EXPECT_EQ(static_cast<int>(LimitOutcome::kRetryLater), 1);
  EXPECT_EQ(static_cast<int>(LimitOutcome::kExceedsLimit), 2);
  EXPECT_EQ(static_cast<int>(LimitOutcome::kNoWindows), 3);
  EXPECT_EQ(static_cast<int>(LimitOutcome::kUnknownAccount), 4);
}

}  // namespace
}  // namespace konpro
