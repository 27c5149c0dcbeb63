#include "konpro/base/internal/rfc3339.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"

namespace konpro::internal {

absl::StatusOr<absl::Time> ParseRfc3339(absl::string_view text) {
  constexpr absl::string_view kDate = "dddd-dd-dd";
  const bool begins_with_date =
      text.size() > kDate.size() &&
      std::equal(kDate.begin(), kDate.end(), text.begin(), [](char k, char c) {
        return k == 'd' ? absl::ascii_isdigit(c) : c == k;
      });
  const bool ends_with_zone =
      !text.empty() && (absl::ascii_isdigit(text.back()) ||
                        absl::ascii_toupper(text.back()) == 'Z');
  absl::Time time;
  std::string error;
  if (begins_with_date && ends_with_zone &&
      absl::ParseTime(absl::RFC3339_full, text, &time, &error) &&
      time >= kRfc3339Min && time < kRfc3339End) {
    return time;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      Quoted(text), " is no RFC 3339 time such as 2027-01-01T00:00:00Z"));
}

std::string FormatRfc3339(absl::Time time) {
  // absl::RFC3339_full writes the year 506 in three digits.
  return absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%E*SZ", time,
                          absl::UTCTimeZone());
}

}  // namespace konpro::internal
