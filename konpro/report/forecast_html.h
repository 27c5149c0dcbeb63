// A forecast as one page of HTML (internal/html_page.h): when the credits run
// out, what was spent and will be, the weekly pattern, and what is said about
// it.
//
//   PrintHtml(report, {.source = "daily.csv", .history = days}, out);
//
// Thread safety: pure but for `out`; equal arguments give equal bytes.
//
// Invariants: (1) Amounts are the texts of the message. (2) Every text is
// escaped. (3) Of the balance to come, only what is known is drawn: its mean on
// each day of the forecast, its interval at the end of that and on the days of
// the runway, straight lines between.
#ifndef KONPRO_REPORT_FORECAST_HTML_H_
#define KONPRO_REPORT_FORECAST_HTML_H_

#include <ostream>
#include <string>

#include "absl/types/span.h"
#include "konpro/estimate/forecast.h"
#include "proto/report.pb.h"

namespace konpro {

struct ForecastPage {
  // What was read: the name of a file.
  std::string source;
  // Every day of the history, in order.
  absl::Span<const DailySpend> history;
};

void PrintHtml(const v1::Forecast& forecast, const ForecastPage& page,
               std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_FORECAST_HTML_H_
