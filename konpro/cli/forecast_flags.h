// The options of `konpro forecast`.
#ifndef KONPRO_CLI_FORECAST_FLAGS_H_
#define KONPRO_CLI_FORECAST_FLAGS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "konpro/cli/forecast_command.h"

namespace konpro::cli {

// Adds the command to `app`. Parsing then fills `options`, which must outlive
// `app`. `exit_codes` ends its help.
void AddForecast(CLI::App& app, const std::string& exit_codes,
                 ForecastCommandOptions& options);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_FORECAST_FLAGS_H_
