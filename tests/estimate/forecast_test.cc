#include "konpro/estimate/forecast.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/spend_series.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::absl::CivilDay;
using ::absl::StatusCode;
using ::konpro::testing::IsOk;
using ::konpro::testing::SpendKind;
using ::konpro::testing::SpendSeries;
using ::konpro::testing::SpendSeriesMaker;
using ::konpro::testing::StatusIs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const CivilDay kMonday(2027, 1, 4);

Credits C(const char* text) { return Credits::Parse(text).value(); }

double ToDouble(Credits credits) {
  return static_cast<double>(credits.ticks()) / Credits::kTicksPerCredit;
}

// Days from kMonday on, in whole credits.
std::vector<DailySpend> Days(const std::vector<int>& credits) {
  std::vector<DailySpend> days;
  for (int spent : credits) {
    days.push_back({.day = kMonday + static_cast<int>(days.size()),
                    .spent = C(absl::StrCat(spent).c_str())});
  }
  return days;
}

std::vector<DailySpend> Constant(int days, int credits) {
  return Days(std::vector<int>(days, credits));
}

Forecast Make(const std::vector<DailySpend>& history,
              const ForecastOptions& options) {
  const absl::StatusOr<Forecast> forecast = MakeForecast(history, options);
  EXPECT_THAT(forecast.status(), IsOk());
  return forecast.ok() ? *forecast : Forecast{};
}

// How forecasts of many series of one kind did.
struct Score {
  double error = 0;
  double naive_error = 0;
  double days = 0;
  double inside = 0;
};

Score ScoreOf(SpendKind kind) {
  constexpr int kSeries = 120, kHorizon = 14, kSeed = 1;
  SpendSeriesMaker maker(kSeed);
  Score score;
  for (int weeks : {6, 8, 13, 26, 52}) {
    for (int i = 0; i < kSeries; ++i) {
      const int known = 7 * weeks;
      const SpendSeries series = maker.Make(kind, known + kHorizon);
      const Forecast forecast =
          Make({series.days.begin(), series.days.begin() + known},
               {.horizon_days = kHorizon, .futures = 500});
      double level = 0;
      for (double demand : series.demand) level += demand;
      for (int h = 0; h < kHorizon; ++h) {
        const double actual = series.demand[known + h];
        const ForecastDay& day = forecast.days[h];
        // Large accounts weigh no more than small ones.
        score.error += std::abs(ToDouble(day.expected) - actual) / level;
        score.naive_error +=
            std::abs(ToDouble(series.days[known - 7 + h % 7].spent) - actual) /
            level;
        score.inside += ToDouble(day.interval->low) <= actual &&
                        actual <= ToDouble(day.interval->high);
        ++score.days;
      }
    }
  }
  return score;
}

TEST(Forecast, BeatsTheSeasonalNaiveOneAndItsIntervalsHold) {
  const struct {
    const char* name;
    SpendKind kind;
    double error_max;  // as a multiple of the seasonal-naive forecast's
  } kRows[] = {
      {"flat", SpendKind::kFlat, 0.80},
      {"weekly", SpendKind::kWeekly, 0.80},
      {"trend", SpendKind::kTrend, 0.80},
      {"bursty", SpendKind::kBursty, 0.95},
      {"capped", SpendKind::kCapped, 0.90},
  };
  for (const auto& row : kRows) {
    const Score score = ScoreOf(row.kind);
    const double coverage = score.inside / score.days;
    std::cout << row.name << ": error " << score.error / score.naive_error
              << " of seasonal-naive, coverage " << coverage << "\n";
    EXPECT_LE(score.error, row.error_max * score.naive_error) << row.name;
    EXPECT_GE(coverage, 0.75) << row.name;
    EXPECT_LE(coverage, 0.85) << row.name;
  }
}

