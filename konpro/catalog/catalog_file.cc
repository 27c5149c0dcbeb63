#include "konpro/catalog/catalog_file.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "google/protobuf/text_format.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/base/internal/text_places.h"
#include "konpro/catalog/plan.h"

namespace konpro {
namespace {

// The domain types report a broken rule as `FIELD: what`; whoever builds a part
// of something puts the part's place before it. The path that results, such as
// `plans[1].windows[0].limit`, is also a path through the parsed message.

absl::Status Within(absl::string_view place, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(place, status.message()));
}

// `convert` of each of `messages`, or the first error, within `field`.
template <typename Message, typename Convert>
auto ConvertAll(absl::string_view field,
                const google::protobuf::RepeatedPtrField<Message>& messages,
                Convert convert)
    -> absl::StatusOr<
        std::vector<typename decltype(convert(messages[0]))::value_type>> {
  std::vector<typename decltype(convert(messages[0]))::value_type> converted;
  for (int i = 0; i < messages.size(); ++i) {
    auto one = convert(messages[i]);
    if (!one.ok()) {
      return Within(absl::StrCat(field, "[", i, "]."), one.status());
    }
    converted.push_back(*std::move(one));
  }
  return converted;
}

// The base units of the text of `field`; `if_empty` if there is none.
absl::Status ReadQuantity(absl::string_view field, absl::string_view text,
                          QuantityUnit unit, int64_t if_empty,
                          int64_t& quantity) {
  quantity = if_empty;
  if (text.empty() && if_empty >= 0) return absl::OkStatus();
  const absl::StatusOr<int64_t> parsed = ParseQuantity(text, unit);
  if (!parsed.ok()) return Within(absl::StrCat(field, ": "), parsed.status());
  quantity = *parsed;
  return absl::OkStatus();
}

absl::StatusOr<Operation> ToOperation(const v1::Operation& message) {
  const QuantityUnit unit = message.unit() == "ms" ? QuantityUnit::kMilliseconds
                                                   : QuantityUnit::kCount;
  const Operation operation = {message.name(), unit, message.unit()};
  // Before prices are read by what may be no unit.
  const absl::Status status = ValidateOperation(operation);
  if (!status.ok()) return status;
  return operation;
}

absl::StatusOr<PriceList::Entry> ToPrice(
    const std::vector<Operation>& operations, const v1::Price& message) {
  const absl::StatusOr<Credits> credits = Credits::Parse(message.credits());
  if (!credits.ok()) return Within("credits: ", credits.status());
  Price::Terms terms = {.credits = *credits};
  const auto operation = std::find_if(
      operations.begin(), operations.end(),
      [&](const Operation& o) { return o.name == message.operation(); });
  if (operation == operations.end()) {
    // In which unit to read the rest is unknown, and the catalog will refuse
    // this price by its operation.
    return PriceList::Entry{message.operation(), Price::Create({}).value()};
  }
  const QuantityUnit unit = operation->unit;
  for (const absl::Status& status :
       {ReadQuantity("per", message.per(), unit, -1, terms.per),
        ReadQuantity("increment", message.increment(), unit, 1,
                     terms.increment),
        ReadQuantity("minimum", message.minimum(), unit, 0, terms.minimum)}) {
    if (!status.ok()) return status;
  }
  absl::StatusOr<Price> price = Price::Create(terms);
  if (!price.ok()) return price.status();
  return PriceList::Entry{message.operation(), *price};
}

absl::StatusOr<PriceList> ToPriceList(const std::vector<Operation>& operations,
                                      const v1::PriceList& message) {
  absl::Time effective_at = absl::InfinitePast();
  if (!message.effective_at().empty()) {
    const absl::StatusOr<absl::Time> time =
        internal::ParseRfc3339(message.effective_at());
    if (!time.ok()) return Within("effective_at: ", time.status());
    effective_at = *time;
  }
  absl::StatusOr<std::vector<PriceList::Entry>> prices = ConvertAll(
      "prices", message.prices(),
      [&](const v1::Price& price) { return ToPrice(operations, price); });
  if (!prices.ok()) return prices.status();
  return PriceList::Create(effective_at, *std::move(prices));
}

absl::StatusOr<std::optional<PlanPrice>> ToPlanPrice(const v1::Plan& message) {
  if (!message.has_price()) return std::nullopt;
  PlanPrice price = {.currency = message.price().currency()};
  const struct {
    const char* field;
    const std::string& text;
    Money& money;
  } kFields[] = {
      {"per_month", message.price().per_month(), price.per_month},
      {"per_credit", message.price().per_credit(), price.per_credit},
  };
  for (const auto& [field, text, money] : kFields) {
    if (text.empty()) continue;
    const absl::StatusOr<Money> parsed = Money::Parse(text);
    if (!parsed.ok()) {
      return Within(absl::StrCat("price.", field, ": "), parsed.status());
    }
    money = *parsed;
  }
  return price;
}

absl::StatusOr<Plan> ToPlan(const v1::Plan& message) {
  absl::StatusOr<std::vector<RateWindow>> windows =
      ConvertAll("windows", message.windows(), &RateWindowFromProto);
  if (!windows.ok()) return windows.status();
  absl::StatusOr<std::optional<PlanPrice>> price = ToPlanPrice(message);
  if (!price.ok()) return price.status();
  return Plan::Create(
      {.name = message.name(),
       .title = message.title(),
       .windows = *std::move(windows),
       .operations = {message.operations().begin(), message.operations().end()},
       .price = *std::move(price)});
}

absl::StatusOr<Catalog> ToCatalog(const v1::Catalog& message) {
  absl::StatusOr<std::vector<Operation>> operations =
      ConvertAll("operations", message.operations(), &ToOperation);
  if (!operations.ok()) return operations.status();
  absl::StatusOr<std::vector<PriceList>> price_lists = ConvertAll(
      "price_lists", message.price_lists(), [&](const v1::PriceList& list) {
        return ToPriceList(*operations, list);
      });
  if (!price_lists.ok()) return price_lists.status();
  absl::StatusOr<std::vector<Plan>> plans =
      ConvertAll("plans", message.plans(), &ToPlan);
  if (!plans.ok()) return plans.status();
  return Catalog::Create({.version = message.version(),
                          .operations = *std::move(operations),
                          .price_lists = *std::move(price_lists),
                          .plans = *std::move(plans)});
}

}  // namespace

