#include "konpro/base/credits.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"

namespace konpro {
namespace {

constexpr int64_t kMillionths = 1'000'000;
constexpr int64_t kTicksPerMillionth = Credits::kTicksPerCredit / kMillionths;
static_assert(kTicksPerMillionth * kMillionths == Credits::kTicksPerCredit);

absl::Status NotADecimal(absl::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat(internal::Quoted(text),
                   " is no amount of credits: write a decimal such as 12.5"));
}

// The part of a millionth that is above RoundedDown(): 0 .. 5 ticks.
int64_t Remainder(Credits c) {
  const int64_t rest = c.ticks() % kTicksPerMillionth;
  return rest < 0 ? rest + kTicksPerMillionth : rest;
}

// Whole millionths, toward minus infinity.
int64_t RoundedDown(Credits c) {
  return c.ticks() / kTicksPerMillionth -
         (c.ticks() % kTicksPerMillionth < 0 ? 1 : 0);
}

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
          absl::StrCat(internal::Quoted(text), " has more than ",
                       kDecimalPlaces, " decimal places"));
    }
  }
  if (!negative) overflow |= __builtin_sub_overflow(0, ticks, &ticks);
  if (overflow) {
    return absl::OutOfRangeError(
        absl::StrCat(internal::Quoted(text), " is outside ", Min().ToString(),
                     " .. ", Max().ToString(), " credits"));
  }
  return FromTicks(ticks);
}

std::string Credits::ToString() const { return Show(*this).ToString(); }

std::string ShownCredits::ToString() const {
  const bool negative = millionths < 0;
  const uint64_t magnitude = negative ? -static_cast<uint64_t>(millionths)
                                      : static_cast<uint64_t>(millionths);
  std::string text = absl::StrCat(exact ? "" : "~", negative ? "-" : "",
                                  magnitude / kMillionths);
  const uint64_t fraction = magnitude % kMillionths;
  if (fraction == 0) return text;
  absl::StrAppend(&text, ".", absl::Dec(fraction, absl::kZeroPad6));
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

ShownCredits Show(Credits amount) {
  int64_t millionths = RoundedDown(amount);
  const int64_t twice = 2 * Remainder(amount);
  if (twice > kTicksPerMillionth ||
      (twice == kTicksPerMillionth && millionths % 2 != 0)) {
    ++millionths;
  }
  return {millionths, Remainder(amount) == 0};
}

std::vector<ShownCredits> ShowParts(absl::Span<const Credits> parts,
                                    ShownCredits total) {
  std::vector<ShownCredits> shown;
  std::vector<size_t> by_remainder;
  // A running sum may leave the range and come back: only the total counts.
  __int128 sum = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    shown.push_back({RoundedDown(parts[i]), Remainder(parts[i]) == 0});
    sum += shown.back().millionths;
    by_remainder.push_back(i);
  }
  std::stable_sort(by_remainder.begin(), by_remainder.end(),
                   [&](size_t a, size_t b) {
                     return Remainder(parts[a]) > Remainder(parts[b]);
                   });
  // At most one for each part that has a remainder: remainders are below one
  // millionth, and the total is above the exact sum by less than one.
  const auto missing = static_cast<size_t>(total.millionths - sum);
  for (size_t i = 0; i < missing; ++i) ++shown[by_remainder[i]].millionths;
  return shown;
}

}  // namespace konpro
