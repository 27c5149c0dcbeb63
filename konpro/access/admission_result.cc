#include "konpro/access/admission_result.h"

#include <array>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace konpro {
namespace {

struct Row {
  AdmissionReason reason;
  absl::string_view name;
  absl::StatusCode code;
};

using R = AdmissionReason;
using C = absl::StatusCode;

constexpr std::array<Row, kAdmissionReasons> kRows = {{
    {R::kAdmitted, "admitted", C::kOk},
    {R::kUnauthenticated, "unauthenticated", C::kUnauthenticated},
    {R::kNotProvisioned, "not_provisioned", C::kPermissionDenied},
    {R::kSuspended, "suspended", C::kPermissionDenied},
    {R::kMalformed, "malformed", C::kInvalidArgument},
    {R::kUnknownOperation, "unknown_operation", C::kInvalidArgument},
    {R::kOperationNotInPlan, "operation_not_in_plan", C::kPermissionDenied},
    {R::kNoWindows, "no_windows", C::kPermissionDenied},
    {R::kExceedsLimit, "exceeds_limit", C::kOutOfRange},
    {R::kRateLimited, "rate_limited", C::kResourceExhausted},
    {R::kNoPrice, "no_price", C::kInternal},
    {R::kCostOutOfRange, "cost_out_of_range", C::kOutOfRange},
    {R::kInsufficientCredits, "insufficient_credits", C::kFailedPrecondition},
    {R::kIdConflict, "id_conflict", C::kAlreadyExists},
    {R::kReservationRefused, "reservation_refused", C::kAborted},
    {R::kUnavailable, "unavailable", C::kUnavailable},
    {R::kJobInProgress, "in_progress", C::kAborted},
    {R::kJobEnded, "job_ended", C::kAborted},
    {R::kJournalAhead, "journal_ahead", C::kUnavailable},
    {R::kWrongScope, "wrong_scope", C::kPermissionDenied},
}};

constexpr char kRefusalPayload[] = "konpro/refusal";

constexpr bool RowsAreInOrder() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<size_t>(kRows[i].reason) != i) return false;
  }
  return true;
}
static_assert(RowsAreInOrder());

const Row& RowOf(AdmissionReason reason) {
  return kRows[static_cast<size_t>(reason)];
}

}  // namespace

absl::string_view AdmissionReasonName(AdmissionReason reason) {
  return RowOf(reason).name;
}

Refusal RefusalOf(const absl::Status& error) {
  const auto payload = error.GetPayload(kRefusalPayload);
  int number = 0;
  if (!payload.has_value() ||
      !absl::SimpleAtoi(std::string(*payload), &number)) {
    return Refusal::kNone;
  }
  return static_cast<Refusal>(number);
}

void SetRefusal(Refusal refusal, absl::Status& error) {
  error.SetPayload(kRefusalPayload,
                   absl::Cord(absl::StrCat(static_cast<int>(refusal))));
}

absl::StatusCode AdmissionCode(AdmissionReason reason) {
  return RowOf(reason).code;
}

}  // namespace konpro
