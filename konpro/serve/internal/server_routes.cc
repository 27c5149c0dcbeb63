// How the server is.
#include <string>

#include "absl/strings/str_cat.h"
#include "konpro/serve/internal/api_route.h"

namespace konpro::internal {
namespace {

HttpAnswer Metrics(const ApiParts& api, const ApiCall&) {
  return TextAnswer(api.metrics.Text(), "text/plain; version=0.0.4");
}

HttpAnswer Health(const ApiParts& api, const ApiCall&) {
  const std::string reason = api.not_ready == nullptr ? "" : api.not_ready();
  const std::string fault = api.clock == nullptr ? "" : api.clock->Fault();
  if (reason.empty() && fault.empty()) {
    return TextAnswer("ok\n", "text/plain");
  }
  std::string text;
  for (const std::string& line : {reason, fault}) {
    if (!line.empty()) absl::StrAppend(&text, line, "\n");
  }
  HttpAnswer answer = TextAnswer(std::move(text), "text/plain");
  answer.status = 503;
  return answer;
}

}  // namespace

absl::Span<const Route> ServerRoutes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/metrics", kAnyone, {}, &Metrics},
      {"GET", "/healthz", kAnyone, {}, &Health},
  };
  return kRoutes;
}

}  // namespace konpro::internal
