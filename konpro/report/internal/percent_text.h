// Percentages and changes of amounts, exact.
//
//   const Credits eight = *Credits::Parse("8");
//   PercentText(PercentHundredths(eight, *Credits::Parse("12")))  // "66.67%"
//
// Thread safety: all functions are pure.
#ifndef KONPRO_REPORT_INTERNAL_PERCENT_TEXT_H_
#define KONPRO_REPORT_INTERNAL_PERCENT_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "konpro/base/credits.h"
#include "proto/report.pb.h"

namespace konpro {

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

#endif  // KONPRO_REPORT_INTERNAL_PERCENT_TEXT_H_
