#include "konpro/catalog/price_list.h"

#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::absl::StatusCode;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

Price Make(const Price::Terms& terms) { return Price::Create(terms).value(); }

// The cost in ticks by schoolbook fractions, or -1 where it is no Credits.
int64_t NaiveCost(const Price::Terms& t, int64_t quantity) {
  if (quantity == 0) return 0;
  absl::int128 billed = quantity < t.minimum ? t.minimum : quantity;
  while (billed % t.increment != 0) {
    billed += t.increment - billed % t.increment;
  }
  if (billed > kMax) return -1;
  const absl::int128 numerator = billed * t.credits.ticks();
  absl::int128 ticks = numerator / t.per;
  const absl::int128 twice_rest = 2 * (numerator - ticks * t.per);
  if (twice_rest > t.per || (twice_rest == t.per && ticks % 2 == 1)) ticks += 1;
  return ticks > kMax ? -1 : static_cast<int64_t>(ticks);
}

int64_t TicksOrMinusOne(std::optional<Credits> cost) {
  return cost.has_value() ? cost->ticks() : -1;
}

TEST(Price, PublishedPricesAreWholeTicks) {
  const struct {
    const char* credits;
    int64_t per;
    int64_t quantity;
    int64_t ticks;
  } kCases[] = {
      {"1", 1'000, 1, 6'000},
      {"0.5", 1'000, 1, 3'000},
      {"2", 1, 1, 12'000'000},
      {"0.1", 60'000, 1, 10},
      {"0.1", 60'000, 60'000, 600'000},
      {"0.5", 1'000, 54'897'069'000, 164'691'207'000'000},
  };
  for (const auto& c : kCases) {
    const Price price =
        Make({.credits = Credits::Parse(c.credits).value(), .per = c.per});
    EXPECT_EQ(price.CostOf(c.quantity)->ticks(), c.ticks) << c.credits;
    EXPECT_FALSE(price.Rounds());
  }
}

TEST(Price, CustomPricesRoundOnceHalfToEven) {
  const Price half = Make({.credits = Credits::FromTicks(1), .per = 2});
  EXPECT_TRUE(half.Rounds());
  const std::pair<int64_t, int64_t> kCases[] = {{0, 0}, {1, 0}, {2, 1}, {3, 2},
                                                {4, 2}, {5, 2}, {6, 3}, {7, 4}};
  for (const auto& [quantity, ticks] : kCases) {
    EXPECT_EQ(half.CostOf(quantity)->ticks(), ticks) << quantity;
  }
}

// An increment may make each billed quantity a whole number of ticks.
TEST(Price, RoundsIfABilledQuantityHasAFractionOfATick) {
  const Credits tick = Credits::FromTicks(1);
  EXPECT_FALSE(Make({.credits = tick, .per = 2, .increment = 2}).Rounds());
  EXPECT_FALSE(Make({.credits = tick, .per = 2, .increment = 6}).Rounds());
  EXPECT_TRUE(Make({.credits = tick, .per = 2, .increment = 3}).Rounds());
  EXPECT_TRUE(Make({.credits = tick, .per = 4, .increment = 2}).Rounds());
}

TEST(Price, AMinimumOfTwoIsOneThatCounts) {
  const Price price =
      Make({.credits = Credits::FromTicks(10), .per = 1, .minimum = 2});
  EXPECT_EQ(price.CostOf(0)->ticks(), 0);
  EXPECT_EQ(price.CostOf(1)->ticks(), 20);
  EXPECT_EQ(price.CostOf(2)->ticks(), 20);
  EXPECT_EQ(price.CostOf(3)->ticks(), 30);
}

TEST(Price, IncrementAndMinimumRaiseTheBilledQuantity) {
  const Price price = Make({.credits = Credits::Parse("1").value(),
                            .per = 1'000,
                            .increment = 10'000,
                            .minimum = 25'000});
  const std::pair<int64_t, int64_t> kCases[] = {
      {0, 0},           {1, 30'000},      {25'000, 30'000},
      {30'000, 30'000}, {30'001, 40'000}, {40'000, 40'000},
  };
  for (const auto& [quantity, billed] : kCases) {
    EXPECT_EQ(price.BilledQuantity(quantity), billed) << quantity;
    EXPECT_EQ(price.CostOf(quantity)->ticks(), billed * 6'000) << quantity;
  }
}

TEST(Price, OverflowIsNoCost) {
  const Price video = Make({.credits = Credits::Parse("1").value(), .per = 1});
  EXPECT_EQ(video.CostOf(kMax / 6'000'000)->ticks(),
            kMax / 6'000'000 * 6'000'000);
  EXPECT_FALSE(video.CostOf(kMax / 6'000'000 + 1).has_value());
  const Price stepped = Make({.per = 1, .increment = 10});
  EXPECT_EQ(stepped.BilledQuantity(kMax - 7), kMax - 7);
  EXPECT_FALSE(stepped.BilledQuantity(kMax).has_value());
  EXPECT_FALSE(stepped.CostOf(kMax).has_value());
}

TEST(Price, AgreesWithSchoolbookFractions) {
  std::mt19937_64 random(3);
  const auto up_to = [&](int64_t max) {
    return static_cast<int64_t>(random() >> (1 + random() % 63)) % (max + 1);
  };
  for (int i = 0; i < 200'000; ++i) {
    Price::Terms terms = {.credits = Credits::FromTicks(up_to(kMax - 1)),
                          .per = 1 + up_to(Price::kBaseUnitsMax - 1)};
    if (i % 2 == 0) terms.increment = 1 + up_to(Price::kBaseUnitsMax - 1);
    if (i % 3 == 0) terms.minimum = up_to(Price::kBaseUnitsMax);
    if (i % 5 == 0) terms.per = 1;
    const int64_t quantity = up_to(kMax - 1);
    EXPECT_EQ(TicksOrMinusOne(Make(terms).CostOf(quantity)),
              NaiveCost(terms, quantity))
        << i;
  }
}

TEST(Price, AnySlicingOfASessionCostsTheSame) {
  std::mt19937_64 random(20);
  for (int i = 0; i < 20'000; ++i) {
    const Price price =
        Make({.credits = Credits::FromTicks(random() % 1'000'000),
              .per = static_cast<int64_t>(1 + random() % 70'000),
              .increment = static_cast<int64_t>(1 + random() % 3'000),
              .minimum = static_cast<int64_t>(random() % 10'000)});
    int64_t now = 0;
    int64_t charged = 0;
    for (int slice = 0; slice < 21; ++slice) {
      const auto longer = now + static_cast<int64_t>(random() % 5'000);
      charged += price.CostOfSlice(now, longer)->ticks();
      now = longer;
    }
    EXPECT_EQ(charged, price.CostOf(now)->ticks());
  }
}

TEST(Price, TermsAreBounded) {
  constexpr int64_t kUnitsMax = Price::kBaseUnitsMax;
  EXPECT_TRUE(Price::Create({.credits = Credits::Max(),
                             .per = kUnitsMax,
                             .increment = kUnitsMax,
                             .minimum = kUnitsMax})
                  .ok());
  EXPECT_TRUE(Price::Create({}).ok());
  const std::pair<Price::Terms, const char*> kCases[] = {
      {{.credits = Credits::FromTicks(-1)}, "credits: "},
      {{.per = 0}, "per: "},
      {{.per = kUnitsMax + 1}, "per: "},
      {{.increment = 0}, "increment: "},
      {{.increment = kUnitsMax + 1}, "increment: "},
      {{.minimum = -1}, "minimum: "},
      {{.minimum = kUnitsMax + 1}, "minimum: "},
  };
  for (const auto& [terms, field] : kCases) {
    EXPECT_THAT(Price::Create(terms),
                StatusIs(StatusCode::kInvalidArgument, StartsWith(field)));
  }
}

TEST(PriceList, AnOperationHasOnePriceOrNone) {
  const Price price = Make({});
  const auto list =
      PriceList::Create(absl::UnixEpoch(), {{"a", price}, {"b", price}});
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(*list->Find("b"), price);
  EXPECT_EQ(list->Find("c"), nullptr);
  EXPECT_THAT(
      PriceList::Create(absl::UnixEpoch(), {{"a", price}, {"a", price}}),
      StatusIs(StatusCode::kInvalidArgument,
               StartsWith("prices[1].operation: ")));
}

TEST(PriceList, BeginsAtATimeThatCanBeWritten) {
  const absl::Duration kTick = absl::Nanoseconds(1) / 4;
  const struct {
    absl::Time effective_at;
    bool ok;
  } kCases[] = {
      {absl::InfinitePast(), true},
      {PriceList::kEffectiveAtMin - kTick, false},
      {PriceList::kEffectiveAtMin, true},
      {PriceList::kEffectiveAtEnd - kTick, true},
      {PriceList::kEffectiveAtEnd, false},
      {absl::InfiniteFuture(), false},
  };
  for (const auto& c : kCases) {
    const auto list = PriceList::Create(c.effective_at, {});
    EXPECT_EQ(list.ok(), c.ok) << c.effective_at << list.status();
  }
}

TEST(PriceList, HasAtMostSoManyPrices) {
  std::vector<PriceList::Entry> entries;
  for (size_t i = 0; i < PriceList::kPricesMax; ++i) {
    entries.push_back({"operation_" + std::to_string(i), Make({})});
  }
  EXPECT_TRUE(PriceList::Create(absl::UnixEpoch(), entries).ok());
  entries.push_back({"one_more", Make({})});
  EXPECT_THAT(
      PriceList::Create(absl::UnixEpoch(), entries),
      StatusIs(StatusCode::kInvalidArgument, StartsWith("prices[256]: ")));
}

}  // namespace
}  // namespace konpro
