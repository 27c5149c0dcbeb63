// `konpro diff`: what changed between two saved estimates.
#ifndef KONPRO_CLI_DIFF_COMMAND_H_
#define KONPRO_CLI_DIFF_COMMAND_H_

#include <optional>
#include <string>

#include "konpro/base/credits.h"
#include "konpro/cli/command.h"
#include "konpro/report/percent.h"
#include "konpro/report/report_format.h"

namespace konpro::cli {

struct DiffOptions {
  // Saved with `konpro estimate --format=json`; "-" for standard input, once.
  std::string old_file;
  std::string new_file;
  // By how much the total may rise, at most one of them. Credits are zero or
  // more; a percentage is of the old total.
  std::optional<Credits> max_increase;
  std::optional<Percent> max_increase_percent;
  // kTable or kJson.
  ReportFormat format = ReportFormat::kTable;
};

// kOverBudget if the total rises by more than it may.
ExitCode RunDiff(const DiffOptions& options, Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_DIFF_COMMAND_H_
