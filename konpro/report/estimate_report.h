// An estimate as messages (proto/report.proto), and as text: what a batch of
// jobs costs, and what each plan makes of it. As a page it is estimate_html.h.
//
//   batch.Finish();
//   v1::Estimate estimate =
//       ToEstimateReport(batch, catalog, {.seed = 1}).value();
//   std::vector<v1::Estimate> reports = {
//       ToPlanReport(estimate, batch, *catalog.FindPlan("pro"))};
//   ToRecommendation(batch.comparison()).cheapest()      // "pro"
//   PrintEstimate(reports, /*recommendation=*/nullptr, ReportFormat::kTable,
//                 /*explain=*/false, out);
//
// Thread safety: pure but for `out`; equal arguments give equal bytes.
#ifndef KONPRO_REPORT_ESTIMATE_REPORT_H_
#define KONPRO_REPORT_ESTIMATE_REPORT_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/plan.h"
#include "konpro/estimate/batch_estimate.h"
#include "konpro/estimate/plan_comparison.h"
#include "konpro/report/report_format.h"
#include "proto/report.pb.h"

namespace konpro {

struct EstimateReportOptions {
  std::optional<Credits> budget;
  // Of the samples if quantities are uncertain.
  uint64_t seed = 1;
  // Whether each line says how its cost comes about.
  bool explain = false;
  // Columns of the manifest that were not read.
  std::vector<std::string> ignored_columns;
};

// What an estimate says whatever the plan. kOutOfRange: the range of the total
// leaves the range of Credits.
absl::StatusOr<v1::Estimate> ToEstimateReport(
    const BatchEstimate& batch, const Catalog& catalog,
    const EstimateReportOptions& options);

// `estimate` with what `plan` makes of the work. REQUIRES: `batch` is finished,
// and `plan` is of its catalog.
v1::Estimate ToPlanReport(const v1::Estimate& estimate,
                          const BatchEstimate& batch, const Plan& plan);

// REQUIRES: `comparison` is finished.
v1::Recommendation ToRecommendation(const PlanComparison& comparison);

// All of them as one message. `recommendation` may be null.
v1::Estimates ToEstimates(absl::Span<const v1::Estimate> reports,
                          const v1::Recommendation* recommendation);

// Prints aligned tables, Markdown or CSV. `reports` has one estimate for each
// plan that was asked for, or one without a plan. `recommendation` may be null.
// With `explain`, each line says how its cost comes about. REQUIRES: one or
// more reports; `format` is kTable, kMarkdown or kCsv.
void PrintEstimate(absl::Span<const v1::Estimate> reports,
                   const v1::Recommendation* recommendation,
                   ReportFormat format, bool explain, std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_ESTIMATE_REPORT_H_
