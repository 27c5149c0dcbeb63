#include "konpro/cli/diff_flags.h"

#include <string>

#include "konpro/cli/flag_parsing.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
void AddDiff(CLI::App& app, const std::string& exit_codes,
             DiffOptions& options) {
  CLI::App& command =
      *app.add_subcommand("diff", "what changed between two saved estimates");
  command.footer(std::string("Estimates are saved with `konpro estimate FILE "
                             "--format=json`.\n\n") +
                 exit_codes);
  command.add_option("OLD", options.old_file, "the estimate before")
      ->required()
      ->type_name("");
  command
      .add_option("NEW", options.new_file,
                  "the estimate now; one of both may be - for standard input")
      ->required()
      ->type_name("");
  command
      .add_option_function<std::string>(
          "--max-increase",
          [&options](const std::string& text) {
            if (text.ends_with('%')) {
              options.limit.percent = ParsePercent("--max-increase", text);
            } else {
              options.limit.credits = ParseCredits("--max-increase", text);
            }
          },
          "by how much the total may rise: credits, or % of the old total")
      ->type_name("CREDITS|PERCENT%");
  command
      .add_option("--plan", options.plan,
                  "the plan to compare, of estimates for --plan=all in which "
                  "plans cost different amounts")
      ->type_name("NAME");
  AddFormat(command, options.format,
            {{"table", ReportFormat::kTable}, {"json", ReportFormat::kJson}});
}

}  // namespace konpro::cli