TEST(Forecast, RunwayHoldsTheDayThatTakesTheLastCredit) {
  SpendSeriesMaker maker(4);
  int early = 0, late = 0;
  constexpr int kSeries = 300, kKnown = 91, kAhead = 120;
  for (int i = 0; i < kSeries; ++i) {
    const SpendSeries series = maker.Make(SpendKind::kWeekly, kKnown + kAhead);
    const std::vector<DailySpend> history(series.days.begin(),
                                          series.days.begin() + kKnown);
    double available = 0;
    for (double demand : series.demand) available += demand / 6;
    const Forecast forecast =
        Make(history, {.horizon_days = 1,
                       .available = Credits::FromTicks(static_cast<int64_t>(
                           available * Credits::kTicksPerCredit)),
                       .futures = 500});
    int day = kKnown;
    for (; available > series.demand[day]; ++day) {
      available -= series.demand[day];
    }
    const CivilDay last = series.days[day].day;
    early += last < *forecast.runway->early;
    late += last > *forecast.runway->late;
  }
  std::cout << early << " of " << kSeries << " too early, " << late
            << " too late\n";
  EXPECT_LE(early, kSeries * 15 / 100);
  EXPECT_LE(late, kSeries * 15 / 100);
  EXPECT_GE(early + late, kSeries * 5 / 100);
}

TEST(Forecast, KnowsAPatternWithoutNoise) {
  const std::vector<int> kWeek = {120, 130, 120, 120, 110, 0, 30};
  std::vector<int> spent;
  for (int i = 0; i < 70; ++i) spent.push_back(kWeek[i % 7]);
  const Forecast forecast = Make(Days(spent), {.horizon_days = 14});
  for (int i = 0; i < 14; ++i) {
    EXPECT_NEAR(ToDouble(forecast.days[i].expected), kWeek[i % 7], 0.2) << i;
  }
  EXPECT_NEAR(forecast.weekdays[0], 120 / 90.0, 0.01);
  EXPECT_NEAR(forecast.weekdays[5], 0, 0.001);
  EXPECT_EQ(forecast.days[0].day, kMonday + 70);
  EXPECT_EQ(forecast.days[5].expected, Credits());
  EXPECT_EQ(forecast.trend_per_week, Credits());
}

TEST(Forecast, FollowsATrendAndDampsIt) {
  std::vector<int> spent;
  for (int i = 0; i < 84; ++i) spent.push_back(100 + 2 * i);
  const Forecast forecast = Make(Days(spent), {.horizon_days = 28});
  EXPECT_NEAR(ToDouble(forecast.trend_per_week), 14, 1);
  EXPECT_NEAR(ToDouble(forecast.days[0].expected), 268, 3);
  EXPECT_GT(ToDouble(forecast.days[27].expected), 298);
  EXPECT_LT(ToDouble(forecast.days[27].expected), 322);
  // Futures go where the expectation does.
  for (const ForecastDay& day : forecast.days) {
    EXPECT_NEAR(ToDouble(day.interval->low) + ToDouble(day.interval->high),
                2 * ToDouble(day.expected), 6)
        << day.day;
  }
}

TEST(Forecast, SeesNoPatternInNoise) {
  SpendSeriesMaker maker(5);
  const SpendSeries series = maker.Make(SpendKind::kFlat, 182);
  const Forecast forecast = Make(series.days, {});
  for (double weekday : forecast.weekdays) EXPECT_NEAR(weekday, 1, 0.06);
}

TEST(Forecast, DaysSumToTheTotal) {
  SpendSeriesMaker maker(6);
  for (int i = 0; i < 50; ++i) {
    const SpendSeries series = maker.Make(SpendKind::kBursty, 20 + i);
    const Forecast forecast = Make(series.days, {.horizon_days = 1 + 3 * i});
    Credits sum;
    for (const ForecastDay& day : forecast.days) {
      sum = CheckedAdd(sum, day.expected).value();
    }
    EXPECT_EQ(sum, forecast.total);
  }
}

TEST(Forecast, IsTheSameForTheSameSeed) {
  SpendSeriesMaker maker(7);
  const SpendSeries series = maker.Make(SpendKind::kWeekly, 91);
  const auto bounds = [&](uint64_t seed) {
    const Forecast forecast = Make(series.days, {.seed = seed});
    std::vector<Credits> bounds;
    for (const ForecastDay& day : forecast.days) {
      bounds.push_back(day.interval->low);
      bounds.push_back(day.interval->high);
    }
    return bounds;
  };
  EXPECT_EQ(bounds(1), bounds(1));
  EXPECT_NE(bounds(1), bounds(2));
}

