// A forecast as a message (proto/report.proto), as text for people, and as one
// page of HTML: when the credits run out, what was spent and will be, the
// weekly pattern, and the notes.
//
//   const v1::Forecast report =
//       ToForecastReport(forecast, asked, spend, days, context).value();
//   PrintForecast(report, days, context.first_day, out);
//   PrintHtml(report, {.source = "daily.csv", .history = days}, out);
//
// Thread safety: pure but for `out`; equal arguments give equal bytes.
//
// Invariants of the page: (1) Amounts are the texts of the message. (2) Every
// text is escaped. (3) Of the balance to come, only what is known is drawn: its
// mean on each day of the forecast, its interval at the end of that and on the
// days of the runway, straight lines between.
#ifndef KONPRO_REPORT_FORECAST_REPORT_H_
#define KONPRO_REPORT_FORECAST_REPORT_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/types/span.h"
#include "konpro/estimate/forecast.h"
#include "proto/report.pb.h"

namespace konpro {

struct ForecastContext {
  // The first day that is forecast.
  absl::CivilDay first_day;
  absl::CivilDay today;
  // Whether the caller chose the first day, or the end of the history did.
  bool first_day_was_chosen = false;
  // Of the catalog that priced the history; "" for a history without records.
  std::string catalog_version;
  // Records that were left out: without a price, and of other accounts.
  int64_t unpriced_records = 0;
  int64_t other_records = 0;
  // Refunds of a ledger that lowered no day, or not by all of them.
  int64_t unplaced_refunds = 0;
  // Whether to add how the forecast would have done on its own history.
  bool backtest = false;
};

// What `forecast`, made of `days` as `asked`, says, with notes about what was
// left out of `spend`. kOutOfRange: the sum of `days` leaves the range of
// Credits.
absl::StatusOr<v1::Forecast> ToForecastReport(const Forecast& forecast,
                                              const ForecastOptions& asked,
                                              const SpendByDay& spend,
                                              absl::Span<const DailySpend> days,
                                              const ForecastContext& context);

// Tables of the last weeks and the days to come, then facts. `days` is the
// history, `first_day` the first day of the report.
void PrintForecast(const v1::Forecast& report,
                   absl::Span<const DailySpend> days, absl::CivilDay first_day,
                   std::ostream& out);

struct ForecastPage {
  // What was read: the name of a file.
  std::string source;
  // Every day of the history, in order.
  absl::Span<const DailySpend> history;
};

void PrintHtml(const v1::Forecast& forecast, const ForecastPage& page,
               std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_FORECAST_REPORT_H_
