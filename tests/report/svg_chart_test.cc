#include "konpro/report/internal/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/html_structure.h"

namespace konpro {
namespace {

using ::konpro::testing::CountOf;
using ::konpro::testing::NestingError;
using ::konpro::testing::TagsOf;
using Day = absl::CivilDay;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Labels(const ChartAxis& axis) {
  return absl::StrJoin(axis.ticks, " | ",
                       [](std::string* out, const ChartTick& tick) {
                         absl::StrAppend(out, tick.label);
                       });
}

TEST(EscapeHtml, LeavesNothingThatEndsAText) {
  const std::pair<absl::string_view, absl::string_view> kCases[] = {
      {"", ""},
      {"avatar_video", "avatar_video"},
      {"a < b & c > d", "a &lt; b &amp; c &gt; d"},
      {"\"x\" 'y'", "&quot;x&quot; &#39;y&#39;"},
      {"&lt;", "&amp;lt;"},
      {"caf\u00E9 \u52D5", "caf\u00E9 \u52D5"},
      {"two\nlines", "two\nlines"},
      {absl::string_view("\0\t\x1B\x7F", 4), "\uFFFD\uFFFD\uFFFD\uFFFD"},
  };
  for (const auto& [text, escaped] : kCases) {
    EXPECT_EQ(EscapeHtml(text), escaped);
  }
}

TEST(NumberAxis, HasRoundTicks) {
  struct Case {
    double low;
    double high;
    int ticks_max;
    const char* labels;
  };
  const Case kCases[] = {
      {0, 12, 4, "0 | 5 | 10 | 15"},
      {0, 676, 5, "0 | 200 | 400 | 600 | 800"},
      {0, 11599, 5, "0 | 5000 | 10k | 15k"},
      {0, 27'448'534.5, 5, "0 | 10M | 20M | 30M"},
      {0, 0, 5, "0 | 0.5 | 1"},
      {0, 0.25, 5, "0 | 0.1 | 0.2 | 0.3"},
      {4'900, 5'200, 5, "4900 | 5000 | 5100 | 5200"},
      {0, 1.5e12, 5, "0 | 500G | 1T | 1.5T"},
      {0, 1e18, 5, "0 | 500000T | 1e+06T"},
      {7, 7, 5, "7 | 7.5 | 8"},
  };
  for (const auto& [low, high, ticks_max, labels] : kCases) {
    const ChartAxis axis = NumberAxis("credits", low, high, ticks_max);
    EXPECT_EQ(Labels(axis), labels) << low << " .. " << high;
    EXPECT_LE(axis.low, low);
    EXPECT_GE(axis.high, high);
  }
}

TEST(NumberAxis, HoldsWhatIsDrawnAndFewTicks) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    std::uniform_real_distribution<double> exponent(-5, 15);
    const double a = std::pow(10, exponent(random));
    const double b = std::pow(10, exponent(random));
    const int ticks_max = 2 + static_cast<int>(random() % 8);
    const ChartAxis axis =
        NumberAxis("", std::min(a, b), std::max(a, b), ticks_max);
    EXPECT_LE(axis.low, std::min(a, b));
    EXPECT_GE(axis.high, std::max(a, b) * (1 - 1e-9));
    EXPECT_GE(axis.ticks.size(), 2u);
    EXPECT_LE(axis.ticks.size(), static_cast<size_t>(ticks_max) + 1)
        << a << " " << b << " " << ticks_max;
  }
}

TEST(ElapsedAxis, CountsInTheUnitThatFits) {
  const std::pair<absl::Duration, const char*> kCases[] = {
      {absl::ZeroDuration(), "0 | 1 s"},
      {absl::Seconds(4), "0 | 1 s | 2 s | 3 s | 4 s"},
      {absl::Seconds(90), "0 | 30 s | 60 s | 90 s"},
      {absl::Minutes(16), "0 | 5 min | 10 min | 15 min"},
      {absl::Hours(15), "0 | 6 h | 12 h"},
      {absl::Hours(48) + absl::Minutes(4), "0 | 1 d | 2 d"},
      {24 * absl::Hours(700), "0 | 200 d | 400 d | 600 d"},
  };
  for (const auto& [length, labels] : kCases) {
    EXPECT_EQ(Labels(ElapsedAxis("time", length, 4)), labels) << length;
  }
}

