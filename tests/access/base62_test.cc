#include "konpro/access/internal/base62.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace konpro::internal {
namespace {

std::string Encoded(uint32_t value, size_t digits) {
  std::string text(digits, '?');
  EncodeBase62(value, absl::MakeSpan(&text[0], text.size()));
  return text;
}

TEST(Base62, NumbersHaveFixedWidthAndTheMostSignificantDigitFirst) {
  const struct {
    uint32_t value;
    size_t digits;
    absl::string_view text;
  } kCases[] = {
      {0, 6, "000000"},  {9, 6, "000009"},           {10, 6, "00000A"},
      {36, 6, "00000a"}, {61, 6, "00000z"},          {62, 6, "000010"},
      {61, 1, "z"},      {0xCBF4'3926, 6, "3jZRME"}, {0xFFFF'FFFF, 6, "4gfFC3"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Encoded(c.value, c.digits), c.text) << c.value;
  }
}

TEST(Base62, OnlyLettersAndDigitsAreDigits) {
  for (int c = 0; c < 256; ++c) {
    const char text = static_cast<char>(c);
    EXPECT_EQ(IsBase62(absl::string_view(&text, 1)),
              kBase62Digits.find(text) != absl::string_view::npos)
        << c;
  }
  EXPECT_TRUE(IsBase62(kBase62Digits));
  EXPECT_FALSE(IsBase62("ab-c"));
}

// All 256 bytes in turn, 31 times: 62 x 4 of them make a digit.
TEST(Base62, EveryDigitComesFromAsManyBytes) {
  uint8_t next = 0;
  std::string digits(31 * 248, '?');
  ASSERT_TRUE(RandomBase62(
      [&](absl::Span<uint8_t> bytes) {
        for (uint8_t& byte : bytes) byte = next++;
        return true;
      },
      absl::MakeSpan(&digits[0], digits.size())));
  std::map<char, int> counts;
  for (const char digit : digits) ++counts[digit];
  ASSERT_EQ(counts.size(), 62u);
  for (const auto& [digit, count] : counts) EXPECT_EQ(count, 31 * 4) << digit;
}

// 61 degrees of freedom: the mean is 61, and 140 is seven deviations above it.
TEST(Base62, RandomBytesMakeUniformDigits) {
  constexpr uint64_t kSeed = 5;
  std::mt19937_64 random(kSeed);
  std::string digits(1'000'000, '?');
  ASSERT_TRUE(RandomBase62(
      [&](absl::Span<uint8_t> bytes) {
        for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
        return true;
      },
      absl::MakeSpan(&digits[0], digits.size())));
  std::map<char, double> counts;
  for (const char digit : digits) ++counts[digit];
  const double expected = static_cast<double>(digits.size()) / 62;
  double chi_square = 0;
  for (const char digit : kBase62Digits) {
    const double off = counts[digit] - expected;
    chi_square += off * off / expected;
  }
  EXPECT_LT(chi_square, 140) << "seed " << kSeed;
}

TEST(Base62, NoRandomBytesIsAnError) {
  int calls = 0;
  std::string digits(40, '?');
  EXPECT_FALSE(RandomBase62(
      [&](absl::Span<uint8_t> bytes) {
        std::fill(bytes.begin(), bytes.end(), uint8_t{1});
        return ++calls < 2;
      },
      absl::MakeSpan(&digits[0], digits.size())));
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace konpro::internal
