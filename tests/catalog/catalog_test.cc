#include "konpro/catalog/catalog.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

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
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Catalog, BuiltInIsWhatIsPublished) {
  const Catalog& catalog = Catalog::BuiltIn();
  const struct {
    const char* plan;
    int64_t per_minute;
    int64_t per_day;
    bool photo_avatar;
  } kPlans[] = {{"free_trial", 10, 100, false},
                {"pro", 60, 1'000, true},
                {"scale", 300, 10'000, true}};
  for (const auto& expected : kPlans) {
    const Plan& plan = *catalog.FindPlan(expected.plan);
    ASSERT_EQ(plan.windows().size(), 2u);
    EXPECT_EQ(plan.windows()[0].name(), "minute");
    EXPECT_EQ(plan.windows()[0].period(), absl::Minutes(1));
    EXPECT_EQ(plan.windows()[0].limit(), expected.per_minute);
    EXPECT_EQ(plan.windows()[0].kind(), WindowKind::kFixed);
    EXPECT_EQ(plan.windows()[1].name(), "day");
    EXPECT_EQ(plan.windows()[1].period(), absl::Hours(24));
    EXPECT_EQ(plan.windows()[1].limit(), expected.per_day);
    EXPECT_EQ(plan.Allows("photo_avatar"), expected.photo_avatar);
    EXPECT_TRUE(plan.Allows("avatar_video"));
    EXPECT_TRUE(plan.Allows("video_translation"));
    EXPECT_TRUE(plan.Allows("interactive_avatar"));
  }
  EXPECT_FALSE(catalog.FindPlan("enterprise")->has_windows());
  EXPECT_TRUE(catalog.FindPlan("enterprise")->Allows("photo_avatar"));

  const struct {
    const char* operation;
    int64_t quantity;
    const char* credits;
  } kPrices[] = {{"avatar_video", 1'000, "1"},
                 {"video_translation", 1'000, "0.5"},
                 {"photo_avatar", 1, "2"},
                 {"interactive_avatar", 60'000, "0.1"}};
  const PriceList& prices = *catalog.PricesAt(absl::UnixEpoch());
  for (const auto& expected : kPrices) {
    EXPECT_EQ(prices.Find(expected.operation)->CostOf(expected.quantity),
              Credits::Parse(expected.credits).value());
  }
  EXPECT_EQ(catalog.operations().size(), 4u);
  EXPECT_EQ(catalog.plans().size(), 4u);
}

Price APrice(int64_t ticks = 1) {
  return Price::Create({.credits = Credits::FromTicks(ticks)}).value();
}
PriceList AList(absl::Time at, std::string operation, int64_t ticks = 1) {
  return PriceList::Create(at, {{std::move(operation), APrice(ticks)}}).value();
}
Plan APlan(std::string name, std::vector<std::string> operations = {}) {
  return Plan::Create(
             {.name = std::move(name), .operations = std::move(operations)})
      .value();
}
Catalog::Spec Small() {
  return {.version = "1",
          .operations = {{"voice_clone", QuantityUnit::kCount, "item"}},
          .price_lists = {AList(absl::FromUnixSeconds(100), "voice_clone")},
          .plans = {APlan("solo", {"voice_clone"})}};
}

TEST(Catalog, PricesAreThoseInEffect) {
  Catalog::Spec spec = Small();
  spec.price_lists = {AList(absl::FromUnixSeconds(200), "voice_clone", 7),
                      AList(absl::FromUnixSeconds(100), "voice_clone", 5)};
  const Catalog catalog = Catalog::Create(spec).value();
  const auto ticks_at = [&](absl::Time t) {
    return catalog.PricesAt(t)->Find("voice_clone")->CostOf(1)->ticks();
  };
  const absl::Duration ns = absl::Nanoseconds(1);
  EXPECT_EQ(catalog.PricesAt(absl::FromUnixSeconds(100) - ns), nullptr);
  EXPECT_EQ(ticks_at(absl::FromUnixSeconds(100)), 5);
  EXPECT_EQ(ticks_at(absl::FromUnixSeconds(200) - ns), 5);
  EXPECT_EQ(ticks_at(absl::FromUnixSeconds(200)), 7);
  EXPECT_EQ(ticks_at(absl::InfiniteFuture()), 7);
}

TEST(Catalog, UnknownNamesGetTheNearestKnownOne) {
  const Catalog& catalog = Catalog::BuiltIn();
  EXPECT_EQ(catalog.FindOperation("avatar_vidio"), nullptr);
  EXPECT_THAT(catalog.UnknownOperation("avatar_vidio"),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("did you mean \"avatar_video\"?")));
  EXPECT_THAT(catalog.UnknownPlan("PRO"),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("did you mean \"pro\"?")));
  EXPECT_THAT(catalog.UnknownPlan("unrelated_thing"),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("known: \"free_trial\", \"pro\", \"scale\"")));
}

TEST(Catalog, BrokenRulesNameTheirPlace) {
  const auto with = [](std::function<void(Catalog::Spec&)> change) {
    Catalog::Spec spec = Small();
    change(spec);
    return Catalog::Create(std::move(spec));
  };
  using Spec = Catalog::Spec;
  EXPECT_THAT(with([](Spec&) {}), IsOk());
  EXPECT_THAT(
      with([](Spec& s) { s.version.assign(Catalog::kVersionBytesMax, 'v'); }),
      IsOk());

  const std::pair<std::function<void(Spec&)>, const char*> kCases[] = {
      {[](Spec& s) { s.version = ""; }, "version: "},
      {[](Spec& s) { s.version = "1 2"; }, "version: "},
      {[](Spec& s) { s.version.assign(Catalog::kVersionBytesMax + 1, 'v'); },
       "version: "},
      {[](Spec& s) { s.operations.clear(); }, "operations: missing"},
      {[](Spec& s) { s.plans.clear(); }, "plans: missing"},
      {[](Spec& s) { s.operations.push_back(s.operations[0]); },
       "operations[1].name: "},
      {[](Spec& s) { s.operations[0].name = "Voice"; }, "operations[0].name: "},
      {[](Spec& s) { s.plans.push_back(s.plans[0]); }, "plans[1].name: "},
      {[](Spec& s) { s.plans.push_back(APlan("two", {"voice_clome"})); },
       "plans[1].operations[0]: unknown operation \"voice_clome\"; did you "
       "mean \"voice_clone\"?"},
      {[](Spec& s) { s.price_lists.push_back(s.price_lists[0]); },
       "price_lists[1].effective_at: overlaps price_lists[0]"},
      {[](Spec& s) {
         s.price_lists.push_back(AList(absl::UnixEpoch(), "voice"));
       },
       "price_lists[1].prices[0].operation: unknown operation \"voice\""},
  };
  for (const auto& [change, message] : kCases) {
    EXPECT_THAT(with(change),
                StatusIs(StatusCode::kInvalidArgument, StartsWith(message)));
  }
}

TEST(Catalog, HasAtMostSoManyEntries) {
  Catalog::Spec spec = Small();
  while (spec.operations.size() < Catalog::kOperationsMax) {
    const std::string name = "o" + std::to_string(spec.operations.size());
    spec.operations.push_back({name, QuantityUnit::kMilliseconds, "ms"});
  }
  while (spec.plans.size() < Catalog::kPlansMax) {
    spec.plans.push_back(APlan("p" + std::to_string(spec.plans.size())));
  }
  while (spec.price_lists.size() < Catalog::kPriceListsMax) {
    spec.price_lists.push_back(AList(
        absl::FromUnixSeconds(1'000 + spec.price_lists.size()), "voice_clone"));
  }
  EXPECT_THAT(Catalog::Create(spec), IsOk());

  Catalog::Spec more = spec;
  more.operations.push_back({"more", QuantityUnit::kMilliseconds, "ms"});
  EXPECT_THAT(Catalog::Create(more), StatusIs(StatusCode::kInvalidArgument,
                                              StartsWith("operations[256]: ")));
  more = spec;
  more.plans.push_back(APlan("more"));
  EXPECT_THAT(Catalog::Create(more), StatusIs(StatusCode::kInvalidArgument,
                                              StartsWith("plans[64]: ")));
  more = spec;
  more.price_lists.push_back(AList(absl::UnixEpoch(), "voice_clone"));
  EXPECT_THAT(Catalog::Create(more),
              StatusIs(StatusCode::kInvalidArgument,
                       StartsWith("price_lists[1024]: ")));
}

}  // namespace
}  // namespace konpro
