#include "konpro/input/trace.h"

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/input/internal/line_reader.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// Each request as `seconds account operation quantity`, on lines, and then the
// errors.
std::string Read(const std::string& text, const TraceOptions& options) {
  const Catalog& catalog = Catalog::BuiltIn();
  EXPECT_THAT(CheckTraceOptions(options, catalog), IsOk());
  std::istringstream in(text);
  std::ostringstream err;
  InputErrors errors("f", err);
  std::string requests;
  const auto begin = [&] { requests.clear(); };
  const auto add = [&](const TraceRequest& request) {
    absl::StrAppend(
        &requests, request.at.nanos() / 1'000'000'000, " ", request.account,
        " ", request.operation != nullptr ? request.operation->name : "-", " ",
        request.quantity.has_value() ? absl::StrCat(*request.quantity) : "-",
        "\n");
    return request.account == "full" ? absl::OutOfRangeError("no more")
                                     : absl::OkStatus();
  };
  ReadTrace({"-", in}, options, catalog, errors, begin, add);
  errors.Finish();
  EXPECT_EQ(errors.none(), err.str().empty());
  const std::string read = requests + err.str();

  // The same from a file, which is decided as it is read.
  const std::string path = ::testing::TempDir() + "/trace";
  std::ofstream(path, std::ios::binary) << text;
  std::ostringstream file_err;
  InputErrors file_errors("f", file_err);
  ReadTrace({path, in}, options, catalog, file_errors, begin, add);
  file_errors.Finish();
  EXPECT_EQ(requests + file_err.str(), read);
  return read;
}

TEST(Trace, OptionsNameTheColumns) {
  const char* csv =
      "id,when,who,what,how much\n"
      "1,2023-11-16 18:17:03.9799600,acme,avatar_video,12.5\n"
      "2,1700158624,\"b,c\",video_translation,8\n";
  EXPECT_EQ(Read(csv, {.time = "when"}),
            "1700158623  - -\n"
            "1700158624  - -\n");
  EXPECT_EQ(Read(csv, {.time = "when", .account = "who"}),
            "1700158623 acme - -\n"
            "1700158624 b,c - -\n");
  EXPECT_EQ(Read(csv, {.time = "when", .operation = "what"}),
            "1700158623  avatar_video -\n"
            "1700158624  video_translation -\n");
  EXPECT_EQ(Read(csv, {.time = "when",
                       .operation = "interactive_avatar",
                       .quantity = "how much",
                       .unit = "min",
                       .account = "who"}),
            "1700158623 acme interactive_avatar 750000\n"
            "1700158624 b,c interactive_avatar 480000\n");
  // One column may mean two things.
  EXPECT_EQ(Read("t\n5\n", {.time = "t", .account = "t"}), "5 5 - -\n");
}

TEST(Trace, CellsMaySayTheirUnits) {
  EXPECT_EQ(Read("t,o,q\r\n1,avatar_video,1m30s\r\n2,photo_avatar,3",
                 {.time = "t", .operation = "o", .quantity = "q"}),
            "1  avatar_video 90000\n2  photo_avatar 3\n");
}

TEST(Trace, HeadersMustHaveWhatOptionsName) {
  EXPECT_EQ(Read("", {.time = "t"}),
            "f:1:1: empty: a trace begins with a header row\n");
  EXPECT_EQ(
      Read("TIMESTAMP,b\n1,2\n", {.time = "timestmp", .account = "c"}),
      "f:1:1: no column \"timestmp\" in the header; did you mean "
      "\"TIMESTAMP\"?\n"
      "f:1:1: no column \"c\" in the header; known: \"TIMESTAMP\", \"b\"\n");
  EXPECT_EQ(Read("t\n5\n", {.time = "t", .operation = "avatar_vido"}),
            "f:1:1: no column \"avatar_vido\" in the header, and no operation "
            "of that name; did you mean \"avatar_video\"?\n");
  EXPECT_EQ(Read("t,who\n5,a\n", {.time = "t", .account = "customer"}),
            "f:1:1: no column \"customer\" in the header; known: \"t\", "
            "\"who\"\n");
  EXPECT_EQ(Read("t,a,t\n1,2,3\n", {.time = "t"}),
            "f:1:1: column \"t\" is there twice\n");
  EXPECT_EQ(Read("t\n", {.time = "t"}), "");
  EXPECT_EQ(Read("\xEF\xBB\xBFt\n5\n", {.time = "t"}), "5  - -\n");
}

