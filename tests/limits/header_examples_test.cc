// The examples of the room's public headers, as they stand there.
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/plan.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_decision.h"
#include "konpro/limits/limiter_image.h"
#include "konpro/limits/limiter_lease.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/limits/rate_window.h"
#include "konpro/limits/schedule.h"

namespace konpro {
namespace {

const std::vector<RateWindow> both =
    ParseWindows("minute:60/1m,day:1000/24h").value();
const RateWindow& minute = both[0];
const RateWindow& day = both[1];
const UnixNanos now = UnixNanos::FromNanos(1'699'920'000'000'000'000);
const UnixNanos later = UnixNanos::FromNanos(now.nanos() + 1'000'000'000);

TEST(HeaderExamples, Limiter) {
  // limiter.h
  const LimiterWindows windows(minute, day);
  LimiterCell cell;
  const Decision d = TryAcquire(cell, windows, /*cost=*/1, now);
  EXPECT_TRUE(d.allowed());
  EXPECT_EQ(d.remaining(0), 59u);
  EXPECT_LE(d.reset_after(0), absl::Seconds(60));
  EXPECT_TRUE(Release(cell, windows, d, later));
}

TEST(HeaderExamples, LimiterDecision) {
  // limiter_decision.h
  const LimiterWindows windows(minute, day);
  const Decision d = Decide(windows, LimiterState{}, /*cost=*/1, now);
  EXPECT_TRUE(d.allowed());
  EXPECT_EQ(d.remaining(0), 59u);
  EXPECT_LE(d.reset_after(0), absl::Seconds(60));
  EXPECT_EQ(Decide(windows, d.state(), /*cost=*/60, now).outcome(),
            LimitOutcome::kRetryLater);
}

TEST(HeaderExamples, LimiterImage) {
  const Plan& pro = *Catalog::BuiltIn().FindPlan("pro");
  // limiter_image.h
  std::vector<char> bytes(LimiterImage::BytesFor(1'000));
  auto registry = *LimiterRegistry::Create(
      {.capacity = 1'000, .memory = {.bytes = absl::MakeSpan(bytes)}});
  EXPECT_TRUE(registry->Insert("acct-1", pro.windows()).ok());
  EXPECT_TRUE(registry->TryAcquire("acct-1", 1, now).allowed());
  auto image = *LimiterImage::Read(bytes, /*is_whole=*/true);
  EXPECT_NE(image.Find("acct-1")->state, LimiterState());
}

TEST(HeaderExamples, LimiterLease) {
  LimiterCell cell;
  const RateWindow plenty = *RateWindow::Create(
      {.name = "minute", .limit = 1'000, .period = absl::Minutes(1)});
  const LimiterWindows windows(plenty);
  // limiter_lease.h
  LimiterLease lease(cell, windows, /*batch=*/64);
  EXPECT_TRUE(lease.TryAcquire(/*cost=*/1, now).allowed());
  EXPECT_EQ(lease.stock(), 63u);
  EXPECT_TRUE(lease.Return(now));
}

TEST(HeaderExamples, LimiterRegistry) {
  const Plan& pro = *Catalog::BuiltIn().FindPlan("pro");
  const Plan& scale = *Catalog::BuiltIn().FindPlan("scale");
  // limiter_registry.h
  auto registry = *LimiterRegistry::Create({.capacity = 1'000'000});
  EXPECT_TRUE(registry->Insert("acct-1", pro.windows()).ok());
  EXPECT_TRUE(registry->TryAcquire("acct-1", /*cost=*/1, now).allowed());
  EXPECT_EQ(registry->TryAcquire("acct-2", 1, now).outcome(),
            LimitOutcome::kUnknownAccount);
  EXPECT_TRUE(registry->SetWindows("acct-1", scale.windows(), now).ok());
}

TEST(HeaderExamples, RateWindow) {
  // rate_window.h
  const RateWindow minute = *RateWindow::Create(
      {.name = "minute", .limit = 60, .period = absl::Minutes(1)});
  EXPECT_EQ(minute.period(), absl::Minutes(1));
  EXPECT_EQ(ParseWindows("minute:60/1m,day:1000/24h")->size(), 2u);
  EXPECT_EQ(ParseWindows("day:1000/24h+6h")->front().phase(), absl::Hours(6));
  EXPECT_EQ(ParseWindows("burst:100/10s:token_bucket")->front().kind(),
            WindowKind::kTokenBucket);
  EXPECT_EQ(FormatWindows({&minute, 1}), "minute:60/1m");
}

TEST(HeaderExamples, Schedule) {
  const UnixNanos start = now;
  // schedule.h
  const LimiterWindows pro(minute, day);
  const LimiterState used =
      *StateWithUse(pro, {{"minute", 12}, {"day", 340}}, start);
  const Schedule schedule(pro, used, start, /*requests=*/1'000);
  EXPECT_EQ(schedule.last().at - start, absl::Hours(24) + absl::Minutes(5));
  EXPECT_EQ(schedule.last().binding_window, 0u);
  EXPECT_EQ(schedule.duration(), schedule.last().at - start);
  EXPECT_EQ(schedule.At(500).at - start, absl::Minutes(8));
  int64_t count = 0;
  for (const Submission& s : schedule.Submissions()) count += s.at >= start;
  EXPECT_EQ(count, 1'000);

  Submitter submitter(pro, used, start);
  EXPECT_EQ(submitter.Next(/*cost=*/3).at, start);
}

}  // namespace
}  // namespace konpro
