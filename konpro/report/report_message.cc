#include "konpro/report/report_message.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/price_list.h"

namespace konpro {

v1::Amount ToAmount(Credits credits) {
  v1::Amount amount;
  amount.set_ticks(credits.ticks());
  amount.set_credits(credits.ToString());
  return amount;
}

google::protobuf::RepeatedPtrField<v1::ReportLine> ToReportLines(
    absl::Span<const EstimateLine> lines, ShownCredits total, bool explain,
    std::optional<absl::Time> prices_since) {
  std::vector<Credits> costs;
  for (const EstimateLine& line : lines) costs.push_back(line.cost);
  const std::vector<ShownCredits> shown = ShowParts(costs, total);
  google::protobuf::RepeatedPtrField<v1::ReportLine> out;
  for (size_t i = 0; i < lines.size(); ++i) {
    const EstimateLine& line = lines[i];
    v1::ReportLine& report = *out.Add();
    report.set_operation(line.operation->name);
    report.set_jobs(line.jobs);
    report.set_quantity(line.quantity);
    report.set_unit(line.operation->unit_name);
    if (line.price == nullptr) continue;
    report.mutable_cost()->set_ticks(line.cost.ticks());
    report.mutable_cost()->set_credits(shown[i].ToString());
    if (!explain) continue;
    const Price::Terms& terms = line.price->terms();
    v1::Explanation& explanation = *report.mutable_explanation();
    explanation.set_billed_quantity(line.billed_quantity);
    *explanation.mutable_price() = ToAmount(terms.credits);
    explanation.set_per(terms.per);
    explanation.set_increment(terms.increment);
    explanation.set_minimum(terms.minimum);
    explanation.set_rounding(line.price->Rounds()
                                 ? "to whole ticks, half to even, each job"
                                 : "none");
    explanation.set_price_version(PriceVersion(*prices_since));
  }
  return out;
}

std::string PriceVersion(absl::Time effective_at) {
  if (effective_at == absl::InfinitePast()) return "from the start";
  return absl::StrCat("since ", internal::FormatRfc3339(effective_at));
}

std::string TimeText(absl::Time time) {
  if (time >= internal::kRfc3339End) return "never";
  if (time < internal::kRfc3339Min) return "always";
  return internal::FormatRfc3339(time);
}

std::string TimeText(UnixNanos time) {
  if (time == UnixNanos::Max()) return TimeText(absl::InfiniteFuture());
  if (time == UnixNanos()) return TimeText(absl::InfinitePast());
  return TimeText(time.ToTime());
}

}  // namespace konpro
