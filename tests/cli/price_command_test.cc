#include "konpro/cli/price_command.h"

#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "konpro/ledger/usage.h"
#include "konpro/report/report_message.h"
#include "proto/report.pb.h"
#include "proto/usage.pb.h"

namespace konpro::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Result {
  ExitCode code;
  std::string out;
  std::string err;
};

Result PriceRecords(const std::string& records, PriceOptions options = {}) {
  std::istringstream in(records);
  std::ostringstream out;
  std::ostringstream err;
  options.file = "-";
  const ExitCode code = RunPrice(options, {in, out, err});
  return {code, out.str(), err.str()};
}

v1::UsageRecord Record(int i) {
  v1::UsageRecord record;
  record.set_record_id(absl::StrCat("r-", i));
  record.set_account_id(absl::StrCat("a-", i % 3));
  if (i % 2 == 0) {
    record.set_operation("photo_avatar");
    record.set_count(i);
  } else {
    record.set_operation("interactive_avatar");
    record.mutable_duration()->set_seconds(i);
    record.mutable_duration()->set_nanos(7'000'000);
  }
  record.mutable_start_time()->set_seconds(1'700'000'000 + i);
  record.mutable_end_time()->set_seconds(1'700'009'000 + i);
  (*record.mutable_labels())["team"] = "film";
  return record;
}

std::string Delimited(int count) {
  std::ostringstream out;
  for (int i = 0; i < count; ++i) {
    google::protobuf::util::SerializeDelimitedToOstream(Record(i), &out);
  }
  return out.str();
}

std::string JsonLines(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) {
    std::string line;
    (void)google::protobuf::util::MessageToJsonString(Record(i), &line);
    lines += line + "\n";
  }
  return lines;
}

TEST(PriceCommand, PrintsATablePerAccountAndOperation) {
  const Result result = PriceRecords(JsonLines(4));
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_EQ(result.out,
            "account  operation           records  quantity    credits\n"
            "-------  ------------------  -------  --------  ---------\n"
            "a-0      photo_avatar              1   0 image          0\n"
            "a-0      interactive_avatar        1    3.007s  ~0.005012\n"
            "a-1      interactive_avatar        1    1.007s  ~0.001678\n"
            "a-2      photo_avatar              1   2 image          4\n"
            "-------  ------------------  -------  --------  ---------\n"
            "total                              4              4.00669\n"
            "\n"
            "accounts: 3\n"
            "assumed: prices of catalog builtin-1, in effect when each job "
            "began\n"
            "assumed: records are not compared: one that is there twice is "
            "priced twice\n");
}

TEST(PriceCommand, AnIncrementAndAMinimumCountOnceASession) {
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/steps.textproto");
  std::ofstream(path) << R"(
      version: "steps"
      operations { name: "call" unit: "ms" }
      price_lists {
        prices {
          operation: "call" credits: "1" per: "1s"
          increment: "30s" minimum: "30s"
        }
      }
      plans { name: "any" })";
  std::string records;
  for (const char* id : {"a", "b", "c"}) {
    absl::StrAppend(
        &records, R"({"record_id":")", id,
        R"(","account_id":"acme","operation":"call","duration":"10s",)"
        R"("job_id":"call-7","partial":true,)"
        R"("start_time":"2026-11-02T11:00:00Z",)"
        R"("end_time":"2026-11-02T11:00:10Z"})",
        "\n");
  }
  const Result result = PriceRecords(records, {.catalog = path});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("acme     call             3       30s       30\n"));
}

