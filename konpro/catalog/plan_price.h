// A PlanPrice is what a plan costs in money: so much a month and so much a
// credit, in one currency. It is optional everywhere: what jobs cost is counted
// in credits (price_list.h), the same under every plan.
//
//   PlanPrice pro = {"USD", *Money::Parse("99"), *Money::Parse("0.01")};
//   pro.CostOf(*Credits::Parse("5130"), /*months=*/1)->ToString()   // "150.3"
//
// Thread safety: immutable but for assignment; all functions are pure.
//
// Limits: a currency is three capital letters (ISO 4217); a price is
// 0 .. 1,000,000,000 of it, to six places.
#ifndef KONPRO_CATALOG_PLAN_PRICE_H_
#define KONPRO_CATALOG_PLAN_PRICE_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"

namespace konpro {

// An exact amount of some currency, in millionths.
struct Money {
  int64_t millionths = 0;

  // Reads what Credits::Parse() reads. Errors as there.
  static absl::StatusOr<Money> Parse(absl::string_view text);

  // The shortest decimal that is exact.
  std::string ToString() const;

  friend auto operator<=>(const Money&, const Money&) = default;
};

struct PlanPrice {
  static constexpr int64_t kMillionthsMax = int64_t{1'000'000'000} * 1'000'000;

  std::string currency;
  Money per_month;
  Money per_credit;

  // kInvalidArgument where a rule above is broken. The message begins with the
  // field's name.
  absl::Status Validate() const;

  // What `credits` in so many months cost: rounded to millionths once, half to
  // even. nullopt where that leaves the range.
  // REQUIRES: valid; no negative.
  std::optional<Money> CostOf(Credits credits, int64_t months) const;

  friend bool operator==(const PlanPrice&, const PlanPrice&) = default;
};

}  // namespace konpro

#endif  // KONPRO_CATALOG_PLAN_PRICE_H_
