// What HTTP says and hears of all this: the key in a request's headers, and the
// rate limits in an answer's.
//
//   const ApiKeyText key = ApiKeyFromHeaders({{"X-Api-Key", " kp_..."}});
//   for (const HttpField& field : RateLimitFields(decision)) {
//     answer.AddHeader(field.name, field.value);
//   }
//   // RateLimit-Policy: "minute";q=60;w=60, "day";q=1000;w=86400
//   // RateLimit: "minute";r=42;t=12, "day";r=913;t=43120
//
// RateLimit and RateLimit-Policy are those of the IETF's draft "RateLimit
// header fields for HTTP" (structured fields, RFC 9651): q and r are requests,
// w and t seconds, t until the window is fresh again. Times are rounded up to
// whole seconds, here and nowhere else: whoever waits that long does not come
// early.
//
// Thread safety: all functions are pure. None of them logs.
//
// Limits: a key's field has at most 256 bytes.
#ifndef KONPRO_HTTP_H_
#define KONPRO_HTTP_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/api_key.h"
#include "konpro/limiter.h"

namespace konpro {

inline constexpr absl::string_view kApiKeyHeader = "x-api-key";
inline constexpr size_t kApiKeyHeaderBytesMax = 256;

// A field of a request, as its server has it.
struct HttpHeader {
  absl::string_view name;
  absl::string_view value;
};

// A field of an answer.
struct HttpField {
  absl::string_view name;  // of static duration
  std::string value;
};

// The value of the one field that is called kApiKeyHeader in any case, without
// the blanks and tabs around it (RFC 9110, 5.5). Empty where there is no such
// field, or nothing in it; ApiKeyText::Unreadable() where there are several,
// even alike, or one of more than kApiKeyHeaderBytesMax. Whether it is a key is
// not looked at. It refers to the header's bytes.
ApiKeyText ApiKeyFromHeaders(absl::Span<const HttpHeader> headers);

// Whether X-RateLimit-Limit, -Remaining and -Reset are wanted too. They know
// one window: the decision's binding one. Reset is in seconds from now.
enum class LegacyRateLimit : bool { kOmit, kAdd };

// RateLimit-Policy and RateLimit, the decision's windows in their order; then
// Retry-After, where the decision is "retry later" and there is such a time;
// then the legacy ones. An allowed decision's say what remains behind it.
std::vector<HttpField> RateLimitFields(
    const Decision& decision, LegacyRateLimit legacy = LegacyRateLimit::kOmit);

}  // namespace konpro

#endif  // KONPRO_HTTP_H_