TEST(Forecast, UnderTwoWeeksIsAPlainRate) {
  const Forecast forecast =
      Make(Days({8, 12, 10, 0, 20}), {.horizon_days = 3,
                                      .available = C("100"),
                                      .next_allowance = CivilDay(2027, 1, 20)});
  EXPECT_EQ(forecast.basis, Forecast::Basis::kPlainRate);
  for (const ForecastDay& day : forecast.days) {
    EXPECT_EQ(day.expected, C("10"));
    EXPECT_FALSE(day.interval.has_value());
  }
  EXPECT_EQ(forecast.total, C("30"));
  // The tenth day takes the last of 100 credits.
  EXPECT_EQ(forecast.runway->likely, CivilDay(2027, 1, 18));
  EXPECT_EQ(forecast.runway->early, std::nullopt);
  EXPECT_EQ(forecast.runway->late, std::nullopt);
  EXPECT_EQ(forecast.outlook, Outlook::kRunsDry);
  EXPECT_THAT(forecast.notes, Contains(HasSubstr("under two weeks")));
}

TEST(Forecast, OutlookComparesTheRunwayWithTheNextAllowance) {
  const struct {
    int days;
    CivilDay next_allowance;
    Outlook outlook;
  } kRows[] = {
      // A plain rate of 10 from January 14th: 100 credits end on the 23rd, and
      // at twice the rate on the 18th.
      {10, CivilDay(2027, 1, 14), Outlook::kSafe},
      {10, CivilDay(2027, 1, 18), Outlook::kSafe},
      {10, CivilDay(2027, 1, 19), Outlook::kTight},
      {10, CivilDay(2027, 1, 23), Outlook::kTight},
      {10, CivilDay(2027, 1, 24), Outlook::kRunsDry},
      // The same without doubt, from February 1st: they end on the 10th.
      {28, CivilDay(2027, 2, 10), Outlook::kSafe},
      {28, CivilDay(2027, 2, 11), Outlook::kRunsDry},
  };
  for (const auto& row : kRows) {
    const Forecast forecast =
        Make(Constant(row.days, 10),
             {.available = C("100"), .next_allowance = row.next_allowance});
    EXPECT_EQ(forecast.outlook, row.outlook)
        << row.days << " " << row.next_allowance;
  }
}

TEST(Forecast, OutlookIsTightBetweenTheEarlyAndTheLikelyDay) {
  SpendSeriesMaker maker(8);
  const SpendSeries series = maker.Make(SpendKind::kFlat, 56);
  ForecastOptions options{
      .available = Credits::FromTicks(series.days[0].spent.ticks() * 60)};
  const Runway runway = *Make(series.days, options).runway;
  ASSERT_LT(*runway.early, *runway.likely);
  ASSERT_LT(*runway.likely, *runway.late);
  const auto outlook = [&](CivilDay next_allowance) {
    options.next_allowance = next_allowance;
    return Make(series.days, options).outlook;
  };
  EXPECT_EQ(outlook(*runway.early), Outlook::kSafe);
  EXPECT_EQ(outlook(*runway.early + 1), Outlook::kTight);
  EXPECT_EQ(outlook(*runway.likely), Outlook::kTight);
  EXPECT_EQ(outlook(*runway.likely + 1), Outlook::kRunsDry);
}

TEST(Forecast, WithoutSpendNothingIsOnTrack) {
  for (int days : {0, 1, 13, 14, 100}) {
    const Forecast forecast =
        Make(Constant(days, 0),
             {.available = C("5"), .next_allowance = kMonday + days + 1});
    EXPECT_EQ(forecast.basis, days == 0 ? Forecast::Basis::kNoHistory
                                        : Forecast::Basis::kNoSpend);
    EXPECT_EQ(forecast.outlook, Outlook::kUnknown);
    EXPECT_EQ(forecast.runway, std::nullopt) << days;
    EXPECT_EQ(forecast.total, Credits());
    if (days == 0) {
      // The basis says it.
      EXPECT_THAT(forecast.notes, IsEmpty());
    } else {
      EXPECT_THAT(forecast.notes, ElementsAre(HasSubstr("no spend")));
    }
  }
}

