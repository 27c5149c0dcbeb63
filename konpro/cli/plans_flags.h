// The options of `konpro plans`.
#ifndef KONPRO_CLI_PLANS_FLAGS_H_
#define KONPRO_CLI_PLANS_FLAGS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "konpro/cli/plans_command.h"

namespace konpro::cli {

// Adds the command to `app`. Parsing then fills `options`, which must outlive
// `app`. `exit_codes` ends its help.
void AddPlans(CLI::App& app, const std::string& exit_codes,
              PlansOptions& options);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_PLANS_FLAGS_H_
