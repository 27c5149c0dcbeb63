#include "konpro/estimate/estimator.h"

#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::absl::StatusCode;
using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Catalog& BuiltIn() { return Catalog::BuiltIn(); }
const Operation* Op(const char* name) { return BuiltIn().FindOperation(name); }

TEST(Estimator, AddsUpLinesInCatalogOrder) {
  Estimator estimator(BuiltIn(), absl::UnixEpoch());
  ASSERT_THAT(estimator.Add({Op("photo_avatar"), 12, 1}), IsOk());
  ASSERT_THAT(estimator.Add({Op("avatar_video"), 90'000, 3}), IsOk());
  ASSERT_THAT(estimator.Add({Op("avatar_video"), 1, 1}), IsOk());
  const std::vector<EstimateLine> lines = estimator.Lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].operation->name, "avatar_video");
  EXPECT_EQ(lines[0].jobs, 4);
  EXPECT_EQ(lines[0].quantity, 270'001);
  EXPECT_EQ(lines[0].cost, Credits::Parse("270.001").value());
  EXPECT_EQ(lines[1].cost, Credits::Parse("24").value());
  EXPECT_EQ(estimator.total(), Credits::Parse("294.001").value());
  EXPECT_EQ(estimator.requests(), 5);
  EXPECT_EQ(estimator.prices_since(), absl::InfinitePast());
}

TEST(Estimator, ZeroJobsAskForNothing) {
  Estimator estimator(BuiltIn(), absl::UnixEpoch());
  ASSERT_THAT(estimator.Add({Op("photo_avatar"), 12, 0}), IsOk());
  EXPECT_THAT(estimator.Lines(), IsEmpty());
  EXPECT_THAT(estimator.RefusedBy(*BuiltIn().FindPlan("free_trial")),
              IsEmpty());
}

TEST(Estimator, KnowsWhatAPlanRefuses) {
  Estimator estimator(BuiltIn(), absl::UnixEpoch());
  ASSERT_THAT(estimator.Add({Op("photo_avatar"), 1, 1}), IsOk());
  ASSERT_THAT(estimator.Add({Op("avatar_video"), 1, 1}), IsOk());
  EXPECT_THAT(estimator.RefusedBy(*BuiltIn().FindPlan("free_trial")),
              ElementsAre(Op("photo_avatar")));
  EXPECT_THAT(estimator.RefusedBy(*BuiltIn().FindPlan("pro")), IsEmpty());
}

TEST(Estimator, NoPriceIsNotAPriceOfZero) {
  const Catalog catalog =
      Catalog::Create(
          {.version = "1",
           .operations = {{"new_thing", QuantityUnit::kCount, "item"}},
           .plans = {Plan::Create({.name = "p"}).value()}})
          .value();
  Estimator estimator(catalog, absl::UnixEpoch());
  EXPECT_EQ(estimator.prices_since(), std::nullopt);
  ASSERT_THAT(estimator.Add({&catalog.operations()[0], 5, 2}), IsOk());
  ASSERT_EQ(estimator.Lines().size(), 1u);
  EXPECT_EQ(estimator.Lines()[0].price, nullptr);
  EXPECT_EQ(estimator.Lines()[0].quantity, 10);
}

TEST(Estimator, AnOverflowChangesNothing) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  Estimator estimator(BuiltIn(), absl::UnixEpoch());
  const Operation* live = Op("interactive_avatar");
  ASSERT_THAT(estimator.Add({live, kMax / 10, 1}), IsOk());
  const struct {
    EstimateJob job;
    const char* message;
  } kCases[] = {
      {{live, kMax, 2}, "the quantity leaves"},
      {{live, kMax, 1}, "the quantity leaves"},
      {{live, kMax / 2, 1}, "the cost leaves"},
      {{live, 1, 1}, "the total leaves"},
      {{Op("avatar_video"), 1, 1}, "the total leaves"},
      {{live, 0, kMax}, "the requests leaves"},
      {{Op("photo_avatar"), 1, kMax / 4}, "the cost leaves"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(estimator.Add(c.job),
                StatusIs(StatusCode::kOutOfRange, HasSubstr(c.message)));
    ASSERT_EQ(estimator.Lines().size(), 1u);
    EXPECT_EQ(estimator.Lines()[0].quantity, kMax / 10);
    EXPECT_EQ(estimator.Lines()[0].billed_quantity, kMax / 10);
    EXPECT_EQ(estimator.total().ticks(), kMax / 10 * 10);
    EXPECT_EQ(estimator.requests(), 1);
  }
}

TEST(Estimator, ShortfallIsWhatTheBalanceLacks) {
  const auto credits = [](const char* text) {
    return Credits::Parse(text).value();
  };
  EXPECT_EQ(Shortfall(credits("3"), credits("5")), Credits());
  EXPECT_EQ(Shortfall(credits("5"), credits("5")), Credits());
  EXPECT_EQ(Shortfall(credits("5"), credits("3")), credits("2"));
  EXPECT_EQ(Shortfall(credits("5"), credits("-3")), credits("8"));
  EXPECT_EQ(Shortfall(Credits::Max(), credits("-3")), std::nullopt);
}

// The oracle: a fraction of absl::int128, in lowest terms where it matters.
struct Fraction {
  absl::int128 numerator = 0;
  absl::int128 denominator = 1;

  // Half to even.
  absl::int128 Rounded() const {
    absl::int128 whole = numerator / denominator;
    const absl::int128 twice_rest = 2 * (numerator - whole * denominator);
    if (twice_rest > denominator ||
        (twice_rest == denominator && whole % 2 != 0)) {
      whole += 1;
    }
    return whole;
  }
};

// A price that the catalog below has, written as the fraction that it is.
struct NaivePrice {
  int64_t ticks;
  int64_t per;
  int64_t increment;
  int64_t minimum;

  absl::int128 CostOf(int64_t quantity) const {
    if (quantity == 0) return 0;
    absl::int128 billed = quantity < minimum ? minimum : quantity;
    billed = (billed + increment - 1) / increment * increment;
    return Fraction{billed * ticks, per}.Rounded();
  }
};

TEST(Estimator, TotalsAreExactRationalArithmeticOn100000Manifests) {
  std::mt19937_64 random(2027);
  const auto up_to = [&](int64_t max) {
    return static_cast<int64_t>(random() % (max + 1));
  };
  int64_t rows = 0;
  for (int manifest = 0; manifest < 100'000; ++manifest) {
    // Every other manifest is priced by random terms.
    const bool custom = manifest % 2 == 1;
    std::vector<NaivePrice> prices = {{6'000'000, 1'000, 1, 0},
                                      {3'000'000, 1'000, 1, 0},
                                      {12'000'000, 1, 1, 0},
                                      {600'000, 60'000, 1, 0}};
    Catalog::Spec spec = {.version = "random",
                          .operations = {BuiltIn().operations().begin(),
                                         BuiltIn().operations().end()},
                          .plans = {Plan::Create({.name = "p"}).value()}};
    if (custom) {
      for (NaivePrice& price : prices) {
        price = {up_to(10'000'000), 1 + up_to(100'000), 1 + up_to(5'000),
                 up_to(20'000)};
      }
    }
    std::vector<PriceList::Entry> entries;
    for (size_t i = 0; i < prices.size(); ++i) {
      entries.push_back(
          {spec.operations[i].name,
           Price::Create({.credits = Credits::FromTicks(prices[i].ticks),
                          .per = prices[i].per,
                          .increment = prices[i].increment,
                          .minimum = prices[i].minimum})
               .value()});
    }
    spec.price_lists = {
        PriceList::Create(absl::InfinitePast(), entries).value()};
    const Catalog catalog = Catalog::Create(spec).value();

    Estimator estimator(catalog, absl::UnixEpoch());
    absl::int128 total = 0;
    std::map<size_t, absl::int128> lines;
    const int64_t count = up_to(20);
    for (int64_t i = 0; i < count; ++i, ++rows) {
      const auto index = static_cast<size_t>(up_to(3));
      const EstimateJob job = {&catalog.operations()[index],
                               up_to(int64_t{1} << up_to(26)), up_to(50)};
      ASSERT_THAT(estimator.Add(job), IsOk());
      const absl::int128 cost = prices[index].CostOf(job.quantity) * job.jobs;
      total += cost;
      if (job.jobs > 0) lines[index] += cost;
    }
    ASSERT_EQ(absl::int128(estimator.total().ticks()), total);
    const std::vector<EstimateLine> estimated = estimator.Lines();
    ASSERT_EQ(estimated.size(), lines.size());
    std::vector<Credits> costs;
    size_t i = 0;
    for (const auto& [index, cost] : lines) {
      EXPECT_EQ(estimated[i].operation, &catalog.operations()[index]);
      ASSERT_EQ(absl::int128(estimated[i].cost.ticks()), cost);
      costs.push_back(estimated[i].cost);
      ++i;
    }
    int64_t shown = 0;
    for (ShownCredits part : ShowParts(costs, Show(estimator.total()))) {
      shown += part.millionths;
    }
    ASSERT_EQ(shown, Show(estimator.total()).millionths);
  }
  EXPECT_GT(rows, 900'000);
}

}  // namespace
}  // namespace konpro
