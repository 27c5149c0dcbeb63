#include "konpro/serve/api.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "konpro/serve/internal/api_call.h"
#include "konpro/serve/internal/api_route.h"
#include "konpro/serve/internal/read_limit.h"

namespace konpro {
namespace {

using internal::ApiCall;
using internal::Route;

// RFC 9110, 9.3.7: what a path is asked with. HEAD is GET without its body.
std::string Methods(absl::Span<const Route* const> routes) {
  std::string methods;
  for (const Route* const route : routes) {
    absl::StrAppend(&methods, route->method,
                    route->method == "GET" ? ", HEAD, " : ", ");
  }
  return absl::StrCat(methods, "OPTIONS");
}

// RFC 9110, 15.5.6.
HttpAnswer OnlyMethods(const std::string& methods) {
  HttpAnswer answer = AnswerOf(absl::UnimplementedError(
      absl::StrCat("the methods of this path are ", methods)));
  answer.fields.push_back({"Allow", methods});
  return answer;
}

bool IsJson(absl::string_view type) {
  return absl::EqualsIgnoreCase(
      absl::StripAsciiWhitespace(type.substr(0, type.find(';'))),
      "application/json");
}

// A page of another site can send a form or plain text in its visitor's name,
// and nothing else without asking first.
std::optional<HttpAnswer> RefuseContentType(const HttpRequest& request) {
  if (request.body.empty() ||
      IsJson(internal::FieldOf(request, "content-type"))) {
    return std::nullopt;
  }
  return ProblemOf(415, "unsupported_media_type", "Unsupported media type",
                   "Content-Type: should be application/json");
}

// The refusal of one read too many.
std::optional<HttpAnswer> RefuseRead(const ApiCall& call,
                                     internal::ReadLimit& reads) {
  if (call.who.scope() != ApiKeyScope::kCustomer) return std::nullopt;
  const Decision decision = reads.Acquire(call.who.key_id(), call.now);
  if (decision.allowed()) return std::nullopt;
  AdmissionResult refused(call.who);
  refused.reason = AdmissionReason::kRateLimited;
  refused.limits = decision;
  refused.retryable = true;
  refused.retry_after = decision.retry_after();
  return AnswerOf(refused);
}

// Why this route does not answer `call`, whose `who` it sets.
std::optional<HttpAnswer> Refuse(const Route& route, const ApiParts& api,
                                 internal::ReadLimit& reads, ApiCall& call) {
  if (!route.keys.anyone && !route.keys.admission) {
    call.who = api.keys.Authenticate(ApiKeyFromHeaders(call.request.headers),
                                     call.now);
    if (!call.who.ok()) {
      return internal::Refusal(call.who, AdmissionReason::kUnauthenticated);
    }
    if (!route.keys.Has(call.who.scope())) {
      return internal::Refusal(
          call.who, AdmissionReason::kWrongScope,
          absl::StrCat("a key of scope ", ApiKeyScopeName(call.who.scope()),
                       " is not for this"));
    }
  }
  if (route.kind.is_read) {
    if (auto refusal = RefuseRead(call, reads)) return refusal;
  }
  if (!route.kind.is_proxied) {
    if (auto refusal = RefuseContentType(call.request)) return refusal;
  }
  return route.kind.is_metered ? internal::RefuseMetered(api, call.now)
                               : std::nullopt;
}

HttpAnswer AnswerBy(const Route& route, const internal::PatternMatch& match,
                    const ApiParts& api, internal::ReadLimit& reads,
                    const HttpRequest& request, UnixNanos now) {
  ApiCall call{.request = request,
               .now = now,
               .who = Authentication(ApiKeyVerdict::kMissing, nullptr, {}, 0),
               .names = {},
               .rest = match.rest};
  if (auto refusal = Refuse(route, api, reads, call)) return *refusal;
  for (const absl::string_view name : match.names) {
    absl::StatusOr<std::string> decoded = internal::DecodedPart(name);
    if (!decoded.ok()) return AnswerOf(decoded.status());
    call.names.push_back(*std::move(decoded));
  }
  return route.answer(api, call);
}

HttpAnswer AnswerByTable(const ApiParts& api, internal::ReadLimit& reads,
                         const HttpRequest& request, UnixNanos now) {
  if (request.path.find('\0') != absl::string_view::npos) {
    return internal::Malformed("the path: has a NUL");
  }
  if (request.path == "*" && request.method == "OPTIONS") {
    return {.status = 204, .fields = {{"Allow", "GET, HEAD, POST, OPTIONS"}}};
  }
  std::vector<const Route*> matching;
  internal::PatternMatch match;
  for (const Route& route : internal::ApiRoutes()) {
    if (!internal::MatchesPattern(request.path, route.pattern, match)) continue;
    const bool is_head = request.method == "HEAD" && route.method == "GET";
    if (route.method == "*" || request.method == route.method || is_head) {
      return AnswerBy(route, match, api, reads, request, now);
    }
    matching.push_back(&route);
  }
  if (matching.empty()) {
    return AnswerOf(absl::NotFoundError("no resource has this path"));
  }
  const std::string methods = Methods(matching);
  if (request.method != "OPTIONS") return OnlyMethods(methods);
  return {.status = 204, .fields = {{"Allow", methods}}};
}

}  // namespace

HttpAnswer Api::Answer(const HttpRequest& request, UnixNanos now) {
  HttpAnswer answer = AnswerByTable(parts_, reads_, request, now);
  // Answers about accounts must not be cached (RFC 9111, 5.2.2.5).
  answer.fields.push_back({"Cache-Control", "no-store"});
  parts_.metrics.CountAnswer(answer.status);
  return answer;
}

}  // namespace konpro
