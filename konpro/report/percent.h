// Percentages and changes of amounts, exact.
//
//   const Credits eight = *Credits::Parse("8");
//   Percent::Parse("12.5%")->Of(eight)->ToString()             // "1"
//   PercentText(PercentHundredths(eight, *Credits::Parse("12")))  // "66.67%"
//
// Thread safety: all functions are pure.
#ifndef KONPRO_REPORT_PERCENT_H_
#define KONPRO_REPORT_PERCENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"
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

// `part` of `whole` in hundredths of a percent, rounded half to even; nullopt
// if `whole` is zero or the result leaves its range.
// REQUIRES: `whole` is zero or more.
std::optional<int64_t> PercentHundredths(Credits part, Credits whole);

// "1.50%", "-0.07%"; "-" for nullopt.
std::string PercentText(std::optional<int64_t> hundredths);

// As they are shown, with "+" before what is above zero.
std::string SignedPercentText(std::optional<int64_t> hundredths);
std::string SignedText(const v1::Amount& amount);

// Gives `parts` texts that add up to what `total` shows.
// REQUIRES: `total` is their exact sum.
void ShareOut(const std::vector<v1::Amount*>& parts, Credits total);

}  // namespace konpro

#endif  // KONPRO_REPORT_PERCENT_H_
