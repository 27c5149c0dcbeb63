#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/catalog/catalog.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(WindowText, ReadsBackWhatItWrites) {
  const struct {
    absl::string_view text;
    absl::string_view written;
  } kCases[] = {
      {"", ""},
      {"minute:60/1m", "minute:60/1m"},
      {"minute:60/60s,day:1000/24h", "minute:60/1m,day:1000/24h"},
      {"day:1/24h+6h", "day:1/24h+6h"},
      {"burst:100/10.5s:token_bucket", "burst:100/10.5s:token_bucket"},
  };
  for (const auto& c : kCases) {
    const auto windows = ParseWindows(c.text);
    ASSERT_THAT(windows, IsOk()) << c.text;
    EXPECT_EQ(FormatWindows(*windows), c.written);
    EXPECT_EQ(ParseWindows(c.written).value(), *windows);
  }
}

TEST(WindowText, PlansReadAsPeopleTypeThem) {
  EXPECT_EQ(FormatWindows(Catalog::BuiltIn().FindPlan("scale")->windows()),
            "minute:300/1m,day:10000/24h");
}

TEST(WindowText, MalformedWindowsAreNamed) {
  const struct {
    absl::string_view text;
    absl::string_view where;
    absl::string_view why;
  } kCases[] = {
      {"minute", "\"minute\"", "NAME:LIMIT/PERIOD"},
      {"minute/60:1m", "\"minute/60:1m\"", "NAME:LIMIT/PERIOD"},
      {"minute:x/1m", "\"minute:x/1m\"", "NAME:LIMIT/PERIOD"},
      {"minute:60/1", "\"minute:60/1\"", "period"},
      {"minute:60/1m,", "\"\"", "NAME:LIMIT/PERIOD"},
      {"minute:0/1m", "\"minute:0/1m\"", "limit: "},
      {"Minute:1/1m", "\"Minute:1/1m\"", "name: "},
      {"day:1/24h+x", "\"day:1/24h+x\"", "phase"},
      {"day:1/24h+24h", "\"day:1/24h+24h\"", "phase: "},
      {"a:1/1m,a:2/1h", "windows[1].name: \"a\"", "already"},
      {"a:1/1m,b:2/1h,c:3/1h", "windows[2]: ", "more than 2 windows"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(ParseWindows(c.text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(std::string(c.where)),
                               HasSubstr(std::string(c.why)))))
        << c.text;
  }
}

}  // namespace
}  // namespace konpro
