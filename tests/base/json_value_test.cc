#include "konpro/base/internal/json_value.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro::internal {
namespace {

using ::konpro::testing::StatusIs;

std::string Show(const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::kString:
      return "'" + value.text + "'";
    case JsonKind::kArray: {
      std::string out = "[";
      for (const JsonValue& item : value.items) out += Show(item) + ",";
      return out + "]";
    }
    case JsonKind::kObject: {
      std::string out = "{";
      for (const JsonMember& member : value.members) {
        out += member.name + ":" + Show(member.value) + ",";
      }
      return out + "}";
    }
    default:
      return value.text;
  }
}

TEST(JsonValue, IsReadAsItIsWritten) {
  const struct {
    absl::string_view text;
    std::string shown;
  } kCases[] = {
      {" null\n", "null"},
      {"true", "true"},
      {"-0.50e+3", "-0.50e+3"},
      {"9223372036854775808", "9223372036854775808"},
      {R"("a\"\\\/\b\f\n\r\t")", "'a\"\\/\b\f\n\r\t'"},
      {R"("\u0041\u00e9\u20ac\ud83d\ude00é")", "'A\u00e9\u20ac\U0001F600é'"},
      {"[]", "[]"},
      {"{}", "{}"},
      {R"({"b":[1,{"a":null}], "a" : "x"})", "{b:[1,{a:null,},],a:'x',}"},
      {R"([{"a":1},{"a":2}])", "[{a:1,},{a:2,},]"},
  };
  for (const auto& c : kCases) {
    const auto value = ParseJson(c.text);
    ASSERT_TRUE(value.ok()) << c.text << ": " << value.status();
    EXPECT_EQ(Show(*value), c.shown);
  }
}

TEST(JsonValue, WhatIsNoJsonIsRefusedWithItsPlace) {
  const struct {
    absl::string_view text;
    absl::string_view error;
  } kCases[] = {
      {"", "line 1, column 1: there is no JSON value"},
      {"{} {}", "line 1, column 4: there is more after the JSON value"},
      {"{\n \"a\": 1,\n \"a\": 2}",
       "line 3, column 2: member \"a\" stands twice"},
      {R"({"a":1,"\u0061":2})", "line 1, column 8: member \"a\" stands twice"},
      {R"([{"a":1,"b":{"c":1,"c":1}}])",
       "line 1, column 20: member \"c\" stands twice"},
      {R"({"a":1)",
       "line 1, column 7: it ends where \",\" or \"}\" is expected"},
      {R"({"a" 1})",
       "line 1, column 6: unexpected byte where \":\" is expected"},
      {R"({a:1})",
       "line 1, column 2: unexpected byte where a text in quotes is expected"},
      {"{\"a\":1,}",
       "line 1, column 8: unexpected byte where a text in quotes is expected"},
      {"[1 2]",
       "line 1, column 4: unexpected byte where \",\" or \"]\" is expected"},
      {"01", "line 1, column 1: unexpected byte where a value is expected"},
      {"1.", "line 1, column 1: unexpected byte where a value is expected"},
      {"1e", "line 1, column 1: unexpected byte where a value is expected"},
      {"-", "line 1, column 1: unexpected byte where a value is expected"},
      {"+1", "line 1, column 1: unexpected byte where a value is expected"},
      {"NaN", "line 1, column 1: unexpected byte where a value is expected"},
      {"'a'", "line 1, column 1: unexpected byte where a value is expected"},
      {"\"a", "line 1, column 3: it ends where the end of a text is expected"},
      {"\"\n\"", "line 1, column 2: a control character in a text"},
      {"\"\xff\"", "line 1, column 2: a byte that is no UTF-8"},
      {R"("\x")",
       "line 1, column 3: unexpected byte where an escape is expected"},
      {R"("\u00g0")",
       "line 1, column 6: unexpected byte where a hexadecimal digit is "
       "expected"},
      {R"("\ud83dx")",
       "line 1, column 8: unexpected byte where a surrogate is expected"},
      {R"("\ude00")", "line 1, column 8: a surrogate stands alone"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(ParseJson(c.text),
                StatusIs(absl::StatusCode::kInvalidArgument, c.error))
        << c.text;
  }
}

TEST(JsonValue, DepthIsBounded) {
  const auto nested = [](int depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(ParseJson(nested(kJsonDepthMax + 1)).ok());
  EXPECT_FALSE(ParseJson(nested(kJsonDepthMax + 2)).ok());
  EXPECT_FALSE(ParseJson(std::string(1 << 20, '[')).ok());
}

}  // namespace
}  // namespace konpro::internal
