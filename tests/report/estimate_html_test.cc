#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"
#include "konpro/limits/schedule.h"
#include "konpro/report/estimate_report.h"
#include "tests/testing/hostile_message.h"
#include "tests/testing/html_structure.h"

namespace konpro {
namespace {

using ::konpro::testing::CountOf;
using ::konpro::testing::kHostileText;
using ::konpro::testing::MakeHostile;
using ::konpro::testing::NestingError;
using ::konpro::testing::TagsOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kDay = 86'400 * kSecond;
constexpr int64_t kStart = 1'699'920'000 * kSecond;  // of a day

RateWindow Fixed(const char* name, int64_t limit, absl::Duration period) {
  return RateWindow::Create({.name = name, .limit = limit, .period = period})
      .value();
}

LimiterWindows Pro() {
  return LimiterWindows(Fixed("minute", 60, absl::Minutes(1)),
                        Fixed("day", 1'000, absl::Hours(24)));
}

Schedule Of(const LimiterWindows& windows, int64_t start, uint64_t requests) {
  return Schedule(windows, LimiterState{}, UnixNanos::FromNanos(start),
                  requests);
}

SubmissionSample Sample(absl::Duration elapsed, int64_t submitted) {
  return {elapsed, submitted};
}

TEST(SampleSubmissions, KeepsTheCornersOfAShortSchedule) {
  EXPECT_THAT(SampleSubmissions(Of(Pro(), kStart, 0)), IsEmpty());
  EXPECT_THAT(SampleSubmissions(Of(Pro(), kStart, 7)),
              ElementsAre(Sample(absl::ZeroDuration(), 0),
                          Sample(absl::ZeroDuration(), 7)));
  EXPECT_THAT(
      SampleSubmissions(Of(Pro(), kStart + 30 * kSecond, 150)),
      ElementsAre(
          Sample(absl::ZeroDuration(), 0), Sample(absl::ZeroDuration(), 60),
          Sample(absl::Seconds(30), 60), Sample(absl::Seconds(30), 120),
          Sample(absl::Seconds(90), 120), Sample(absl::Seconds(90), 150)));
}

TEST(SampleSubmissions, HasNoneForWhatIsNeverDone) {
  EXPECT_THAT(SampleSubmissions(Of(Pro(), kStart, Schedule::kRequestsMax)),
              IsEmpty());
}

TEST(SampleSubmissions, IsSmallForAnyNumberOfRequests) {
  const auto samples = SampleSubmissions(Of(Pro(), kStart, 80'000'000));
  EXPECT_LE(samples.size(), 2 * 201 + 1u);
  EXPECT_EQ(samples.back().submitted, 80'000'000);
}

// How many are out at `time`, on straight lines between samples.
double On(const std::vector<SubmissionSample>& samples, absl::Duration time) {
  double before = 0;
  for (size_t i = 1; i < samples.size(); ++i) {
    const SubmissionSample& a = samples[i - 1];
    const SubmissionSample& b = samples[i];
    if (b.elapsed <= time) {
      before = static_cast<double>(b.submitted);
    } else if (a.elapsed <= time) {
      return static_cast<double>(a.submitted) +
             static_cast<double>(b.submitted - a.submitted) *
                 absl::FDivDuration(time - a.elapsed, b.elapsed - a.elapsed);
    }
  }
  return before;
}

TEST(SampleSubmissions, LeavesTheStaircaseByLessThanAStretch) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100; ++i) {
    const auto limit = static_cast<int64_t>(1 + random() % 40);
    const RateWindow minute =
        RateWindow::Create({.name = "minute",
                            .kind = random() % 2 == 0
                                        ? WindowKind::kFixed
                                        : WindowKind::kTokenBucket,
                            .limit = limit,
                            .period = absl::Seconds(1 + random() % 90)})
            .value();
    const RateWindow day =
        Fixed("day", static_cast<int64_t>(1 + random() % 900), absl::Hours(24));
    const LimiterWindows windows(minute, day);
    const Schedule schedule =
        Of(windows, kStart + static_cast<int64_t>(random() % kDay),
           1 + random() % 3'000);
    const auto samples = SampleSubmissions(schedule);
    ASSERT_EQ(samples.front(), Sample(absl::ZeroDuration(), 0));
    ASSERT_EQ(
        samples.back(),
        Sample(schedule.duration(), static_cast<int64_t>(schedule.requests())));
    const absl::Duration stretch = schedule.duration() / 200;
    int64_t out = 0;
    int64_t out_before = 0;
    absl::Duration last = -absl::InfiniteDuration();
    for (const Submission& submission : schedule.Submissions()) {
      const absl::Duration elapsed = submission.at - schedule.start();
      if (elapsed > last) out_before = out;
      last = elapsed;
      ++out;
      EXPECT_LE(On(samples, elapsed - absl::Nanoseconds(1) - stretch),
                static_cast<double>(out_before) + 1e-6);
      EXPECT_GE(On(samples, elapsed + stretch),
                static_cast<double>(out) - 1e-6);
    }
  }
}

constexpr char kEstimates[] = R"pb(
  plans {
    catalog_version: "builtin-1"
    plan: "pro"
    lines {
      operation: "avatar_video"
      jobs: 99
      quantity: 8616750
      unit: "ms"
      cost { ticks: 51700500000 credits: "8616.75" }
      uncertain_jobs: 12
    }
    lines {
      operation: "photo_avatar"
      jobs: 24
      quantity: 146
      unit: "image"
      cost { ticks: 1752000000 credits: "292" }
    }
    lines { operation: "voice_clone" jobs: 1 quantity: 3 unit: "item" }
    total { ticks: 53452500000 credits: "8908.75" }
    requests: 124
    allowed: true
    unpriced_operations: "voice_clone"
    available { ticks: 54000000000 credits: "9000" }
    shortfall { credits: "0" }
    budget { ticks: 48000000000 credits: "8000" }
    over_budget { ticks: 5452500000 credits: "908.75" }
    assumptions: "each job is one request"
    schedule {
      start: "2027-03-01T09:00:00Z"
      first: "2027-03-01T09:00:00Z"
      last: "2027-03-01T09:02:00Z"
      binding_window: "minute"
      duration_seconds: 120
    }
    range {
      p10 { ticks: 54000000000 credits: "~9000.000001" }
      p50 { ticks: 56000000000 credits: "9333.3" }
      p90 { ticks: 60000000000 credits: "10000" }
      probability_within_budget: 0.031
      samples: 10000
      seed: "7"
    }
    deadline {
      at: "2027-03-01T09:01:00Z"
      met: false
      late_seconds: 60
      met_by: "scale"
    }
    expiring { ticks: 6000000 credits: "1" }
    money { currency: "USD" amount: "188.09" months: 1 }
  }
  plans {
    catalog_version: "builtin-1"
    plan: "free_trial"
    total { ticks: 53452500000 credits: "8908.75" }
    requests: 124
    refused_operations: "photo_avatar"
    assumptions: "each job is one request"
    assumptions: "free_trial is small"
  }
  recommendation { cheapest: "pro" fastest: "pro" reason: "it is the only one" }
)pb";

v1::Estimates Parse(const char* text) {
  v1::Estimates estimates;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &estimates));
  return estimates;
}

