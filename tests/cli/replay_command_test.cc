#include "konpro/cli/replay_command.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog_file.h"
#include "konpro/limits/rate_window.h"
#include "konpro/report/report_message.h"
#include "proto/report.pb.h"
#include "tests/testing/limiter_oracle.h"

namespace konpro::cli {
namespace {

using ::konpro::testing::WindowOracle;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

struct Result {
  ExitCode code;
  std::string out;
  std::string err;
};

Result Replayed(const std::string& trace, ReplayOptions options) {
  std::istringstream in(trace);
  std::ostringstream out;
  std::ostringstream err;
  options.file = "-";
  const ExitCode code = RunReplay(options, {in, out, err});
  return {code, out.str(), err.str()};
}

v1::Replay Parse(const Result& result) {
  v1::Replay report;
  EXPECT_TRUE(
      google::protobuf::util::JsonStringToMessage(result.out, &report).ok())
      << result.out << result.err;
  return report;
}

// The report of one plan.
v1::Replay Report(const std::string& trace, ReplayOptions options) {
  options.format = ReportFormat::kJson;
  return Parse(Replayed(trace, std::move(options)));
}

TraceOptions AllColumns() {
  return {.time = "t",
          .operation = "o",
          .quantity = "q",
          .unit = "s",
          .account = "a"};
}

std::string WrittenFile(const std::string& name, const std::string& text) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/", name);
  std::ofstream(path) << text;
  return path;
}

// A catalog of two operations and one plan, "custom", with these windows.
std::string CatalogFile(const std::string& windows,
                        const std::string& price_lists =
                            "price_lists { prices { operation: \"video\" "
                            "credits: \"1\" per: \"1s\" } }") {
  return WrittenFile(
      "catalog.textproto",
      absl::StrCat("version: \"test-1\"\n"
                   "operations { name: \"video\" unit: \"ms\" }\n"
                   "operations { name: \"voice\" unit: \"ms\" }\n",
                   price_lists, "\nplans { name: \"custom\" ", windows,
                   " operations: \"video\" }\n"));
}

// Twelve requests of "acme" and one of "blue", all in one minute.
std::string Burst() {
  std::string trace = "a,t,o,q\n";
  for (int i = 0; i < 12; ++i) {
    absl::StrAppend(&trace, "acme,2023-11-16 18:17:", 10 + i,
                    ".25,avatar_video,10\n");
  }
  return trace + "blue,2023-11-16 18:17:30,video_translation,1\n";
}

TEST(ReplayCommand, PrintsATable) {
  const Result result = Replayed(Burst(), {.trace = AllColumns()});
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(
      result.out,
      "plans that admit every request at once: pro, scale\n"
      "\n"
      "plan        fits  admitted  refused  accounts refused  credits\n"
      "----------  ----  --------  -------  ----------------  -------\n"
      "free_trial  no          11        2                 1    100.5\n"
      "pro         yes         13        0                 0    120.5\n"
      "scale       yes         13        0                 0    120.5\n"
      "enterprise  no           0        -                 -        -\n"
      "\n"
      "plan        window  limit  peak  refused\n"
      "----------  ------  -----  ----  -------\n"
      "free_trial  minute     10    12        2\n"
      "free_trial  day       100    12        0\n"
      "pro         minute     60    12        0\n"
      "pro         day      1000    12        0\n"
      "scale       minute    300    12        0\n"
      "scale       day     10000    12        0\n"
      "enterprise  none        -     -        -\n"
      "\n"
      "requests: 13, accounts: 2, out of order: 0\n"
      "first: 2023-11-16T18:17:10.25Z, last: 2023-11-16T18:17:30Z\n"
      "peak: the most requests of one account in one such window, admitted or "
      "not\n"
      "assumed: each row is one request, and one that is refused is lost\n"
      "assumed: prices of catalog builtin-1, in effect when each request was "
      "admitted\n"
      "assumed: enterprise has no request limits of its own: an account on it "
      "must be given them before anything is admitted\n");
}

TEST(ReplayCommand, WaitsAreInATable) {
  const Result result =
      Replayed(Burst(), {.trace = AllColumns(), .mode = ReplayMode::kWait});
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_THAT(
      result.out,
      HasSubstr("plan        fits  admitted  waited  longest wait  last "
                "admitted (UTC)  credits\n"
                "----------  ----  --------  ------  ------------  "
                "-------------------  -------\n"
                "free_trial  no          13       2           40s  2023-11-16 "
                "18:18:00    120.5\n"
                "pro         yes         13       0            0s  2023-11-16 "
                "18:17:30    120.5\n"));
}

TEST(ReplayCommand, PrintsJson) {
  const Result result = Replayed(Burst(), {.trace = AllColumns(),
                                           .plan = "free_trial",
                                           .mode = ReplayMode::kWait,
                                           .format = ReportFormat::kJson});
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_THAT(result.out,
              StartsWith("{\n"
                         " \"catalog_version\": \"builtin-1\",\n"
                         " \"plan\": \"free_trial\",\n"
                         " \"mode\": \"wait\",\n"
                         " \"fits\": false,\n"
                         " \"requests\": \"13\",\n"
                         " \"accounts\": \"2\",\n"
                         " \"admitted\": \"13\",\n"
                         " \"refused\": {\n"
                         "  \"day\": \"0\",\n"
                         "  \"minute\": \"1\"\n"
                         " },\n"
                         " \"not_allowed\": \"0\",\n"
                         " \"without_windows\": \"0\",\n"
                         " \"accounts_refused\": \"1\",\n"
                         " \"peak\": {\n"
                         "  \"day\": \"12\",\n"
                         "  \"minute\": \"12\"\n"
                         " },\n"
                         " \"cost\": {\n"
                         "  \"ticks\": \"723000000\",\n"
                         "  \"credits\": \"120.5\"\n"
                         " },\n"
                         " \"waited\": \"2\",\n"
                         " \"max_wait_seconds\": 39.75,\n"
                         " \"last_admitted\": \"2023-11-16T18:18:00Z\",\n"
                         " \"out_of_order\": \"0\",\n"
                         " \"first_request\": \"2023-11-16T18:17:10.25Z\",\n"
                         " \"last_request\": \"2023-11-16T18:17:30Z\",\n"));
}

TEST(ReplayCommand, AllPlansAreAListInJson) {
  const Result result = Replayed(
      Burst(), {.trace = {.time = "t"}, .format = ReportFormat::kJson});
  v1::Replays all;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(result.out, &all).ok());
  ASSERT_EQ(all.plans_size(), 4);
  EXPECT_EQ(all.plans(1).plan(), "pro");
  EXPECT_TRUE(all.plans(1).fits());
  // Without an account column, all are one.
  EXPECT_EQ(all.plans(1).accounts(), 1);
  EXPECT_EQ(all.plans(1).peak().at("minute"), 13);
  // What is not known is not zero.
  EXPECT_FALSE(all.plans(1).has_cost());
}

