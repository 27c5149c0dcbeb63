#include "konpro/report/internal/table.h"

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace konpro {
namespace {

ReportTable Sample() {
  ReportTable table({{"name"}, {"n", ColumnAlign::kRight}});
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

TEST(Table, KnowsHowWideTextIs) {
  const std::pair<const char*, size_t> kCases[] = {
      {"", 0},
      {"abc", 3},
      {"\xC3\xA9t\xC3\xA9", 3},         // two accents
      {"e\xCC\x81t\xC3\xA9", 3},        // one of them combining
      {"\xE5\x8B\x95\xE7\x94\xBB", 4},  // two ideographs
      {"\xF0\x9F\x8E\xAC!", 3},         // a clapper board
      {"\xFF\xC3", 2},                  // no UTF-8
      {"\xE5\x8Bx", 3},
  };
  for (const auto& [text, width] : kCases) {
    EXPECT_EQ(DisplayWidth(text), width) << text;
  }
}

TEST(Table, AlignsWhatIsNotAscii) {
  ReportTable table({{"id"}, {"n", ColumnAlign::kRight}});
  table.AddRow({"\xE5\x8B\x95\xE7\x94\xBB", "7"});
  table.AddRow({"caf\xC3\xA9", "12"});
  std::ostringstream out;
  table.PrintText(out);
  EXPECT_EQ(out.str(),
            "id     n\n"
            "----  --\n"
            "\xE5\x8B\x95\xE7\x94\xBB   7\n"
            "caf\xC3\xA9  12\n");
}

TEST(Table, BreaksWideCellsAndNoFigures) {
  ReportTable table({{"id"}, {"n", ColumnAlign::kRight}});
  table.AddRow({"the_first_of_the_words " + std::string(100, 'x'), "1"});
  std::string wide;
  for (int i = 0; i < 50; ++i) wide += "\xE5\x8B\x95";
  table.AddRow({wide, std::string(40, '9')});
  std::ostringstream out;
  table.PrintText(out);
  const std::string x38(38, 'x');
  std::string w19;
  for (int i = 0; i < 19; ++i) w19 += "\xE5\x8B\x95";
  EXPECT_EQ(out.str(), "id" + std::string(77, ' ') + "n\n" +
                           std::string(38, '-') + "  " + std::string(40, '-') +
                           "\nthe_first_of_the_words" + std::string(57, ' ') +
                           "1\n" + x38 + "\n" + x38 + "\n" +
                           std::string(24, 'x') + "\n" + w19 + "  " +
                           std::string(40, '9') + "\n" + w19 + "\n" +
                           w19.substr(0, 36) + "\n");
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

TEST(Table, AnIdIsNeverBroken) {
  const std::string id = "0123456789abcdef";
  const std::string time = "2026-11-26T14:44:59.051Z";
  for (size_t more = 0; more < 6; ++more) {
    std::vector<ReportTable::Column> columns = {
        {.title = "id", .is_whole = true}, {"key"}, {"state"}};
    std::vector<std::string> row = {id, "...SHjr", "deactivated"};
    for (size_t i = 0; i < more; ++i) {
      columns.push_back({"time"});
      row.push_back(time);
    }
    ReportTable table(columns);
    table.AddRow(row);
    std::ostringstream out;
    table.PrintText(out);
    EXPECT_NE(out.str().find("\n" + id + "  "), std::string::npos) << more;
  }
}

TEST(Table, CsvHasNoTextThatASpreadsheetRuns) {
  const std::pair<std::string, std::string> kCases[] = {
      {"=1+1", "'=1+1"},
      {"+1", "'+1"},
      {"-2+3", "'-2+3"},
      {"@SUM(A1)", "'@SUM(A1)"},
      {"\t=1", "'\t=1"},
      {"\r=1", "\"'\r=1\""},
      {"\n=1", "\"'\n=1\""},
      {"\xEF\xBC\x9D"
       "1",
       "'\xEF\xBC\x9D"
       "1"},
      {"=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""},
      // One ' is dropped by a reader.
      {"'=1", "''=1"},
      {"'", "''"},
      {"a=1", "a=1"},
      {" =1", " =1"},
      {"", ""},
  };
  for (const auto& [text, cell] : kCases) {
    ReportTable table({{"id"}, {"credits", ColumnAlign::kRight}});
    table.AddRow({text, "-5"});
    std::ostringstream out;
    table.PrintCsv(out);
    EXPECT_EQ(out.str(), "id,credits\n" + cell + ",-5\n");
  }
}

TEST(Table, PrintsHtmlWithoutWhatACellMayHide) {
  ReportTable table({{"name"}, {"n", ColumnAlign::kRight}});
  table.AddRow({"<b>a_b</b>", "7"});
  table.AddTotal({"say \"x\", y", ""});
  std::ostringstream out;
  table.PrintHtml(out);
  EXPECT_EQ(out.str(),
            "<table>\n<thead>\n"
            "<tr><th>name</th><th class=\"right\">n</th></tr>\n"
            "</thead>\n<tbody>\n"
            "<tr><td>&lt;b&gt;a_<wbr>b&lt;/b&gt;</td><td "
            "class=\"right\">7</td></tr>\n"
            "</tbody>\n<tfoot>\n"
            "<tr><td>say &quot;x&quot;, y</td><td class=\"right\"></td></tr>\n"
            "</tfoot>\n</table>\n");
}

}  // namespace
}  // namespace konpro
