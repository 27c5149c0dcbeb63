// The options of `konpro estimate`.
#ifndef KONPRO_CLI_ESTIMATE_FLAGS_H_
#define KONPRO_CLI_ESTIMATE_FLAGS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "konpro/cli/estimate_command.h"

namespace konpro::cli {

// Adds the command to `app`. Parsing then fills `options`, which must outlive
// `app`. `exit_codes` ends its help.
void AddEstimate(CLI::App& app, const std::string& exit_codes,
                 EstimateOptions& options);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_ESTIMATE_FLAGS_H_
