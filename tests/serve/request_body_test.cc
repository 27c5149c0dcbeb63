#include "konpro/serve/request_body.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/input/json_message.h"
#include "proto/api.pb.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

struct HostileJson {
  std::string text;
  // Of ReadJsonMessage() for a v1::EstimateRequest.
  int64_t line;
  int64_t column;
  std::string what;
};

const std::vector<HostileJson>& HostileTexts() {
  static const auto& texts = *new std::vector<HostileJson>({
      // No object.
      {"", 1, 1, "is empty, should be one JSON object"},
      {" \r\n\t", 2, 2, "is empty, should be one JSON object"},
      {"[]", 1, 1, "is an array, should be one JSON object"},
      {"[{\"jobs\":[]}", 1, 1, "is an array, should be one JSON object"},
      {"null", 1, 1, "is null, should be one JSON object"},
      {" \"a\"", 1, 2, "is a text, should be one JSON object"},
      {"\xEF\xBB\xBF{}", 1, 1, "does not begin with {"},
      {"jobs=1", 1, 1, "does not begin with {"},
      // More or less than one.
      {"{}{}", 1, 3, "something after the object"},
      {"{}\n{}", 2, 1, "something after the object"},
      {std::string("{}\0", 3), 1, 3, "something after the object"},
      {"{\"jobs\":[]", 1, 11, "the object is not closed"},
      {"{\"jobs\":[{\n", 2, 1, "the object is not closed"},
      {"{\"jobs", 1, 7, "a quote is not closed"},
      // Members that stand twice.
      {R"({"jobs":[],"jobs":[]})", 1, 12, "member \"jobs\" stands twice"},
      {R"({"jobs":[],"\u006aobs":[]})", 1, 12, "member \"jobs\" stands twice"},
      {R"({"jobs":null,"jobs":[]})", 1, 14, "member \"jobs\" stands twice"},
      {"{\"jobs\":[{\"jobs\":1,\n \"jobs\":1}]}", 2, 2,
       "member \"jobs\" stands twice"},
      // Members that are not there.
      {R"({"job":[]})", 1, 2,
       "member \"job\" is not known; did you mean \"jobs\"?"},
      {R"({"jobs":[{"Jobs":1}]})", 1, 11,
       "member \"jobs[0].Jobs\" is not known; did you mean \"jobs\"?"},
      {R"({"jobs":[{},{"quantty":1}]})", 1, 14,
       "member \"jobs[1].quantty\" is not known; did you mean \"quantity\"?"},
      // Values of another kind.
      {R"({"jobs":{}})", 1, 9,
       "jobs: is an object, should be an array of objects"},
      {R"({"jobs":"[]"})", 1, 9,
       "jobs: is a text, should be an array of objects"},
      {R"({"jobs":[null]})", 1, 10, "jobs[0]: is null, should be an object"},
      {R"({"jobs":[{"operation":1}]})", 1, 23,
       "jobs[0].operation: is a number, should be a text"},
      {R"({"jobs":[{"operation":["a"]}]})", 1, 23,
       "jobs[0].operation: is an array, should be a text"},
      {R"({"jobs":[{"jobs":true}]})", 1, 18,
       "jobs[0].jobs: is a boolean, should be a whole number"},
      {R"({"jobs":[{"jobs":""}]})", 1, 18,
       "jobs[0].jobs: \"\" is not a whole number"},
      {R"({"jobs":[{"jobs":" 1"}]})", 1, 18,
       "jobs[0].jobs: \" 1\" is not a whole number"},
      {R"({"jobs":[{"jobs":"1e3"}]})", 1, 18,
       "jobs[0].jobs: \"1e3\" is not a whole number"},
      {R"({"jobs":[{"jobs":0.5}]})", 1, 18,
       "jobs[0].jobs: \"0.5\" is not a whole number"},
      // Numbers out of range.
      {R"({"jobs":[{"jobs":9223372036854775808}]})", 1, 18,
       "jobs[0].jobs: \"9223372036854775808\" is outside the range of 64 bits"},
      {R"({"jobs":[{"jobs":"-9223372036854775809"}]})", 1, 18,
       "jobs[0].jobs: \"-9223372036854775809\" is outside the range of 64 "
       "bits"},
      {R"({"jobs":[{"jobs":1e19}]})", 1, 18,
       "jobs[0].jobs: \"1e19\" is outside the range of 64 bits"},
      {R"({"jobs":[{"jobs":1e999}]})", 1, 18,
       "jobs[0].jobs: \"1e999\" is outside the range of 64 bits"},
      // What JavaScript, Python and YAML take, and JSON has not.
      {"{'jobs':[]}", 1, 2, "no member: its name stands in quotes"},
      {"{jobs:[]}", 1, 2, "no member: its name stands in quotes"},
      {"{\"jobs\":[],}", 1, 12, "no member: its name stands in quotes"},
      {"{\"jobs\":[{},]}", 1, 13, "no value"},
      {"{\"jobs\":[,1]}", 1, 10, "no value"},
      {"{\"jobs\":[] /* */}", 1, 12, "neither , nor } after a member"},
      {"{\"jobs\" []}", 1, 9, "no : after the name of a member"},
      {"{\"jobs\":NaN}", 1, 9, "no value"},
      {"{\"jobs\":Infinity}", 1, 9, "no value"},
      {"{\"jobs\":True}", 1, 9, "no value"},
      {"{\"jobs\":undefined}", 1, 9, "no value"},
      {"{\"jobs\":+1}", 1, 9, "no value"},
      {"{\"jobs\":.5}", 1, 9, "no value"},
      {"{\"jobs\":5.}", 1, 11, "no number: no digits after ."},
      {"{\"jobs\":01}", 1, 10,
       "no number: put it in quotes, or a blank after it"},
      {"{\"jobs\":0x1}", 1, 10,
       "no number: put it in quotes, or a blank after it"},
      {"{\"jobs\":[{\"jobs\":1_000}]}", 1, 19,
       "neither , nor } after a member"},
      {"{\"jobs\":[{\"jobs\":1,000}]}", 1, 20,
       "no member: its name stands in quotes"},
      // Texts.
      {R"({"jobs":"\x41"})", 1, 10, "no escape of JSON"},
      {R"({"jobs":"\u12"})", 1, 10, "no escape of JSON"},
      {R"({"jobs":"\ud800"})", 1, 10, "half of a surrogate pair"},
      {R"({"jobs":"\ud800\u0041"})", 1, 10, "half of a surrogate pair"},
      {R"({"jobs":"\udc00\ud800"})", 1, 10, "half of a surrogate pair"},
      {"{\"jobs\":\"\xff\"}", 1, 10, "not UTF-8"},
      {"{\"jobs\":\"\xC0\x80\"}", 1, 10, "not UTF-8"},
      {"{\"jobs\":\"\xED\xA0\x80\"}", 1, 10, "not UTF-8"},
      {"{\"jobs\":\"\xF4\x90\x80\x80\"}", 1, 10, "not UTF-8"},
      {"{\"jobs\":\"a\tb\"}", 1, 11, "a control character in quotes"},
      {std::string("{\"jobs\":\"\0\"}", 12), 1, 10,
       "a control character in quotes"},
      {"{\"jobs\":\"a\n\"}", 1, 11, "a quote is not closed on its line"},
      // Depth.
      {"{\"jobs\":" + std::string(50'000, '['), 1, 10,
       "jobs[0]: is an array, should be an object"},
  });
  return texts;
}

// One reader for files and for HTTP: what is refused, where and why.
TEST(HostileJson, IsRefusedFromFilesAndFromHttpAlike) {
  for (const HostileJson& hostile : HostileTexts()) {
    v1::EstimateRequest message;
    const std::optional<JsonError> error =
        ReadJsonMessage(hostile.text, message);
    ASSERT_TRUE(error.has_value()) << hostile.text.substr(0, 99);
    EXPECT_EQ(error->what, hostile.what) << hostile.text.substr(0, 99);
    EXPECT_EQ(error->line, hostile.line) << hostile.text.substr(0, 99);
    EXPECT_EQ(error->column, hostile.column) << hostile.text.substr(0, 99);

    if (!absl::StrContains(hostile.text, '\n')) {
      const std::optional<JsonError> of_line =
          ReadJsonLine(hostile.text, message);
      ASSERT_TRUE(of_line.has_value()) << hostile.text.substr(0, 99);
      EXPECT_THAT(of_line->what, HasSubstr(hostile.what))
          << hostile.text.substr(0, 99);
      EXPECT_EQ(of_line->column, hostile.column) << hostile.text.substr(0, 99);
    }

    EXPECT_THAT(
        ReadBody(hostile.text, message),
        StatusIs(
            absl::StatusCode::kInvalidArgument,
            error->is_of_syntax
                ? absl::StrCat("the body: is no JSON: line ", error->line,
                               ", column ", error->column, ": ", error->what)
                : absl::StrCat(error->is_of_whole ? "the body: " : "",
                               error->what)))
        << hostile.text.substr(0, 99);
  }
}

TEST(RequestBody, AQuantityIsANumberOrAText) {
  struct {
    absl::string_view quantity;
    absl::string_view read;
  } const kRows[] = {
      {"90000", "90000"},
      {"\"90000\"", "90000"},
      {"60000.0", "60000"},
      {"6e4", "60000"},
      {"1.5", "1.5"},
      {"-1", "-1"},
      {"\"90s\"", "90s"},
      {"\"6e4\"", "6e4"},
      {"9223372036854775808", "9223372036854775808"},
  };
  for (const auto& row : kRows) {
    v1::CompleteJobRequest body;
    EXPECT_TRUE(
        ReadBody(absl::StrCat("{\"quantity\":", row.quantity, "}"), body).ok())
        << row.quantity;
    EXPECT_EQ(body.quantity(), row.read);
  }
  v1::CompleteJobRequest body;
  EXPECT_TRUE(ReadBody("{\"quantity\":null}", body).ok());
  EXPECT_FALSE(body.has_quantity());
  // Other texts are not numbers.
  EXPECT_THAT(ReadBody("{\"account\":1}", body),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "account: is a number, should be a text"));
}

TEST(RequestBody, IsBounded) {
  v1::CancelJobRequest body;
  EXPECT_TRUE(ReadBody("{}" + std::string(kBodyBytesMax - 2, ' '), body).ok());
  EXPECT_THAT(ReadBody("{}" + std::string(kBodyBytesMax - 1, ' '), body),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("a body has at most")));
}

}  // namespace
}  // namespace konpro
