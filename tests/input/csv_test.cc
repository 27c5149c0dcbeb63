#include "konpro/input/internal/csv.h"

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace konpro {
namespace {

// Each row as `LINE:COLUMN=cell` for every cell, rows on lines.
std::string Read(const std::string& text, std::string* errors_text = nullptr) {
  std::istringstream in(text);
  std::ostringstream err;
  InputFile input("-", in, nullptr);
  InputErrors errors("f", err);
  std::string rows;
  ReadCsv(input, errors, [&](const CsvRow& row) {
    std::vector<std::string> cells;
    for (size_t i = 0; i < row.cells().size(); ++i) {
      const auto [line, column] = row.PlaceOf(i);
      cells.push_back(absl::StrCat(line, ":", column, "=", row.cells()[i]));
    }
    absl::StrAppend(&rows, absl::StrJoin(cells, " "), "\n");
    return row.cells()[0] != "last";
  });
  if (errors_text != nullptr) *errors_text = err.str();
  return rows;
}

TEST(Csv, CellsKnowTheirPlaces) {
  EXPECT_EQ(Read("a,b\nc,,d\n"), "1:1=a 1:3=b\n2:1=c 2:3= 2:4=d\n");
  EXPECT_EQ(Read("\"a,\"\"x\",b\r\n\r\nc,d"), "1:1=a,\"x 1:9=b\n3:1=c 3:3=d\n");
  EXPECT_EQ(Read("\"a\nb\",c\nd,e\n"), "1:1=a\nb 2:4=c\n3:1=d 3:3=e\n");
  EXPECT_EQ(Read("a,\n,\nb,\n"), "1:1=a 1:3=\n2:1= 2:2=\n3:1=b 3:3=\n");
  EXPECT_EQ(Read(""), "");
}

TEST(Csv, RowsOfEmptyCellsAtTheEndAreSkipped) {
  for (const char* end : {"", ",\n", ",\r\n,,,\n", "\"\",\n\n,", "  ,\t\n"}) {
    EXPECT_EQ(Read(absl::StrCat("a,b\nc,d\n", end)),
              "1:1=a 1:3=b\n2:1=c 2:3=d\n")
        << end;
  }
  // Not before another row: of several, the first is given.
  EXPECT_EQ(Read("a,b\n,\n,,\nc,d\n,\ne,f\n,\n"),
            "1:1=a 1:3=b\n2:1= 2:2=\n4:1=c 4:3=d\n5:1= 5:2=\n"
            "6:1=e 6:3=f\n");
  EXPECT_EQ(Read(",\n,\n"), "1:1= 1:2=\n");
}

TEST(Csv, AnotherSeparatorIsNamed) {
  const std::pair<std::string, std::string> kCases[] = {
      {"a;b;c\n1;2;3\n", "f:1:2: cells are separated by \";\""},
      {"a\tb\n1\t2\n", "f:1:2: cells are separated by a tab"},
      {"ab|c\n", "f:1:3: cells are separated by \"|\""},
      {"\n\na;b\n", "f:3:2: cells are separated by \";\""},
  };
  for (const auto& [text, error] : kCases) {
    std::string errors;
    EXPECT_EQ(Read(text, &errors), "") << text;
    EXPECT_THAT(errors, ::testing::StartsWith(error)) << text;
  }
  std::string errors;
  EXPECT_EQ(Read("a,b;c\n1,2;3\n", &errors), "1:1=a 1:3=b;c\n2:1=1 2:3=2;3\n");
  EXPECT_EQ(Read("a\n1;2\n", &errors), "1:1=a\n2:1=1;2\n");
  EXPECT_EQ(errors, "");
}

TEST(Csv, JsonIsNamed) {
  for (const char* text : {"{\"time\":1}\n", "[{\"time\":1}]", "{}"}) {
    std::string errors;
    EXPECT_EQ(Read(absl::StrCat("\n ", text), &errors), "") << text;
    EXPECT_EQ(errors,
              "f:2:2: JSON is not read here, but CSV with a header row\n")
        << text;
  }
  std::string errors;
  EXPECT_EQ(Read("a\n{}\n", &errors), "1:1=a\n2:1={}\n");
  EXPECT_EQ(Read("\"a\n{b\",c\n", &errors), "1:1=a\n{b 2:5=c\n");
  EXPECT_EQ(errors, "");
}

TEST(Csv, RowsEndWhereNoMoreAreWanted) {
  const std::string endless(10'000'000, '"');
  std::string errors;
  EXPECT_EQ(Read("a\nlast\nb\n" + endless, &errors), "1:1=a\n2:1=last\n");
  EXPECT_EQ(Read("last\rb\rc\n" + endless, &errors), "1:1=last\n");
  EXPECT_EQ(errors, "");
}

TEST(Csv, BlocksMayEndAnywhere) {
  // Rows around the border of two blocks, so that each byte is the border once.
  for (size_t shift = 0; shift < 12; ++shift) {
    std::string text(InputFile::kBlockBytes - 6 - shift, '\n');
    const int64_t line = static_cast<int64_t>(text.size()) + 1;
    text += "\"x\ny\",z\nu,v\n";
    EXPECT_EQ(Read(text), absl::StrCat(line, ":1=x\ny ", line + 1, ":4=z\n",
                                       line + 2, ":1=u ", line + 2, ":3=v\n"))
        << shift;
  }
}

TEST(Csv, ARowHasAtMostSoManyBytes) {
  std::string errors;
  std::string longest(kCsvRowBytesMax - 1, 'x');
  EXPECT_EQ(Read(longest + "\n", &errors), "1:1=" + longest + "\n");
  EXPECT_EQ(errors, "");
  EXPECT_EQ(Read(longest + "x\n", &errors), "");
  EXPECT_THAT(errors, ::testing::StartsWith("f:1:1: a row of more than"));
}

}  // namespace
}  // namespace konpro
