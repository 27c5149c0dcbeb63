// `konpro replay`: a trace of requests through the limiter itself, under the
// trace's own clock. Would this traffic fit that plan?
#ifndef KONPRO_CLI_REPLAY_COMMAND_H_
#define KONPRO_CLI_REPLAY_COMMAND_H_

#include <string>

#include "konpro/cli/command.h"
#include "konpro/estimate/replay.h"
#include "konpro/input/trace.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {

struct ReplayOptions {
  // A trace; "-" for standard input.
  std::string file;
  TraceOptions trace;
  // A plan's name, or "all".
  std::string plan = "all";
  ReplayMode mode = ReplayMode::kDrop;
  // A catalog file; "" for the built-in catalog.
  std::string catalog;
  // kTable or kJson.
  ReportFormat format = ReportFormat::kTable;
};

// Prints the report, then the reason why it does not return kOk: a plan (with
// "all", every plan) does not allow an operation, or an operation that was
// admitted has no price. Traffic that does not fit is an answer, not a failure.
//
// Memory grows with accounts, not with requests.
ExitCode RunReplay(const ReplayOptions& options, Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_REPLAY_COMMAND_H_
