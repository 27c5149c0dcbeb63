// Times as people and files write them. Thread safety: all functions are pure.
#ifndef KONPRO_BASE_INTERNAL_RFC3339_H_
#define KONPRO_BASE_INTERNAL_RFC3339_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace konpro::internal {

// The years 0 to 9999 of UTC: what RFC 3339 can write.
inline constexpr absl::Time kRfc3339Min =
    absl::FromUnixSeconds(-62'167'219'200);
inline constexpr absl::Time kRfc3339End =
    absl::FromUnixSeconds(253'402'300'800);

// The time of an RFC 3339 text, such as "2027-01-01T00:00:00+01:00", whole or
// with a fraction of a second, in kRfc3339Min .. kRfc3339End (exclusive);
// kInvalidArgument for anything else. Stricter than absl::ParseTime(), which
// takes "infinite-future", blanks around, and years of any number of digits.
absl::StatusOr<absl::Time> ParseRfc3339(absl::string_view text);

// In UTC, such as "2027-01-01T00:00:00Z"; ParseRfc3339() reads it back.
// REQUIRES: kRfc3339Min <= time < kRfc3339End.
std::string FormatRfc3339(absl::Time time);

}  // namespace konpro::internal

#endif  // KONPRO_BASE_INTERNAL_RFC3339_H_