TEST(ReplayCommand, APlanWithoutWindowsAdmitsNothing) {
  const v1::Replay report =
      Report(Burst(), {.trace = AllColumns(), .plan = "enterprise"});
  EXPECT_FALSE(report.fits());
  EXPECT_EQ(report.admitted(), 0);
  EXPECT_EQ(report.without_windows(), 13);
  EXPECT_EQ(report.accounts_refused(), 2);
  EXPECT_THAT(report.refused(), IsEmpty());
  EXPECT_THAT(report.peak(), IsEmpty());
  EXPECT_EQ(report.last_admitted(), "");
  EXPECT_THAT(report.assumptions(2), HasSubstr("must be given them"));
  // Not even a trace of nothing fits.
  EXPECT_FALSE(
      Report("t\n", {.trace = {.time = "t"}, .plan = "enterprise"}).fits());
}

TEST(ReplayCommand, WhatThePlanDoesNotAllowTakesNoWindow) {
  std::string trace = "a,t,o,q\n";
  for (int i = 0; i < 30; ++i) {
    absl::StrAppend(&trace, "acme,", 1'700'000'000 + i,
                    i % 3 == 0 ? ",avatar_video,1s\n" : ",photo_avatar,1\n");
  }
  ReplayOptions options = {.trace = AllColumns(), .plan = "free_trial"};
  options.trace.unit = "";
  const v1::Replay report = Report(trace, options);
  EXPECT_EQ(report.admitted(), 10);
  EXPECT_EQ(report.not_allowed(), 20);
  EXPECT_EQ(report.refused().at("minute"), 0);
  EXPECT_EQ(report.accounts_refused(), 1);
  EXPECT_EQ(report.cost().credits(), "10");
  EXPECT_FALSE(report.fits());
  EXPECT_THAT(report.refused_operations(), ElementsAre("photo_avatar"));

  const Result result = Replayed(trace, options);
  EXPECT_EQ(result.code, ExitCode::kNotAllowed);
  EXPECT_THAT(result.out, HasSubstr("admitted  not allowed  refused"));
  EXPECT_EQ(result.err,
            "konpro: plan free_trial does not allow photo_avatar\n");
  // Another plan allows it.
  options.plan = "all";
  EXPECT_EQ(Replayed(trace, options).code, ExitCode::kOk);
}