TEST(Forecast, RunwayBeyondTheHorizonHasNoDay) {
  const Forecast forecast = Make(Constant(28, 10), {.available = C("1000000")});
  EXPECT_EQ(forecast.runway->early, std::nullopt);
  EXPECT_EQ(forecast.runway->likely, std::nullopt);
  EXPECT_EQ(forecast.runway->late, std::nullopt);
  EXPECT_EQ(forecast.runway->horizon, kMonday + 28 + kForecastDaysMax);
}

TEST(Forecast, NothingAvailableEndsOnTheFirstDay) {
  const Forecast forecast = Make(Constant(28, 10), {.available = Credits()});
  EXPECT_EQ(forecast.runway->early, kMonday + 28);
  EXPECT_EQ(forecast.runway->late, kMonday + 28);
}

TEST(Forecast, SpendOfTheFirstDaySoFarIsNotTakenTwice) {
  for (int days : {10, 28}) {
    ForecastOptions options{.horizon_days = 2, .available = C("30")};
    const Forecast fresh = Make(Constant(days, 10), options);
    EXPECT_EQ(fresh.runway->likely, kMonday + days + 2);
    options.spent_on_first_day = C("4");
    const Forecast begun = Make(Constant(days, 10), options);
    // 6 more today, then 10 a day.
    EXPECT_EQ(begun.runway->likely, kMonday + days + 3);
    EXPECT_EQ(begun.days[0].expected, C("10"));
    options.spent_on_first_day = C("25");
    const Forecast busy = Make(Constant(days, 10), options);
    EXPECT_EQ(busy.days[0].expected, C("25"));
    EXPECT_EQ(busy.total, C("35"));
    EXPECT_EQ(busy.runway->likely, kMonday + days + 3);
  }
}

TEST(Forecast, DaysAtTheirLimitAreAFloor) {
  SpendSeriesMaker maker(9);
  double demand = 0, expected = 0, blind = 0;
  for (int i = 0; i < 40; ++i) {
    SpendSeries series = maker.Make(SpendKind::kCapped, 126);
    for (double day : series.demand) demand += day / 126;
    const auto level = [&] {
      return ToDouble(Make(series.days, {.horizon_days = 1}).level);
    };
    expected += level();
    for (DailySpend& day : series.days) day.capped = false;
    blind += level();
  }
  EXPECT_NEAR(expected / demand, 1, 0.03);
  EXPECT_LT(blind / demand, 0.95);
}

TEST(Forecast, OneKindOfDayThatIsAlwaysCappedStaysSane) {
  std::vector<DailySpend> history = Constant(56, 100);
  for (DailySpend& day : history) day.capped = true;
  const Forecast forecast = Make(history, {});
  EXPECT_GE(forecast.level, C("100"));
  EXPECT_LE(forecast.level, C("200"));
  EXPECT_THAT(forecast.notes, Contains(HasSubstr("far above the forecast")));

  // Blocked days say nothing: demand was at least zero.
  for (int i = 20; i < 30; ++i) history[i].spent = Credits();
  for (int i = 0; i < 56; ++i) history[i].capped = i >= 20 && i < 30;
  EXPECT_NEAR(ToDouble(Make(history, {}).level), 100, 5);
}

TEST(Forecast, IntermittentSpendIsItsRate) {
  SpendSeriesMaker maker(10);
  double sum = 0;
  for (int i = 0; i < 20; ++i) {
    const SpendSeries series = maker.Make(SpendKind::kIntermittent, 182);
    double mean = 0;
    for (double demand : series.demand) mean += demand / 182;
    const Forecast forecast = Make(series.days, {});
    EXPECT_GT(ToDouble(forecast.level), 0.25 * mean);
    EXPECT_LT(ToDouble(forecast.level), 2.5 * mean);
    sum += ToDouble(forecast.level) / mean;
    EXPECT_EQ(forecast.days[0].interval->low, Credits());
    EXPECT_GE(forecast.total_interval->high, forecast.total);
  }
  EXPECT_NEAR(sum / 20, 1, 0.2);
}

