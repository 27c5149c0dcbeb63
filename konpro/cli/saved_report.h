// Reports that were saved with --format=json, read back: what they cost, line
// by line, and nothing of which is taken on trust.
#ifndef KONPRO_CLI_SAVED_REPORT_H_
#define KONPRO_CLI_SAVED_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"
#include "konpro/cli/command.h"

namespace konpro::cli {

inline constexpr size_t kSavedReportBytesMax = size_t{64} << 20;

struct SavedLine {
  std::string operation;
  int64_t jobs = 0;
  int64_t quantity = 0;
  std::string unit;
  Credits cost;
};

struct SavedReport {
  std::string catalog_version;
  // No operation twice.
  std::vector<SavedLine> lines;
  // Of the lines' jobs and costs.
  int64_t jobs = 0;
  Credits total;
  // Of an estimate: what each plan that was asked for refuses.
  std::map<std::string, std::vector<std::string>> refused_by_plan;

  // The line of that operation, or nullptr.
  const SavedLine* Find(absl::string_view operation) const;
};

// What `konpro estimate --format=json` printed, for one plan or for all.
// nullopt after the reason went to streams.err: no such report, an unknown
// field, a negative number, an operation without a price or twice, or lines
// that do not add up to their total.
std::optional<SavedReport> ReadEstimate(const std::string& path,
                                        Streams streams);

// What `konpro price --format=json` printed, all accounts together; else as
// ReadEstimate().
std::optional<SavedReport> ReadUsageReport(const std::string& path,
                                           Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_SAVED_REPORT_H_
