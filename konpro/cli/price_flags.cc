#include "konpro/cli/price_flags.h"

#include <string>

#include "konpro/cli/flag_parsing.h"
#include "konpro/input/usage_input.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
void AddPrice(CLI::App& app, const std::string& exit_codes,
              PriceOptions& options) {
  CLI::App& command = *app.add_subcommand(
      "price", "what usage records cost, per account and operation");
  command.footer(exit_codes);
  command
      .add_option("FILE", options.file,
                  "konpro.v1.UsageRecord as JSON Lines or as length-delimited "
                  "binary; - for standard input")
      ->required()
      ->type_name("");
  command
      .add_option_function<std::string>(
          "--input",
          [&options](const std::string& name) {
            options.form = name == "jsonl"       ? UsageRecordForm::kJsonLines
                           : name == "delimited" ? UsageRecordForm::kDelimited
                                                 : UsageRecordForm::kAuto;
          },
          "the format of the records (default: auto)")
      ->type_name("auto|jsonl|delimited")
      ->check(CLI::IsMember({"auto", "jsonl", "delimited"}).description(""));
  AddCatalog(command, options.catalog);
  command
      .add_option("--plan", options.plan,
                  "the plan that must allow every operation with records")
      ->type_name("NAME");
  AddCredits(command, "--available", options.available,
             "the balance that must cover the total");
  AddCredits(command, "--budget", options.budget,
             "the most that the total may be");
  AddFormat(command, options.format,
            {{"table", ReportFormat::kTable},
             {"json", ReportFormat::kJson},
             {"markdown", ReportFormat::kMarkdown},
             {"csv", ReportFormat::kCsv}});
}

}  // namespace konpro::cli
