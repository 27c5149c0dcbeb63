#include "konpro/cli/service_session.h"

#include <utility>

#include "absl/time/clock.h"
#include "konpro/sqlite/sqlite_backend.h"

namespace konpro::cli {
namespace {

// A command makes one key or one account.
constexpr size_t kSpare = 16;

constexpr char kServersCatalog[] =
    "--catalog: the server that has the file open has its own";

}  // namespace

absl::StatusOr<Backend> OpenBackend(const std::string& db, bool create) {
  return OpenSqliteBackend(db, {.create = create});
}

absl::Time TimeOf(const ServiceFile& file) {
  return file.at.has_value() ? *file.at : absl::Now();
}

UnixNanos UnixNanosOf(const ServiceFile& file) {
  return UnixNanos::FromTime(TimeOf(file));
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
  const absl::Status status = work(**service, now);
  return status.ok() ? ExitCode::kOk : FailWith(status, streams);
}

LedgerPointer OpenLedger(const ServiceFile& file, bool create, Streams streams,
                         ExitCode& code) {
  if (file.open != nullptr) {
    return LedgerPointer(&file.open->ledger(), LedgerCloser{.is_owner = false});
  }
  absl::StatusOr<Backend> backend = OpenBackend(file.db, create);
  if (!backend.ok()) {
    code = FailWith(backend.status(), streams);
    return nullptr;
  }
  absl::StatusOr<std::unique_ptr<Ledger>> ledger =
      Ledger::Open(std::move(backend->ledger), {});
  if (!ledger.ok()) {
    code = FailWith(ledger.status(), streams);
    return nullptr;
  }
  return LedgerPointer(ledger->release());
}

}  // namespace konpro::cli
