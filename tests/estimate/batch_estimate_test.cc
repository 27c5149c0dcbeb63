#include "konpro/estimate/batch_estimate.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/plan.h"
#include "konpro/catalog/price_list.h"
#include "konpro/estimate/estimator.h"
#include "konpro/estimate/internal/planner.h"
#include "konpro/estimate/plan_comparison.h"
#include "konpro/estimate/replay.h"
#include "konpro/estimate/uncertainty.h"
#include "konpro/limits/rate_window.h"
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

// Random work under random plans while random price lists take effect.
class RandomPrices {
 public:
  explicit RandomPrices(uint64_t seed) : random_(seed) {}

  int64_t Up(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  bool Maybe() { return Up(0, 1) == 1; }

  Catalog MakeCatalog() {
    Catalog::Spec spec = {
        .version = "random",
        .operations = {{"video", QuantityUnit::kMilliseconds, "ms"},
                       {"photo", QuantityUnit::kCount, "image"}}};
    std::vector<absl::Time> times;
    if (Maybe()) times.push_back(absl::InfinitePast());
    for (int64_t i = Up(0, 4); i > 0; --i) {
      // Often the instant at which a window begins, and times that no clock of
      // nanoseconds has.
      times.push_back(
          kStart.ToTime() + absl::Seconds(Up(-1, 6) * 30) +
          (Maybe() ? absl::ZeroDuration() : absl::Nanoseconds(1) / Up(1, 3)));
    }
    // After the end of time.
    if (Maybe()) times.push_back(absl::FromUnixSeconds(253'000'000'000));
    std::sort(times.begin(), times.end());
    times.erase(std::unique(times.begin(), times.end()), times.end());
    for (const absl::Time time : times) {
      std::vector<PriceList::Entry> entries;
      for (const Operation& operation : spec.operations) {
        // Some lists lack a price.
        if (Up(0, 5) == 0) continue;
        entries.push_back(
            {operation.name,
             Price::Create({.credits = Credits::FromTicks(Up(0, 100'000)),
                            .per = Up(1, 3),
                            .increment = Up(1, 3),
                            .minimum = Up(0, 5)})
                 .value()});
      }
      spec.price_lists.push_back(PriceList::Create(time, entries).value());
    }
    for (const char* name : {"one", "two"}) {
      std::vector<RateWindow> windows = {Window("minute", 60)};
      if (Maybe()) windows.push_back(Window("half", 30));
      spec.plans.push_back(Plan::Create({.name = name,
                                         .windows = windows,
                                         .operations = {"video", "photo"}})
                               .value());
    }
    return Catalog::Create(spec).value();
  }

 private:
  RateWindow Window(const char* name, int64_t seconds) {
    return RateWindow::Create(
               {.name = name,
                .kind = Maybe() ? WindowKind::kFixed : WindowKind::kTokenBucket,
                .limit = Up(1, 12),
                .period = absl::Seconds(seconds)})
        .value();
  }

  std::mt19937_64 random_;
};

// What the estimate says of a plan is what the limiter and the prices make of
// its schedule.
TEST(BatchEstimate, CostsWhatAReplayOfItsScheduleCosts) {
  int several_lists = 0;
  for (uint64_t seed = 1; seed <= 2'000; ++seed) {
    SCOPED_TRACE(seed);
    RandomPrices random(seed);
    const Catalog catalog = random.MakeCatalog();
    const PlanQuestion question = {
        .start = UnixNanos::FromTime(kStart.ToTime() +
                                     absl::Milliseconds(random.Up(0, 70'000)))};
    BatchEstimate batch(catalog, std::nullopt, question);
    std::vector<EstimateJob> jobs;
    for (int64_t i = random.Up(1, 6); i > 0; --i) {
      jobs.push_back({.operation = &catalog.operations()[random.Up(0, 1)],
                      .quantity = random.Up(0, 10),
                      .jobs = random.Up(0, 12)});
      ASSERT_THAT(batch.Add(jobs.back()), IsOk());
    }
    batch.Finish();
    for (const Plan& plan : catalog.plans()) {
      const PlanFit& fit = batch.comparison().FitOf(plan);
      TraceReplay replay({&plan}, catalog, ReplayMode::kDrop);
      uint64_t number = 0;
      for (const EstimateJob& job : jobs) {
        for (int64_t i = 0; i < job.jobs; ++i) {
          ASSERT_THAT(replay.Add({.at = fit.schedule->At(++number).at,
                                  .account = "acme",
                                  .operation = job.operation,
                                  .quantity = job.quantity}),
                      IsOk());
        }
      }
      const Estimator& estimator = batch.CostUnder(plan).estimator;
      const PlanReplay replayed = replay.Results()[0];
      ASSERT_TRUE(replayed.fits || number == 0);
      ASSERT_EQ(estimator.total(), replayed.cost);
      ASSERT_EQ(fit.cost, replayed.cost);
      std::vector<const Operation*> unpriced;
      for (const EstimateLine& line : estimator.Lines()) {
        if (line.unpriced_jobs > 0) unpriced.push_back(line.operation);
      }
      ASSERT_EQ(unpriced, replayed.unpriced_operations);

      // Periods add up to the whole, operation by operation.
      Credits cost;
      int64_t requests = 0;
      int64_t quantity = 0;
      for (const EstimatePeriod& period : estimator.Periods()) {
        cost = *CheckedAdd(cost, period.cost);
        requests += period.requests;
        Credits of_lines;
        for (const EstimateLine& line : period.lines) {
          of_lines = *CheckedAdd(of_lines, line.cost);
          quantity += line.quantity;
        }
        ASSERT_EQ(of_lines, period.cost);
      }
      ASSERT_EQ(cost, estimator.total());
      ASSERT_EQ(requests, static_cast<int64_t>(number));
      for (const EstimateLine& line : estimator.Lines()) {
        quantity -= line.quantity;
      }
      ASSERT_EQ(quantity, 0);
      several_lists += estimator.Periods().size() > 1;
    }
  }
  EXPECT_GT(several_lists, 500);
}

TEST(BatchEstimate, AnErrorInALaterPeriodChangesNothing) {
  const Price one =
      Price::Create({.credits = Credits::FromTicks(1), .per = 1}).value();
  const Price huge =
      Price::Create({.credits = Credits::FromTicks(INT64_MAX / 2), .per = 1})
          .value();
  const auto list = [](absl::Time at, const Price& price) {
    return PriceList::Create(at, {{"photo", price}}).value();
  };
  const Catalog catalog =
      Catalog::Create({.version = "1",
                       .operations = {{"photo", QuantityUnit::kCount, "image"}},
                       .price_lists = {list(absl::InfinitePast(), one),
                                       list(absl::UnixEpoch(), huge)},
                       .plans = {Plan::Create({.name = "pro"}).value()}})
          .value();
  Estimator estimator(catalog,
                      std::vector<PricePeriod>{
                          {.prices = &catalog.price_lists()[0], .requests = 2},
                          {.prices = &catalog.price_lists()[1]}});
  const Operation* photo = &catalog.operations()[0];
  EXPECT_THAT(estimator.Add({.operation = photo, .quantity = 1}), IsOk());
  EXPECT_THAT(estimator.Add({.operation = photo, .quantity = 1, .jobs = 9}),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("leaves the range")));
  EXPECT_EQ(estimator.requests(), 1);
  EXPECT_EQ(estimator.total(), Credits::FromTicks(1));
  EXPECT_THAT(estimator.Add({.operation = photo, .quantity = 1, .jobs = 2}),
              IsOk());
  EXPECT_EQ(estimator.total(), Credits::FromTicks(2 + INT64_MAX / 2));
}

}  // namespace
}  // namespace konpro
