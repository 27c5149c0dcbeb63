#include "konpro/cli/accuracy_command.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "konpro/estimate/saved_report.h"
#include "konpro/input/saved_report.h"
#include "proto/report.pb.h"

namespace konpro::cli {
ExitCode RunAccuracy(const AccuracyOptions& options, Streams streams) {
  const auto estimate = Loaded(
      ReadEstimate(options.estimate_file, streams.in, options.plan), streams);
  const auto actual =
      Loaded(ReadUsageReport(options.actual_file, streams.in), streams);
  if (!estimate.has_value() || !actual.has_value()) return ExitCode::kBadInput;
  const absl::StatusOr<v1::AccuracyReport> report =
      ToAccuracyReport(*estimate, *actual, options.max_error);
  if (!report.ok()) return FailWith(report.status(), streams);
  options.format == ReportFormat::kJson
      ? PrintJson(*report, streams.out)
      : PrintAccuracyText(*report, streams.out);
  if (report->within_max_error()) return ExitCode::kOk;
  PrintReason(streams, absl::StrCat("inaccurate: errors of ",
                                    report->absolute_error().credits(), " of ",
                                    report->total().actual().credits(),
                                    " credits, allowed ", report->max_error()));
  return ExitCode::kInaccurate;
}

}  // namespace konpro::cli
