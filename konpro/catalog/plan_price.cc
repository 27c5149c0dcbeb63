#include "konpro/catalog/plan_price.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/mul_div.h"
#include "konpro/base/internal/name.h"

namespace konpro {
namespace {

// A decimal of at most six places is a whole number of so many ticks.
constexpr int64_t kTicksPerMillionth = Credits::kTicksPerCredit / 1'000'000;

absl::Status ValidatePrice(absl::string_view field, Money price) {
  if (price.millionths >= 0 && price.millionths <= PlanPrice::kMillionthsMax) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", price.ToString(), " is outside 0 .. ",
                   Money{PlanPrice::kMillionthsMax}.ToString()));
}

}  // namespace

absl::StatusOr<Money> Money::Parse(absl::string_view text) {
  const absl::StatusOr<Credits> parsed = Credits::Parse(text);
  if (!parsed.ok()) return parsed.status();
  return Money{parsed->ticks() / kTicksPerMillionth};
}

std::string Money::ToString() const {
  return ShownCredits{.millionths = millionths}.ToString();
}

absl::Status PlanPrice::Validate() const {
  if (currency.size() != 3 ||
      !std::all_of(currency.begin(), currency.end(),
                   [](unsigned char c) { return absl::ascii_isupper(c); })) {
    return absl::InvalidArgumentError(absl::StrCat(
        "currency: ", internal::Quoted(currency),
        " is no currency: write three capital letters such as USD"));
  }
  const absl::Status status = ValidatePrice("per_month", per_month);
  return status.ok() ? ValidatePrice("per_credit", per_credit) : status;
}

std::optional<Money> PlanPrice::CostOf(Credits credits, int64_t months) const {
  const std::optional<int64_t> by_credit = internal::MulDivHalfEven(
      credits.ticks(), per_credit.millionths, Credits::kTicksPerCredit);
  Money sum;
  if (!by_credit.has_value() ||
      __builtin_mul_overflow(per_month.millionths, months, &sum.millionths) ||
      __builtin_add_overflow(sum.millionths, *by_credit, &sum.millionths)) {
    return std::nullopt;
  }
  return sum;
}

}  // namespace konpro
