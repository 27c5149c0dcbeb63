#include "konpro/base/internal/json.h"

#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace konpro::internal {
namespace {

std::string Json(absl::string_view text) {
  std::string out;
  AppendJsonString(text, out);
  return out;
}

TEST(Json, StringsAreEscaped) {
  const struct {
    absl::string_view text;
    absl::string_view json;
  } kCases[] = {
      {"", R"("")"},
      {"a b", R"("a b")"},
      {"a\"b\\c/d", R"("a\"b\\c/d")"},
      {"a\nb\tc\r", R"("a\nb\u0009c\u000d")"},
      {absl::string_view("\0\x1f\x7f", 3), R"("\u0000\u001f\u007f")"},
      {"</script>&", R"("\u003c/script\u003e\u0026")"},
      {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
       "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
      {"\xe2\x80\xa8\xe2\x80\xa9", R"("\u2028\u2029")"},
      // No UTF-8: alone, cut, overlong, a surrogate, beyond Unicode.
      {"\x80", R"("\ufffd")"},
      {"\xc3", R"("\ufffd")"},
      {"\xe2\x82", R"("\ufffd\ufffd")"},
      {"\xc0\xaf", R"("\ufffd\ufffd")"},
      {"\xe0\x80\x80", R"("\ufffd\ufffd\ufffd")"},
      {"\xed\xa0\x80", R"("\ufffd\ufffd\ufffd")"},
      {"\xf4\x90\x80\x80", R"("\ufffd\ufffd\ufffd\ufffd")"},
      {"\xff\"", R"("\ufffd\"")"},
  };
  for (const auto& c : kCases) EXPECT_EQ(Json(c.text), c.json);
}

}  // namespace
}  // namespace konpro::internal