TEST(Forecast, AWildDayMovesNoOtherAndIsNamed) {
  // The first day, days in the middle, and the last one; a plain rate too.
  for (int days : {13, 14, 20, 56, 400}) {
    for (int wild : {0, 1, days / 3, days / 2, days - 2, days - 1}) {
      for (bool capped : {false, true}) {
        SCOPED_TRACE(absl::StrCat("day ", wild, " of ", days, " ", capped));
        std::vector<DailySpend> history = Constant(days, 100);
        history[wild].spent = C("5000");
        history[wild].capped = capped;
        const Forecast forecast = Make(history, {});
        EXPECT_EQ(forecast.level, C("100"));
        EXPECT_EQ(forecast.total, C("1400"));
        if (days >= 14) {
          EXPECT_EQ(forecast.total_interval->high, C("1400"));
        }
        ASSERT_EQ(forecast.wild_days.size(), 1u);
        EXPECT_EQ(forecast.wild_days[0].day, kMonday + wild);
        EXPECT_EQ(forecast.wild_days[0].spent, C("5000"));
        EXPECT_EQ(forecast.wild_days[0].expected, C("100"));
        EXPECT_THAT(forecast.notes,
                    Contains(absl::StrCat(
                        absl::FormatCivilTime(kMonday + wild),
                        " is left out as a wild day: spent 5000, expected "
                        "100")));
      }
    }
  }
}

TEST(Forecast, WildDaysAreFoundInAnyKindOfSpend) {
  // As many as eight weeks may have, of different sizes, with or without a
  // weekly pattern, a trend and noise.
  for (SpendKind kind : {SpendKind::kFlat, SpendKind::kWeekly,
                         SpendKind::kTrend, SpendKind::kCapped}) {
    SpendSeriesMaker maker(13);
    double moved = 0;
    for (int i = 0; i < 60; ++i) {
      SpendSeries series = maker.Make(kind, 63 + i);
      const double before = ToDouble(Make(series.days, {.futures = 100}).total);
      for (int wild : {1, 30, 62 + i}) {
        series.days[wild].spent =
            Credits::FromTicks(static_cast<int64_t>(before / 14 * (10 + wild)) *
                               Credits::kTicksPerCredit);
      }
      const Forecast forecast = Make(series.days, {.futures = 100});
      EXPECT_GE(forecast.wild_days.size(), 3u) << i;
      moved = std::max(moved, std::abs(ToDouble(forecast.total) / before - 1));
    }
    std::cout << "moved by " << moved << "\n";
    EXPECT_LT(moved, 0.2);
  }
}

TEST(Forecast, NoiseHasNoWildDays) {
  // Half of the days are within a third of the level, a tenth above twice it.
  SpendSeriesMaker maker(15);
  int wild = 0;
  for (int i = 0; i < 100; ++i) {
    std::vector<DailySpend> history = Constant(30, 100);
    for (DailySpend& day : history) {
      day.spent = Credits::FromTicks(static_cast<int64_t>(
          100 * std::exp(0.5 * maker.Normal()) * Credits::kTicksPerCredit));
    }
    wild += !Make(history, {.futures = 100}).wild_days.empty();
  }
  EXPECT_LE(wild, 3);
}

TEST(Forecast, AWildDayIsExpectedOnTheTrend) {
  std::vector<int> spent;
  for (int i = 0; i < 84; ++i) spent.push_back(100 + 2 * i);
  const Credits level = Make(Days(spent), {}).level;
  spent[83] = 9'000;
  const Forecast forecast = Make(Days(spent), {});
  ASSERT_EQ(forecast.wild_days.size(), 1u);
  EXPECT_NEAR(ToDouble(forecast.wild_days[0].expected), 266, 3);
  EXPECT_NEAR(ToDouble(forecast.level), ToDouble(level), 3);
}

TEST(Forecast, ADayWithoutSpendIsAWildDayToo) {
  for (int wild : {3, 30, 55}) {
    std::vector<DailySpend> history = Constant(56, 100);
    history[wild].spent = Credits();
    const Forecast forecast = Make(history, {});
    EXPECT_EQ(forecast.total, C("1400"));
    ASSERT_EQ(forecast.wild_days.size(), 1u);
    EXPECT_EQ(forecast.wild_days[0].day, kMonday + wild);
    EXPECT_EQ(forecast.wild_days[0].spent, Credits());
  }
}

