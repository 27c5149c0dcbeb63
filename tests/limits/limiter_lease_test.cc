#include "konpro/limits/limiter_lease.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'699'920'000 * kSecond;  // of a day

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

TEST(LimiterLease, SpendsItsStockUntilItsWindowEnds) {
  const LimiterWindows windows(Minute(10), Day(100));
  LimiterCell cell;
  LimiterLease lease(cell, windows, 4);
  EXPECT_TRUE(lease.TryAcquire(1, At(0)).allowed());
  EXPECT_EQ(lease.stock(), 3u);
  EXPECT_EQ(Peek(cell, windows, 1, At(0)).remaining(0), 6u);
  EXPECT_TRUE(lease.TryAcquire(2, At(60 * kSecond - 1)).allowed());
  EXPECT_EQ(lease.stock(), 1u);
  // A new minute, and a new stock; the day's unused permit went back.
  EXPECT_TRUE(lease.TryAcquire(1, At(60 * kSecond)).allowed());
  EXPECT_EQ(lease.stock(), 3u);
  const Decision d = Peek(cell, windows, 1, At(60 * kSecond));
  EXPECT_EQ(d.remaining(0), 6u);
  EXPECT_EQ(d.remaining(1), 93u);
  EXPECT_TRUE(lease.Return(At(60 * kSecond)));
  EXPECT_EQ(Peek(cell, windows, 1, At(60 * kSecond)).remaining(1), 96u);
}

TEST(LimiterLease, TakesWhatIsLeftNearALimit) {
  const LimiterWindows windows(Minute(6), Day(100));
  LimiterCell cell;
  LimiterLease first(cell, windows, 4);
  LimiterLease second(cell, windows, 4);
  EXPECT_TRUE(first.TryAcquire(1, At(0)).allowed());
  EXPECT_TRUE(second.TryAcquire(1, At(0)).allowed());
  EXPECT_EQ(second.stock(), 0u);
  EXPECT_TRUE(second.TryAcquire(1, At(0)).allowed());
  EXPECT_EQ(second.TryAcquire(1, At(0)).outcome(), LimitOutcome::kRetryLater);
  EXPECT_EQ(second.TryAcquire(7, At(0)).outcome(), LimitOutcome::kExceedsLimit);
  EXPECT_TRUE(second.TryAcquire(0, At(0)).allowed());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(first.TryAcquire(1, At(0)).allowed());
  EXPECT_FALSE(first.TryAcquire(1, At(0)).allowed());
}

TEST(LimiterLease, StockOfABucketMeltsAsItRefills) {
  const LimiterWindows windows(Bucket(60));  // one a second
  LimiterCell cell;
  LimiterLease lease(cell, windows, 60);
  uint64_t admitted = 0;
  // All at once, half a minute later: never more than a bucket and its refill.
  admitted += lease.TryAcquire(1, At(0)).allowed();
  while (lease.TryAcquire(1, At(30 * kSecond)).allowed()) ++admitted;
  // A bucket alone would have had 61: the stock melts from its oldest permit
  // on.
  EXPECT_EQ(admitted, 60u);
  while (lease.TryAcquire(1, At(60 * kSecond - 1)).allowed()) ++admitted;
  EXPECT_LE(admitted, 60u + 59u);
}

// What was admitted from `begin` on and until `end`, at most a bucket and its
// refill; quadratic, but it knows no state.
void ExpectWithinBucket(const std::vector<int64_t>& admitted,
                        const RateWindow& bucket) {
  const __int128 period_ns = __int128{bucket.period_ms()} * 1'000'000;
  for (size_t first = 0; first < admitted.size(); ++first) {
    for (size_t last = first; last < admitted.size(); ++last) {
      // A tick may be rounded up, so that one permit more is due a tick later.
      const __int128 refill =
          (admitted[last] - admitted[first] + 1) * __int128{bucket.limit()};
      ASSERT_LE((__int128{last} - first + 1 - bucket.limit()) * period_ns,
                refill)
          << first << " .. " << last;
    }
  }
}

// Several leases, what they give back and plain calls in between, against the
// definitions of the windows.
TEST(LimiterLease, NeverMoreIsAdmittedThanByTheWindows) {
  constexpr uint64_t kSeed = 20'260'714;
  for (uint64_t round = 0; round < 200; ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", kSeed, ", round ", round));
    std::mt19937_64 random(kSeed + round);
    const auto below = [&](uint64_t n) { return random() % n; };
    const RateWindow bucket = Bucket(1 + static_cast<int64_t>(below(40)));
    const RateWindow hour =
        Window("hour", 60 + static_cast<int64_t>(below(60)), absl::Hours(1));
    const LimiterWindows windows(bucket, hour);
    LimiterCell cell;
    std::deque<LimiterLease> leases;
    for (int i = 0; i < 3; ++i)
      leases.emplace_back(cell, windows, 1 + below(40));
    std::vector<int64_t> admitted;
    std::map<int64_t, int64_t> by_hour;
    int64_t now = 0;
    for (int step = 0; step < 600; ++step) {
      now += static_cast<int64_t>(below(8) == 0 ? below(60 * kSecond)
                                                : below(kSecond));
      const uint64_t cost = 1 + below(3);
      const uint64_t who = below(leases.size() + 1);
      if (who < leases.size() && below(20) == 0) {
        ASSERT_TRUE(leases[who].Return(At(now)));
      }
      const Decision d = who < leases.size()
                             ? leases[who].TryAcquire(cost, At(now))
                             : TryAcquire(cell, windows, cost, At(now));
      if (!d.allowed()) continue;
      if (below(8) == 0) {  // not made after all
        ASSERT_TRUE(Release(cell, windows, d, At(now)));
        continue;
      }
      admitted.insert(admitted.end(), cost, now);
      by_hour[now / (3600 * kSecond)] += static_cast<int64_t>(cost);
    }
    ExpectWithinBucket(admitted, bucket);
    for (const auto& [at, count] : by_hour) ASSERT_LE(count, hour.limit());
  }
}

TEST(LimiterLease, TakesNothingWhereNothingIsAdmitted) {
  const LimiterWindows none = LimiterWindows::None();
  LimiterCell cell;
  LimiterLease lease(cell, none, 64);
  for (const uint64_t cost : {0, 1, 64}) {
    EXPECT_EQ(lease.TryAcquire(cost, At(0)).outcome(),
              LimitOutcome::kNoWindows);
  }
  EXPECT_EQ(lease.stock(), 0u);
  EXPECT_EQ(cell.Load(), LimiterState());
}

}  // namespace
}  // namespace konpro
