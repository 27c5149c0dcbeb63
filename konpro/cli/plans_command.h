// `konpro plans`: what is sold.
#ifndef KONPRO_CLI_PLANS_COMMAND_H_
#define KONPRO_CLI_PLANS_COMMAND_H_

#include <string>

#include "konpro/cli/command.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {

struct PlansOptions {
  // A catalog file; "" for the built-in catalog.
  std::string catalog;
  // kTable, kJson or kTextproto.
  ReportFormat format = ReportFormat::kTable;
};

ExitCode RunPlans(const PlansOptions& options, Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_PLANS_COMMAND_H_
