// Admission for a proxy that asks before it passes a request on.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "konpro/base/internal/json.h"
#include "konpro/base/internal/name.h"
#include "konpro/serve/internal/api_route.h"
#include "konpro/serve/proxy_routes.h"

namespace konpro::internal {
namespace {

constexpr absl::string_view kOperationHeader = "x-konpro-operation";
constexpr absl::string_view kQuantityHeader = "x-konpro-quantity";
constexpr absl::string_view kOriginalUriHeader = "x-original-uri";
constexpr absl::string_view kOpenJobHeader = "x-konpro-open-job";
constexpr absl::string_view kOpenJobReplay = "replay";
constexpr size_t kInstanceBytesMax = 1'024;

// `answer` in the form that auth_request can carry (api.h).
HttpAnswer ForAuthRequest(HttpAnswer answer, absl::string_view original_uri) {
  if (answer.status == 200) {
    answer.fields.push_back({"X-Konpro-Status", "200"});
    return answer;
  }
  const absl::string_view path = original_uri.substr(0, original_uri.find('?'));
  if (!path.empty() && path.size() <= kInstanceBytesMax) {
    answer.body.pop_back();  // the object's "}"
    answer.body += ",\"instance\":";
    AppendJsonString(path, answer.body);
    answer.body += '}';
  }
  answer.fields.push_back({"X-Konpro-Status", absl::StrCat(answer.status)});
  answer.fields.push_back({"X-Konpro-Problem", answer.body});
  if (answer.status != 401) answer.status = 403;
  return answer;
}

// A request behind a proxy, as the proxy or a route describes it.
struct ProxiedRequest {
  absl::string_view operation;  // "": unmetered
  int64_t quantity = 0;
  OpenJobReplay open_job = OpenJobReplay::kRefuse;
  // What is wrong with it; the key is looked at first.
  absl::Status status;
};

// The true answer, with whose request it is.
HttpAnswer Ask(const ApiParts& api, const ApiCall& call,
               ProxiedRequest proxied) {
  const ApiKeyText key = ApiKeyFromHeaders(call.request.headers);
  std::string id;
  if (!proxied.operation.empty()) {
    // Without a key that is alive, admission has the first word.
    if (auto refusal = RefuseMetered(api, call.now);
        refusal.has_value() && api.keys.Authenticate(key, call.now).ok()) {
      return *refusal;
    }
    absl::StatusOr<std::string> read = IdOf(call.request);
    if (proxied.status.ok()) proxied.status = read.status();
    if (read.ok()) id = *std::move(read);
  }
  const AdmissionResult admission =
      api.admission.Admit({.key = key,
                           .operation = proxied.operation,
                           .quantity = proxied.quantity,
                           .id = id,
                           .open_job = proxied.open_job,
                           .malformed = proxied.status.message()},
                          call.now);
  HttpAnswer answer = AnswerOf(admission);
  if (!admission.ok()) return answer;
  answer.fields.push_back(
      {"X-Konpro-Account", std::string(admission.account())});
  if (!admission.reservation.empty()) {
    answer.fields.push_back({"X-Konpro-Reservation", admission.reservation});
  }
  return answer;
}

// The quantity in its field. The error begins with the field.
absl::StatusOr<int64_t> QuantityInField(const HttpRequest& request,
                                        absl::string_view operation,
                                        const Catalog& catalog) {
  const absl::string_view text = FieldOf(request, kQuantityHeader);
  if (text.empty()) {
    return absl::InvalidArgumentError(
        "X-Konpro-Quantity: is missing; a job needs one, such as 600000 or "
        "10m");
  }
  absl::StatusOr<int64_t> units = QuantityOf(text, operation, catalog);
  if (units.ok()) return units;
  return absl::InvalidArgumentError(
      absl::StrCat("X-Konpro-Quantity: ",
                   absl::StripPrefix(units.status().message(), "quantity: ")));
}

// auth_request's form: the configuration of the proxy says what is metered.
HttpAnswer Admit(const ApiParts& api, const ApiCall& call) {
  const HttpRequest& request = call.request;
  ProxiedRequest proxied{.operation = FieldOf(request, kOperationHeader)};
  if (!proxied.operation.empty()) {
    const absl::StatusOr<int64_t> quantity =
        QuantityInField(request, proxied.operation, api.admission.catalog());
    proxied.status = quantity.status();
    proxied.quantity = quantity.value_or(0);
    // A second 200 would run the job a second time, unless the route says that
    // its API reads kReplayedHeader.
    if (FieldOf(request, kOpenJobHeader) == kOpenJobReplay) {
      proxied.open_job = OpenJobReplay::kFirstResult;
    }
  }
  return ForAuthRequest(Ask(api, call, std::move(proxied)),
                        FieldOf(request, kOriginalUriHeader));
}

// The one field of that name. kInvalidArgument: there is none, several, or one
// with a blank, as lists of values have.
absl::StatusOr<std::string> OneField(const HttpRequest& request,
                                     absl::string_view name) {
  const auto is_name = [&](const HttpHeader& header) {
    return absl::EqualsIgnoreCase(header.name, name);
  };
  const auto fields =
      std::count_if(request.headers.begin(), request.headers.end(), is_name);
  const absl::string_view value = FieldOf(request, name);
  if (fields == 1 && !value.empty() &&
      value.find_first_of(" \t") == value.npos) {
    return std::string(value);
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": ",
                   fields == 0  ? "is missing"
                   : fields > 1 ? "there are several"
                                : "is no single value",
                   "; the proxy sets it, or asks below /v1/authorize/"));
}

// What the proxy asks about.
struct Asked {
  std::string method;
  std::string target;
};
absl::StatusOr<Asked> AskedOf(const ApiCall& call) {
  // Below /v1/authorize/ the request's own method and path count.
  if (!call.rest.empty()) {
    return Asked{std::string(call.request.method), std::string(call.rest)};
  }
  const absl::StatusOr<std::string> method =
      OneField(call.request, "X-Forwarded-Method");
  if (!method.ok()) return method.status();
  const absl::StatusOr<std::string> target =
      OneField(call.request, "X-Forwarded-Uri");
  if (!target.ok()) return target.status();
  return Asked{*method, *target};
}

HttpAnswer NoRoute(const ApiParts& api, const ApiCall& call,
                   const Asked& asked) {
  const Authentication who =
      api.keys.Authenticate(ApiKeyFromHeaders(call.request.headers), call.now);
  if (!who.ok()) return Refusal(who, AdmissionReason::kUnauthenticated);
  return ProblemOf(
      403, "no_route", "No route",
      absl::StrCat("no route has ", Quoted(asked.method), " ",
                   Quoted(asked.target.substr(0, asked.target.find('?')))));
}

// The method that a browser asks for before it sends it (Fetch, "CORS
// preflight"), or "".
absl::string_view PreflightOf(const HttpRequest& request, const Asked& asked) {
  return asked.method == "OPTIONS"
             ? FieldOf(request, "access-control-request-method")
             : "";
}

// Any proxy's form: the true status, and routes say what is metered, never the
// client.
HttpAnswer Authorize(const ApiParts& api, const ApiCall& call) {
  const absl::StatusOr<Asked> asked = AskedOf(call);
  if (!asked.ok()) return Ask(api, call, {.status = asked.status()});
  if (api.routes == nullptr) return Ask(api, call, {});
  const absl::string_view preflight = PreflightOf(call.request, *asked);
  const absl::StatusOr<const ProxyRoute*> route = api.routes->Find(
      preflight.empty() ? asked->method : preflight, asked->target);
  if (!route.ok()) return Ask(api, call, {.status = route.status()});
  if (!preflight.empty() && *route != nullptr && (*route)->preflight) {
    return {.status = 200};
  }
  if (*route == nullptr || !preflight.empty()) {
    return NoRoute(api, call, *asked);
  }
  return Ask(api, call,
             {.operation = (*route)->operation,
              .quantity = (*route)->hold,
              .open_job = (*route)->open_job});
}

}  // namespace

absl::Span<const Route> AdmitRoutes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/v1/admit", kByAdmission, {}, &Admit},
      {"*", "/v1/authorize", kByAdmission, kProxied, &Authorize},
      {"*", "/v1/authorize/**", kByAdmission, kProxied, &Authorize},
  };
  return kRoutes;
}

}  // namespace konpro::internal
