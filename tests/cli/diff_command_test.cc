#include "konpro/cli/diff_command.h"

#include <fstream>
#include <random>
#include <sstream>
#include <string>

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
using ::testing::Not;

struct Result {
  ExitCode code;
  std::string out;
  std::string err;
};

// Writes `text` where a test may, and says where.
std::string Saved(const std::string& name, const std::string& text) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/", name);
  std::ofstream(path) << text;
  return path;
}

Result Diff(const std::string& old_text, const std::string& new_text,
            DiffOptions options = {}) {
  options.old_file = Saved("old.json", old_text);
  options.new_file = Saved("new.json", new_text);
  std::istringstream in;
  std::ostringstream out, err;
  const ExitCode code = RunDiff(options, {in, out, err});
  return {code, out.str(), err.str()};
}

void AddLine(v1::Estimate& estimate, const char* operation, int64_t jobs,
             int64_t ticks) {
  v1::ReportLine& line = *estimate.add_lines();
  line.set_operation(operation);
  line.set_jobs(jobs);
  line.set_quantity(1'000 * jobs);
  line.set_unit("ms");
  *line.mutable_cost() = ToAmount(Credits::FromTicks(ticks));
  *estimate.mutable_total() =
      ToAmount(Credits::FromTicks(estimate.total().ticks() + ticks));
  estimate.set_requests(estimate.requests() + jobs);
}

v1::Estimate Old() {
  v1::Estimate estimate;
  estimate.set_catalog_version("c-1");
  AddLine(estimate, "avatar_video", 2, 600'000'000);
  AddLine(estimate, "photo_avatar", 1, 12'000'000);
  return estimate;
}

v1::Estimate New() {
  v1::Estimate estimate;
  estimate.set_catalog_version("c-1");
  AddLine(estimate, "avatar_video", 3, 900'000'000);
  AddLine(estimate, "voice_clone", 4, 6'000'001);
  return estimate;
}

std::string Json(const google::protobuf::Message& message) {
  std::ostringstream out;
  PrintJson(message, out);
  return out.str();
}

TEST(DiffCommand, PrintsATablePerLineAndInTotal) {
  const Result result = Diff(Json(Old()), Json(New()));
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out,
            "operation       jobs  old   new  change   percent\n"
            "------------  ------  ---  ----  ------  --------\n"
            "avatar_video  2 -> 3  100   150     +50   +50.00%\n"
            "voice_clone   0 -> 4    0    ~1     +~1         -\n"
            "photo_avatar  1 -> 0    2     0      -2  -100.00%\n"
            "------------  ------  ---  ----  ------  --------\n"
            "total         3 -> 7  102  ~151    +~49   +48.04%\n");
}

TEST(DiffCommand, LinesSumToTheirTotals) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    v1::Estimate sides[2];
    for (v1::Estimate& side : sides) {
      for (const char* operation : {"a", "b", "c", "d", "e"}) {
        if (random() % 4 == 0) continue;
        AddLine(side, operation, 1, static_cast<int64_t>(random() % 1'000'000));
      }
      side.mutable_total();
    }
    const Result result =
        Diff(Json(sides[0]), Json(sides[1]), {.format = ReportFormat::kJson});
    v1::EstimateDiff diff;
    ASSERT_TRUE(
        google::protobuf::util::JsonStringToMessage(result.out, &diff).ok())
        << result.err;
    int64_t old_ticks = 0, new_ticks = 0, change = 0;
    for (const v1::DiffLine& line : diff.lines()) {
      old_ticks += line.old_cost().ticks();
      new_ticks += line.new_cost().ticks();
      change += line.change().ticks();
      EXPECT_EQ(line.change().ticks(),
                line.new_cost().ticks() - line.old_cost().ticks());
    }
    EXPECT_EQ(old_ticks, diff.total().old_cost().ticks());
    EXPECT_EQ(new_ticks, diff.total().new_cost().ticks());
    EXPECT_EQ(change, diff.total().change().ticks());
  }
}

