#include "konpro/input/json_message.h"

#include <cstdint>
#include <optional>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "konpro/base/internal/json_value.h"
#include "proto/command.pb.h"
#include "proto/report.pb.h"
#include "proto/usage.pb.h"

namespace konpro {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;

TEST(JsonMessage, IsReadAsProtobufReadsIt) {
  for (const std::string text : {
           R"({})",
           " { }\r\n",
           R"({"recordId":"r","account_id":"a","count":"12"})",
           R"({"count":12})",
           R"({"count":1.0})",
           R"({"count":1e3})",
           R"({"count":-9223372036854775808})",
           R"({"record_id":null,"partial":true})",
           R"({"record_id":"\u0041\ud83d\ude00\n\"\\/"})",
           "{\"record_id\":\"\xC3\xA9\xF0\x9F\x98\x80\"}",
           R"({"duration":"1.000000001s"})",
           R"({"duration":"-1s"})",
           R"({"start_time":"2027-01-01T00:00:00.5+01:00"})",
           R"({"labels":{"a_b":"1","aB":"2","":"3"}})",
       }) {
    v1::UsageRecord expected;
    ASSERT_TRUE(
        google::protobuf::util::JsonStringToMessage(text, &expected).ok())
        << text;
    v1::UsageRecord record;
    const std::optional<JsonError> error = ReadJsonMessage(text, record);
    EXPECT_FALSE(error.has_value()) << text << ": " << error->what;
    EXPECT_TRUE(MessageDifferencer::Equals(record, expected)) << text;
  }
}

