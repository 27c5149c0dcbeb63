// `konpro serve`: the API of api.h on a TCP address, and the commands of
// admin.h on the socket beside the database file, until SIGTERM or SIGINT.
// SIGHUP reads the catalog again. That alone is replaced: connections, requests
// and what rate windows have used stay. If the catalog cannot be used, the log
// says why, and nothing has changed.
#ifndef KONPRO_SERVE_SERVE_H_
#define KONPRO_SERVE_SERVE_H_

#include <cstdint>
#include <functional>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "konpro/access/backend.h"
#include "konpro/access/service.h"
#include "konpro/base/clock_tolerance.h"
#include "konpro/catalog/catalog.h"
#include "konpro/serve/proxy_routes.h"

namespace konpro {

struct ServeOptions {
  static constexpr unsigned kThreadsMax = 256;

  std::string db;
  std::string listen = "127.0.0.1:8080";
  // Connections are spread over them. A thread that holds or charges credits
  // waits for the disk; the writes of several threads share one commit.
  unsigned threads = 8;
  // What requests behind a proxy cost, for /v1/authorize. None: they are
  // counted and hold nothing, and the log says so.
  std::optional<ProxyRoutes> routes = std::nullopt;
  // Reads and estimates that a customer's key may make; one or more.
  int64_t reads_per_minute = 60;
  // How far times and the journal may be ahead of the clock.
  absl::Duration clock_tolerance = kClockTolerance;
  // The catalog as it is now, for SIGHUP; null: SIGHUP changes nothing.
  std::function<absl::StatusOr<Catalog>()> load_catalog = nullptr;
};

// Runs a command (admin.h) on the service that the server has open.
using ServiceCommandRunner = std::function<int(
    Service& service, const std::vector<std::string>& arguments,
    std::istream& in, std::ostream& out, std::ostream& err)>;

// Serves the accounts, keys and credits of `backend`, which is open on the file
// options.db. Prints its address to `out` once it listens. Returns after a
// signal has stopped it and everything is written and closed. Warnings, and
// what could not be saved meanwhile, go to `err`.
// REQUIRES: the process has no other thread.
absl::Status RunServe(const ServeOptions& options, Catalog catalog,
                      Backend backend, const ServiceCommandRunner& run,
                      std::ostream& out, std::ostream& err);

}  // namespace konpro

#endif  // KONPRO_SERVE_SERVE_H_
