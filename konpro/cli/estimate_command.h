// `konpro estimate`: what a batch of jobs will cost, and which plan carries it.
#ifndef KONPRO_CLI_ESTIMATE_COMMAND_H_
#define KONPRO_CLI_ESTIMATE_COMMAND_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "konpro/cli/command.h"
#include "konpro/cli/manifest.h"
#include "konpro/credits.h"

namespace konpro::cli {

struct EstimateOptions {
  // A manifest; "-" for standard input.
  std::string file;
  ColumnOptions columns;
  // A plan's name, "all", or "" for no plan in particular.
  std::string plan;
  // A catalog file; "" for the built-in catalog.
  std::string catalog;
  // Which prices are taken: those in effect then.
  absl::Time at;
  // Zero or more.
  std::optional<Credits> available;
  std::optional<Credits> budget;
  // Anything but kTextproto.
  Format format = Format::kTable;
  bool explain = false;
};

// Prints the report, then the reasons why it does not return kOk. The gravest
// names the code: kNotAllowed, then kOverBudget, then kOverAvailable.
ExitCode RunEstimate(const EstimateOptions& options, Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_ESTIMATE_COMMAND_H_
