#include "konpro/limits/rate_window.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"

namespace konpro {
namespace {

bool IsWholeMilliseconds(absl::Duration d) {
  return absl::Milliseconds(absl::ToInt64Milliseconds(d)) == d;
}

}  // namespace

absl::StatusOr<RateWindow> RateWindow::Create(const Spec& spec) {
  if (!internal::IsName(spec.name, kNameBytesMax)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "name: ", internal::Quoted(spec.name), " is no window name: write ",
        internal::kNameRule, ", at most ", kNameBytesMax));
  }
  if (spec.kind != WindowKind::kFixed &&
      spec.kind != WindowKind::kTokenBucket) {
    return absl::InvalidArgumentError("kind: neither FIXED nor TOKEN_BUCKET");
  }
  if (spec.limit < kLimitMin || spec.limit > kLimitMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("limit: ", spec.limit, " requests are outside ", kLimitMin,
                     " .. ", kLimitMax));
  }
  if (spec.period < absl::Milliseconds(kPeriodMinMs) ||
      spec.period > absl::Milliseconds(kPeriodMaxMs) ||
      !IsWholeMilliseconds(spec.period)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "period: ", absl::FormatDuration(spec.period),
        " is not a whole number of milliseconds from 1s to 366 days"));
  }
  if (spec.phase < absl::ZeroDuration() || spec.phase >= spec.period ||
      !IsWholeMilliseconds(spec.phase)) {
    return absl::InvalidArgumentError(
        absl::StrCat("phase: ", absl::FormatDuration(spec.phase),
                     " is not a whole number of milliseconds from 0 to below "
                     "the period of ",
                     absl::FormatDuration(spec.period)));
  }
  if (spec.kind == WindowKind::kTokenBucket &&
      spec.phase != absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "phase: a token bucket has no boundary that could be moved");
  }
  RateWindow window;
  std::copy(spec.name.begin(), spec.name.end(), window.name_);
  window.kind_ = spec.kind;
  window.limit_ = spec.limit;
  window.period_ms_ = absl::ToInt64Milliseconds(spec.period);
  window.phase_ms_ = absl::ToInt64Milliseconds(spec.phase);
  return window;
}

}  // namespace konpro
