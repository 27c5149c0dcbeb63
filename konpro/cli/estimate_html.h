// An estimate as one page of HTML (html_page.h): what it costs, whether the
// balance and the budget hold, how far the total may be off, which plan carries
// it, and when its requests go out.
//
//   EstimatePage page = {.source = "launch.csv"};
//   page.plans.push_back({.limits = "60 per minute, 1000 per day",
//                         .submissions = SampleSubmissions(schedule)});
//   PrintHtml(estimates, page, std::cout);
//
// Thread safety: all functions are pure but for `out`; equal arguments give
// equal bytes.
//
// Invariants: (1) Amounts are the texts of the message, so that what is shown
// of the parts adds up to what is shown of the total. (2) Every text is
// escaped.
#ifndef KONPRO_CLI_ESTIMATE_HTML_H_
#define KONPRO_CLI_ESTIMATE_HTML_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "konpro/limits/schedule.h"
#include "proto/report.pb.h"

namespace konpro::cli {

// How many requests have gone out, so long after the start.
struct SubmissionSample {
  absl::Duration elapsed;
  int64_t submitted = 0;

  friend bool operator==(const SubmissionSample&,
                         const SubmissionSample&) = default;
};

// Corners of the staircase of submissions, at most two for each of 200 equal
// stretches of the schedule; the straight lines between them leave the
// staircase by no more than such a stretch. Every sample is exact. Empty where
// there is no request, and where the last one never goes out.
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
  // Of the plans of the message, in their order.
  std::vector<PlanPage> plans;
};

// `estimates` has one estimate for each plan that was asked for, or one without
// a plan. REQUIRES: one or more; as many `page.plans`.
void PrintHtml(const v1::Estimates& estimates, const EstimatePage& page,
               std::ostream& out);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_ESTIMATE_HTML_H_
