#include "konpro/cli/forecast_command.h"

#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "konpro/report/report_message.h"
#include "proto/report.pb.h"
#include "proto/usage.pb.h"

namespace konpro::cli {
namespace {

using ::absl::CivilDay;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A Monday.
const CivilDay kFirst(2026, 1, 5);

struct Result {
  ExitCode code;
  std::string out;
  std::string err;
};

// Seen from long after the history.
Result Forecast(const std::string& history,
                ForecastCommandOptions options = {}) {
  std::istringstream in(history);
  std::ostringstream out, err;
  options.file = "-";
  if (options.now == absl::Time()) {
    options.now = absl::FromCivil(CivilDay(2026, 6, 1), absl::UTCTimeZone());
  }
  const ExitCode code = RunForecast(options, {in, out, err});
  return {code, out.str(), err.str()};
}

v1::Forecast Json(const std::string& history,
                  ForecastCommandOptions options = {}) {
  options.format = ReportFormat::kJson;
  const Result result = Forecast(history, options);
  v1::Forecast report;
  EXPECT_TRUE(
      google::protobuf::util::JsonStringToMessage(result.out, &report).ok())
      << result.out << result.err;
  return report;
}

std::string DayText(int day) { return absl::FormatCivilTime(kFirst + day); }

// `days` days of 10 credits, a weekend of 4 each.
std::string Week(int days) {
  std::string text = "date,credits\n";
  for (int i = 0; i < days; ++i) {
    absl::StrAppend(&text, DayText(i), ",", i % 7 < 5 ? 10 : 4, "\n");
  }
  return text;
}

v1::UsageRecord Record(int number, absl::Time start, int64_t images) {
  v1::UsageRecord record;
  record.set_record_id(absl::StrCat("r-", number));
  record.set_account_id(absl::StrCat("a-", number % 2));
  record.set_operation("photo_avatar");
  record.set_count(images);
  record.mutable_start_time()->set_seconds(absl::ToUnixSeconds(start));
  record.mutable_end_time()->set_seconds(absl::ToUnixSeconds(start) + 60);
  return record;
}

// Two records a day: 10 credits of account a-0 and 4 of a-1.
std::string Records(int days, bool binary = false) {
  std::ostringstream out;
  for (int i = 0; i < 2 * days; ++i) {
    const absl::Time start =
        absl::FromCivil(kFirst + i / 2, absl::UTCTimeZone()) + absl::Hours(9);
    const v1::UsageRecord record = Record(i, start, i % 2 == 0 ? 5 : 2);
    if (binary) {
      google::protobuf::util::SerializeDelimitedToOstream(record, &out);
      continue;
    }
    std::string line;
    (void)google::protobuf::util::MessageToJsonString(record, &line);
    out << line << "\n";
  }
  return out.str();
}

TEST(ForecastCommand, PrintsHistoryDaysAndFacts) {
  const Result result =
      Forecast(Week(28), {.available = Credits::Parse("200").value(),
                          .until = kFirst + 29,
                          .next_allowance = kFirst + 60,
                          .as_of = kFirst + 28});
  EXPECT_EQ(result.code, ExitCode::kOverAvailable);
  EXPECT_EQ(result.out,
            "7 days from  spent\n"
            "-----------  -----  ------------------------\n"
            "2026-01-05      58  ########################\n"
            "2026-01-12      58  ########################\n"
            "2026-01-19      58  ########################\n"
            "2026-01-26      58  ########################\n"
            "\n"
            "day             expected  80% interval  = low, o mean, - high\n"
            "--------------  --------  ------------  ------------------------\n"
            "2026-02-02 Mon        10      10 .. 10  "
            "=======================o\n"
            "2026-02-03 Tue        10      10 .. 10  "
            "=======================o\n"
            "--------------  --------  ------------  ------------------------\n"
            "total                 20      20 .. 20\n"
            "\n"
            "history: 2026-01-05 .. 2026-02-01, 28 days, 232 credits\n"
            "level: 8.286 a day, trend: +0 a week\n"
            "pattern: Mon 121%, Tue 121%, Wed 121%, Thu 121%, Fri 121%, "
            "Sat 48%, Sun 48%\n"
            "available: 200\n"
            "runs out: 2026-02-25 (80%: 2026-02-25 .. 2026-02-25)\n"
            "before the next allowance, 2026-03-06: runs dry (100.0% of 4000 "
            "futures run dry)\n");
  EXPECT_EQ(result.err,
            "konpro: not covered: available 200, which is likely to run out on "
            "2026-02-25\n");
}

TEST(ForecastCommand, TablesFitEightyColumns) {
  std::mt19937_64 random(1);
  for (const char* scale : {"", "000", "000000"}) {
    std::string history = "date,credits\n";
    for (int i = 0; i < 60; ++i) {
      absl::StrAppend(&history, DayText(i), ",", 1 + random() % 999, scale,
                      ".5\n");
    }
    const Result result = Forecast(history, {.backtest = true});
    EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
    for (absl::string_view line : absl::StrSplit(result.out, '\n')) {
      if (line.substr(0, 5) == "note:") continue;
      EXPECT_LE(line.size(), 80u) << line;
    }
    EXPECT_THAT(result.out, Not(HasSubstr("\033")));
  }
}

TEST(ForecastCommand, JsonSaysTheSameForTheSameSeed) {
  ForecastCommandOptions options{.available = Credits::Parse("300").value(),
                                 .next_allowance = kFirst + 110,
                                 .format = ReportFormat::kJson};
  std::string history = Week(56);
  absl::StrAppend(&history, DayText(50), ",30\n");
  const Result once = Forecast(history, options);
  EXPECT_EQ(once.out, Forecast(history, options).out);
  options.seed = 2;
  EXPECT_NE(once.out, Forecast(history, options).out);
  const v1::Forecast report = Json(history, options);
  EXPECT_EQ(report.basis(), "model");
  EXPECT_EQ(report.days_size(), 14);
  EXPECT_EQ(report.days(0).date(), DayText(56));
  EXPECT_EQ(report.seed(), "2");
  EXPECT_EQ(report.futures(), 4000);
  EXPECT_EQ(report.outlook(), "runs_dry");
  EXPECT_EQ(report.dry_share(), 1);
  EXPECT_EQ(report.catalog_version(), "");
  int64_t total = 0;
  for (const v1::ForecastDay& day : report.days()) {
    total += day.expected().ticks();
  }
  EXPECT_EQ(total, report.total().ticks());
}

TEST(ForecastCommand, RecordsArePricedAndAddedUpByDay) {
  const v1::Forecast json = Json(Records(20));
  EXPECT_EQ(json.history_total().credits(), "280");
  EXPECT_EQ(json.history_days(), 20);
  EXPECT_EQ(json.catalog_version(), "builtin-1");
  EXPECT_EQ(json.SerializeAsString(),
            Json(Records(20, /*binary=*/true)).SerializeAsString());
  const v1::Forecast account = Json(Records(20), {.account = "a-1"});
  EXPECT_EQ(account.history_total().credits(), "80");
  EXPECT_THAT(account.notes(),
              ::testing::Contains("records of other accounts: 20"));
}

TEST(ForecastCommand, DaysAreThoseOfTheZone) {
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  std::string line;
  const absl::Time late = absl::FromCivil(
      absl::CivilSecond(2026, 1, 5, 23, 30, 0), absl::UTCTimeZone());
  (void)google::protobuf::util::MessageToJsonString(Record(0, late, 5), &line);
  EXPECT_EQ(Json(line).history_begin(), "2026-01-05");
  EXPECT_EQ(Json(line, {.zone = berlin}).history_begin(), "2026-01-06");
}

TEST(ForecastCommand, TodayIsNotOver) {
  const auto at = [](int day) {
    return absl::FromCivil(kFirst + day, absl::UTCTimeZone()) + absl::Hours(12);
  };
  // The last day with an entry is today, by the clock or because it was said.
  for (const ForecastCommandOptions& options :
       {ForecastCommandOptions{.now = at(20)},
        ForecastCommandOptions{.as_of = kFirst + 20}}) {
    const v1::Forecast report = Json(Week(21), options);
    EXPECT_EQ(report.history_days(), 20);
    EXPECT_EQ(report.days(0).date(), DayText(20));
    EXPECT_THAT(
        report.notes(),
        ::testing::Contains(HasSubstr("is not over: it has spent 4 so far")));
  }
  // It was yesterday, or long ago.
  EXPECT_EQ(Json(Week(21), {.now = at(21)}).days(0).date(), DayText(21));
  EXPECT_EQ(Json(Week(21), {.now = at(21)}).notes_size(), 0);
  const v1::Forecast old = Json(Week(21), {.now = at(40)});
  EXPECT_EQ(old.days(0).date(), DayText(21));
  EXPECT_THAT(old.notes(), ::testing::Contains(HasSubstr("ends before today")));
  // Days since then are days without spend, where that is said.
  EXPECT_EQ(Json(Week(21), {.as_of = kFirst + 40}).history_days(), 40);
  EXPECT_THAT(Json(Week(21), {.as_of = kFirst + 10}).notes(),
              ::testing::Contains(HasSubstr("were left out")));
}

TEST(ForecastCommand, TopUpsAreLeftOutAndNoted) {
  std::string history = Week(28);
  absl::StrAppend(&history, DayText(3), ",-5000\n", DayText(-20), ",-5000\n");
  const v1::Forecast report = Json(history);
  EXPECT_EQ(report.history_total().credits(), "232");
  EXPECT_THAT(report.notes(), ::testing::Contains(HasSubstr("2 top-ups")));
  EXPECT_EQ(report.left_out().top_ups(), 2);
}

TEST(ForecastCommand, RowsThatAreTooOldAreLeftOutAndNoted) {
  std::string history = Week(28);
  absl::StrAppend(&history, "2020-01-01,700\n2020-01-01,7\n");
  const v1::Forecast report = Json(history);
  EXPECT_EQ(report.history_days(), 1096);
  EXPECT_EQ(report.history_total().credits(), "232");
  EXPECT_THAT(report.notes(),
              ::testing::Contains("entries before 2023-02-02 were left out, as "
                                  "too old for a forecast: 2"));
  EXPECT_EQ(report.left_out().too_old(), 2);
  EXPECT_FALSE(Json(Week(28)).has_left_out());
}

TEST(ForecastCommand, AWildDayIsNamedAndMovesNoOther) {
  std::string history = "date,credits\n";
  for (int i = 0; i < 56; ++i) {
    absl::StrAppend(&history, DayText(i), ",", i == 40 ? 5'000 : 100, "\n");
  }
  const v1::Forecast report = Json(history);
  EXPECT_EQ(report.total().credits(), "1400");
  ASSERT_EQ(report.wild_days_size(), 1);
  EXPECT_EQ(report.wild_days(0).date(), "2026-02-14");
  EXPECT_EQ(report.wild_days(0).spent().credits(), "5000");
  EXPECT_EQ(report.wild_days(0).expected().credits(), "100");
  for (ReportFormat format :
       {ReportFormat::kTable, ReportFormat::kJson, ReportFormat::kHtml}) {
    EXPECT_THAT(Forecast(history, {.format = format}).out,
                HasSubstr("2026-02-14 is left out as a wild day: spent 5000, "
                          "expected 100"));
  }
}

TEST(ForecastCommand, CappedDaysAreAFloor) {
  std::string history = "capped,credits,date\n";
  for (int i = 0; i < 42; ++i) {
    const bool capped = i % 3 == 0;
    absl::StrAppend(&history, capped ? "yes" : "", ",", capped ? 12 : 9 + i % 4,
                    ",", DayText(i), "\n");
  }
  const v1::Forecast report = Json(history);
  EXPECT_EQ(report.capped_days(), 14);
  EXPECT_THAT(report.notes(),
              ::testing::Contains(HasSubstr("14 of 42 days at a limit")));
}

TEST(ForecastCommand, WithoutHistoryNothingIsOnTrack) {
  const ForecastCommandOptions options = {
      .available = Credits::Parse("10").value(),
      .next_allowance = kFirst + 30,
      .as_of = kFirst + 20};
  const Result empty = Forecast("date,credits\n", options);
  EXPECT_EQ(empty.code, ExitCode::kBadInput);
  EXPECT_THAT(empty.out, AllOf(HasSubstr("runs out: cannot be said\n"),
                               HasSubstr("2026-02-04: cannot be said\n"),
                               HasSubstr("history: none\n"),
                               Not(HasSubstr("nothing can be forecast"))));
  EXPECT_EQ(empty.err, "konpro: no history: nothing can be forecast\n");
  std::string zeros = "date,credits\n";
  for (int i = 0; i < 20; ++i) absl::StrAppend(&zeros, DayText(i), ",0\n");
  const Result idle = Forecast(zeros, options);
  EXPECT_EQ(idle.code, ExitCode::kOk);
  EXPECT_THAT(idle.out, AllOf(HasSubstr("runs out: cannot be said\n"),
                              HasSubstr("2026-02-04: cannot be said\n"),
                              HasSubstr("note: no spend in 20 days")));
}

TEST(ForecastCommand, ExitCodeSaysWhetherTheBalanceLasts) {
  // 8 credits are left; a day takes 10, and the first one is January 10th.
  std::string history = "date,credits\n";
  for (int i = 0; i < 5; ++i) absl::StrAppend(&history, DayText(i), ",10\n");
  const auto code = [&](const char* available, std::optional<CivilDay> until,
                        std::optional<CivilDay> next_allowance) {
    return Forecast(history, {.available = Credits::Parse(available).value(),
                              .until = until,
                              .next_allowance = next_allowance})
        .code;
  };
  const CivilDay tenth(2026, 1, 10);
  EXPECT_EQ(code("20", std::nullopt, std::nullopt), ExitCode::kOk);
  EXPECT_EQ(code("20", tenth, std::nullopt), ExitCode::kOk);
  EXPECT_EQ(code("20", tenth + 1, std::nullopt), ExitCode::kOverAvailable);
  EXPECT_EQ(code("20", std::nullopt, tenth + 1), ExitCode::kOk);
  EXPECT_EQ(code("20", std::nullopt, tenth + 2), ExitCode::kOverAvailable);
  EXPECT_EQ(code("20", tenth + 5, tenth + 1), ExitCode::kOk);
}

TEST(ForecastCommand, RecordsWithoutAPriceAreNotFree) {
  std::istringstream in(Records(20));
  std::ostringstream out, err;
  const std::string path = absl::StrCat(::testing::TempDir(), "/catalog");
  {
    std::ofstream file(path);
    file << "version: \"c\" operations { name: \"photo_avatar\" unit: "
            "\"image\" } plans { name: \"p\" title: \"P\" }";
  }
  EXPECT_EQ(RunForecast({.file = "-", .catalog = path}, {in, out, err}),
            ExitCode::kNotAllowed)
      << err.str();
  EXPECT_THAT(err.str(), HasSubstr("no price for 40 records"));
}

TEST(ForecastCommand, BacktestComparesOrSaysWhyNot) {
  std::mt19937_64 random(3);
  std::string history = "date,credits\n";
  for (int i = 0; i < 70; ++i) {
    absl::StrAppend(&history, DayText(i), ",", 10 + random() % 5, "\n");
  }
  const v1::Forecast report = Json(history, {.backtest = true});
  EXPECT_EQ(report.backtest().forecasts(), 5);
  EXPECT_EQ(report.backtest().days_each(), 14);
  EXPECT_LT(report.backtest().weighted_error(),
            report.backtest().seasonal_naive_weighted_error());
  EXPECT_THAT(Forecast(Week(30), {.backtest = true}).out,
              HasSubstr("note: a backtest of 14 days needs 42 days of history, "
                        "not 30\n"));
}

TEST(ForecastCommand, WrongInputsAreToldWithTheirPlace) {
  const struct {
    std::string history;
    const char* error;
  } kRows[] = {
      {"", "-:1:1: empty"},
      {"date,credit\n", "-:1:6: unknown column \"credit\"; did you mean"},
      {"date,date,credits\n", "-:1:6: second column \"date\""},
      {"date\n", "-:1:1: no column \"credits\""},
      {"date,credits\n2026-01-05\n", "-:2:11: a row of 1 cells"},
      {"date,credits\n2026-02-30,1\n", "-:2:1: \"2026-02-30\" is no date"},
      {"date,credits\nmonday,1\n", "-:2:1: \"monday\" is no date"},
      {"date,credits\n10000-01-01,1\n", "-:2:1: \"10000-01-01\" is no date"},
      {"date,credits\n2026-01-05,1e3\n", "-:2:12: "},
      {"date,credits,capped\n2026-01-05,1,maybe\n", "-:2:14: \"maybe\""},
      {"date,credits\n2026-01-05,\"1\n", "-:2:12: a quote"},
      {"{\"recordId\": 7}\n",
       "-:1:14: no usage record: record_id: is a number"},
      {"{\"recordId\": \"r\"}\n", "-:1:1: account_id: missing"},
      {"date,credits\n2026-01-05,1500000000000\n2026-01-05,1500000000000\n",
       "-:3:1: the spend of 2026-01-05 leaves the range"},
  };
  for (const auto& row : kRows) {
    const Result result = Forecast(row.history);
    EXPECT_EQ(result.code, ExitCode::kBadInput) << row.error;
    EXPECT_THAT(result.err, HasSubstr(row.error));
    EXPECT_EQ(result.out, "");
  }
  EXPECT_THAT(Forecast(Week(3), {.account = "a"}).err,
              HasSubstr("--account: this is no file of usage records"));
}

TEST(ForecastCommand, OptionsOutOfRangeAreRefused) {
  const struct {
    ForecastCommandOptions options;
    const char* error;
  } kRows[] = {
      {{.until = kFirst + 19}, "--until: 2026-01-24 is outside 2026-01-25 .."},
      {{.until = kFirst + 20 + 366}, "--until: 2027-01-26 is outside"},
      {{.next_allowance = kFirst}, "next_allowance"},
      {{.next_allowance = kFirst + 4'000}, "next_allowance"},
  };
  for (const auto& row : kRows) {
    const Result result = Forecast(Week(20), row.options);
    EXPECT_EQ(result.code, ExitCode::kBadInput) << row.error;
    EXPECT_THAT(result.err, HasSubstr(row.error));
  }
  EXPECT_EQ(Json(Week(20), {.until = kFirst + 20 + 365}).days_size(), 366);
}

TEST(ForecastCommand, ALedgerIsNamedOnceAndIsNotStandardInput) {
  const std::string ledger("SQLite format 3\0 and no more", 28);
  EXPECT_EQ(Forecast(ledger).err,
            "-: a ledger is read from its file, not from standard input: name "
            "the file\n");
  const std::string path = ::testing::TempDir() + "/broken.db";
  std::ofstream(path) << ledger;
  std::istringstream in;
  std::ostringstream out, err;
  EXPECT_EQ(
      RunForecast({.file = path, .now = absl::UnixEpoch()}, {in, out, err}),
      ExitCode::kBadInput);
  const size_t named = err.str().find(path);
  EXPECT_EQ(named, 0u) << err.str();
  EXPECT_EQ(err.str().find(path, named + 1), std::string::npos) << err.str();
}

TEST(ForecastCommand, BrokenHistoriesNeverCrash) {
  std::mt19937_64 random(2);
  const std::string seeds[] = {Week(20), Records(5), Records(5, true),
                               "date,credits\n0001-01-01,1\n9999-12-31,1\n"};
  for (int i = 0; i < 300; ++i) {
    std::string history = seeds[random() % 4];
    for (uint64_t k = random() % 6; k > 0; --k) {
      const size_t at = random() % history.size();
      switch (random() % 3) {
        case 0:
          history[at] = static_cast<char>(random());
          break;
        case 1:
          history.erase(at, 1 + random() % 5);
          break;
        default:
          history.insert(at, history.substr(random() % history.size(), 8));
      }
      if (history.empty()) history = "x";
    }
    const Result result =
        Forecast(history, {.available = Credits::Parse("5").value()});
    EXPECT_EQ(result.code == ExitCode::kBadInput, !result.err.empty())
        << result.err;
  }
}

}  // namespace
}  // namespace konpro::cli
