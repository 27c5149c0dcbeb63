// Admission for a proxy that asks before it passes a request on.
#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "konpro/base/internal/json.h"
#include "konpro/serve/internal/api_route.h"

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

// What a metered request has in its fields. The error begins with the field
// that is wrong.
absl::Status ReadMetered(const HttpRequest& request, const Catalog& catalog,
                         AdmissionRequest& asked, std::string& id) {
  const absl::string_view text = FieldOf(request, kQuantityHeader);
  if (text.empty()) {
    return absl::InvalidArgumentError(
        "X-Konpro-Quantity: is missing; a job needs one, such as 600000 or "
        "10m");
  }
  const absl::StatusOr<int64_t> units =
      QuantityOf(text, asked.operation, catalog);
  if (!units.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "X-Konpro-Quantity: ",
        absl::StripPrefix(units.status().message(), "quantity: ")));
  }
  asked.quantity = *units;
  absl::StatusOr<std::string> read = IdOf(request);
  if (!read.ok()) return read.status();
  id = *std::move(read);
  asked.id = id;
  return absl::OkStatus();
}

HttpAnswer Admit(const ApiParts& api, const ApiCall& call) {
  const HttpRequest& request = call.request;
  const absl::string_view uri = FieldOf(request, kOriginalUriHeader);
  AdmissionRequest asked{.key = ApiKeyFromHeaders(request.headers),
                         .operation = FieldOf(request, kOperationHeader)};
  std::string id;
  std::string malformed;
  if (!asked.operation.empty()) {
    // Without a key that is alive, admission has the first word.
    if (auto refusal = RefuseMetered(api, call.now);
        refusal.has_value() &&
        api.keys.Authenticate(asked.key, call.now).ok()) {
      return ForAuthRequest(*refusal, uri);
    }
    const absl::Status status =
        ReadMetered(request, api.admission.catalog(), asked, id);
    malformed = std::string(status.message());
    asked.malformed = malformed;
    // A second 200 would run the job a second time, unless the route says that
    // its API reads kReplayedHeader.
    if (FieldOf(request, kOpenJobHeader) != kOpenJobReplay) {
      asked.open_job = OpenJobReplay::kRefuse;
    }
  }
  const AdmissionResult admission = api.admission.Admit(asked, call.now);
  HttpAnswer answer = ForAuthRequest(AnswerOf(admission), uri);
  if (!admission.ok()) return answer;
  answer.fields.push_back(
      {"X-Konpro-Account", std::string(admission.account())});
  if (!admission.reservation.empty()) {
    answer.fields.push_back({"X-Konpro-Reservation", admission.reservation});
  }
  return answer;
}

}  // namespace

absl::Span<const Route> ProxyRoutes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/v1/admit", kByAdmission, {}, &Admit},
  };
  return kRoutes;
}

}  // namespace konpro::internal
