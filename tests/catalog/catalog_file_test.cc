#include "konpro/catalog/catalog_file.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::absl::StatusCode;
using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::StartsWith;

constexpr absl::string_view kGood = R"(version: "2027-1"
operations { name: "avatar_video" unit: "ms" }
operations { name: "voice_clone" unit: "item" }
price_lists {
  prices { operation: "avatar_video" credits: "1" per: "1s" }
  prices { operation: "voice_clone" credits: "2.5" per: "1" }
}
price_lists {
  effective_at: "2027-01-01T00:00:00+01:00"
  prices {
    operation: "avatar_video" credits: "0.333333" per: "1m"
    increment: "1s" minimum: "10s"
  }
}
plans {
  name: "solo"
  title: "Solo"
  windows { name: "minute" limit: 5 period: "1m" phase: "7s" }
  windows { name: "day" kind: TOKEN_BUCKET limit: 50 period: "24h" }
  operations: "avatar_video"
  price { currency: "USD" per_month: "99.5" per_credit: "0.01" }
}
)";

// kGood with one text in place of another.
std::string With(absl::string_view old_text, absl::string_view new_text) {
  std::string text(kGood);
  const size_t at = text.find(old_text.data(), 0, old_text.size());
  EXPECT_NE(at, std::string::npos) << old_text;
  text.replace(at, old_text.size(), new_text.data(), new_text.size());
  return text;
}

