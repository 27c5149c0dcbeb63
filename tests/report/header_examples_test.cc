// The examples of the room's public headers, as they stand there.
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/admission.h"
#include "konpro/access/backend.h"
#include "konpro/access/key_directory.h"
#include "konpro/access/service.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/plan.h"
#include "konpro/estimate/batch_estimate.h"
#include "konpro/estimate/estimator.h"
#include "konpro/estimate/forecast.h"
#include "konpro/estimate/plan_comparison.h"
#include "konpro/estimate/replay.h"
#include "konpro/estimate/saved_report.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/store.h"
#include "konpro/limits/limiter_decision.h"
#include "konpro/limits/rate_window.h"
#include "konpro/limits/schedule.h"
#include "konpro/report/account_message.h"
#include "konpro/report/catalog_report.h"
#include "konpro/report/comparison_report.h"
#include "konpro/report/estimate_report.h"
#include "konpro/report/forecast_report.h"
#include "konpro/report/internal/html_page.h"
#include "konpro/report/internal/percent_text.h"
#include "konpro/report/internal/plan_text.h"
#include "konpro/report/internal/report_line_text.h"
#include "konpro/report/internal/svg_chart.h"
#include "konpro/report/internal/table.h"
#include "konpro/report/ledger_message.h"
#include "konpro/report/replay_report.h"
#include "konpro/report/report_message.h"
#include "konpro/report/usage_report.h"
#include "proto/account.pb.h"
#include "proto/report.pb.h"
#include "proto/usage.pb.h"

namespace konpro {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const UnixNanos kStart = UnixNanos::FromTime(
    absl::FromCivil(absl::CivilDay(2027, 3, 1), absl::UTCTimeZone()));

Schedule MinuteSchedule() {
  const std::vector<RateWindow> minute = ParseWindows("minute:60/1m").value();
  const UnixNanos start =
      UnixNanos::FromTime(kStart.ToTime() + absl::Hours(24) - absl::Minutes(2));
  return Schedule(LimiterWindows(minute[0]), LimiterState{}, start,
                  /*requests=*/61);
}

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
  const PlanComparison& comparison = batch.comparison();
  const std::vector<const Plan*> plans = {&pro};
  const Schedule schedule = MinuteSchedule();
  ASSERT_EQ(chdir(::testing::TempDir().c_str()), 0);
  const EstimateReportOptions options = {.seed = 1};
  // estimate_report.h
  batch.Finish();
  v1::Estimate estimate = ToEstimateReport(batch, catalog, options).value();
  std::vector<v1::Estimate> reports = {
      ToPlanReport(estimate, batch, pro, options).value()};
  EXPECT_EQ(reports[0].plan(), "pro");
  EXPECT_NE(ToRecommendation(batch.comparison()).cheapest(), "");
  std::ostringstream out;
  PrintEstimate(reports, /*recommendation=*/nullptr, ReportFormat::kTable,
                /*explain=*/false, out);
  EXPECT_THAT(out.str(), HasSubstr("avatar_video"));
  const v1::Estimates estimates = ToEstimates(reports, nullptr);
  PrintHtml(estimates, ToEstimatePage("launch.csv", plans, comparison), out);
  EXPECT_THAT(out.str(), HasSubstr("konpro estimate of launch.csv"));
  EXPECT_TRUE(WriteScheduleFile("schedule.csv", schedule, [](int64_t) {}).ok());
  std::ostringstream text;
  text << std::ifstream("schedule.csv").rdbuf();
  EXPECT_THAT(text.str(), StartsWith("request,submit_at,waits_for\n"
                                     "1,2027-03-01T23:58:00Z,\n"));
  EXPECT_THAT(text.str(), EndsWith("61,2027-03-01T23:59:00Z,minute\n"));
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
      ToReplayReports(replay, catalog, {.priced = true});
  std::ostringstream out;
  PrintReplays(reports, plans, replay.mode(), out);
  EXPECT_THAT(out.str(),
              StartsWith("plans that admit every request at once: pro\n"));
}

