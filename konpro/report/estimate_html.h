// An estimate as one page of HTML (internal/html_page.h): what it costs,
// whether the balance and the budget hold, how far the total may be off, which
// plan carries it, and when its requests go out.
//
//   PrintHtml(estimates, ToEstimatePage("launch.csv", plans, comparison), out);
//
// Thread safety: all functions are pure but for `out`; equal arguments give
// equal bytes.
//
// Invariants: (1) Amounts are the texts of the message, so that what is shown
// of the parts adds up to what is shown of the total. (2) Every text is
// escaped.
#ifndef KONPRO_REPORT_ESTIMATE_HTML_H_
#define KONPRO_REPORT_ESTIMATE_HTML_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/catalog/plan.h"
#include "konpro/estimate/plan_comparison.h"
#include "konpro/limits/schedule.h"
#include "proto/report.pb.h"

namespace konpro {

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

}  // namespace konpro

#endif  // KONPRO_REPORT_ESTIMATE_HTML_H_
