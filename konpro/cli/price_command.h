// `konpro price`: what usage records cost, per account and operation.
#ifndef KONPRO_CLI_PRICE_COMMAND_H_
#define KONPRO_CLI_PRICE_COMMAND_H_

#include <optional>
#include <string>

#include "konpro/base/credits.h"
#include "konpro/cli/command.h"
#include "konpro/input/usage_input.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {

struct PriceOptions {
  // Usage records; "-" for standard input.
  std::string file;
  UsageRecordForm form = UsageRecordForm::kAuto;
  // A catalog file; "" for the built-in catalog.
  std::string catalog;
  // The plan that must allow every operation with records; "" for none in
  // particular.
  std::string plan;
  // Zero or more.
  std::optional<Credits> available;
  std::optional<Credits> budget;
  // Anything but kTextproto.
  ReportFormat format = ReportFormat::kTable;
};

// Prints the report, then the reasons why it does not return kOk, of which the
// most severe sets the code. Memory grows with accounts, not with records.
ExitCode RunPrice(const PriceOptions& options, Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_PRICE_COMMAND_H_