EstimatePage Page(const v1::Estimates& estimates) {
  EstimatePage page = {.source = "launch.csv", .plans = {}};
  page.plans.resize(static_cast<size_t>(estimates.plans_size()));
  page.plans[0] = {.limits = "60 per minute, 1000 per day",
                   .submissions = SampleSubmissions(Of(Pro(), kStart, 124))};
  return page;
}

std::string Html(const v1::Estimates& estimates) {
  std::ostringstream out;
  PrintHtml(estimates, Page(estimates), out);
  return out.str();
}

TEST(EstimateHtml, SaysAllOfTheReport) {
  const std::string html = Html(Parse(kEstimates));
  EXPECT_EQ(NestingError(html), "");
  for (const char* text : {
           "<title>konpro estimate of launch.csv: 8908.75 credits</title>",
           "<b>8908.75</b> <span>credits, likely</span>",
           ">908.75 above the budget of 8000<",
           ">budget kept in 3.1% of samples<",
           ">no price: voice_clone<",
           "<h2>Cost per operation</h2>",
           "<td>avatar_<wbr>video</td><td class=\"right\">99</td><td "
           "class=\"right\">2h23m36.75s</td><td "
           "class=\"right\">8616.75</td><td>"
           "assumed: 12 of 99 jobs</td>",
           "<td class=\"right\">292</td><td>exact</td>",
           "<td class=\"right\">no price</td>",
           "<td>total</td><td class=\"right\">124</td>",
           "<h2>Range of the total</h2>",
           ">~9000.000001<",
           "between ~9000.000001 and 10000 credits; in half of them at most "
           "9333.3. It stays within the budget in 3.1%.",
           "The likely quantities alone come to 8908.75, which is outside",
           "10000 samples, seed 7",
           "<h2>Plans and submission timeline</h2>",
           "Cheapest: pro. Fastest: pro.",
           "Because it is the only one.",
           "<dt>limits</dt><dd>60 per minute, 1000 per day</dd>",
           "<dt>last request</dt><dd>2027-03-01T09:02:00Z</dd>",
           "<dt>takes</dt><dd>2m</dd>",
           "<dt>waits for</dt><dd>minute</dd>",
           "<dt>deadline</dt><dd>late by 1m; met by scale</dd>",
           "<dt>expires unused</dt><dd>1</dd>",
           "<dt>money</dt><dd>188.09 USD, 1 month</dd>",
           ">does not allow photo_avatar<",
           ">not allowed</text>",
           "<li>each job is one request</li>",
           "<li>free_trial is small</li>",
       }) {
    EXPECT_THAT(html, HasSubstr(text));
  }
  EXPECT_EQ(CountOf("<li>each job is one request</li>", html), 1);
}

