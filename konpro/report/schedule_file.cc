#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "konpro/base/internal/replaced_file.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/report/estimate_report.h"

namespace konpro {
namespace {

constexpr size_t kBlockBytes = size_t{256} << 10;

}  // namespace

absl::Status WriteScheduleFile(const std::string& path,
                               const Schedule& schedule,
                               absl::FunctionRef<void(int64_t)> advance) {
  if (schedule.requests() > static_cast<uint64_t>(kScheduleRowsMax)) {
    return absl::OutOfRangeError(
        absl::StrCat(path, ": a schedule has at most ", kScheduleRowsMax,
                     " requests, not ", schedule.requests()));
  }
  if (schedule.last().never()) {
    return absl::OutOfRangeError(absl::StrCat(
        path, ": some requests can never be submitted: no schedule"));
  }
  // Another process may write the same file: each has its own temporary name.
  internal::ReplacedFile file(path, absl::StrCat(path, ".", getpid()), 0666);
  std::string block = "request,submit_at,waits_for\n";
  int64_t number = 0;
  int64_t shown = 0;
  Submission last;
  std::string tail;
  for (const Submission& submission : schedule.Submissions()) {
    // Many go out together.
    if (number == 0 || !(submission == last)) {
      last = submission;
      tail = absl::StrCat(
          ",", internal::FormatRfc3339(submission.at.ToTime()), ",",
          submission.binding_window.has_value()
              ? schedule.windows().window(*submission.binding_window).name()
              : "",
          "\n");
    }
    absl::StrAppend(&block, ++number, tail);
    if (block.size() < kBlockBytes) continue;
    if (!file.Write(block)) return file.Commit();
    block.clear();
    advance(number - std::exchange(shown, number));
  }
  file.Write(block);
  return file.Commit();
}

}  // namespace konpro
