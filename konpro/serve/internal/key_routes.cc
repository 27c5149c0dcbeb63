// Keys of customers, for an administrator. Keys of other scopes are made by the
// command line alone.
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "konpro/access/api_key.h"
#include "konpro/catalog/operation.h"
#include "konpro/report/account_message.h"
#include "konpro/serve/internal/api_route.h"
#include "konpro/serve/request_body.h"
#include "proto/api.pb.h"
#include "proto/api_key.pb.h"

namespace konpro::internal {
namespace {

absl::Status CheckKnown(const ApiParts& api, const std::string& account) {
  return api.accounts.Find(account).status();
}

// The answer has the key's text, this once. It is written once, into a body
// that does not grow: the server wipes it.
HttpAnswer AnswerWith(const absl::StatusOr<MintedKey>& key,
                      const ApiCall& call) {
  if (!key.ok()) return AnswerOf(key.status());
  HttpAnswer answer = JsonAnswer(ToMessage(key->record, call.now.ToTime()));
  answer.body.resize(answer.body.rfind('}'));  // the object's
  absl::StripTrailingAsciiWhitespace(&answer.body);
  answer.body.reserve(answer.body.size() + 2 * ApiKeyText::kBytes);
  absl::StrAppend(&answer.body, ",\n \"key\": \"", key->secret.text().Reveal(),
                  "\"\n}\n");
  return answer;
}

HttpAnswer Create(const ApiParts& api, const ApiCall& call) {
  v1::CreateKeyRequest body;
  absl::Status status = ReadBody(call.request.body, body);
  if (status.ok()) status = CheckKnown(api, call.names[0]);
  if (!status.ok()) return AnswerOf(status);
  const absl::StatusOr<absl::Time> expires_at =
      TimeOf("expires_at", body.expires_at(), absl::InfiniteFuture());
  if (!expires_at.ok()) return AnswerOf(expires_at.status());
  return AnswerWith(api.admission.CreateKey({.account_id = call.names[0],
                                             .expires_at = *expires_at},
                                            call.now.ToTime()),
                    call);
}

HttpAnswer List(const ApiParts& api, const ApiCall& call) {
  const absl::Status known = CheckKnown(api, call.names[0]);
  if (!known.ok()) return AnswerOf(known);
  v1::ApiKeys message;
  for (const ApiKeyRecord& key : api.keys.List(call.names[0])) {
    *message.add_keys() = ToMessage(key, call.now.ToTime());
  }
  return JsonAnswer(message);
}

// The key that the path names. kPermissionDenied: it is no customer's.
absl::StatusOr<ApiKeyId> CustomerKeyOf(const ApiParts& api,
                                       const ApiCall& call) {
  const absl::StatusOr<ApiKeyId> id = ApiKeyId::Parse(call.names[0]);
  if (!id.ok()) return id.status();
  const absl::StatusOr<ApiKeyRecord> record = api.keys.Find(*id);
  if (!record.ok()) return record.status();
  if (record->scope == ApiKeyScope::kCustomer) return *id;
  return absl::PermissionDeniedError(
      absl::StrCat("a key of scope ", ApiKeyScopeName(record->scope),
                   " is replaced by the command line alone"));
}

HttpAnswer Reset(const ApiParts& api, const ApiCall& call) {
  v1::ResetKeyRequest body;
  const absl::Status read = ReadBody(call.request.body, body);
  if (!read.ok()) return AnswerOf(read);
  int64_t overlap_ms = 0;
  if (!body.overlap().empty()) {
    const absl::StatusOr<int64_t> ms =
        ParseQuantity(body.overlap(), QuantityUnit::kMilliseconds);
    if (!ms.ok()) {
      return Malformed(absl::StrCat("overlap: ", ms.status().message()));
    }
    overlap_ms = *ms;
  }
  const absl::StatusOr<absl::Time> expires_at =
      TimeOf("expires_at", body.expires_at(), absl::InfiniteFuture());
  if (!expires_at.ok()) return AnswerOf(expires_at.status());
  const absl::StatusOr<ApiKeyId> id = CustomerKeyOf(api, call);
  if (absl::IsPermissionDenied(id.status())) {
    return Refusal(call.who, AdmissionReason::kWrongScope,
                   std::string(id.status().message()));
  }
  if (!id.ok()) return AnswerOf(id.status());
  return AnswerWith(api.keys.Reset({.key = *id,
                                    .overlap = absl::Milliseconds(overlap_ms),
                                    .expires_at = *expires_at},
                                   call.now.ToTime()),
                    call);
}

// Keys of every scope: a stolen one is ended from anywhere.
HttpAnswer Deactivate(const ApiParts& api, const ApiCall& call) {
  const absl::StatusOr<ApiKeyId> id = ApiKeyId::Parse(call.names[0]);
  if (!id.ok()) return AnswerOf(id.status());
  const absl::Status status = api.keys.Deactivate(*id, call.now.ToTime());
  if (!status.ok()) return AnswerOf(status);
  const absl::StatusOr<ApiKeyRecord> record = api.keys.Find(*id);
  if (!record.ok()) return AnswerOf(record.status());
  return JsonAnswer(ToMessage(*record, call.now.ToTime()));
}

}  // namespace

absl::Span<const Route> KeyRoutes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/v1/accounts/{}/keys", kAdmins, {}, &Create},
      {"GET", "/v1/accounts/{}/keys", kAdmins, {}, &List},
      {"POST", "/v1/keys/{}/reset", kAdmins, {}, &Reset},
      {"POST", "/v1/keys/{}/deactivate", kAdmins, {}, &Deactivate},
  };
  return kRoutes;
}

}  // namespace konpro::internal
