// What an estimate says about plans, in the words that every form of the report
// shares.
//
//   DurationText(569.2)                      // "9m30s"
//   DeadlineText(report)                     // "late by 2h; met by scale"
//
// Thread safety: all functions are pure.
#ifndef KONPRO_REPORT_INTERNAL_PLAN_TEXT_H_
#define KONPRO_REPORT_INTERNAL_PLAN_TEXT_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "konpro/report/internal/table.h"
#include "proto/report.pb.h"

namespace konpro {

// Seconds rounded up to whole ones, as "9m30s"; "never" if they are infinite.
std::string DurationText(double seconds);

// A row for each plan: whether it allows the work, and when it is done.
ReportTable EstimatePlansTable(absl::Span<const v1::Estimate> reports);

// Whether the plans do not all cost the same.
bool TotalsDiffer(absl::Span<const v1::Estimate> reports);
bool TotalsDiffer(const v1::Estimates& estimates);

// How many requests go out at which prices, of a report with several
// price_periods.
std::string PricePeriodsText(const v1::Estimate& report);

// Lines about one plan, for people.
std::vector<std::string> PlanFacts(const v1::Estimate& report);

// Whether `report` meets its deadline, in words, such as "pro meets the
// deadline". REQUIRES: it has one.
std::string DeadlineVerdict(const v1::Estimate& report);

// By how much `report` misses its deadline and what would meet it, in words
// that follow the plan's name.
std::string DeadlineText(const v1::Estimate& report);

}  // namespace konpro

#endif  // KONPRO_REPORT_INTERNAL_PLAN_TEXT_H_
