#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "konpro/estimate/forecast.h"
#include "konpro/report/forecast_report.h"
#include "tests/testing/hostile_message.h"
#include "tests/testing/html_structure.h"

namespace konpro {
namespace {

using ::absl::CivilDay;
using ::konpro::testing::CountOf;
using ::konpro::testing::kHostileText;
using ::konpro::testing::MakeHostile;
using ::konpro::testing::NestingError;
using ::konpro::testing::TagsOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kModel[] = R"pb(
  catalog_version: "builtin-1"
  basis: "model"
  history_begin: "2026-01-05"
  history_end: "2026-03-15"
  history_days: 70
  capped_days: 1
  history_total { ticks: 56034000000 credits: "9339" }
  level { ticks: 922800000 credits: "153.8" }
  trend_per_week { ticks: 17400000 credits: "2.9" }
  weekdays: [ 1.16, 1.4, 1.19, 1.19, 1.12, 0.46, 0.47 ]
  days {
    date: "2026-03-16"
    expected { ticks: 1072200000 credits: "178.7" }
    interval {
      low { ticks: 872400000 credits: "145.4" }
      high { ticks: 1316400000 credits: "219.4" }
    }
  }
  days {
    date: "2026-03-17"
    expected { ticks: 1299000000 credits: "216.5" }
    interval {
      low { ticks: 1054200000 credits: "175.7" }
      high { ticks: 1576200000 credits: "262.7" }
    }
  }
  total { ticks: 2371200000 credits: "395.2" }
  total_interval {
    low { ticks: 2000000000 credits: "~333.333333" }
    high { ticks: 2700000000 credits: "450" }
  }
  available { ticks: 36000000000 credits: "6000" }
  runway {
    early: "2026-04-17"
    likely: "2026-04-21"
    late: "2026-04-27"
    horizon: "2027-03-16"
  }
  next_allowance: "2026-04-20"
  outlook: "tight"
  dry_share: 0.22
  futures: 4000
  seed: "1"
  notes: "1 of 70 days at a limit"
  backtest {
    forecasts: 5
    days_each: 14
    weighted_error: 0.141
    seasonal_naive_weighted_error: 0.165
    bias: -0.055
    coverage: 0.83
  }
)pb";

v1::Forecast Parse(const char* text) {
  v1::Forecast forecast;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &forecast));
  return forecast;
}

std::vector<DailySpend> History(int days) {
  std::vector<DailySpend> history;
  for (int i = 0; i < days; ++i) {
    history.push_back({.day = CivilDay(2026, 3, 16) - days + i,
                       .spent = Credits::FromTicks(6'000'000 * (100 + i % 7)),
                       .capped = i == days - 3});
  }
  return history;
}

std::string Html(const v1::Forecast& forecast, int history_days) {
  const std::vector<DailySpend> history = History(history_days);
  std::ostringstream out;
  PrintHtml(forecast, {.source = "daily.csv", .history = history}, out);
  return out.str();
}

TEST(ForecastHtml, SaysAllOfTheReport) {
  const std::string html = Html(Parse(kModel), 70);
  EXPECT_EQ(NestingError(html), "");
  for (const char* text : {
           "<title>konpro forecast of daily.csv</title>",
           "<b>2026-04-21</b> <span>is when the credits are likely to run "
           "out</span>",
           "history 2026-01-05 .. 2026-03-15, 70 days, 9339 credits, prices of "
           "catalog builtin-1",
           "<li class=\"warning\">before the next allowance, 2026-04-20: tight "
           "(22.0% of 4000 futures run dry)</li>",
           ">next 2 days: 395.2 credits (80%: ~333.333333 .. 450)<",
           "<h2>Runway</h2>",
           ">early 2026-04-17</text>",
           ">likely 2026-04-21</text>",
           ">late 2026-04-27</text>",
           "<dt>runs out</dt><dd>2026-04-21 (80%: 2026-04-17 .. "
           "2026-04-27)</dd>",
           "<h2>Spend, day by day</h2>",
           ">at a limit</text>",
           "<dt>level</dt><dd>153.8 credits a day</dd>",
           "<dt>trend</dt><dd>+2.9 a week</dd>",
           "weighted error 14.1%, seasonal-naive 16.5%",
           "Drawn are the last 56 of 70 days.",
           "<h2>Weekly pattern</h2>",
           ">140%</text>",
           "<td>2026-03-16 Mon</td><td class=\"right\">178.7</td><td "
           "class=\"right\">145.4 .. 219.4</td>",
           "<td>total</td><td class=\"right\">395.2</td><td "
           "class=\"right\">~333.333333 .. 450</td>",
           "<h2>The weeks before</h2>",
           "<td>at a limit on some day</td>",
           "<li>1 of 70 days at a limit</li>",
       }) {
    EXPECT_THAT(html, HasSubstr(text));
  }
  // Three charts for two widths each.
  EXPECT_EQ(CountOf("<svg ", html), 6);
  EXPECT_EQ(CountOf("\"></desc>", html), 0);
}

