#include "konpro/cli/price_command.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "konpro/catalog/plan.h"
#include "konpro/input/input_file.h"
#include "konpro/report/report_message.h"
#include "konpro/report/usage_report.h"
#include "proto/report.pb.h"
#include "proto/usage.pb.h"

namespace konpro::cli {
namespace {

ExitCode Verdict(const v1::UsageReport& report, const UsageTotals& usage,
                 const PriceOptions& options, Streams streams) {
  ExitCode code = CheckAvailable(usage.total(), options.available, streams);
  const ExitCode budget = CheckBudget(usage.total(), options.budget, streams);
  if (budget != ExitCode::kOk) code = budget;
  if (report.refused_operations_size() > 0) {
    code = ExitCode::kNotAllowed;
    PrintReason(streams,
                absl::StrCat("plan ", report.plan(), " does not allow ",
                             absl::StrJoin(report.refused_operations(), ", ")));
  }
  if (usage.unpriced_records() > 0) {
    code = ExitCode::kNotAllowed;
    PrintReason(streams, absl::StrCat("no price for ", usage.unpriced_records(),
                                      " records"));
  }
  return code;
}

}  // namespace

ExitCode RunPrice(const PriceOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = LoadCatalog(options.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  const Plan* const plan = catalog->FindPlan(options.plan);
  if (plan == nullptr && !options.plan.empty()) {
    PrintReason(
        streams,
        absl::StrCat("--plan: ", catalog->UnknownPlan(options.plan).message()));
    return ExitCode::kBadInput;
  }
  UsageTotals usage(*catalog);
  InputErrors errors(options.file, streams.err);
  InputFile input(options.file, streams.in, streams.progress);
  ReadUsageRecords(
      input, options.form, errors,
      [&](const v1::UsageRecord& record) { return usage.Add(record); });
  errors.Finish();
  if (!errors.none()) return ExitCode::kBadInput;

  const v1::UsageReport report = ToUsageReport(
      usage,
      {.plan = plan, .available = options.available, .budget = options.budget});
  options.format == ReportFormat::kJson
      ? PrintJson(report, streams.out)
      : PrintUsageReport(report, options.format, streams.out);
  return Verdict(report, usage, options, streams);
}

}  // namespace konpro::cli
