// What every command shares: its streams, its catalog, its reasons and its exit
// code.
#ifndef KONPRO_CLI_COMMAND_H_
#define KONPRO_CLI_COMMAND_H_

#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/catalog.h"
#include "konpro/cli/exit_code.h"

namespace konpro::cli {

struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  // Where progress is drawn; nullptr for nowhere.
  std::ostream* progress = nullptr;
};

// The catalog in the file at `path`, or the built-in one for "". nullopt if it
// cannot be read; the reason went to streams.err.
std::optional<Catalog> LoadCatalog(const std::string& path, Streams streams);

// What was read, or nullopt after the error went to streams.err.
template <typename T>
std::optional<T> Loaded(absl::StatusOr<T> read, Streams streams) {
  if (read.ok()) return *std::move(read);
  streams.err << read.status().message() << "\n";
  return std::nullopt;
}

// Prints why a command does not return kOk; call it after the report.
void PrintReason(Streams streams, absl::string_view reason);

// Prints the error and returns the exit code for it: kBadInput if the caller
// can correct the request, else kInternal.
ExitCode FailWith(const absl::Status& status, Streams streams);

// Returns kOverAvailable and prints the reason if `total` is above `available`.
ExitCode CheckAvailable(Credits total, std::optional<Credits> available,
                        Streams streams);

// Returns kOverBudget and prints the reason if `total` is above `budget`.
ExitCode CheckBudget(Credits total, std::optional<Credits> budget,
                     Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_COMMAND_H_
