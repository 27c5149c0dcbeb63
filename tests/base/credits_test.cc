#include "konpro/base/credits.h"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

constexpr Credits Ticks(int64_t ticks) { return Credits::FromTicks(ticks); }

TEST(Credits, TextIsParsedExactly) {
  const struct {
    absl::string_view text;
    int64_t ticks;
  } kCases[] = {
      {"0", 0},
      {"-0", 0},
      {"1", 6'000'000},
      {"12.5", 75'000'000},
      {"0.1", 600'000},
      {"0.000001", 6},
      {"-0.000001", -6},
      {"007.500", 45'000'000},
      {"1537228672809.129301", 9'223'372'036'854'775'806},
      {"-1537228672809.129301", -9'223'372'036'854'775'806},
  };
  for (const auto& c : kCases) {
    const auto parsed = Credits::Parse(c.text);
    ASSERT_TRUE(parsed.ok()) << c.text << ": " << parsed.status();
    EXPECT_EQ(parsed->ticks(), c.ticks) << c.text;
  }
}

TEST(Credits, AnythingElseIsRefusedWithTheReason) {
  using absl::StatusCode;
  const struct {
    std::string text;
    StatusCode code;
    std::string reason;
  } kCases[] = {
      {"", StatusCode::kInvalidArgument, "decimal such as 12.5"},
      {"-", StatusCode::kInvalidArgument, "decimal such as"},
      {"--1", StatusCode::kInvalidArgument, "decimal such as"},
      {"+1", StatusCode::kInvalidArgument, "decimal such as"},
      {" 1", StatusCode::kInvalidArgument, "decimal such as"},
      {"1 ", StatusCode::kInvalidArgument, "decimal such as"},
      {".5", StatusCode::kInvalidArgument, "decimal such as"},
      {"5.", StatusCode::kInvalidArgument, "decimal such as"},
      {"1.2.3", StatusCode::kInvalidArgument, "decimal such as"},
      {"1e3", StatusCode::kInvalidArgument, "decimal such as"},
      {"NaN", StatusCode::kInvalidArgument, "decimal such as"},
      {"1,5", StatusCode::kInvalidArgument, "decimal such as"},
      {std::string("1\0", 2), StatusCode::kInvalidArgument, "\"1?\""},
      {std::string(100, 'x'), StatusCode::kInvalidArgument, "xxx...\""},
      {"0.1234567", StatusCode::kInvalidArgument, "more than 6 decimal"},
      {"0.0000000", StatusCode::kInvalidArgument, "more than 6 decimal"},
      {"1537228672809.129302", StatusCode::kOutOfRange, "is outside"},
      {"-1537228672809.129302", StatusCode::kOutOfRange, "is outside"},
      {"99999999999999999999999999", StatusCode::kOutOfRange, "is outside"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(Credits::Parse(c.text), StatusIs(c.code, HasSubstr(c.reason)))
        << c.text;
  }
}

TEST(Credits, PrintingIsExactOrMarked) {
  const std::pair<int64_t, absl::string_view> kCases[] = {
      {0, "0"},
      {6, "0.000001"},
      {-6, "-0.000001"},
      {600'000, "0.1"},
      {75'000'000, "12.5"},
      {1, "~0"},
      {-1, "~0"},
      {3, "~0"},
      {9, "~0.000002"},
      {15, "~0.000002"},
      {-9, "~-0.000002"},
      {4, "~0.000001"},
      {6'000'001, "~1"},
      {-6'000'000, "-1"},
      {Credits::Max().ticks(), "~1537228672809.129301"},
      {Credits::Min().ticks(), "~-1537228672809.129301"},
  };
  for (const auto& [ticks, text] : kCases) {
    EXPECT_EQ(Ticks(ticks).ToString(), text) << ticks;
  }
}

TEST(Credits, ExactTextReadsBack) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const int64_t ticks = static_cast<int64_t>(random()) >> (random() % 64);
    const Credits exact = Ticks(ticks / 6 * 6);
    EXPECT_EQ(Credits::Parse(exact.ToString()).value(), exact);
  }
}

TEST(Credits, OverflowIsAnErrorThatChangesNothing) {
  EXPECT_EQ(CheckedAdd(Ticks(2), Ticks(-5)), Ticks(-3));
  EXPECT_EQ(CheckedSubtract(Ticks(2), Ticks(-5)), Ticks(7));
  EXPECT_EQ(CheckedMultiply(Ticks(-2), 5), Ticks(-10));
  EXPECT_EQ(CheckedAdd(Credits::Max(), Ticks(1)), std::nullopt);
  EXPECT_EQ(CheckedAdd(Credits::Min(), Ticks(-1)), std::nullopt);
  EXPECT_EQ(CheckedSubtract(Credits::Min(), Ticks(1)), std::nullopt);
  EXPECT_EQ(CheckedMultiply(Credits::Max(), 2), std::nullopt);
  EXPECT_EQ(CheckedMultiply(Credits::Min(), -1), std::nullopt);
}

TEST(Credits, PartsShownSumToTheTotalShown) {
  std::mt19937_64 random(26);
  for (int i = 0; i < 20'000; ++i) {
    // Two levels: what a part shows is shared out among its own parts.
    std::vector<std::vector<Credits>> leaves(random() % 5);
    std::vector<Credits> parts;
    int64_t total = 0;
    for (std::vector<Credits>& group : leaves) {
      group.resize(random() % 6);
      int64_t sum = 0;
      for (Credits& leaf : group) {
        leaf = Ticks(static_cast<int64_t>(random()) >> (6 + random() % 58));
        sum += leaf.ticks();
      }
      parts.push_back(Ticks(sum));
      total += sum;
    }
    const auto shown = ShowParts(parts, Show(Ticks(total)));
    int64_t shown_sum = 0;
    for (size_t k = 0; k < parts.size(); ++k) {
      EXPECT_LT(std::abs(shown[k].millionths * 6 - parts[k].ticks()), 6);
      EXPECT_EQ(shown[k].exact, parts[k].ticks() % 6 == 0);
      shown_sum += shown[k].millionths;
      int64_t leaf_sum = 0;
      const auto shown_leaves = ShowParts(leaves[k], shown[k]);
      for (size_t l = 0; l < leaves[k].size(); ++l) {
        EXPECT_LT(
            std::abs(shown_leaves[l].millionths * 6 - leaves[k][l].ticks()), 6);
        leaf_sum += shown_leaves[l].millionths;
      }
      EXPECT_EQ(leaf_sum, shown[k].millionths);
    }
    EXPECT_EQ(shown_sum, Show(Ticks(total)).millionths);
  }
}

TEST(Credits, MissingMillionthsGoToTheLargestRemaindersFirstOfEqualsFirst) {
  const auto texts = [](std::vector<Credits> parts, int64_t total) {
    std::string text;
    for (ShownCredits shown : ShowParts(parts, Show(Ticks(total)))) {
      text += shown.ToString() + " ";
    }
    return text;
  };
  EXPECT_EQ(texts({Ticks(2), Ticks(2), Ticks(2)}, 6), "~0.000001 ~0 ~0 ");
  EXPECT_EQ(texts({Ticks(1), Ticks(5), Ticks(-6)}, 0),
            "~0 ~0.000001 -0.000001 ");
  EXPECT_EQ(texts({}, 0), "");
}

}  // namespace
}  // namespace konpro