TEST(ReplayCommand, TheWindowThatRefusesLongestIsCounted) {
  // 100 a day of the free trial, ten in each of ten minutes; then both refuse.
  std::string trace = "t\n";
  for (int minute = 0; minute < 11; ++minute) {
    for (int i = 0; i < 12; ++i) {
      absl::StrAppend(&trace, 1'699'920'000 + minute * 60 + i, "\n");
    }
  }
  const v1::Replay report =
      Report(trace, {.trace = {.time = "t"}, .plan = "free_trial"});
  EXPECT_EQ(report.admitted(), 100);
  EXPECT_EQ(report.refused().at("minute"), 18);
  EXPECT_EQ(report.refused().at("day"), 14);
  EXPECT_EQ(report.peak().at("minute"), 12);
  EXPECT_EQ(report.peak().at("day"), 132);
}

TEST(ReplayCommand, RowsOutOfOrderAreDecidedInOrderOfTime) {
  // Sixty, one a minute, the newest first.
  std::string trace = "t\n";
  for (int i = 60; i > 0; --i) absl::StrAppend(&trace, 60 * i, "\n");
  ReplayOptions options = {.trace = {.time = "t"}, .plan = "free_trial"};
  v1::Replay report = Report(trace, options);
  EXPECT_EQ(report.out_of_order(), 59);
  EXPECT_TRUE(report.fits());
  EXPECT_EQ(report.peak().at("minute"), 1);
  EXPECT_EQ(report.first_request(), "1970-01-01T00:01:00Z");
  EXPECT_THAT(report.assumptions(),
              Contains(HasSubstr("decided in order of time")));
  options.mode = ReplayMode::kWait;
  report = Report("t\n9\n5\n7\n", options);
  EXPECT_EQ(report.out_of_order(), 2);
  EXPECT_EQ(report.waited(), 0);
  EXPECT_TRUE(report.fits());
  EXPECT_THAT(Report("t\n5\n7\n9\n", options).assumptions(),
              Not(Contains(HasSubstr("order of time"))));
}

TEST(ReplayCommand, LaterRequestsQueueBehindOneThatWaits) {
  const std::string catalog = CatalogFile(
      "windows { name: \"ten\" limit: 2 period: \"10s\" }"
      "windows { name: \"hour\" limit: 100 period: \"1h\" }");
  std::string trace = "t,a\n";
  for (int i = 0; i < 6; ++i) absl::StrAppend(&trace, i, ",x\n");
  absl::StrAppend(&trace, "5,y\n12,x\n");
  // x: 0 and 1 at once; 2 and 3 at 10; 4 and 5 at 20; 12 at 30. y: at once.
  const v1::Replay report =
      Report(trace, {.trace = {.time = "t", .account = "a"},
                     .plan = "custom",
                     .mode = ReplayMode::kWait,
                     .catalog = catalog});
  EXPECT_EQ(report.admitted(), 8);
  EXPECT_EQ(report.waited(), 5);
  EXPECT_EQ(report.refused().at("ten"), 3);
  EXPECT_EQ(report.max_wait_seconds(), 18);
  EXPECT_EQ(report.last_admitted(), "1970-01-01T00:00:30Z");
}

TEST(ReplayCommand, EachRequestHasThePriceOfItsAdmission) {
  const std::string catalog = CatalogFile(
      "windows { name: \"minute\" limit: 2 period: \"1m\" }",
      "price_lists { effective_at: \"1970-01-01T00:00:30Z\" prices { "
      "operation: \"video\" credits: \"1\" per: \"1s\" } }\n"
      "price_lists { effective_at: \"1970-01-01T00:01:00Z\" prices { "
      "operation: \"video\" credits: \"5\" per: \"1s\" } }\n");
  ReplayOptions options = {
      .trace = {.time = "t", .operation = "video", .quantity = "q"},
      .plan = "custom",
      .catalog = catalog};
  EXPECT_EQ(Report("t,q\n59.999999999,2s\n60,3s\n", options).cost().credits(),
            "17");
  options.mode = ReplayMode::kWait;
  EXPECT_EQ(Report("t,q\n31,1s\n32,1s\n33,1s\n", options).cost().credits(),
            "7");
  // No price is never a price of zero.
  const Result result = Replayed("t,q\n29.999999999,2s\n30,3s\n", options);
  EXPECT_EQ(result.code, ExitCode::kNotAllowed);
  EXPECT_EQ(result.err, "konpro: no price for video\n");
  const v1::Replay report = Report("t,q\n29.999999999,2s\n30,3s\n", options);
  EXPECT_EQ(report.admitted(), 2);
  EXPECT_EQ(report.cost().credits(), "3");
  EXPECT_THAT(report.unpriced_operations(), ElementsAre("video"));
}

TEST(ReplayCommand, APriceBetweenTwoNanosecondsHoldsFromTheLater) {
  ReplayOptions options = {
      .trace = {.time = "t", .operation = "video", .quantity = "q"},
      .plan = "custom",
      .catalog = CatalogFile(
          "windows { name: \"minute\" limit: 9 period: \"1m\" }",
          "price_lists { effective_at: \"1970-01-01T00:00:30.0000000005Z\" "
          "prices { operation: \"video\" credits: \"1\" per: \"1s\" } }")};
  EXPECT_THAT(Report("t,q\n30,1s\n", options).unpriced_operations(),
              ElementsAre("video"));
  EXPECT_EQ(Report("t,q\n30.000000001,1s\n", options).cost().credits(), "1");
}

TEST(ReplayCommand, AWrongInputGivesErrorsAndNoReport) {
  const struct {
    std::string trace;
    const char* error;
  } kRows[] = {
      {"", "-:1:1: empty"},
      {std::string(100, '\0'), "no column \"t\""},
      {"x\n1\n", "no column \"t\""},
      {"t,a,o,q\n1,x,avatar_video,1\nnever,x,avatar_video,1\n", "-:3:1: no ti"},
      {"t,a,o,q\n1,x,avatar_video,9223372036854775\n"
       "2,x,avatar_video,1\n",
       "the cost of what was admitted leaves the range of credits"},
      {"t,a,o,q\n" + std::string(size_t{2} << 20, '1'), "a row of more than"},
  };
  for (const auto& row : kRows) {
    const Result result = Replayed(row.trace, {.trace = AllColumns()});
    EXPECT_EQ(result.code, ExitCode::kBadInput);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(row.error));
  }
  std::string many = "t\n";
  for (int i = 0; i < 30; ++i) many += "x\n";
  EXPECT_THAT(Replayed(many, {.trace = {.time = "t"}}).err,
              HasSubstr("-: and 10 more errors\n"));
}

