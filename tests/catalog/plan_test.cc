#include "konpro/catalog/plan.h"

#include <string>
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
using ::testing::StartsWith;

RateWindow Window(absl::string_view name) {
  return RateWindow::Create(
             {.name = name, .limit = 1, .period = absl::Minutes(1)})
      .value();
}

TEST(Plan, AllowsWhatItNames) {
  const auto plan = Plan::Create({.name = "solo", .operations = {"a", "b"}});
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->title(), "solo");
  EXPECT_TRUE(plan->Allows("a"));
  EXPECT_FALSE(plan->Allows("c"));
  EXPECT_FALSE(plan->Allows(""));
  EXPECT_FALSE(plan->has_windows());
}

TEST(Plan, EveryBoundHasTwoSides) {
  const std::string longest(Plan::kNameBytesMax, 'p');
  std::vector<std::string> most;
  for (size_t i = 0; i < Plan::kOperationsMax; ++i) {
    most.push_back("o" + std::to_string(i));
  }
  const std::string title(Plan::kTitleBytesMax, 'T');
  EXPECT_THAT(
      Plan::Create({.name = longest, .title = title, .operations = most}),
      IsOk());
  EXPECT_THAT(
      Plan::Create({.name = "p", .windows = {Window("a"), Window("b")}}),
      IsOk());

  const auto refused = [](const char* field) {
    return StatusIs(StatusCode::kInvalidArgument, StartsWith(field));
  };
  most.push_back("one_more");
  EXPECT_THAT(Plan::Create({.name = ""}), refused("name: "));
  EXPECT_THAT(Plan::Create({.name = "Pro"}), refused("name: "));
  EXPECT_THAT(Plan::Create({.name = longest + "p"}), refused("name: "));
  EXPECT_THAT(Plan::Create({.name = "p", .title = title + "T"}),
              refused("title: "));
  EXPECT_THAT(Plan::Create({.name = "p", .title = "a\n"}), refused("title: "));
  EXPECT_THAT(Plan::Create({.name = "p", .operations = most}),
              refused("operations[256]: "));
  EXPECT_THAT(Plan::Create({.name = "p", .operations = {"a", "b", "a"}}),
              refused("operations[2]: "));
  EXPECT_THAT(
      Plan::Create({.name = "p", .windows = {Window("a"), Window("a")}}),
      refused("windows[1].name: "));
  EXPECT_THAT(
      Plan::Create(
          {.name = "p", .windows = {Window("a"), Window("b"), Window("c")}}),
      refused("windows[2]: "));
  EXPECT_THAT(Plan::Create({.name = "p", .price = PlanPrice{"USD", {}, {}}}),
              IsOk());
  EXPECT_THAT(Plan::Create({.name = "p", .price = PlanPrice{"usd", {}, {}}}),
              refused("price.currency: "));
}

}  // namespace
}  // namespace konpro