absl::StatusOr<Catalog> ParseCatalog(absl::string_view text,
                                     absl::string_view file) {
  if (text.size() > kCatalogFileBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":1:1: a catalog file has at most ",
                     kCatalogFileBytesMax, " bytes, not ", text.size()));
  }
  v1::Catalog message;
  internal::TextPlaces places(file);
  const absl::Status parsed = places.Parse(text, message);
  if (!parsed.ok()) return parsed;
  absl::StatusOr<Catalog> catalog = ToCatalog(message);
  if (catalog.ok()) return catalog;
  return places.Locate(catalog.status());
}

absl::StatusOr<RateWindow> RateWindowFromProto(const v1::RateWindow& message) {
  int64_t period_ms = 0;
  int64_t phase_ms = 0;
  for (const absl::Status& status :
       {ReadQuantity("period", message.period(), QuantityUnit::kMilliseconds,
                     -1, period_ms),
        ReadQuantity("phase", message.phase(), QuantityUnit::kMilliseconds, 0,
                     phase_ms)}) {
    if (!status.ok()) return status;
  }
  // Text may name a kind by a number, and any number is let through.
  if (!v1::RateWindow::Kind_IsValid(message.kind())) {
    return absl::InvalidArgumentError(
        absl::StrCat("kind: ", static_cast<int>(message.kind()),
                     " is neither FIXED nor TOKEN_BUCKET"));
  }
  return RateWindow::Create(
      {.name = message.name(),
       .kind = message.kind() == v1::RateWindow::TOKEN_BUCKET
                   ? WindowKind::kTokenBucket
                   : WindowKind::kFixed,
       .limit = message.limit(),
       .period = absl::Milliseconds(period_ms),
       .phase = absl::Milliseconds(phase_ms)});
}

v1::RateWindow RateWindowToProto(const RateWindow& window) {
  v1::RateWindow message;
  message.set_name(std::string(window.name()));
  message.set_kind(window.kind() == WindowKind::kTokenBucket
                       ? v1::RateWindow::TOKEN_BUCKET
                       : v1::RateWindow::FIXED);
  message.set_limit(window.limit());
  message.set_period(
      FormatQuantity(window.period_ms(), QuantityUnit::kMilliseconds));
  if (window.phase_ms() != 0) {
    message.set_phase(
        FormatQuantity(window.phase_ms(), QuantityUnit::kMilliseconds));
  }
  return message;
}

v1::Catalog CatalogToProto(const Catalog& catalog) {
  v1::Catalog message;
  message.set_version(catalog.version());
  for (const Operation& operation : catalog.operations()) {
    v1::Operation& out = *message.add_operations();
    out.set_name(operation.name);
    out.set_unit(operation.unit_name);
  }
  for (const PriceList& list : catalog.price_lists()) {
    v1::PriceList& out_list = *message.add_price_lists();
    if (list.effective_at() != absl::InfinitePast()) {
      out_list.set_effective_at(internal::FormatRfc3339(list.effective_at()));
    }
    for (const PriceList::Entry& entry : list.entries()) {
      const QuantityUnit unit = catalog.FindOperation(entry.operation)->unit;
      const Price::Terms& terms = entry.price.terms();
      v1::Price& out = *out_list.add_prices();
      out.set_operation(entry.operation);
      out.set_credits(terms.credits.ToString());
      out.set_per(FormatQuantity(terms.per, unit));
      if (terms.increment != 1) {
        out.set_increment(FormatQuantity(terms.increment, unit));
      }
      if (terms.minimum != 0) {
        out.set_minimum(FormatQuantity(terms.minimum, unit));
      }
    }
  }
  for (const Plan& plan : catalog.plans()) {
    v1::Plan& out_plan = *message.add_plans();
    out_plan.set_name(plan.name());
    if (plan.title() != plan.name()) out_plan.set_title(plan.title());
    for (const RateWindow& window : plan.windows()) {
      *out_plan.add_windows() = RateWindowToProto(window);
    }
    for (const std::string& operation : plan.operations()) {
      out_plan.add_operations(operation);
    }
    if (plan.price().has_value()) {
      v1::PlanPrice& out = *out_plan.mutable_price();
      out.set_currency(plan.price()->currency);
      out.set_per_month(plan.price()->per_month.ToString());
      out.set_per_credit(plan.price()->per_credit.ToString());
    }
  }
  return message;
}

std::string PrintCatalog(const Catalog& catalog) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(CatalogToProto(catalog), &text);
  return text;
}

}  // namespace konpro
