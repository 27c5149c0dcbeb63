// What changed between two estimates, and how far an estimate was from the
// bill, as messages (proto/report.proto) and for people. A limit on either is
// an amount or a Percent.
//
//   const v1::EstimateDiff diff =
//       ToEstimateDiff(old_report, new_report, {.percent = ten_percent});
//   PrintDiffText(diff, out);
//   const v1::AccuracyReport accuracy =
//       ToAccuracyReport(estimate, actual, /*max_error=*/std::nullopt).value();
//   PrintAccuracyText(accuracy, out);
//   Percent::Parse("12.5%")->Of(*Credits::Parse("8"))->ToString()      // "1"
//
// Errors are estimated less actual. The weighted error is the sum of the lines'
// absolute errors over the actual total: errors that cancel out do not hide in
// it. The bias is the error of the total over the same: errors that cancel out
// are none. Limits are compared with ticks, not with the percentages shown.
//
// Thread safety: pure but for `out`; equal arguments give equal bytes.
#ifndef KONPRO_REPORT_COMPARISON_REPORT_H_
#define KONPRO_REPORT_COMPARISON_REPORT_H_

#include <optional>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"
#include "konpro/estimate/saved_report.h"
#include "proto/report.pb.h"

namespace konpro {

// A percentage of zero or more, as a limit.
class Percent {
 public:
  // "12.5%" or "12.5": at most six decimal places. kInvalidArgument,
  // kOutOfRange: as of Credits::Parse(); a negative is kInvalidArgument.
  static absl::StatusOr<Percent> Parse(absl::string_view text);

  // That much of `amount`, rounded down to ticks; nullopt if that leaves the
  // range of Credits. REQUIRES: `amount` is zero or more.
  std::optional<Credits> Of(Credits amount) const;

  // "12.5%".
  std::string ToString() const;

 private:
  explicit Percent(Credits percent) : percent_(percent) {}

  // A decimal of at most six places, as which Credits holds it.
  Credits percent_;
};

// By how much a total may rise; at most one of them is given.
struct IncreaseLimit {
  // Zero or more.
  std::optional<Credits> credits;
  // Of the old total.
  std::optional<Percent> percent;
};

// With over_max_increase if there is a limit; zero if it holds.
v1::EstimateDiff ToEstimateDiff(const SavedReport& old_report,
                                const SavedReport& new_report,
                                const IncreaseLimit& limit);

// A table, then the limit and the notes.
void PrintDiffText(const v1::EstimateDiff& diff, std::ostream& out);

// within_max_error says whether the weighted error is at most `max_error`.
// kOutOfRange: the sum of errors leaves the range of Credits.
absl::StatusOr<v1::AccuracyReport> ToAccuracyReport(
    const SavedReport& estimate, const SavedReport& actual,
    const std::optional<Percent>& max_error);

// A table of the worst lines, then the errors of the whole.
void PrintAccuracyText(const v1::AccuracyReport& report, std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_COMPARISON_REPORT_H_
