#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "konpro/report/comparison_report.h"

namespace konpro {

absl::StatusOr<Percent> Percent::Parse(absl::string_view text) {
  const absl::StatusOr<Credits> percent =
      Credits::Parse(absl::StripSuffix(text, "%"));
  if (!percent.ok()) return percent.status();
  if (*percent < Credits()) {
    return absl::InvalidArgumentError(
        absl::StrCat("is zero or more, not ", text));
  }
  return Percent(*percent);
}

std::optional<Credits> Percent::Of(Credits amount) const {
  const __int128 ticks = static_cast<__int128>(amount.ticks()) *
                         percent_.ticks() /
                         (int64_t{100} * Credits::kTicksPerCredit);
  if (ticks > Credits::Max().ticks()) return std::nullopt;
  return Credits::FromTicks(static_cast<int64_t>(ticks));
}

std::string Percent::ToString() const {
  return absl::StrCat(percent_.ToString(), "%");
}

}  // namespace konpro