TEST(ReplayCommand, AWrongOptionGivesAReasonAndNoReport) {
  const struct {
    ReplayOptions options;
    const char* reason;
  } kRows[] = {
      {{}, "konpro: --time: name the column"},
      {{.trace = {.time = "t"}, .plan = "scal"}, "did you mean \"scale\"?"},
      {{.trace = {.time = "t"}, .catalog = "nowhere"}, "nowhere: cannot be"},
  };
  for (const auto& row : kRows) {
    const Result result = Replayed("t\n1\n", row.options);
    EXPECT_EQ(result.code, ExitCode::kBadInput);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(row.reason));
  }
}

TEST(ReplayCommand, ATraceOfNothingFits) {
  const v1::Replay report =
      Report("t\n", {.trace = {.time = "t"}, .plan = "pro"});
  EXPECT_TRUE(report.fits());
  EXPECT_EQ(report.requests(), 0);
  EXPECT_EQ(report.accounts(), 0);
  EXPECT_EQ(report.first_request(), "");
  EXPECT_EQ(Replayed("t\n", {.trace = {.time = "t"}}).code, ExitCode::kOk);
}

TEST(ReplayCommand, TheDomainOfTimeEndsInAnError) {
  ReplayOptions options = {
      .trace = {.time = "t"}, .plan = "custom", .mode = ReplayMode::kWait};
  options.catalog =
      CatalogFile("windows { name: \"day\" limit: 1 period: \"24h\" }");
  const std::string last = "2262-04-11 23:47:16.854775807\n";
  EXPECT_EQ(Report("t\n0\n" + last, options).last_admitted(),
            "2262-04-11T23:47:16.854775807Z");
  const Result result = Replayed("t\n" + last + last, options);
  EXPECT_EQ(result.code, ExitCode::kBadInput);
  EXPECT_THAT(result.err, HasSubstr("-:3:1: under custom this would wait "
                                    "beyond 2262-04-11"));
}