TEST(Trace, ErrorsOfRowsHaveTheirPlace) {
  const TraceOptions options = {.time = "t",
                                .operation = "o",
                                .quantity = "q",
                                .unit = "s",
                                .account = "a"};
  const auto read = [&](const std::string& row) {
    return Read("a,t,o,q\n" + row, options);
  };
  EXPECT_THAT(read("x,yesterday,avatar_video,1"),
              StartsWith("f:2:3: no time: \"yesterday\"; a time is"));
  EXPECT_THAT(read("x,2023-02-30 00:00:00,avatar_video,1"),
              StartsWith("f:2:3: \"2023-02-30 00:00:00\" is no date"));
  EXPECT_THAT(read("x,9999-01-01 00:00:00,avatar_video,1"),
              StartsWith("f:2:3: \"9999-01-01 00:00:00\" is outside 1970"));
  EXPECT_THAT(read("x,1,avatar_vidio,1"), HasSubstr("f:2:5: unknown op"));
  EXPECT_THAT(read("x,1,avatar_video,1e3"), StartsWith("f:2:18: "));
  EXPECT_THAT(read("x,1,avatar_video,-1"), StartsWith("f:2:18: "));
  EXPECT_THAT(read("x,1,photo_avatar,1"),
              HasSubstr("photo_avatar is metered in image, not in s"));
  EXPECT_THAT(read(",1,avatar_video,1"),
              StartsWith("f:2:1: no account: every request has one"));
  EXPECT_THAT(read("x,1,avatar_video"),
              HasSubstr("a row of 3 cells under a header of 4"));
  EXPECT_THAT(read("x,1,avatar_video,\"1"), HasSubstr("never closed"));
  EXPECT_THAT(read("full,1,avatar_video,1"), HasSubstr("f:2:6: no more"));
  const std::string nul("x,1\0,avatar_video,1", 19);
  EXPECT_THAT(read(nul), StartsWith("f:2:3: no time: \"1?\""));
  EXPECT_THAT(read("x,\xFF\xFE,avatar_video,1"),
              StartsWith("f:2:3: no time: \"??\""));
}

