// The examples of the room's public headers, as they stand there.
#include <unistd.h>

#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/plan.h"
#include "konpro/estimate/replay.h"
#include "konpro/input/catalog_input.h"
#include "konpro/input/input_file.h"
#include "konpro/input/internal/line_reader.h"
#include "konpro/input/internal/trace_time.h"
#include "konpro/input/internal/usage_json.h"
#include "konpro/input/json_message.h"
#include "konpro/input/manifest.h"
#include "konpro/input/saved_report.h"
#include "konpro/input/spend_history.h"
#include "konpro/input/trace.h"
#include "konpro/input/usage_input.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/store.h"
#include "konpro/report/usage_report.h"
#include "proto/usage.pb.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

// A file that an example finds under its bare name.
void WriteHere(const std::string& name, const std::string& text) {
  ASSERT_EQ(chdir(::testing::TempDir().c_str()), 0);
  std::ofstream(name) << text;
}

TEST(HeaderExamples, InputFile) {
  WriteHere("jobs.csv", "a\nb");
  std::istringstream in;
  std::string read;
  // input_file.h
  InputFile input("jobs.csv", in, /*progress_out=*/nullptr);
  for (absl::string_view block = input.Read(); !block.empty();
       block = input.Read()) {
    absl::StrAppend(&read, block);
  }
  EXPECT_EQ(input.error(), "");
  EXPECT_EQ(read, "a\nb");

  std::ostringstream err;
  InputErrors errors("jobs.csv", err);
  errors.Add(3, 7, "no quantity");
  errors.AddForFile("is empty");
  errors.Finish();
  EXPECT_EQ(errors.count(), 2);
  EXPECT_EQ(err.str(), "jobs.csv:3:7: no quantity\njobs.csv: is empty\n");
}

TEST(HeaderExamples, LineReader) {
  std::istringstream in("a\nb");
  InputFile input("-", in, /*progress_out=*/nullptr);
  LineReader lines(input);
  std::vector<std::string> read;
  for (absl::string_view line; lines.Next(line);) read.emplace_back(line);
  EXPECT_THAT(read, ::testing::ElementsAre("a\n", "b"));
  EXPECT_FALSE(lines.too_long());
  EXPECT_EQ(input.error(), "");
}

TEST(HeaderExamples, CatalogInput) {
  std::istringstream in;
  // catalog_input.h
  EXPECT_EQ(ReadCatalog("", in)->version(), Catalog::BuiltIn().version());
  EXPECT_THAT(ReadCatalog("prices.textproto", in),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("prices.textproto: cannot be read")));
}

TEST(HeaderExamples, JsonMessage) {
  // json_message.h
  v1::UsageRecord record;
  EXPECT_EQ(ReadJsonMessage(R"({"job_id":"a","jobId":"b"})", record)->what,
            "member \"job_id\" stands twice");
  EXPECT_EQ(ReadJsonMessage(R"({"count":"90s"})", record)->what,
            "count: \"90s\" is not a whole number");
  EXPECT_FALSE(ReadJsonMessage(R"({"duration":"1m 30s"})", record));
  EXPECT_EQ(record.duration().seconds(), 90);
  EXPECT_THAT(ReadJsonLine("[{}, {}]", record)->what,
              HasSubstr("is an array, should be one JSON object"));
}

TEST(HeaderExamples, Manifest) {
  // manifest.h
  std::istringstream in(
      "operation,quantity,jobs,id\n"
      "avatar_video,1m30s,3,teaser\n"
      "photo_avatar,12,,portraits\n"
      "interactive_avatar,20m..30m..1h,7,live\n");
  InputFile input("-", in, nullptr);
  std::ostringstream err;
  InputErrors errors("jobs.csv", err);
  std::vector<ManifestRow> rows;
  const Catalog catalog = Catalog::BuiltIn();
  ReadManifest(input, {}, catalog, errors, [&](const ManifestRow& row) {
    rows.push_back(row);
    return absl::OkStatus();
  });
  EXPECT_EQ(err.str(), "");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].job.quantity, 90'000);
  EXPECT_EQ(rows[0].job.jobs, 3);
  EXPECT_EQ(rows[1].job.quantity, 12);
  EXPECT_EQ(rows[1].job.jobs, 1);
  EXPECT_EQ(rows[2].range, (QuantityRange{1'200'000, 1'800'000, 3'600'000}));
}

TEST(HeaderExamples, TraceTime) {
  const UnixNanos at = ParseTraceTime("2023-11-16T18:17:03.5Z").value();
  EXPECT_EQ(ParseTraceTime("2023-11-16T20:17:03.5+02:00").value(), at);
  EXPECT_EQ(ParseTraceTime("2023-11-16 18:17:03.5").value(), at);
  EXPECT_EQ(ParseTraceTime("1700158623.5").value(), at);
  EXPECT_THAT(ParseTraceTime("2023-11-16T18:17:03.5"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("zone")));
  EXPECT_EQ(ParseLogTime("16/Nov/2023:19:17:03 +0100").value(),
            ParseTraceTime("2023-11-16T18:17:03Z").value());
}

