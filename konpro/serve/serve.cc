#include "konpro/serve/serve.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/mutex.h"
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

constexpr std::chrono::seconds kWorkEvery{1};
// Last uses of keys are saved after so many of them.
constexpr int kWorksPerSave = 60;

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

// The catalog in effect. Requests hold it while they run: the one that it
// replaced ends with the last request that began before.
class ServedCatalog {
 public:
  explicit ServedCatalog(Catalog catalog)
      : present_(std::make_shared<const Catalog>(std::move(catalog))) {}

  std::shared_ptr<const Catalog> Present() const {
    const MutexLock lock(mu_);
    return present_;
  }
  // Whether requests from before the last Replace() run.
  bool IsReplacing() const {
    const MutexLock lock(mu_);
    return !replaced_.expired();
  }
  void Replace(std::shared_ptr<const Catalog> next) {
    const MutexLock lock(mu_);
    replaced_ = present_;
    present_.swap(next);
  }

 private:
  mutable Mutex mu_;
  std::shared_ptr<const Catalog> present_ ABSL_GUARDED_BY(mu_);
  std::weak_ptr<const Catalog> replaced_ ABSL_GUARDED_BY(mu_);
};

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

// All of one process's life: it keeps its service, its limits file and its
// sockets; a SIGHUP replaces the catalog alone.
class Server {
 public:
  Server(const ServeOptions& options, Catalog catalog,
         const ServiceCommandRunner& run, std::ostream& out, std::ostream& err);

  absl::Status Open(Backend backend);
  absl::Status Listen();
  // Until a signal ends it.
  void Run();
  void Close();

 private:
  absl::StatusOr<LimiterRegistry*> OpenLimits(
      size_t capacity, absl::Span<const std::string> accounts);
  absl::Status ListenToCommands();
  std::string NotReady() const;
  int RunCommand(const std::vector<std::string>& arguments, std::istream& in,
                 std::ostream& out, std::ostream& err);
  void Work();
  void Reload();

  const ServeOptions& options_;
  const ServiceCommandRunner& run_;
  std::ostream& out_;
  const std::string admin_path_;
  sigset_t signals_;
  ServerLog log_;
  ServeMetrics metrics_;
  ClockWatch clock_{ReadClocks};
  Failures clock_failures_{log_};
  Failures sync_failures_{log_};
  Failures slow_failures_{log_};
  Failures save_failures_{log_};
  int works_ = 0;

  // Each uses those before it.
  ServedCatalog catalog_;
  std::unique_ptr<LimitsFile> limits_;
  std::vector<std::string> known_;  // accounts, if the limits file is new
  std::unique_ptr<Service> service_;
  std::optional<JournalWatch> journal_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<HttpServer> admin_;
};

Server::Server(const ServeOptions& options, Catalog catalog,
               const ServiceCommandRunner& run, std::ostream& out,
               std::ostream& err)
    : options_(options),
      run_(run),
      out_(out),
      admin_path_(AdminSocketPath(options.db)),
      log_(err),
      catalog_(std::move(catalog)) {
  // All threads inherit the mask, so signals wait for sigtimedwait().
  sigemptyset(&signals_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&signals_, signal);
  }
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

absl::StatusOr<LimiterRegistry*> Server::OpenLimits(
    size_t capacity, absl::Span<const std::string> accounts) {
  absl::StatusOr<std::unique_ptr<LimitsFile>> file = LimitsFile::Open(
      options_.db + ".limits", {.capacity = capacity, .accounts = accounts});
  if (!file.ok()) return file.status();
  limits_ = *std::move(file);
  if (limits_->is_new()) known_.assign(accounts.begin(), accounts.end());
  return &limits_->registry();
}

