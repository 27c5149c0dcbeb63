// The options of `konpro replay`.
#ifndef KONPRO_CLI_REPLAY_FLAGS_H_
#define KONPRO_CLI_REPLAY_FLAGS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "konpro/cli/replay_command.h"

namespace konpro::cli {

// Adds the command to `app`. Parsing then fills `options`, which must outlive
// `app`. `exit_codes` ends its help.
void AddReplay(CLI::App& app, const std::string& exit_codes,
               ReplayOptions& options);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_REPLAY_FLAGS_H_
