// Credits and dates around the model of internal/spend_model.h. Intervals are
// order statistics of simulated futures: with N futures, the bounds are the
// values at positions N / 10 from either end.
#include "konpro/estimate/forecast.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "konpro/estimate/internal/spend_model.h"

namespace konpro {
namespace {

using ::konpro::internal::SpendDay;
using ::konpro::internal::SpendModel;

static_assert(kForecastHistoryMin == SpendModel::kPatternDaysMin);
static_assert(kForecastHistoryMax == SpendModel::kDaysMax);

// Of every ten futures, one lies below an interval and one above.
constexpr int kTail = 10;

double ToDouble(Credits credits) {
  return static_cast<double>(credits.ticks()) / Credits::kTicksPerCredit;
}

absl::Status TooMuch() {
  return absl::OutOfRangeError("a forecast amount leaves the range of credits");
}

// Rounds amounts of a forecast whose level is `level`: to the largest power of
// ten that is at most a thousandth of it, from a millionth to a million
// credits.
class Rounding {
 public:
  explicit Rounding(double level) {
    int64_t millionths = 1'000'000'000'000;
    while (millionths > 1 && static_cast<double>(millionths) > level * 1'000) {
      millionths /= 10;
    }
    unit_ticks_ = Credits::kTicksPerCredit / 1'000'000 * millionths;
  }

  absl::StatusOr<Credits> Round(double credits) const {
    const double units =
        std::round(credits * Credits::kTicksPerCredit / unit_ticks_);
    if (!(std::abs(units) * unit_ticks_ < 9.2e18)) return TooMuch();
    return Credits::FromTicks(static_cast<int64_t>(units) * unit_ticks_);
  }

 private:
  int64_t unit_ticks_;
};

// The value below which a tenth, a half or nine tenths of `values` lie.
struct Spread {
  double low = 0;
  double middle = 0;
  double high = 0;
};

Spread SpreadOf(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return {values[n / kTail], values[n / 2], values[n - 1 - n / kTail]};
}

absl::StatusOr<CreditInterval> ToInterval(const Spread& spread,
                                          const Rounding& rounding) {
  const absl::StatusOr<Credits> low = rounding.Round(spread.low);
  const absl::StatusOr<Credits> high = rounding.Round(spread.high);
  if (!low.ok()) return low.status();
  if (!high.ok()) return high.status();
  return CreditInterval{*low, *high};
}

// Index of the day that takes the last of what is available, or of a day beyond
// the horizon if none does.
double LastDayOf(absl::Span<const double> spend, double available) {
  // Ten days at a tenth end on the tenth, whatever the sum's last bits are.
  const double enough = available * (1 - 1e-9);
  double sum = 0;
  for (size_t i = 0; i < spend.size(); ++i) {
    sum += spend[i];
    if (sum >= enough) return static_cast<double>(i);
  }
  return kForecastDaysMax;
}

// Futures, seen by day, in total, and by the day on which credits run out.
struct Futures {
  std::vector<std::vector<double>> days;
  std::vector<double> totals;
  std::vector<double> last_days;
};

Futures Simulate(const SpendModel& model, const ForecastOptions& options) {
  std::mt19937_64 random(options.seed);
  Futures futures;
  futures.days.resize(options.horizon_days);
  const double spent = ToDouble(options.spent_on_first_day);
  std::vector<double> path(
      options.available.has_value() ? kForecastDaysMax : options.horizon_days);
  for (int i = 0; i < options.futures; ++i) {
    model.Simulate(random, absl::MakeSpan(path));
    path[0] = std::max(path[0], spent);
    double total = 0;
    for (int day = 0; day < options.horizon_days; ++day) {
      futures.days[day].push_back(path[day]);
      total += path[day];
    }
    futures.totals.push_back(total);
    if (!options.available.has_value()) continue;
    path[0] -= spent;
    futures.last_days.push_back(LastDayOf(path, ToDouble(*options.available)));
  }
  return futures;
}

absl::Status CheckArguments(absl::Span<const DailySpend> history,
                            const ForecastOptions& options) {
  const auto outside = [](absl::string_view what, int64_t value, int64_t min,
                          int64_t max) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": ", value, " is outside ", min, " .. ", max));
  };
  if (options.horizon_days < 1 || options.horizon_days > kForecastDaysMax) {
    return outside("horizon_days", options.horizon_days, 1, kForecastDaysMax);
  }
  if (options.futures < 100 || options.futures > 100'000) {
    return outside("futures", options.futures, 100, 100'000);
  }
  if (options.available.value_or(Credits()) < Credits() ||
      options.spent_on_first_day < Credits()) {
    return absl::InvalidArgumentError(
        "available and spent_on_first_day are zero or more");
  }
  for (size_t i = 0; i < history.size(); ++i) {
    if (history[i].spent < Credits()) {
      return absl::InvalidArgumentError(
          absl::StrCat("spend of ", absl::FormatCivilTime(history[i].day),
                       " is below zero"));
    }
    if (i > 0 && history[i].day != history[i - 1].day + 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("after ", absl::FormatCivilTime(history[i - 1].day),
                       " comes ", absl::FormatCivilTime(history[i].day)));
    }
  }
  if (history.empty() || !options.next_allowance.has_value()) {
    return absl::OkStatus();
  }
  const int64_t days = *options.next_allowance - history.back().day - 1;
  if (days < 0 || days > kForecastDaysMax) {
    return outside("days until next_allowance", days, 0, kForecastDaysMax);
  }
  return absl::OkStatus();
}

