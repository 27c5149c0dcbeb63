// `konpro serve`: the API of api.h on a TCP address, and the commands of
// admin.h on the socket beside the file, until SIGTERM or SIGINT.
#ifndef KONPRO_SERVE_SERVE_H_
#define KONPRO_SERVE_SERVE_H_

#include <functional>
#include <string>
#include <vector>

#include "konpro/cli/command.h"
#include "konpro/cli/exit_code.h"
#include "konpro/sqlite/sqlite_front_door.h"

namespace konpro::serve {

struct ServeOptions {
  static constexpr unsigned kThreadsMax = 256;

  std::string db;
  std::string listen = "127.0.0.1:8080";
  // A catalog file; "" for the built-in catalog.
  std::string catalog;
  // Connections are spread over them. Each waits for the disk when it holds or
  // charges credits; writes of several are one.
  unsigned threads = 8;
};

// Runs a command on what the server has open.
using OpenCommandRunner = std::function<cli::ExitCode(
    SqliteFrontDoor& open, const std::vector<std::string>& arguments,
    cli::Streams streams)>;

// Says on streams.out where it listens, once it does. Returns when it was told
// to stop, and everything is written and closed.
// REQUIRES: no other thread runs.
cli::ExitCode RunServe(const ServeOptions& options,
                       const OpenCommandRunner& run, cli::Streams streams);

}  // namespace konpro::serve

#endif  // KONPRO_SERVE_SERVE_H_
