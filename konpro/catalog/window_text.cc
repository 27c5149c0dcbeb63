#include "konpro/catalog/window_text.h"

#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "konpro/base/internal/name.h"
#include "konpro/catalog/plan.h"

namespace konpro {
namespace {

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
    if (!absl::ParseDuration(period.substr(plus + 1), &spec.phase)) {
      return Malformed(text, "the phase is no time such as 6h");
    }
    period = period.substr(0, plus);
  }
  if (!absl::SimpleAtoi(limit, &spec.limit)) return Malformed(text, kForm);
  if (!absl::ParseDuration(period, &spec.period)) {
    return Malformed(text, "the period is no time such as 24h");
  }
  absl::StatusOr<RateWindow> window = RateWindow::Create(spec);
  if (!window.ok()) return Malformed(text, window.status().message());
  return window;
}

}  // namespace

absl::StatusOr<std::vector<RateWindow>> ParseWindows(absl::string_view text) {
  std::vector<RateWindow> windows;
  if (text.empty()) return windows;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    if (windows.size() == Plan::kWindowsMax) {
      return Malformed(part,
                       absl::StrCat("is one more than ", Plan::kWindowsMax));
    }
    absl::StatusOr<RateWindow> window = ParseWindow(part);
    if (!window.ok()) return window.status();
    if (!windows.empty() && windows[0].name() == window->name()) {
      return Malformed(part, "the name is taken");
    }
    windows.push_back(*window);
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
