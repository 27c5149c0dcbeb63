#include "konpro/report/time_text.h"

#include "konpro/base/internal/rfc3339.h"

namespace konpro {

std::string TimeText(absl::Time time) {
  if (time >= internal::kRfc3339End) return "never";
  if (time < internal::kRfc3339Min) return "always";
  return internal::FormatRfc3339(time);
}

std::string TimeText(UnixNanos time) {
  if (time == UnixNanos::Max()) return TimeText(absl::InfiniteFuture());
  if (time == UnixNanos()) return TimeText(absl::InfinitePast());
  return TimeText(time.ToTime());
}

}  // namespace konpro
