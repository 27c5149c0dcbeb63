// What every form of a forecast's report says in the same words.
//
// Thread safety: all functions are pure.
#ifndef KONPRO_REPORT_INTERNAL_FORECAST_TEXT_H_
#define KONPRO_REPORT_INTERNAL_FORECAST_TEXT_H_

#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/types/span.h"
#include "konpro/estimate/forecast.h"
#include "proto/report.pb.h"

namespace konpro {

// "2027-01-31 Sun".
std::string DayAndWeekday(absl::CivilDay day);

// "Mon" .. "Sun", Monday first. REQUIRES: 0 <= index < 7.
const char* WeekdayName(int index);

// "12 .. 15.5".
std::string IntervalText(const v1::SpendInterval& interval);

// "2027-01-31 (80%: 2027-01-28 .. 2027-02-05)".
std::string RunwayText(const v1::Forecast& report);

// "tight (22.0% of 4000 futures run dry)".
std::string OutlookFact(const v1::Forecast& report);

// "Mon 116%, Tue 140%, ..."
std::string PatternText(const v1::Forecast& report);

std::string BacktestText(const v1::Backtest& backtest);

// The last eight weeks of `days`, or as many as there are, each under its first
// day and with what its seven days spent; the last one ends with `days`.
std::vector<DailySpend> LastWeeks(absl::Span<const DailySpend> days);

}  // namespace konpro

#endif  // KONPRO_REPORT_INTERNAL_FORECAST_TEXT_H_
