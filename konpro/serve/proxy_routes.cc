#include "konpro/serve/proxy_routes.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/internal/text_places.h"
#include "konpro/catalog/operation.h"
#include "konpro/serve/internal/api_call.h"
#include "proto/routes.pb.h"

namespace konpro {
namespace {

constexpr absl::string_view kAny = "*";
constexpr absl::string_view kRest = "**";

// "/v1//Videos/" is "v1", "videos".
std::vector<std::string> SegmentsOf(absl::string_view path) {
  return absl::StrSplit(absl::AsciiStrToLower(path), '/', absl::SkipEmpty());
}

absl::Status Unclear(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the path: has ", what));
}

// The segments of a request's path, decoded. kInvalidArgument: a router could
// read it as another path.
absl::StatusOr<std::vector<std::string>> RequestSegments(
    absl::string_view target) {
  const absl::string_view path = target.substr(0, target.find_first_of("?#"));
  if (!absl::StartsWith(path, "/")) {
    return absl::InvalidArgumentError("the path: does not begin with a slash");
  }
  std::vector<std::string> segments;
  for (const absl::string_view part :
       absl::StrSplit(path, '/', absl::SkipEmpty())) {
    absl::StatusOr<std::string> segment = internal::DecodedPart(part);
    if (!segment.ok()) return segment.status();
    if (*segment == "." || *segment == "..") return Unclear("a dot segment");
    for (const char c : *segment) {
      if (c == '/' || c == '\\') return Unclear("a slash within a segment");
      if (absl::ascii_iscntrl(c)) return Unclear("a control character");
      // What follows is a path parameter to some routers.
      if (c == ';') return Unclear("a semicolon");
    }
    segments.push_back(absl::AsciiStrToLower(*segment));
  }
  return segments;
}

bool Matches(const ProxyRoute& route, absl::Span<const std::string> segments) {
  if (segments.size() < route.segments.size()) return false;
  if (segments.size() > route.segments.size() && !route.has_rest) return false;
  for (size_t i = 0; i < route.segments.size(); ++i) {
    if (route.segments[i] != kAny && route.segments[i] != segments[i]) {
      return false;
    }
  }
  return true;
}

size_t Literals(const ProxyRoute& route) {
  return route.segments.size() -
         static_cast<size_t>(
             std::count(route.segments.begin(), route.segments.end(), kAny));
}

// Whether a request could match both.
bool Meet(const ProxyRoute& a, const ProxyRoute& b) {
  if (a.method != b.method && a.method != kAny && b.method != kAny) {
    return false;
  }
  const size_t shared = std::min(a.segments.size(), b.segments.size());
  for (size_t i = 0; i < shared; ++i) {
    if (a.segments[i] != b.segments[i] && a.segments[i] != kAny &&
        b.segments[i] != kAny) {
      return false;
    }
  }
  return a.segments.size() == b.segments.size() ||
         (a.segments.size() > shared ? b.has_rest : a.has_rest);
}

absl::Status Bad(absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
}

absl::Status ReadPattern(const v1::Route& message, ProxyRoute& route) {
  if (!absl::StartsWith(message.path(), "/")) {
    return Bad("path", "does not begin with a slash");
  }
  route.segments = SegmentsOf(message.path());
  if (!route.segments.empty() && route.segments.back() == kRest) {
    route.segments.pop_back();
    route.has_rest = true;
  }
  for (const std::string& segment : route.segments) {
    if (segment == kAny) continue;
    if (segment == kRest) return Bad("path", "has ** that is not at the end");
    if (absl::StrContains(segment, '*')) {
      return Bad("path",
                 absl::StrCat("has * within ", internal::Quoted(segment),
                              ": it stands for a whole segment"));
    }
    if (segment.find_first_of("%?#;\\") != segment.npos || segment == "." ||
        segment == "..") {
      return Bad("path", absl::StrCat(internal::Quoted(segment),
                                      " is not as a request's decoded path"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadCost(const v1::Route& message, const Catalog& catalog,
                      ProxyRoute& route) {
  if (message.free() != message.operation().empty()) {
    return Bad(message.free() ? "free" : "operation",
               "a route is free, or has an operation and its hold");
  }
  if (message.free()) {
    return message.hold().empty() ? absl::OkStatus()
                                  : Bad("hold", "a free route holds nothing");
  }
  const Operation* const operation = catalog.FindOperation(message.operation());
  if (operation == nullptr) {
    return Bad("operation",
               catalog.UnknownOperation(message.operation()).message());
  }
  const absl::StatusOr<int64_t> hold =
      ParseQuantity(message.hold(), operation->unit);
  if (!hold.ok()) return Bad("hold", hold.status().message());
  if (*hold == 0) return Bad("hold", "is zero");
  route.operation = message.operation();
  route.hold = *hold;
  return absl::OkStatus();
}

absl::StatusOr<ProxyRoute> RouteOf(const v1::Route& message,
                                   const Catalog& catalog) {
  ProxyRoute route{.method = message.method(),
                   .preflight = message.preflight()};
  const bool is_method = !route.method.empty() &&
                         std::all_of(route.method.begin(), route.method.end(),
                                     absl::ascii_isupper);
  if (!is_method && route.method != kAny) {
    return Bad("method", "should be as POST, or * for every method");
  }
  if (route.method == "HEAD") return Bad("method", "HEAD is that of GET");
  absl::Status status = ReadPattern(message, route);
  if (status.ok()) status = ReadCost(message, catalog, route);
  if (!status.ok()) return status;
  if (message.replays() == v1::Route::PASS) {
    route.open_job = OpenJobReplay::kFirstResult;
  }
  return route;
}

absl::StatusOr<std::vector<ProxyRoute>> RoutesOf(const v1::Routes& message,
                                                 const Catalog& catalog) {
  if (message.routes_size() > static_cast<int>(kRoutesMax)) {
    return Bad("routes", absl::StrCat("at most ", kRoutesMax));
  }
  std::vector<ProxyRoute> routes;
  for (int i = 0; i < message.routes_size(); ++i) {
    const std::string place = absl::StrCat("routes[", i, "].");
    absl::StatusOr<ProxyRoute> route = RouteOf(message.routes(i), catalog);
    if (!route.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(place, route.status().message()));
    }
    for (size_t j = 0; j < routes.size(); ++j) {
      if (Meet(*route, routes[j]) && Literals(*route) == Literals(routes[j])) {
        return Bad(absl::StrCat(place, "path"),
                   absl::StrCat("a request could be of this route and of ",
                                "routes[", j,
                                "]: neither has more literal "
                                "segments"));
      }
    }
    routes.push_back(*std::move(route));
  }
  return routes;
}

}  // namespace

absl::StatusOr<ProxyRoutes> ProxyRoutes::Parse(absl::string_view text,
                                               absl::string_view file,
                                               const Catalog& catalog) {
  if (text.size() > kRoutesFileBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":1:1: a file of routes has at most ",
                     kRoutesFileBytesMax, " bytes"));
  }
  v1::Routes message;
  internal::TextPlaces places(file);
  const absl::Status parsed = places.Parse(text, message);
  if (!parsed.ok()) return parsed;
  absl::StatusOr<std::vector<ProxyRoute>> routes = RoutesOf(message, catalog);
  if (!routes.ok()) return places.Locate(routes.status());
  return ProxyRoutes(*std::move(routes));
}

absl::StatusOr<const ProxyRoute*> ProxyRoutes::Find(
    absl::string_view method, absl::string_view target) const {
  const absl::StatusOr<std::vector<std::string>> segments =
      RequestSegments(target);
  if (!segments.ok()) return segments.status();
  if (method == "HEAD") method = "GET";
  const ProxyRoute* best = nullptr;
  for (const ProxyRoute& route : routes_) {
    if (route.method != kAny && route.method != method) continue;
    if (!Matches(route, *segments)) continue;
    if (best == nullptr || Literals(route) > Literals(*best)) best = &route;
  }
  return best;
}

}  // namespace konpro
