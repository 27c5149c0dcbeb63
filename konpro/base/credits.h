// Credits is an exact amount of money: a signed 64-bit count of ticks, of which
// 6,000,000 make one credit. With that denominator every published price is a
// whole number of ticks per millisecond or image, and every decimal of at most
// six places is exact too (docs/design.md, "Money"). It is not a price
// (price_list.h) and not a balance (account.h).
//
//   Credits::Parse("12.5")->ticks()            // 75,000,000
//   Credits::Parse("1e3")                      // kInvalidArgument
//   Credits::FromTicks(600'000).ToString()     // "0.1"
//   Credits::FromTicks(1).ToString()           // "~0"
//   CheckedAdd(Credits::Max(), Credits::FromTicks(1))   // nullopt
//
// There are no arithmetic operators: an overflow is an error that the caller
// sees, never a wrapped or a saturated amount.
//
// Thread safety: Credits is immutable but for assignment; all functions are
// pure.
#ifndef KONPRO_BASE_CREDITS_H_
#define KONPRO_BASE_CREDITS_H_

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace konpro {

class Credits {
 public:
  static constexpr int64_t kTicksPerCredit = 6'000'000;

  // Decimal places that Parse() takes and ToString() shows.
  static constexpr int kDecimalPlaces = 6;

  constexpr Credits() = default;

  static constexpr Credits FromTicks(int64_t ticks) { return Credits(ticks); }

  // The ends of the range, about +-1.5e12 credits.
  static constexpr Credits Max() {
    return Credits(std::numeric_limits<int64_t>::max());
  }
  static constexpr Credits Min() {
    return Credits(std::numeric_limits<int64_t>::min());
  }

  // Reads `-?digits[.digits]` with at most six digits after the point,
  // exactly. kInvalidArgument: another form (empty, sign "+", exponent, blank,
  // more places). kOutOfRange: outside [Min(), Max()].
  static absl::StatusOr<Credits> Parse(absl::string_view text);

  constexpr int64_t ticks() const { return ticks_; }

  // The shortest exact decimal if one of at most six places exists, else
  // "~" and six places rounded half to even, trailing zeros dropped.
  std::string ToString() const;

  friend constexpr auto operator<=>(Credits a, Credits b) = default;

  friend std::ostream& operator<<(std::ostream& os, Credits c) {
    return os << c.ToString();
  }

  template <typename H>
  friend H AbslHashValue(H h, Credits c) {
    return H::combine(std::move(h), c.ticks_);
  }

 private:
  constexpr explicit Credits(int64_t ticks) : ticks_(ticks) {}

  int64_t ticks_ = 0;
};

static_assert(sizeof(Credits) == 8);
static_assert(std::is_trivially_copyable_v<Credits>);

// The exact sum, difference or product, or nullopt if it leaves the range.
constexpr std::optional<Credits> CheckedAdd(Credits a, Credits b) {
  int64_t ticks = 0;
  if (__builtin_add_overflow(a.ticks(), b.ticks(), &ticks)) return std::nullopt;
  return Credits::FromTicks(ticks);
}
constexpr std::optional<Credits> CheckedSubtract(Credits a, Credits b) {
  int64_t ticks = 0;
  if (__builtin_sub_overflow(a.ticks(), b.ticks(), &ticks)) return std::nullopt;
  return Credits::FromTicks(ticks);
}
constexpr std::optional<Credits> CheckedMultiply(Credits a, int64_t times) {
  int64_t ticks = 0;
  if (__builtin_mul_overflow(a.ticks(), times, &ticks)) return std::nullopt;
  return Credits::FromTicks(ticks);
}

// An amount as people see it: whole millionths of a credit.
struct ShownCredits {
  int64_t millionths = 0;
  // Whether that is the very amount; a text that is not is marked with "~".
  bool exact = true;

  std::string ToString() const;
};

// Rounded half to even.
ShownCredits Show(Credits amount);

// Parts of a total, so that what is shown of them adds up to what is shown of
// it: each is rounded down, and the missing millionths go to the largest
// remainders, the first of equals first.
// REQUIRES: `total` is Show() of the exact sum of `parts`, or what ShowParts()
// made of that sum when it was itself a part.
std::vector<ShownCredits> ShowParts(absl::Span<const Credits> parts,
                                    ShownCredits total);

}  // namespace konpro

#endif  // KONPRO_BASE_CREDITS_H_
