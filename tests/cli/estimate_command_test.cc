#include "konpro/cli/estimate_command.h"

#include <algorithm>
#include <fstream>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/report/report_message.h"
#include "proto/report.pb.h"

namespace konpro::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

struct Result {
  ExitCode code;
  std::string out;
  std::string err;
};

Result Estimate(const std::string& manifest, EstimateOptions options = {}) {
  std::istringstream in(manifest);
  std::ostringstream out;
  std::ostringstream err;
  options.file = "-";
  if (options.start == absl::UnixEpoch()) {
    options.start = absl::FromUnixSeconds(1'800'000'000);
  }
  const ExitCode code = RunEstimate(options, {in, out, err});
  return {code, out.str(), err.str()};
}

Credits Amount(const char* text) { return Credits::Parse(text).value(); }

constexpr char kCampaign[] =
    "operation,quantity,jobs,id\n"
    "avatar_video,1m30s,3,teaser\n"
    "video_translation,1:30,12,\n"
    "photo_avatar,12,,portraits\n"
    "interactive_avatar,0.5h,7,\"live, sessions\"\n";

TEST(EstimateCommand, PrintsATable) {
  const Result result = Estimate(kCampaign);
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out,
            "operation           jobs  quantity  credits\n"
            "------------------  ----  --------  -------\n"
            "avatar_video           3     4m30s      270\n"
            "video_translation     12       18m      540\n"
            "photo_avatar           1  12 image       24\n"
            "interactive_avatar     7     3h30m       21\n"
            "------------------  ----  --------  -------\n"
            "total                 23                855\n"
            "\n"
            "requests: 23\n"
            "plans that allow all of it: pro, scale, enterprise\n"
            "assumed: each job is one request\n"
            "assumed: prices of catalog builtin-1, in effect from the start\n");
}

TEST(EstimateCommand, PrintsJson) {
  const Result result = Estimate(kCampaign, {.plan = "free_trial",
                                             .available = {{Amount("800")}},
                                             .budget = Amount("900"),
                                             .format = ReportFormat::kJson});
  EXPECT_EQ(result.code, ExitCode::kNotAllowed);
  v1::Estimate estimate;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(result.out, &estimate).ok());
  EXPECT_EQ(estimate.catalog_version(), "builtin-1");
  EXPECT_EQ(estimate.plan(), "free_trial");
  ASSERT_EQ(estimate.lines_size(), 4);
  EXPECT_EQ(estimate.lines(2).unit(), "image");
  EXPECT_EQ(estimate.lines(1).cost().ticks(), int64_t{540} * 6'000'000);
  EXPECT_EQ(estimate.total().credits(), "855");
  EXPECT_EQ(estimate.requests(), 23);
  EXPECT_FALSE(estimate.allowed());
  EXPECT_THAT(estimate.refused_operations(), ElementsAre("photo_avatar"));
  EXPECT_EQ(estimate.available().credits(), "800");
  EXPECT_EQ(estimate.shortfall().credits(), "55");
  EXPECT_EQ(estimate.over_budget().credits(), "0");
  EXPECT_THAT(result.out, HasSubstr("\"ticks\": \"5130000000\""));
  EXPECT_THAT(result.out, HasSubstr("\"catalog_version\""));
  EXPECT_THAT(result.out, Not(HasSubstr("explanation")));
}

TEST(EstimateCommand, AllPlansAreAListInJson) {
  const Result result =
      Estimate(kCampaign, {.plan = "all", .format = ReportFormat::kJson});
  EXPECT_EQ(result.code, ExitCode::kOk);
  v1::Estimates estimates;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(result.out, &estimates).ok());
  ASSERT_EQ(estimates.plans_size(), 4);
  EXPECT_FALSE(estimates.plans(0).allowed());
  EXPECT_TRUE(estimates.plans(1).allowed());
  EXPECT_THAT(estimates.plans(3).assumptions(2), HasSubstr("given them"));
}

TEST(EstimateCommand, TheGravestReasonNamesTheCodeAndAllAreTold) {
  const auto code_of = [](EstimateOptions options) {
    const Result result = Estimate(kCampaign, options);
    EXPECT_THAT(result.out, HasSubstr("855"));
    EXPECT_EQ(result.err.empty(), result.code == ExitCode::kOk);
    return result.code;
  };
  EXPECT_EQ(code_of({.available = {{Amount("855")}}}), ExitCode::kOk);
  EXPECT_EQ(code_of({.available = {{Amount("854.999999")}}}),
            ExitCode::kOverAvailable);
  EXPECT_EQ(code_of({.budget = Amount("855")}), ExitCode::kOk);
  EXPECT_EQ(code_of({.available = {{Amount("1")}}, .budget = Amount("854")}),
            ExitCode::kOverBudget);
  EXPECT_EQ(code_of({.plan = "free_trial", .budget = Amount("1")}),
            ExitCode::kNotAllowed);
  EXPECT_EQ(Estimate(kCampaign, {.plan = "free_trial",
                                 .available = {{Amount("1")}},
                                 .budget = Amount("2")})
                .err,
            "konpro: not covered: need 855, available 1, short 854\n"
            "konpro: over budget: 855 credits are 853 above 2\n"
            "konpro: plan free_trial does not allow photo_avatar\n");
}

TEST(EstimateCommand, ExplanationsCanBeRedoneByHand) {
  const Result result = Estimate(
      "operation,quantity\ninteractive_avatar,1500ms\n", {.explain = true});
  EXPECT_THAT(
      result.out,
      HasSubstr("interactive_avatar: jobs 1, quantity 1500 ms; increment 1 ms, "
                "minimum 0 ms, so billed 1500 ms; price 0.1 credits per 60000 "
                "ms from the start; 1500 x 600000 / 60000 = 15000 ticks; 15000 "
                "ticks / 6000000 = 0.0025 credits\n"));
}

