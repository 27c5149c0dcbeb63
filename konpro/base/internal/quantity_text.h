// Quantities as people and programs write them: times and counts. What can
// mean one thing only is read; what can mean two is refused, with what would be
// right.
//
//   ParseMilliseconds("1m30s")      // 90,000; so are "90 sec", "1 min 30 s",
//                                   // "1:30" and "PT1M30S"
//   ParseMilliseconds("90")         // kInvalidArgument: of which unit?
//   ParseCount(" 12 ")              // 12
//   ParseCount("1.000")             // kInvalidArgument: 1 or 1000?
//   ParseDecimal("1.5", 60'000)     // 90,000: minutes in milliseconds
//
// Thread safety: all functions are pure.
#ifndef KONPRO_BASE_INTERNAL_QUANTITY_TEXT_H_
#define KONPRO_BASE_INTERNAL_QUANTITY_TEXT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace konpro::internal {

// Errors of all three: kInvalidArgument for another form, a negative and what
// is finer than one base unit; kOutOfRange above 2^63-1 base units. The forms
// are those of ParseQuantity() in catalog/operation.h.

absl::StatusOr<int64_t> ParseMilliseconds(absl::string_view text);

absl::StatusOr<int64_t> ParseCount(absl::string_view text);

// The base units of a number without a unit that counts `base_units` each.
// REQUIRES: base_units > 0.
absl::StatusOr<int64_t> ParseDecimal(absl::string_view text,
                                     int64_t base_units);

}  // namespace konpro::internal

#endif  // KONPRO_BASE_INTERNAL_QUANTITY_TEXT_H_
