// The options of `konpro accuracy`.
#ifndef KONPRO_CLI_ACCURACY_FLAGS_H_
#define KONPRO_CLI_ACCURACY_FLAGS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "konpro/cli/accuracy_command.h"

namespace konpro::cli {

// Adds the command to `app`. Parsing then fills `options`, which must outlive
// `app`. `exit_codes` ends its help.
void AddAccuracy(CLI::App& app, const std::string& exit_codes,
                 AccuracyOptions& options);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_ACCURACY_FLAGS_H_