TEST(EstimateCommand, JsonLinesSayTheSame) {
  const Result csv = Estimate(kCampaign);
  const Result json = Estimate(
      "{\"operation\": \"avatar_video\", \"quantity\": \"1m30s\", \"jobs\": 3}"
      "\n\n"
      "{\"operation\":\"video_translation\",\"quantity\":\"90s\",\"jobs\":"
      "\"12\",\"id\":null}\r\n"
      "{\"operation\": \"photo_avatar\", \"quantity\": 12, \"id\": \"x\"}\n"
      "{\"operation\": \"interactive_avatar\", \"quantity\": \"30m\", "
      "\"jobs\": 7.0}");
  EXPECT_EQ(json.err, "");
  EXPECT_EQ(json.out, csv.out);
}

TEST(EstimateCommand, OtherListsAreMapped) {
  const char* talks =
      "talk,published,duration,languages,views\n"
      "1,2006-06-27,1164,60,47227110\n"
      "2,2006-06-27,977,43,3200520\n";
  EstimateOptions options;
  options.columns = {.operation = "video_translation",
                     .quantity = "duration",
                     .unit = "s",
                     .jobs = "languages"};
  const Result result = Estimate(talks, options);
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_THAT(result.out, HasSubstr("video_translation   103"));
  EXPECT_THAT(result.out, HasSubstr("55925.5"));
  EXPECT_THAT(result.out,
              HasSubstr("not read: \"talk\", \"published\", \"views\""));

  options.columns = {.operation = "op", .quantity = "n", .jobs = "times"};
  EXPECT_THAT(Estimate("times,n,op\n2,3s,avatar_video\n", options).out,
              HasSubstr("avatar_video     2        6s        6"));
  // A standard column keeps its meaning unless it is left out by name.
  options.columns = {.operation = "avatar_video"};
  EXPECT_THAT(Estimate("quantity,jobs\n3s,2\n", options).out, HasSubstr("6s"));
  options.columns.ignored = {"jobs"};
  EXPECT_THAT(Estimate("quantity,jobs\n3s,2\n", options).out, HasSubstr("3s"));
  options.columns = {.unit = "image"};
  EXPECT_THAT(Estimate("operation,quantity\nphoto_avatar,2\n", options).out,
              HasSubstr("2 image"));
}

TEST(EstimateCommand, AMappedColumnThatIsNotThereIsAnError) {
  const std::string csv = "op,duration,times\navatar_video,3s,2\n";
  const std::string json =
      "{\"op\": \"avatar_video\", \"duration\": \"3s\", \"times\": 2}\n";
  const struct {
    ManifestColumns columns;
    std::string error;
  } kCases[] = {
      {{.operation = "op", .quantity = "duratoin", .jobs = "times"},
       ":1:1: no column \"duratoin\"; did you mean \"duration\"?\n"},
      {{.operation = "op", .quantity = "duration", .jobs = "time"},
       ":1:1: no column \"time\"; did you mean \"times\"?\n"},
      {{.operation = "avatar_vidio", .quantity = "duration", .jobs = "times"},
       ":1:1: no column \"avatar_vidio\", and no operation of that name; did "
       "you mean \"avatar_video\"?\n"},
      {{.operation = "op", .jobs = "times", .ignored = {"quantity"}},
       ":1:1: no column for the quantity: --ignore-columns leaves it out\n"},
  };
  for (const auto& c : kCases) {
    EstimateOptions options;
    options.columns = c.columns;
    for (const std::string& manifest : {csv, json}) {
      const Result result = Estimate(manifest, options);
      EXPECT_EQ(result.code, ExitCode::kBadInput) << c.error;
      EXPECT_EQ(result.err, "-" + c.error) << manifest;
    }
  }
}

TEST(EstimateCommand, ColumnsThatAreIgnoredByNameAreNotRead) {
  EstimateOptions options;
  options.columns.ignored = {"a", "b"};
  const Result result =
      Estimate("a,operation,b,quantity\n?,avatar_video,!,1s\n", options);
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_THAT(result.out, HasSubstr("not read: \"a\", \"b\""));
}

