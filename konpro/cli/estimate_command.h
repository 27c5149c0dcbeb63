// `konpro estimate`: what a batch of jobs will cost, and which plan fits it.
#ifndef KONPRO_CLI_ESTIMATE_COMMAND_H_
#define KONPRO_CLI_ESTIMATE_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/cli/command.h"
#include "konpro/estimate/plan_fit.h"
#include "konpro/input/manifest.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {

struct EstimateOptions {
  // A manifest; "-" for standard input.
  std::string file;
  ManifestColumns columns;
  // A plan's name, "all", or "" for no plan in particular.
  std::string plan;
  // A catalog file; "" for the built-in catalog.
  std::string catalog;
  // Which prices are taken for all requests: those in effect then. By default
  // each request has those in effect when it goes out.
  std::optional<absl::Time> at;
  // When the first request may go out.
  absl::Time start;
  // When the last one must have gone out; that long after the start, if
  // `deadline_after` is given. With a plan alone, as the next two.
  std::optional<absl::Time> deadline;
  std::optional<absl::Duration> deadline_after;
  // What windows have used at the start, by name.
  std::vector<std::pair<std::string, int64_t>> used;
  // Where the times of all requests are written to; "" for nowhere. With one
  // plan alone.
  std::string schedule_file;
  // What must cover the total, zero or more each; empty: nothing is said. What
  // expires, with a plan alone.
  std::vector<ExpiringCredits> available;
  std::optional<Credits> budget;
  // Of the drawn totals if quantities are uncertain.
  uint64_t seed = 1;
  // Anything but kTextproto.
  ReportFormat format = ReportFormat::kTable;
  bool explain = false;
};

// Prints the report, then the reasons why it does not return kOk. The most
// severe one sets the code: kNotAllowed, then kOverBudget, then kOverAvailable,
// then kMissesDeadline. kInternal if the schedule's file could not be written.
ExitCode RunEstimate(const EstimateOptions& options, Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_ESTIMATE_COMMAND_H_