TEST(ReplayCommand, AccessLogsAreReplayed) {
  std::string log;
  for (int i = 0; i < 15; ++i) {
    absl::StrAppend(&log, "192.0.2.", i % 2, " - - [16/Nov/2023:18:17:", 10 + i,
                    " +0000] \"POST /v1/videos HTTP/1.1\" 202 31\n");
  }
  const v1::Replay report =
      Report(log, {.trace = {.form = TraceForm::kAccessLog}, .plan = "pro"});
  EXPECT_TRUE(report.fits());
  EXPECT_EQ(report.accounts(), 2);
  EXPECT_EQ(report.peak().at("minute"), 8);
}

// --- The naive model: every list is searched for every question. ---

struct Row {
  int64_t at = 0;
  std::string account;
  bool allowed = true;
  int64_t quantity_ms = 0;
};

struct Expected {
  int64_t admitted = 0;
  int64_t refused[2] = {};
  int64_t not_allowed = 0;
  std::set<std::string> accounts_refused;
  int64_t peak[2] = {};
  int64_t ticks = 0;
  int64_t waited = 0;
  int64_t max_wait = 0;
  int64_t last_admitted = 0;
};

class Model {
 public:
  Model(const std::vector<RateWindow>& windows, ReplayMode mode)
      : windows_(windows), mode_(mode) {}

