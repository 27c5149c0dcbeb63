#include "konpro/cli/replay_command.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/plan.h"
#include "konpro/input/input_file.h"
#include "konpro/report/replay_report.h"
#include "konpro/report/report_message.h"
#include "proto/report.pb.h"

namespace konpro::cli {
namespace {

void PrintReport(const std::vector<v1::Replay>& reports,
                 const std::vector<const Plan*>& plans,
                 const ReplayOptions& options, std::ostream& out) {
  if (options.format != ReportFormat::kJson) {
    return PrintReplays(reports, plans, options.mode, out);
  }
  if (options.plan != "all") return PrintJson(reports[0], out);
  v1::Replays all;
  for (const v1::Replay& report : reports) *all.add_plans() = report;
  PrintJson(all, out);
}

ExitCode Verdict(const std::vector<v1::Replay>& reports, Streams streams) {
  ExitCode code = ExitCode::kOk;
  const bool allowed = std::any_of(
      reports.begin(), reports.end(),
      [](const v1::Replay& report) { return report.not_allowed() == 0; });
  if (!allowed) {
    code = ExitCode::kNotAllowed;
    PrintReason(
        streams,
        reports.size() > 1
            ? "no plan allows all of it"
            : absl::StrCat(
                  "plan ", reports[0].plan(), " does not allow ",
                  absl::StrJoin(reports[0].refused_operations(), ", ")));
  }
  std::vector<std::string> unpriced;
  for (const v1::Replay& report : reports) {
    for (const std::string& name : report.unpriced_operations()) {
      if (std::find(unpriced.begin(), unpriced.end(), name) == unpriced.end()) {
        unpriced.push_back(name);
      }
    }
  }
  if (!unpriced.empty()) {
    code = ExitCode::kNotAllowed;
    PrintReason(streams,
                absl::StrCat("no price for ", absl::StrJoin(unpriced, ", ")));
  }
  return code;
}

// Of the catalog's plans those that `name` means; empty after the reason went
// to streams.err.
std::vector<const Plan*> PlansToReplay(const std::string& name,
                                       const Catalog& catalog,
                                       Streams streams) {
  std::vector<const Plan*> plans;
  for (const Plan& plan : catalog.plans()) {
    if (name == "all" || name == plan.name()) plans.push_back(&plan);
  }
  if (plans.empty()) {
    PrintReason(streams,
                absl::StrCat("--plan: ", catalog.UnknownPlan(name).message()));
  }
  return plans;
}

}  // namespace

ExitCode RunReplay(const ReplayOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = LoadCatalog(options.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  const std::vector<const Plan*> plans =
      PlansToReplay(options.plan, *catalog, streams);
  if (plans.empty()) return ExitCode::kBadInput;
  const absl::Status checked = CheckTraceOptions(options.trace, *catalog);
  if (!checked.ok()) {
    PrintReason(streams, checked.message());
    return ExitCode::kBadInput;
  }

  std::optional<TraceReplay> replay;
  InputErrors errors(options.file, streams.err);
  const int64_t out_of_order = ReadTrace(
      {options.file, streams.in, streams.progress}, options.trace, *catalog,
      errors, [&] { replay.emplace(plans, *catalog, options.mode); },
      [&](const TraceRequest& request) { return replay->Add(request); });
  errors.Finish();
  if (!errors.none()) return ExitCode::kBadInput;

  const std::vector<v1::Replay> reports =
      ToReplayReports(*replay, *catalog,
                      {.priced = !options.trace.quantity.empty(),
                       .rows_out_of_order = out_of_order});
  PrintReport(reports, plans, options, streams.out);
  return Verdict(reports, streams);
}

}  // namespace konpro::cli
