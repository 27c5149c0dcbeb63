#include "konpro/ledger/session.h"

#include <optional>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "konpro/base/internal/name.h"

namespace konpro {
namespace {

// The one rule of what the next slice of a session costs.
absl::StatusOr<SessionCosts::Slice> NextSlice(const Price& price,
                                              const SliceQuantity& quantity,
                                              absl::string_view job) {
  int64_t total = 0;
  const std::optional<Credits> cost =
      __builtin_add_overflow(quantity.before, quantity.slice, &total)
          ? std::nullopt
          : price.CostOfSlice(quantity.before, total);
  if (!cost.has_value()) {
    return absl::OutOfRangeError(absl::StrCat("quantity: job ",
                                              internal::Quoted(job),
                                              " leaves the range of amounts"));
  }
  return SessionCosts::Slice{.cost = *cost, .quantity = total};
}

}  // namespace

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
  const absl::StatusOr<SessionCosts::Slice> next =
      NextSlice(price.price, quantity, job);
  if (!next.ok()) return next.status();
  return SlicePrice{.cost = next->cost,
                    .pricing = {.catalog_version = price.catalog_version,
                                .operation = price.operation,
                                .quantity = next->quantity,
                                .quantity_before = quantity.before,
                                .terms = price.price.terms(),
                                .effective_at = price.effective_at,
                                .job = job}};
}

absl::string_view SessionName(absl::string_view job) {
  const absl::string_view name = absl::StripPrefix(job, kAdmittedJobPrefix);
  return name.empty() ? job : name;
}

absl::StatusOr<SessionCosts::Slice> SessionCosts::Next(
    absl::string_view account, absl::string_view job, const RatedUsage& rated) {
  if (job.empty() || rated.price->IsPerUnit()) return Slice{.cost = rated.cost};
  // Ids and names have no blanks.
  const std::string key = absl::StrCat(
      account, " ", SessionName(job), " ", rated.operation->name, " ",
      UnixNanos::FromTime(rated.prices->effective_at()).nanos());
  auto found = sessions_.find(key);
  if (found == sessions_.end()) {
    if (sessions_.size() >= sessions_max_) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "job_id: above ", sessions_max_,
          " jobs of operations whose price has an increment, a minimum or a "
          "rounding, each of which is priced as a whole: price the records in "
          "parts, by job"));
    }
    found = sessions_.try_emplace(key, 0).first;
  }
  absl::StatusOr<Slice> slice = NextSlice(
      *rated.price, {.before = found->second, .slice = rated.quantity}, job);
  if (slice.ok()) slice->so_far = &found->second;
  return slice;
}

}  // namespace konpro
