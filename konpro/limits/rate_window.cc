#include "konpro/limits/rate_window.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/internal/quantity_text.h"

namespace konpro {
namespace {

bool IsWholeMilliseconds(absl::Duration d) {
  return absl::Milliseconds(absl::ToInt64Milliseconds(d)) == d;
}

constexpr absl::string_view kTokenBucket = ":token_bucket";

absl::Status Malformed(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("windows: ", internal::Quoted(text), ": ", why));
}

absl::StatusOr<RateWindow> ParseWindow(absl::string_view text) {
  constexpr absl::string_view kForm = "is not NAME:LIMIT/PERIOD";
  RateWindow::Spec spec;
  absl::string_view rest = text;
  if (absl::ConsumeSuffix(&rest, kTokenBucket)) {
    spec.kind = WindowKind::kTokenBucket;
  }
  const size_t colon = rest.find(':');
  const size_t slash = rest.find('/');
  if (colon == absl::string_view::npos || slash == absl::string_view::npos ||
      slash < colon) {
    return Malformed(text, kForm);
  }
  spec.name = rest.substr(0, colon);
  const absl::string_view limit = rest.substr(colon + 1, slash - colon - 1);
  absl::string_view period = rest.substr(slash + 1);
  const size_t plus = period.find('+');
  if (plus != absl::string_view::npos) {
    const absl::StatusOr<int64_t> phase_ms =
        internal::ParseMilliseconds(period.substr(plus + 1));
    if (!phase_ms.ok()) {
      return Malformed(text,
                       absl::StrCat("phase: ", phase_ms.status().message()));
    }
    spec.phase = absl::Milliseconds(*phase_ms);
    period = period.substr(0, plus);
  }
  if (!absl::SimpleAtoi(limit, &spec.limit)) return Malformed(text, kForm);
  const absl::StatusOr<int64_t> period_ms = internal::ParseMilliseconds(period);
  if (!period_ms.ok()) {
    return Malformed(text,
                     absl::StrCat("period: ", period_ms.status().message()));
  }
  spec.period = absl::Milliseconds(*period_ms);
  absl::StatusOr<RateWindow> window = RateWindow::Create(spec);
  if (!window.ok()) return Malformed(text, window.status().message());
  return window;
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

absl::Status CheckWindows(absl::Span<const RateWindow> windows) {
  constexpr size_t kMax = RateWindow::kWindowsMax;
  if (windows.size() > kMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("windows[", kMax, "]: more than ", kMax, " windows"));
  }
  if (windows.size() == kMax && windows[0].name() == windows[1].name()) {
    return absl::InvalidArgumentError(
        absl::StrCat("windows[1].name: \"", windows[1].name(),
                     "\" is the first window's name already"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RateWindow>> ParseWindows(absl::string_view text) {
  std::vector<RateWindow> windows;
  if (text.empty()) return windows;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    absl::StatusOr<RateWindow> window = ParseWindow(part);
    if (!window.ok()) return window.status();
    windows.push_back(*window);
    const absl::Status status = CheckWindows(windows);
    if (!status.ok()) return status;
  }
  return windows;
}

std::string FormatWindows(absl::Span<const RateWindow> windows) {
  std::string text;
  for (const RateWindow& window : windows) {
    absl::StrAppend(&text, text.empty() ? "" : ",", window.name(), ":",
                    window.limit(), "/", absl::FormatDuration(window.period()));
    if (window.phase_ms() != 0) {
      absl::StrAppend(&text, "+", absl::FormatDuration(window.phase()));
    }
    if (window.kind() == WindowKind::kTokenBucket) {
      absl::StrAppend(&text, kTokenBucket);
    }
  }
  return text;
}

}  // namespace konpro
