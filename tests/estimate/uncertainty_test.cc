#include "konpro/estimate/uncertainty.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::absl::StatusCode;
using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

Price PriceOf(const Price::Terms& terms) {
  return Price::Create(terms).value();
}

Credits Ticks(int64_t ticks) { return Credits::FromTicks(ticks); }

const Price::Terms kVideo = {.credits = Ticks(6'000'000), .per = 1'000};
const Price::Terms kImage = {.credits = Ticks(12'000'000)};

TEST(UncertainTotal, OfNothingIsWhatIsCertain) {
  const UncertainTotal total;
  const auto range = total.Range({.certain = Ticks(7), .budget = Ticks(7)});
  ASSERT_THAT(range, IsOk());
  EXPECT_EQ(range->p10, Ticks(7));
  EXPECT_EQ(range->p90, Ticks(7));
  EXPECT_EQ(range->within_budget, 1);
  EXPECT_EQ(
      total.Range({.certain = Ticks(7), .budget = Ticks(6)})->within_budget, 0);
}

TEST(UncertainTotal, OfOneJobHasThePercentilesOfTheTriangle) {
  UncertainTotal total;
  ASSERT_THAT(total.Add(PriceOf(kVideo), {60'000, 90'000, 150'000}, 1), IsOk());
  EXPECT_EQ(total.likely(), Ticks(90 * 6'000'000));
  const auto range =
      total.Range({.budget = Ticks(90 * 6'000'000), .samples = 1'000'000});
  ASSERT_THAT(range, IsOk());
  // low + sqrt(u w m) up to the mode at u = 1/3, high - sqrt(...) above.
  const auto credits = [](Credits c) {
    return static_cast<double>(c.ticks()) / 6e6;
  };
  EXPECT_NEAR(credits(range->p10), 60 + std::sqrt(0.1 * 90 * 30), 0.1);
  EXPECT_NEAR(credits(range->p50), 150 - std::sqrt(0.5 * 90 * 60), 0.1);
  EXPECT_NEAR(credits(range->p90), 150 - std::sqrt(0.1 * 90 * 60), 0.1);
  EXPECT_NEAR(*range->within_budget, 1.0 / 3, 0.002);
}

TEST(UncertainTotal, TheSameSeedGivesTheSameBytesAndAnotherOneDoesNot) {
  const auto run = [](uint64_t seed) {
    UncertainTotal total;
    for (int64_t i = 1; i < 3'000; ++i) {
      EXPECT_THAT(total.Add(PriceOf(i % 2 == 0 ? kVideo : kImage),
                            {i, 3 * i, 7 * i + i % 5}, i % 7),
                  IsOk());
    }
    return total.Range({.seed = seed}).value();
  };
  const TotalRange range = run(1);
  EXPECT_EQ(range.p10, run(1).p10);
  EXPECT_NE(range.p10, run(2).p10);
  // The very ticks: on any machine.
  EXPECT_EQ(range.p10.ticks(), 294963618410405);
  EXPECT_EQ(range.p50.ticks(), 297144563628238);
  EXPECT_EQ(range.p90.ticks(), 299400193858796);
}

// A drawn image costs whole credits; a total of what is not drawn is a
// continuous approximation.
TEST(UncertainTotal, DrawsEachJobUpToTheMost) {
  const auto whole = [](int64_t jobs) {
    UncertainTotal total;
    EXPECT_THAT(total.Add(PriceOf(kImage), {0, 1, 4}, jobs), IsOk());
    const TotalRange range = total.Range({.seed = 1}).value();
    const int64_t image = kImage.credits.ticks();
    return range.p10.ticks() % image == 0 && range.p50.ticks() % image == 0 &&
           range.p90.ticks() % image == 0;
  };
  EXPECT_TRUE(whole(UncertainTotal::kDrawnJobsMax - 1));
  EXPECT_TRUE(whole(UncertainTotal::kDrawnJobsMax));
  EXPECT_FALSE(whole(UncertainTotal::kDrawnJobsMax + 1));
}

// A quantity below 0.5 is none, and costs nothing, whatever the minimum: here
// all quantities cost the minimum, and none has 1 - (1 - 0.5 / 300)^2.
TEST(UncertainTotal, AQuantityOfNoneCostsNothingWhateverTheMinimum) {
  constexpr int64_t kJobs = 1'000'000;
  UncertainTotal total;
  ASSERT_THAT(total.Add(PriceOf({.credits = Ticks(10), .minimum = 1'000}),
                        {0, 0, 300}, kJobs),
              IsOk());
  const double some = (1 - 0.5 / 300) * (1 - 0.5 / 300);
  const TotalRange range = total.Range({.seed = 1}).value();
  EXPECT_NEAR(static_cast<double>(range.p50.ticks()) / (10'000.0 * kJobs), some,
              0.0001);
  EXPECT_LT(range.p10, range.p90);
}

TEST(UncertainTotal, WhatLeavesTheRangeIsAnErrorThatChangesNothing) {
  UncertainTotal total;
  const Price price = PriceOf(kVideo);
  const int64_t most = INT64_MAX / 6'000;
  ASSERT_THAT(total.Add(price, {0, 1, most}, 1), IsOk());
  const auto before = total.Range({});
  EXPECT_THAT(total.Add(price, {0, 1, most}, 1),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("64 bits")));
  EXPECT_THAT(total.Add(price, {0, 1, INT64_MAX}, 1),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("64 bits")));
  EXPECT_THAT(total.Add(price, {0, 0, 1}, INT64_MAX),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("64 bits")));
  EXPECT_EQ(total.jobs(), 1);
  EXPECT_EQ(total.Range({})->p90, before->p90);
  EXPECT_THAT(total.Range({.certain = Credits::Max()}),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("64 bits")));
  // An increment may lift a quantity out of its range.
  EXPECT_THAT(
      UncertainTotal().Add(PriceOf({.credits = Ticks(0), .increment = 1'000}),
                           {0, 0, INT64_MAX}, 1),
      StatusIs(StatusCode::kOutOfRange, HasSubstr("64 bits")));
}

TEST(UncertainTotal, LiesBetweenItsEnds) {
  constexpr uint64_t kSeed = 11;
  std::mt19937_64 random(kSeed);
  for (int n = 0; n < 300; ++n) {
    UncertainTotal total;
    int64_t low = 0;
    int64_t high = 0;
    for (uint64_t row = random() % 4 + 1; row > 0; --row) {
      const Price price =
          PriceOf({.credits = Ticks(static_cast<int64_t>(random() % 100)),
                   .per = static_cast<int64_t>(random() % 9 + 1),
                   .increment = static_cast<int64_t>(random() % 500 + 1),
                   .minimum = static_cast<int64_t>(random() % 3 * 700)});
      int64_t q[3];
      for (int64_t& one : q) {
        one =
            static_cast<int64_t>(random() % (random() % 2 == 0 ? 5 : 200'000));
      }
      std::sort(q, q + 3);
      const auto jobs =
          static_cast<int64_t>(random() % 4 == 0 ? 5'000 : random() % 5);
      ASSERT_THAT(total.Add(price, {q[0], q[1], q[2]}, jobs), IsOk());
      low += price.CostOf(q[0])->ticks() * jobs;
      high += price.CostOf(q[2])->ticks() * jobs;
    }
    const auto range = total.Range({.samples = 100});
    ASSERT_THAT(range, IsOk());
    EXPECT_LE(low, range->p10.ticks()) << "seed " << kSeed << ", case " << n;
    EXPECT_LE(range->p10, range->p50);
    EXPECT_LE(range->p50, range->p90);
    EXPECT_LE(range->p90.ticks(), high) << "seed " << kSeed << ", case " << n;
  }
}

// A campaign as the truth has it, and rows of it that are certain to be drawn
// or condensed.
struct Row {
  Price::Terms terms;
  QuantityRange quantity;
  int64_t jobs = 1;
};

// Written down from the definition of the distribution, with the standard
// library's means: whether the larger of two pieces is drawn, then where in it.
int64_t TrueQuantity(const QuantityRange& q, std::mt19937_64& random) {
  const double low = static_cast<double>(q.low);
  const double mode = static_cast<double>(q.likely);
  const double high = static_cast<double>(q.high);
  std::uniform_real_distribution<double> uniform(0, 1);
  const double u = uniform(random);
  const double v = uniform(random);
  // Of two uniform numbers the larger has a rising density.
  const double x = uniform(random) * (high - low) < mode - low
                       ? low + std::max(u, v) * (mode - low)
                       : high - std::max(u, v) * (high - mode);
  return static_cast<int64_t>(std::lround(x));
}

int64_t TrueTotal(const std::vector<Row>& rows, std::mt19937_64& random) {
  int64_t total = 0;
  for (const Row& row : rows) {
    const Price price = PriceOf(row.terms);
    for (int64_t i = 0; i < row.jobs; ++i) {
      total += price.CostOf(TrueQuantity(row.quantity, random))->ticks();
    }
  }
  return total;
}

// Of `campaigns` made by `make`: the share whose true total is in P10..P90, and
// the shares below P10 and at most P50.
struct Coverage {
  double within = 0;
  double below_p10 = 0;
  double up_to_p50 = 0;
};

template <typename Make>
Coverage Measure(int campaigns, int samples, uint64_t seed, Make make) {
  std::mt19937_64 random(seed);
  Coverage coverage;
  for (int n = 0; n < campaigns; ++n) {
    const std::vector<Row> rows = make(random);
    UncertainTotal total;
    for (const Row& row : rows) {
      EXPECT_THAT(total.Add(PriceOf(row.terms), row.quantity, row.jobs),
                  IsOk());
    }
    const TotalRange range =
        total.Range({.seed = random(), .samples = samples}).value();
    const Credits truth = Ticks(TrueTotal(rows, random));
    coverage.within += truth >= range.p10 && truth <= range.p90;
    coverage.below_p10 += truth < range.p10;
    coverage.up_to_p50 += truth <= range.p50;
  }
  for (double* share :
       {&coverage.within, &coverage.below_p10, &coverage.up_to_p50}) {
    *share /= campaigns;
  }
  return coverage;
}

QuantityRange RandomRange(std::mt19937_64& random) {
  const auto below = [&](uint64_t n) {
    return static_cast<int64_t>(random() % n);
  };
  const int64_t low = below(100'000);
  const int64_t width = 1'000 + below(200'000);
  switch (below(4)) {
    case 0:  // as skewed as can be
      return {low, low, low + width};
    case 1:
      return {low, low + width, low + width};
    case 2:
      return {low, low + width / 20, low + width};
    default:
      return {low, low + below(static_cast<uint64_t>(width)), low + width};
  }
}

Price::Terms RandomTerms(std::mt19937_64& random) {
  switch (random() % 4) {
    case 0:  // charged by the second, five at least
      return {.credits = Ticks(6'000'000),
              .per = 1'000,
              .increment = 1'000,
              .minimum = 5'000};
    case 1:  // a minimum in the middle of many ranges; rounds
      return {.credits = Ticks(1'000'003), .per = 7'000, .minimum = 90'000};
    case 2:
      return {.credits = Ticks(3'000'000), .per = 1'000, .increment = 10};
    default:
      return kVideo;
  }
}

TEST(UncertainTotal, CoversFourInFiveSmallCampaigns) {
  const Coverage coverage =
      Measure(10'000, 1'000, 1, [](std::mt19937_64& random) {
        std::vector<Row> rows(1 + random() % 5);
        for (Row& row : rows) {
          row = {RandomTerms(random), RandomRange(random),
                 static_cast<int64_t>(1 + random() % 3)};
        }
        return rows;
      });
  EXPECT_NEAR(coverage.within, 0.8, 0.02);
  EXPECT_NEAR(coverage.below_p10, 0.1, 0.015);
  EXPECT_NEAR(coverage.up_to_p50, 0.5, 0.02);
}

TEST(UncertainTotal, CoversFourInFiveLargeCampaigns) {
  // More jobs than are drawn one by one: one of a thousand jobs and a half,
  // and others around it.
  const Coverage coverage =
      Measure(10'000, 200, 2, [](std::mt19937_64& random) {
        std::vector<Row> rows(1 + random() % 3);
        for (Row& row : rows) {
          row = {RandomTerms(random), RandomRange(random),
                 static_cast<int64_t>(1 + random() % 4)};
        }
        const auto jobs = UncertainTotal::kDrawnJobsMax + 1 +
                          static_cast<int64_t>(random() % 500);
        rows.push_back({RandomTerms(random), RandomRange(random), jobs});
        return rows;
      });
  EXPECT_NEAR(coverage.within, 0.8, 0.02);
  EXPECT_NEAR(coverage.below_p10, 0.1, 0.015);
  EXPECT_NEAR(coverage.up_to_p50, 0.5, 0.02);
}

// Percentiles of the condensed form against those of many true totals.
TEST(UncertainTotal, CondensedJobsHaveThePercentilesOfTheirSum) {
  const struct {
    Price::Terms terms;
    QuantityRange quantity;
  } kCases[] = {
      {kVideo, {60'000, 90'000, 150'000}},
      {kVideo, {0, 0, 10'000}},
      // Steps: few, many, with a minimum inside the range, from zero on.
      {{.credits = Ticks(6'000'000), .per = 1'000, .increment = 60'000},
       {50'000, 60'000, 190'000}},
      {{.credits = Ticks(6'000'000), .per = 1'000, .increment = 100},
       {50'000, 60'000, 190'000}},
      {{.credits = Ticks(6'000'000), .per = 1'000, .increment = 500},
       {50'000, 60'000, 190'000}},
      {{.credits = Ticks(6'000'000),
        .per = 1'000,
        .increment = 500,
        .minimum = 80'000},
       {50'000, 60'000, 190'000}},
      {{.credits = Ticks(6'000'000), .per = 1'000, .minimum = 5'000},
       {0, 0, 10'000}},
      {kImage, {1, 2, 8}},
  };
  constexpr int64_t kJobs = 1'100;
  constexpr int kTotals = 4'000;
  for (const auto& c : kCases) {
    UncertainTotal total;
    ASSERT_THAT(total.Add(PriceOf(c.terms), c.quantity, kJobs), IsOk());
    const TotalRange range = total.Range({.samples = 100'000}).value();
    std::mt19937_64 random(3);
    int below[3] = {};
    for (int i = 0; i < kTotals; ++i) {
      const Credits truth =
          Ticks(TrueTotal({{c.terms, c.quantity, kJobs}}, random));
      below[0] += truth <= range.p10;
      below[1] += truth <= range.p50;
      below[2] += truth <= range.p90;
    }
    const auto share = [&](int i) { return below[i] * 1.0 / kTotals; };
    EXPECT_NEAR(share(0), 0.1, 0.02) << &c - kCases;
    EXPECT_NEAR(share(1), 0.5, 0.03) << &c - kCases;
    EXPECT_NEAR(share(2), 0.9, 0.02) << &c - kCases;
  }
}

}  // namespace
}  // namespace konpro