// "1 day", "2 days".
std::string DaysText(int64_t days) {
  return absl::StrCat(days, days == 1 ? " day" : " days");
}

class Forecaster {
 public:
  Forecaster(absl::Span<const DailySpend> history,
             const ForecastOptions& options)
      : options_(options),
        history_(history),
        first_day_(history.back().day + 1) {
    for (const DailySpend& day : history) {
      days_.push_back({.spent = ToDouble(day.spent), .capped = day.capped});
      forecast_.capped_days += day.capped;
    }
    forecast_.history_days = static_cast<int>(history.size());
  }

  absl::StatusOr<Forecast> Make();

 private:
  void NoteHistory();
  absl::Status SetWildDays(const SpendModel& model, const Rounding& rounding);
  absl::Status SetPattern(const SpendModel& model, const Rounding& rounding);
  absl::Status SetExpected(const SpendModel& model, const Rounding& rounding);
  absl::Status SetIntervals(Futures& futures, const Rounding& rounding);
  void SetRunway(std::vector<double>& last_days);
  void SetPlainRunway(const SpendModel& model);

  std::optional<absl::CivilDay> DayAt(double index) const {
    if (index >= kForecastDaysMax) return std::nullopt;
    return first_day_ + static_cast<int>(index);
  }
  bool DryAt(double index) const {
    return index < static_cast<double>(*options_.next_allowance - first_day_);
  }
  // `index` is that of SpreadOf().
  Outlook OutlookOf(double early, double likely) const {
    if (DryAt(likely)) return Outlook::kRunsDry;
    return DryAt(early) ? Outlook::kTight : Outlook::kSafe;
  }

  const ForecastOptions& options_;
  absl::Span<const DailySpend> history_;
  absl::CivilDay first_day_;
  std::vector<SpendDay> days_;
  Forecast forecast_;
};

void Forecaster::NoteHistory() {
  std::vector<std::string>& notes = forecast_.notes;
  const std::string days = DaysText(forecast_.history_days);
  if (forecast_.basis == Forecast::Basis::kNoSpend) {
    notes.push_back(absl::StrCat("no spend in ", days,
                                 " of history: nothing says when it begins"));
  }
  if (forecast_.basis == Forecast::Basis::kPlainRate) {
    notes.push_back(absl::StrCat(
        days,
        " of history, under two weeks: a plain rate, without weekly "
        "pattern, trend or interval"));
  }
  if (forecast_.capped_days > 0) {
    notes.push_back(absl::StrCat(
        forecast_.capped_days, " of ", days,
        " at a limit: their spend is a floor, the forecast is of demand"));
  }
  if (2 * forecast_.capped_days > forecast_.history_days) {
    notes.push_back(
        "most days were at a limit: demand may be far above the forecast");
  }
}

absl::Status Forecaster::SetWildDays(const SpendModel& model,
                                     const Rounding& rounding) {
  for (const internal::WildSpendDay& wild : model.wild_days()) {
    const DailySpend& day = history_[wild.day];
    const absl::StatusOr<Credits> expected = rounding.Round(wild.usual);
    if (!expected.ok()) return expected.status();
    forecast_.wild_days.push_back({day.day, day.spent, *expected});
    forecast_.notes.push_back(absl::StrCat(
        absl::FormatCivilTime(day.day), " is left out as a wild day: spent ",
        day.spent.ToString(), ", expected ", expected->ToString()));
  }
  return absl::OkStatus();
}

