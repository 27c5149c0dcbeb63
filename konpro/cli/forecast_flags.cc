#include "konpro/cli/forecast_flags.h"

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "konpro/cli/flag_parsing.h"
#include "konpro/input/spend_history.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
namespace {

// An option of a date.
void AddDay(CLI::App& command, const char* name,
            std::optional<absl::CivilDay>& day, const char* help) {
  command
      .add_option_function<std::string>(
          name,
          [name, &day](const std::string& text) {
            const absl::StatusOr<absl::CivilDay> parsed = ParseDay(text);
            if (!parsed.ok()) {
              throw CLI::ValidationError(
                  name, std::string(parsed.status().message()));
            }
            day = *parsed;
          },
          help)
      ->type_name("DATE");
}

}  // namespace

void AddForecast(CLI::App& app, const std::string& exit_codes,
                 ForecastCommandOptions& options) {
  CLI::App& command = *app.add_subcommand(
      "forecast", "what the next days will cost, and when the credits run out");
  command.footer(
      std::string("A history is usage records, as `konpro price` takes them, a "
                  "ledger's file, or CSV\nwith the columns date and credits, "
                  "and optionally "
                  "capped (yes if a limit was reached on that day).\nEntries "
                  "below zero "
                  "are top-ups, not spend.\n\n") +
      exit_codes);
  command.add_option("FILE", options.file, "the history; - for standard input")
      ->required()
      ->type_name("");
  AddCredits(command, "--available", options.available,
             "the balance: reports when it runs out");
  AddDay(command, "--until", options.until,
         "the last day to forecast (default: two weeks)");
  AddDay(command, "--next-allowance", options.next_allowance,
         "when new credits come: reports whether the balance lasts until then");
  AddDay(command, "--as-of", options.as_of,
         "the day that is not over; it and later ones are forecast (default: "
         "the day after the last entry, or today)");
  command
      .add_option("--account", options.account,
                  "read this account's records alone (default: all together)")
      ->type_name("ID");
  AddZone(command, options.zone, "the time zone of the days (default: UTC)");
  command.add_flag("--backtest", options.backtest,
                   "show how the forecast would have done on the same history");
  command
      .add_option("--seed", options.seed,
                  "seed of the simulated futures (default: 1)")
      ->type_name("N");
  AddCatalog(command, options.catalog);
  AddFormat(command, options.format,
            {{"table", ReportFormat::kTable},
             {"json", ReportFormat::kJson},
             {"html", ReportFormat::kHtml}});
}

}  // namespace konpro::cli