absl::Status Server::Open(Backend backend) {
  Service::Options options;
  options.on_store = [this](const absl::Status& status) {
    metrics_.NoteStore(status.ok());
    log_.NoteStore(status, absl::Now());
  };
  options.admission.observer = &metrics_;
  options.ledger.clock_tolerance = options_.clock_tolerance;
  options.open_limits = [this](size_t capacity,
                               absl::Span<const std::string> accounts) {
    return OpenLimits(capacity, accounts);
  };
  absl::StatusOr<std::unique_ptr<Service>> opened = Service::Open(
      *catalog_.Present(), std::move(backend), std::move(options));
  if (!opened.ok()) return opened.status();
  service_ = *std::move(opened);
  if (AnyKeyWasUsed(service_->keys(), known_)) {
    log_.Line(absl::StrCat(options_.db,
                           ".limits is not there, although keys of this "
                           "database were used: all rate windows start fresh"));
  }
  journal_.emplace(service_->ledger(), options_.db, log_);
  journal_->Look();
  return absl::OkStatus();
}

std::string Server::NotReady() const {
  const absl::Status store = service_->StoreStatus();
  if (absl::IsDeadlineExceeded(store)) return "the store is slow";
  if (!store.ok()) return "the store cannot be written";
  if (!limits_->status().ok()) return "the limits file cannot be written";
  return service_->admission().CheckClock(UnixNanos::CoarseNow()).ok()
             ? ""
             : "the journal is ahead of the clock";
}

absl::Status Server::Listen() {
  absl::StatusOr<ListenSocket> socket = ListenTcp(options_.listen);
  if (!socket.ok()) return socket.status();
  const std::string address = socket->address();
  if (!socket->is_loopback()) {
    log_.Line(address +
              " is not a loopback address, and there is no TLS: keys can be "
              "read on the way");
  }
  if (!options_.routes.has_value()) {
    log_.Line(
        "no --routes: /v1/authorize counts every request and holds no credits");
  }
  api_ = std::make_unique<Api>(Api::Parts{
      .admission = service_->admission(),
      .keys = service_->keys(),
      .accounts = service_->accounts(),
      .ledger = service_->ledger(),
      .metrics = metrics_,
      .not_ready = [this] { return NotReady(); },
      .is_store_slow =
          [this] { return absl::IsDeadlineExceeded(service_->StoreStatus()); },
      .clock = &clock_,
      .routes = options_.routes.has_value() ? &*options_.routes : nullptr,
      .reads_per_minute = options_.reads_per_minute});
  absl::StatusOr<std::unique_ptr<HttpServer>> http = HttpServer::Start(
      *std::move(socket),
      [this](const HttpRequest& request) {
        const std::shared_ptr<const Catalog> held = catalog_.Present();
        return api_->Answer(request, UnixNanos::CoarseNow());
      },
      {.threads = options_.threads, .body_bytes_max = kApiBodyBytesMax});
  if (!http.ok()) return http.status();
  http_ = *std::move(http);
  const absl::Status admin = ListenToCommands();
  if (admin.ok()) out_ << "listening on " << address << std::endl;
  return admin;
}

absl::Status Server::ListenToCommands() {
  // The file is locked by now: a socket that is there has no server.
  absl::StatusOr<ListenSocket> socket = ListenUnix(admin_path_);
  if (!socket.ok()) return socket.status();
  absl::StatusOr<std::unique_ptr<HttpServer>> admin = HttpServer::Start(
      *std::move(socket),
      [this](const HttpRequest& request) {
        const std::shared_ptr<const Catalog> held = catalog_.Present();
        return AnswerCommand(
            request,
            [this](const std::vector<std::string>& arguments, std::istream& in,
                   std::ostream& out, std::ostream& err) {
              return RunCommand(arguments, in, out, err);
            });
      },
      {.body_bytes_max = kCommandBytesMax, .only_user = geteuid()});
  if (!admin.ok()) return admin.status();
  admin_ = *std::move(admin);
  return absl::OkStatus();
}