TEST(Forecast, WeekendsAreNoWildDays) {
  const std::vector<int> kWeek = {120, 130, 120, 120, 110, 0, 5};
  for (int days = 7; days < 70; ++days) {
    std::vector<int> spent;
    for (int i = 0; i < days; ++i) spent.push_back(kWeek[i % 7]);
    EXPECT_THAT(Make(Days(spent), {}).wild_days, IsEmpty()) << days;
  }
  // But a busy Sunday is.
  std::vector<int> spent;
  for (int i = 0; i < 56; ++i) spent.push_back(kWeek[i % 7]);
  spent[27] = 2'000;
  const Forecast forecast = Make(Days(spent), {.horizon_days = 7});
  ASSERT_EQ(forecast.wild_days.size(), 1u);
  EXPECT_EQ(forecast.wild_days[0].day, kMonday + 27);
  for (int i = 0; i < 7; ++i) {
    EXPECT_NEAR(ToDouble(forecast.days[i].expected), kWeek[i], 0.2) << i;
  }
}

TEST(Forecast, FollowsALevelThatMovedForGood) {
  for (int days : {28, 56, 200, 400}) {
    for (int factor : {3, 10}) {
      for (int wild : {-1, 10}) {
        // A wild day long before is no reason to stay behind.
        std::vector<DailySpend> history = Constant(days, 100);
        if (wild >= 0) history[wild].spent = C("50000");
        const auto grow = [&](int more) {
          for (int i = 0; i < more; ++i) {
            history.push_back({.day = history.back().day + 1,
                               .spent = C(absl::StrCat(100 * factor).c_str())});
          }
        };
        const auto others = [&](const Forecast& forecast) {
          return forecast.wild_days.size() - (wild >= 0);
        };
        grow(4);
        EXPECT_EQ(others(Make(history, {})), 0u) << days;
        grow(10);
        const Forecast forecast = Make(history, {});
        EXPECT_EQ(others(forecast), 0u) << days;
        EXPECT_NEAR(ToDouble(forecast.level), 100 * factor, 20 * factor)
            << days;
      }
    }
  }
}

TEST(Forecast, SpikesThatAreNormalAreNoWildDays) {
  struct Row {
    SpendKind kind;
    int days;
    int wild_max;  // of 100 series
  };
  for (const Row& row :
       {Row{SpendKind::kIntermittent, 56, 0},
        Row{SpendKind::kIntermittent, 182, 0}, Row{SpendKind::kBursty, 91, 5},
        Row{SpendKind::kBursty, 364, 0}}) {
    SpendSeriesMaker maker(14);
    int wild = 0;
    for (int i = 0; i < 100; ++i) {
      const SpendSeries series = maker.Make(row.kind, row.days);
      wild += !Make(series.days, {.futures = 100}).wild_days.empty();
    }
    EXPECT_LE(wild, row.wild_max) << row.days;
  }
  // A bill each month, after four months.
  std::vector<DailySpend> history = Constant(125, 100);
  for (int i = 20; i < 125; i += 30) history[i].spent = C("5000");
  EXPECT_THAT(Make(history, {}).wild_days, IsEmpty());
}

TEST(Forecast, AnyHistoryGivesOrderedIntervals) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 1'000; ++i) {
    std::vector<DailySpend> history(1 + random() % 60);
    const int64_t scale = int64_t{1} << (random() % 52);
    for (size_t day = 0; day < history.size(); ++day) {
      history[day] = {
          .day = kMonday + static_cast<int>(day),
          .spent = Credits::FromTicks(
              random() % 3 == 0 ? 0 : static_cast<int64_t>(random() % scale)),
          .capped = random() % 4 == 0};
    }
    const absl::StatusOr<Forecast> forecast = MakeForecast(
        history, {.horizon_days = 1 + static_cast<int>(random() % 30),
                  .available = Credits::FromTicks(
                      static_cast<int64_t>(random() % scale) * 100),
                  .next_allowance = kMonday + 65,
                  .futures = 100});
    ASSERT_THAT(forecast.status(), IsOk()) << i;
    for (const ForecastDay& day : forecast->days) {
      EXPECT_GE(day.expected, Credits());
      if (!day.interval.has_value()) continue;
      EXPECT_GE(day.interval->low, Credits());
      EXPECT_LE(day.interval->low, day.interval->high);
    }
    if (!forecast->runway.has_value()) continue;
    const Runway& runway = *forecast->runway;
    const CivilDay never = CivilDay::max();
    if (forecast->basis == Forecast::Basis::kModel) {
      EXPECT_LE(runway.early.value_or(never), runway.likely.value_or(never));
      EXPECT_LE(runway.likely.value_or(never), runway.late.value_or(never));
    }
  }
}

