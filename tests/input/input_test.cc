#include <algorithm>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/input/input_file.h"
#include "konpro/input/internal/line_reader.h"

namespace konpro {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr size_t kLineBytesMax = LineReader::kLineBytesMax;

struct Lines {
  std::vector<std::string> texts;
  int64_t last_number = 0;
  bool too_long = false;
};

Lines ReadLines(const std::string& text) {
  std::istringstream in(text);
  InputFile input("-", in, nullptr);
  LineReader reader(input);
  Lines lines;
  absl::string_view line;
  while (reader.Next(line)) lines.texts.emplace_back(line);
  lines.last_number = reader.line_number();
  lines.too_long = reader.too_long();
  return lines;
}

TEST(LineReader, GivesLinesWithTheirEnds) {
  EXPECT_THAT(ReadLines("").texts, IsEmpty());
  EXPECT_THAT(ReadLines("\n").texts, ElementsAre("\n"));
  EXPECT_THAT(ReadLines("a\r\n\nb").texts, ElementsAre("a\r\n", "\n", "b"));
  EXPECT_THAT(ReadLines("\xEF\xBB\xBF").texts, IsEmpty());
  EXPECT_THAT(ReadLines("\xEF\xBB\xBF\xEF\xBB\xBFx").texts,
              ElementsAre("\xEF\xBB\xBFx"));
}

TEST(InputFile, WhatIsNoUtf8IsNamed) {
  const struct {
    std::string bytes;
    const char* name;
  } kCases[] = {
      {std::string("\xFF\xFEo\0", 4), "UTF-16"},
      {std::string("\xFE\xFF\0o", 4), "UTF-16"},
      {std::string("o\0p\0e\0", 6), "UTF-16"},
      {std::string("\0o\0p\0e", 6), "UTF-16"},
      {std::string("{\0\"\0", 4), "UTF-16"},
      {std::string("\xFF\xFE\0\0", 4), "UTF-32"},
      {std::string("\0\0\xFE\xFF", 4), "UTF-32"},
      {"\x1F\x8B\x08", "gzip -dc"},
      {"BZh91AY&SY", "bzip2"},
      {std::string("\xFD"
                   "7zXZ\0",
                   6),
       "xz"},
      {"\x28\xB5\x2F\xFD", "zstd"},
      {"PK\x03\x04", "zip: unpack it first, or save the sheet as CSV"},
      {"\xD0\xCF\x11\xE0", ".xls"},
      {"%PDF-1.7", "PDF"},
  };
  for (const auto& c : kCases) {
    std::istringstream in(c.bytes + "operation,quantity\n");
    InputFile input("-", in, nullptr);
    EXPECT_EQ(input.Peek(), "") << c.name;
    EXPECT_EQ(input.Read(), "") << c.name;
    EXPECT_THAT(input.error(), HasSubstr(c.name));
    EXPECT_THAT(input.error(), StartsWith("cannot be read: it is "));
  }
  for (const std::string& bytes :
       {std::string(""), std::string("PK\n"), std::string("a\0b", 3),
        std::string("BZh\n"), std::string("\x20\x0A\x03\0\0", 5)}) {
    std::istringstream in(bytes);
    InputFile input("-", in, nullptr);
    EXPECT_EQ(input.Read(), bytes);
    EXPECT_EQ(input.error(), "");
  }
}

// A line may begin, end and lie anywhere in the blocks of its input.
TEST(LineReader, BlocksMayEndAnywhere) {
  for (size_t before = InputFile::kBlockBytes - 3;
       before <= InputFile::kBlockBytes; ++before) {
    const std::string first = std::string(before, 'a') + "\n";
    const std::string third(InputFile::kBlockBytes, 'c');
    EXPECT_THAT(ReadLines(first + "b\n" + third).texts,
                ElementsAre(first, "b\n", third));
  }
}

TEST(LineReader, ALineHasAtMostSoManyBytes) {
  const std::string longest = std::string(kLineBytesMax - 1, 'x') + "\n";
  EXPECT_THAT(ReadLines(longest + "a").texts, ElementsAre(longest, "a"));
  const Lines lines = ReadLines("a\nx" + longest + "b\n");
  EXPECT_THAT(lines.texts, ElementsAre("a\n"));
  EXPECT_EQ(lines.last_number, 2);
  EXPECT_TRUE(lines.too_long);
  EXPECT_FALSE(ReadLines(std::string(kLineBytesMax, 'x')).too_long);
  EXPECT_TRUE(ReadLines(std::string(kLineBytesMax + 1, 'x')).too_long);
}

TEST(InputErrors, SoManyAreShownAndTheRestCounted) {
  constexpr int64_t kMax = InputErrors::kShownMax;
  for (const int64_t count : {int64_t{0}, kMax, kMax + 1, 3 * kMax}) {
    std::ostringstream err;
    InputErrors errors("f", err);
    for (int64_t i = 1; i <= count; ++i) {
      i % 2 == 0 ? errors.Add(i, 7, "wrong") : errors.AddForFile("wrong");
    }
    errors.Finish();
    EXPECT_EQ(errors.count(), count);
    EXPECT_EQ(errors.none(), count == 0);
    const std::string text = err.str();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'),
              count <= kMax ? count : kMax + 1);
    if (count > 0) {
      EXPECT_THAT(err.str(), StartsWith("f: wrong\nf:2:7: wrong\n"));
    }
    if (count > kMax) {
      EXPECT_THAT(err.str(), EndsWith(absl::StrCat("f: and ", count - kMax,
                                                   " more errors\n")));
    } else {
      EXPECT_THAT(err.str(), Not(HasSubstr("more errors")));
    }
  }
}

TEST(ReadWholeInput, HasAtMostSoManyBytes) {
  for (const auto& [bytes_max, ok] :
       {std::pair<size_t, bool>{2, false}, {3, true}}) {
    std::istringstream in("abc");
    const absl::StatusOr<std::string> text = ReadWholeInput("-", in, bytes_max);
    EXPECT_EQ(text.ok(), ok) << bytes_max;
    EXPECT_EQ(text.value_or("too long"), ok ? "abc" : "too long");
  }
}

}  // namespace
}  // namespace konpro