absl::Status Forecaster::SetPattern(const SpendModel& model,
                                    const Rounding& rounding) {
  const absl::StatusOr<Credits> level = rounding.Round(model.level());
  const absl::StatusOr<Credits> trend = rounding.Round(7 * model.slope());
  if (!level.ok()) return level.status();
  if (!trend.ok()) return trend.status();
  forecast_.level = *level;
  forecast_.trend_per_week = *trend;
  for (int i = 0; i < 7; ++i) {
    const absl::Weekday weekday = absl::GetWeekday(first_day_ + i);
    forecast_.weekdays[static_cast<int>(weekday)] = model.pattern()[i];
  }
  return absl::OkStatus();
}

absl::Status Forecaster::SetExpected(const SpendModel& model,
                                     const Rounding& rounding) {
  std::vector<double> expected = model.Expected(options_.horizon_days);
  expected[0] = std::max(expected[0], ToDouble(options_.spent_on_first_day));
  for (size_t i = 0; i < expected.size(); ++i) {
    const absl::StatusOr<Credits> credits = rounding.Round(expected[i]);
    if (!credits.ok()) return credits.status();
    const std::optional<Credits> total = CheckedAdd(forecast_.total, *credits);
    if (!total.has_value()) return TooMuch();
    forecast_.total = *total;
    forecast_.days.push_back(
        {.day = first_day_ + static_cast<int>(i), .expected = *credits});
  }
  return absl::OkStatus();
}

absl::Status Forecaster::SetIntervals(Futures& futures,
                                      const Rounding& rounding) {
  for (size_t i = 0; i < forecast_.days.size(); ++i) {
    const absl::StatusOr<CreditInterval> interval =
        ToInterval(SpreadOf(futures.days[i]), rounding);
    if (!interval.ok()) return interval.status();
    forecast_.days[i].interval = *interval;
  }
  const absl::StatusOr<CreditInterval> total =
      ToInterval(SpreadOf(futures.totals), rounding);
  if (!total.ok()) return total.status();
  forecast_.total_interval = *total;
  return absl::OkStatus();
}

void Forecaster::SetRunway(std::vector<double>& last_days) {
  const Spread spread = SpreadOf(last_days);
  forecast_.runway = Runway{.early = DayAt(spread.low),
                            .likely = DayAt(spread.middle),
                            .late = DayAt(spread.high),
                            .horizon = first_day_ + kForecastDaysMax};
  if (!options_.next_allowance.has_value()) return;
  forecast_.outlook = OutlookOf(spread.low, spread.middle);
  const auto dry = std::count_if(last_days.begin(), last_days.end(),
                                 [&](double index) { return DryAt(index); });
  forecast_.dry_share =
      static_cast<double>(dry) / static_cast<double>(last_days.size());
}

void Forecaster::SetPlainRunway(const SpendModel& model) {
  const auto last_day = [&](double times) {
    std::vector<double> rate = model.Expected(kForecastDaysMax);
    const double spent = ToDouble(options_.spent_on_first_day);
    for (double& day : rate) day *= times;
    rate[0] = std::max(rate[0] - spent, 0.0);
    return LastDayOf(rate, ToDouble(*options_.available));
  };
  forecast_.runway = Runway{.likely = DayAt(last_day(1)),
                            .horizon = first_day_ + kForecastDaysMax};
  if (!options_.next_allowance.has_value()) return;
  forecast_.outlook = OutlookOf(/*early=*/last_day(2), /*likely=*/last_day(1));
}

absl::StatusOr<Forecast> Forecaster::Make() {
  const SpendModel model = SpendModel::Fit(days_);
  const bool none =
      std::all_of(days_.begin(), days_.end(),
                  [](const SpendDay& day) { return day.spent == 0; });
  forecast_.basis = none ? Forecast::Basis::kNoSpend
                    : days_.size() < kForecastHistoryMin
                        ? Forecast::Basis::kPlainRate
                        : Forecast::Basis::kModel;
  NoteHistory();
  const Rounding rounding(model.level());
  absl::Status status = SetWildDays(model, rounding);
  if (status.ok()) status = SetPattern(model, rounding);
  if (status.ok()) status = SetExpected(model, rounding);
  if (!status.ok()) return status;
  if (forecast_.basis == Forecast::Basis::kModel) {
    Futures futures = Simulate(model, options_);
    status = SetIntervals(futures, rounding);
    if (!status.ok()) return status;
    if (options_.available.has_value()) SetRunway(futures.last_days);
  } else if (forecast_.basis == Forecast::Basis::kPlainRate &&
             options_.available.has_value()) {
    SetPlainRunway(model);
  }
  return std::move(forecast_);
}

}  // namespace

