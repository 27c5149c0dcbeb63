#include "konpro/estimate/plan_comparison.h"

#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/plan.h"
#include "konpro/estimate/batch_estimate.h"

namespace konpro {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const UnixNanos kStart = UnixNanos::FromTime(
    absl::FromCivil(absl::CivilDay(2027, 3, 1), absl::UTCTimeZone()));

// So many short jobs, each a request, with a deadline.
BatchEstimate Batch(const Catalog& catalog, const PlanQuestion& question,
                    int64_t jobs) {
  BatchEstimate batch(catalog, kStart.ToTime(), question);
  EXPECT_TRUE(batch
                  .Add({.operation = catalog.FindOperation("avatar_video"),
                        .quantity = 1'000,
                        .jobs = jobs})
                  .ok());
  batch.Finish();
  return batch;
}

TEST(PlanComparison, ADeadlineIsMetMissedOrMetByOthers) {
  const Catalog catalog = Catalog::BuiltIn();
  const Plan& pro = *catalog.FindPlan("pro");
  const int64_t limit = pro.windows()[0].limit();
  // All of them go out at once, but for one, which waits for a minute.
  const PlanQuestion late = {
      .start = kStart,
      .deadline = UnixNanos::FromTime(kStart.ToTime() + absl::Seconds(59))};
  const BatchEstimate fits = Batch(catalog, late, limit);
  EXPECT_TRUE(fits.comparison().FitDeadline(pro).met);
  EXPECT_THAT(fits.comparison().FitDeadline(pro).needed_limits, IsEmpty());

  const BatchEstimate misses = Batch(catalog, late, limit + 1);
  const DeadlineFit fit = misses.comparison().FitDeadline(pro);
  EXPECT_FALSE(fit.met);
  EXPECT_EQ(fit.late, absl::Seconds(1));
  ASSERT_EQ(fit.needed_limits.size(), 2u);
  EXPECT_EQ(fit.needed_limits[0], (NeededLimit{"minute", limit + 1}));
  for (const Plan* plan : fit.met_by) {
    EXPECT_TRUE(misses.comparison().FitOf(*plan).Carries(late.deadline));
  }

  // The last request at the deadline itself is in time.
  const PlanQuestion exact = {
      .start = kStart,
      .deadline = UnixNanos::FromTime(kStart.ToTime() + absl::Minutes(1))};
  EXPECT_TRUE(
      Batch(catalog, exact, limit + 1).comparison().FitDeadline(pro).met);
}

TEST(PlanComparison, WhatWouldHaveToChangeNamesTheSoonestAndTheUnlimited) {
  const Catalog catalog = Catalog::BuiltIn();
  // Far more than any plan submits in a second.
  const PlanQuestion question = {
      .start = kStart,
      .deadline = UnixNanos::FromTime(kStart.ToTime() + absl::Seconds(1))};
  const BatchEstimate batch = Batch(catalog, question, 100'000);
  const NeededChange change = batch.comparison().WhatWouldHaveToChange();
  EXPECT_THAT(batch.comparison().Carrying(), IsEmpty());
  EXPECT_FALSE(batch.comparison().Recommend().cheapest.has_value());
  EXPECT_TRUE(change.any_allowed);
  ASSERT_NE(change.soonest, nullptr);
  for (const PlanFit& fit : batch.comparison().fits()) {
    if (fit.allowed && fit.schedule.has_value()) {
      EXPECT_LE(change.soonest->last.at, fit.last.at);
    }
  }
  ASSERT_NE(change.without_windows, nullptr);
  EXPECT_EQ(change.without_windows->plan->name(), "enterprise");
  EXPECT_THAT(change.needed_limits, ElementsAre(NeededLimit{"minute", 100'000},
                                                NeededLimit{"day", 100'000}));
}

// Without a schedule nothing is known to expire too early.
TEST(PlanComparison, CreditsThatExpireCoverAPlanWithoutWindows) {
  const Catalog catalog = Catalog::BuiltIn();
  const Plan& enterprise = *catalog.FindPlan("enterprise");
  const PlanQuestion question = {
      .start = kStart,
      .available = {{.amount = Credits::Max(),
                     .expires_at = UnixNanos::FromTime(kStart.ToTime() +
                                                       absl::Seconds(1))}}};
  const BatchEstimate batch = Batch(catalog, question, 100'000);
  EXPECT_EQ(batch.comparison().FitOf(enterprise).shortfall, Credits());
  const Plan& pro = *catalog.FindPlan("pro");
  EXPECT_GT(batch.comparison().FitOf(pro).shortfall, Credits());
  EXPECT_GT(batch.comparison().ExpiredUnder(pro), Credits());
}

}  // namespace
}  // namespace konpro
