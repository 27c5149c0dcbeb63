// Times as people and files write them.
#ifndef KONPRO_INTERNAL_RFC3339_H_
#define KONPRO_INTERNAL_RFC3339_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace konpro::internal {

// The time of an RFC 3339 text, such as "2027-01-01T00:00:00+01:00", whole or
// with a fraction of a second; kInvalidArgument for anything else. Stricter
// than absl::ParseTime(), which takes "infinite-future", blanks around, and
// years of any number of digits.
absl::StatusOr<absl::Time> ParseRfc3339(absl::string_view text);

}  // namespace konpro::internal

#endif  // KONPRO_INTERNAL_RFC3339_H_
