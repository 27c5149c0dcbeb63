// `konpro diff`: what changed between two saved estimates.
#ifndef KONPRO_CLI_DIFF_COMMAND_H_
#define KONPRO_CLI_DIFF_COMMAND_H_

#include <string>

#include "konpro/cli/command.h"
#include "konpro/report/comparison_report.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {

struct DiffOptions {
  // Saved with `konpro estimate --format=json`; "-" for standard input, once.
  std::string old_file;
  std::string new_file;
  IncreaseLimit limit;
  // The plan whose costs are meant; "" if all plans cost the same.
  std::string plan;
  // kTable or kJson.
  ReportFormat format = ReportFormat::kTable;
};

// kOverBudget if the total rises by more than it may.
ExitCode RunDiff(const DiffOptions& options, Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_DIFF_COMMAND_H_
