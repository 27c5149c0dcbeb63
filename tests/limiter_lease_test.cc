#include "konpro/limiter_lease.h"

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/limiter.h"
#include "konpro/rate_window.h"
#include "konpro/unix_nanos.h"

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
  EXPECT_EQ(second.TryAcquire(1, At(0)).outcome(), Outcome::kRetryLater);
  EXPECT_EQ(second.TryAcquire(7, At(0)).outcome(), Outcome::kExceedsLimit);
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

TEST(LimiterLease, TakesNothingWhereNothingIsAdmitted) {
  const LimiterWindows none = LimiterWindows::None();
  LimiterCell cell;
  LimiterLease lease(cell, none, 64);
  for (const uint64_t cost : {0, 1, 64}) {
    EXPECT_EQ(lease.TryAcquire(cost, At(0)).outcome(), Outcome::kNoWindows);
  }
  EXPECT_EQ(lease.stock(), 0u);
  EXPECT_EQ(cell.Load(), LimiterState());
}

}  // namespace
}  // namespace konpro