absl::Status SpendByDay::Add(const SpendEntry& entry) {
  if (entry.amount < Credits()) {
    ++top_ups_;
    return absl::OkStatus();
  }
  Day& day = days_[entry.day];
  const std::optional<Credits> sum = CheckedAdd(day.spend.spent, entry.amount);
  if (!sum.has_value()) {
    return absl::OutOfRangeError(absl::StrCat("the spend of ",
                                              absl::FormatCivilTime(entry.day),
                                              " leaves the range of credits"));
  }
  day.spend = {entry.day, *sum, day.spend.capped || entry.capped};
  ++day.entries;
  return absl::OkStatus();
}

Credits SpendByDay::Refund(absl::CivilDay day, Credits amount) {
  const auto found = days_.find(day);
  if (found == days_.end()) return amount;
  Credits& spent = found->second.spend.spent;
  const int64_t taken = std::min(spent.ticks(), amount.ticks());
  spent = Credits::FromTicks(spent.ticks() - taken);
  return Credits::FromTicks(amount.ticks() - taken);
}

std::vector<DailySpend> SpendByDay::BuildDailySpend(absl::CivilDay end) const {
  std::vector<DailySpend> history;
  if (days_.empty() || days_.begin()->first >= end) return history;
  const absl::CivilDay begin =
      std::max(days_.begin()->first, end - kForecastHistoryMax);
  auto next = days_.lower_bound(begin);
  for (absl::CivilDay day = begin; day < end; ++day) {
    const bool has_entry = next != days_.end() && next->first == day;
    history.push_back(has_entry ? (next++)->second.spend
                                : DailySpend{.day = day});
  }
  return history;
}

int64_t SpendByDay::TooOldFor(absl::CivilDay end) const {
  int64_t entries = 0;
  const absl::CivilDay begin = end - kForecastHistoryMax;
  for (const auto& [day, spent] : days_) {
    if (day >= begin) break;
    entries += spent.entries;
  }
  return entries;
}

Credits SpendByDay::SpentOn(absl::CivilDay day) const {
  const auto found = days_.find(day);
  return found == days_.end() ? Credits() : found->second.spend.spent;
}

std::optional<absl::CivilDay> SpendByDay::last_day() const {
  if (days_.empty()) return std::nullopt;
  return days_.rbegin()->first;
}

absl::StatusOr<Forecast> MakeForecast(absl::Span<const DailySpend> history,
                                      const ForecastOptions& options) {
  const absl::Status status = CheckArguments(history, options);
  if (!status.ok()) return status;
  if (history.empty()) {
    return Forecast{};
  }
  return Forecaster(history, options).Make();
}

absl::StatusOr<Backtest> BacktestForecast(absl::Span<const DailySpend> history,
                                          const ForecastOptions& options) {
  ForecastOptions blind = {
      .horizon_days = std::min(options.horizon_days, kBacktestHorizonMax),
      .seed = options.seed,
      .futures = options.futures};
  const absl::Status status = CheckArguments(history, blind);
  if (!status.ok()) return status;
  Backtest backtest{.horizon_days = blind.horizon_days};
  double spent = 0, error = 0, absolute = 0, naive = 0;
  int64_t inside = 0;
  for (int64_t origin =
           static_cast<int64_t>(history.size()) - blind.horizon_days;
       origin >= kBacktestHistoryMin; origin -= 7) {
    const absl::StatusOr<Forecast> forecast =
        MakeForecast(history.subspan(0, origin), blind);
    if (!forecast.ok()) return forecast.status();
    ++backtest.origins;
    for (int i = 0; i < blind.horizon_days; ++i) {
      const DailySpend& actual = history[origin + i];
      if (actual.capped) continue;
      const ForecastDay& day = forecast->days[i];
      const double amount = ToDouble(actual.spent);
      ++backtest.days;
      spent += amount;
      error += ToDouble(day.expected) - amount;
      absolute += std::abs(ToDouble(day.expected) - amount);
      naive += std::abs(ToDouble(history[origin - 7 + i % 7].spent) - amount);
      // Days of zero are forecast as zero and have no interval.
      const CreditInterval interval =
          day.interval.value_or(CreditInterval{day.expected, day.expected});
      inside += interval.low <= actual.spent && actual.spent <= interval.high;
    }
  }
  if (backtest.origins == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("a backtest of ", DaysText(blind.horizon_days), " needs ",
                     DaysText(kBacktestHistoryMin + blind.horizon_days),
                     " of history, not ", history.size()));
  }
  if (spent == 0) {
    return absl::FailedPreconditionError(
        "no spend on the days that a backtest would forecast");
  }
  backtest.error = absolute / spent;
  backtest.naive_error = naive / spent;
  backtest.bias = error / spent;
  backtest.coverage =
      static_cast<double>(inside) / static_cast<double>(backtest.days);
  return backtest;
}

}  // namespace konpro
