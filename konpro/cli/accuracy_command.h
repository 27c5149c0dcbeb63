// `konpro accuracy`: how far an estimate was from what was used.
#ifndef KONPRO_CLI_ACCURACY_COMMAND_H_
#define KONPRO_CLI_ACCURACY_COMMAND_H_

#include <optional>
#include <string>

#include "konpro/cli/command.h"
#include "konpro/report/comparison_report.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {

struct AccuracyOptions {
  // Saved with `konpro estimate --format=json`; "-" for standard input, once.
  std::string estimate_file;
  // Saved with `konpro price --format=json`: all its accounts together.
  std::string actual_file;
  // The most that the weighted error may be.
  std::optional<Percent> max_error;
  // The plan whose costs are meant; "" if all plans cost the same.
  std::string plan;
  // kTable or kJson.
  ReportFormat format = ReportFormat::kTable;
};

// kInaccurate if the weighted error is above max_error.
ExitCode RunAccuracy(const AccuracyOptions& options, Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_ACCURACY_COMMAND_H_
