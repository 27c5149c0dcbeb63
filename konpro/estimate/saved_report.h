// An estimate or a bill that was saved, line by line: what
// report/comparison_report.h compares. It is read from JSON by
// input/saved_report.h.
//
//   const SavedReport report = {
//       .lines = {{.operation = "photo_avatar", .jobs = 3, .cost = twelve}}};
//   report.Find("photo_avatar")->jobs              // 3
//   report.Find("avatar_video")                    // nullptr
//
// Thread safety: immutable.
#ifndef KONPRO_ESTIMATE_SAVED_REPORT_H_
#define KONPRO_ESTIMATE_SAVED_REPORT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"

namespace konpro {

struct SavedLine {
  std::string operation;
  int64_t jobs = 0;
  int64_t quantity = 0;
  std::string unit;
  Credits cost;
};

// No amount in it is negative.
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
  const SavedLine* Find(absl::string_view operation) const {
    for (const SavedLine& line : lines) {
      if (line.operation == operation) return &line;
    }
    return nullptr;
  }
};

}  // namespace konpro

#endif  // KONPRO_ESTIMATE_SAVED_REPORT_H_