TEST(CatalogFile, SaysWhatTheCatalogIs) {
  const absl::StatusOr<Catalog> catalog = ParseCatalog(kGood, "f");
  ASSERT_THAT(catalog, IsOk());
  EXPECT_EQ(catalog->version(), "2027-1");
  EXPECT_EQ(catalog->FindOperation("voice_clone")->unit, QuantityUnit::kCount);
  const absl::Time change = absl::FromUnixSeconds(1'798'758'000);
  EXPECT_EQ(catalog->price_lists()[1].effective_at(), change);
  const Price::Terms expected = {
      .credits = Credits::Parse("0.333333").value(),
      .per = 60'000,
      .increment = 1'000,
      .minimum = 10'000,
  };
  EXPECT_EQ(catalog->PricesAt(change)->Find("avatar_video")->terms(), expected);
  const RateWindow& minute = catalog->FindPlan("solo")->windows()[0];
  EXPECT_EQ(minute.phase(), absl::Seconds(7));
  EXPECT_EQ(catalog->FindPlan("solo")->windows()[1].kind(),
            WindowKind::kTokenBucket);
  EXPECT_EQ(catalog->FindPlan("solo")->price(),
            (PlanPrice{"USD", {99'500'000}, {10'000}}));
}

TEST(CatalogFile, PrintedParsesBackToAnEqualCatalog) {
  for (const Catalog& catalog :
       {Catalog::BuiltIn(), ParseCatalog(kGood, "f").value()}) {
    const absl::StatusOr<Catalog> again =
        ParseCatalog(PrintCatalog(catalog), "printed");
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(*again, catalog);
  }
}

TEST(CatalogFile, ErrorsNameFileLineColumnAndField) {
  const struct {
    absl::string_view old_text;
    absl::string_view new_text;
    absl::string_view message;
  } kCases[] = {
      {"title: \"Solo\"", "tilte: \"Solo\"",
       "f:17:8: Message type \"konpro.v1.Plan\" has no field named \"tilte\"."},
      {"limit: 5 ", "limit: five ", "f:18:35: Expected integer, got: five"},
      {"limit: 5 ", "limit: 0 ", "f:18:28: plans[0].windows[0].limit: 0 req"},
      {"limit: 5 ", "limit: -5 ", "f:18:28: plans[0].windows[0].limit: -5 req"},
      {"limit: 5 ", "", "f:18:3: plans[0].windows[0].limit: 0 req"},
      {"period: \"1m\"", "period: \"0s\"",
       "f:18:37: plans[0].windows[0].period: 0 is not"},
      {"period: \"1m\"", "period: \"60\"",
       "f:18:37: plans[0].windows[0].period: \"60\" is no quantity: time has"},
      {"  operations: \"avatar_video\"",
       "  windows { name: \"x\" limit: 1 period: \"1s\" }",
       "f:20:3: plans[0].windows[2]: more than 2 windows"},
      {"credits: \"1\"", "credits: \"1.0000001\"",
       "f:5:38: price_lists[0].prices[0].credits: \"1.0000001\" has more than"},
      {"credits: \"1\"", "credits: \"-1\"",
       "f:5:38: price_lists[0].prices[0].credits: a price is zero or more"},
      {"credits: \"1\"", "",
       "f:5:3: price_lists[0].prices[0].credits: \"\" is"},
      {"per: \"1s\"", "per: \"1\"",
       "f:5:51: price_lists[0].prices[0].per: \"1\" is no quantity: time has "
       "a"},
      {"per: \"1\"", "per: \"1s\"",
       "f:6:52: price_lists[0].prices[1].per: \"1s\" is no quantity: write a "
       "whole number"},
      {"per: \"1s\"", "per: \"0s\"",
       "f:5:51: price_lists[0].prices[0].per: 0 base units are outside 1 .."},
      {"effective_at: \"2027-01-01T00:00:00+01:00\"", "",
       "f:8:1: price_lists[1].effective_at: overlaps price_lists[0]"},
      {"2027-01-01T", "2027-02-30T",
       "f:9:3: price_lists[1].effective_at: \"2027-02-30T00:00:00+01:00\" is"},
      {"operations: \"avatar_video\"", "operations: \"avatar_vidio\"",
       "f:20:3: plans[0].operations[0]: unknown operation \"avatar_vidio\"; "
       "did you mean \"avatar_video\"?"},
      {"operation: \"voice_clone\"", "operation: \"voice_clown\"",
       "f:6:12: price_lists[0].prices[1].operation: unknown operation "
       "\"voice_clown\"; did you mean \"voice_clone\"?"},
      {"operation: \"voice_clone\"", "operation: \"avatar_video\"",
       "f:6:53: price_lists[0].prices[1].per: \"1\" is no quantity"},
      {"name: \"voice_clone\"", "name: \"avatar_video\"",
       "f:3:14: operations[1].name: operation \"avatar_video\" is there alre"},
      {"kind: TOKEN_BUCKET", "kind: 7",
       "f:19:25: plans[0].windows[1].kind: 7 is neither FIXED nor TOKEN_B"},
      {"effective_at: \"2027-01-01T00:00:00+01:00\"",
       "effective_at: \"infinite-future\"",
       "f:9:3: price_lists[1].effective_at: \"infinite-future\" is no RFC"},
      {" unit: \"ms\"", "", "f:2:1: operations[0].unit: \"\" is no unit"},
      {"unit: \"item\"", "unit: \"s\"",
       "f:3:34: operations[1].unit: \"s\" is a time"},
      {"version: \"2027-1\"", "", "f:1:1: version: \"\" is no version"},
      {"\"USD\"", "\"usd\"",
       "f:21:11: plans[0].price.currency: \"usd\" is no currency"},
      {"currency: \"USD\" ", "", "f:21:3: plans[0].price.currency: \"\" is no"},
      {"\"99.5\"", "\"99.5 USD\"",
       "f:21:27: plans[0].price.per_month: \"99.5 USD\" is no amount"},
      {"\"99.5\"", "\"-1\"",
       "f:21:27: plans[0].price.per_month: -1 is outside 0 .. 1000000000"},
      {"\"0.01\"", "\"0.0000001\"",
       "f:21:45: plans[0].price.per_credit: \"0.0000001\" has more than"},
      {"plans {", "plans { name: \"solo\" }\nplans {",
       "f:17:3: plans[1].name: plan \"solo\" is there already"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(ParseCatalog(With(c.old_text, c.new_text), "f"),
                StatusIs(StatusCode::kInvalidArgument,
                         StartsWith(std::string(c.message))))
        << c.new_text;
  }
}

TEST(CatalogFile, HostileTextIsRefused) {
  EXPECT_THAT(ParseCatalog("", "f"),
              StatusIs(StatusCode::kInvalidArgument, StartsWith("f:1:1: ")));
  EXPECT_THAT(ParseCatalog(absl::string_view("\0\xff{", 3), "f"),
              StatusIs(StatusCode::kInvalidArgument, StartsWith("f:1:1: ")));
  std::string deep = "plans ";
  for (int i = 0; i < 100'000; ++i) deep += "{ plans ";
  EXPECT_THAT(ParseCatalog(deep, "f"),
              StatusIs(StatusCode::kInvalidArgument, StartsWith("f:1:")));

  std::string largest(kGood);
  largest.resize(kCatalogFileBytesMax, ' ');
  EXPECT_THAT(ParseCatalog(largest, "f"), IsOk());
  EXPECT_THAT(ParseCatalog(largest + " ", "f"),
              StatusIs(StatusCode::kInvalidArgument, StartsWith("f:1:1: ")));
}

}  // namespace
}  // namespace konpro
