#include "konpro/cli/table.h"

#include <sstream>

#include "gtest/gtest.h"

namespace konpro::cli {
namespace {

Table Sample() {
  Table table({{"name"}, {"n", Align::kRight}});
  table.AddRow({"a|b", "7"});
  table.AddTotal({"say \"x\", y", ""});
  return table;
}

TEST(Table, PrintsText) {
  std::ostringstream out;
  Sample().PrintText(out);
  EXPECT_EQ(out.str(),
            "name        n\n"
            "----------  -\n"
            "a|b         7\n"
            "----------  -\n"
            "say \"x\", y\n");
}

TEST(Table, PrintsMarkdown) {
  std::ostringstream out;
  Sample().PrintMarkdown(out);
  EXPECT_EQ(out.str(),
            "| name | n |\n"
            "| --- | ---: |\n"
            "| a\\|b | 7 |\n"
            "| **say \"x\", y** |  |\n");
}

TEST(Table, PrintsCsv) {
  std::ostringstream out;
  Sample().PrintCsv(out);
  EXPECT_EQ(out.str(), "name,n\na|b,7\n\"say \"\"x\"\", y\",\n");
}

}  // namespace
}  // namespace konpro::cli
