#include "konpro/cli/replay_flags.h"

#include <string>
#include <tuple>

#include "konpro/cli/flag_parsing.h"
#include "konpro/input/trace.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
namespace {

void AddTraceColumns(CLI::App& command, TraceOptions& options) {
  const std::tuple<const char*, std::string&, const char*, const char*>
      kOptions[] = {
          {"--time", options.time, "the column of times", "COL"},
          {"--account", options.account,
           "the column of accounts (default: all rows are one account); of an "
           "access "
           "log, user or\naddress (default: the user if there is one, else the "
           "address)",
           "COL|user|address"},
          {"--operation", options.operation,
           "an operation for all rows, or the column that names it",
           "NAME|COL"},
          {"--quantity", options.quantity, "the column of quantities", "COL"},
          {"--unit", options.unit,
           "the unit of a bare number in the quantity column",
           "ms|s|min|h|image"},
      };
  for (const auto& [name, value, help, type] : kOptions) {
    command.add_option(name, value, help)->type_name(type)->group("Columns");
  }
}

}  // namespace

void AddReplay(CLI::App& app, const std::string& exit_codes,
               ReplayOptions& options) {
  CLI::App& command = *app.add_subcommand(
      "replay", "would this traffic fit a plan: a trace through the limiter");
  command.footer(
      std::string(
          "A trace is CSV with a header row and a column of times, or an "
          "access log in common or\ncombined format. A time is "
          "2023-11-16T18:17:03.5Z, 2023-11-16 18:17:03.5 (UTC) or\n"
          "1700158623.5 (seconds since 1970). Columns that no option names "
          "are ignored.\nThe peak of a window is the most requests of one "
          "account in one of its periods,\nadmitted or not.\n\n") +
      exit_codes);
  command.add_option("TRACE", options.file, "the trace; - for standard input")
      ->required()
      ->type_name("");
  command
      .add_option("--plan", options.plan,
                  "replay under this plan, or under all (default: all)")
      ->type_name("NAME|all");
  command
      .add_option_function<std::string>(
          "--mode",
          [&options](const std::string& name) {
            options.mode =
                name == "wait" ? ReplayMode::kWait : ReplayMode::kDrop;
          },
          "a refused request is lost, or waits in order until it is admitted "
          "(default: drop)")
      ->type_name("drop|wait")
      ->check(CLI::IsMember({"drop", "wait"}).description(""));
  command
      .add_option_function<std::string>(
          "--format-in",
          [&options](const std::string& name) {
            options.trace.form =
                name == "clf" ? TraceForm::kAccessLog : TraceForm::kCsv;
          },
          "the format of the trace (default: csv)")
      ->type_name("csv|clf")
      ->check(CLI::IsMember({"csv", "clf"}).description(""));
  AddCatalog(command, options.catalog);
  AddFormat(command, options.format,
            {{"table", ReportFormat::kTable}, {"json", ReportFormat::kJson}});
  AddTraceColumns(command, options.trace);
}

}  // namespace konpro::cli
