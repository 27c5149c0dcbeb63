#include "konpro/cli/plans_flags.h"

#include "konpro/cli/flag_parsing.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
void AddPlans(CLI::App& app, const std::string& exit_codes,
              PlansOptions& options) {
  CLI::App& command =
      *app.add_subcommand("plans", "plans, request limits and prices");
  command.footer(exit_codes);
  AddCatalog(command, options.catalog);
  AddFormat(command, options.format,
            {{"table", ReportFormat::kTable},
             {"json", ReportFormat::kJson},
             {"textproto", ReportFormat::kTextproto}});
}

}  // namespace konpro::cli
