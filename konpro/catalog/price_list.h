// A Price says what a quantity of an operation costs: a cost in credits is
// rounded here and nowhere else. A PriceList is the prices in effect from one
// instant on. The estimator, the ledger and the rating of usage all call
// Price::CostOf(), so an estimate of a known quantity equals its bill to the
// tick (docs/design.md, "Money").
//
//   Price video = *Price::Create({.credits = *Credits::Parse("1"),
//                                 .per = 1'000});        // a second
//   video.CostOf(90'000)                                 // 90 credits
//   video.CostOf(1)                                      // 6,000 ticks
//   video.CostOf(0)                                      // 0
//   video.CostOfSlice(60'000, 90'000)                    // 30 credits
//
// Thread safety: immutable. CostOf() allocates nothing and takes a few
// nanoseconds.
//
// Invariants: (1) CostOf(0) is zero, also under a minimum. (2) CostOf() never
// falls as the quantity grows. (3) The slices of a session sum to CostOf() of
// the whole, however it is sliced.
//
// Limits: price 0 .. Credits::Max() per 1 .. 2^53 base units; increment
// 1 .. 2^53, minimum 0 .. 2^53 base units; 256 prices in a list, in effect from
// the start or from an instant of the years 0 to 9999.
#ifndef KONPRO_CATALOG_PRICE_LIST_H_
#define KONPRO_CATALOG_PRICE_LIST_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/base/credits.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/catalog/operation.h"

namespace konpro {

class Price {
 public:
  // The largest `per`, `increment` and `minimum`.
  static constexpr int64_t kBaseUnitsMax = int64_t{1} << 53;

  // What a price is, in base units of its operation: `credits` for each `per`,
  // of a quantity that is first raised to `minimum` and then rounded up to a
  // multiple of `increment`.
  struct Terms {
    Credits credits;
    int64_t per = 1;
    int64_t increment = 1;
    int64_t minimum = 0;

    friend bool operator==(const Terms&, const Terms&) = default;
  };

  // kInvalidArgument if a term is outside its limits. The message begins
  // with the term's name.
  static absl::StatusOr<Price> Create(const Terms& terms);

  const Terms& terms() const { return terms_; }

  // The quantity that is charged for: 0 for 0, else `quantity` raised to the
  // minimum and rounded up to a multiple of the increment. nullopt if that
  // leaves int64_t. REQUIRES: quantity >= 0.
  std::optional<int64_t> BilledQuantity(int64_t quantity) const;

  // The cost of `quantity`, rounded to ticks once, half to even. nullopt if
  // it leaves the range of Credits. REQUIRES: quantity >= 0.
  std::optional<Credits> CostOf(int64_t quantity) const {
    // No increment, no minimum, whole ticks a unit: every published price. The
    // optional is made in one place, so that compilers keep it in registers.
    int64_t ticks = 0;
    const bool fits =
        ticks_per_unit_ >= 0
            ? !__builtin_mul_overflow(ticks_per_unit_, quantity, &ticks)
            : CustomCostOf(quantity, ticks);
    if (!fits) [[unlikely]]
      return std::nullopt;
    return Credits::FromTicks(ticks);
  }

  // What a session that grew from `before` to `now` adds to its bill:
  // CostOf(now) - CostOf(before). nullopt if either leaves the range.
  // REQUIRES: 0 <= before <= now.
  std::optional<Credits> CostOfSlice(int64_t before, int64_t now) const;

  // Whether slices cost the whole, each priced by itself: the price has no
  // increment, no minimum and whole ticks a unit.
  bool IsPerUnit() const { return ticks_per_unit_ >= 0; }

  // Whether some quantity has a cost that is not a whole number of ticks
  // before rounding.
  bool Rounds() const;

  friend bool operator==(const Price& a, const Price& b) {
    return a.terms_ == b.terms_;
  }

 private:
  explicit Price(const Terms& terms);

  // The same for any price; false if the cost leaves the range.
  bool CustomCostOf(int64_t quantity, int64_t& ticks) const;

  Terms terms_;
  // Of a price without increment and minimum that is whole ticks a unit; else
  // -1.
  int64_t ticks_per_unit_;
};

class PriceList {
 public:
  static constexpr size_t kPricesMax = 256;
  // What a catalog file can write; kEffectiveAtEnd is not among them.
  static constexpr absl::Time kEffectiveAtMin = internal::kRfc3339Min;
  static constexpr absl::Time kEffectiveAtEnd = internal::kRfc3339End;

  struct Entry {
    std::string operation;
    Price price;

    friend bool operator==(const Entry&, const Entry&) = default;
  };

  // The prices from `effective_at` (absl::InfinitePast(): from the start) until
  // the next list of the catalog. kInvalidArgument: another time outside the
  // limits, more than kPricesMax entries, or an operation twice. The message
  // begins with the field's place, such as `prices[2]: `.
  static absl::StatusOr<PriceList> Create(absl::Time effective_at,
                                          std::vector<Entry> entries);

  absl::Time effective_at() const { return effective_at_; }
  absl::Span<const Entry> entries() const { return entries_; }

  // The price of `operation`, or nullptr: no price is never a price of zero.
  const Price* Find(absl::string_view operation) const;

  friend bool operator==(const PriceList&, const PriceList&) = default;

 private:
  PriceList(absl::Time effective_at, std::vector<Entry> entries)
      : effective_at_(effective_at), entries_(std::move(entries)) {}

  absl::Time effective_at_;
  std::vector<Entry> entries_;
};

}  // namespace konpro

#endif  // KONPRO_CATALOG_PRICE_LIST_H_
