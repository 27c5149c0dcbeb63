// Reports that were saved as JSON (report/report_message.h), read back: what
// they cost, line by line. Every sum is checked again.
//
//   ReadEstimate("launch.json", in)->total.ToString()      // "12.5"
//
// Thread safety: pure but for the file and `in`.
#ifndef KONPRO_INPUT_SAVED_REPORT_H_
#define KONPRO_INPUT_SAVED_REPORT_H_

#include <cstddef>
#include <istream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/estimate/saved_report.h"

namespace konpro {

inline constexpr size_t kSavedReportBytesMax = size_t{64} << 20;

// What `konpro estimate --format=json` printed, for one plan or for all, in the
// file at `path`, or in `in` for "-": the estimate of `plan`, or of any plan
// for
// "". kNotFound: it cannot be read. kInvalidArgument: it is no such report, or
// has an unknown field, a number below zero, an operation without a price or
// twice, or lines that do not add up to their total; it has no such plan, or no
// plan is named and they cost different amounts. Messages begin with the path.
absl::StatusOr<SavedReport> ReadEstimate(const std::string& path,
                                         std::istream& in,
                                         absl::string_view plan = "");

// What `konpro price --format=json` printed, all accounts together; else as
// ReadEstimate().
absl::StatusOr<SavedReport> ReadUsageReport(const std::string& path,
                                            std::istream& in);

}  // namespace konpro

#endif  // KONPRO_INPUT_SAVED_REPORT_H_
