// The options of `konpro price`.
#ifndef KONPRO_CLI_PRICE_FLAGS_H_
#define KONPRO_CLI_PRICE_FLAGS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "konpro/cli/price_command.h"

namespace konpro::cli {

// Adds the command to `app`. Parsing then fills `options`, which must outlive
// `app`. `exit_codes` ends its help.
void AddPrice(CLI::App& app, const std::string& exit_codes,
              PriceOptions& options);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_PRICE_FLAGS_H_