  void Add(const Row& row) {
    if (!row.allowed) {
      ++expected.not_allowed;
      expected.accounts_refused.insert(row.account);
      return;
    }
    Account& account =
        accounts_.try_emplace(row.account, windows_).first->second;
    for (size_t i = 0; i < windows_.size(); ++i) CountPeak(row, account, i);
    int64_t at = std::max(row.at, account.queued_until);
    std::vector<int64_t> when;
    for (const WindowOracle& window : account.oracles) {
      when.push_back(FirstAdmitted(window, at));
    }
    const auto binding = std::max_element(when.begin(), when.end());
    if (*binding > at) {
      ++expected.refused[binding - when.begin()];
      expected.accounts_refused.insert(row.account);
      if (mode_ == ReplayMode::kDrop) return;
      account.queued_until = at = *binding;
    }
    for (WindowOracle& window : account.oracles) window.Take(1, at);
    ++expected.admitted;
    expected.ticks += row.quantity_ms * 6'000;
    expected.waited += at > row.at;
    expected.max_wait = std::max(expected.max_wait, at - row.at);
    expected.last_admitted = std::max(expected.last_admitted, at);
  }

  Expected expected;

 private:
  struct Account {
    explicit Account(const std::vector<RateWindow>& windows)
        : oracles(windows.begin(), windows.end()),
          latest(windows.size(), -1),
          asked(windows.size()) {}

    std::vector<WindowOracle> oracles;
    std::vector<int64_t> latest;  // number of the window
    std::vector<std::map<int64_t, int64_t>> asked;
    int64_t queued_until = 0;
  };

  void CountPeak(const Row& row, Account& account, size_t i) {
    const int64_t period = windows_[i].period_ms() * 1'000'000;
    const int64_t since = row.at - windows_[i].phase_ms() * 1'000'000;
    const int64_t number = since < 0 ? -1 : since / period;
    account.latest[i] = std::max(account.latest[i], number);
    expected.peak[i] =
        std::max(expected.peak[i], ++account.asked[i][account.latest[i]]);
  }

  static int64_t FirstAdmitted(const WindowOracle& window, int64_t now) {
    if (window.Admits(1, now)) return now;
    int64_t low = now;
    int64_t high = now;
    for (int64_t step = 1; !window.Admits(1, high); step *= 2) high += step;
    while (high - low > 1) {
      const int64_t middle = low + (high - low) / 2;
      (window.Admits(1, middle) ? high : low) = middle;
    }
    return high;
  }

  const std::vector<RateWindow> windows_;
  const ReplayMode mode_;
  std::map<std::string, Account> accounts_;
};

std::string WindowsText(const std::vector<RateWindow>& windows) {
  std::string text;
  for (const RateWindow& window : windows) {
    absl::StrAppend(
        &text, "windows { name: \"", window.name(),
        "\" limit: ", window.limit(), " period: \"", window.period_ms(), "ms\"",
        window.kind() == WindowKind::kTokenBucket ? " kind: TOKEN_BUCKET" : "",
        window.phase_ms() > 0
            ? absl::StrCat(" phase: \"", window.phase_ms(), "ms\"")
            : "",
        " }\n");
  }
  return text;
}

using Any = std::function<int64_t(int64_t least, int64_t most)>;

std::vector<RateWindow> RandomWindows(const Any& any) {
  std::vector<RateWindow> windows;
  for (const char* name : {"short", "long"}) {
    if (!windows.empty() && any(0, 3) == 0) break;
    const bool bucket = any(0, 2) == 0;
    const int64_t period_ms =
        windows.empty() ? any(1, 4) * 1'000 + any(0, 9) : any(5'000, 20'000);
    windows.push_back(*RateWindow::Create(
        {.name = name,
         .kind = bucket ? WindowKind::kTokenBucket : WindowKind::kFixed,
         .limit = any(1, windows.empty() ? 5 : 12),
         .period = absl::Milliseconds(period_ms),
         .phase = absl::Milliseconds(
             bucket || any(0, 1) == 0 ? 0 : any(1, period_ms - 1))}));
  }
  return windows;
}

