#include "konpro/http.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "konpro/rate_window.h"
#include "konpro/unix_nanos.h"

namespace konpro {
namespace {

absl::string_view WithoutBlanksAround(absl::string_view value) {
  constexpr absl::string_view kBlanks = " \t";
  const size_t first = value.find_first_not_of(kBlanks);
  if (first == absl::string_view::npos) return absl::string_view();
  return value.substr(first, value.find_last_not_of(kBlanks) - first + 1);
}

// REQUIRES: time >= 0.
int64_t SecondsCeil(absl::Duration time) {
  return absl::ToInt64Seconds(absl::Ceil(time, absl::Seconds(1)));
}

// A window's name needs no escape in a structured field's string.
std::string Policy(const LimiterWindows& windows) {
  std::string value;
  for (size_t i = 0; i < windows.size(); ++i) {
    const RateWindow& window = windows.window(i);
    absl::StrAppend(&value, i == 0 ? "" : ", ", "\"", window.name(),
                    "\";q=", window.limit(),
                    ";w=", SecondsCeil(window.period()));
  }
  return value;
}

std::string Limits(const Decision& decision) {
  std::string value;
  for (size_t i = 0; i < decision.windows().size(); ++i) {
    absl::StrAppend(&value, i == 0 ? "" : ", ", "\"",
                    decision.windows().window(i).name(),
                    "\";r=", decision.remaining(i),
                    ";t=", SecondsCeil(decision.reset_after(i)));
  }
  return value;
}

}  // namespace

ApiKeyText ApiKeyFromHeaders(absl::Span<const HttpHeader> headers) {
  const HttpHeader* only = nullptr;
  for (const HttpHeader& header : headers) {
    if (!absl::EqualsIgnoreCase(header.name, kApiKeyHeader)) continue;
    if (only != nullptr) return ApiKeyText::Unreadable();
    only = &header;
  }
  if (only == nullptr) return ApiKeyText();
  if (only->value.size() > kApiKeyHeaderBytesMax) {
    return ApiKeyText::Unreadable();
  }
  return ApiKeyText(WithoutBlanksAround(only->value));
}

std::vector<HttpField> RateLimitFields(const Decision& decision,
                                       LegacyRateLimit legacy) {
  std::vector<HttpField> fields = {
      {"RateLimit-Policy", Policy(decision.windows())},
      {"RateLimit", Limits(decision)},
  };
  if (decision.outcome() == Outcome::kRetryLater &&
      decision.retry_at() < UnixNanos::Max()) {
    fields.push_back(
        {"Retry-After", absl::StrCat(SecondsCeil(decision.retry_after()))});
  }
  if (legacy == LegacyRateLimit::kOmit) return fields;
  const size_t binding = decision.binding_window();
  fields.push_back({"X-RateLimit-Limit",
                    absl::StrCat(decision.windows().window(binding).limit())});
  fields.push_back(
      {"X-RateLimit-Remaining", absl::StrCat(decision.remaining(binding))});
  fields.push_back({"X-RateLimit-Reset",
                    absl::StrCat(SecondsCeil(decision.reset_after(binding)))});
  return fields;
}

}  // namespace konpro
