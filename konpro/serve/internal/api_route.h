// The table of the API: which method and path is which route, and whose key may
// call it. Routes of a subject are in a file of their own.
//
// Thread safety: pure.
#ifndef KONPRO_SERVE_INTERNAL_API_ROUTE_H_
#define KONPRO_SERVE_INTERNAL_API_ROUTE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/access/api_key.h"
#include "konpro/access/http.h"
#include "konpro/serve/internal/api_call.h"

namespace konpro::internal {

// Whose keys a route takes.
struct RouteKeys {
  bool anyone = false;     // also without a key
  bool admission = false;  // admission decides, and counts its refusals
  bool customer = false;
  bool service = false;
  bool admin = true;

  bool Has(ApiKeyScope scope) const;
};

inline constexpr RouteKeys kAnyone = {.anyone = true};
inline constexpr RouteKeys kByAdmission = {.admission = true};
inline constexpr RouteKeys kServices = {.service = true};
inline constexpr RouteKeys kAdmins = {};
inline constexpr RouteKeys kOwnAccount = {.customer = true, .admin = false};

struct RouteKind {
  // It changes what is held or charged: 503 while that cannot be.
  bool is_metered = false;
  // A customer's key makes so many of them a minute: read_limit.h.
  bool is_read = false;
  // A proxy asks with the client's fields: its body is nobody's.
  bool is_proxied = false;
};

inline constexpr RouteKind kMetered = {.is_metered = true};
inline constexpr RouteKind kProxied = {.is_proxied = true};
inline constexpr RouteKind kRead = {.is_read = true};

struct Route {
  // "*": every one.
  absl::string_view method;
  // `{}` stands for one segment, which is not empty; `/**` at the end for a
  // slash and what follows it.
  absl::string_view pattern;
  RouteKeys keys;
  RouteKind kind;
  HttpAnswer (*answer)(const ApiParts& api, const ApiCall& call) = nullptr;
};

// GET /metrics, /healthz
absl::Span<const Route> ServerRoutes();
// GET /v1/admit; /v1/authorize, /v1/authorize/**
absl::Span<const Route> AdmitRoutes();
// POST /v1/jobs, /v1/jobs/{}/complete, /v1/jobs/{}/cancel
absl::Span<const Route> JobRoutes();
// GET /v1/account, POST /v1/estimate
absl::Span<const Route> AccountRoutes();

// POST, GET /v1/accounts; GET /v1/accounts/{}; PUT .../plan, .../windows;
// POST .../suspend, .../resume
absl::Span<const Route> AccountsRoutes();
// POST, GET /v1/accounts/{}/keys; POST /v1/keys/{}/reset,
// /v1/keys/{}/deactivate
absl::Span<const Route> KeyRoutes();
// GET /v1/accounts/{}/credits; POST .../grants, .../grants/{}/void
absl::Span<const Route> CreditRoutes();

// All of them.
const std::vector<Route>& ApiRoutes();

// What a path has for each `{}` of a pattern, not decoded, and for `/**`.
struct PatternMatch {
  std::vector<absl::string_view> names;
  absl::string_view rest;
};

// Whether `path`, without the query and as it was sent, has the form of
// `pattern`.
bool MatchesPattern(absl::string_view path, absl::string_view pattern,
                    PatternMatch& match);

}  // namespace konpro::internal

#endif  // KONPRO_SERVE_INTERNAL_API_ROUTE_H_
