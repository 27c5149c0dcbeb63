// The examples of the room's public headers, as they stand there.
#include <string>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/catalog_file.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/plan.h"
#include "konpro/catalog/price_list.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::_;
using ::testing::HasSubstr;

Credits C(const char* text) { return Credits::Parse(text).value(); }

TEST(HeaderExamples, Catalog) {
  // catalog.h
  const Catalog& catalog = Catalog::BuiltIn();
  EXPECT_EQ(catalog.FindPlan("scale")->windows()[0].limit(), 300);
  EXPECT_EQ(catalog.PricesAt(absl::Now())->Find("photo_avatar")->CostOf(3),
            C("6"));
  EXPECT_THAT(catalog.UnknownOperation("avatar_vidio"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("; did you mean \"avatar_video\"?")));
}

TEST(HeaderExamples, CatalogFile) {
  const Catalog& catalog = Catalog::BuiltIn();
  const std::string text = R"(version: "2027-1"
operations {
  name: "avatar_video"
  unit: "ms"
}

plans {
  name: "tiny"
  operations: "avatar_video"
  windows {
    name: "minute"
    limit: 0
    period: "1m"
  }
}
)";
  // catalog_file.h
  EXPECT_THAT(ParseCatalog(text, "prices.textproto"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "prices.textproto:12:5: plans[0].windows[0].limit: "
                       "0 requests are outside 1 .. 1073741823"));
  EXPECT_EQ(*ParseCatalog(PrintCatalog(catalog), ""), catalog);
}

TEST(HeaderExamples, Operation) {
  // operation.h
  EXPECT_THAT(ValidateOperation(
                  Operation{"avatar_video", QuantityUnit::kMilliseconds, "ms"}),
              IsOk());
  EXPECT_THAT(ValidateOperation(
                  Operation{"photo_avatar", QuantityUnit::kCount, "image"}),
              IsOk());
  EXPECT_EQ(*ParseQuantity("12", QuantityUnit::kCount), 12);
  constexpr QuantityUnit kTime = QuantityUnit::kMilliseconds;
  EXPECT_EQ(*ParseQuantity("1m30s", kTime), 90'000);
  EXPECT_EQ(*ParseQuantity("1 min 30 sec", kTime), 90'000);
  EXPECT_EQ(*ParseQuantity("1:02:03.250", kTime), 3'723'250);
  EXPECT_EQ(*ParseQuantity("PT1M30S", kTime), 90'000);
  EXPECT_THAT(ParseQuantity("90", kTime),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

TEST(HeaderExamples, Plan) {
  // plan.h
  const Plan& pro = *Catalog::BuiltIn().FindPlan("pro");
  EXPECT_EQ(FormatWindows(pro.windows()), "minute:60/1m,day:1000/24h");
  EXPECT_TRUE(pro.Allows("photo_avatar"));
  EXPECT_TRUE(pro.has_windows());
  EXPECT_FALSE(Catalog::BuiltIn().FindPlan("enterprise")->has_windows());
  PlanPrice price = {"USD", *Money::Parse("99"), *Money::Parse("0.01")};
  const Credits credits = *Credits::Parse("5130");
  EXPECT_EQ(price.CostOf(credits, /*months=*/1)->ToString(), "150.3");
}

TEST(HeaderExamples, PriceList) {
  // price_list.h
  Price video = *Price::Create({.credits = *Credits::Parse("1"), .per = 1'000});
  EXPECT_EQ(video.CostOf(90'000), C("90"));
  EXPECT_EQ(video.CostOf(1), Credits::FromTicks(6'000));
  EXPECT_EQ(video.CostOf(0), Credits());
  EXPECT_EQ(video.CostOfSlice(60'000, 90'000), C("30"));
}

}  // namespace
}  // namespace konpro
