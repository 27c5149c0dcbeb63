// The 128-bit arithmetic of prices: a product, then one division.
#ifndef KONPRO_BASE_INTERNAL_MUL_DIV_H_
#define KONPRO_BASE_INTERNAL_MUL_DIV_H_

#include <cstdint>
#include <limits>
#include <optional>

namespace konpro::internal {

// a * b / c, rounded half to even; nullopt if that leaves int64_t.
// REQUIRES: c > 0.
constexpr std::optional<int64_t> MulDivHalfEven(int64_t a, int64_t b,
                                                int64_t c) {
  // |a * b| <= 2^126, and what is added to the quotient is at most 1.
  const __int128 product = static_cast<__int128>(a) * b;
  __int128 quotient = product / c;
  __int128 rest = product % c;
  if (rest < 0) {
    --quotient;
    rest += c;
  }
  const __int128 twice = 2 * rest;
  if (twice > c || (twice == c && quotient % 2 != 0)) ++quotient;
  if (quotient > std::numeric_limits<int64_t>::max() ||
      quotient < std::numeric_limits<int64_t>::min()) {
    return std::nullopt;
  }
  return static_cast<int64_t>(quotient);
}

}  // namespace konpro::internal

#endif  // KONPRO_BASE_INTERNAL_MUL_DIV_H_