void ExpectEqual(const v1::Replay& report, const Expected& expected,
                 const std::vector<RateWindow>& windows, ReplayMode mode) {
  ASSERT_EQ(report.admitted(), expected.admitted);
  ASSERT_EQ(report.not_allowed(), expected.not_allowed);
  ASSERT_EQ(report.accounts_refused(), expected.accounts_refused.size());
  for (size_t i = 0; i < windows.size(); ++i) {
    const std::string name(windows[i].name());
    ASSERT_EQ(report.refused().at(name), expected.refused[i]) << name;
    ASSERT_EQ(report.peak().at(name), expected.peak[i]) << name;
  }
  ASSERT_EQ(report.cost().ticks(), expected.ticks);
  ASSERT_EQ(report.waited(), expected.waited);
  ASSERT_EQ(report.max_wait_seconds(),
            absl::ToDoubleSeconds(absl::Nanoseconds(expected.max_wait)));
  ASSERT_EQ(report.fits(),
            expected.admitted == report.requests() && expected.waited == 0);
  if (expected.admitted == 0) return;
  absl::Time last;
  std::string error;
  ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, report.last_admitted(), &last,
                              &error));
  ASSERT_EQ(absl::ToUnixNanos(last), expected.last_admitted);
  if (mode == ReplayMode::kDrop) {
    int64_t sum = expected.admitted + expected.not_allowed;
    for (const auto& [name, refused] : report.refused()) sum += refused;
    ASSERT_EQ(sum, report.requests());
  }
}

TEST(ReplayCommand, AgreesWithTheNaiveModel) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  const Any any = [&](int64_t least, int64_t most) {
    return static_cast<int64_t>(random() % (most - least + 1)) + least;
  };
  for (int round = 0; round < 400; ++round) {
    const std::vector<RateWindow> windows = RandomWindows(any);
    ReplayOptions options = {
        .trace = {.time = "t",
                  .operation = "o",
                  .quantity = "q",
                  .unit = "ms",
                  .account = "a"},
        .plan = "custom",
        .mode = any(0, 1) == 0 ? ReplayMode::kDrop : ReplayMode::kWait,
        .catalog = CatalogFile(WindowsText(windows))};
    Model model(windows, options.mode);
    std::string trace = "q,a,o,t\n";
    int64_t clock = any(0, 1) == 0 ? 0 : any(0, 2'000'000'000'000'000'000);
    int64_t latest = 0;
    int64_t out_of_order = 0;
    std::set<std::string> accounts;
    std::vector<Row> in_time;
    const int rows = static_cast<int>(any(1, 80));
    for (int i = 0; i < rows; ++i) {
      clock += any(0, 800'000'000);
      const int64_t back = any(0, 9) == 0 ? any(0, 6'000'000'000) : 0;
      const Row row = {.at = std::max<int64_t>(0, clock - back),
                       .account = absl::StrCat("account-", any(1, 3)),
                       .allowed = any(0, 9) != 0,
                       .quantity_ms = any(0, 5'000)};
      out_of_order += row.at < latest;
      latest = std::max(latest, row.at);
      accounts.insert(row.account);
      in_time.push_back(row);
      const std::string nanos = absl::StrCat(row.at % 1'000'000'000);
      absl::StrAppend(&trace, row.quantity_ms, ",", row.account, ",",
                      row.allowed ? "video" : "voice", ",",
                      row.at / 1'000'000'000, ".",
                      std::string(9 - nanos.size(), '0'), nanos, "\n");
    }
    std::stable_sort(in_time.begin(), in_time.end(),
                     [](const Row& a, const Row& b) { return a.at < b.at; });
    for (const Row& row : in_time) model.Add(row);
    const v1::Replay report = Report(trace, options);
    const Expected& expected = model.expected;
    SCOPED_TRACE(absl::StrCat("round ", round, "\n", trace, options.catalog,
                              WindowsText(windows), report.DebugString()));
    ASSERT_EQ(report.requests(), rows);
    ASSERT_EQ(report.accounts(), accounts.size());
    ASSERT_EQ(report.out_of_order(), out_of_order);
    ExpectEqual(report, expected, windows, options.mode);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace konpro::cli
