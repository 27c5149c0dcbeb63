#include "konpro/cli/accuracy_command.h"

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "konpro/cli/command.h"
#include "konpro/report/report_message.h"
#include "proto/report.pb.h"

namespace konpro::cli {
namespace {

using ::testing::HasSubstr;

using Lines = std::vector<std::pair<std::string, int64_t>>;

struct Result {
  ExitCode code;
  std::string out;
  std::string err;
};

std::string Saved(const std::string& name, const std::string& text) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/", name);
  std::ofstream(path) << text;
  return path;
}

std::string Json(const google::protobuf::Message& message) {
  std::ostringstream out;
  PrintJson(message, out);
  return out.str();
}

Result Accuracy(const std::string& estimate, const std::string& actual,
                AccuracyOptions options = {}) {
  options.estimate_file = Saved("estimate.json", estimate);
  options.actual_file = Saved("actual.json", actual);
  std::istringstream in;
  std::ostringstream out, err;
  const ExitCode code = RunAccuracy(options, {in, out, err});
  return {code, out.str(), err.str()};
}

// Lines in ticks; returns their sum.
template <typename Report>
int64_t AddLines(const Lines& lines, Report& report) {
  int64_t total = 0;
  for (const auto& [operation, ticks] : lines) {
    v1::ReportLine& line = *report.add_lines();
    line.set_operation(operation);
    line.set_jobs(1);
    line.mutable_cost()->set_ticks(ticks);
    total += ticks;
  }
  report.mutable_total()->set_ticks(total);
  return total;
}

std::string Estimate(const Lines& lines) {
  v1::Estimate estimate;
  estimate.set_catalog_version("c-1");
  AddLines(lines, estimate);
  return Json(estimate);
}

// One account for each of `accounts`.
std::string Actual(const std::vector<Lines>& accounts) {
  v1::UsageReport report;
  report.set_catalog_version("c-1");
  int64_t total = 0;
  for (const Lines& lines : accounts) {
    total += AddLines(lines, *report.add_accounts());
  }
  report.mutable_total()->set_ticks(total);
  return Json(report);
}

constexpr int64_t kCredit = Credits::kTicksPerCredit;

TEST(AccuracyCommand, PrintsTheWorstLinesFirst) {
  const Result result =
      Accuracy(Estimate({{"a", 100 * kCredit}, {"b", 50 * kCredit}}),
               Actual({{{"a", 60 * kCredit}, {"c", 20 * kCredit}},
                       {{"a", 30 * kCredit}, {"b", 90 * kCredit}}}));
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_EQ(result.out,
            "operation  estimated  actual  error   percent\n"
            "---------  ---------  ------  -----  --------\n"
            "b                 50      90    -40   -44.44%\n"
            "c                  0      20    -20  -100.00%\n"
            "a                100      90    +10   +11.11%\n"
            "---------  ---------  ------  -----  --------\n"
            "total            150     200    -50   -25.00%\n"
            "\n"
            "weighted error: 35.00% (70 of 200 credits)\n"
            "bias: -25.00%\n");
}

TEST(AccuracyCommand, ErrorsThatCancelOutAreNoBias) {
  const Result result = Accuracy(Estimate({{"a", 10}, {"b", 30}}),
                                 Actual({{{"a", 30}, {"b", 10}}}),
                                 {.format = ReportFormat::kJson});
  v1::AccuracyReport report;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(result.out, &report).ok());
  EXPECT_EQ(report.bias_percent(), 0);
  EXPECT_EQ(report.weighted_error_percent(), 100);
  EXPECT_EQ(report.absolute_error().ticks(), 40);
  EXPECT_TRUE(report.within_max_error());
}

TEST(AccuracyCommand, TheThresholdIsExact) {
  const struct {
    int64_t estimated;
    int64_t actual;
    const char* max_error;
    ExitCode code;
  } kRows[] = {
      {105, 100, "5%", ExitCode::kOk},
      {95, 100, "5%", ExitCode::kOk},
      {106, 100, "5%", ExitCode::kInaccurate},
      {94, 100, "5%", ExitCode::kInaccurate},
      {100'000'005, 100'000'000, "0.000005", ExitCode::kOk},
      {100'000'006, 100'000'000, "0.000005", ExitCode::kInaccurate},
      {100, 100, "0", ExitCode::kOk},
      {0, 0, "0", ExitCode::kOk},
      {1, 0, "1000000%", ExitCode::kInaccurate},
  };
  for (const auto& row : kRows) {
    const Result result = Accuracy(
        Estimate({{"a", row.estimated}}), Actual({{{"a", row.actual}}}),
        {.max_error = Percent::Parse(row.max_error).value()});
    EXPECT_EQ(result.code, row.code) << row.estimated << " " << row.actual;
    EXPECT_THAT(result.out, HasSubstr("allowed: "));
  }
}

TEST(AccuracyCommand, NothingActualHasNoPercentage) {
  const Result result = Accuracy(Estimate({{"a", kCredit}}), Actual({}));
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_THAT(result.out, HasSubstr("weighted error: - (1 of 0 credits)\n"
                                    "bias: -\n"));
}

TEST(AccuracyCommand, ShowsTenOfManyLines) {
  Lines estimated, actual;
  for (int i = 0; i < 13; ++i) {
    estimated.emplace_back(absl::StrCat("op_", i), 1'000 + i);
    actual.emplace_back(absl::StrCat("op_", i), 1'000);
  }
  const Result result = Accuracy(Estimate(estimated), Actual({actual}),
                                 {.format = ReportFormat::kJson});
  v1::AccuracyReport report;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(result.out, &report).ok());
  EXPECT_EQ(report.lines(), 13);
  ASSERT_EQ(report.worst_lines_size(), 10);
  EXPECT_EQ(report.worst_lines(0).operation(), "op_12");
  EXPECT_EQ(report.worst_lines(9).operation(), "op_3");
  EXPECT_EQ(report.notes(0), "the 10 worst of 13 operations are shown");
}

TEST(AccuracyCommand, WhatIsNoReportIsRefused) {
  v1::UsageReport wrong_total;
  AddLines({{"a", 5}}, *wrong_total.add_accounts());
  wrong_total.mutable_total()->set_ticks(6);
  v1::UsageReport wrong_account = wrong_total;
  wrong_account.mutable_accounts(0)->mutable_total()->set_ticks(4);
  const struct {
    std::string actual;
    const char* what;
  } kRows[] = {
      {"", "no saved report of konpro price"},
      {"{}", "it has no total"},
      {Estimate({{"a", 5}}), "no saved report of konpro price"},
      {Json(wrong_total), "accounts of 5 ticks under a total of 6 ticks"},
      {Json(wrong_account), "lines of 5 ticks under a total of 4 ticks"},
  };
  for (const auto& row : kRows) {
    const Result result = Accuracy(Estimate({{"a", 5}}), row.actual);
    EXPECT_EQ(result.code, ExitCode::kBadInput) << row.what;
    EXPECT_THAT(result.err, HasSubstr(row.what));
    EXPECT_EQ(result.out, "");
  }
}

TEST(AccuracyCommand, ErrorsBeyondTheRangeAreAnError) {
  const Result result =
      Accuracy(Estimate({{"a", INT64_MAX}}), Actual({{{"b", INT64_MAX}}}));
  EXPECT_EQ(result.code, ExitCode::kBadInput);
  EXPECT_THAT(result.err, HasSubstr("leaves the range"));
}

}  // namespace
}  // namespace konpro::cli