TEST(Forecast, AmountsBeyondTheRangeAreAnError) {
  std::vector<DailySpend> history = Constant(28, 1);
  for (DailySpend& day : history) day.spent = Credits::Max();
  EXPECT_THAT(MakeForecast(history, {.available = Credits::Max()}),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("range")));
  history.resize(3);
  EXPECT_THAT(MakeForecast(history, {}),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("range")));
}

TEST(Forecast, WrongArgumentsAreRefused) {
  std::vector<DailySpend> gap = Constant(3, 1);
  gap[2].day += 1;
  std::vector<DailySpend> negative = Constant(3, 1);
  negative[1].spent = C("-1");
  const std::vector<DailySpend> good = Constant(3, 1);
  const struct {
    const std::vector<DailySpend>& history;
    ForecastOptions options;
    const char* what;
  } kRows[] = {
      {gap, {}, "after 2027-01-05 comes 2027-01-07"},
      {negative, {}, "spend of 2027-01-05 is below zero"},
      {good, {.horizon_days = 0}, "horizon_days: 0 is outside 1 .. 366"},
      {good, {.horizon_days = 367}, "horizon_days: 367"},
      {good, {.available = C("-1")}, "zero or more"},
      {good, {.spent_on_first_day = C("-1")}, "zero or more"},
      {good, {.futures = 99}, "futures: 99"},
      {good, {.next_allowance = kMonday}, "next_allowance: -3 is outside"},
      {good, {.next_allowance = kMonday + 370}, "next_allowance: 367"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(MakeForecast(row.history, row.options),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(row.what)));
  }
}

