#include "konpro/report/internal/forecast_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace konpro {
namespace {

constexpr const char* kWeekdays[] = {"Mon", "Tue", "Wed", "Thu",
                                     "Fri", "Sat", "Sun"};
constexpr size_t kWeeksShown = 8;

// A date of a runway, or that it is not before the horizon.
std::string RunwayDay(const std::string& day, const v1::Runway& runway) {
  return day.empty() ? absl::StrCat("not before ", runway.horizon()) : day;
}

}  // namespace

std::string DayAndWeekday(absl::CivilDay day) {
  return absl::StrCat(absl::FormatCivilTime(day), " ",
                      WeekdayName(static_cast<int>(absl::GetWeekday(day))));
}

const char* WeekdayName(int index) { return kWeekdays[index]; }

std::string IntervalText(const v1::SpendInterval& interval) {
  return absl::StrCat(interval.low().credits(), " .. ",
                      interval.high().credits());
}

std::string RunwayText(const v1::Forecast& report) {
  if (!report.has_runway()) return "cannot be said";
  const v1::Runway& runway = report.runway();
  const std::string likely = RunwayDay(runway.likely(), runway);
  if (report.basis() == "plain_rate") {
    return absl::StrCat(likely, " at that rate");
  }
  if (runway.early().empty()) return likely;
  return absl::StrCat(likely, " (80%: ", RunwayDay(runway.early(), runway),
                      " .. ", RunwayDay(runway.late(), runway), ")");
}

std::string OutlookFact(const v1::Forecast& report) {
  if (report.outlook() == "unknown") return "cannot be said";
  std::string text =
      report.outlook() == "runs_dry" ? "runs dry" : report.outlook();
  if (report.has_dry_share()) {
    absl::StrAppendFormat(&text, " (%.1f%% of %d futures run dry)",
                          100 * report.dry_share(), report.futures());
  }
  return text;
}

std::string PatternText(const v1::Forecast& report) {
  std::vector<std::string> texts;
  for (int i = 0; i < 7; ++i) {
    texts.push_back(
        absl::StrFormat("%s %.0f%%", WeekdayName(i), 100 * report.weekdays(i)));
  }
  return absl::StrJoin(texts, ", ");
}

std::string BacktestText(const v1::Backtest& backtest) {
  return absl::StrFormat(
      "%d forecasts of %d days: weighted error %.1f%%, seasonal-naive %.1f%%,\n"
      "  bias %+.1f%%, %.0f%% of days within the 80%% interval",
      backtest.forecasts(), backtest.days_each(),
      100 * backtest.weighted_error(),
      100 * backtest.seasonal_naive_weighted_error(), 100 * backtest.bias(),
      100 * backtest.coverage());
}

std::vector<DailySpend> LastWeeks(absl::Span<const DailySpend> days) {
  const size_t weeks = std::min(kWeeksShown, days.size() / 7);
  days.remove_prefix(days.size() - 7 * weeks);
  std::vector<DailySpend> sums(weeks);
  for (size_t i = 0; i < days.size(); ++i) {
    DailySpend& week = sums[i / 7];
    if (i % 7 == 0) week.day = days[i].day;
    // At most the sum of all days.
    week.spent = *CheckedAdd(week.spent, days[i].spent);
    week.capped |= days[i].capped;
  }
  return sums;
}

}  // namespace konpro