TEST(HeaderExamples, UsageJson) {
  v1::UsageRecord record;
  EXPECT_TRUE(
      ParsePlainUsageJson(R"({"record_id":"r-1","count":"3"})", record));
  EXPECT_FALSE(ParsePlainUsageJson(R"({"record_id":null})", record));
}

TEST(HeaderExamples, SavedReport) {
  WriteHere("launch.json", R"({
    "total": {"ticks": "75000000", "credits": "12.5"},
    "lines": [{"operation": "avatar_video", "jobs": "1", "quantity": "1",
               "unit": "ms",
               "cost": {"ticks": "75000000", "credits": "12.5"}}]})");
  std::istringstream in;
  // saved_report.h
  EXPECT_EQ(ReadEstimate("launch.json", in)->total.ToString(), "12.5");
}

TEST(HeaderExamples, SpendHistory) {
  // spend_history.h
  std::istringstream in(
      "date,credits,capped\n"
      "2027-01-04,120.5,\n"
      "2027-01-05,300,yes\n");
  InputFile input("-", in, nullptr);
  std::ostringstream err;
  InputErrors errors("daily.csv", err);
  const Catalog catalog = Catalog::BuiltIn();
  EXPECT_EQ(ReadSpendHistory(input, {catalog, ""}, errors).spend.last_day(),
            absl::CivilDay(2027, 1, 5));
  EXPECT_EQ(err.str(), "");
  const auto ledger = Ledger::Open(std::make_unique<MemoryStore>(), {}).value();
  const UnixNanos now = UnixNanos::FromTime(
      absl::FromCivil(absl::CivilDay(2027, 1, 6), absl::UTCTimeZone()));
  const Credits nine = Credits::Parse("9").value();
  for (const LedgerCommand& command :
       std::vector<LedgerCommand>{{.account = "acme",
       .id = "welcome",
       .at = now,
       .request = GrantCommand{.amount = nine}},
                                  {.account = "acme",
                                  .id = "job-7",
                                  .at = now,
                                  .request = SpendCommand{.amount = nine}}}) {
    ASSERT_THAT(ledger->Apply(command), IsOk());
  }
  EXPECT_EQ(
      SpendOfLedger(*ledger, "acme", absl::UTCTimeZone())->spend.last_day(),
      absl::CivilDay(2027, 1, 6));
}

TEST(HeaderExamples, Trace) {
  const Catalog catalog = Catalog::BuiltIn();
  const std::vector<const Plan*> plans = {catalog.FindPlan("pro")};
  std::istringstream in;
  std::ostringstream err;
  InputErrors errors("trace", err);
  // trace.h
  WriteHere("trace.csv",
            "TIMESTAMP,customer,seconds\n"
            "2023-11-16 18:17:03.979,acme,12.5\n"
            "2023-11-16 18:17:04.031,blue,8\n");
  std::optional<TraceReplay> replay;
  ReadTrace(
      {"trace.csv", in},
      {.time = "TIMESTAMP",
       .operation = "avatar_video",
       .quantity = "seconds",
       .unit = "s",
       .account = "customer"},
      catalog, errors,
      [&] { replay.emplace(plans, catalog, ReplayMode::kDrop); },
      [&](const TraceRequest& request) { return replay->Add(request); });
  EXPECT_EQ(replay->trace().requests, 2);
  WriteHere(
      "access.log",
      R"(192.0.2.7 - acme [16/Nov/2023:18:17:03 +0000] "GET / HTTP/1.1" 200 17)");
  std::string account;
  ReadTrace(
      {"access.log", in}, {.form = TraceForm::kAccessLog}, catalog, errors,
      [] {},
      [&](const TraceRequest& request) {
        account = std::string(request.account);
        return absl::OkStatus();
      });
  EXPECT_EQ(account, "acme");
  EXPECT_EQ(err.str(), "");
}

TEST(HeaderExamples, UsageInput) {
  const Catalog catalog = Catalog::BuiltIn();
  std::istringstream in(R"({"record_id":"r-1","account_id":"acme",)"
                        R"("job_id":"call-7","operation":"avatar_video",)"
                        R"("duration":"90s",)"
                        R"("start_time":"2027-01-04T10:00:00Z",)"
                        R"("end_time":"2027-01-04T10:01:30Z"})");
  InputFile input("-", in, nullptr);
  std::ostringstream err;
  InputErrors errors("usage.jsonl", err);
  // usage_input.h
  UsageTotals totals(catalog);
  ReadUsageRecords(
      input, UsageRecordForm::kAuto, errors,
      [&](const v1::UsageRecord& record) { return totals.Add(record); });
  EXPECT_EQ(err.str(), "");
  EXPECT_EQ(totals.total(), Credits::Parse("90").value());
}

}  // namespace
}  // namespace konpro
