#include "konpro/catalog/price_list.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/mul_div.h"

namespace konpro {

absl::StatusOr<Price> Price::Create(const Terms& terms) {
  if (terms.credits < Credits()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "credits: a price is zero or more, not ", terms.credits.ToString()));
  }
  const struct {
    absl::string_view name;
    int64_t value;
    int64_t min;
  } kBounded[] = {{"per", terms.per, 1},
                  {"increment", terms.increment, 1},
                  {"minimum", terms.minimum, 0}};
  for (const auto& term : kBounded) {
    if (term.value >= term.min && term.value <= kBaseUnitsMax) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(term.name, ": ", term.value, " base units are outside ",
                     term.min, " .. ", kBaseUnitsMax));
  }
  return Price(terms);
}

Price::Price(const Terms& terms)
    : terms_(terms),
      ticks_per_unit_(terms.increment == 1 && terms.minimum <= 1 && !Rounds()
                          ? terms.credits.ticks() / terms.per
                          : -1) {}

std::optional<int64_t> Price::BilledQuantity(int64_t quantity) const {
  if (quantity == 0) return 0;
  const int64_t raised = std::max(quantity, terms_.minimum);
  const int64_t over = raised % terms_.increment;
  if (over == 0) return raised;
  int64_t billed = 0;
  if (__builtin_add_overflow(raised, terms_.increment - over, &billed)) {
    return std::nullopt;
  }
  return billed;
}

bool Price::CustomCostOf(int64_t quantity, int64_t& ticks) const {
  const std::optional<int64_t> billed = BilledQuantity(quantity);
  if (!billed.has_value()) return false;
  const std::optional<int64_t> rounded =
      internal::MulDivHalfEven(terms_.credits.ticks(), *billed, terms_.per);
  if (!rounded.has_value()) return false;
  ticks = *rounded;
  return true;
}

std::optional<Credits> Price::CostOfSlice(int64_t before, int64_t now) const {
  const std::optional<Credits> cost_before = CostOf(before);
  const std::optional<Credits> cost_now = CostOf(now);
  if (!cost_before.has_value() || !cost_now.has_value()) return std::nullopt;
  return CheckedSubtract(*cost_now, *cost_before);
}

bool Price::Rounds() const {
  // Billed quantities are the multiples of the increment.
  const __int128 ticks =
      static_cast<__int128>(terms_.credits.ticks()) * terms_.increment;
  return ticks % terms_.per != 0;
}

absl::StatusOr<PriceList> PriceList::Create(absl::Time effective_at,
                                            std::vector<Entry> entries) {
  if (effective_at != absl::InfinitePast() &&
      (effective_at < kEffectiveAtMin || effective_at >= kEffectiveAtEnd)) {
    return absl::InvalidArgumentError(
        absl::StrCat("effective_at: ", absl::FormatTime(effective_at),
                     " is outside the years 0 to 9999"));
  }
  if (entries.size() > kPricesMax) {
    return absl::InvalidArgumentError(absl::StrCat("prices[", kPricesMax,
                                                   "]: a list has at most ",
                                                   kPricesMax, " prices"));
  }
  absl::flat_hash_set<absl::string_view> seen;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (seen.insert(entries[i].operation).second) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("prices[", i, "].operation: \"", entries[i].operation,
                     "\" has a price already"));
  }
  return PriceList(effective_at, std::move(entries));
}

const Price* PriceList::Find(absl::string_view operation) const {
  for (const Entry& entry : entries_) {
    if (entry.operation == operation) return &entry.price;
  }
  return nullptr;
}

}  // namespace konpro