int Server::RunCommand(const std::vector<std::string>& arguments,
                       std::istream& in, std::ostream& out, std::ostream& err) {
  if (!arguments.empty() && arguments[0] == "clock") {
    return RunClock(arguments, clock_, out);
  }
  if (ChangesLedger(arguments) && !clock_.is_trusted()) {
    err << "konpro: " << clock_.Fault() << "\n";
    return kFailed;
  }
  return run_(*service_, arguments, in, out, err);
}

void Server::Run() {
  using Clock = std::chrono::steady_clock;
  sigset_t ends = signals_;
  sigdelset(&ends, SIGHUP);
  const timespec at_once{};
  Clock::time_point due = Clock::now() + kWorkEvery;
  bool is_reload_due = false;
  // Of the signals that are pending the lowest is delivered first, which is
  // SIGHUP: neither the end nor the work waits for the last of many.
  while (sigtimedwait(&ends, nullptr, &at_once) < 0) {
    if (Clock::now() >= due) {
      Work();
      due = Clock::now() + kWorkEvery;
    }
    // What holds an earlier catalog may take as long as the disk.
    if (is_reload_due && !catalog_.IsReplacing()) {
      is_reload_due = false;
      Reload();
    }
    const timespec left =
        absl::ToTimespec(absl::FromChrono(std::max<Clock::duration>(
            due - Clock::now(), Clock::duration::zero())));
    const int signal = sigtimedwait(&signals_, nullptr, &left);
    if (signal == SIGHUP) {
      is_reload_due = options_.load_catalog != nullptr;
    } else if (signal >= 0) {
      return;
    }
  }
}

void Server::Work() {
  journal_->Look();
  clock_failures_.Add(clock_.is_trusted()
                          ? absl::OkStatus()
                          : absl::UnavailableError(clock_.Fault()));
  const absl::Status store = service_->StoreStatus();
  slow_failures_.Add(absl::IsDeadlineExceeded(store) ? store
                                                     : absl::OkStatus());
  service_->RetryWrites();
  // What a write between two calls of Sync() could not do is said too.
  sync_failures_.Add(limits_->status());
  sync_failures_.Add(limits_->Sync());
  metrics_.NoteLimits(limits_->status().ok());
  if (++works_ % kWorksPerSave == 0) {
    save_failures_.Add(service_->keys().SaveLastUses());
  }
}

void Server::Reload() {
  absl::StatusOr<Catalog> loaded = options_.load_catalog();
  absl::Status status = loaded.status();
  if (status.ok()) {
    auto next = std::make_shared<const Catalog>(*std::move(loaded));
    status = service_->SetCatalog(*next);
    // Only now, when no binding refers to the present one any more: a request
    // that begins meanwhile holds both.
    if (status.ok()) catalog_.Replace(std::move(next));
  }
  log_.Line(
      status.ok()
          ? absl::StrCat("reloaded catalog ", catalog_.Present()->version())
          : absl::StrCat("the catalog was not reloaded: ", status.message()));
}

void Server::Close() {
  // From here on a command opens the file itself, as soon as it is closed.
  unlink(admin_path_.c_str());
  admin_->Stop();
  http_->Stop();
  service_->RetryWrites();
  const absl::Status saved = service_->keys().SaveLastUses();
  if (!saved.ok()) log_.Line(saved.message());
  journal_.reset();
  api_.reset();
  service_.reset();
  const absl::Status closed = limits_->Close();
  if (!closed.ok()) log_.Line(closed.message());
  out_ << "stopped" << std::endl;
}

}  // namespace

absl::Status RunServe(const ServeOptions& options, Catalog catalog,
                      Backend backend, const ServiceCommandRunner& run,
                      std::ostream& out, std::ostream& err) {
  // Keys pass through this process: no core file, no debugger of its user.
  prctl(PR_SET_DUMPABLE, 0);
  Server server(options, std::move(catalog), run, out, err);
  absl::Status status = server.Open(std::move(backend));
  if (status.ok()) status = server.Listen();
  if (!status.ok()) return status;
  server.Run();
  server.Close();
  return absl::OkStatus();
}

}  // namespace konpro
