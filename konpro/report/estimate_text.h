// An estimate as text: aligned tables, Markdown or CSV.
//
//   PrintEstimate(reports, /*recommendation=*/nullptr, ReportFormat::kTable,
//                 /*explain=*/false, out);
//
// Thread safety: pure but for `out`; equal arguments give equal bytes.
#ifndef KONPRO_REPORT_ESTIMATE_TEXT_H_
#define KONPRO_REPORT_ESTIMATE_TEXT_H_

#include <ostream>

#include "absl/types/span.h"
#include "konpro/report/report_format.h"
#include "proto/report.pb.h"

namespace konpro {

// `reports` has one estimate for each plan that was asked for, or one without a
// plan. `recommendation` may be null. With `explain`, each line says how its
// cost comes about. REQUIRES: one or more reports; `format` is kTable,
// kMarkdown or kCsv.
void PrintEstimate(absl::Span<const v1::Estimate> reports,
                   const v1::Recommendation* recommendation,
                   ReportFormat format, bool explain, std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_ESTIMATE_TEXT_H_
