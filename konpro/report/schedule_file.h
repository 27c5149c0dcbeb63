// A schedule as a CSV file: when each request can be submitted
// (docs/formats.md).
//
//   WriteScheduleFile("schedule.csv", schedule, [](int64_t) {});
//
//   request,submit_at,waits_for
//   1,2027-03-01T23:58:00Z,
//   61,2027-03-01T23:59:00Z,minute
//
// Thread safety: pure but for the file.
#ifndef KONPRO_REPORT_SCHEDULE_FILE_H_
#define KONPRO_REPORT_SCHEDULE_FILE_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "konpro/limits/schedule.h"

namespace konpro {

// About 4 GB.
inline constexpr int64_t kScheduleRowsMax = 100'000'000;

// Writes `path` whole or not at all: under another name beside it, which then
// replaces what is there. Memory does not grow with requests; `advance` is
// called with how many more requests were written, now and then. kOutOfRange:
// more than kScheduleRowsMax requests, or some that are never submitted.
// kUnavailable: the file could not be written.
absl::Status WriteScheduleFile(const std::string& path,
                               const Schedule& schedule,
                               absl::FunctionRef<void(int64_t)> advance);

}  // namespace konpro

#endif  // KONPRO_REPORT_SCHEDULE_FILE_H_