TEST(DayAxis, NamesDays) {
  EXPECT_EQ(Labels(DayAxis("day", Day(2026, 3, 16), Day(2026, 3, 30), 3)),
            "2026-03-16 | 2026-03-23");
  EXPECT_EQ(Labels(DayAxis("day", Day(2026, 12, 31), Day(2027, 1, 2), 3)),
            "2026-12-31 | 2027-01-01");
  EXPECT_EQ(DayAxis("day", Day(2026, 3, 16), Day(2026, 3, 30), 3).high, 14);
}

TEST(BarChart, SaysWhatItShowsInTexts) {
  const std::string svg =
      BarChart({.id = "cost",
                .title = "Cost <now>",
                .description = "pro 12",
                .width = 340},
               NumberAxis("credits", 0, 12, 4),
               {{.label = "pro", .value = "~12.000001", .length = 12},
                {.label = "none", .value = "0"}},
               {{.label = "budget 10", .at = 10, .tone = ChartTone::kBad}});
  EXPECT_EQ(NestingError(svg), "");
  EXPECT_THAT(svg, HasSubstr("<svg viewBox=\"0 0 340 "));
  EXPECT_THAT(svg, HasSubstr("role=\"img\" aria-labelledby=\"cost-t cost-d\""));
  EXPECT_THAT(svg, HasSubstr("<title id=\"cost-t\">Cost &lt;now&gt;</title>"));
  EXPECT_THAT(svg, HasSubstr("<desc id=\"cost-d\">pro 12</desc>"));
  for (const char* text : {">pro<", ">~12.000001<", ">budget 10<", ">credits<",
                           ">0<", ">5<", ">10<", ">15<"}) {
    EXPECT_THAT(svg, HasSubstr(text));
  }
  // What is zero has no bar; what is there at all has one.
  EXPECT_EQ(CountOf("<rect", svg), 1);
  EXPECT_THAT(BarChart({.width = 340}, NumberAxis("", 0, 1e9, 4),
                       {{.label = "a", .value = "b", .length = 1e-3}}, {}),
              HasSubstr("width=\"1.5\""));
}

TEST(BarChart, CutsALabelButNeverInsideACharacter) {
  std::string label;
  for (int i = 0; i < 100; ++i) label += "\u52D5";
  const std::string svg =
      BarChart({.width = 100}, NumberAxis("", 0, 1, 4),
               {{.label = label, .value = "7", .length = 1}}, {});
  EXPECT_THAT(svg, HasSubstr("\u52D5\u2026</text>"));
  EXPECT_THAT(svg, Not(HasSubstr(label)));
}

