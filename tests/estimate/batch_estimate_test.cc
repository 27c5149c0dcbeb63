#include "konpro/estimate/batch_estimate.h"

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/plan.h"
#include "konpro/estimate/estimator.h"
#include "konpro/estimate/plan_comparison.h"
#include "konpro/estimate/uncertainty.h"
#include "konpro/limits/schedule.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::absl::StatusCode;
using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

const UnixNanos kStart = UnixNanos::FromTime(
    absl::FromCivil(absl::CivilDay(2027, 3, 1), absl::UTCTimeZone()));

const Operation& OperationOf(const char* name) {
  return *Catalog::BuiltIn().FindOperation(name);
}
Credits CreditsOf(const char* text) { return Credits::Parse(text).value(); }

BatchEstimate Batch(const PlanQuestion& question) {
  return BatchEstimate(Catalog::BuiltIn(), kStart.ToTime(), question);
}

TEST(BatchEstimate, CountsTheUncertainJobsOfEachOperation) {
  const PlanQuestion question = {.start = kStart};
  BatchEstimate batch = Batch(question);
  const Operation& photo = OperationOf("photo_avatar");
  const QuantityRange range = {.low = 5, .likely = 10, .high = 40};
  EXPECT_THAT(
      batch.Add({.operation = &photo, .quantity = 10, .jobs = 3}, range),
      IsOk());
  EXPECT_THAT(
      batch.Add({.operation = &photo, .quantity = 10, .jobs = 4}, range),
      IsOk());
  EXPECT_THAT(batch.Add({.operation = &photo, .quantity = 10, .jobs = 9}),
              IsOk());
  EXPECT_EQ(batch.UncertainJobs(photo), 7);
  EXPECT_EQ(batch.UncertainJobs(OperationOf("avatar_video")), 0);
  EXPECT_EQ(batch.estimator().requests(), 16);
  EXPECT_EQ(batch.uncertain().jobs(), 7);
}

// What is certain is in the range of the total once.
TEST(BatchEstimate, TheRangeIsOfTheTotal) {
  const PlanQuestion question = {.start = kStart};
  BatchEstimate batch = Batch(question);
  EXPECT_THAT(batch.Add({.operation = &OperationOf("avatar_video"),
                         .quantity = 90'000,
                         .jobs = 3}),
              IsOk());
  EXPECT_EQ(batch.Range({}, 1)->p10, CreditsOf("270"));
  EXPECT_EQ(batch.Range({}, 1)->p90, CreditsOf("270"));
  // 10 to 80 credits, likely 20.
  EXPECT_THAT(
      batch.Add({.operation = &OperationOf("photo_avatar"), .quantity = 10},
                QuantityRange{.low = 5, .likely = 10, .high = 40}),
      IsOk());
  EXPECT_EQ(batch.estimator().total(), CreditsOf("290"));
  const auto range = batch.Range(CreditsOf("280"), 1);
  ASSERT_THAT(range, IsOk());
  EXPECT_GE(range->p10, CreditsOf("280"));
  EXPECT_LT(range->p10, range->p90);
  EXPECT_LE(range->p90, CreditsOf("350"));
  EXPECT_LT(*range->within_budget, 0.1);
  EXPECT_EQ(batch.Range(CreditsOf("350"), 1)->within_budget, 1);
}

// Sixty go out at once and cost 60 credits; what expires before the others do
// covers no more.
TEST(BatchEstimate, WhatExpiresCoversWhatGoesOutBefore) {
  const PlanQuestion question = {
      .start = kStart,
      .available = {
          {CreditsOf("100"),
           UnixNanos::FromTime(kStart.ToTime() + absl::Seconds(30))}}};
  BatchEstimate batch = Batch(question);
  EXPECT_THAT(batch.Add({.operation = &OperationOf("avatar_video"),
                         .quantity = 1'000,
                         .jobs = 70}),
              IsOk());
  batch.Finish();
  const Plan& pro = *Catalog::BuiltIn().FindPlan("pro");
  EXPECT_EQ(batch.comparison().FitOf(pro).shortfall, CreditsOf("10"));
  EXPECT_EQ(batch.comparison().ExpiredUnder(pro), CreditsOf("40"));
}

TEST(BatchEstimate, HasAsManyRequestsAsASchedule) {
  const PlanQuestion question = {.start = kStart};
  BatchEstimate batch = Batch(question);
  const EstimateJob free = {
      .operation = &OperationOf("avatar_video"),
      .quantity = 0,
      .jobs = static_cast<int64_t>(Schedule::kRequestsMax)};
  EXPECT_THAT(batch.Add(free), IsOk());
  EXPECT_THAT(batch.Add({.operation = free.operation, .quantity = 0}),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("2^60")));
}

}  // namespace
}  // namespace konpro
