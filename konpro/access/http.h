// The HTTP meaning of admission: the key in a request's headers, and the
// status, fields and body of an answer.
//
//   const std::vector<HttpHeader> headers = {{"X-Api-Key", text}};
//   const ApiKeyText key = ApiKeyFromHeaders(headers);
//   HttpAnswer answer = AnswerOf(admission->Admit({.key = key, ...}, at));
//   // 402
//   // Content-Type: application/problem+json
//   // RateLimit-Policy: "minute";q=60;w=60, "day";q=1000;w=86400
//   // RateLimit: "minute";r=42;t=12, "day";r=913;t=43120
//   // {"type":"tag:konpro.ai,2025:insufficient_credits", "title":
//   //  "Insufficient credits", "status":402, "detail": "...", "code":
//   //  "insufficient_credits", "retryable":false, "needs_new_id":true,
//   //  "need":{"credits":"90", "ticks":"540000000"}, "held":{...},
//   //  "available":{...}, "shortfall":{...}, "open_reservations_cover":false}
//
// A refusal's body is a problem (RFC 9457). "retryable" is about the same
// request with the same id; "needs_new_id" is there if its id is used up. An
// unauthenticated caller gets the same bytes whether the key is missing,
// malformed, unknown or dead. Internal errors are not disclosed.
//
// RateLimit and RateLimit-Policy are those of the IETF's draft "RateLimit
// header fields for HTTP" (structured fields, RFC 9651): q and r are requests,
// w and t seconds, t until the window is fresh again. Times are rounded up to
// whole seconds, here and nowhere else: a caller who waits that long is not
// early.
//
// Thread safety: all functions are pure. None of them logs.
//
// Limits: a key's field has at most 256 bytes.
#ifndef KONPRO_ACCESS_HTTP_H_
#define KONPRO_ACCESS_HTTP_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/access/admission_result.h"
#include "konpro/access/api_key.h"
#include "konpro/limits/limiter.h"

namespace konpro {

inline constexpr absl::string_view kApiKeyHeader = "x-api-key";
inline constexpr size_t kApiKeyHeaderBytesMax = 256;
// "true" in an answer that an earlier request with the same id had too.
inline constexpr absl::string_view kReplayedHeader = "Idempotent-Replayed";

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

// The value of the one field named kApiKeyHeader, in any case, without the
// blanks and tabs around it (RFC 9110, 5.5). Empty if there is no such field or
// nothing in it; ApiKeyText::Unreadable() if there are several, even alike, or
// one of more than kApiKeyHeaderBytesMax. It is not checked to be a key. It
// refers to the header's bytes.
ApiKeyText ApiKeyFromHeaders(absl::Span<const HttpHeader> headers);

// Whether X-RateLimit-Limit, -Remaining and -Reset are wanted too. They know
// one window: the decision's binding one. Reset is in seconds from now.
enum class LegacyRateLimit : bool { kOmit, kAdd };

// RateLimit-Policy and RateLimit, the decision's windows in their order; then
// Retry-After, if the decision is "retry later" and there is such a time; then
// the legacy ones. Those of an allowed decision say what remains after it.
std::vector<HttpField> RateLimitFields(
    const Decision& decision, LegacyRateLimit legacy = LegacyRateLimit::kOmit);

struct HttpAnswer {
  int status = 200;
  // Content-Type first, if there is a body.
  std::vector<HttpField> fields;
  std::string body;
};

// 200, 400, 401, 402, 403, 409, 422, 429, 500 or 503 (docs/design.md,
// "Admission").
int HttpStatus(AdmissionReason reason);

// RateLimitFields() if windows decided; kReplayedHeader. The body is a problem;
// for an admitted, metered request `{"id", "held", "replayed"}`; otherwise
// empty.
HttpAnswer AnswerOf(const AdmissionResult& admission,
                    LegacyRateLimit legacy = LegacyRateLimit::kOmit);
// `{"id", "charged", "released", "replayed", "balance"}`.
HttpAnswer AnswerOf(const Settlement& settlement);
// A problem that is not one of those below.
HttpAnswer ProblemOf(int status, absl::string_view code,
                     absl::string_view title, absl::string_view detail);
// A problem, for an error of Complete(), Cancel() or of the server: 400, 402,
// 404, 405 (kUnimplemented), 409, 413, 422, 500 or 503. What the ledger refused
// has the refusal's code. Only a problem below 500 has the error's message:
// that of a store may name a file. 503 has Retry-After. REQUIRES: the error is
// not OK.
HttpAnswer AnswerOf(const absl::Status& error);

}  // namespace konpro

#endif  // KONPRO_ACCESS_HTTP_H_
