#include "konpro/serve/internal/api_route.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace konpro::internal {

bool RouteKeys::Has(ApiKeyScope scope) const {
  switch (scope) {
    case ApiKeyScope::kCustomer:
      return customer;
    case ApiKeyScope::kService:
      return service;
    case ApiKeyScope::kAdmin:
      return admin;
  }
  return false;
}

const std::vector<Route>& ApiRoutes() {
  static const auto* const routes = [] {
    auto* const all = new std::vector<Route>();
    for (const absl::Span<const Route> some :
         {AdmitRoutes(), JobRoutes(), AccountRoutes(), AccountsRoutes(),
          KeyRoutes(), CreditRoutes(), ServerRoutes()}) {
      all->insert(all->end(), some.begin(), some.end());
    }
    return all;
  }();
  return *routes;
}

bool MatchesPattern(absl::string_view path, absl::string_view pattern,
                    PatternMatch& match) {
  match = {};
  const bool has_rest = absl::ConsumeSuffix(&pattern, "/**");
  while (true) {
    const size_t open = pattern.find("{}");
    const absl::string_view literal = pattern.substr(0, open);
    if (path.substr(0, literal.size()) != literal) return false;
    path.remove_prefix(literal.size());
    if (open == absl::string_view::npos) {
      match.rest = path;
      return has_rest ? absl::StartsWith(path, "/") : path.empty();
    }
    pattern.remove_prefix(open + 2);
    const absl::string_view name = path.substr(0, path.find('/'));
    if (name.empty()) return false;
    match.names.push_back(name);
    path.remove_prefix(name.size());
  }
}

}  // namespace konpro::internal
