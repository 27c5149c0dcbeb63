// The examples of the room's public headers, as they stand there.
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/plan.h"
#include "konpro/catalog/price_list.h"
#include "konpro/estimate/batch_estimate.h"
#include "konpro/estimate/estimator.h"
#include "konpro/estimate/forecast.h"
#include "konpro/estimate/internal/planner.h"
#include "konpro/estimate/plan_comparison.h"
#include "konpro/estimate/plan_fit.h"
#include "konpro/estimate/replay.h"
#include "konpro/estimate/saved_report.h"
#include "konpro/estimate/uncertainty.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Credits C(const char* text) { return Credits::Parse(text).value(); }

const Catalog& catalog = Catalog::BuiltIn();
const Plan& pro = *catalog.FindPlan("pro");
const Plan& scale = *catalog.FindPlan("scale");
const absl::Time at =
    absl::FromCivil(absl::CivilDay(2027, 3, 1), absl::UTCTimeZone());
const UnixNanos start = UnixNanos::FromTime(at);

TEST(HeaderExamples, BatchEstimate) {
  const PlanQuestion question = {.start = start};
  const Operation* avatar = catalog.FindOperation("avatar_video");
  const Operation* photo = catalog.FindOperation("photo_avatar");
  const std::optional<Credits> budget = C("400");
  // batch_estimate.h
  BatchEstimate batch(catalog, /*at=*/std::nullopt, question);
  EXPECT_THAT(batch.Add({.operation = avatar, .quantity = 90'000, .jobs = 3}),
              IsOk());
  EXPECT_THAT(batch.Add({.operation = photo, .quantity = 10},
                        QuantityRange{.low = 5, .likely = 10, .high = 40}),
              IsOk());
  batch.Finish();
  EXPECT_EQ(batch.estimator().total(), C("290"));
  EXPECT_EQ(batch.CostUnder(pro).estimator.Periods().size(), 1u);
  const Credits p90 = batch.Range(budget, /*seed=*/1)->p90;
  EXPECT_GT(p90, C("290"));
  EXPECT_LT(p90, C("350"));
  EXPECT_TRUE(batch.comparison().Recommend().cheapest.has_value());
}

TEST(HeaderExamples, Estimator) {
  // estimator.h
  Estimator estimator(Catalog::BuiltIn(), absl::Now());
  const Operation* video = Catalog::BuiltIn().FindOperation("avatar_video");
  EXPECT_THAT(
      estimator.Add({.operation = video, .quantity = 90'000, .jobs = 3}),
      IsOk());
  EXPECT_EQ(estimator.total(), C("270"));
  EXPECT_EQ(estimator.requests(), 3);
  EXPECT_THAT(estimator.RefusedBy(*Catalog::BuiltIn().FindPlan("pro")),
              IsEmpty());
  EXPECT_EQ(Shortfall(estimator.total(), *Credits::Parse("200")), C("70"));
  const PriceList& old_prices = catalog.price_lists()[0];
  const PriceList& new_prices = old_prices;
  Estimator changing(catalog, {{&old_prices, 1'000}, {&new_prices}});
  EXPECT_TRUE(changing.Periods().empty());
}

TEST(HeaderExamples, Forecast) {
  const Credits amount = C("1000");
  // forecast.h
  SpendByDay spend;
  ASSERT_THAT(spend.Add({.day = absl::CivilDay(2027, 1, 4), .amount = amount}),
              IsOk());
  for (absl::CivilDay day(2027, 1, 5); day < absl::CivilDay(2027, 3, 15);
       ++day) {
    ASSERT_THAT(spend.Add({.day = day, .amount = amount}), IsOk());
  }
  absl::StatusOr<Forecast> forecast =
      MakeForecast(spend.BuildDailySpend(absl::CivilDay(2027, 3, 15)),
                   {.horizon_days = 14, .available = *Credits::Parse("12000")});
  ASSERT_THAT(forecast, IsOk());
  EXPECT_EQ(forecast->days[0].expected, amount);
  EXPECT_EQ(forecast->days[0].day, absl::CivilDay(2027, 3, 15));
  EXPECT_EQ(forecast->runway->likely, absl::CivilDay(2027, 3, 26));
}

TEST(HeaderExamples, PlanComparison) {
  const PlanQuestion question = {
      .start = start, .deadline = UnixNanos::FromTime(at + absl::Seconds(59))};
  const Credits cost = C("1");
  Estimator estimator(catalog, at);
  ASSERT_THAT(estimator.Add({.operation = catalog.FindOperation("avatar_video"),
                             .quantity = 1'000,
                             .jobs = 90}),
              IsOk());
  // plan_comparison.h
  PlanComparison comparison(catalog, question);
  comparison.Add(/*jobs=*/90, /*each=*/cost);
  comparison.Finish(estimator);
  const std::optional<size_t> cheapest = comparison.Recommend().cheapest;
  EXPECT_EQ(catalog.plans()[cheapest.value()].name(), "scale");
  EXPECT_FALSE(comparison.FitDeadline(pro).met);
  EXPECT_THAT(comparison.NeededLimits(pro),
              ElementsAre(NeededLimit{"minute", 90}, NeededLimit{"day", 90}));

  const UnixNanos deadline = *question.deadline;
  // plan_fit.h
  const PlanFit& fit = comparison.FitOf(pro);
  EXPECT_EQ(fit.last.at - start, absl::Minutes(1));
  EXPECT_EQ(fit.last.binding_window, 0u);
  EXPECT_FALSE(fit.Carries(deadline));
  EXPECT_TRUE(comparison.Recommend().cheapest.has_value());
}

TEST(HeaderExamples, Planner) {
  const Credits cost = C("1001");
  const absl::Span<const RateWindow> windows = pro.windows();
  const UnixNanos deadline = UnixNanos::FromTime(at + absl::Hours(1));
  // planner.h
  const PlannedWork work = {.requests = 1'001, .cost = cost, .start = start};
  const PlanFit fit = FitPlan(pro, work);
  EXPECT_EQ(fit.last.at - start, absl::Hours(24));
  EXPECT_EQ(fit.last.binding_window, 1u);
  const std::vector<PlanFit> fits = {fit, FitPlan(scale, work)};
  EXPECT_EQ(Recommend(fits, deadline).cheapest, 1u);
  EXPECT_THAT(*SmallestLimits(windows, work, deadline), ElementsAre(17, 1'001));
}

TEST(HeaderExamples, Replay) {
  const UnixNanos time = start;
  // replay.h
  TraceReplay replay({&pro, &scale}, catalog, ReplayMode::kDrop);
  EXPECT_THAT(replay.Add({.at = time, .account = "acme"}), IsOk());
  EXPECT_EQ(replay.trace().requests, 1);
  EXPECT_TRUE(replay.Results()[0].fits);
  EXPECT_EQ(replay.Results()[0].windows[0].peak, 1);
}

TEST(HeaderExamples, SavedReport) {
  const Credits twelve = C("12");
  // saved_report.h
  const SavedReport report = {
      .lines = {{.operation = "photo_avatar", .jobs = 3, .cost = twelve}}};
  EXPECT_EQ(report.Find("photo_avatar")->jobs, 3);
  EXPECT_EQ(report.Find("avatar_video"), nullptr);
}

TEST(HeaderExamples, Uncertainty) {
  const Price& video = *catalog.PricesAt(at)->Find("avatar_video");
  // uncertainty.h
  UncertainTotal total;
  EXPECT_THAT(total.Add(video, {60'000, 90'000, 150'000}, /*jobs=*/12), IsOk());
  EXPECT_EQ(total.likely(), C("1080"));
  const auto range = total.Range(
      {.certain = *Credits::Parse("500"), .budget = *Credits::Parse("1700")});
  EXPECT_GT(range->p90, C("1700"));
  EXPECT_LT(range->p90, C("1800"));
  EXPECT_GT(range->within_budget, 0.5);
  EXPECT_LT(range->within_budget, 0.9);
}

}  // namespace
}  // namespace konpro
