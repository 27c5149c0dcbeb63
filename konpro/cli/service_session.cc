#include "konpro/cli/service_session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "konpro/base/clock_tolerance.h"
#include "konpro/ledger/journal_repair.h"
#include "konpro/sqlite/sqlite_backend.h"

namespace konpro::cli {
namespace {

// A command makes one key or one account.
constexpr size_t kSpare = 16;

constexpr char kServersCatalog[] =
    "--catalog: the server that has the file open has its own";

absl::Time ClockOf(const ServiceFile& file) { return file.clocks().wall; }

absl::Duration ToleranceOf(const ServiceFile& file) {
  if (file.open != nullptr)
    return file.open->ledger().options().clock_tolerance;
  return file.clock_tolerance.value_or(kClockTolerance);
}

// A server's clock and its tolerance are its own.
absl::Status CheckClockOptions(const ServiceFile& file) {
  if (file.open != nullptr && file.simulate) {
    return absl::InvalidArgumentError(
        "--simulate: never on a file that a server has open");
  }
  if (file.open != nullptr && file.clock_tolerance.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(kClockToleranceOption,
                     ": the server that has the file open has its own"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Backend> OpenBackend(const std::string& db, bool create) {
  return OpenSqliteBackend(db, {.create = create});
}

absl::Status MakeBackend(const std::string& db,
                         absl::FunctionRef<absl::Status(Backend&)> fill) {
  return MakeSqliteFile(db, fill);
}

absl::Time TimeOf(const ServiceFile& file) {
  return file.at.has_value() ? *file.at : ClockOf(file);
}

UnixNanos UnixNanosOf(const ServiceFile& file) {
  return UnixNanos::FromTime(TimeOf(file));
}

std::optional<UnixNanos> CommandTime(const ServiceFile& file, Streams streams,
                                     ExitCode& code) {
  const auto refuse = [&](const absl::Status& status) {
    code = FailWith(status, streams);
    return std::nullopt;
  };
  const absl::Status options = CheckClockOptions(file);
  if (!options.ok()) return refuse(options);
  if (file.simulate) {
    if (file.at.has_value()) return UnixNanosOf(file);
    return refuse(absl::InvalidArgumentError(
        "--simulate: runs at the time that --at names: give --at=RFC3339"));
  }
  const absl::Time clock = ClockOf(file);
  const absl::StatusOr<absl::Time> taken =
      TakeTime({.field = "--at",
                .asked = file.at.value_or(clock),
                .clock = clock,
                .tolerance = ToleranceOf(file)});
  if (taken.ok()) return UnixNanos::FromTime(*taken);
  return refuse(absl::InvalidArgumentError(absl::StrCat(
      taken.status().message(),
      "; --simulate runs ahead on purpose, on a file of its own")));
}

JournalClock JournalClockOf(const ServiceFile& file) {
  return {.clock = ClockOf(file), .file = file.db};
}

void NoteClock(Ledger& ledger, const JournalClock& clock, Streams streams) {
  const absl::Status status = CheckJournalClock(ledger, clock);
  if (IsAheadOfClock(status)) PrintReason(streams, status.message());
}

std::optional<Catalog> CatalogOf(const ServiceFile& file, Streams streams) {
  if (file.open == nullptr) return LoadCatalog(file.catalog, streams);
  if (file.catalog.empty()) return file.open->admission().catalog();
  PrintReason(streams, kServersCatalog);
  return std::nullopt;
}

ExitCode WithService(const ServiceFile& file, bool create, Streams streams,
                     ServiceWork work) {
  const absl::Time now = TimeOf(file);
  if (file.open != nullptr) {
    NoteClock(file.open->ledger(), JournalClockOf(file), streams);
    const absl::Status status =
        file.catalog.empty() ? work(*file.open, now)
                             : absl::InvalidArgumentError(kServersCatalog);
    return status.ok() ? ExitCode::kOk : FailWith(status, streams);
  }
  const std::optional<Catalog> catalog = LoadCatalog(file.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  absl::StatusOr<Backend> backend = OpenBackend(file.db, create);
  if (!backend.ok()) return FailWith(backend.status(), streams);
  Service::Options options;
  options.spare_keys = kSpare;
  options.spare_accounts = kSpare;
  const absl::StatusOr<std::unique_ptr<Service>> service =
      Service::Open(*catalog, *std::move(backend), std::move(options));
  if (!service.ok()) return FailWith(service.status(), streams);
  NoteClock((*service)->ledger(), JournalClockOf(file), streams);
  const absl::Status status = work(**service, now);
  return status.ok() ? ExitCode::kOk : FailWith(status, streams);
}

LedgerPointer OpenLedger(const ServiceFile& file, LedgerUse use,
                         Streams streams, ExitCode& code) {
  LedgerPointer ledger(nullptr);
  absl::Status status = CheckClockOptions(file);
  if (!status.ok()) {
    code = FailWith(status, streams);
    return nullptr;
  }
  if (file.open != nullptr) {
    ledger =
        LedgerPointer(&file.open->ledger(), LedgerCloser{.is_owner = false});
  } else {
    absl::StatusOr<Backend> backend =
        OpenBackend(file.db, /*create=*/use == LedgerUse::kCreate);
    status = backend.status();
    if (status.ok()) {
      absl::StatusOr<std::unique_ptr<Ledger>> opened = Ledger::Open(
          std::move(backend->ledger), {.clock_tolerance = ToleranceOf(file)});
      status = opened.status();
      if (status.ok()) ledger = LedgerPointer(opened->release());
    }
  }
  if (status.ok() && use == LedgerUse::kRead) {
    NoteClock(*ledger, JournalClockOf(file), streams);
  } else if (status.ok() && !file.simulate) {
    status = CheckJournalClock(*ledger, JournalClockOf(file));
  }
  if (status.ok()) return ledger;
  code = FailWith(status, streams);
  return nullptr;
}

}  // namespace konpro::cli