TEST(DiffCommand, AnIncreaseAboveTheThresholdIsOverBudget) {
  v1::Estimate before, after;
  AddLine(before, "a", 1, 600'000'000);
  AddLine(after, "a", 1, 630'000'000);
  const auto credits = [](const char* text) {
    return DiffOptions{.limit = {.credits = Credits::Parse(text).value()}};
  };
  const auto percent = [](const char* text) {
    return DiffOptions{.limit = {.percent = Percent::Parse(text).value()}};
  };
  const struct {
    DiffOptions options;
    ExitCode code;
  } kRows[] = {
      {{}, ExitCode::kOk},
      {credits("5"), ExitCode::kOk},
      {credits("4.999999"), ExitCode::kOverBudget},
      {credits("0"), ExitCode::kOverBudget},
      {percent("5%"), ExitCode::kOk},
      {percent("4.999999%"), ExitCode::kOverBudget},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(Diff(Json(before), Json(after), row.options).code, row.code);
    // A decrease is never too much.
    EXPECT_EQ(Diff(Json(after), Json(before), row.options).code, ExitCode::kOk);
  }
  const Result result = Diff(Json(before), Json(after), credits("2"));
  EXPECT_THAT(result.out, HasSubstr("allowed increase: 2, above it: 3\n"));
  EXPECT_EQ(result.err,
            "konpro: over budget: the total rises by 5, allowed 2\n");
}

TEST(DiffCommand, AnyPercentageOfNothingIsNothing) {
  v1::Estimate nothing, something;
  nothing.mutable_total();
  AddLine(something, "a", 1, 1);
  const DiffOptions options = {
      .limit = {.percent = Percent::Parse("1000%").value()}};
  EXPECT_EQ(Diff(Json(nothing), Json(something), options).code,
            ExitCode::kOverBudget);
  EXPECT_EQ(Diff(Json(nothing), Json(nothing), options).code, ExitCode::kOk);
}

TEST(DiffCommand, SaysWhatPlansRefuseNow) {
  v1::Estimates before, after;
  for (const char* plan : {"free_trial", "pro"}) {
    *before.add_plans() = Old();
    before.mutable_plans(before.plans_size() - 1)->set_plan(plan);
    *after.add_plans() = New();
    after.mutable_plans(after.plans_size() - 1)->set_plan(plan);
    after.mutable_plans(after.plans_size() - 1)->set_catalog_version("c-2");
  }
  before.mutable_plans(0)->add_refused_operations("photo_avatar");
  after.mutable_plans(1)->add_refused_operations("voice_clone");
  const Result result = Diff(Json(before), Json(after));
  EXPECT_THAT(result.out, HasSubstr("note: prices of catalog c-1, then of c-2\n"
                                    "note: plan free_trial allows all of it "
                                    "now\n"
                                    "note: plan pro refuses voice_clone now, "
                                    "before: nothing\n"));
  // One plan against all of them.
  EXPECT_EQ(Diff(Json(Old()), Json(after)).code, ExitCode::kOk);
}