// The points of what is drawn in `css_class` in the wide chart of `id`.
std::string PointsOf(const std::string& html, const std::string& id,
                     const std::string& css_class) {
  const size_t chart = html.find(absl::StrCat(id, "-wide-t"));
  const std::string name = absl::StrCat("class=\"", css_class, "\" points=\"");
  // Behind the legend's.
  size_t at = html.find(name, chart);
  if (css_class != "band") at = html.find(name, at + 1);
  const size_t begin = at + name.size();
  return html.substr(begin, html.find('"', begin) - begin);
}

TEST(ForecastHtml, TheBalanceGoesFromWhatIsAvailableToZeroOnTheLikelyDay) {
  v1::Forecast forecast = Parse(kModel);
  const auto last = [](const std::string& points) {
    return points.substr(points.rfind(' ') + 1);
  };
  const auto y = [](const std::string& point) {
    return point.substr(point.find(',') + 1);
  };
  const std::string html = Html(forecast, 70);
  const std::string mean = PointsOf(html, "runway", "line accent");
  const std::string way = PointsOf(html, "runway", "line dashes accent");
  EXPECT_EQ(mean.substr(mean.rfind(' ') + 1), way.substr(0, way.find(' ')));
  // The band ends where the way does: at zero.
  const std::string band = PointsOf(html, "runway", "band");
  EXPECT_THAT(band, HasSubstr("," + y(last(way)) + " "));
  // The late day is to the right of the likely one.
  EXPECT_EQ(CountOf("," + y(last(way)), band), 3);

  // Where nothing is said about the late day, no band is drawn beyond the days
  // of the forecast.
  forecast.mutable_runway()->clear_late();
  const std::string open = Html(forecast, 70);
  const std::string zero =
      "," + y(last(PointsOf(open, "runway", "line dashes accent")));
  EXPECT_EQ(CountOf(zero, PointsOf(open, "runway", "band")), 0) << open;
}

TEST(ForecastHtml, WithoutABalanceTheSpendComesFirst) {
  v1::Forecast forecast = Parse(kModel);
  forecast.clear_available();
  forecast.clear_runway();
  forecast.clear_next_allowance();
  const std::string html = Html(forecast, 20);
  EXPECT_EQ(NestingError(html), "");
  EXPECT_THAT(html, HasSubstr("<b>395.2</b> <span>credits in the next 2 days"));
  EXPECT_THAT(html, Not(HasSubstr("Runway")));
  EXPECT_THAT(html, Not(HasSubstr("Drawn are")));
}

TEST(ForecastHtml, ABalanceThatLastsIsSaidToLastUntilTheHorizon) {
  v1::Forecast forecast = Parse(kModel);
  forecast.mutable_runway()->clear_early();
  forecast.mutable_runway()->clear_likely();
  forecast.mutable_runway()->clear_late();
  const std::string html = Html(forecast, 70);
  EXPECT_EQ(NestingError(html), "");
  EXPECT_THAT(html, HasSubstr("<b>2027-03-16</b> <span>or later is when"));
  EXPECT_THAT(html, HasSubstr("<dd>not before 2027-03-16</dd>"));
}

TEST(ForecastHtml, APlainRateHasNoInterval) {
  const std::string html =
      Html(Parse(R"pb(
             basis: "plain_rate"
             history_days: 5
             history_total { credits: "50" }
             level { ticks: 60000000 credits: "10" }
             trend_per_week { credits: "0" }
             days {
               date: "2026-03-16"
               expected { ticks: 60000000 credits: "10" }
             }
             total { ticks: 60000000 credits: "10" }
             available { ticks: 600000000 credits: "100" }
             runway { likely: "2026-03-25" horizon: "2027-03-16" }
           )pb"),
           5);
  EXPECT_EQ(NestingError(html), "");
  EXPECT_THAT(html, HasSubstr("a plain rate: too few days for an interval"));
  EXPECT_THAT(html, HasSubstr("2026-03-25 at that rate"));
  EXPECT_THAT(html, Not(HasSubstr("class=\"band\"")));
  EXPECT_THAT(html, Not(HasSubstr("Weekly pattern")));
}

TEST(ForecastHtml, NoHistoryIsAPageToo) {
  const std::string html = Html(Parse(R"pb(
                                  basis: "no_history"
                                  total { credits: "0" }
                                  notes: "there is no history"
                                )pb"),
                                0);
  EXPECT_EQ(NestingError(html), "");
  EXPECT_THAT(html, HasSubstr(">no history: nothing can be forecast<"));
  EXPECT_THAT(html, HasSubstr("<li>there is no history</li>"));
  EXPECT_EQ(CountOf("<svg ", html), 0);
}

TEST(ForecastHtml, NoTextBecomesATag) {
  v1::Forecast forecast = Parse(kModel);
  const std::vector<DailySpend> history = History(70);
  ForecastPage page = {.source = "daily.csv", .history = history};
  std::ostringstream benign;
  // What a page has only with the model stays as it is.
  PrintHtml(forecast, page, benign);
  MakeHostile(forecast);
  forecast.set_basis("model");
  page.source += kHostileText;
  std::ostringstream hostile;
  PrintHtml(forecast, page, hostile);
  EXPECT_THAT(hostile.str(), HasSubstr("&lt;script&gt;alert(1)"));
  EXPECT_THAT(hostile.str(), Not(HasSubstr("<script")));
  EXPECT_EQ(TagsOf(hostile.str()), TagsOf(benign.str()));
}

}  // namespace
}  // namespace konpro