TEST(HeaderExamples, ReportMessage) {
  const Catalog catalog = Catalog::BuiltIn();
  Estimator estimator(catalog, kStart.ToTime());
  ASSERT_TRUE(estimator
                  .Add({.operation = catalog.FindOperation("avatar_video"),
                        .quantity = 12'500})
                  .ok());
  v1::Estimate report;
  // report_message.h
  EXPECT_EQ(ToAmount(*Credits::Parse("12.5")).credits(), "12.5");
  *report.mutable_lines() =
      ToReportLines(estimator.Lines(), Show(estimator.total()),
                    /*explain=*/false, estimator.prices_since());
  ASSERT_EQ(report.lines_size(), 1);
  EXPECT_EQ(report.lines(0).cost().credits(), estimator.total().ToString());
  EXPECT_EQ(TimeText(absl::FromUnixSeconds(1'798'761'600)),
            "2027-01-01T00:00:00Z");
  EXPECT_EQ(TimeText(absl::InfiniteFuture()), "never");
  EXPECT_EQ(TimeText(absl::InfinitePast()), "always");
  std::ostringstream out;
  PrintJson(ToAmount(*Credits::Parse("12.5")), out);
  EXPECT_EQ(out.str(),
            "{\n \"ticks\": \"75000000\",\n \"credits\": \"12.5\"\n}\n");
}

TEST(HeaderExamples, Account) {
  const Catalog catalog = Catalog::BuiltIn();
  const absl::Time now = kStart.ToTime();
  const auto service = Service::Open(catalog, Backend::InMemory(), {}).value();
  ASSERT_TRUE(service->admission().CreateKey({.account_id = "acme"}, now).ok());
  const auto view = service->admission().Describe("acme", kStart);
  ASSERT_TRUE(view.ok());
  std::ostringstream out;
  // account_message.h
  const v1::Account account =
      ToMessage(*view, service->keys().List("acme"), now);
  PrintJson(account, out);
  EXPECT_THAT(out.str(), HasSubstr("\"acme\""));
  EXPECT_THAT(out.str(), HasSubstr("\"2027-03-01T00:00:00Z\""));
}

TEST(HeaderExamples, Ledger) {
  const auto ledger = Ledger::Open(std::make_unique<MemoryStore>(), {}).value();
  const UnixNanos now = kStart;
  ASSERT_TRUE(
      ledger
          ->Apply({.account = "acme",
                   .id = "welcome",
                   .at = now,
                   .request = GrantCommand{.amount = *Credits::Parse("12.5")}})
          .ok());
  std::ostringstream out;
  // ledger_message.h
  const absl::StatusOr<Account> account = ledger->AccountAt("acme", now);
  PrintJson(ToAccountCredits("acme", *account), out);
  EXPECT_THAT(out.str(), HasSubstr("\"credits\": \"12.5\""));
  out.str("");
  PrintCreditsText(ToAccountCredits("acme", *account), out);
  EXPECT_THAT(out.str(), HasSubstr("12.5"));
}

TEST(HeaderExamples, Forecast) {
  SpendByDay spend;
  for (int day = 4; day <= 6; ++day) {
    ASSERT_TRUE(spend
                    .Add({.day = absl::CivilDay(2027, 1, day),
                          .amount = *Credits::Parse("12")})
                    .ok());
  }
  const ForecastContext context = {.first_day = absl::CivilDay(2027, 1, 7),
                                   .today = absl::CivilDay(2027, 1, 7)};
  const std::vector<DailySpend> days = spend.BuildDailySpend(context.first_day);
  const ForecastOptions asked = {.horizon_days = 2};
  const Forecast forecast = MakeForecast(days, asked).value();
  std::ostringstream out;
  // forecast_report.h
  const v1::Forecast report =
      ToForecastReport(forecast, asked, spend, days, context).value();
  PrintForecast(report, days, context.first_day, out);
  EXPECT_THAT(out.str(), HasSubstr("2027-01-07"));
  EXPECT_EQ(report.total().credits(), "24");
  out.str("");
  PrintHtml(report, {.source = "daily.csv", .history = days}, out);
  EXPECT_THAT(out.str(), HasSubstr("daily.csv"));
}

TEST(ForecastReport, ARefundThatHasNoPlaceIsCountedAndNoted) {
  SpendByDay spend;
  const absl::CivilDay day(2027, 1, 4);
  ASSERT_TRUE(spend.Add({.day = day, .amount = *Credits::Parse("5")}).ok());
  // The day spent less than is refunded.
  EXPECT_EQ(spend.Refund(day, *Credits::Parse("7")), *Credits::Parse("2"));
  const std::vector<DailySpend> days = spend.BuildDailySpend(day + 1);
  const ForecastOptions asked = {.horizon_days = 1};
  const v1::Forecast report =
      ToForecastReport(
          MakeForecast(days, asked).value(), asked, spend, days,
          {.first_day = day + 1, .today = day + 1, .unplaced_refunds = 1})
          .value();
  EXPECT_EQ(report.left_out().unplaced_refunds(), 1);
  std::ostringstream out;
  PrintForecast(report, days, day + 1, out);
  EXPECT_THAT(out.str(), HasSubstr("note: refunds of more than their days had "
                                   "spent, which were left out: 1\n"));
}

TEST(HeaderExamples, CatalogReport) {
  std::ostringstream out;
  // catalog_report.h
  PrintCatalogTables(Catalog::BuiltIn(), out);
  EXPECT_THAT(out.str(), HasSubstr("avatar_video"));
}

TEST(HeaderExamples, ComparisonReport) {
  const SavedReport old_report;
  const SavedReport new_report;
  const SavedReport& estimate = old_report;
  const SavedReport& actual = new_report;
  const Percent ten_percent = Percent::Parse("10%").value();
  std::ostringstream out;
  // comparison_report.h
  const v1::EstimateDiff diff =
      ToEstimateDiff(old_report, new_report, {.percent = ten_percent});
  PrintDiffText(diff, out);
  EXPECT_THAT(out.str(), HasSubstr("allowed increase: 10%"));
  const v1::AccuracyReport accuracy =
      ToAccuracyReport(estimate, actual, /*max_error=*/std::nullopt).value();
  PrintAccuracyText(accuracy, out);
  EXPECT_THAT(out.str(), HasSubstr("weighted error: -"));
  EXPECT_EQ(Percent::Parse("12.5%")->Of(*Credits::Parse("8"))->ToString(), "1");
}

TEST(HeaderExamples, Percent) {
  const Credits eight = *Credits::Parse("8");
  // percent_text.h
  EXPECT_EQ(PercentText(PercentHundredths(eight, *Credits::Parse("12"))),
            "66.67%");
}

TEST(HeaderExamples, Table) {
  std::ostringstream out;
  // table.h
  ReportTable table({{"plan"}, {"credits", ColumnAlign::kRight}});
  table.AddRow({"pro", "12"});
  table.PrintMarkdown(out);
  EXPECT_THAT(out.str(), HasSubstr("| pro | 12 |"));
}

TEST(HeaderExamples, HtmlPageAndSvgChart) {
  std::ostringstream out;
  ReportTable table({{"operation"}});
  HtmlPage page("konpro estimate: 12 credits", out);
  page.Header("estimate of jobs.csv", "12", "credits", "3 requests");
  page.Verdicts({{"within the budget of 20", ChartTone::kGood}});
  page.Section("Cost per operation");
  page.Chart([](absl::string_view suffix, int width) {
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

TEST(HeaderExamples, UsageTotals) {
  const Catalog& catalog = Catalog::BuiltIn();
  v1::UsageRecord record;
  record.set_record_id("r");
  record.set_account_id("acme");
  record.set_operation("avatar_video");
  record.mutable_duration()->set_seconds(60);
  record.mutable_start_time()->set_seconds(1'800'000'000);
  record.mutable_end_time()->set_seconds(1'800'000'060);
  const Plan& pro = *catalog.FindPlan("pro");
  // usage_report.h
  UsageTotals totals(catalog);
  EXPECT_TRUE(totals.Add(record).ok());
  EXPECT_GT(totals.total(), Credits());
  EXPECT_EQ(totals.Accounts()[0].lines[0].quantity, 60'000);
  const v1::UsageReport report = ToUsageReport(totals, {.plan = &pro});
  std::ostringstream out;
  PrintUsageReport(report, ReportFormat::kTable, out);
  EXPECT_THAT(out.str(), HasSubstr("accounts: 1\n"));
}

}  // namespace
}  // namespace konpro
