// What the commands of `konpro keys` and `konpro account` share: the file, the
// time, and what goes wrong with any of them.
#ifndef KONPRO_CLI_DOOR_SESSION_H_
#define KONPRO_CLI_DOOR_SESSION_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "konpro/access/service.h"
#include "konpro/catalog/catalog.h"
#include "konpro/cli/command.h"
#include "konpro/report/report_format.h"

namespace konpro::cli {

struct DoorFile {
  std::string db;
  // What a server has open already: `db` is not opened then, and the server's
  // catalog is the only one.
  Service* open = nullptr;
  // nullopt: now.
  std::optional<absl::Time> at;
  // A catalog file; "" for the built-in catalog.
  std::string catalog;
  // kTable or kJson.
  ReportFormat format = ReportFormat::kTable;
};

// What a command does with an open file.
using DoorWork =
    absl::FunctionRef<absl::Status(Service& service, absl::Time now)>;

// Opens the file, and makes it where `create`; does the work. An error of
// either goes to streams.err, and its code is returned: kBadInput where the
// caller can do something about what was asked, else kInternal.
ExitCode WithDoor(const DoorFile& file, bool create, Streams streams,
                  DoorWork work);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_DOOR_SESSION_H_