TEST(JsonMessage, ADurationIsAlsoWhatPeopleWrite) {
  const std::pair<std::string, int64_t> kCases[] = {
      {"1m 30s", 90'000}, {"PT1M30S", 90'000}, {"1:30.250", 90'250},
      {" 90s ", 90'000},  {"0.5h", 1'800'000}, {"0", 0}};
  for (const auto& [text, ms] : kCases) {
    v1::UsageRecord record;
    const auto error =
        ReadJsonMessage(absl::StrCat(R"({"job_id":"\u0041","duration":")", text,
                                     R"(","partial":true})"),
                        record);
    ASSERT_FALSE(error.has_value()) << text << ": " << error->what;
    EXPECT_EQ(record.duration().seconds() * 1'000 +
                  record.duration().nanos() / 1'000'000,
              ms)
        << text;
    EXPECT_EQ(record.job_id(), "A");
    EXPECT_TRUE(record.partial());
  }
}

TEST(JsonMessage, ErrorsHaveTheirPlace) {
  const std::string deep(5'000, '[');
  const struct {
    std::string text;
    int64_t line;
    int64_t column;
    absl::string_view what;
  } kCases[] = {
      // Members that stand twice, by any name and at any depth.
      {R"({"count":1,"count":2})", 1, 12, "member \"count\" stands twice"},
      {R"({"job_id":"a","jobId":"a"})", 1, 15, "\"job_id\" stands twice"},
      {R"({"count":1,"\u0063ount":2})", 1, 12, "\"count\" stands twice"},
      {R"({"count":null,"count":2})", 1, 15, "\"count\" stands twice"},
      {R"({"partial":true,"partial":true})", 1, 17, "stands twice"},
      {"{\"labels\":{\"a\":\"1\",\n  \"a\":\"2\"}}", 2, 3,
       "\"a\" stands twice"},
      {R"({"labels":{},"labels":{}})", 1, 14, "stands twice"},
      // Members that are not there.
      {R"({"cuont":1})", 1, 2, "member \"cuont\" is not known; did you mean"},
      // Values of another kind.
      {R"({"count":"90s"})", 1, 10, "count: \"90s\" is not a whole number"},
      {R"({"count":""})", 1, 10, "count: \"\" is not a whole number"},
      {R"({"count":1.5})", 1, 10, "count: \"1.5\" is not a whole number"},
      {R"({"count":9223372036854775808})", 1, 10,
       "is outside the range of 64 bits"},
      {R"({"count":1e300})", 1, 10, "\"1e300\" is outside the range"},
      {R"({"count":true})", 1, 10, "count: is a boolean, should be a whole"},
      {R"({"count":{}})", 1, 10, "count: is an object"},
      {R"({"count":[1]})", 1, 10, "count: is an array"},
      {R"({"record_id":1})", 1, 14, "record_id: is a number, should be a text"},
      {R"({"record_id":true})", 1, 14, "record_id: is a boolean"},
      {R"({"partial":"true"})", 1, 12, "partial: is a text"},
      {R"({"partial":1})", 1, 12, "partial: is a number, should be true or"},
      {R"({"labels":[]})", 1, 11, "labels: is an array, should be an object"},
      {R"({"labels":{"a":1}})", 1, 16,
       "labels.a: is a number, should be a text"},
      {R"({"duration":90})", 1, 13, "duration: is a number, should be a text"},
      {R"({"duration":"90"})", 1, 13, "duration: \"90\" is no quantity"},
      {R"({"start_time":"yesterday"})", 1, 15, "start_time: "},
      // What is no JSON.
      {"", 1, 1, "empty"},
      {" \n ", 2, 2, "is empty, should be one JSON object"},
      {"x", 1, 1, "does not begin with {"},
      {"7", 1, 1, "is a number, should be one JSON object"},
      {"[]", 1, 1, "is an array, should be one JSON object"},
      {"{}{}", 1, 3, "something after the object"},
      {"{},", 1, 3, "something after the object"},
      {"{", 1, 2, "not closed"},
      {R"({"count":1)", 1, 11, "not closed"},
      {R"({"count":1,})", 1, 12, "its name stands in quotes"},
      {R"({'count':1})", 1, 2, "its name stands in quotes"},
      {R"({count:1})", 1, 2, "its name stands in quotes"},
      {R"({"count" 1})", 1, 10, "no : after"},
      {R"({"count":1 "partial":true})", 1, 12, "neither , nor }"},
      {R"({"count":01})", 1, 11, "no number"},
      {R"({"count":1.})", 1, 12, "no number"},
      {R"({"count":-})", 1, 11, "no number"},
      {R"({"count":1s})", 1, 11, "no number"},
      {R"({"count":NaN})", 1, 10, "no value"},
      {R"({"count":+1})", 1, 10, "no value"},
      {R"({"record_id":"\x"})", 1, 15, "no escape"},
      {R"({"record_id":"\ud800"})", 1, 15, "surrogate"},
      {R"({"record_id":"\udc00\ud800"})", 1, 15, "surrogate"},
      {"{\"record_id\":\"a\xff\"}", 1, 16, "not UTF-8"},
      {"{\"record_id\":\"\xC0\x80\"}", 1, 15, "not UTF-8"},
      {"{\"record_id\":\"\xED\xA0\x80\"}", 1, 15, "not UTF-8"},
      {std::string("{\"record_id\":\"a\0\"}", 18), 1, 16, "control character"},
      {"{\"record_id\":\"a\n\"}", 1, 16, "not closed on its line"},
      {"{\"labels\":" + deep, 1, 11,
       "labels: is an array, should be an object"},
  };
  for (const auto& c : kCases) {
    v1::UsageRecord record;
    const std::optional<JsonError> error = ReadJsonMessage(c.text, record);
    ASSERT_TRUE(error.has_value()) << c.text;
    EXPECT_THAT(error->what, HasSubstr(std::string(c.what))) << c.text;
    EXPECT_EQ(error->line, c.line) << c.text << ": " << error->what;
    EXPECT_EQ(error->column, c.column) << c.text << ": " << error->what;
  }
}

TEST(JsonLine, OfAnyMembersNamesAreTheirOwn) {
  internal::JsonValue any;
  EXPECT_FALSE(ReadJsonLine(R"({"a_b":1,"aB":{"x":[{"x":1},{"x":2}]}})", any));
  EXPECT_EQ(any.members.size(), 2);
  internal::JsonValue twice;
  EXPECT_THAT(ReadJsonLine(R"({"a":[{"x":1,"x":2}]})", twice)->what,
              HasSubstr("\"x\" stands twice"));
  internal::JsonValue deep;
  EXPECT_THAT(ReadJsonLine("{\"a\":" + std::string(5'000, '['), deep)->what,
              HasSubstr("too deeply"));
}

TEST(JsonMessage, TwoMembersOfOneChoiceAreAnError) {
  v1::UsageRecord record;
  EXPECT_THAT(ReadJsonMessage(R"({"duration":"1s","count":1})", record)->what,
              HasSubstr("member \"count\" stands beside \"duration\""));
}

TEST(JsonLine, IsOneObjectALine) {
  const std::pair<std::string, int64_t> kCases[] = {
      {"[{\"count\":1},\n", 1},
      {"[\n", 1},
      {"{\n", 2},
      {"{\"count\":1,\r\n", 12},
      {"{\"count\":1}, {\"count\":2}\n", 12},
  };
  for (const auto& [line, column] : kCases) {
    v1::UsageRecord record;
    const std::optional<JsonError> error = ReadJsonLine(line, record);
    ASSERT_TRUE(error.has_value()) << line;
    EXPECT_THAT(error->what, HasSubstr("one object a line")) << line;
    EXPECT_EQ(error->line, 1) << line;
    EXPECT_EQ(error->column, column) << line;
  }
}

// An error does not keep what else can be read from being read.
TEST(JsonMessage, HasWhatCanBeReadAfterAnError) {
  v1::UsageRecord record;
  EXPECT_EQ(
      ReadJsonMessage(
          R"({"job_id":1,"account_id":"a","count":"x","partial":true)", record)
          ->what,
      "job_id: is a number, should be a text");
  EXPECT_EQ(record.account_id(), "a");
  EXPECT_TRUE(record.partial());
}

// Fields of every kind, each with the most and the least that it can hold.
TEST(JsonMessage, OfEveryKindOfFieldIsReadAsProtobufReadsIt) {
  const std::string kTexts[] = {
      R"({"arguments":["a",""],"input":"AAEC/w=="})",
      R"({"input":"AAEC_w"})",
  };
  for (const std::string& text : kTexts) {
    v1::CommandRequest expected;
    ASSERT_TRUE(
        google::protobuf::util::JsonStringToMessage(text, &expected).ok());
    v1::CommandRequest read;
    EXPECT_FALSE(ReadJsonMessage(text, read).has_value()) << text;
    EXPECT_TRUE(MessageDifferencer::Equals(read, expected)) << text;
  }
  v1::CommandRequest command;
  EXPECT_EQ(ReadJsonMessage(R"({"input":"?"})", command)->what,
            "input: is not Base64");
  EXPECT_EQ(ReadJsonMessage(R"({"arguments":[null]})", command)->what,
            "arguments[0]: is null, should be a text");
}

// What protobuf writes is read back; with any member twice it is not.
TEST(JsonMessage, WithAnyMemberTwiceIsRefused) {
  v1::Estimate estimate;
  estimate.set_catalog_version("v");
  estimate.mutable_total()->set_ticks(7);
  estimate.add_refused_operations("a");
  for (const char* name : {"a", "b"}) {
    v1::ReportLine& line = *estimate.add_lines();
    line.set_operation(name);
    line.set_jobs(2);
    line.mutable_cost()->set_ticks(3);
  }
  std::string json;
  ASSERT_TRUE(
      google::protobuf::util::MessageToJsonString(estimate, &json).ok());
  v1::Estimate read;
  ASSERT_FALSE(ReadJsonMessage(json, read).has_value()) << json;
  EXPECT_TRUE(MessageDifferencer::Equals(read, estimate));
  int64_t members = 0;
  for (size_t at = 0; at < json.size(); ++at) {
    const size_t end = json.find("\":", at);
    if (json[at] != '"' || end == json.npos || json.find('"', at + 1) != end) {
      continue;
    }
    const std::string name = json.substr(at, end + 1 - at);
    const std::string twice =
        json.substr(0, at) + name + ":null," + json.substr(at);
    const std::optional<JsonError> error = ReadJsonMessage(twice, read);
    ASSERT_TRUE(error.has_value()) << twice;
    EXPECT_THAT(error->what, HasSubstr("stands twice")) << twice;
    ++members;
  }
  EXPECT_GT(members, 10);
}

}  // namespace
}  // namespace konpro
