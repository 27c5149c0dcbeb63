#include "konpro/report/internal/report_line_text.h"

#include "absl/strings/str_cat.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/operation.h"

namespace konpro {

std::string QuantityText(const v1::ReportLine& line) {
  if (line.unit() == "ms") {
    return FormatQuantity(line.quantity(), QuantityUnit::kMilliseconds);
  }
  return absl::StrCat(line.quantity(), " ", line.unit());
}

std::string ExplanationText(const v1::ReportLine& line) {
  const v1::Explanation& e = line.explanation();
  const std::string& unit = line.unit();
  const std::string billed = absl::StrCat(e.billed_quantity(), " ", unit);
  const std::string ticks = absl::StrCat(line.cost().ticks(), " ticks");
  return absl::StrCat(
      line.operation(), ": jobs ", line.jobs(), ", quantity ", line.quantity(),
      " ", unit, "; increment ", e.increment(), " ", unit, ", minimum ",
      e.minimum(), " ", unit, ", so billed ", billed, "; price ",
      e.price().credits(), " credits per ", e.per(), " ", unit, " ",
      e.price_version(), "; ",
      e.rounding() == "none"
          ? absl::StrCat(e.billed_quantity(), " x ", e.price().ticks(), " / ",
                         e.per(), " = ", ticks)
          : absl::StrCat("rounded ", e.rounding(), ": ", ticks),
      "; ", ticks, " / ", Credits::kTicksPerCredit, " = ",
      line.cost().credits(), " credits");
}

}  // namespace konpro
