#include "konpro/cli/door_session.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "konpro/sqlite/sqlite_backend.h"

namespace konpro::cli {
namespace {

// A command makes one key or one account.
constexpr size_t kSpare = 16;

}  // namespace

ExitCode WithDoor(const DoorFile& file, bool create, Streams streams,
                  DoorWork work) {
  const absl::Time now = file.at.has_value() ? *file.at : absl::Now();
  if (file.open != nullptr) {
    const absl::Status status =
        file.catalog.empty()
            ? work(*file.open, now)
            : absl::InvalidArgumentError(
                  "--catalog: the server that has the file open has its own");
    return status.ok() ? ExitCode::kOk : FailWith(status, streams);
  }
  const std::optional<Catalog> catalog = LoadCatalog(file.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  Service::Options options;
  options.spare_keys = kSpare;
  options.spare_accounts = kSpare;
  absl::StatusOr<Backend> backend =
      OpenSqliteBackend(file.db, {.create = create});
  if (!backend.ok()) return FailWith(backend.status(), streams);
  const absl::StatusOr<std::unique_ptr<Service>> service =
      Service::Open(*catalog, *std::move(backend), std::move(options));
  if (!service.ok()) return FailWith(service.status(), streams);
  const absl::Status status = work(**service, now);
  return status.ok() ? ExitCode::kOk : FailWith(status, streams);
}

}  // namespace konpro::cli
