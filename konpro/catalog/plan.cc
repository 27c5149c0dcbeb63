#include "konpro/catalog/plan.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
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

absl::StatusOr<Plan> Plan::Create(Spec spec) {
  if (!internal::IsName(spec.name, kNameBytesMax)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "name: ", internal::Quoted(spec.name), " is no plan name: write ",
        internal::kNameRule, ", at most ", kNameBytesMax));
  }
  if (spec.title.empty()) spec.title = spec.name;
  if (spec.title.size() > kTitleBytesMax ||
      !std::all_of(spec.title.begin(), spec.title.end(),
                   [](unsigned char c) { return absl::ascii_isprint(c); })) {
    return absl::InvalidArgumentError(absl::StrCat(
        "title: ", internal::Quoted(spec.title), " is no title: write at most ",
        kTitleBytesMax, " printable ASCII characters"));
  }
  const absl::Status windows = CheckWindows(spec.windows);
  if (!windows.ok()) return windows;
  if (spec.operations.size() > kOperationsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("operations[", kOperationsMax, "]: a plan has at most ",
                     kOperationsMax, " operations"));
  }
  absl::flat_hash_set<absl::string_view> seen;
  for (size_t i = 0; i < spec.operations.size(); ++i) {
    if (seen.insert(spec.operations[i]).second) continue;
    return absl::InvalidArgumentError(absl::StrCat("operations[", i, "]: \"",
                                                   spec.operations[i],
                                                   "\" is allowed already"));
  }
  if (spec.price.has_value()) {
    const absl::Status status = spec.price->Validate();
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("price.", status.message()));
    }
  }
  return Plan(std::move(spec));
}

bool Plan::Allows(absl::string_view operation) const {
  return std::any_of(
      spec_.operations.begin(), spec_.operations.end(),
      [&](const std::string& allowed) { return allowed == operation; });
}

}  // namespace konpro
