// The options of `konpro diff`.
#ifndef KONPRO_CLI_DIFF_FLAGS_H_
#define KONPRO_CLI_DIFF_FLAGS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "konpro/cli/diff_command.h"

namespace konpro::cli {

// Adds the command to `app`. Parsing then fills `options`, which must outlive
// `app`. `exit_codes` ends its help.
void AddDiff(CLI::App& app, const std::string& exit_codes,
             DiffOptions& options);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_DIFF_FLAGS_H_
