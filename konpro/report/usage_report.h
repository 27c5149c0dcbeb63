// What usage records cost (report/usage_totals.h), as a message and for people.
//
//   const v1::UsageReport report = ToUsageReport(totals, {.plan = &pro});
//   PrintUsageReport(report, ReportFormat::kTable, out);
//
// Thread safety: pure but for `out`; equal arguments give equal bytes.
#ifndef KONPRO_REPORT_USAGE_REPORT_H_
#define KONPRO_REPORT_USAGE_REPORT_H_

#include <optional>
#include <ostream>

#include "konpro/base/credits.h"
#include "konpro/catalog/plan.h"
#include "konpro/report/report_message.h"
#include "konpro/report/usage_totals.h"
#include "proto/report.pb.h"

namespace konpro {

// What the total is compared with.
struct UsageReportOptions {
  // The plan that must allow every operation with records, or nullptr.
  const Plan* plan = nullptr;
  std::optional<Credits> available;
  std::optional<Credits> budget;
};

// The shown costs of lines add up to their account's, and those of accounts to
// the total.
v1::UsageReport ToUsageReport(const UsageTotals& totals,
                              const UsageReportOptions& options);

// REQUIRES: `format` is kTable, kMarkdown or kCsv.
void PrintUsageReport(const v1::UsageReport& report, ReportFormat format,
                      std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_USAGE_REPORT_H_