TEST(EstimateCommand, BadInputSaysWhereAndWhatWouldBeRight) {
  const std::string ten_megabytes(10 << 20, 'x');
  const struct {
    std::string manifest;
    std::string error;
  } kCases[] = {
      {"", "-:1:1: empty: a manifest begins with a header row"},
      {"\n \n\n", "-:1:1: empty: a manifest begins with a header row"},
      {"\xEF\xBB\xBF", "-:1:1: empty"},
      {"operation,quantiy\n",
       "-:1:11: unknown column \"quantiy\"; did you mean \"quantity\"?"},
      {"operation,quantity,quantity\n",
       "-:1:20: column \"quantity\" is there already"},
      {"operation\n", "-:1:1: no column \"quantity\"\n"},
      {"operation,quantity\navatar_video,90\n",
       "-:2:14: \"90\" is no quantity: time has a unit: write 90s, 1m30s,"},
      {"operation,quantity\navatar_video,1e9s\n", "-:2:14: \"1e9s\" is no"},
      {"operation,quantity\navatar_video,NaN\n", "-:2:14: \"NaN\" is no"},
      {"operation,quantity\navatar_video,-5s\n", "-:2:14: \"-5s\" is negative"},
      {"operation,quantity\navatar_video,0.5ms\n", "finer than one millisec"},
      {"operation,quantity\navatar_video,9223372036854775808ms\n",
       "-:2:14: \"9223372036854775808ms\" is too large"},
      {"operation,quantity\navatar_video,9223372036854775807ms\n",
       "-:2:14: 1 x 9223372036854775807 ms of avatar_video: the cost leaves"},
      {"operation,quantity,jobs\nphoto_avatar,1,-1\n", "-:2:16: jobs: \"-1\""},
      {"operation,quantity,jobs\nphoto_avatar,1,1.5\n", "-:2:16: jobs: \"1.5"},
      {"operation,quantity\navatar_vidio,1s\n",
       "-:2:1: unknown operation \"avatar_vidio\"; did you mean \"avatar_vid"},
      {"operation,quantity\n,1s\n", "-:2:1: unknown operation \"\""},
      {"operation,quantity\navatar_video\n",
       "-:2:13: a row of 1 cells under a header of 2"},
      {"operation,quantity\navatar_video,1s,x\n", "a row of 3 cells under"},
      {"operation,quantity\n\"avatar_video\",\"1\"s\n",
       "-:2:19: a quote within a cell"},
      {"operation,quantity\navatar_video,\"1s\n",
       "-:2:14: a quote is opened here and never closed"},
      {"operation,quantity,id\navatar_video,1s,\"a\nb\"\navatar_video,1,x\n",
       "-:4:14: \"1\" is no quantity"},
      {"operation,quantity,id\n\"avatar_video\",1s,\"a\nb\"\nx,1s,\"c,\nd\"\n",
       "-:4:1: unknown operation \"x\""},
      {"operation,id,quantity\navatar_video,\"a\n\nb\",90\n",
       "-:4:4: \"90\" is no quantity"},
      {std::string("operation,quantity\navatar_video,1\0s\n", 36),
       "-:2:14: \"1?s\" is no quantity"},
      {"operation,quantity\navatar_video,\xff\xfe\n", "-:2:14: \"??\" is no"},
      {"operation,quantity\n" + ten_megabytes + ",1s\n",
       "-:2:1: a row of more than 1048576 bytes"},
      {"operation,quantity\navatar_video,\"" + ten_megabytes,
       "-:2:1: a row of more than 1048576 bytes"},
      {"{\"operation\": \"avatar_video\", \"quantity\": 90}",
       "-:1:31: \"90\" is no quantity: time has a unit"},
      {"{\"operation\": \"avatar_video\"}", "-:1:1: no column \"quantity\"\n"},
      {"{\"operation\": \"avatar_video\", \"quantity\": null}",
       "-:1:31: \"\" is no quantity"},
      {"{\"operation\": \"avatar_video\", \"quantity\": \"1s\", \"job\": 1}",
       "-:1:49: unknown column \"job\"; did you mean \"jobs\"?"},
      {"{\"operation\": \"avatar_video\", \"quantity\": [1]}",
       "-:1:31: \"quantity\" is neither a text nor a number"},
      // 2^53 + 1, which a reader of JSON takes for 2^53.
      {"{\"operation\": \"photo_avatar\", \"quantity\": 9007199254740993}",
       "-:1:31: \"quantity\" is neither a text nor a number below 2^53"},
      {"{\"operation\": \"photo_avatar\", \"quantity\": 9007199254740991}",
       "-:1:31: 1 x 9007199254740991 image of photo_avatar: the cost leaves"},
      {"{\"operation\": \"photo_avatar\", \"quantity\": 1e300}",
       "number below 2^53"},
      {"{\"operation\": \"photo_avatar\", \"quantity\": NaN}",
       "no JSON object"},
      {"{\"operation\": \"photo_avatar\", ",
       "-:1:30: no JSON object: the object is not closed"},
      {"{\"operation\": \"photo_avatar\", \"quantity\": 1, \"quantity\": 2}",
       "-:1:46: no JSON object: member \"quantity\" stands twice"},
      {"[{\"operation\": \"photo_avatar\", \"quantity\": 1}]",
       "-:1:1: no JSON object: is an array, should be one JSON object: JSON "
       "Lines have one"},
      {"{\n  \"operation\": \"photo_avatar\"\n}",
       "-:1:2: no JSON object: the object is not closed: JSON Lines have one"},
      {"{}\n[]", "-:2:1: no JSON object"},
      {"{\"id\": \"" + ten_megabytes, "-:1:1: a line of more than 1048576"},
  };
  for (const auto& c : kCases) {
    const Result result = Estimate(c.manifest);
    const std::string shown = c.manifest.substr(0, 80);
    EXPECT_EQ(result.code, ExitCode::kBadInput) << shown;
    EXPECT_EQ(result.out, "") << shown;
    EXPECT_THAT(result.err, AllOf(StartsWith("-:"), HasSubstr(c.error)))
        << shown;
  }
}

TEST(EstimateCommand, HostileButRightInputGetsTheRightAnswer) {
  const std::pair<std::string, std::string> kCases[] = {
      {"operation,quantity\n", "total         0                  0"},
      {"\xEF\xBB\xBFoperation,quantity\r\navatar_video,2s\r\n", "2s        2"},
      {"operation,quantity\navatar_video,2s", "2s        2"},
      {"operation , quantity\n avatar_video , 2s \n", "2s        2"},
      {"\n\noperation,quantity\n\navatar_video,2s\n\n", "2s        2"},
      {"operation,quantity\navatar_video,0s\n", "0s        0"},
      {"operation,quantity,id\navatar_video,2s,\"a \"\"b\"\"\n\xff,\"\n",
       "2s        2"},
      {"operation,quantity,jobs\navatar_video,2s,0\n", "total         0"},
      {"operation,quantity,jobs\navatar_video,9223372036854775807ms,0\n",
       "total         0"},
  };
  for (const auto& [manifest, expected] : kCases) {
    const Result result = Estimate(manifest);
    EXPECT_EQ(result.code, ExitCode::kOk) << manifest << result.err;
    EXPECT_THAT(result.out, HasSubstr(expected)) << manifest;
  }
}

