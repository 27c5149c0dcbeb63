// A job's credits: held when it begins, charged or released when it ends.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"
#include "konpro/catalog/operation.h"
#include "konpro/serve/internal/api_route.h"
#include "konpro/serve/request_body.h"
#include "proto/api.pb.h"

namespace konpro::internal {
namespace {

absl::Status MissingAccount() {
  return absl::InvalidArgumentError(
      "account: is missing, should be the id of the job's account");
}

// The error begins with the member that is wrong.
absl::Status ReadReserve(const HttpRequest& request, const Catalog& catalog,
                         const v1::CreateJobRequest& body, std::string& id,
                         int64_t& quantity) {
  if (body.operation().empty()) {
    return absl::InvalidArgumentError(
        "operation: is missing, should be a text such as \"avatar_video\"");
  }
  if (!body.has_quantity()) return MissingQuantity();
  const absl::StatusOr<int64_t> units =
      QuantityOf(body.quantity(), body.operation(), catalog);
  if (!units.ok()) return units.status();
  quantity = *units;
  absl::StatusOr<std::string> read = IdOf(request);
  if (!read.ok()) return read.status();
  id = *std::move(read);
  return absl::OkStatus();
}

HttpAnswer Reserve(const ApiParts& api, const ApiCall& call) {
  const HttpRequest& request = call.request;
  const ApiKeyText key = ApiKeyFromHeaders(request.headers);
  if (auto refusal = RefuseMetered(api, call.now);
      refusal.has_value() && api.keys.Authenticate(key, call.now).ok()) {
    return *refusal;
  }
  v1::CreateJobRequest body;
  absl::Status status = ReadBody(request.body, body);
  if (absl::IsResourceExhausted(status)) return AnswerOf(status);
  int64_t quantity = 0;
  std::string id;
  if (status.ok()) {
    status = ReadReserve(request, api.admission.catalog(), body, id, quantity);
  }
  // Whether the caller is authenticated comes first: admission says so.
  const std::string malformed(status.message());
  const AdmissionResult admission =
      api.admission.Admit({.key = key,
                           .account = body.account(),
                           .operation = body.operation(),
                           .quantity = quantity,
                           .id = id,
                           .job = body.job(),
                           .malformed = malformed},
                          call.now);
  const bool names_nobody = admission.reason == AdmissionReason::kWrongScope &&
                            body.account().empty();
  return names_nobody ? AnswerOf(MissingAccount()) : AnswerOf(admission);
}

// The account and the id of the job that `call` ends. The error begins with
// what is wrong.
absl::Status CheckEnd(const ApiCall& call, const std::string& account) {
  if (account.empty()) return MissingAccount();
  if (IsId(call.names[0], AdmissionRequest::kIdBytesMax)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "the job's id in the path: is not 1 to ", AdmissionRequest::kIdBytesMax,
      " bytes of printable ASCII without blanks"));
}

absl::StatusOr<int64_t> ActualQuantity(const ApiParts& api,
                                       absl::string_view account,
                                       absl::string_view id,
                                       absl::string_view quantity) {
  // Most requests need not look for the job twice.
  if (IsBaseUnits(quantity)) return BaseUnitsOf(quantity, Operation{});
  const absl::StatusOr<std::string> operation =
      api.admission.OperationOf(account, id);
  if (!operation.ok()) return operation.status();
  const Operation* const known =
      api.admission.catalog().FindOperation(*operation);
  if (known == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("quantity: should be a number of base units: operation ",
                     *operation, " is not in the catalog any more"));
  }
  return BaseUnitsOf(quantity, *known);
}

HttpAnswer Complete(const ApiParts& api, const ApiCall& call) {
  v1::CompleteJobRequest body;
  absl::Status status = ReadBody(call.request.body, body);
  if (status.ok() && !body.has_quantity()) status = MissingQuantity();
  if (status.ok()) status = CheckEnd(call, body.account());
  if (!status.ok()) return AnswerOf(status);
  const absl::StatusOr<int64_t> quantity =
      ActualQuantity(api, body.account(), call.names[0], body.quantity());
  if (!quantity.ok()) return AnswerOf(quantity.status());
  const auto settled = api.admission.Complete({.account = body.account(),
                                               .reservation = call.names[0],
                                               .quantity = *quantity},
                                              call.now);
  return settled.ok() ? AnswerOf(*settled) : AnswerOf(settled.status());
}

HttpAnswer Cancel(const ApiParts& api, const ApiCall& call) {
  v1::CancelJobRequest body;
  absl::Status status = ReadBody(call.request.body, body);
  if (status.ok()) status = CheckEnd(call, body.account());
  if (!status.ok()) return AnswerOf(status);
  const auto settled = api.admission.Cancel(
      {.account = body.account(), .reservation = call.names[0]}, call.now);
  return settled.ok() ? AnswerOf(*settled) : AnswerOf(settled.status());
}

}  // namespace

absl::Span<const Route> JobRoutes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/v1/jobs", kByAdmission, {}, &Reserve},
      {"POST", "/v1/jobs/{}/complete", kServices, kMetered, &Complete},
      {"POST", "/v1/jobs/{}/cancel", kServices, kMetered, &Cancel},
  };
  return kRoutes;
}

}  // namespace konpro::internal
