#include "konpro/serve/serve.h"

#include <signal.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/serve/admin.h"
#include "konpro/serve/api.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/http_server.h"
#include "konpro/serve/limits_file.h"
#include "konpro/serve/listen_socket.h"
#include "konpro/serve/metrics.h"

namespace konpro::serve {
namespace {

using cli::ExitCode;
using cli::Streams;

constexpr absl::Duration kSaveEvery = absl::Minutes(1);

ExitCode Fail(const absl::Status& status, Streams streams) {
  cli::PrintReason(streams, status.message());
  return status.code() == absl::StatusCode::kUnavailable ||
                 status.code() == absl::StatusCode::kDataLoss
             ? ExitCode::kInternal
             : ExitCode::kBadInput;
}

// What no request waits for: when keys were last used, and what windows have
// used.
void Save(SqliteFrontDoor& all, const std::string& limits_path,
          Streams streams) {
  for (const absl::Status& saved :
       {all.keys().SaveLastUses(), SaveLimits(all.limits(), limits_path)}) {
    if (!saved.ok()) cli::PrintReason(streams, saved.message());
  }
}

}  // namespace

ExitCode RunServe(const ServeOptions& options, const OpenCommandRunner& run,
                  Streams streams) {
  // Threads inherit it: the signals wait for WaitForStop(), whenever they come.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const std::optional<Catalog> catalog =
      cli::LoadCatalog(options.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  ServeMetrics metrics;
  SqliteFrontDoor::Options door;
  door.door.observer = &metrics;
  const std::string limits_path = options.db + ".limits";
  door.restore_limits = [&](LimiterRegistry& registry) {
    return RestoreLimits(limits_path, registry);
  };
  const absl::StatusOr<std::unique_ptr<SqliteFrontDoor>> opened =
      SqliteFrontDoor::Open(options.db, *catalog, std::move(door));
  if (!opened.ok()) return Fail(opened.status(), streams);
  SqliteFrontDoor& all = **opened;

  // Whoever has the file open may replace a socket that was left beside it.
  const std::string admin_path = AdminSocketPath(options.db);
  absl::StatusOr<ListenSocket> admin_socket = ListenUnix(admin_path);
  if (!admin_socket.ok()) return Fail(admin_socket.status(), streams);
  absl::StatusOr<ListenSocket> socket = ListenTcp(options.listen);
  if (!socket.ok()) return Fail(socket.status(), streams);
  const std::string address = socket->address();
  if (!socket->is_loopback()) {
    cli::PrintReason(streams, address +
                                  " is no loopback address: whoever reaches it "
                                  "can end any account's jobs");
  }

  Api api({.door = all.door(), .keys = all.keys(), .metrics = metrics});
  auto server = HttpServer::Start(
      *std::move(socket),
      [&api](const HttpRequest& request) {
        return api.Answer(request, UnixNanos::CoarseNow());
      },
      {.threads = options.threads, .body_bytes_max = kApiBodyBytesMax});
  if (!server.ok()) return Fail(server.status(), streams);
  auto admin = HttpServer::Start(
      *std::move(admin_socket),
      [&](const HttpRequest& request) {
        return AnswerCommand(
            request,
            [&](const std::vector<std::string>& arguments, Streams command) {
              return run(all, arguments, command);
            });
      },
      {.body_bytes_max = kCommandBytesMax});
  if (!admin.ok()) return Fail(admin.status(), streams);
  streams.out << "listening on " << address << std::endl;
  const timespec every = absl::ToTimespec(kSaveEvery);
  while (sigtimedwait(&signals, nullptr, &every) < 0) {
    Save(all, limits_path, streams);
  }

  // From here on a command opens the file itself, as soon as it is closed.
  unlink(admin_path.c_str());
  (*admin)->Stop();
  (*server)->Stop();
  Save(all, limits_path, streams);
  streams.out << "stopped" << std::endl;
  return ExitCode::kOk;
}

}  // namespace konpro::serve