TEST(EstimateHtml, EveryChartHasATitleAndADescription) {
  const std::string html = Html(Parse(kEstimates));
  // Three charts for two widths each, and one in a card.
  EXPECT_EQ(CountOf("<svg ", html), 7);
  EXPECT_EQ(CountOf("role=\"img\"", html), 7);
  EXPECT_EQ(CountOf("<desc id=", html), 7);
  EXPECT_EQ(CountOf("<desc id=\"\"", html) + CountOf("\"></desc>", html), 0);
  for (const char* id : {"cost-wide", "cost-narrow", "range-wide",
                         "plans-narrow", "timeline-0"}) {
    EXPECT_EQ(CountOf(absl::StrCat("<title id=\"", id, "-t\">"), html), 1)
        << id;
  }
}

// Prices change while requests wait: the page is of all plans, not of the
// first.
TEST(EstimateHtml, EachPlanHasItsVerdictIfTheyCostDifferentAmounts) {
  v1::Estimates estimates;
  const auto add = [&](const char* plan, const char* total, int64_t ticks,
                       int64_t over, int64_t lacks) {
    v1::Estimate& estimate = *estimates.add_plans();
    estimate.set_plan(plan);
    estimate.set_allowed(true);
    estimate.set_requests(3);
    v1::ReportLine& line = *estimate.add_lines();
    line.set_operation("avatar_video");
    line.mutable_cost()->set_credits(total);
    line.mutable_cost()->set_ticks(ticks);
    *estimate.mutable_total() = line.cost();
    estimate.mutable_budget()->set_credits("16");
    estimate.mutable_over_budget()->set_ticks(over);
    estimate.mutable_over_budget()->set_credits("4");
    estimate.mutable_available()->set_credits("20");
    estimate.mutable_shortfall()->set_ticks(lacks);
    estimate.mutable_shortfall()->set_credits("8");
  };
  add("small", "28", 28, 12, 8);
  add("pro", "20", 20, 4, 0);
  add("scale", "15", 15, 0, 0);
  const auto html = [&] {
    std::ostringstream out;
    PrintHtml(estimates, {.source = "f", .plans = {{}, {}, {}}}, out);
    EXPECT_EQ(NestingError(out.str()), "");
    return out.str();
  };
  const std::string page = html();
  for (const char* text : {
           "<title>konpro estimate of f: 15 to 28 credits</title>",
           "so each plan costs another amount",
           ">covered by what is available: pro, scale<",
           ">within the budget of 16: scale<",
           "<h2>Cost per operation: plan small</h2>",
           "<h2>Cost per operation: plan pro</h2>",
           "<h2>Cost per operation: plan scale</h2>",
           "<h2>Totals against budget and balance</h2>",
           "small 28; pro 20; scale 15; budget 16; available 20",
           "<dt>total</dt><dd>28 credits</dd>",
           "<dt>total</dt><dd>15 credits</dd>",
           ">8 short: 20 available<",
           ">4 above the budget of 16<",
           ">within the budget of 16<",
       }) {
    EXPECT_THAT(page, HasSubstr(text));
  }
  EXPECT_EQ(CountOf(">4 above the budget of 16<", page), 2);
  EXPECT_EQ(CountOf("<title id=\"cost-1-wide-t\">", page), 1);
  EXPECT_THAT(page, Not(HasSubstr("under plan")));
  // No plan has money enough.
  estimates.mutable_plans()->RemoveLast();
  std::ostringstream out;
  PrintHtml(estimates, {.source = "f", .plans = {{}, {}}}, out);
  EXPECT_THAT(out.str(), HasSubstr(">no plan is within the budget of 16<"));
}

