#include "konpro/cli/accuracy_flags.h"

#include <string>

#include "konpro/cli/flag_parsing.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
void AddAccuracy(CLI::App& app, const std::string& exit_codes,
                 AccuracyOptions& options) {
  CLI::App& command = *app.add_subcommand(
      "accuracy", "how far an estimate was from what was used");
  command.footer(exit_codes);
  command
      .add_option("ESTIMATE", options.estimate_file,
                  "saved with `konpro estimate FILE --format=json`")
      ->required()
      ->type_name("");
  command
      .add_option("ACTUAL", options.actual_file,
                  "saved with `konpro price FILE --format=json`; one of both "
                  "may be - for standard input")
      ->required()
      ->type_name("");
  command
      .add_option_function<std::string>(
          "--max-error",
          [&options](const std::string& text) {
            options.max_error = ParsePercent("--max-error", text);
          },
          "the most that the weighted error may be")
      ->type_name("PERCENT");
  command
      .add_option("--plan", options.plan,
                  "the plan to compare, of estimates for --plan=all in which "
                  "plans cost different amounts")
      ->type_name("NAME");
  AddFormat(command, options.format,
            {{"table", ReportFormat::kTable}, {"json", ReportFormat::kJson}});
}

}  // namespace konpro::cli
