#include "konpro/cli/door_session.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "konpro/base/internal/rfc3339.h"

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
  SqliteFrontDoor::Options options;
  options.sqlite.create = create;
  options.spare_keys = kSpare;
  options.spare_accounts = kSpare;
  absl::StatusOr<std::unique_ptr<SqliteFrontDoor>> all =
      SqliteFrontDoor::Open(file.db, *catalog, std::move(options));
  if (!all.ok()) return FailWith(all.status(), streams);
  const absl::Status status = work(**all, now);
  return status.ok() ? ExitCode::kOk : FailWith(status, streams);
}

std::string TimeText(absl::Time time) {
  if (time < internal::kRfc3339Min || time >= internal::kRfc3339End) return "";
  return internal::FormatRfc3339(time);
}

}  // namespace konpro::cli
