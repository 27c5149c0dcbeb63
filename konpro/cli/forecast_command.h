// `konpro forecast`: what the next days will cost, and when the credits run
// out.
#ifndef KONPRO_CLI_FORECAST_COMMAND_H_
#define KONPRO_CLI_FORECAST_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/cli/command.h"
#include "konpro/ledger/ledger.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {

struct ForecastCommandOptions {
  // Usage records, a ledger's file, or CSV with the columns date and credits,
  // and optionally capped; "-" for standard input.
  std::string file;
  // The ledger in `file` if a server has it open; else `file` is read.
  Ledger* open = nullptr;
  // A catalog file; "" for the built-in catalog.
  std::string catalog;
  // Only this account's records; "" for all of them together.
  std::string account;
  // Zero or more.
  std::optional<Credits> available;
  // The last day of the forecast; by default two weeks are forecast.
  std::optional<absl::CivilDay> until;
  std::optional<absl::CivilDay> next_allowance;
  // The day that is not over: what it has spent so far is not its spend. By
  // default the day after the last entry, or today if that is earlier.
  std::optional<absl::CivilDay> as_of;
  // Whose days are meant.
  absl::TimeZone zone = absl::UTCTimeZone();
  // Decides what today is.
  absl::Time now;
  uint64_t seed = 1;
  bool backtest = false;
  // kTable, kJson or kHtml.
  ReportFormat format = ReportFormat::kTable;
};

// kOverAvailable if the likely day that takes the last credit is before
// next_allowance or, without one, not after `until`. kNotAllowed if a record
// has no price. kBadInput if there is no history.
ExitCode RunForecast(const ForecastCommandOptions& options, Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_FORECAST_COMMAND_H_