TEST(SpendByDay, AddsUpDaysAndFillsGaps) {
  SpendByDay spend;
  EXPECT_THAT(spend.BuildDailySpend(kMonday), IsEmpty());
  EXPECT_THAT(spend.Add({kMonday + 3, C("2")}), IsOk());
  EXPECT_THAT(spend.Add({kMonday, C("1")}), IsOk());
  EXPECT_THAT(spend.Add({kMonday + 3, C("0.5"), /*capped=*/true}), IsOk());
  EXPECT_THAT(spend.Add({kMonday + 3, C("0.5")}), IsOk());
  EXPECT_EQ(spend.last_day(), kMonday + 3);
  EXPECT_EQ(spend.SpentOn(kMonday + 3), C("3"));
  EXPECT_EQ(spend.SpentOn(kMonday + 2), Credits());
  EXPECT_THAT(spend.BuildDailySpend(kMonday), IsEmpty());
  const std::vector<DailySpend> history = spend.BuildDailySpend(kMonday + 5);
  ASSERT_EQ(history.size(), 5u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(history[i].day, kMonday + i);
  EXPECT_EQ(history[0].spent, C("1"));
  EXPECT_EQ(history[1].spent, Credits());
  EXPECT_EQ(history[3].spent, C("3"));
  EXPECT_TRUE(history[3].capped);
  EXPECT_FALSE(history[4].capped);
}

TEST(SpendByDay, TopUpsAreNotNegativeSpend) {
  SpendByDay spend;
  EXPECT_THAT(spend.Add({kMonday - 9, C("-500")}), IsOk());
  EXPECT_THAT(spend.Add({kMonday, C("3")}), IsOk());
  EXPECT_THAT(spend.Add({kMonday, C("-1000")}), IsOk());
  EXPECT_EQ(spend.top_ups(), 2);
  const std::vector<DailySpend> history = spend.BuildDailySpend(kMonday + 1);
  ASSERT_EQ(history.size(), 1u);
  EXPECT_EQ(history[0].spent, C("3"));
}

TEST(SpendByDay, ARefundLowersItsDayToZeroAtMost) {
  SpendByDay spend;
  EXPECT_THAT(spend.Add({kMonday, C("3")}), IsOk());
  EXPECT_EQ(spend.Refund(kMonday, C("2")), Credits());
  EXPECT_EQ(spend.SpentOn(kMonday), C("1"));
  EXPECT_EQ(spend.Refund(kMonday, C("5")), C("4"));
  EXPECT_EQ(spend.SpentOn(kMonday), Credits());
  EXPECT_EQ(spend.Refund(kMonday + 1, C("5")), C("5"));
  EXPECT_EQ(spend.last_day(), kMonday);
}

TEST(SpendByDay, CountsEntriesThatAreTooOld) {
  SpendByDay spend;
  for (int day : {0, 0, 1, 2, 1'097}) {
    EXPECT_THAT(spend.Add({kMonday + day, C("1")}), IsOk());
  }
  EXPECT_EQ(spend.TooOldFor(kMonday + 1'096), 0);
  EXPECT_EQ(spend.TooOldFor(kMonday + 1'098), 3);
  EXPECT_EQ(spend.BuildDailySpend(kMonday + 1'098).front().day, kMonday + 2);
}

TEST(SpendByDay, AnOverflowChangesNothing) {
  SpendByDay spend;
  EXPECT_THAT(spend.Add({kMonday, Credits::Max()}), IsOk());
  EXPECT_THAT(spend.Add({kMonday, C("1"), true}),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("2027-01-04")));
  EXPECT_EQ(spend.SpentOn(kMonday), Credits::Max());
  EXPECT_FALSE(spend.BuildDailySpend(kMonday + 1)[0].capped);
}

TEST(SpendByDay, KeepsWhatTheModelLooksAt) {
  SpendByDay spend;
  EXPECT_THAT(spend.Add({CivilDay(1, 1, 1), C("1")}), IsOk());
  EXPECT_THAT(spend.Add({kMonday, C("2")}), IsOk());
  const std::vector<DailySpend> history = spend.BuildDailySpend(kMonday + 1);
  EXPECT_EQ(history.size(), 1096u);
  EXPECT_EQ(history.back().spent, C("2"));
}

TEST(Backtest, ComparesWithTheSeasonalNaiveForecast) {
  SpendSeriesMaker maker(12);
  const SpendSeries series = maker.Make(SpendKind::kWeekly, 28 + 7 * 20);
  const absl::StatusOr<Backtest> backtest =
      BacktestForecast(series.days, {.horizon_days = 14, .futures = 500});
  ASSERT_THAT(backtest.status(), IsOk());
  EXPECT_EQ(backtest->origins, 19);
  EXPECT_EQ(backtest->days, 19 * 14);
  EXPECT_LT(backtest->error, 0.9 * backtest->naive_error);
  EXPECT_NEAR(backtest->bias, 0, 0.05);
  EXPECT_NEAR(backtest->coverage, 0.8, 0.07);
}

TEST(Backtest, SeesOnlyWhatCameBefore) {
  // A jump on the last day changes nothing but its own error.
  std::vector<DailySpend> history = Constant(42, 10);
  history.back().spent = C("150");
  const absl::StatusOr<Backtest> backtest =
      BacktestForecast(history, {.horizon_days = 14});
  ASSERT_THAT(backtest.status(), IsOk());
  EXPECT_EQ(backtest->origins, 1);
  EXPECT_NEAR(backtest->error, 140 / 280.0, 1e-9);
  EXPECT_NEAR(backtest->naive_error, 140 / 280.0, 1e-9);
  EXPECT_NEAR(backtest->bias, -140 / 280.0, 1e-9);
}

TEST(Backtest, LeavesOutDaysAtTheirLimit) {
  std::vector<DailySpend> history = Constant(42, 10);
  history[40].spent = C("5");
  history[40].capped = true;
  const absl::StatusOr<Backtest> backtest =
      BacktestForecast(history, {.horizon_days = 14});
  ASSERT_THAT(backtest.status(), IsOk());
  EXPECT_EQ(backtest->days, 13);
  EXPECT_NEAR(backtest->error, 0, 1e-9);
}

TEST(Backtest, NeedsHistoryAndSpend) {
  EXPECT_THAT(BacktestForecast(Constant(41, 10), {.horizon_days = 14}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("42 days")));
  EXPECT_THAT(BacktestForecast(Constant(90, 0), {.horizon_days = 14}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("no spend")));
  EXPECT_THAT(BacktestForecast(Constant(90, 1), {.horizon_days = 0}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("horizon")));
}

}  // namespace
}  // namespace konpro
