#include "konpro/cli/plans_command.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "konpro/catalog/catalog_file.h"
#include "konpro/catalog/operation.h"
#include "konpro/report/report_json.h"
#include "konpro/report/report_message.h"
#include "konpro/report/table.h"

namespace konpro::cli {
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

ExitCode RunPlans(const PlansOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = LoadCatalog(options.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  if (options.format == ReportFormat::kJson) {
    PrintJson(CatalogToProto(*catalog), streams.out);
    return ExitCode::kOk;
  }
  if (options.format == ReportFormat::kTextproto) {
    streams.out << PrintCatalog(*catalog);
    return ExitCode::kOk;
  }
  streams.out << "catalog " << catalog->version() << "\n\n";
  PrintPlans(*catalog, streams.out);
  streams.out << "\n";
  PrintPrices(*catalog, streams.out);
  return ExitCode::kOk;
}

}  // namespace konpro::cli