TEST(RangeChart, KeepsItsLabelsApart) {
  const std::string svg = RangeChart(
      {.id = "range", .width = 340}, NumberAxis("credits", 0, 9'000, 5),
      {{"P10", "~5047.558387", 5047.6},
       {"P50", "~5131.028613", 5131},
       {"P90", "~5219.983977", 5220}},
      {{.label = "budget 5900", .at = 5'900, .tone = ChartTone::kGood}});
  EXPECT_EQ(NestingError(svg), "");
  for (const char* text : {">P10<", ">~5047.558387<", ">P50<", ">~5131.028613<",
                           ">P90<", ">~5219.983977<", ">budget 5900<"}) {
    EXPECT_THAT(svg, HasSubstr(text));
  }
  std::vector<double> centers;
  for (size_t at = svg.find("class=\"value\" x=\""); at != svg.npos;
       at = svg.find("class=\"value\" x=\"", at + 1)) {
    double x = 0;
    const absl::string_view rest = absl::string_view(svg).substr(at + 17);
    ASSERT_TRUE(absl::SimpleAtod(rest.substr(0, rest.find('"')), &x));
    centers.push_back(x);
  }
  ASSERT_EQ(centers.size(), 3u);
  constexpr double kWidth = 12 * 7.9;  // of a label
  EXPECT_GE(centers[0], kWidth / 2);
  EXPECT_GE(centers[1] - centers[0], kWidth);
  EXPECT_GE(centers[2] - centers[1], kWidth);
  EXPECT_LE(centers[2], 340 - kWidth / 2);
}

// Every number of a coordinate in `svg`.
std::vector<double> Coordinates(const std::string& svg) {
  std::vector<double> values;
  for (const char* name :
       {" x=\"", " x1=\"", " x2=\"", " cx=\"", " points=\"", " y=\"", " y1=\"",
        " y2=\"", " cy=\"", " width=\"", " height=\""}) {
    for (size_t at = svg.find(name); at != svg.npos;
         at = svg.find(name, at + 1)) {
      const size_t begin = at + std::string(name).size();
      std::string list = svg.substr(begin, svg.find('"', begin) - begin);
      for (char& c : list) c = c == ',' ? ' ' : c;
      std::istringstream in(list);
      for (double value; in >> value;) values.push_back(value);
      EXPECT_TRUE(in.eof()) << list;
    }
  }
  return values;
}

TEST(LineChart, DrawsInsideItsFrameWhateverTheValues) {
  for (const double far : {0.0, 5.0, -1e30, 1e30}) {
    const std::string svg =
        LineChart({.id = "line", .width = 340},
                  DayAxis("day", Day(2026, 3, 16), Day(2026, 3, 26), 3),
                  NumberAxis("credits", 0, 100, 4),
                  {.bands = {{.label = "band",
                              .low = {{0, 0}, {9, far}},
                              .high = {{0, far}, {far, 100}}}},
                   .series = {{.label = "line", .points = {{0, 0}, {far, far}}},
                              {.label = "",
                               .points = {{far, 3}},
                               .form = ChartSeries::Form::kDots}},
                   .markers = {{.label = "marker", .at = far}}});
    EXPECT_EQ(NestingError(svg), "");
    for (const double value : Coordinates(svg)) {
      EXPECT_GE(value, 0) << svg;
      EXPECT_LE(value, 340) << svg;
    }
  }
}

TEST(LineChart, HasALegendOfWhatHasALabel) {
  const std::string svg =
      LineChart({.width = 340}, NumberAxis("x axis", 0, 10, 4),
                NumberAxis("y axis", 0, 10, 4),
                {.bands = {{.label = "80%", .low = {{0, 0}}, .high = {{0, 1}}}},
                 .series = {{.label = "spent", .points = {{0, 0}, {1, 1}}},
                            {.label = "expected",
                             .points = {{1, 1}, {2, 2}},
                             .form = ChartSeries::Form::kDashes},
                            {.label = "", .points = {{2, 2}, {3, 3}}}}});
  for (const char* text :
       {">80%<", ">spent<", ">expected<", ">x axis<", ">y axis<"}) {
    EXPECT_THAT(svg, HasSubstr(text));
  }
  EXPECT_EQ(CountOf("class=\"band\"", svg), 2);
  EXPECT_EQ(CountOf("<polyline", svg), 5);
}

TEST(Charts, EscapeEveryText) {
  constexpr char kHostile[] = "</text><script>alert(\"'1\")</script>";
  const ChartAxis axis = {kHostile, 0, 1, {{0.5, kHostile}}};
  const ChartFrame frame = {kHostile, kHostile, kHostile, 340};
  const ChartMarker marker = {kHostile, 0.5};
  const std::string svgs[] = {
      BarChart(frame, axis, {{kHostile, kHostile, 0.5}}, {marker}),
      RangeChart(frame, axis,
                 {{kHostile, kHostile, 0.2},
                  {kHostile, kHostile, 0.4},
                  {kHostile, kHostile, 0.6}},
                 {marker}),
      LineChart(frame, axis, axis,
                {.bands = {{kHostile, {{0, 0}}, {{0, 1}}}},
                 .series = {{kHostile, {{0, 0}}}},
                 .markers = {marker}})};
  for (const std::string& svg : svgs) {
    EXPECT_EQ(NestingError(svg), "");
    EXPECT_THAT(TagsOf(svg), Not(Contains("script")));
    EXPECT_THAT(svg, HasSubstr("&lt;script&gt;"));
  }
}

}  // namespace
}  // namespace konpro
