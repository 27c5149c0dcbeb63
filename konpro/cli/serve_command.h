// `konpro serve`: its options, and the commands that other processes run
// through it.
#ifndef KONPRO_CLI_SERVE_COMMAND_H_
#define KONPRO_CLI_SERVE_COMMAND_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/access/service.h"
#include "konpro/cli/command.h"
#include "konpro/serve/serve.h"

namespace konpro::cli {

struct ServeCommandOptions {
  ServeOptions serve;
  std::optional<absl::Duration> clock_tolerance;  // nullopt: that of `serve`
  // A catalog file; "" for the built-in catalog.
  std::string catalog;
  std::string routes;  // a file of konpro.v1.Routes; "": none
};

// Adds the command to `app`. Parsing then fills `options`, which must outlive
// `app`. `exit_codes` ends its help.
void AddServe(CLI::App& app, const std::string& exit_codes,
              ServeCommandOptions& options);

// `konpro clock`: asks the server that has a file open.
struct ClockCommandOptions {
  std::string db;
  bool confirm = false;
};
void AddClock(CLI::App& app, ClockCommandOptions& options);
// `arguments`: the words of the command.
ExitCode RunClockCommand(const ClockCommandOptions& options,
                         const std::vector<std::string>& arguments,
                         Streams streams);

// Runs the words of a command on the service that a server has open.
using ServedCommand = std::function<ExitCode(
    Service& service, const std::vector<std::string>& arguments, Streams)>;

// Returns after SIGTERM or SIGINT. REQUIRES: as RunServe() of konpro/serve.
ExitCode RunServeCommand(const ServeCommandOptions& options,
                         const ServedCommand& run, Streams streams);

// What the server that has `db` open made of a command (serve/admin.h):
// printed, and its exit code; nullopt if no server has it open. `input` is the
// command's standard input.
std::optional<ExitCode> RunByServer(const std::string& db,
                                    const std::vector<std::string>& arguments,
                                    absl::string_view input, Streams streams);

// Whether there is a socket beside `db`, of a server that may run.
bool MayBeServed(const std::string& db);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_SERVE_COMMAND_H_
