#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/report/comparison_report.h"
#include "konpro/report/internal/percent_text.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::absl::StatusCode;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

Credits Ticks(int64_t ticks) { return Credits::FromTicks(ticks); }

TEST(Percent, IsOfAnAmountRoundedDown) {
  const struct {
    const char* percent;
    int64_t ticks;
    int64_t of;
  } kRows[] = {
      {"0", 6'000'000, 0},
      {"5%", 6'000'000, 300'000},
      {"5", 6'000'000, 300'000},
      {"12.5%", 8, 1},
      {"12.5%", 7, 0},
      {"0.000001%", 100'000'000, 1},
      {"0.000001%", 99'999'999, 0},
      {"100%", INT64_MAX, INT64_MAX},
      {"1537228672809%", 0, 0},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(Percent::Parse(row.percent)->Of(Ticks(row.ticks)), Ticks(row.of))
        << row.percent << " of " << row.ticks;
  }
  EXPECT_EQ(Percent::Parse("100.000001%")->Of(Credits::Max()), std::nullopt);
  EXPECT_EQ(Percent::Parse("12.50%")->ToString(), "12.5%");
}

TEST(Percent, RefusesWhatIsNone) {
  for (const char* text : {"", "%", "five", "5%%", "1e3", " 5", "5 %", "-1%"}) {
    EXPECT_THAT(Percent::Parse(text),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("")))
        << text;
  }
  EXPECT_THAT(Percent::Parse("9999999999999%"),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("")));
}

TEST(PercentHundredths, RoundsHalfToEven) {
  const struct {
    int64_t part;
    int64_t whole;
    const char* text;
    const char* with_sign;
  } kRows[] = {
      {0, 5, "0.00%", "0.00%"},         {1, 3, "33.33%", "+33.33%"},
      {-1, 3, "-33.33%", "-33.33%"},    {1, 20'000, "0.00%", "0.00%"},
      {3, 20'000, "0.02%", "+0.02%"},   {7, 1, "700.00%", "+700.00%"},
      {-1, 10'000, "-0.01%", "-0.01%"}, {1, 0, "-", "-"},
      {INT64_MAX, 1, "-", "-"},
  };
  for (const auto& row : kRows) {
    const auto hundredths =
        PercentHundredths(Ticks(row.part), Ticks(row.whole));
    EXPECT_EQ(PercentText(hundredths), row.text);
    EXPECT_EQ(SignedPercentText(hundredths), row.with_sign);
  }
  EXPECT_EQ(PercentText(INT64_MIN), "-92233720368547758.08%");
}

TEST(ShareOut, MakesPartsAddUp) {
  // Thirds of a millionth: 2 ticks each.
  v1::Amount parts[3];
  for (v1::Amount& part : parts) part.set_ticks(2);
  ShareOut({&parts[0], &parts[1], &parts[2]}, Ticks(6));
  EXPECT_EQ(parts[0].credits(), "~0.000001");
  EXPECT_EQ(parts[1].credits(), "~0");
  EXPECT_EQ(parts[2].credits(), "~0");
}

}  // namespace
}  // namespace konpro