TEST(EstimateCommand, TwentyErrorsAreShownAndTheRestCounted) {
  std::string manifest = "operation,quantity\n";
  for (int i = 0; i < 25; ++i) manifest += "x,1s\n";
  const Result result = Estimate(manifest);
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 21);
  EXPECT_THAT(result.err, HasSubstr("-:21:1: "));
  EXPECT_THAT(result.err, EndsWith("-: and 5 more errors\n"));
}

TEST(EstimateCommand, WrongOptionsAreBadInput) {
  EXPECT_THAT(Estimate(kCampaign, {.plan = "por"}).err,
              HasSubstr("--plan: unknown plan \"por\"; did you mean \"pro\"?"));
  EstimateOptions options;
  options.columns.unit = "sec";
  EXPECT_THAT(Estimate(kCampaign, options).err,
              HasSubstr("--unit: unknown unit"));
  options.columns = {
      .operation = "avatar_video", .quantity = "quantity", .unit = "image"};
  EXPECT_THAT(Estimate(kCampaign, options).err,
              HasSubstr("-:2:14: avatar_video is metered in ms, not in image"));
  EXPECT_THAT(Estimate(kCampaign, {.catalog = "/nonexistent"}).err,
              HasSubstr("/nonexistent: cannot be read: No such file"));
}

TEST(EstimateCommand, WhatHasNoPriceIsNotFree) {
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/catalog.textproto");
  std::ofstream(path) << R"(version: "later"
      operations { name: "avatar_video" unit: "ms" }
      operations { name: "voice_clone" unit: "item" }
      price_lists { prices {
        operation: "voice_clone" credits: "1" per: "7" } }
      plans { name: "solo" operations: "avatar_video"
              operations: "voice_clone" })";
  const Result result =
      Estimate("operation,quantity\navatar_video,1s\nvoice_clone,10\n",
               {.catalog = path, .explain = true});
  EXPECT_EQ(result.code, ExitCode::kNotAllowed);
  EXPECT_THAT(result.out, HasSubstr("no price"));
  EXPECT_THAT(result.out, HasSubstr("10 item"));
  EXPECT_THAT(result.out, HasSubstr("~1.428572"));
  EXPECT_THAT(result.out, HasSubstr("for lack of a price: avatar_video"));
  EXPECT_EQ(result.err, "konpro: no price for avatar_video\n");
}

absl::Time At(const char* text) {
  absl::Time time;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, nullptr));
  return time;
}

v1::Estimate JsonOf(const std::string& manifest, EstimateOptions options) {
  options.format = ReportFormat::kJson;
  v1::Estimate estimate;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(
                  Estimate(manifest, options).out, &estimate)
                  .ok());
  return estimate;
}

v1::Estimates JsonOfAll(const std::string& manifest, EstimateOptions options) {
  options.plan = "all";
  options.format = ReportFormat::kJson;
  v1::Estimates estimates;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(
                  Estimate(manifest, options).out, &estimates)
                  .ok());
  return estimates;
}

constexpr char kThousand[] =
    "operation,quantity,jobs\navatar_video,1s,1000\nvideo_translation,10s,1\n";

