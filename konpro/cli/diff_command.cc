#include "konpro/cli/diff_command.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "konpro/estimate/saved_report.h"
#include "konpro/input/saved_report.h"
#include "proto/report.pb.h"

namespace konpro::cli {
ExitCode RunDiff(const DiffOptions& options, Streams streams) {
  const auto old_report =
      Loaded(ReadEstimate(options.old_file, streams.in, options.plan), streams);
  const auto new_report =
      Loaded(ReadEstimate(options.new_file, streams.in, options.plan), streams);
  if (!old_report.has_value() || !new_report.has_value()) {
    return ExitCode::kBadInput;
  }
  const v1::EstimateDiff diff =
      ToEstimateDiff(*old_report, *new_report, options.limit);
  options.format == ReportFormat::kJson ? PrintJson(diff, streams.out)
                                        : PrintDiffText(diff, streams.out);
  if (diff.over_max_increase().ticks() == 0) return ExitCode::kOk;
  PrintReason(streams, absl::StrCat("over budget: the total rises by ",
                                    diff.total().change().credits(),
                                    ", allowed ", diff.max_increase()));
  return ExitCode::kOverBudget;
}

}  // namespace konpro::cli
