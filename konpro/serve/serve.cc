#include "konpro/serve/serve.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/journal_repair.h"
#include "konpro/ledger/ledger.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/serve/admin.h"
#include "konpro/serve/api.h"
#include "konpro/serve/clock_watch.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/http_server.h"
#include "konpro/serve/limits_file.h"
#include "konpro/serve/listen_socket.h"
#include "konpro/serve/metrics.h"
#include "konpro/serve/server_log.h"

namespace konpro {
namespace {

constexpr absl::Duration kSyncEvery = absl::Seconds(1);
// Last uses of keys are saved after so many of them.
constexpr int kSyncsPerSave = 60;

// Says what fails once, until it is another thing or works again.
class Failures {
 public:
  explicit Failures(ServerLog& log) : log_(log) {}

  void Add(const absl::Status& status) {
    if (!status.ok() && status != last_) log_.Line(status.message());
    last_ = status;
  }

 private:
  ServerLog& log_;
  absl::Status last_;
};

bool AnyKeyWasUsed(const KeyDirectory& keys,
                   absl::Span<const std::string> accounts) {
  for (const std::string& account : accounts) {
    for (const ApiKeyRecord& key : keys.List(account)) {
      if (key.last_used_at > absl::InfinitePast()) return true;
    }
  }
  return false;
}

// Logs that the journal is ahead of the clock, and that it no longer is.
class JournalWatch {
 public:
  JournalWatch(Ledger& ledger, const std::string& db, ServerLog& log)
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

struct Server {
  const ServeOptions& options;
  const ServiceCommandRunner& run;
  sigset_t signals;
  ServeMetrics& metrics;
  // Where it listens: with the port, once that is known.
  std::string address;
  std::ostream& out;
  ServerLog& log;
  // Of the whole process: a new catalog confirms no clock.
  ClockWatch clock{ReadClocks};
};

// Waits for the end: a new catalog after a SIGHUP that brought one, else none.
std::unique_ptr<const Catalog> Wait(Server& server, Service& service,
                                    LimitsFile& limits, JournalWatch& journal) {
  Failures clock_failures(server.log);
  Failures sync_failures(server.log);
  Failures save_failures(server.log);
  const timespec every = absl::ToTimespec(kSyncEvery);
  for (int syncs = 0;;) {
    const int signal = sigtimedwait(&server.signals, nullptr, &every);
    if (signal == SIGHUP) {
      if (server.options.load_catalog == nullptr) continue;
      absl::StatusOr<Catalog> next = server.options.load_catalog();
      // What is not durable yet would be forgotten.
      service.RetryWrites();
      const absl::Status status =
          next.ok() ? service.StoreStatus() : next.status();
      if (status.ok()) {
        return std::make_unique<const Catalog>(*std::move(next));
      }
      server.log.Line(
          absl::StrCat("the catalog was not reloaded: ", status.message()));
    } else if (signal >= 0) {
      return nullptr;
    } else {
      journal.Look();
      clock_failures.Add(server.clock.is_trusted()
                             ? absl::OkStatus()
                             : absl::UnavailableError(server.clock.Fault()));
      service.RetryWrites();
      sync_failures.Add(limits.Sync());
      if (++syncs % kSyncsPerSave == 0) {
        save_failures.Add(service.keys().SaveLastUses());
      }
    }
  }
}

constexpr int kFailed = 1;  // an exit code of the command line

// `konpro clock`.
int RunClock(const std::vector<std::string>& arguments, ClockWatch& clock,
             std::ostream& out) {
  if (std::find(arguments.begin(), arguments.end(), "--confirm") !=
      arguments.end()) {
    clock.Confirm();
  }
  const std::string fault = clock.Fault();
  out << (fault.empty() ? "the server trusts its clock" : fault) << "\n";
  return fault.empty() ? 0 : kFailed;
}

// Whether a command may write to the ledger, at the time of the clock.
bool ChangesLedger(const std::vector<std::string>& arguments) {
  static constexpr absl::string_view kReads[] = {
      "balance", "explain", "export", "history", "statement", "verify"};
  if (arguments.empty() || arguments[0] != "ledger") return false;
  // All options before the subcommand have a value.
  size_t i = 1;
  while (i < arguments.size() && absl::StartsWith(arguments[i], "--")) {
    i += absl::StrContains(arguments[i], "=") ? 1 : 2;
  }
  return i >= arguments.size() ||
         std::find(std::begin(kReads), std::end(kReads), arguments[i]) ==
             std::end(kReads);
}

// Serves with one catalog, and returns the one to serve with then, or null.
absl::StatusOr<std::unique_ptr<const Catalog>> ServeCatalog(
    Server& server, const Catalog& catalog, Backend backend) {
  const ServeOptions& options = server.options;
  Service::Options service_options;
  service_options.on_store = [&server](const absl::Status& status) {
    server.metrics.NoteStore(status.ok());
    server.log.NoteStore(status, absl::Now());
  };
  service_options.admission.observer = &server.metrics;
  service_options.ledger.clock_tolerance = options.clock_tolerance;
  std::unique_ptr<LimitsFile> limits;
  std::vector<std::string> known;  // accounts, if the file is new
  service_options.open_limits = [&](size_t capacity,
                                    absl::Span<const std::string> accounts)
      -> absl::StatusOr<LimiterRegistry*> {
    absl::StatusOr<std::unique_ptr<LimitsFile>> file = LimitsFile::Open(
        options.db + ".limits", {.capacity = capacity, .accounts = accounts});
    if (!file.ok()) return file.status();
    limits = *std::move(file);
    if (limits->is_new()) known.assign(accounts.begin(), accounts.end());
    return &limits->registry();
  };
  absl::StatusOr<std::unique_ptr<Service>> opened =
      Service::Open(catalog, std::move(backend), std::move(service_options));
  if (!opened.ok()) return opened.status();
  Service& service = **opened;
  if (AnyKeyWasUsed(service.keys(), known)) {
    server.log.Line(
        absl::StrCat(options.db,
                     ".limits is not there, although keys of this database "
                     "were used: all rate windows start fresh"));
  }

  JournalWatch journal(service.ledger(), options.db, server.log);
  journal.Look();

  // The file is locked by now: a socket that is there has no server.
  const std::string admin_path = AdminSocketPath(options.db);
  absl::StatusOr<ListenSocket> admin_socket = ListenUnix(admin_path);
  if (!admin_socket.ok()) return admin_socket.status();
  absl::StatusOr<ListenSocket> socket = ListenTcp(server.address);
  if (!socket.ok()) return socket.status();
  const bool is_first = server.address != socket->address();
  server.address = socket->address();
  if (!socket->is_loopback() && is_first) {
    server.log.Line(
        server.address +
        " is not a loopback address: anyone who can connect to it can end "
        "jobs of any account");
  }

  Api api({.admission = service.admission(),
           .keys = service.keys(),
           .metrics = server.metrics,
           .not_ready = [&]() -> std::string {
             if (!service.StoreStatus().ok()) {
               return "the store cannot be written";
             }
             return service.admission().CheckClock(UnixNanos::CoarseNow()).ok()
                        ? ""
                        : "the journal is ahead of the clock";
           },
           .clock = &server.clock});
  auto http = HttpServer::Start(
      *std::move(socket),
      [&api](const HttpRequest& request) {
        return api.Answer(request, UnixNanos::CoarseNow());
      },
      {.threads = options.threads, .body_bytes_max = kApiBodyBytesMax});
  if (!http.ok()) return http.status();
  const CommandRunner run_here = [&](const std::vector<std::string>& arguments,
                                     std::istream& command_in,
                                     std::ostream& command_out,
                                     std::ostream& command_err) {
    if (!arguments.empty() && arguments[0] == "clock") {
      return RunClock(arguments, server.clock, command_out);
    }
    if (ChangesLedger(arguments) && !server.clock.is_trusted()) {
      command_err << "konpro: " << server.clock.Fault() << "\n";
      return kFailed;
    }
    return server.run(service, arguments, command_in, command_out, command_err);
  };
  auto admin = HttpServer::Start(
      *std::move(admin_socket),
      [&](const HttpRequest& request) {
        return AnswerCommand(request, run_here);
      },
      {.body_bytes_max = kCommandBytesMax, .only_user = geteuid()});
  if (!admin.ok()) return admin.status();
  server.out << "listening on " << server.address << std::endl;
  std::unique_ptr<const Catalog> next = Wait(server, service, *limits, journal);

  // From here on a command opens the file itself, as soon as it is closed.
  unlink(admin_path.c_str());
  (*admin)->Stop();
  (*http)->Stop();
  service.RetryWrites();
  const absl::Status saved = service.keys().SaveLastUses();
  if (!saved.ok()) server.log.Line(saved.message());
  opened->reset();
  const absl::Status closed = limits->Close();
  if (!closed.ok()) server.log.Line(closed.message());
  return next;
}

// A command that came between may have the file for a moment.
absl::StatusOr<Backend> Reopen(const ServeOptions& options) {
  constexpr int kAttempts = 50;
  absl::StatusOr<Backend> backend = options.open_backend();
  for (int i = 1; i < kAttempts && !backend.ok(); ++i) {
    absl::SleepFor(absl::Milliseconds(200));
    backend = options.open_backend();
  }
  return backend;
}

}  // namespace

absl::Status RunServe(const ServeOptions& options, Catalog catalog,
                      Backend backend, const ServiceCommandRunner& run,
                      std::ostream& out, std::ostream& err) {
  // Keys pass through this process: no core file, no debugger of its user.
  prctl(PR_SET_DUMPABLE, 0);
  ServerLog log(err);
  ServeMetrics metrics;
  Server server = {.options = options,
                   .run = run,
                   .signals = {},
                   .metrics = metrics,
                   .address = options.listen,
                   .out = out,
                   .log = log};
  // All threads inherit the mask, so signals wait for sigtimedwait().
  sigemptyset(&server.signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&server.signals, signal);
  }
  pthread_sigmask(SIG_BLOCK, &server.signals, nullptr);

  auto present = std::make_unique<const Catalog>(std::move(catalog));
  std::unique_ptr<const Catalog> before;
  for (;;) {
    absl::StatusOr<std::unique_ptr<const Catalog>> next =
        ServeCatalog(server, *present, std::move(backend));
    if (next.ok() && *next == nullptr) break;
    if (next.ok()) {
      before = std::move(present);
      present = *std::move(next);
    } else if (before != nullptr) {
      log.Line(absl::StrCat("the catalog was not reloaded: ",
                            next.status().message()));
      present = std::move(before);
    } else {
      return next.status();
    }
    absl::StatusOr<Backend> reopened = Reopen(options);
    if (!reopened.ok()) return reopened.status();
    backend = *std::move(reopened);
  }
  out << "stopped" << std::endl;
  return absl::OkStatus();
}

}  // namespace konpro
