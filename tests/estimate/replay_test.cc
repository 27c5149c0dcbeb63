#include "konpro/estimate/replay.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/plan.h"

namespace konpro {
namespace {

const UnixNanos kStart = UnixNanos::FromTime(
    absl::FromCivil(absl::CivilDay(2027, 3, 1), absl::UTCTimeZone()));

UnixNanos At(absl::Duration after) {
  return UnixNanos::FromTime(kStart.ToTime() + after);
}

TEST(TraceReplay, ARequestThatIsAdmittedAtOnceFits) {
  const Catalog catalog = Catalog::BuiltIn();
  const Plan& pro = *catalog.FindPlan("pro");
  TraceReplay replay({&pro}, catalog, ReplayMode::kDrop);
  ASSERT_TRUE(replay.Add({.at = kStart, .account = "acme"}).ok());
  EXPECT_EQ(replay.trace().requests, 1);
  EXPECT_TRUE(replay.Results()[0].fits);
  EXPECT_EQ(replay.Results()[0].windows[0].peak, 1);
}

// One request above the minute's limit, in the first minute of a day.
TEST(TraceReplay, TheRequestAboveTheLimitIsLostOrWaits) {
  const Catalog catalog = Catalog::BuiltIn();
  const Plan& pro = *catalog.FindPlan("pro");
  const RateWindow& minute = pro.windows()[0];
  for (const ReplayMode mode : {ReplayMode::kDrop, ReplayMode::kWait}) {
    TraceReplay replay({&pro}, catalog, mode);
    for (int64_t i = 0; i <= minute.limit(); ++i) {
      ASSERT_TRUE(
          replay.Add({.at = At(absl::Seconds(10)), .account = "acme"}).ok());
    }
    const PlanReplay result = replay.Results()[0];
    const bool waits = mode == ReplayMode::kWait;
    EXPECT_FALSE(result.fits);
    EXPECT_EQ(result.admitted, minute.limit() + (waits ? 1 : 0));
    EXPECT_EQ(result.windows[0].refused, 1);
    EXPECT_EQ(result.windows[1].refused, 0);
    EXPECT_EQ(result.windows[0].peak, minute.limit() + 1);
    EXPECT_EQ(result.accounts_refused, 1);
    EXPECT_EQ(result.waited, waits ? 1 : 0);
    EXPECT_EQ(result.longest_wait,
              waits ? absl::Seconds(50) : absl::ZeroDuration());
    EXPECT_EQ(result.last_admitted,
              waits ? At(absl::Minutes(1)) : At(absl::Seconds(10)));
  }
}

TEST(TraceReplay, AccountsAndOrderAreCountedOncePerTrace) {
  const Catalog catalog = Catalog::BuiltIn();
  TraceReplay replay({&catalog.plans()[0], &catalog.plans()[1]}, catalog,
                     ReplayMode::kDrop);
  for (const auto& [after, account] :
       {std::pair<int, const char*>{5, "a"}, {9, "b"}, {7, "a"}}) {
    ASSERT_TRUE(
        replay.Add({.at = At(absl::Seconds(after)), .account = account}).ok());
  }
  EXPECT_EQ(replay.trace().requests, 3);
  EXPECT_EQ(replay.trace().accounts, 2);
  EXPECT_EQ(replay.trace().out_of_order, 1);
  EXPECT_EQ(replay.trace().first, At(absl::Seconds(5)));
  EXPECT_EQ(replay.trace().last, At(absl::Seconds(9)));
}

}  // namespace
}  // namespace konpro