TEST(EstimateCommand, SaysWhenTheLastRequestGoesOut) {
  const v1::Estimate estimate =
      JsonOf(kThousand, {.plan = "pro", .start = At("2027-03-01T23:58:00Z")});
  const v1::RequestSchedule& schedule = estimate.schedule();
  EXPECT_EQ(schedule.start(), "2027-03-01T23:58:00Z");
  EXPECT_EQ(schedule.first(), "2027-03-01T23:58:00Z");
  EXPECT_EQ(schedule.last(), "2027-03-02T00:14:00Z");
  EXPECT_EQ(schedule.binding_window(), "minute");
  EXPECT_EQ(schedule.duration_seconds(), 16 * 60);

  const v1::Estimate used =
      JsonOf(kThousand, {.plan = "pro",
                         .start = At("2027-03-01T00:00:00.000000001Z"),
                         .used = {{"day", 1'000}, {"minute", 3}}});
  EXPECT_EQ(used.schedule().first(), "2027-03-02T00:00:00Z");
  EXPECT_EQ(used.schedule().last(), "2027-03-03T00:00:00Z");
  EXPECT_EQ(used.schedule().binding_window(), "day");
  EXPECT_FALSE(JsonOf(kThousand, {.plan = "enterprise"}).has_schedule());
  EXPECT_FALSE(
      JsonOf("operation,quantity\nphoto_avatar,1\n", {.plan = "free_trial"})
          .has_schedule());
}

TEST(EstimateCommand, ADeadlineThatIsMissedSaysWhatWouldHaveToChange) {
  EstimateOptions options = {.plan = "pro",
                             .start = At("2027-03-01T09:00:00Z"),
                             .deadline = At("2027-03-01T09:05:00Z")};
  const Result result = Estimate(kThousand, options);
  EXPECT_EQ(result.code, ExitCode::kMissesDeadline);
  EXPECT_EQ(result.err,
            "konpro: plan pro misses the deadline: late by 14h55m; needs "
            "limits of 167 per minute, 1001 per day; met by scale\n");
  const v1::Deadline deadline = JsonOf(kThousand, options).deadline();
  EXPECT_FALSE(deadline.met());
  EXPECT_EQ(deadline.late_seconds(), 14 * 3600 + 55 * 60);
  ASSERT_EQ(deadline.needed_limits_size(), 2);
  EXPECT_EQ(deadline.needed_limits(1).window(), "day");
  EXPECT_EQ(deadline.needed_limits(1).limit(), 1'001);
  EXPECT_THAT(deadline.met_by(), ElementsAre("scale"));

  options.plan = "all";
  EXPECT_EQ(Estimate(kThousand, options).code, ExitCode::kOk);
  options.deadline.reset();
  options.deadline_after = absl::Minutes(3);
  EXPECT_EQ(Estimate(kThousand, options).code, ExitCode::kOk);
  options.deadline_after = absl::Minutes(3) - absl::Nanoseconds(1);
  const Result all = Estimate(kThousand, options);
  EXPECT_EQ(all.code, ExitCode::kMissesDeadline);
  EXPECT_THAT(all.err, HasSubstr("no plan meets the deadline; scale is done at "
                                 "2027-03-01T09:03:00Z, 1s late; enterprise "
                                 "needs limits of 334 per minute, 1001 per "
                                 "day"));
  options.plan = "enterprise";
  EXPECT_THAT(Estimate(kThousand, options).err,
              HasSubstr("plan enterprise: limits not known; the deadline needs "
                        "limits of 334 per minute, 1001 per day"));
  EXPECT_THAT(Estimate(kThousand, options).out,
              AllOf(HasSubstr("enterprise  yes      limits not known"),
                    HasSubstr("enterprise: limits not known"),
                    Not(HasSubstr("misses"))));
  options.format = ReportFormat::kJson;
  EXPECT_THAT(Estimate(kThousand, options).out,
              HasSubstr("\"limits_not_known\": true"));
  options.format = ReportFormat::kTable;
  // What is graver names the code.
  options.available = {{Amount("1")}};
  EXPECT_EQ(Estimate(kThousand, options).code, ExitCode::kOverAvailable);
}

TEST(EstimateCommand, RecommendsThePlanThatCarriesTheWork) {
  const auto of = [](const char* manifest, EstimateOptions options) {
    options.start = At("2027-03-01T09:00:00Z");
    return JsonOfAll(manifest, options).recommendation();
  };
  v1::Recommendation best = of(kThousand, {});
  EXPECT_EQ(best.cheapest(), "free_trial");
  EXPECT_EQ(best.fastest(), "scale");
  EXPECT_THAT(best.reason(), HasSubstr("the same under every plan"));
  best = of(kThousand, {.deadline = At("2027-03-02T00:00:00Z")});
  EXPECT_EQ(best.cheapest(), "pro");
  best = of("operation,quantity\nphoto_avatar,1\n", {});
  EXPECT_EQ(best.cheapest(), "pro");
  EXPECT_EQ(best.fastest(), "pro");
  best = of(kThousand, {.deadline = At("2027-03-01T09:00:00Z")});
  EXPECT_EQ(best.cheapest(), "");
  EXPECT_THAT(best.reason(), HasSubstr("needs limits of 1001 per minute"));
  // Most of it goes out after these credits are gone, but not under scale.
  best = of(kThousand,
            {.available = {{Amount("1005"),
                            UnixNanos::FromTime(At("2027-03-01T09:05:00Z"))}}});
  EXPECT_EQ(best.cheapest(), "scale");
}

TEST(EstimateCommand, CreditsThatExpireCoverWhatGoesOutBefore) {
  // 60 at once, 60 in each of the minutes behind.
  EstimateOptions options = {
      .plan = "pro",
      .start = At("2027-03-01T09:00:00Z"),
      .available = {
          {Amount("500"), UnixNanos::FromTime(At("2027-03-01T09:02:00Z"))},
          {Amount("100")}}};
  const v1::Estimate estimate = JsonOf(kThousand, options);
  EXPECT_EQ(estimate.available().credits(), "600");
  EXPECT_EQ(estimate.expiring().credits(), "380");
  EXPECT_EQ(estimate.shortfall().credits(), "785");
  const Result result = Estimate(kThousand, options);
  EXPECT_EQ(result.code, ExitCode::kOverAvailable);
  EXPECT_EQ(result.err,
            "konpro: not covered: need 1005, available 600, short 785\n");
  EXPECT_THAT(result.out, HasSubstr("380 credits expire before they are used"));
  options.available[1].amount = Amount("885");
  EXPECT_EQ(Estimate(kThousand, options).code, ExitCode::kOk);
}

TEST(EstimateCommand, MoneyIsThereWhereAPlanHasAPrice) {
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/priced.textproto");
  const auto catalog = [&](const char* currency) {
    std::ofstream(path) << R"(version: "priced"
        operations { name: "avatar_video" unit: "ms" }
        price_lists { prices { operation: "avatar_video" credits: "1"
                               per: "1s" } }
        plans { name: "small" operations: "avatar_video"
                windows { name: "day" limit: 10 period: "24h" }
                price { currency: "USD" per_month: "10" per_credit: "0.5" } }
        plans { name: "large" operations: "avatar_video"
                windows { name: "day" limit: 1000 period: "24h" }
                price { currency: ")"
                        << currency << R"(" per_month: "25"
                        per_credit: "0.1" } })";
    return path;
  };
  const char* kManifest = "operation,quantity,jobs\navatar_video,100ms,401\n";
  EstimateOptions options = {.plan = "all",
                             .catalog = catalog("USD"),
                             .start = At("2027-01-31T00:00:00Z")};
  const v1::Estimates estimates = JsonOfAll(kManifest, options);
  EXPECT_EQ(estimates.plans(0).money().amount(), "40.05");  // 40 days, 2 months
  EXPECT_EQ(estimates.plans(0).money().months(), 2);
  EXPECT_EQ(estimates.plans(0).money().currency(), "USD");
  EXPECT_EQ(estimates.plans(1).money().amount(), "29.01");
  EXPECT_EQ(estimates.recommendation().cheapest(), "large");
  EXPECT_EQ(estimates.recommendation().reason(),
            "large costs the least: 29.01 USD; none is done earlier");
  EXPECT_THAT(Estimate(kManifest, options).out, HasSubstr("  29.01 USD\n"));
  options.catalog = catalog("EUR");
  EXPECT_EQ(JsonOfAll(kManifest, options).recommendation().cheapest(), "small");
}

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(EstimateCommand, WritesTheScheduleAsAFile) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/schedule.csv");
  EstimateOptions options = {.plan = "pro",
                             .start = At("2027-03-01T23:59:59.5Z"),
                             .used = {{"day", 938}},
                             .schedule_file = path};
  const char* kManifest = "operation,quantity,jobs\nphoto_avatar,1,63\n";
  EXPECT_EQ(Estimate(kManifest, options).code, ExitCode::kOk);
  const std::string text = FileText(path);
  EXPECT_THAT(text, StartsWith("request,submit_at,waits_for\n"
                               "1,2027-03-01T23:59:59.5Z,\n"));
  EXPECT_THAT(text, EndsWith("60,2027-03-01T23:59:59.5Z,\n"
                             "61,2027-03-02T00:00:00Z,minute\n"
                             "62,2027-03-02T00:00:00Z,minute\n"
                             "63,2027-03-02T00:00:00Z,minute\n"));

  // What cannot be written whole is not there, and what was there stays.
  options.start = At("2262-01-01T00:00:00Z");
  const Result never =
      Estimate("operation,quantity,jobs\nphoto_avatar,1,1000000\n", options);
  EXPECT_EQ(never.code, ExitCode::kInternal);
  EXPECT_THAT(never.out, HasSubstr("never"));
  EXPECT_THAT(never.err, HasSubstr("can never be submitted"));
  EXPECT_THAT(
      Estimate("operation,quantity,jobs\nphoto_avatar,1,100000001\n", options)
          .err,
      HasSubstr("at most 100000000 requests, not 100000001"));
  EXPECT_EQ(FileText(path), text);
  options.schedule_file = "/nonexistent/schedule.csv";
  EXPECT_THAT(Estimate(kManifest, options).err,
              HasSubstr("cannot be written: No such file"));
  options.schedule_file = path;
  options.plan = "free_trial";
  options.used.clear();
  const Result refused = Estimate(kManifest, options);
  EXPECT_EQ(refused.code, ExitCode::kNotAllowed);
  EXPECT_THAT(refused.err, HasSubstr("not written"));
  EXPECT_EQ(FileText(path), text);
}

constexpr char kUncertain[] =
    "operation,quantity,jobs\n"
    "avatar_video,60s..90s..150s,12\n"
    "photo_avatar,2..3..8,5\n"
    "video_translation,10m..10m..10m,1\n";

TEST(EstimateCommand, UncertainQuantitiesGiveARange) {
  const v1::Estimate estimate =
      JsonOf(kUncertain, {.budget = Amount("1500"), .seed = 3});
  EXPECT_EQ(estimate.total().credits(), "1410");
  EXPECT_EQ(estimate.lines(0).uncertain_jobs(), 12);
  EXPECT_FALSE(estimate.lines(1).has_uncertain_jobs());
  EXPECT_EQ(estimate.lines(2).uncertain_jobs(), 5);
  const v1::TotalRange& range = estimate.range();
  EXPECT_EQ(range.samples(), 10'000);
  EXPECT_EQ(range.seed(), "3");
  // The mean is 300 + 12 * 100 + 5 * 2 * 13/3, more than what is likely.
  EXPECT_GT(range.p50().ticks(), estimate.total().ticks());
  EXPECT_LT(range.p10().ticks(), range.p50().ticks());
  EXPECT_LT(range.p50().ticks(), range.p90().ticks());
  EXPECT_GT(range.probability_within_budget(), 0.1);
  EXPECT_LT(range.probability_within_budget(), 0.5);
  EXPECT_FALSE(JsonOf(kCampaign, {.budget = Amount("1")}).has_range());
}

TEST(EstimateCommand, TheSameSeedGivesTheSameBytes) {
  for (const ReportFormat format :
       {ReportFormat::kTable, ReportFormat::kJson, ReportFormat::kMarkdown,
        ReportFormat::kCsv}) {
    const auto run = [&](uint64_t seed) {
      return Estimate(kUncertain, {.seed = seed, .format = format}).out;
    };
    EXPECT_EQ(run(1), run(1));
    EXPECT_NE(run(1), run(2));
  }
}

TEST(EstimateCommand, RangesAreReadAsQuantitiesAre) {
  EstimateOptions options;
  const Result json = Estimate(
      "{\"operation\": \"avatar_video\", \"quantity\": \"1m..90s..2:30\", "
      "\"jobs\": 12}\n{\"operation\": \"photo_avatar\", \"quantity\": "
      "\"2..3..8\", \"jobs\": 5}\n{\"operation\": \"video_translation\", "
      "\"quantity\": \"10m\"}\n",
      options);
  EXPECT_EQ(json.out, Estimate(kUncertain, {}).out);
  options.columns = {.operation = "avatar_video", .unit = "s"};
  EXPECT_THAT(Estimate("quantity\n0.5..1.5..2\n", options).out,
              HasSubstr("1.5s  likely      1.5"));

  const std::pair<const char*, const char*> kErrors[] = {
      {"1s..2s", "\"1s..2s\" is no range: write low..likely..high such as 60s"},
      {"1s..2s..3s..4s", "is no range: write"},
      {"..", "is no range: write"},
      {"1s....3s", "\"\" is no quantity"},
      {"2s..1s..3s", "\"2s..1s..3s\" is no range: low..likely..high never"},
      {"1s..3s..2s", "low..likely..high never falls"},
      {"1..2..3", "\"1\" is no quantity: time has a unit"},
      {"1s..2s..x", "\"x\" is no quantity"},
      {"1s..2s..9223372036854775807ms", "the cost leaves the range"},
  };
  for (const auto& [cell, error] : kErrors) {
    const Result result =
        Estimate(absl::StrCat("operation,quantity\navatar_video,", cell, "\n"));
    EXPECT_EQ(result.code, ExitCode::kBadInput) << cell;
    EXPECT_THAT(result.err, AllOf(StartsWith("-:2:14: "), HasSubstr(error)))
        << cell;
  }
  EXPECT_THAT(Estimate("operation,quantity\nphoto_avatar,1..2\n").err,
              HasSubstr("such as 2..3..8"));
}

TEST(EstimateCommand, OptionsAboutPlansNeedOne) {
  const UnixNanos soon = UnixNanos::FromNanos(1);
  const struct {
    EstimateOptions options;
    const char* error;
  } kCases[] = {
      {{.deadline_after = absl::Hours(1)}, "--deadline: say for which plan"},
      {{.used = {{"minute", 1}}}, "--used: say for which plan"},
      {{.schedule_file = "x"}, "--schedule: say for which plan"},
      {{.plan = "all", .schedule_file = "x"}, "--schedule: say for which plan"},
      {{.plan = "enterprise", .schedule_file = "x"},
       "--schedule: plan enterprise has no request limits"},
      {{.available = {{Credits(), soon}}},
       "--available with an expiry: say for which plan"},
      {{.available = {{Credits::Max()}, {Credits::Max()}}},
       "--available: the sum leaves"},
      {{.plan = "pro", .used = {{"minuet", 1}}},
       "--used: no window is named \"minuet\"; did you mean \"minute\"?"},
      {{.plan = "pro", .used = {{"day", 1}, {"day", 1}}},
       "--used: window \"day\" is there twice"},
      {{.plan = "pro", .start = At("1969-12-31T23:59:59Z")}, "--start: is out"},
      {{.plan = "pro", .start = absl::InfiniteFuture()}, "--start: is outside"},
      {{.plan = "pro",
        .start = At("2027-01-01T00:00:01Z"),
        .deadline = At("2027-01-01T00:00:00Z")},
       "--deadline: is before the start"},
  };
  for (const auto& [options, error] : kCases) {
    const Result result = Estimate(kCampaign, options);
    EXPECT_EQ(result.code, ExitCode::kBadInput) << error;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(error));
  }
}

TEST(EstimateCommand, MoreThanTheLimitCountsAsTheLimit) {
  const Result result = Estimate("operation,quantity\navatar_video,1s\n",
                                 {.plan = "all",
                                  .start = At("2027-03-01T09:00:30Z"),
                                  .used = {{"minute", 12}, {"day", 100}}});
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_THAT(result.out,
              HasSubstr("free_trial  yes      2027-03-02 00:00:00  day\n"));
  EXPECT_THAT(result.out,
              HasSubstr("assumed: free_trial: 12 used in window minute count "
                        "as its limit, 10\n"));
}

// The millionths that a text of credits shows.
int64_t Millionths(absl::string_view text) {
  if (text.front() == '~') text.remove_prefix(1);
  return Credits::Parse(text).value().ticks() / 6;
}

TEST(EstimateCommand, LinesSumToTheTotalInEveryFormat) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/thirds");
  std::mt19937_64 random(26);
  for (int i = 0; i < 300; ++i) {
    std::ofstream(path) << absl::StrCat(
        "version: \"thirds\" operations { name: \"a\" unit: \"item\" } "
        "operations { name: \"b\" unit: \"item\" } "
        "operations { name: \"c\" unit: \"item\" } price_lists { ",
        "prices { operation: \"a\" credits: \"1\" per: \"", 1 + random() % 99,
        "\" } prices { operation: \"b\" credits: \"0.000001\" per: \"",
        1 + random() % 9,
        "\" } prices { operation: \"c\" credits: \"7\" per: ", "\"",
        1 + random() % 999, "\" } } plans { name: \"p\" }");
    std::string manifest = "operation,quantity,jobs\n";
    for (int row = 0; row < 9; ++row) {
      const uint64_t likely = random() % 1000;
      absl::StrAppend(&manifest, std::string(1, 'a' + random() % 3), ",");
      if (i % 15 == 1 && random() % 2 == 0) {
        absl::StrAppend(&manifest, likely / 2, "..", likely, "..",
                        likely + random() % 99);
      } else {
        absl::StrAppend(&manifest, likely);
      }
      absl::StrAppend(&manifest, ",", random() % 50, "\n");
    }
    const auto run = [&](ReportFormat format) {
      return Estimate(manifest, {.catalog = path, .format = format}).out;
    };
    v1::Estimate estimate;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(
                    run(ReportFormat::kJson), &estimate)
                    .ok());
    int64_t ticks = 0;
    int64_t millionths = 0;
    for (const v1::ReportLine& line : estimate.lines()) {
      ticks += line.cost().ticks();
      millionths += Millionths(line.cost().credits());
    }
    EXPECT_EQ(ticks, estimate.total().ticks());
    EXPECT_EQ(millionths, Millionths(estimate.total().credits()));

    // The last column of each line of the other forms.
    const auto check = [&](const std::string& text, char separator) {
      std::vector<int64_t> shown;
      for (absl::string_view line : absl::StrSplit(text, '\n')) {
        if (line.empty() && !shown.empty()) break;
        std::vector<std::string> cells =
            absl::StrSplit(line, separator, absl::SkipEmpty());
        while (!cells.empty() &&
               (cells.back().find_first_not_of(" *") == std::string::npos ||
                cells.back() == "exact" || cells.back() == "likely")) {
          cells.pop_back();
        }
        if (cells.empty()) continue;
        std::string cell = cells.back();
        cell.erase(std::remove_if(cell.begin(), cell.end(),
                                  [](char c) { return c == ' ' || c == '*'; }),
                   cell.end());
        const std::string digits = cell.substr(cell.front() == '~' ? 1 : 0);
        if (Credits::Parse(digits).ok()) shown.push_back(Millionths(cell));
      }
      ASSERT_EQ(shown.size(), estimate.lines_size() + 1u) << text;
      const int64_t total = shown.back();
      shown.pop_back();
      EXPECT_EQ(std::accumulate(shown.begin(), shown.end(), int64_t{0}), total)
          << text;
    };
    check(run(ReportFormat::kTable), ' ');
    check(run(ReportFormat::kMarkdown), '|');
    check(run(ReportFormat::kCsv), ',');
  }
}

// Two price lists; plans of 1,000 requests a day and of 100,000.
std::string CatalogWithTwoLists() {
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/two_lists.textproto");
  std::ofstream(path) << R"(
version: "two"
operations { name: "avatar_video" unit: "ms" }
price_lists { prices { operation: "avatar_video" credits: "1" per: "1s" } }
price_lists {
  effective_at: "2027-01-01T00:00:00Z"
  prices { operation: "avatar_video" credits: "2" per: "1s" }
}
plans {
  name: "pro"
  windows { name: "day" limit: 1000 period: "24h" }
  operations: "avatar_video"
}
plans {
  name: "scale"
  windows { name: "day" limit: 100000 period: "24h" }
  operations: "avatar_video"
}
plans { name: "open" operations: "avatar_video" })";
  return path;
}

