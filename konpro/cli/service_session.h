// What the commands on a database file share: how it is opened, the catalog,
// the time, and the form of the report.
#ifndef KONPRO_CLI_SERVICE_SESSION_H_
#define KONPRO_CLI_SERVICE_SESSION_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "konpro/access/backend.h"
#include "konpro/access/service.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/cli/command.h"
#include "konpro/ledger/journal_repair.h"
#include "konpro/ledger/ledger.h"
#include "konpro/report/report_message.h"
#include "konpro/serve/clock_watch.h"

namespace konpro::cli {

struct ServiceFile {
  std::string db;
  // The service that a server has open; `db` is then not opened, and `catalog`
  // must be "". nullptr: the command opens the file.
  Service* open = nullptr;
  // The time that the command names; nullopt: now.
  std::optional<absl::Time> at;
  // Whether a command may be ahead of the clock. Never through a server.
  bool simulate = false;
  // How far `at` and the journal may be ahead of the clock; nullopt: as far as
  // the server says that has the file open, or else kClockTolerance.
  std::optional<absl::Duration> clock_tolerance;
  // The machine's, or what a test says that they are.
  std::function<ClockReading()> clocks = ReadClocks;
  // A catalog file; "" for the built-in catalog.
  std::string catalog;
  // kTable or kJson. Commands that change a ledger print JSON with either.
  ReportFormat format = ReportFormat::kTable;
};

// The backend in the file at `db`, which is made if it is missing and `create`.
// The one function that knows which backend a path has.
absl::StatusOr<Backend> OpenBackend(const std::string& db, bool create);

// A new file at `db` with what `fill` puts into it: whole, or not at all.
// kAlreadyExists: there is one. Otherwise errors of MakeSqliteFile().
absl::Status MakeBackend(const std::string& db,
                         absl::FunctionRef<absl::Status(Backend&)> fill);

// `file.at`, or the clock: the time that a report is about.
absl::Time TimeOf(const ServiceFile& file);
UnixNanos UnixNanosOf(const ServiceFile& file);

// The time of a command that changes the ledger: the same, but never ahead of
// the clock, unless `file.simulate`. nullopt after the reason went to
// streams.err and its exit code to `code`: kBadInput if it is too far ahead.
std::optional<UnixNanos> CommandTime(const ServiceFile& file, Streams streams,
                                     ExitCode& code);

// The catalog of the server that has the file open, or else of the catalog
// file. nullopt after the reason went to streams.err: kBadInput.
std::optional<Catalog> CatalogOf(const ServiceFile& file, Streams streams);

using ServiceWork =
    absl::FunctionRef<absl::Status(Service& service, absl::Time now)>;

// Opens the file, which is made if it is missing and `create`, and does the
// work. An error of either goes to streams.err and is returned as exit code.
ExitCode WithService(const ServiceFile& file, bool create, Streams streams,
                     ServiceWork work);

// Closes a ledger that the command opened itself.
struct LedgerCloser {
  bool is_owner = true;
  void operator()(Ledger* ledger) const {
    if (is_owner) delete ledger;
  }
};
using LedgerPointer = std::unique_ptr<Ledger, LedgerCloser>;

enum class LedgerUse {
  kRead,
  kChange,
  kCreate  // as kChange; a missing file is made
};
// The ledger in the file, without the directories of a service. nullptr after
// the reason went to streams.err and its exit code to `code`. A journal that is
// ahead of the clock is not changed, unless `file.simulate`; a
// reader gets a warning on streams.err.
LedgerPointer OpenLedger(const ServiceFile& file, LedgerUse use,
                         Streams streams, ExitCode& code);

JournalClock JournalClockOf(const ServiceFile& file);

// Warns on streams.err if the journal is ahead of the clock: commands are
// refused then, while what is read of it is right.
void NoteClock(Ledger& ledger, const JournalClock& clock, Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_SERVICE_SESSION_H_
