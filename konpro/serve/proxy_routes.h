// What the requests behind a proxy cost: a file of konpro.v1.Routes
// (proto/routes.proto), compiled, and the route of a request.
//
//   absl::StatusOr<ProxyRoutes> routes =
//       ProxyRoutes::Parse(text, "routes.textproto", Catalog::BuiltIn());
//   absl::StatusOr<const ProxyRoute*> route =
//       routes->Find("POST", "/v1/videos?draft=1");
//   (*route)->operation        // "avatar_video"
//
// Of the routes that match, the one with the most literal segments wins; two
// that could both win are an error of the file. The case of letters and a slash
// at the end do not count, nor do doubled slashes and %XX of characters that
// need none: routers behind a proxy are as lax. What such a router could read
// as another path is refused: segments `.` and `..`, an encoded slash, a
// backslash, a control character.
//
// Thread safety: immutable.
//
// Limits: kRoutesMax routes, kRoutesFileBytesMax bytes.
#ifndef KONPRO_SERVE_PROXY_ROUTES_H_
#define KONPRO_SERVE_PROXY_ROUTES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/access/admission_result.h"
#include "konpro/catalog/catalog.h"

namespace konpro {

inline constexpr size_t kRoutesMax = 1'000;
inline constexpr size_t kRoutesFileBytesMax = size_t{1} << 20;

struct ProxyRoute {
  std::string method;  // "*": every one
  // Lower-case; "*" is any segment. `has_rest`: others may follow.
  std::vector<std::string> segments;
  bool has_rest = false;
  std::string operation;  // "": free
  int64_t hold = 0;       // base units of the operation
  OpenJobReplay open_job = OpenJobReplay::kRefuse;
  bool preflight = false;
};

class ProxyRoutes {
 public:
  // kInvalidArgument: `FILE:LINE:COLUMN: FIELD: what`.
  static absl::StatusOr<ProxyRoutes> Parse(absl::string_view text,
                                           absl::string_view file,
                                           const Catalog& catalog);

  // The route of a request; null: there is none. `target` may have a query.
  // kInvalidArgument: the path could be read as another.
  absl::StatusOr<const ProxyRoute*> Find(absl::string_view method,
                                         absl::string_view target) const;

 private:
  explicit ProxyRoutes(std::vector<ProxyRoute> routes)
      : routes_(std::move(routes)) {}

  std::vector<ProxyRoute> routes_;
};

}  // namespace konpro

#endif  // KONPRO_SERVE_PROXY_ROUTES_H_
