// The examples of the room's public headers, as they stand there.
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/plan.h"
#include "konpro/estimate/batch_estimate.h"
#include "konpro/estimate/estimator.h"
#include "konpro/estimate/plan_comparison.h"
#include "konpro/estimate/replay.h"
#include "konpro/ledger/usage_totals.h"
#include "konpro/report/estimate_html.h"
#include "konpro/report/estimate_report.h"
#include "konpro/report/estimate_text.h"
#include "konpro/report/internal/html_page.h"
#include "konpro/report/internal/report_line_text.h"
#include "konpro/report/internal/svg_chart.h"
#include "konpro/report/plan_text.h"
#include "konpro/report/replay_report.h"
#include "konpro/report/report_format.h"
#include "konpro/report/report_json.h"
#include "konpro/report/report_message.h"
#include "konpro/report/table.h"
#include "konpro/report/usage_report.h"
#include "proto/report.pb.h"

namespace konpro {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const UnixNanos kStart = UnixNanos::FromTime(
    absl::FromCivil(absl::CivilDay(2027, 3, 1), absl::UTCTimeZone()));

TEST(HeaderExamples, Estimate) {
  const Catalog catalog = Catalog::BuiltIn();
  const Plan& pro = *catalog.FindPlan("pro");
  const PlanQuestion question = {.start = kStart};
  BatchEstimate batch(catalog, kStart.ToTime(), question);
  ASSERT_TRUE(batch
                  .Add({.operation = catalog.FindOperation("avatar_video"),
                        .quantity = 90'000,
                        .jobs = 3})
                  .ok());
  // estimate_report.h
  batch.Finish();
  v1::Estimate estimate = ToEstimateReport(batch, catalog, {.seed = 1}).value();
  std::vector<v1::Estimate> reports = {ToPlanReport(estimate, batch, pro)};
  EXPECT_EQ(reports[0].plan(), "pro");
  EXPECT_NE(ToRecommendation(batch.comparison()).cheapest(), "");
  // estimate_text.h
  std::ostringstream text;
  PrintEstimate({estimate}, /*recommendation=*/nullptr, ReportFormat::kTable,
                /*explain=*/false, text);
  EXPECT_THAT(text.str(), HasSubstr("avatar_video"));
  // estimate_html.h
  std::ostringstream page;
  const std::vector<const Plan*> plans = {&pro};
  PrintHtml(ToEstimates(reports, nullptr),
            ToEstimatePage("launch.csv", plans, batch.comparison()), page);
  EXPECT_THAT(page.str(), HasSubstr("konpro estimate of launch.csv"));
  // report_line_text.h
  EXPECT_EQ(QuantityText(estimate.lines(0)), "4m30s");
}

TEST(HeaderExamples, PlanText) {
  // plan_text.h
  EXPECT_EQ(DurationText(569.2), "9m30s");
  v1::Estimate report;
  report.mutable_deadline()->set_late_seconds(7'200);
  report.mutable_deadline()->add_met_by("scale");
  EXPECT_EQ(DeadlineText(report), "late by 2h; met by scale");
}

TEST(HeaderExamples, Replay) {
  const Catalog catalog = Catalog::BuiltIn();
  const std::vector<const Plan*> plans = {catalog.FindPlan("pro")};
  TraceReplay replay(plans, catalog, ReplayMode::kDrop);
  ASSERT_TRUE(replay.Add({.at = kStart, .account = "acme"}).ok());
  // replay_report.h
  const std::vector<v1::Replay> reports =
      ToReplayReports(replay, catalog, /*priced=*/true);
  std::ostringstream out;
  PrintReplays(reports, plans, replay.mode(), out);
  EXPECT_THAT(out.str(),
              StartsWith("plans that admit every request at once: pro\n"));
}

TEST(HeaderExamples, Usage) {
  const Catalog catalog = Catalog::BuiltIn();
  UsageTotals totals(catalog);
  // usage_report.h
  const v1::UsageReport report =
      ToUsageReport(totals, {.plan = catalog.FindPlan("pro")});
  std::ostringstream out;
  PrintUsageReport(report, ReportFormat::kTable, out);
  EXPECT_THAT(out.str(), HasSubstr("accounts: 0\n"));
}

TEST(HeaderExamples, Json) {
  std::ostringstream out;
  // report_json.h, report_message.h
  PrintJson(ToAmount(*Credits::Parse("12.5")), out);
  EXPECT_EQ(out.str(),
            "{\n \"ticks\": \"75000000\",\n \"credits\": \"12.5\"\n}\n");
}

TEST(HeaderExamples, HtmlPageAndSvgChart) {
  std::ostringstream out;
  ReportTable table({{"operation"}});
  // html_page.h
  HtmlPage page("konpro estimate: 12 credits", out);
  page.Header("estimate of jobs.csv", "12", "credits", "3 requests");
  page.Verdicts({{"within the budget of 20", ChartTone::kGood}});
  page.Section("Cost per operation");
  page.Chart([](absl::string_view suffix, int width) {
    // svg_chart.h
    return BarChart({.id = absl::StrCat("cost", suffix),
                     .title = "Cost",
                     .description = "pro 12, scale 9",
                     .width = width},
                    NumberAxis("credits", 0, 12, /*ticks_max=*/4),
                    {{.label = "pro", .value = "12", .length = 12},
                     {.label = "scale", .value = "9", .length = 9}},
                    /*markers=*/{});
  });
  page.Print(table);
  page.Finish();
  EXPECT_THAT(out.str(), HasSubstr("aria-labelledby=\"cost"));
}

}  // namespace
}  // namespace konpro
