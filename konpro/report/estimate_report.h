// An estimate as messages (proto/report.proto), as text, as one page of HTML
// and as a file of its schedule: what a batch of jobs costs, and what each plan
// makes of it.
//
//   batch.Finish();
//   v1::Estimate estimate = ToEstimateReport(batch, catalog, options).value();
//   std::vector<v1::Estimate> reports = {
//       ToPlanReport(estimate, batch, pro, options).value()};
//   ToRecommendation(batch.comparison()).cheapest()      // "pro"
//   PrintEstimate(reports, /*recommendation=*/nullptr, ReportFormat::kTable,
//                 /*explain=*/false, out);
//   PrintHtml(estimates, ToEstimatePage("launch.csv", plans, comparison), out);
//   WriteScheduleFile("schedule.csv", schedule, [](int64_t) {});
//
// Thread safety: pure but for `out` and the file; equal arguments give equal
// bytes.
//
// Invariants of the page: (1) Amounts are the texts of the message, so that
// what is shown of the parts adds up to what is shown of the total. (2) Every
// text is escaped.
#ifndef KONPRO_REPORT_ESTIMATE_REPORT_H_
#define KONPRO_REPORT_ESTIMATE_REPORT_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/plan.h"
#include "konpro/estimate/batch_estimate.h"
#include "konpro/estimate/plan_comparison.h"
#include "konpro/limits/schedule.h"
#include "konpro/report/report_message.h"
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

// `estimate`, which has the same options, with what `plan` makes of the work:
// its prices may be others, because requests wait. Errors as above. REQUIRES:
// `batch` is finished, and `plan` is of its catalog.
absl::StatusOr<v1::Estimate> ToPlanReport(const v1::Estimate& estimate,
                                          const BatchEstimate& batch,
                                          const Plan& plan,
                                          const EstimateReportOptions& options);

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

// Why `report`, which has a deadline that is not met, is not in time: "plan pro
// misses the deadline: late by 2h; met by scale".
std::string DeadlineReason(const v1::Estimate& report);

// How many requests have gone out, so long after the start.
struct SubmissionSample {
  absl::Duration elapsed;
  int64_t submitted = 0;

  friend bool operator==(const SubmissionSample&,
                         const SubmissionSample&) = default;
};

// Corners of the staircase of submissions, at most two for each of 200 equal
// stretches of the schedule; the straight lines between them leave the
// staircase by no more than such a stretch. Every sample is exact. Empty if
// there is no request, or the last one never goes out.
std::vector<SubmissionSample> SampleSubmissions(const Schedule& schedule);

// What a page says of a plan beside the message.
struct PlanPage {
  // "60 per minute, 1000 per day".
  std::string limits;
  std::vector<SubmissionSample> submissions;
};

struct EstimatePage {
  // What was estimated: the name of a file.
  std::string source;
  // Of the plans of the message, in their order; one for a message without a
  // plan.
  std::vector<PlanPage> plans;
};

// Of `plans`, which are of the comparison's catalog and may be none.
// REQUIRES: `comparison` is finished.
EstimatePage ToEstimatePage(std::string source,
                            absl::Span<const Plan* const> plans,
                            const PlanComparison& comparison);

// `estimates` has one estimate for each plan that was asked for, or one without
// a plan. REQUIRES: one or more; as many `page.plans`.
void PrintHtml(const v1::Estimates& estimates, const EstimatePage& page,
               std::ostream& out);

// About 4 GB.
inline constexpr int64_t kScheduleRowsMax = 100'000'000;

// Writes when each request can be submitted, as CSV (docs/formats.md): `path`
// whole or not at all. It is written under another name beside it, which then
// replaces what is there. Memory does not grow with requests; `advance` is
// called with how many more requests were written, now and then. kOutOfRange:
// more than kScheduleRowsMax requests, or some that are never submitted.
// kUnavailable: the file could not be written.
absl::Status WriteScheduleFile(const std::string& path,
                               const Schedule& schedule,
                               absl::FunctionRef<void(int64_t)> advance);

}  // namespace konpro

#endif  // KONPRO_REPORT_ESTIMATE_REPORT_H_
