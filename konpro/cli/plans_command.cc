#include "konpro/cli/plans_command.h"

#include "konpro/catalog/catalog_file.h"
#include "konpro/report/catalog_report.h"

namespace konpro::cli {

ExitCode RunPlans(const PlansOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = LoadCatalog(options.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  if (options.format == ReportFormat::kJson) {
    PrintJson(CatalogToProto(*catalog), streams.out);
    return ExitCode::kOk;
  }
  if (options.format == ReportFormat::kTextproto) {
    streams.out << PrintCatalog(*catalog);
    return ExitCode::kOk;
  }
  PrintCatalogTables(*catalog, streams.out);
  return ExitCode::kOk;
}

}  // namespace konpro::cli
