#include "konpro/base/internal/name.h"

#include <string>

#include "gtest/gtest.h"

namespace konpro::internal {
namespace {

TEST(Name, NearestIgnoresCaseAndRefusesTheFar) {
  EXPECT_EQ(NearestName("quantiy", {"operation", "quantity", "jobs"}),
            "quantity");
  EXPECT_EQ(NearestName("JOBS", {"operation", "quantity", "jobs"}), "jobs");
  EXPECT_EQ(NearestName("views", {"operation", "quantity", "jobs"}), "");
  EXPECT_EQ(NearestName("", {"a", "b"}), "");
  EXPECT_EQ(NearestName("x", {}), "");
  EXPECT_EQ(NearestName(std::string(10'000'000, 'x'), {"x"}), "");
}

TEST(Name, SuggestionsArePrintable) {
  EXPECT_EQ(Suggestion("jobz", {"jobs\n"}), "; did you mean \"jobs?\"?");
  EXPECT_EQ(Suggestion("x", {"\033[2J", "b_and_more"}),
            "; known: \"?[2J\", \"b_and_more\"");
  EXPECT_EQ(Suggestion("x", {}), "");
  const std::string long_name(10'000'000, 'x');
  EXPECT_EQ(NearestName("x", {long_name}), "");
}

TEST(Name, QuotedTextIsShortAndPrintable) {
  EXPECT_EQ(Quoted("a b"), "\"a b\"");
  EXPECT_EQ(Quoted("\xff\n"), "\"??\"");
  EXPECT_EQ(Quoted(std::string(41, 'a')),
            "\"" + std::string(40, 'a') + "...\"");
}

// A key that somebody gave as a name is not repeated.
TEST(Name, QuotedTextHoldsNoApiKey) {
  const std::string key = "kp_0123456789ABCDEFGHIJKLMNOPQRST4FPlxO";
  EXPECT_EQ(Quoted(key), "\"kp_...\"");
  EXPECT_EQ(Quoted("key:" + key + " x"), "\"key:kp_...\"");
  EXPECT_EQ(Quoted(key.substr(0, 17)), "\"kp_...\"");
  EXPECT_EQ(Quoted("kp_video"), "\"kp_video\"");
}

TEST(Name, IdIsPrintableWithoutBlanks) {
  EXPECT_TRUE(IsId("u", 1));
  EXPECT_TRUE(IsId("!~", 2));
  EXPECT_FALSE(IsId("", 8));
  EXPECT_FALSE(IsId("abc", 2));
  EXPECT_FALSE(IsId("a b", 8));
  EXPECT_FALSE(IsId("\x7f", 8));
  EXPECT_FALSE(IsId("\xc3\xa9", 8));
  EXPECT_FALSE(IsId(absl::string_view("a\0", 2), 8));
}

}  // namespace
}  // namespace konpro::internal
