// Daily spend to a forecast: what the next days will cost, when the credits run
// out, and whether that is before the next allowance. It reads no files and no
// clock; what a job costs is estimator.h, and the model of daily spend is
// internal/spend_model.h.
//
//   SpendByDay spend;
//   spend.Add({.day = absl::CivilDay(2027, 1, 4), .amount = ...})   // each one
//   absl::StatusOr<Forecast> forecast = MakeForecast(
//       spend.BuildDailySpend(absl::CivilDay(2027, 3, 15)),
//       {.horizon_days = 14, .available = *Credits::Parse("12000")});
//   forecast->days[0].expected                 // Credits of March 15th
//   forecast->runway->likely                   // the day that takes the last
//
// Forecasts are statistics and use floating point within; amounts that leave
// here are rounded to a thousandth of the level or finer, and expected days sum
// to the expected total. Intervals hold 80% of possible futures: days, totals
// and dates are each read off the same simulated futures, never added up from
// one another. The same history and seed give the same bytes.
//
// Thread safety: SpendByDay is thread-compatible; functions are pure.
//
// Invariants: (1) a top-up is never negative spend. (2) A day at its limit is a
// floor of demand, not demand. (3) Without spend to go by, the outlook is
// kUnknown, never kSafe. (4) low <= high; early <= likely <= late. (5) A wild
// day moves no other day, and is named.
//
// Limits: kForecastDaysMax days ahead; the last kForecastHistoryMax days of a
// history count.
#ifndef KONPRO_ESTIMATE_FORECAST_H_
#define KONPRO_ESTIMATE_FORECAST_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/types/span.h"
#include "konpro/base/credits.h"

namespace konpro {

inline constexpr int kForecastDaysMax = 366;

// Days of history with less than which there is only a plain rate.
inline constexpr int kForecastHistoryMin = 14;

inline constexpr int kForecastHistoryMax = 1096;

struct DailySpend {
  absl::CivilDay day;
  Credits spent;
  // Whether a limit was reached: more was wanted than spent.
  bool capped = false;
};

struct SpendEntry {
  absl::CivilDay day;
  // Spend above zero. Below zero: a top-up or a refund.
  Credits amount;
  bool capped = false;
};

// Adds up entries in any order; memory grows with days.
class SpendByDay {
 public:
  // kOutOfRange: the day's sum leaves the range of Credits; nothing was added.
  absl::Status Add(const SpendEntry& entry);

  // Takes `amount`, zero or more, off what was spent on `day`, so far as that
  // goes. Returns the rest, which `day` did not spend.
  Credits Refund(absl::CivilDay day, Credits amount);

  // Every day from the first one with an entry to the last one before `end`,
  // those without entries too; of more than kForecastHistoryMax days, the last
  // ones. Top-ups begin no history.
  std::vector<DailySpend> BuildDailySpend(absl::CivilDay end) const;

  // Entries of days that are too old for BuildDailySpend(end).
  int64_t TooOldFor(absl::CivilDay end) const;

  // What was spent on `day`.
  Credits SpentOn(absl::CivilDay day) const;

  // The last day with an entry that is not a top-up.
  std::optional<absl::CivilDay> last_day() const;

  // Entries below zero, which are left out.
  int64_t top_ups() const { return top_ups_; }

 private:
  struct Day {
    DailySpend spend;
    int64_t entries = 0;
  };

  std::map<absl::CivilDay, Day> days_;
  int64_t top_ups_ = 0;
};

struct ForecastOptions {
  // 1 .. kForecastDaysMax.
  int horizon_days = 14;
  // Zero or more. Without it there is no runway.
  std::optional<Credits> available;
  // The first day on which new credits are there.
  std::optional<absl::CivilDay> next_allowance;
  // Zero or more: what the first day of the forecast has spent so far, which
  // `available` lacks already.
  Credits spent_on_first_day;
  uint64_t seed = 1;
  // Simulated futures, 100 .. 100,000.
  int futures = 4000;
};

struct CreditInterval {
  Credits low;
  Credits high;
};

struct ForecastDay {
  absl::CivilDay day;
  // The mean of possible futures.
  Credits expected;
  // Absent if the history is too short.
  std::optional<CreditInterval> interval;
};

// The day on which the last credit goes: in one of ten futures it is before
// `early`, in half of them before `likely`, in one of ten after `late`. Absent
// if that is not before `horizon`.
struct Runway {
  std::optional<absl::CivilDay> early;
  std::optional<absl::CivilDay> likely;
  std::optional<absl::CivilDay> late;
  absl::CivilDay horizon;
};

// A day unlike the days around it: a job that ran away, an outage. At most
// three in eight weeks are; what is more frequent is part of demand.
struct WildDay {
  absl::CivilDay day;
  Credits spent;
  // What the other days let expect, and what the forecast goes by.
  Credits expected;
};

// Before the next allowance: kRunsDry if the likely day is, kTight if only the
// early one is. At a plain rate: kTight if twice the rate runs dry.
enum class Outlook { kUnknown, kSafe, kTight, kRunsDry };

struct Forecast {
  enum class Basis {
    kNoHistory,  // not a day: there is no forecast
    kNoSpend,    // days of zero: a forecast of zero that promises nothing
    kPlainRate,  // under kForecastHistoryMin days: the average, no interval
    kModel,      // level, weekly pattern and trend, with intervals
  };
  Basis basis = Basis::kNoHistory;
  int history_days = 0;
  int capped_days = 0;
  // In order; each has a note.
  std::vector<WildDay> wild_days;
  // Of an average day, now; and what a week changes about that. Signed.
  Credits level;
  Credits trend_per_week;
  // What each weekday is of an average day, Monday first.
  std::array<double, 7> weekdays = {1, 1, 1, 1, 1, 1, 1};
  std::vector<ForecastDay> days;
  Credits total;
  std::optional<CreditInterval> total_interval;
  std::optional<Runway> runway;
  Outlook outlook = Outlook::kUnknown;
  // The share of futures that run dry before the next allowance, with kModel.
  std::optional<double> dry_share;
  // What must be said beside the figures.
  std::vector<std::string> notes;
};

// The forecast begins on the day after the last one of `history`.
// kInvalidArgument: days that do not follow each other, spend below zero, or an
// option outside its range. kOutOfRange: an amount leaves the range of Credits.
absl::StatusOr<Forecast> MakeForecast(absl::Span<const DailySpend> history,
                                      const ForecastOptions& options);

// How the forecast did on days that it could not see: from a growing part of
// the history, a week apart, the next days, against the seasonal-naive forecast
// (each day as a week before).
struct Backtest {
  int origins = 0;
  int horizon_days = 0;
  // Days that were forecast; those at their limit are left out.
  int64_t days = 0;
  // Sum of absolute errors over sum of spend.
  double error = 0;
  double naive_error = 0;
  // Sum of errors over sum of spend; above zero if the forecast was too
  // high.
  double bias = 0;
  // The share of days within the 80% interval.
  double coverage = 0;
};

inline constexpr int kBacktestHistoryMin = 28;
inline constexpr int kBacktestHorizonMax = 28;

// Takes horizon_days (at most kBacktestHorizonMax are used), seed and futures.
// kFailedPrecondition: not kBacktestHistoryMin days and a horizon, or no spend
// to measure by. Other errors as of MakeForecast().
absl::StatusOr<Backtest> BacktestForecast(absl::Span<const DailySpend> history,
                                          const ForecastOptions& options);

}  // namespace konpro

#endif  // KONPRO_ESTIMATE_FORECAST_H_
