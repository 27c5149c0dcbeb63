#include "konpro/credits.h"

#include <algorithm>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "konpro/internal/name.h"

namespace konpro {
namespace {

constexpr int64_t kMillionths = 1'000'000;
constexpr int64_t kTicksPerMillionth = Credits::kTicksPerCredit / kMillionths;
static_assert(kTicksPerMillionth * kMillionths == Credits::kTicksPerCredit);

absl::Status NotADecimal(absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(
      internal::Quoted(text), " is no amount of credits: write a decimal such as 12.5"));
}

int64_t FloorDivide(int64_t a, int64_t positive) {
  return a / positive - (a % positive < 0 ? 1 : 0);
}

// `millionths` of a credit as the shortest decimal, with "~" unless `exact`.
std::string Decimal(int64_t millionths, bool exact) {
  const bool negative = millionths < 0;
  const uint64_t magnitude = negative ? -static_cast<uint64_t>(millionths)
                                      : static_cast<uint64_t>(millionths);
  std::string text =
      absl::StrCat(exact ? "" : "~", negative ? "-" : "",
                   magnitude / kMillionths);
  const uint64_t fraction = magnitude % kMillionths;
  if (fraction == 0) return text;
  absl::StrAppend(&text, ".", absl::Dec(fraction, absl::kZeroPad6));
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

// Half to even.
int64_t RoundToMillionths(int64_t ticks) {
  const int64_t down = FloorDivide(ticks, kTicksPerMillionth);
  const int64_t rest = ticks - down * kTicksPerMillionth;
  const int64_t twice = 2 * rest;
  if (twice < kTicksPerMillionth) return down;
  if (twice > kTicksPerMillionth) return down + 1;
  return down + (down % 2 != 0 ? 1 : 0);
}

bool IsExact(Credits c) { return c.ticks() % kTicksPerMillionth == 0; }

}  // namespace

absl::StatusOr<Credits> Credits::Parse(absl::string_view text) {
  absl::string_view rest = text;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (negative) rest.remove_prefix(1);

  // Accumulated below zero, whose range is the larger one.
  int64_t ticks = 0;
  bool overflow = false;
  const auto append = [&](int64_t units, int64_t value) {
    overflow |= __builtin_mul_overflow(ticks, units, &ticks) ||
                __builtin_sub_overflow(ticks, value, &ticks);
  };
  const size_t whole_digits = std::min(rest.find('.'), rest.size());
  if (whole_digits == 0) return NotADecimal(text);
  for (char c : rest.substr(0, whole_digits)) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      return NotADecimal(text);
    }
    append(10, c - '0');
  }
  append(kTicksPerCredit, 0);
  rest.remove_prefix(whole_digits);
  if (!rest.empty()) {
    rest.remove_prefix(1);
    if (rest.empty()) return NotADecimal(text);
    int64_t place_ticks = kTicksPerCredit;
    for (char c : rest) {
      if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
        return NotADecimal(text);
      }
      place_ticks /= 10;
      append(1, (c - '0') * place_ticks);
    }
    if (rest.size() > kDecimalPlaces) {
      return absl::InvalidArgumentError(
          absl::StrCat(internal::Quoted(text), " has more than ", kDecimalPlaces,
                       " decimal places"));
    }
  }
  if (!negative) overflow |= __builtin_sub_overflow(0, ticks, &ticks);
  if (overflow) {
    return absl::OutOfRangeError(
        absl::StrCat(internal::Quoted(text), " is outside ", Min().ToString(), " .. ",
                     Max().ToString(), " credits"));
  }
  return FromTicks(ticks);
}

std::string Credits::ToString() const {
  return Decimal(RoundToMillionths(ticks_), IsExact(*this));
}

std::optional<SummedTexts> FormatParts(absl::Span<const Credits> parts) {
  // A running sum may leave the range and come back: only the total counts.
  __int128 total_ticks = 0;
  std::vector<int64_t> millionths;
  millionths.reserve(parts.size());
  __int128 shown = 0;
  for (Credits part : parts) {
    total_ticks += part.ticks();
    millionths.push_back(FloorDivide(part.ticks(), kTicksPerMillionth));
    shown += millionths.back();
  }
  if (total_ticks > Credits::Max().ticks() ||
      total_ticks < Credits::Min().ticks()) {
    return std::nullopt;
  }
  const Credits total = Credits::FromTicks(static_cast<int64_t>(total_ticks));

  std::vector<size_t> by_remainder(parts.size());
  std::iota(by_remainder.begin(), by_remainder.end(), size_t{0});
  const auto remainder = [&](size_t i) {
    return parts[i].ticks() - millionths[i] * kTicksPerMillionth;
  };
  std::stable_sort(
      by_remainder.begin(), by_remainder.end(),
      [&](size_t a, size_t b) { return remainder(a) > remainder(b); });
  // 0 <= missing <= number of parts with a remainder: the remainders' sum is
  // less than one millionth for each of them.
  const auto missing =
      static_cast<size_t>(RoundToMillionths(total.ticks()) - shown);
  for (size_t i = 0; i < missing; ++i) ++millionths[by_remainder[i]];

  SummedTexts texts;
  texts.total = total.ToString();
  for (size_t i = 0; i < parts.size(); ++i) {
    texts.parts.push_back(Decimal(millionths[i], IsExact(parts[i])));
  }
  return texts;
}

}  // namespace konpro
