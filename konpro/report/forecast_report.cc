#include "konpro/report/forecast_report.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/credits.h"
#include "konpro/report/internal/forecast_text.h"
#include "konpro/report/internal/table.h"
#include "konpro/report/report_message.h"

namespace konpro {
namespace {

using ::absl::CivilDay;

constexpr size_t kChartCells = 24;

v1::SpendInterval ToInterval(const CreditInterval& interval) {
  v1::SpendInterval report;
  *report.mutable_low() = ToAmount(interval.low);
  *report.mutable_high() = ToAmount(interval.high);
  return report;
}

std::string DayText(std::optional<CivilDay> day) {
  return day.has_value() ? absl::FormatCivilTime(*day) : "";
}

// To four places.
double Share(double share) { return std::round(share * 1e4) / 1e4; }

const char* BasisText(Forecast::Basis basis) {
  switch (basis) {
    case Forecast::Basis::kNoHistory:
      return "no_history";
    case Forecast::Basis::kNoSpend:
      return "no_spend";
    case Forecast::Basis::kPlainRate:
      return "plain_rate";
    case Forecast::Basis::kModel:
      return "model";
  }
  return "";
}

const char* OutlookText(Outlook outlook) {
  switch (outlook) {
    case Outlook::kUnknown:
      return "unknown";
    case Outlook::kSafe:
      return "safe";
    case Outlook::kTight:
      return "tight";
    case Outlook::kRunsDry:
      return "runs_dry";
  }
  return "";
}

v1::Backtest ToReport(const Backtest& backtest) {
  v1::Backtest report;
  report.set_forecasts(backtest.origins);
  report.set_days_each(backtest.horizon_days);
  report.set_weighted_error(Share(backtest.error));
  report.set_seasonal_naive_weighted_error(Share(backtest.naive_error));
  report.set_bias(Share(backtest.bias));
  report.set_coverage(Share(backtest.coverage));
  return report;
}

v1::Forecast ToMessage(const Forecast& forecast, const ForecastOptions& asked) {
  v1::Forecast report;
  report.set_basis(BasisText(forecast.basis));
  report.set_history_days(forecast.history_days);
  report.set_capped_days(forecast.capped_days);
  *report.mutable_level() = ToAmount(forecast.level);
  *report.mutable_trend_per_week() = ToAmount(forecast.trend_per_week);
  for (double weekday : forecast.weekdays) report.add_weekdays(Share(weekday));
  for (const ForecastDay& day : forecast.days) {
    v1::ForecastDay& out = *report.add_days();
    out.set_date(DayText(day.day));
    *out.mutable_expected() = ToAmount(day.expected);
    if (day.interval.has_value()) {
      *out.mutable_interval() = ToInterval(*day.interval);
    }
  }
  *report.mutable_total() = ToAmount(forecast.total);
  if (forecast.total_interval.has_value()) {
    *report.mutable_total_interval() = ToInterval(*forecast.total_interval);
  }
  if (asked.available.has_value()) {
    *report.mutable_available() = ToAmount(*asked.available);
  }
  if (forecast.runway.has_value()) {
    v1::Runway& runway = *report.mutable_runway();
    runway.set_early(DayText(forecast.runway->early));
    runway.set_likely(DayText(forecast.runway->likely));
    runway.set_late(DayText(forecast.runway->late));
    runway.set_horizon(DayText(forecast.runway->horizon));
  }
  if (asked.next_allowance.has_value()) {
    report.set_next_allowance(DayText(asked.next_allowance));
    report.set_outlook(OutlookText(forecast.outlook));
  }
  if (forecast.dry_share.has_value()) {
    report.set_dry_share(Share(*forecast.dry_share));
  }
  if (forecast.basis == Forecast::Basis::kModel) {
    report.set_futures(asked.futures);
    report.set_seed(absl::StrCat(asked.seed));
  }
  for (const WildDay& wild : forecast.wild_days) {
    v1::WildDay& out = *report.add_wild_days();
    out.set_date(DayText(wild.day));
    *out.mutable_spent() = ToAmount(wild.spent);
    *out.mutable_expected() = ToAmount(wild.expected);
  }
  for (const std::string& note : forecast.notes) report.add_notes(note);
  return report;
}

// What must be said about the input beside what the forecast says.
void AddInputNotes(const SpendByDay& spend, const ForecastContext& context,
                   v1::Forecast& report) {
  const CivilDay first_day = context.first_day;
  const auto note = [&](auto&&... parts) {
    report.add_notes(absl::StrCat(parts...));
  };
  if (spend.top_ups() > 0) {
    note(spend.top_ups(),
         " top-ups or refunds were left out: they are not negative spending");
  }
  if (context.unplaced_refunds > 0) {
    note("refunds of more than their days had spent, which were left out: ",
         context.unplaced_refunds);
  }
  const int64_t old = spend.TooOldFor(first_day);
  if (old > 0 || spend.top_ups() > 0 || context.unplaced_refunds > 0) {
    v1::ForecastLeftOut& left_out = *report.mutable_left_out();
    left_out.set_too_old(old);
    left_out.set_top_ups(spend.top_ups());
    left_out.set_unplaced_refunds(context.unplaced_refunds);
  }
  if (old > 0) {
    note("entries before ", DayText(first_day - kForecastHistoryMax),
         " were left out, as too old for a forecast: ", old);
  }
  if (spend.SpentOn(first_day) > Credits()) {
    note(DayText(first_day), " is not over: it has spent ",
         spend.SpentOn(first_day).ToString(),
         " so far, which --available is taken to lack already");
  }
  const std::optional<CivilDay> last = spend.last_day();
  if (last.has_value() && *last > first_day) {
    note("entries after ", DayText(first_day), " were left out");
  }
  if (!context.first_day_was_chosen && first_day < context.today) {
    note(
        "the history ends before today: --as-of=DATE counts the days since "
        "then as days without spend");
  }
  if (context.unpriced_records > 0) {
    note("left out, for lack of a price when the job began: ",
         context.unpriced_records, " records");
  }
  if (context.other_records > 0) {
    note("records of other accounts: ", context.other_records);
  }
}

absl::Status AddHistory(absl::Span<const DailySpend> days,
                        v1::Forecast& report) {
  Credits total;
  for (const DailySpend& day : days) {
    const std::optional<Credits> sum = CheckedAdd(total, day.spent);
    if (!sum.has_value()) {
      return absl::OutOfRangeError(
          "the spend of all days leaves the range of credits");
    }
    total = *sum;
  }
  *report.mutable_history_total() = ToAmount(total);
  if (days.empty()) return absl::OkStatus();
  report.set_history_begin(DayText(days.front().day));
  report.set_history_end(DayText(days.back().day));
  return absl::OkStatus();
}

void AddBacktest(absl::Span<const DailySpend> days,
                 const ForecastOptions& asked, v1::Forecast& report) {
  const absl::StatusOr<Backtest> backtest = BacktestForecast(days, asked);
  if (backtest.ok()) {
    *report.mutable_backtest() = ToReport(*backtest);
  } else {
    report.add_notes(std::string(backtest.status().message()));
  }
}

// `amount` of `largest` as cells of a chart.
size_t Cells(int64_t amount, int64_t largest) {
  if (largest <= 0) return 0;
  return static_cast<size_t>(
      std::lround(static_cast<double>(amount) / static_cast<double>(largest) *
                  kChartCells));
}

// Seven days a row, the last ones of the history.
void PrintHistory(absl::Span<const DailySpend> days, std::ostream& out) {
  const std::vector<DailySpend> weeks = LastWeeks(days);
  if (weeks.empty()) return;
  int64_t largest = 0;
  for (const DailySpend& week : weeks) {
    largest = std::max(largest, week.spent.ticks());
  }
  ReportTable table({{"7 days from"}, {"spent", ColumnAlign::kRight}, {""}});
  for (const DailySpend& week : weeks) {
    table.AddRow({DayText(week.day), week.spent.ToString(),
                  std::string(Cells(week.spent.ticks(), largest), '#')});
  }
  table.PrintText(out);
  out << "\n";
}

// "=====----o----": certain as far as 90% goes, then the interval around what
// is expected.
std::string DayChart(const v1::ForecastDay& day, int64_t largest) {
  const size_t expected = Cells(day.expected().ticks(), largest);
  if (!day.has_interval()) return std::string(expected, '=');
  const size_t low = Cells(day.interval().low().ticks(), largest);
  std::string chart(Cells(day.interval().high().ticks(), largest), '-');
  chart.replace(0, low, low, '=');
  if (expected > chart.size()) chart.resize(expected, ' ');
  if (expected > 0) chart[expected - 1] = 'o';
  return chart;
}

void PrintDays(const v1::Forecast& report, CivilDay first_day,
               std::ostream& out) {
  int64_t largest = 0;
  for (const v1::ForecastDay& day : report.days()) {
    largest = std::max(
        {largest, day.expected().ticks(), day.interval().high().ticks()});
  }
  ReportTable table({{"day"},
                     {"expected", ColumnAlign::kRight},
                     {"80% interval", ColumnAlign::kRight},
                     {"= low, o mean, - high"}});
  for (int i = 0; i < report.days_size(); ++i) {
    const v1::ForecastDay& day = report.days(i);
    table.AddRow({DayAndWeekday(first_day + i), day.expected().credits(),
                  day.has_interval() ? IntervalText(day.interval()) : "",
                  DayChart(day, largest)});
  }
  table.AddTotal(
      {"total", report.total().credits(),
       report.has_total_interval() ? IntervalText(report.total_interval()) : "",
       ""});
  table.PrintText(out);
  out << "\n";
}

void PrintFacts(const v1::Forecast& report, std::ostream& out) {
  const auto fact = [&](auto&&... parts) {
    out << absl::StrCat(parts...) << "\n";
  };
  if (report.history_days() > 0) {
    fact("history: ", report.history_begin(), " .. ", report.history_end(),
         ", ", report.history_days(), " days, ",
         report.history_total().credits(), " credits");
    const bool rises = report.trend_per_week().ticks() >= 0;
    fact("level: ", report.level().credits(),
         " a day, trend: ", rises ? "+" : "", report.trend_per_week().credits(),
         " a week");
  }
  if (report.history_days() == 0) fact("history: none");
  if (report.basis() == "model") fact("pattern: ", PatternText(report));
  if (report.has_available()) {
    fact("available: ", report.available().credits());
    fact("runs out: ", RunwayText(report));
  }
  if (!report.next_allowance().empty()) {
    fact("before the next allowance, ", report.next_allowance(), ": ",
         OutlookFact(report));
  }
  if (report.has_backtest())
    fact("backtest: ", BacktestText(report.backtest()));
  for (const std::string& note : report.notes()) fact("note: ", note);
}

}  // namespace

absl::StatusOr<v1::Forecast> ToForecastReport(const Forecast& forecast,
                                              const ForecastOptions& asked,
                                              const SpendByDay& spend,
                                              absl::Span<const DailySpend> days,
                                              const ForecastContext& context) {
  v1::Forecast report = ToMessage(forecast, asked);
  report.set_catalog_version(context.catalog_version);
  const absl::Status added = AddHistory(days, report);
  if (!added.ok()) return added;
  AddInputNotes(spend, context, report);
  if (context.backtest) AddBacktest(days, asked, report);
  return report;
}

void PrintForecast(const v1::Forecast& report,
                   absl::Span<const DailySpend> days, CivilDay first_day,
                   std::ostream& out) {
  if (!days.empty()) PrintHistory(days, out);
  if (report.days_size() > 0) PrintDays(report, first_day, out);
  PrintFacts(report, out);
}

}  // namespace konpro
