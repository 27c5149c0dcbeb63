#include "konpro/serve/serve.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/journal_repair.h"
#include "konpro/ledger/ledger.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/serve/admin.h"
#include "konpro/serve/api.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/http_server.h"
#include "konpro/serve/limits_file.h"
#include "konpro/serve/listen_socket.h"
#include "konpro/serve/metrics.h"
#include "konpro/serve/server_log.h"

namespace konpro {
namespace {

constexpr absl::Duration kSaveEvery = absl::Minutes(1);
// How often what could not be written is tried again.
constexpr absl::Duration kTick = absl::Seconds(1);

// Saves what no request waits for: when keys were last used, and what windows
// have used.
void Save(Service& service, const std::string& limits_path, ServerLog& log) {
  for (const absl::Status& saved :
       {service.keys().SaveLastUses(),
        SaveLimits(service.limits(), limits_path)}) {
    if (!saved.ok()) log.Line(saved.message());
  }
}

// Logs that the journal is ahead of the clock, and that it no longer is.
class ClockWatch {
 public:
  ClockWatch(Ledger& ledger, const std::string& db, ServerLog& log)
      : ledger_(ledger), db_(db), log_(log) {}

  void Look() {
    const absl::Status status =
        CheckJournalClock(ledger_, {.clock = absl::Now(), .file = db_});
    if (IsAheadOfClock(status) == is_ahead_) return;
    is_ahead_ = !is_ahead_;
    log_.Line(is_ahead_ ? status.message()
                        : "the journal is no longer ahead of the clock");
  }

 private:
  Ledger& ledger_;
  const std::string& db_;
  ServerLog& log_;
  bool is_ahead_ = false;
};

}  // namespace

absl::Status RunServe(const ServeOptions& options, const Catalog& catalog,
                      Backend backend, const ServiceCommandRunner& run,
                      std::ostream& out, std::ostream& err) {
  // Keys pass through this process: no core file, no debugger of its user.
  prctl(PR_SET_DUMPABLE, 0);
  // All threads inherit the mask, so signals wait for sigtimedwait() below.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  ServerLog log(err);
  ServeMetrics metrics;
  Service::Options service_options;
  service_options.on_store = [&](const absl::Status& status) {
    metrics.NoteStore(status.ok());
    log.NoteStore(status, absl::Now());
  };
  service_options.admission.observer = &metrics;
  service_options.ledger.clock_tolerance = options.clock_tolerance;
  const std::string limits_path = options.db + ".limits";
  service_options.restore_limits = [&](LimiterRegistry& registry) {
    return RestoreLimits(limits_path, registry);
  };
  const absl::StatusOr<std::unique_ptr<Service>> opened =
      Service::Open(catalog, std::move(backend), std::move(service_options));
  if (!opened.ok()) return opened.status();
  Service& service = **opened;

  ClockWatch clock(service.ledger(), options.db, log);
  clock.Look();

  // The file is locked by now: a socket that is there has no server.
  const std::string admin_path = AdminSocketPath(options.db);
  absl::StatusOr<ListenSocket> admin_socket = ListenUnix(admin_path);
  if (!admin_socket.ok()) return admin_socket.status();
  absl::StatusOr<ListenSocket> socket = ListenTcp(options.listen);
  if (!socket.ok()) return socket.status();
  const std::string address = socket->address();
  if (!socket->is_loopback()) {
    log.Line(address +
             " is not a loopback address: anyone who can connect to it can end "
             "jobs of any account");
  }

  Api api({.admission = service.admission(),
           .keys = service.keys(),
           .metrics = metrics,
           .not_ready = [&]() -> std::string {
             if (!service.StoreStatus().ok()) {
               return "the store cannot be written";
             }
             return service.admission().CheckClock(UnixNanos::CoarseNow()).ok()
                        ? ""
                        : "the journal is ahead of the clock";
           }});
  auto server = HttpServer::Start(
      *std::move(socket),
      [&api](const HttpRequest& request) {
        return api.Answer(request, UnixNanos::CoarseNow());
      },
      {.threads = options.threads, .body_bytes_max = kApiBodyBytesMax});
  if (!server.ok()) return server.status();
  const CommandRunner run_here =
      [&](const std::vector<std::string>& arguments, std::istream& command_in,
          std::ostream& command_out, std::ostream& command_err) {
        return run(service, arguments, command_in, command_out, command_err);
      };
  auto admin = HttpServer::Start(
      *std::move(admin_socket),
      [&](const HttpRequest& request) {
        return AnswerCommand(request, run_here);
      },
      {.body_bytes_max = kCommandBytesMax, .only_user = geteuid()});
  if (!admin.ok()) return admin.status();
  out << "listening on " << address << std::endl;
  const timespec every = absl::ToTimespec(kTick);
  absl::Time saved = absl::Now();
  while (sigtimedwait(&signals, nullptr, &every) < 0) {
    clock.Look();
    service.RetryWrites();
    if (absl::Now() - saved < kSaveEvery) continue;
    saved = absl::Now();
    Save(service, limits_path, log);
  }

  // From here on a command opens the file itself, as soon as it is closed.
  unlink(admin_path.c_str());
  (*admin)->Stop();
  (*server)->Stop();
  service.RetryWrites();
  Save(service, limits_path, log);
  out << "stopped" << std::endl;
  return absl::OkStatus();
}

}  // namespace konpro
