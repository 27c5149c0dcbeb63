// Credits of an account: what it has, and what is given or taken back.
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "konpro/access/admission_result.h"
#include "konpro/base/credits.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/report/ledger_message.h"
#include "konpro/serve/internal/api_route.h"
#include "konpro/serve/request_body.h"
#include "proto/api.pb.h"
#include "proto/ledger.pb.h"

namespace konpro::internal {
namespace {

// The account is there, and the journal is not ahead of the clock.
absl::Status CheckAccount(const ApiParts& api, const ApiCall& call) {
  absl::Status status = api.accounts.Find(call.names[0]).status();
  return status.ok() ? api.admission.CheckClock(call.now) : status;
}

// Applies a command to the account in the path; its id is in Idempotency-Key.
HttpAnswer Apply(const ApiParts& api, const ApiCall& call,
                 LedgerRequest request) {
  absl::Status status = CheckAccount(api, call);
  if (!status.ok()) return AnswerOf(status);
  const absl::StatusOr<std::string> id = IdOf(call.request);
  if (!id.ok()) return AnswerOf(id.status());
  const LedgerCommand command{.account = call.names[0],
                              .id = *id,
                              .at = call.now,
                              .request = std::move(request)};
  status = CheckNames(command, api.admission.catalog());
  if (!status.ok()) return AnswerOf(status);
  const absl::StatusOr<LedgerOutcome> outcome = api.ledger.Apply(command);
  if (!outcome.ok()) return AnswerOf(outcome.status());
  if (!outcome->effect.applied()) {
    absl::Status denied =
        absl::FailedPreconditionError(DenialText(outcome->effect));
    SetRefusal(outcome->effect.refusal, denied);
    return AnswerOf(denied);
  }
  HttpAnswer answer = JsonAnswer(ToResult(command, *outcome, api.ledger.Now()));
  if (outcome->replayed) answer.fields.push_back({kReplayedHeader, "true"});
  return answer;
}

absl::StatusOr<GrantKind> KindOf(absl::string_view text) {
  if (text.empty() || text == "paid") return GrantKind::kPaid;
  if (text == "promotional") return GrantKind::kPromotional;
  return absl::InvalidArgumentError(
      absl::StrCat("kind: ", Quoted(text), " is none",
                   Suggestion(text, {"paid", "promotional"})));
}

absl::StatusOr<GrantCommand> GrantOf(const v1::CreateGrantRequest& body) {
  const absl::StatusOr<Credits> amount = Credits::Parse(body.credits());
  if (!amount.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("credits: ", amount.status().message()));
  }
  const absl::StatusOr<absl::Time> effective_at =
      TimeOf("effective_at", body.effective_at(), absl::UnixEpoch());
  if (!effective_at.ok()) return effective_at.status();
  const absl::StatusOr<absl::Time> expires_at =
      TimeOf("expires_at", body.expires_at(), absl::InfiniteFuture());
  if (!expires_at.ok()) return expires_at.status();
  const absl::StatusOr<GrantKind> kind = KindOf(body.kind());
  if (!kind.ok()) return kind.status();
  return GrantCommand{
      .amount = *amount,
      .priority = body.priority(),
      .effective_at = UnixNanos::FromTime(*effective_at),
      .expires_at = UnixNanos::FromTime(*expires_at),
      .operations = {body.operations().begin(), body.operations().end()},
      .kind = *kind};
}

HttpAnswer CreateGrant(const ApiParts& api, const ApiCall& call) {
  v1::CreateGrantRequest body;
  const absl::Status read = ReadBody(call.request.body, body);
  if (!read.ok()) return AnswerOf(read);
  absl::StatusOr<GrantCommand> grant = GrantOf(body);
  if (!grant.ok()) return AnswerOf(grant.status());
  return Apply(api, call, *std::move(grant));
}

HttpAnswer VoidGrant(const ApiParts& api, const ApiCall& call) {
  return Apply(api, call, VoidGrantCommand{.grant = call.names[1]});
}

HttpAnswer ReadCredits(const ApiParts& api, const ApiCall& call) {
  absl::Status status = CheckArguments(call.request, {"as_of"});
  if (status.ok()) status = api.accounts.Find(call.names[0]).status();
  if (!status.ok()) return AnswerOf(status);
  const absl::StatusOr<std::string> as_of = ArgumentOf(call.request, "as_of");
  if (!as_of.ok()) return AnswerOf(as_of.status());
  uint64_t sequence = 0;
  if (!as_of->empty() &&
      (!absl::SimpleAtoi(*as_of, &sequence) || sequence == 0)) {
    return Malformed("the query: as_of is no number of an entry");
  }
  const absl::StatusOr<konpro::Account> account =
      sequence == 0 ? api.ledger.AccountAt(call.names[0], call.now)
                    : api.ledger.AccountAtSequence(call.names[0], sequence);
  if (!account.ok()) return AnswerOf(account.status());
  return JsonAnswer(ToAccountCredits(call.names[0], *account));
}

}  // namespace

absl::Span<const Route> CreditRoutes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/v1/accounts/{}/credits", kAdmins, {}, &ReadCredits},
      {"POST", "/v1/accounts/{}/grants", kAdmins, kMetered, &CreateGrant},
      {"POST", "/v1/accounts/{}/grants/{}/void", kAdmins, kMetered, &VoidGrant},
  };
  return kRoutes;
}

}  // namespace konpro::internal
