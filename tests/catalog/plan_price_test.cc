#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/catalog/plan.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::absl::StatusCode;
using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::StartsWith;

Money Of(const char* text) { return Money::Parse(text).value(); }

TEST(Money, IsReadAndPrintedExactly) {
  const std::pair<const char*, int64_t> kCases[] = {
      {"0", 0},
      {"99", 99'000'000},
      {"0.000001", 1},
      {"-12.5", -12'500'000},
      {"1000000000", PlanPrice::kMillionthsMax},
  };
  for (const auto& [text, millionths] : kCases) {
    EXPECT_EQ(Of(text).millionths, millionths) << text;
    EXPECT_EQ(Money{millionths}.ToString(), text);
  }
  EXPECT_THAT(Money::Parse("0.0000001"),
              StatusIs(StatusCode::kInvalidArgument, ::testing::_));
}

TEST(PlanPrice, EveryBoundHasTwoSides) {
  EXPECT_THAT((PlanPrice{"USD", {}, {}}).Validate(), IsOk());
  const Money most = {PlanPrice::kMillionthsMax};
  const Money above = {PlanPrice::kMillionthsMax + 1};
  EXPECT_THAT((PlanPrice{"EUR", most, most}).Validate(), IsOk());
  const struct {
    PlanPrice price;
    const char* field;
  } kCases[] = {
      {{"", {}, {}}, "currency: "},         {{"usd", {}, {}}, "currency: "},
      {{"USDT", {}, {}}, "currency: "},     {{"U D", {}, {}}, "currency: "},
      {{"USD", above, {}}, "per_month: "},  {{"USD", {-1}, {}}, "per_month: "},
      {{"USD", {}, above}, "per_credit: "},
  };
  for (const auto& [price, field] : kCases) {
    EXPECT_THAT(price.Validate(),
                StatusIs(StatusCode::kInvalidArgument, StartsWith(field)));
  }
}

TEST(PlanPrice, IsRoundedOnceHalfToEven) {
  const struct {
    const char* per_month;
    const char* per_credit;
    int64_t ticks;
    int64_t months;
    const char* money;
  } kCases[] = {
      {"99", "0.01", 5'130 * Credits::kTicksPerCredit, 1, "150.3"},
      {"99", "0.01", 0, 3, "297"},
      {"0", "0.000001", 3'000'000, 1, "0"},         // half: down to 0
      {"0", "0.000001", 9'000'000, 1, "0.000002"},  // half: up to 2
      {"0", "0.000001", 3'000'001, 1, "0.000001"},
      {"0", "1", 1, 0, "0"},
      {"0", "1", 4, 0, "0.000001"},
  };
  for (const auto& c : kCases) {
    const PlanPrice price = {"USD", Of(c.per_month), Of(c.per_credit)};
    EXPECT_EQ(price.CostOf(Credits::FromTicks(c.ticks), c.months)->ToString(),
              c.money)
        << c.per_month << " " << c.per_credit << " " << c.ticks;
  }
}

TEST(PlanPrice, WhatLeavesTheRangeIsNoAmount) {
  const Money most = {PlanPrice::kMillionthsMax};
  const PlanPrice price = {"USD", most, most};
  EXPECT_FALSE(price.CostOf(Credits::Max(), 0).has_value());
  EXPECT_FALSE(price.CostOf(Credits(), 9'224).has_value());
  EXPECT_TRUE(price.CostOf(Credits(), 9'223).has_value());
  const PlanPrice one = {"USD", Money{std::numeric_limits<int64_t>::max()},
                         most};
  EXPECT_FALSE(
      one.CostOf(Credits::FromTicks(Credits::kTicksPerCredit), 1).has_value());
}

}  // namespace
}  // namespace konpro
