#include "konpro/report/catalog_report.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/plan.h"
#include "konpro/catalog/price_list.h"
#include "konpro/limits/rate_window.h"
#include "konpro/report/internal/table.h"
#include "konpro/report/report_message.h"

namespace konpro {
namespace {

std::string WindowText(const RateWindow& window) {
  const auto duration = [](absl::Duration d) {
    return FormatQuantity(absl::ToInt64Milliseconds(d),
                          QuantityUnit::kMilliseconds);
  };
  std::string text =
      absl::StrCat(window.limit(), " per ", duration(window.period()));
  if (window.kind() == WindowKind::kTokenBucket) text += " (token bucket)";
  if (window.phase() != absl::ZeroDuration()) {
    absl::StrAppend(&text, " (from ", duration(window.phase()), ")");
  }
  return absl::StrCat(window.name(), ": ", text);
}

void PrintPlans(const Catalog& catalog, std::ostream& out) {
  ReportTable plans({{"plan"}, {"title"}, {"requests"}, {"operations"}});
  for (const Plan& plan : catalog.plans()) {
    std::vector<std::string> windows;
    for (const RateWindow& window : plan.windows()) {
      windows.push_back(WindowText(window));
    }
    plans.AddRow(
        {plan.name(), plan.title(),
         windows.empty() ? "given per account" : absl::StrJoin(windows, ", "),
         absl::StrJoin(plan.operations(), ", ")});
  }
  plans.PrintText(out);
}

std::string QuantityOf(int64_t quantity, const Operation& operation) {
  std::string text = FormatQuantity(quantity, operation.unit);
  if (operation.unit == QuantityUnit::kCount) {
    absl::StrAppend(&text, " ", operation.unit_name);
  }
  return text;
}

void PrintPrices(const Catalog& catalog, std::ostream& out) {
  ReportTable prices({{"operation"},
                      {"credits", ColumnAlign::kRight},
                      {"per"},
                      {"rounded up to"},
                      {"at least"},
                      {"in effect"}});
  for (const PriceList& list : catalog.price_lists()) {
    for (const PriceList::Entry& entry : list.entries()) {
      const Operation& operation = *catalog.FindOperation(entry.operation);
      const Price::Terms& terms = entry.price.terms();
      prices.AddRow(
          {operation.name, terms.credits.ToString(),
           QuantityOf(terms.per, operation),
           QuantityOf(terms.increment, operation),
           terms.minimum == 0 ? "-" : QuantityOf(terms.minimum, operation),
           PriceVersion(list.effective_at())});
    }
  }
  prices.PrintText(out);
}

}  // namespace

void PrintCatalogTables(const Catalog& catalog, std::ostream& out) {
  out << "catalog " << catalog.version() << "\n\n";
  PrintPlans(catalog, out);
  out << "\n";
  PrintPrices(catalog, out);
}

}  // namespace konpro