TEST(DiffCommand, WhatIsNoSavedEstimateIsRefused) {
  v1::Estimate wrong_total = Old();
  wrong_total.mutable_total()->set_ticks(1);
  v1::Estimate twice = Old();
  AddLine(twice, "photo_avatar", 1, 5);
  v1::Estimate unpriced = Old();
  unpriced.mutable_lines(0)->clear_cost();
  v1::Estimate negative = Old();
  negative.mutable_lines(0)->mutable_cost()->set_ticks(-5);
  v1::Estimate overflow;
  AddLine(overflow, "a", 1, INT64_MAX);
  AddLine(overflow, "b", 1, 0);
  overflow.mutable_lines(1)->mutable_cost()->set_ticks(INT64_MAX);
  v1::Estimates differing;
  *differing.add_plans() = Old();
  *differing.add_plans() = New();
  differing.mutable_plans(0)->set_plan("small");
  differing.mutable_plans(1)->set_plan("large");
  const struct {
    std::string text;
    const char* what;
  } kRows[] = {
      {"", "not a saved estimate"},
      {"{}", "it is empty"},
      {"[]", "not a saved estimate"},
      {"{\"total\": {\"ticks\": 1},\n \"total\": {\"ticks\": 1}}",
       ":2:2: not a saved estimate: member \"total\" stands twice"},
      {"{\"plans\": [{\"total\": {\"ticks\": 1, \"ticks\": 2}}]}",
       ":1:35: not a saved estimate: member \"ticks\" stands twice"},
      {"{\"total\": {\"ticks\": \"x\"}}", "not a saved estimate"},
      {"{\"totl\": {}}",
       "member \"totl\" is not known; did you mean \"total\"?"},
      {"{\"catalog_version\": \"1\"}", "an estimate without a total"},
      {Json(wrong_total), "lines of 612000000 ticks under a total of 1 ticks"},
      {Json(twice), "\"photo_avatar\" is there twice"},
      {Json(unpriced), "\"avatar_video\" has no price"},
      {Json(negative), "below zero"},
      {Json(overflow), "leaves the range"},
      {Json(differing), "name one by --plan (small, large)"},
      {std::string(5'000, '['), "not a saved estimate"},
  };
  for (const auto& row : kRows) {
    const Result result = Diff(Json(Old()), row.text);
    EXPECT_EQ(result.code, ExitCode::kBadInput) << row.what;
    EXPECT_THAT(result.err, HasSubstr(row.what));
    EXPECT_THAT(result.err, HasSubstr("new.json:"));
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(Diff(row.text, Json(New())).code, ExitCode::kBadInput);
  }
}

TEST(DiffCommand, OfPlansThatCostDifferentAmountsComparesTheOneThatIsNamed) {
  v1::Estimates before, after;
  *before.add_plans() = Old();
  *before.add_plans() = New();
  *after.add_plans() = New();
  *after.add_plans() = Old();
  for (v1::Estimates* estimates : {&before, &after}) {
    estimates->mutable_plans(0)->set_plan("small");
    estimates->mutable_plans(1)->set_plan("large");
  }
  const auto compare = [&](const std::string& plan) {
    DiffOptions options;
    options.plan = plan;
    return Diff(Json(before), Json(after), options);
  };
  EXPECT_EQ(compare("small").out, Diff(Json(Old()), Json(New())).out);
  EXPECT_EQ(compare("large").out, Diff(Json(New()), Json(Old())).out);
  EXPECT_NE(compare("small").out, compare("large").out);
  EXPECT_EQ(compare("").code, ExitCode::kBadInput);
  EXPECT_EQ(compare("smal").code, ExitCode::kBadInput);
  EXPECT_THAT(compare("smal").err,
              HasSubstr("old.json: no estimate of plan \"smal\"; did you mean "
                        "\"small\"?"));
  // An estimate of no plan is none of that plan.
  DiffOptions options;
  options.plan = "small";
  EXPECT_THAT(Diff(Json(Old()), Json(after), options).err,
              HasSubstr("old.json: no estimate of plan \"small\": it is of no "
                        "plan"));
}

TEST(DiffCommand, ReadsOneOfBothFromStandardInput) {
  std::istringstream in(Json(New()));
  std::ostringstream out, err;
  const DiffOptions options = {.old_file = Saved("old.json", Json(Old())),
                               .new_file = "-"};
  EXPECT_EQ(RunDiff(options, {in, out, err}), ExitCode::kOk) << err.str();
  EXPECT_THAT(out.str(), HasSubstr("voice_clone"));
}

TEST(DiffCommand, AFileThatIsNotThereIsAnError) {
  std::istringstream in;
  std::ostringstream out, err;
  EXPECT_EQ(RunDiff({.old_file = "nowhere.json", .new_file = "nowhere.json"},
                    {in, out, err}),
            ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("nowhere.json: cannot be read"));
  EXPECT_THAT(err.str(), Not(HasSubstr("saved estimate")));
}

}  // namespace
}  // namespace konpro::cli
