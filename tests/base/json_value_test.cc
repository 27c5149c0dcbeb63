#include "konpro/base/internal/json_value.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace konpro::internal {
namespace {

std::string Show(const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::kNull:
      return "null";
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

// "line 1, column 2: what", or "".
std::string ErrorOf(absl::string_view text, JsonValue& value) {
  const auto error = ReadJson(text, value);
  if (!error.has_value()) return "";
  const TextPlace place = PlaceOf(text, error->at);
  return absl::StrCat("line ", place.line, ", column ", place.column, ": ",
                      error->what);
}
std::string ErrorOf(absl::string_view text) {
  JsonValue value;
  return ErrorOf(text, value);
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
    JsonValue value;
    EXPECT_EQ(ErrorOf(c.text, value), "") << c.text;
    EXPECT_EQ(Show(value), c.shown);
  }
}

TEST(JsonValue, WhatIsNoJsonIsRefusedWithItsPlace) {
  const struct {
    absl::string_view text;
    absl::string_view error;
  } kCases[] = {
      {"", "line 1, column 1: there is no JSON value"},
      {"{} {}", "line 1, column 4: something after the object"},
      {"{\n \"a\": 1,\n \"a\": 2}",
       "line 3, column 2: member \"a\" stands twice"},
      {R"({"a":1,"\u0061":2})", "line 1, column 8: member \"a\" stands twice"},
      {R"([{"a":1,"b":{"c":1,"c":1}}])",
       "line 1, column 20: member \"c\" stands twice"},
      {R"({"a":1)", "line 1, column 7: the object is not closed"},
      {R"({"a" 1})", "line 1, column 6: no : after the name of a member"},
      {R"({a:1})", "line 1, column 2: no member: its name stands in quotes"},
      {"{\"a\":1,}", "line 1, column 8: no member: its name stands in quotes"},
      {"[1 2]", "line 1, column 4: neither , nor ] after an element"},
      {"01",
       "line 1, column 2: no number: put it in quotes, or a blank after it"},
      {"1.x", "line 1, column 3: no number: no digits after ."},
      {"1e ", "line 1, column 3: no number: no digits in its exponent"},
      {"-", "line 1, column 2: the value is not closed"},
      {"- 1", "line 1, column 2: no number: no digits"},
      {"+1", "line 1, column 1: no value"},
      {"NaN", "line 1, column 1: no value"},
      {"'a'", "line 1, column 1: no value"},
      {"\"a", "line 1, column 3: a quote is not closed"},
      {"\"\n\"", "line 1, column 2: a quote is not closed on its line"},
      {"\"\t\"", "line 1, column 2: a control character in quotes"},
      {"\"\xff\"", "line 1, column 2: not UTF-8"},
      {R"("\x")", "line 1, column 2: no escape of JSON"},
      {R"("\u00g0")", "line 1, column 2: no escape of JSON"},
      {R"("\ud83dx")", "line 1, column 2: half of a surrogate pair"},
      {R"("\ude00")", "line 1, column 2: half of a surrogate pair"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(ErrorOf(c.text), c.error) << c.text;
  }
}

TEST(JsonValue, DepthIsBounded) {
  const auto nested = [](int depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(ErrorOf(nested(kJsonDepthMax)), "");
  EXPECT_EQ(ErrorOf(nested(kJsonDepthMax + 1)),
            absl::StrCat("line 1, column ", kJsonDepthMax + 1,
                         ": is nested too deeply"));
  EXPECT_NE(ErrorOf(std::string(1 << 20, '[')), "");
}

// 100,000 members, compared each with each, would take minutes.
TEST(JsonValue, ManyMembersAreReadInOnePass) {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) absl::StrAppend(&text, "\"", i, "\":0,");
  const std::string good = text + "\"a\":0}";
  JsonValue value;
  ASSERT_EQ(ErrorOf(good, value), "");
  EXPECT_EQ(value.members.size(), 100'001);
  for (const char* name : {"0", "15", "16", "99999"}) {
    EXPECT_THAT(ErrorOf(absl::StrCat(text, "\"", name, "\":0}")),
                ::testing::HasSubstr("stands twice"));
  }
}

// What was read before an error is there, with its offsets.
TEST(JsonValue, BeforeAnErrorIsKept) {
  JsonValue value;
  ASSERT_TRUE(ReadJson(R"({"a": [1, {"b": tru)", value).has_value());
  ASSERT_EQ(value.members.size(), 1);
  EXPECT_EQ(value.members[0].begin, 1);
  EXPECT_EQ(value.members[0].value.begin, 6);
  ASSERT_EQ(value.members[0].value.items.size(), 2);
  EXPECT_EQ(value.members[0].value.items[0].text, "1");
  EXPECT_TRUE(value.members[0].value.items[1].members.empty());
}

}  // namespace
}  // namespace konpro::internal