TEST(EstimateHtml, OnePlanHasAWideTimeline) {
  v1::Estimates estimates = Parse(kEstimates);
  estimates.mutable_plans()->RemoveLast();
  estimates.clear_recommendation();
  const std::string html = Html(estimates);
  EXPECT_EQ(NestingError(html), "");
  EXPECT_THAT(html, HasSubstr("<title id=\"timeline-wide-t\">"));
  EXPECT_THAT(html, HasSubstr("124 requests under plan pro"));
  EXPECT_THAT(html, HasSubstr("deadline 2027-03-01T09:01:00Z missed"));
  EXPECT_THAT(html, HasSubstr(">covered: 9000 available<"));
  EXPECT_THAT(html, Not(HasSubstr("Cheapest")));
}

TEST(EstimateHtml, WithoutAPlanNamesThoseThatAllowIt) {
  const std::string html = Html(Parse(R"pb(
    plans {
      catalog_version: "builtin-1"
      lines {
        operation: "avatar_video"
        jobs: 1
        quantity: 12000
        unit: "ms"
        cost { ticks: 72000000 credits: "12" }
      }
      total { ticks: 72000000 credits: "12" }
      requests: 1
      allowed: true
      allowed_plans: "pro"
      allowed_plans: "scale"
      budget { ticks: 120000000 credits: "20" }
      over_budget { credits: "0" }
    }
  )pb"));
  EXPECT_EQ(NestingError(html), "");
  EXPECT_THAT(html, HasSubstr("Plans that allow all of it: pro, scale."));
  EXPECT_THAT(html, HasSubstr("<h2>Total against budget and balance</h2>"));
  EXPECT_THAT(html, HasSubstr(">within the budget of 20<"));
  EXPECT_THAT(html, HasSubstr("All quantities are known"));
  EXPECT_THAT(html, Not(HasSubstr("timeline")));
}

TEST(EstimateHtml, AnEmptyManifestIsAPageToo) {
  const std::string html = Html(Parse(R"pb(
    plans {
      catalog_version: "builtin-1"
      total { credits: "0" }
      allowed: true
    }
  )pb"));
  EXPECT_EQ(NestingError(html), "");
  EXPECT_THAT(html, HasSubstr("<b>0</b> <span>credits</span>"));
  EXPECT_THAT(html, HasSubstr("Plans that allow all of it: none."));
}

TEST(EstimateHtml, WhatIsNeverDoneIsSaidToBe) {
  v1::Estimates estimates = Parse(kEstimates);
  v1::RequestSchedule& schedule =
      *estimates.mutable_plans(0)->mutable_schedule();
  schedule.set_last("");
  schedule.set_duration_seconds(std::numeric_limits<double>::infinity());
  std::ostringstream out;
  PrintHtml(estimates, {.source = "", .plans = {{}, {}}}, out);
  EXPECT_EQ(NestingError(out.str()), "");
  EXPECT_THAT(out.str(), HasSubstr("<dt>last request</dt><dd>never</dd>"));
  EXPECT_THAT(out.str(), HasSubstr("<dt>takes</dt><dd>never</dd>"));
  EXPECT_THAT(out.str(), Not(HasSubstr("nan")));
}

TEST(EstimateHtml, NoTextBecomesATag) {
  v1::Estimates estimates = Parse(kEstimates);
  v1::Explanation& explanation =
      *estimates.mutable_plans(0)->mutable_lines(0)->mutable_explanation();
  explanation.set_rounding("none");
  explanation.set_price_version("from the start");
  std::ostringstream benign;
  EstimatePage page = Page(estimates);
  PrintHtml(estimates, page, benign);
  MakeHostile(estimates);
  page.source += kHostileText;
  page.plans[0].limits += kHostileText;
  std::ostringstream hostile;
  PrintHtml(estimates, page, hostile);
  EXPECT_THAT(hostile.str(), HasSubstr("&lt;script&gt;alert(1)"));
  EXPECT_THAT(hostile.str(), Not(HasSubstr("<script")));
  EXPECT_EQ(TagsOf(hostile.str()), TagsOf(benign.str()));
}

TEST(EstimateHtml, RefusesEverythingFromOutside) {
  const std::string html = Html(Parse(kEstimates));
  EXPECT_THAT(
      html,
      HasSubstr("http-equiv=\"Content-Security-Policy\" content=\"default-src "
                "'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                "form-action 'none'\""));
  for (const char* outside : {"http:", "https:", "url(", "@import", "<script",
                              "<link", "<img", "src="}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
}

}  // namespace
}  // namespace konpro