TEST(PriceCommand, BothFormsOfRecordsSayTheSame) {
  for (ReportFormat format : {ReportFormat::kTable, ReportFormat::kJson,
                              ReportFormat::kMarkdown, ReportFormat::kCsv}) {
    const Result json = PriceRecords(JsonLines(1'000), {.format = format});
    const Result binary = PriceRecords(Delimited(1'000), {.format = format});
    EXPECT_EQ(json.code, ExitCode::kOk) << json.err;
    EXPECT_EQ(json.out, binary.out);
    EXPECT_EQ(binary.err, "");
  }
}

TEST(PriceCommand, FormsAreToldApartAtTheirFirstBytes) {
  for (const char* begin : {"{\"recordId\": 7}", "\n\n{\"recordId\": 7}",
                            "\r\n{}", " \t{}", "\xEF\xBB\xBF{}"}) {
    const std::string err = PriceRecords(begin).err;
    EXPECT_THAT(err, StartsWith("-:")) << begin;
    EXPECT_THAT(err, Not(HasSubstr("byte"))) << begin;
  }
  v1::UsageRecord long_record = Record(1);
  long_record.set_record_id(std::string(128, 'r'));
  std::ostringstream out;
  google::protobuf::util::SerializeDelimitedToOstream(long_record, &out);
  EXPECT_EQ(PriceRecords(out.str()).code, ExitCode::kOk);

  // A record of 32 bytes begins like a blank line.
  v1::UsageRecord blank_record;
  blank_record.set_record_id("r");
  blank_record.set_account_id("a");
  blank_record.set_operation("avatar_video");
  blank_record.mutable_duration()->set_seconds(1);
  blank_record.mutable_start_time()->set_nanos(1);
  blank_record.mutable_end_time()->set_seconds(1);
  blank_record.set_account_id(
      std::string(1 + 32 - blank_record.ByteSizeLong(), 'a'));
  out.str("");
  google::protobuf::util::SerializeDelimitedToOstream(blank_record, &out);
  ASSERT_THAT(out.str(), StartsWith(" \n"));
  EXPECT_EQ(PriceRecords(out.str()).code, ExitCode::kOk);
  EXPECT_THAT(PriceRecords(" \n\n{}").err, HasSubstr(":3:1: "));
}

TEST(PriceCommand, SumsOfPartsAreTheirTotals) {
  const Result result =
      PriceRecords(Delimited(5'000), {.format = ReportFormat::kJson});
  v1::UsageReport report;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(result.out, &report).ok());
  Credits expected;
  for (int i = 0; i < 5'000; ++i) {
    expected =
        *CheckedAdd(expected, RateUsage(Catalog::BuiltIn(), Record(i))->cost);
  }
  EXPECT_EQ(report.total().ticks(), expected.ticks());
  const auto millionths = [](absl::string_view text) {
    if (text.front() == '~') text.remove_prefix(1);
    return Credits::Parse(text).value().ticks() / 6;
  };
  int64_t ticks = 0;
  int64_t shown = 0;
  for (const v1::AccountUsage& account : report.accounts()) {
    int64_t line_ticks = 0;
    int64_t line_shown = 0;
    for (const v1::ReportLine& line : account.lines()) {
      line_ticks += line.cost().ticks();
      line_shown += millionths(line.cost().credits());
    }
    EXPECT_EQ(line_ticks, account.total().ticks());
    EXPECT_EQ(line_shown, millionths(account.total().credits()));
    ticks += account.total().ticks();
    shown += millionths(account.total().credits());
  }
  EXPECT_EQ(ticks, report.total().ticks());
  EXPECT_EQ(shown, millionths(report.total().credits()));
}

TEST(PriceCommand, BadRecordsAreToldAndNothingIsPriced) {
  const std::string whole = Delimited(3);
  const std::pair<std::string, std::string> kCases[] = {
      {"{\"recordId\": \"r\", \"duration\": \"1s\"}\n",
       "-:1:1: account_id: missing; operation: missing; start_time: missing; "
       "end_time: missing\n"},
      {JsonLines(1) + "{\"recrdId\": \"r\"}\n",
       "-:2:2: no usage record: member \"recrdId\" is not known; did you mean "
       "\"record_id\"?"},
      {JsonLines(1) + "{\"count\": 1, \"count\": 2}\n",
       "-:2:14: no usage record: member \"count\" stands twice"},
      {JsonLines(1) + "{\"count\": 1, \"duration\": \"1s\"}\n",
       "-:2:14: no usage record: member \"duration\" stands beside "},
      {JsonLines(1) + "{\n",
       "-:2:2: no usage record: the object is not closed"},
      {"[\n" + JsonLines(1) + "]\n",
       "-:1:1: no usage record: is an array, should be one JSON object: JSON "
       "Lines have one "
       "object a line"},
      {"{\n \"count\": 1\n}\n", "-:1:2: no usage record: the object is not"},
      {whole.substr(0, whole.size() - 1), "-: record 3 at byte "},
      {whole + "\x85", "-: record 4 at byte "},
      {whole + std::string(10, '\xff'), "a message of more than 1048576 bytes"},
      {whole + std::string("\x03\x0a\x05\x41", 4),
       "its bytes are no konpro.v1.UsageRecord"},
      {whole + std::string("\x00", 1), "record_id: missing; account_id: mis"},
  };
  for (const auto& [records, error] : kCases) {
    const Result result = PriceRecords(records);
    EXPECT_EQ(result.code, ExitCode::kBadInput);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(error));
  }
}

TEST(PriceCommand, AnEmptyInputIsNoUsage) {
  const Result result = PriceRecords("");
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_THAT(result.out, HasSubstr("accounts: 0"));
}

TEST(PriceCommand, ABudgetIsChecked) {
  const Result result =
      PriceRecords(JsonLines(4), {.budget = Credits::Parse("4").value()});
  EXPECT_EQ(result.code, ExitCode::kOverBudget);
  EXPECT_THAT(result.err,
              HasSubstr("over budget: 4.00669 credits are 0.00669 above 4"));
}

TEST(PriceCommand, ABalanceMustCoverTheTotal) {
  const Result covered = PriceRecords(
      JsonLines(4), {.available = Credits::Parse("4.00669").value()});
  EXPECT_EQ(covered.code, ExitCode::kOk);
  EXPECT_THAT(covered.out, HasSubstr("available: 4.00669, shortfall: 0\n"));
  const Result json = PriceRecords(
      JsonLines(4), {.available = Credits::Parse("4.006689").value(),
                     .format = ReportFormat::kJson});
  EXPECT_EQ(json.code, ExitCode::kOverAvailable);
  EXPECT_THAT(json.out,
              AllOf(HasSubstr("\"available\": {\n  \"ticks\": \"24040134\""),
                    HasSubstr("\"shortfall\": {\n  \"ticks\": \"6\"")));
  EXPECT_EQ(json.err,
            "konpro: not covered: need 4.00669, available 4.006689, short "
            "0.000001\n");
  EXPECT_THAT(PriceRecords(JsonLines(4), {.format = ReportFormat::kJson}).out,
              Not(HasSubstr("shortfall")));
}

TEST(PriceCommand, APlanMustAllowWhatWasUsed) {
  const struct {
    const char* plan;
    int records;  // the first is of photo_avatar
    ExitCode code;
    const char* fact;
    const char* err;
  } kCases[] = {
      {"pro", 4, ExitCode::kOk, "plan: pro, does not allow: none\n", ""},
      {"free_trial", 0, ExitCode::kOk,
       "plan: free_trial, does not allow: none\n", ""},
      {"free_trial", 4, ExitCode::kNotAllowed,
       "plan: free_trial, does not allow: photo_avatar\n",
       "konpro: plan free_trial does not allow photo_avatar\n"},
  };
  for (const auto& c : kCases) {
    const Result result = PriceRecords(JsonLines(c.records), {.plan = c.plan});
    EXPECT_EQ(result.code, c.code) << c.fact;
    EXPECT_THAT(result.out, HasSubstr(c.fact));
    EXPECT_EQ(result.err, c.err);
  }
  EXPECT_THAT(
      PriceRecords(JsonLines(4),
                   {.plan = "free_trial", .format = ReportFormat::kJson})
          .out,
      AllOf(HasSubstr("\"plan\": \"free_trial\""),
            HasSubstr("\"refused_operations\": [\n  \"photo_avatar\"\n ]")));
  const Result unknown = PriceRecords(JsonLines(4), {.plan = "free_trail"});
  EXPECT_EQ(unknown.code, ExitCode::kBadInput);
  EXPECT_EQ(unknown.out, "");
  EXPECT_THAT(unknown.err, HasSubstr("did you mean \"free_trial\"?"));
}

TEST(PriceCommand, APlanMustAllowWhatHasNoPriceToo) {
  const std::string path = absl::StrCat(testing::TempDir(), "/unpriced");
  std::ofstream(path) << R"(version: "v"
      operations { name: "photo_avatar" unit: "image" }
      operations { name: "interactive_avatar" unit: "ms" }
      price_lists {
        prices { operation: "interactive_avatar" credits: "1" per: "1s" }
      }
      plans { name: "talk" operations: "interactive_avatar" })";
  const Result result =
      PriceRecords(JsonLines(4), {.catalog = path, .plan = "talk"});
  EXPECT_EQ(result.code, ExitCode::kNotAllowed);
  EXPECT_EQ(result.err,
            "konpro: plan talk does not allow photo_avatar\n"
            "konpro: no price for 2 records\n");
}

TEST(PriceCommand, TheGravestReasonNamesTheCode) {
  PriceOptions options = {.plan = "free_trial",
                          .available = Credits::Parse("3").value(),
                          .budget = Credits::Parse("2").value()};
  const Result all = PriceRecords(JsonLines(4), options);
  EXPECT_EQ(all.code, ExitCode::kNotAllowed);
  EXPECT_THAT(all.err,
              AllOf(HasSubstr("not covered: "), HasSubstr("over budget: "),
                    HasSubstr("does not allow ")));
  options.plan = "pro";
  EXPECT_EQ(PriceRecords(JsonLines(4), options).code, ExitCode::kOverBudget);
}

TEST(PriceCommand, ASumBeyondTheRangeIsAnError) {
  v1::UsageRecord record = Record(1);
  record.mutable_duration()->set_seconds(300'000'000'000);
  std::ostringstream out;
  for (int i = 0; i < 4'000; ++i) {
    google::protobuf::util::SerializeDelimitedToOstream(record, &out);
  }
  const Result result = PriceRecords(out.str());
  EXPECT_EQ(result.code, ExitCode::kBadInput);
  EXPECT_THAT(result.err, HasSubstr("leaves the range of 64 bits"));
}

}  // namespace
}  // namespace konpro::cli
