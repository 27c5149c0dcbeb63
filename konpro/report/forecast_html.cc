#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "konpro/report/forecast_report.h"
#include "konpro/report/internal/forecast_text.h"
#include "konpro/report/internal/html_page.h"
#include "konpro/report/internal/svg_chart.h"
#include "konpro/report/internal/table.h"

namespace konpro {
namespace {

using ::absl::CivilDay;
using Verdict = HtmlPage::Verdict;

// So many days of the history are drawn, or twice as many as are forecast.
constexpr int kHistoryDays = 56;

// Where an amount lies on an axis; never shown as a figure.
double Place(int64_t ticks) {
  return static_cast<double>(ticks) /
         static_cast<double>(Credits::kTicksPerCredit);
}
double Place(const v1::Amount& amount) { return Place(amount.ticks()); }

// REQUIRES: `text` is a date of a report.
CivilDay ToDay(const std::string& text) {
  CivilDay day;
  absl::ParseCivilTime(text, &day);
  return day;
}

std::string ForecastDays(const v1::Forecast& forecast) {
  return absl::StrCat(forecast.days_size(),
                      forecast.days_size() == 1 ? " day" : " days");
}

std::string TotalText(const v1::Forecast& forecast) {
  std::string text = absl::StrCat("next ", ForecastDays(forecast), ": ",
                                  forecast.total().credits(), " credits");
  if (forecast.has_total_interval()) {
    absl::StrAppend(&text, " (80%: ", IntervalText(forecast.total_interval()),
                    ")");
  }
  return text;
}

ChartTone OutlookTone(const std::string& outlook) {
  if (outlook == "safe") return ChartTone::kGood;
  if (outlook == "tight") return ChartTone::kWarning;
  return outlook == "runs_dry" ? ChartTone::kBad : ChartTone::kMuted;
}

std::vector<Verdict> Verdicts(const v1::Forecast& forecast) {
  std::vector<Verdict> verdicts;
  if (!forecast.next_allowance().empty()) {
    verdicts.push_back(
        {absl::StrCat("before the next allowance, ", forecast.next_allowance(),
                      ": ", OutlookFact(forecast)),
         OutlookTone(forecast.outlook())});
  }
  if (forecast.has_runway()) {
    verdicts.push_back({TotalText(forecast), ChartTone::kMuted});
  }
  if (forecast.basis() == "plain_rate") {
    verdicts.push_back(
        {"a plain rate: too few days for an interval", ChartTone::kWarning});
  }
  if (forecast.basis() == "no_spend") {
    verdicts.push_back(
        {"nothing was spent: nothing can be said", ChartTone::kWarning});
  }
  if (forecast.basis() == "no_history") {
    verdicts.push_back(
        {"no history: nothing can be forecast", ChartTone::kBad});
  }
  return verdicts;
}

void PrintHeader(const v1::Forecast& forecast, const std::string& overline,
                 HtmlPage& page) {
  std::string lead = "no history";
  if (forecast.history_days() > 0) {
    lead =
        absl::StrCat("history ", forecast.history_begin(), " .. ",
                     forecast.history_end(), ", ", forecast.history_days(),
                     " days, ", forecast.history_total().credits(), " credits");
    if (!forecast.catalog_version().empty()) {
      absl::StrAppend(&lead, ", prices of catalog ",
                      forecast.catalog_version());
    }
  }
  const v1::Runway& runway = forecast.runway();
  if (!forecast.has_runway()) {
    page.Header(overline, forecast.total().credits(),
                absl::StrCat("credits in the next ", ForecastDays(forecast)),
                lead);
  } else if (runway.likely().empty()) {
    page.Header(overline, runway.horizon(),
                "or later is when the credits are likely to run out", lead);
  } else {
    page.Header(overline, runway.likely(),
                "is when the credits are likely to run out", lead);
  }
  page.Verdicts(Verdicts(forecast));
}

// The straight lines that hold 80% of the balances to come, as far as they are
// known. `first` is day 0, and a day that takes the last credit ends on half of
// it.
ChartBand BalanceBand(const v1::Forecast& forecast, CivilDay first) {
  const double available = Place(forecast.available());
  const double days = forecast.days_size();
  const v1::Runway& runway = forecast.runway();
  const bool closed = !runway.late().empty();
  const auto edge = [&](const v1::Amount& spent, const std::string& ends) {
    std::vector<ChartPoint> points = {{0, available}};
    const double end =
        ends.empty() ? 0 : static_cast<double>(ToDay(ends) - first) + 0.5;
    if (ends.empty() || end > days) {
      points.push_back({days, std::max(0.0, available - Place(spent))});
    }
    if (!ends.empty() && (closed || end <= days)) points.push_back({end, 0});
    return points;
  };
  const v1::SpendInterval& total = forecast.total_interval();
  ChartBand band = {"80% of futures", edge(total.high(), runway.early()),
                    edge(total.low(), runway.late())};
  // The lower edge stays at zero as far as the upper one goes.
  if (band.low.back().y == 0) band.low.push_back({band.high.back().x, 0});
  return band;
}

// The mean balance at the begin of each day, as long as there is one, and the
// way from there to the likely day.
std::vector<ChartSeries> BalanceSeries(const v1::Forecast& forecast,
                                       CivilDay first) {
  const std::string& likely = forecast.runway().likely();
  const double end =
      likely.empty() ? 0 : static_cast<double>(ToDay(likely) - first) + 0.5;
  ChartSeries mean = {.label = "mean balance",
                      .points = {{0, Place(forecast.available())}}};
  for (int i = 0; i < forecast.days_size(); ++i) {
    const ChartPoint next = {
        i + 1.0, mean.points.back().y - Place(forecast.days(i).expected())};
    if (next.y <= 0 || (!likely.empty() && next.x >= end)) break;
    mean.points.push_back(next);
  }
  if (likely.empty()) return {mean};
  const ChartSeries way = {.label = "to the likely day",
                           .points = {mean.points.back(), {end, 0}},
                           .form = ChartSeries::Form::kDashes};
  return {mean, way};
}

void PrintRunway(const v1::Forecast& forecast, HtmlPage& page) {
  const CivilDay first = ToDay(forecast.days(0).date());
  const v1::Runway& runway = forecast.runway();
  LineChartContent content = {.series = BalanceSeries(forecast, first)};
  if (forecast.has_total_interval()) {
    content.bands.push_back(BalanceBand(forecast, first));
  }
  CivilDay end = first + forecast.days_size();
  const auto mark = [&](const char* name, const std::string& day, double half,
                        ChartTone tone) {
    if (day.empty()) return;
    content.markers.push_back({absl::StrCat(name, " ", day),
                               static_cast<double>(ToDay(day) - first) + half,
                               tone});
    end = std::max(end, ToDay(day) + 2);
  };
  mark("next allowance", forecast.next_allowance(), 0,
       OutlookTone(forecast.outlook()));
  mark("early", runway.early(), 0.5, ChartTone::kMuted);
  mark("likely", runway.likely(), 0.5, ChartTone::kAccent);
  mark("late", runway.late(), 0.5, ChartTone::kMuted);
  page.Section("Runway");
  page.Chart([&](absl::string_view suffix, int width) {
    return LineChart(
        {.id = absl::StrCat("runway", suffix),
         .title = "Credits left",
         .description =
             absl::StrCat("available ", forecast.available().credits(),
                          "; runs out: ", RunwayText(forecast)),
         .width = width},
        DayAxis("day", first, end, width > 500 ? 7 : 3),
        NumberAxis("credits left", 0, Place(forecast.available()), 5), content);
  });
  std::vector<HtmlPage::Fact> facts = {
      {"available", forecast.available().credits()},
      {"runs out", RunwayText(forecast)}};
  if (!forecast.next_allowance().empty()) {
    facts.push_back({"next allowance",
                     absl::StrCat(forecast.next_allowance(),
                                  ", before it: ", OutlookFact(forecast))});
  }
  page.Facts(facts);
  if (forecast.basis() == "model") {
    page.Caption(
        "In one of ten futures the last credit goes before the early day, in "
        "half of them before the likely one, in one of ten after the late one. "
        "Between the last day of the forecast and these days the lines are "
        "straight.");
  }
}

LineChartContent SpendContent(const v1::Forecast& forecast,
                              absl::Span<const DailySpend> history,
                              CivilDay first) {
  ChartSeries spent = {.label = "spent", .tone = ChartTone::kMuted};
  ChartSeries capped = {.label = "at a limit",
                        .form = ChartSeries::Form::kDots,
                        .tone = ChartTone::kWarning};
  for (const DailySpend& day : history) {
    const ChartPoint point = {static_cast<double>(day.day - first),
                              Place(day.spent.ticks())};
    spent.points.push_back(point);
    if (day.capped) capped.points.push_back(point);
  }
  ChartSeries expected = {.label = "expected",
                          .form = ChartSeries::Form::kDashes};
  ChartBand band = {.label = "80% interval"};
  for (const v1::ForecastDay& day : forecast.days()) {
    const auto x = static_cast<double>(ToDay(day.date()) - first);
    expected.points.push_back({x, Place(day.expected())});
    if (!day.has_interval()) continue;
    band.low.push_back({x, Place(day.interval().low())});
    band.high.push_back({x, Place(day.interval().high())});
  }
  LineChartContent content;
  for (ChartSeries* series : {&spent, &expected, &capped}) {
    if (!series->points.empty()) content.series.push_back(std::move(*series));
  }
  if (!band.low.empty()) content.bands.push_back(std::move(band));
  return content;
}

double Highest(const LineChartContent& content) {
  double highest = 0;
  const auto see = [&](const std::vector<ChartPoint>& points) {
    for (const ChartPoint& point : points) highest = std::max(highest, point.y);
  };
  for (const ChartSeries& series : content.series) see(series.points);
  for (const ChartBand& band : content.bands) see(band.high);
  return highest;
}

void PrintSpend(const v1::Forecast& forecast,
                absl::Span<const DailySpend> history, HtmlPage& page) {
  const CivilDay begin = ToDay(forecast.days(0).date());
  const auto shown =
      static_cast<size_t>(std::max(kHistoryDays, 2 * forecast.days_size()));
  const size_t all = history.size();
  if (all > shown) history.remove_prefix(all - shown);
  const CivilDay first = history.empty() ? begin : history.front().day;
  const LineChartContent content = SpendContent(forecast, history, first);
  page.Section("Spend, day by day");
  page.Chart([&](absl::string_view suffix, int width) {
    return LineChart({.id = absl::StrCat("spend", suffix),
                      .title = "Credits spent and expected, day by day",
                      .description = TotalText(forecast),
                      .width = width},
                     DayAxis("day", first, begin + forecast.days_size(),
                             width > 500 ? 7 : 3),
                     NumberAxis("credits a day", 0, Highest(content), 5),
                     content);
  });
  std::vector<HtmlPage::Fact> facts;
  if (forecast.history_days() > 0) {
    const bool rises = forecast.trend_per_week().ticks() >= 0;
    facts.push_back(
        {"level", absl::StrCat(forecast.level().credits(), " credits a day")});
    facts.push_back({"trend", absl::StrCat(rises ? "+" : "",
                                           forecast.trend_per_week().credits(),
                                           " a week")});
  }
  if (forecast.has_backtest()) {
    facts.push_back({"backtest", BacktestText(forecast.backtest())});
  }
  if (!facts.empty()) page.Facts(facts);
  std::string caption =
      "What was spent is exact; what is expected is the forecast's.";
  if (all > shown) {
    absl::StrAppend(&caption, " Drawn are the last ", shown, " of ", all,
                    " days.");
  }
  page.Caption(caption);
}

void PrintPattern(const v1::Forecast& forecast, HtmlPage& page) {
  std::vector<ChartBar> bars;
  double longest = 0;
  for (int i = 0; i < forecast.weekdays_size(); ++i) {
    const double percent = 100 * forecast.weekdays(i);
    bars.push_back({.label = WeekdayName(i),
                    .value = absl::StrFormat("%.0f%%", percent),
                    .length = percent});
    longest = std::max(longest, percent);
  }
  page.Section("Weekly pattern");
  page.Chart([&](absl::string_view suffix, int width) {
    return BarChart({.id = absl::StrCat("pattern", suffix),
                     .title = "What each weekday is of an average day",
                     .description = PatternText(forecast),
                     .width = width},
                    NumberAxis("% of an average day", 0, longest, 5), bars, {});
  });
}

void PrintTables(const v1::Forecast& forecast,
                 absl::Span<const DailySpend> history, HtmlPage& page) {
  page.Section("The days to come");
  ReportTable days({{"day"},
                    {"expected", ColumnAlign::kRight},
                    {"80% interval", ColumnAlign::kRight}});
  for (const v1::ForecastDay& day : forecast.days()) {
    days.AddRow({DayAndWeekday(ToDay(day.date())), day.expected().credits(),
                 day.has_interval() ? IntervalText(day.interval()) : ""});
  }
  days.AddTotal({"total", forecast.total().credits(),
                 forecast.has_total_interval()
                     ? IntervalText(forecast.total_interval())
                     : ""});
  page.Print(days);
  page.Caption(
      "The interval of the total is of the sum: days do not all go wrong the "
      "same way.");
  const std::vector<DailySpend> weeks = LastWeeks(history);
  if (weeks.empty()) return;
  page.Section("The weeks before");
  ReportTable table({{"7 days from"}, {"spent", ColumnAlign::kRight}, {""}});
  for (const DailySpend& week : weeks) {
    table.AddRow({absl::FormatCivilTime(week.day), week.spent.ToString(),
                  week.capped ? "at a limit on some day" : ""});
  }
  page.Print(table);
}

}  // namespace

void PrintHtml(const v1::Forecast& forecast, const ForecastPage& details,
               std::ostream& out) {
  const std::string name = absl::StrCat("konpro forecast of ", details.source);
  HtmlPage page(name, out);
  PrintHeader(forecast, name, page);
  if (!forecast.days().empty()) {
    if (forecast.has_runway()) PrintRunway(forecast, page);
    PrintSpend(forecast, details.history, page);
    if (forecast.basis() == "model") PrintPattern(forecast, page);
    PrintTables(forecast, details.history, page);
  }
  if (!forecast.notes().empty()) {
    page.Section("Notes");
    page.List(std::vector<std::string>(forecast.notes().begin(),
                                       forecast.notes().end()));
  }
  page.Finish();
}

}  // namespace konpro
