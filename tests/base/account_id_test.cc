#include "konpro/base/account_id.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

TEST(AccountId, OneFormIsLegal) {
  const std::string longest(kAccountIdBytesMax, 'x');
  const std::string longer = longest + "x";
  const struct {
    absl::string_view id;
    bool legal;
  } kRows[] = {
      {"a", true},         {"acct-1", true},
      {"!~", true},        {longest, true},
      {"", false},         {longer, false},
      {"a b", false},      {" a", false},
      {"a\n", false},      {"a\x7f", false},
      {"\xc3\xa9", false}, {absl::string_view("a\0", 2), false},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(IsAccountId(row.id), row.legal) << row.id;
    EXPECT_EQ(CheckAccountId(row.id).ok(), row.legal) << row.id;
  }
}

TEST(AccountId, EachByteIsPrintableAsciiWithoutBlank) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string id(1, static_cast<char>(byte));
    EXPECT_EQ(IsAccountId(id), byte >= 0x21 && byte <= 0x7e) << byte;
  }
}

TEST(AccountId, MessageHasTheFormAndTheId) {
  EXPECT_THAT(CheckAccountId("acct 1"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("account_id: \"acct 1\" is not 1 to 128 bytes "
                                 "of printable ASCII without blanks")));
}

}  // namespace
}  // namespace konpro
