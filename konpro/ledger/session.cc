#include "konpro/ledger/session.h"

#include <optional>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"

namespace konpro {
absl::StatusOr<RatedUsage> RateQuantity(const Catalog& catalog,
                                        const Operation& operation,
                                        int64_t quantity, absl::Time time) {
  const PriceList* prices = catalog.PricesAt(time);
  const Price* price =
      prices == nullptr ? nullptr : prices->Find(operation.name);
  if (price == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("operation: ", operation.name, " has no price at ",
                     absl::FormatTime(time, absl::UTCTimeZone())));
  }
  const std::optional<Credits> cost = price->CostOf(quantity);
  if (!cost.has_value()) {
    return absl::OutOfRangeError(
        absl::StrCat("quantity: ", quantity, " ", operation.unit_name, " of ",
                     operation.name, " cost more than ",
                     Credits::Max().ToString(), " credits"));
  }
  return RatedUsage{&operation, prices, price, quantity, *cost};
}

PriceInEffect PriceOf(const Catalog& catalog, const RatedUsage& rated) {
  return {.catalog_version = catalog.version(),
          .operation = rated.operation->name,
          .price = *rated.price,
          .effective_at = UnixNanos::FromTime(rated.prices->effective_at())};
}

absl::StatusOr<PriceInEffect> PriceOf(const Pricing& pricing) {
  const absl::StatusOr<Price> price = Price::Create(pricing.terms);
  if (!price.ok()) return absl::DataLossError(price.status().message());
  return PriceInEffect{.catalog_version = pricing.catalog_version,
                       .operation = pricing.operation,
                       .price = *price,
                       .effective_at = pricing.effective_at};
}

absl::StatusOr<PriceInEffect> PriceOfReservation(const Catalog& catalog,
                                                 const JournalEntry& entry) {
  const auto* const reserve =
      std::get_if<LedgerReserve>(&entry.command.request);
  if (reserve == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        entry.command.id, " is a ", RequestName(entry.command.request),
        ", not a reservation"));
  }
  if (entry.command.pricing.has_value()) {
    return PriceOf(*entry.command.pricing);
  }
  if (reserve->operation.empty()) {
    return absl::InvalidArgumentError(
        "the reservation has no operation, so a quantity has no price: give "
        "credits or all");
  }
  const Operation* const operation = catalog.FindOperation(reserve->operation);
  if (operation == nullptr) return catalog.UnknownOperation(reserve->operation);
  const absl::StatusOr<RatedUsage> rated = RateQuantity(
      catalog, *operation, /*quantity=*/0, entry.place.at.ToTime());
  if (!rated.ok()) return rated.status();
  return PriceOf(catalog, *rated);
}

absl::StatusOr<SlicePrice> PriceOfSlice(const PriceInEffect& price,
                                        const SliceQuantity& quantity,
                                        absl::string_view job) {
  int64_t total = 0;
  const std::optional<Credits> cost =
      __builtin_add_overflow(quantity.before, quantity.slice, &total)
          ? std::nullopt
          : price.price.CostOfSlice(quantity.before, total);
  if (!cost.has_value()) {
    return absl::OutOfRangeError(absl::StrCat("quantity: job ",
                                              internal::Quoted(job),
                                              " leaves the range of amounts"));
  }
  return SlicePrice{.cost = *cost,
                    .pricing = {.catalog_version = price.catalog_version,
                                .operation = price.operation,
                                .quantity = total,
                                .quantity_before = quantity.before,
                                .terms = price.price.terms(),
                                .effective_at = price.effective_at,
                                .job = job}};
}

}  // namespace konpro