TEST(Trace, OptionsMustGoTogether) {
  const struct {
    TraceOptions options;
    const char* message;
  } kRows[] = {
      {{}, "--time: name the column"},
      {{.time = "t", .quantity = "q"}, "--quantity: of which operation?"},
      {{.time = "t", .operation = "o", .unit = "s"}, "--unit: of which column"},
      {{.time = "t", .operation = "o", .quantity = "q", .unit = "weeks"},
       "--unit: unknown unit \"weeks\""},
      {{.form = TraceForm::kAccessLog, .time = "t"}, "--time: an access log"},
      {{.form = TraceForm::kAccessLog, .quantity = "q"}, "--quantity: an acc"},
      {{.form = TraceForm::kAccessLog, .unit = "s"}, "--unit: an access log"},
      {{.form = TraceForm::kAccessLog, .account = "host"},
       "--account: of an access log, user or address, not \"host\""},
      {{.form = TraceForm::kAccessLog, .operation = "avatar_vidio"},
       "--operation: unknown operation"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(CheckTraceOptions(row.options, Catalog::BuiltIn()),
                StatusIs(kInvalid, StartsWith(row.message)));
  }
}

constexpr char kLog[] =
    "192.0.2.7 - - [16/Nov/2023:18:17:03 +0000] \"GET / HTTP/1.1\" 200 17\n"
    "\n"
    "2001:db8::7 - acme [16/Nov/2023:19:17:04 +0100] \"\\\"\\\\\" 429 - "
    "\"https://example.com/\" \"curl/8 \\\"x\\\"\" 0.003\r\n"
    "host.example id Ann B. [16/Nov/2023:18:17:05 +0000] \"-\" 408 0";

TEST(Trace, AccessLogsNameUserOrAddress) {
  TraceOptions options = {.form = TraceForm::kAccessLog};
  EXPECT_EQ(Read(kLog, options),
            "1700158623 192.0.2.7 - -\n"
            "1700158624 acme - -\n"
            "1700158625 Ann B. - -\n");
  options.account = "user";
  options.operation = "avatar_video";
  EXPECT_EQ(Read(kLog, options),
            "1700158623 - avatar_video -\n"
            "1700158624 acme avatar_video -\n"
            "1700158625 Ann B. avatar_video -\n");
  options.account = "address";
  EXPECT_EQ(Read(kLog, {.form = TraceForm::kAccessLog, .account = "address"}),
            "1700158623 192.0.2.7 - -\n"
            "1700158624 2001:db8::7 - -\n"
            "1700158625 host.example - -\n");
  EXPECT_EQ(Read("\n \n", options), "");
}

TEST(Trace, LinesOfLogsThatAreBrokenAreErrors) {
  const struct {
    const char* line;
    const char* error;
  } kRows[] = {
      {"x", "f:1:1: not a line of an access log"},
      {"a - -", "f:1:5: not a line of an access log"},
      {" - - [16/Nov/2023:18:17:03 +0000] \"\" 200 1", "f:1:2: not a line of"},
      {"a - - [16/Nov/2023:18:17:03 +0000", "f:1:8: no \"] \""},
      {"a - - [16/Nov/2023] \"GET\" 200 1", "f:1:8: no time: \"16/Nov/2023\""},
      {"a - - [30/Feb/2023:18:17:03 +0000] \"GET\" 200 1", "f:1:8: \"30/Feb"},
      {"a - - [16/Nov/2023:18:17:03 +0000] GET 200 1", "f:1:36: no request"},
      {"a - - [16/Nov/2023:18:17:03 +0000] \"GET", "f:1:36: no request"},
      {"a - - [16/Nov/2023:18:17:03 +0000] \"GET\\", "f:1:36: no request"},
      {"a - - [16/Nov/2023:18:17:03 +0000] \"GET\"", "f:1:36: no request"},
      {"a - - [16/Nov/2023:18:17:03 +0000] \"GET\" OK 1", "f:1:42: no status"},
      {"a - - [16/Nov/2023:18:17:03 +0000] \"GET\" 200", "f:1:45: no status"},
      {"full - - [16/Nov/2023:18:17:03 +0000] \"GET\" 200 1",
       "f:1:11: no more"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(Read(row.line, {.form = TraceForm::kAccessLog}),
                HasSubstr(row.error))
        << row.line;
  }
  EXPECT_THAT(Read(std::string(LineReader::kLineBytesMax + 1, 'x'),
                   {.form = TraceForm::kAccessLog}),
              StartsWith("f:1:1: a line of more than"));
}

TEST(Trace, RequestsAreInOrderOfTimeHoweverTheRowsStand) {
  EXPECT_EQ(
      Read("t,who\n3,a\n1,b\n2,c\n3,d\n1,e\n", {.time = "t", .account = "who"}),
      "1 b - -\n1 e - -\n2 c - -\n3 a - -\n3 d - -\n");
  // An error keeps its place and is said once, above and below the first row
  // that is out of order.
  EXPECT_EQ(Read("t\nx\n2\n1\ny\n", {.time = "t"}).substr(0, 14),
            "1  - -\n2  - -\n");
  EXPECT_THAT(Read("t\nx\n2\n1\ny\n", {.time = "t"}),
              AllOf(HasSubstr("f:2:1: "), HasSubstr("f:5:1: ")));
  EXPECT_THAT(Read("t,who\n2,a\n1,full\n", {.time = "t", .account = "who"}),
              HasSubstr("f:3:1: no more"));
}

TEST(Trace, RowsInOrderAreDecidedAsTheyAreRead) {
  const std::string path = ::testing::TempDir() + "/order";
  const auto read = [&](const std::string& text) {
    std::ofstream(path) << text;
    std::istringstream in;
    std::ostringstream err;
    InputErrors errors("f", err);
    std::string calls;
    const int64_t late = ReadTrace(
        {path, in}, {.time = "t"}, Catalog::BuiltIn(), errors,
        [&] { calls += "begin "; },
        [&](const TraceRequest& request) {
          absl::StrAppend(&calls, request.at.nanos() / 1'000'000'000, " ");
          return absl::OkStatus();
        });
    EXPECT_TRUE(errors.none()) << err.str();
    return absl::StrCat(calls, "late ", late);
  };
  EXPECT_EQ(read("t\n1\n2\n2\n3\n"), "begin 1 2 2 3 late 0");
  EXPECT_EQ(read("t\n1\n3\n2\n1\n4\n"), "begin 1 3 begin 1 1 2 3 4 late 2");
  EXPECT_EQ(read("t\n"), "begin late 0");
}

TEST(Trace, LinesOfAnotherFormOfAccessLogAreErrors) {
  const std::string rest =
      " [16/Nov/2023:18:17:03 +0000] \"GET / HTTP/1.1\" 200 1";
  const struct {
    const char* begin;
    const char* error;
  } kRows[] = {
      // A virtual host before the address.
      {"example.com:80 192.0.2.7 - -", "\"example.com:80\" before the address"},
      {"example.com 192.0.2.7 - -", "two addresses, example.com and 192.0.2.7"},
      {"example.com 2001:db8::7 - ann", "two addresses"},
      {"example.com host.example - -", "\"- -\" as the user"},
      // What a proxy passed on.
      {"203.0.113.1, 10.0.0.1 - -", "a list of addresses"},
      {"203.0.113.1,10.0.0.1 - -", "a list of addresses"},
      {"\"203.0.113.1\" - -", "before the address, or instead of it"},
      {"- - -", "before the address, or instead of it"},
      {"- 192.0.2.7 - -", "before the address, or instead of it"},
      // What a shipper of logs put first.
      {"2023-11-16T18:17:03Z 192.0.2.7 - -", "before the address"},
      {"Nov 16 18:17:03 web nginx: 192.0.2.7 - ann", "as the user"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(Read(row.begin + rest, {.form = TraceForm::kAccessLog}),
                AllOf(StartsWith("f:1:1: a line of another form of access log"),
                      HasSubstr(row.error)))
        << row.begin;
  }
  for (const char* begin :
       {"192.0.2.7 - -", "2001:db8::7 - ann", "fe80::1%eth0 - -",
        "::ffff:192.0.2.7 - -", "host-1.example ann -", "10.0.0.1 - Ann B."}) {
    EXPECT_THAT(Read(begin + rest, {.form = TraceForm::kAccessLog}),
                StartsWith("1700158623 "))
        << begin;
  }
}

}  // namespace
}  // namespace konpro