const absl::Time kNoonBeforeTheNewPrices = absl::FromCivil(
    absl::CivilSecond(2026, 12, 31, 12, 0, 0), absl::UTCTimeZone());

TEST(EstimateCommand, RequestsThatWaitForANewPriceListCostWhatItSays) {
  const std::string manifest =
      "operation,quantity,jobs\navatar_video,10s,1500\n";
  EstimateOptions options = {.plan = "pro",
                             .catalog = CatalogWithTwoLists(),
                             .start = kNoonBeforeTheNewPrices,
                             .budget = Amount("16000")};
  const Result pro = Estimate(manifest, options);
  EXPECT_EQ(pro.code, ExitCode::kOverBudget);
  EXPECT_EQ(pro.err,
            "konpro: over budget: 20000 credits are 4000 above 16000\n");
  EXPECT_THAT(
      pro.out,
      AllOf(HasSubstr("total         1500              20000\n"),
            HasSubstr("pro: 1000 requests go out at prices from the start "
                      "(10000 credits), 500 at prices since "
                      "2027-01-01T00:00:00Z (10000 credits)\n"),
            HasSubstr("in effect when each request goes out\n")));

  options.format = ReportFormat::kJson;
  options.explain = true;
  v1::Estimate report;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(
                  Estimate(manifest, options).out, &report)
                  .ok());
  ASSERT_EQ(report.price_periods_size(), 2);
  EXPECT_EQ(report.price_periods(0).requests(), 1000);
  EXPECT_EQ(report.price_periods(1).cost().credits(), "10000");
  ASSERT_EQ(report.price_periods(1).lines_size(), 1);
  EXPECT_EQ(report.price_periods(1).lines(0).explanation().price().credits(),
            "2");
  EXPECT_EQ(report.total().credits(), "20000");
  EXPECT_EQ(report.over_budget().credits(), "4000");

  // The prices of a given time are those of all requests.
  options.format = ReportFormat::kTable;
  options.explain = false;
  options.at = kNoonBeforeTheNewPrices;
  const Result fixed = Estimate(manifest, options);
  EXPECT_EQ(fixed.code, ExitCode::kOk);
  EXPECT_THAT(fixed.out, Not(HasSubstr("go out at prices")));
}

TEST(EstimateCommand, PlansMayCostDifferentAmounts) {
  const std::string manifest =
      "operation,quantity,jobs\navatar_video,10s,1500\n";
  EstimateOptions options = {.plan = "all",
                             .catalog = CatalogWithTwoLists(),
                             .start = kNoonBeforeTheNewPrices,
                             .budget = Amount("16000")};
  const Result all = Estimate(manifest, options);
  // One of the plans is within the budget.
  EXPECT_EQ(all.code, ExitCode::kOk) << all.err;
  EXPECT_THAT(
      all.out,
      AllOf(HasSubstr("pro: budget: 16000, above it: 4000\n"),
            HasSubstr("scale: budget: 16000, above it: 0\n"),
            HasSubstr("cheapest: scale, fastest: scale\n"),
            HasSubstr("because scale takes the fewest credits: 15000, because "
                      "prices change while requests wait"),
            HasSubstr("all requests go out before other prices are in effect, "
                      "from 2027-01-01T00:00:00Z on")));
  options.budget = Amount("14999");
  EXPECT_EQ(Estimate(manifest, options).code, ExitCode::kOverBudget);
}

}  // namespace
}  // namespace konpro::cli
