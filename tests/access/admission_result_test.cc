#include "konpro/access/admission_result.h"

#include <cstddef>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace konpro {
namespace {

using Code = absl::StatusCode;
using Reason = AdmissionReason;

// They are in metrics, JSON and bindings: none of them ever changes.
TEST(AdmissionReason, NumbersNamesAndCodesAreFixed) {
  const struct {
    Reason reason;
    int number;
    absl::string_view name;
    Code code;
  } kCases[] = {
      {Reason::kAdmitted, 0, "admitted", Code::kOk},
      {Reason::kUnauthenticated, 1, "unauthenticated", Code::kUnauthenticated},
      {Reason::kNotProvisioned, 2, "not_provisioned", Code::kPermissionDenied},
      {Reason::kSuspended, 3, "suspended", Code::kPermissionDenied},
      {Reason::kMalformed, 4, "malformed", Code::kInvalidArgument},
      {Reason::kUnknownOperation, 5, "unknown_operation",
       Code::kInvalidArgument},
      {Reason::kOperationNotInPlan, 6, "operation_not_in_plan",
       Code::kPermissionDenied},
      {Reason::kNoWindows, 7, "no_windows", Code::kPermissionDenied},
      {Reason::kExceedsLimit, 8, "exceeds_limit", Code::kOutOfRange},
      {Reason::kRateLimited, 9, "rate_limited", Code::kResourceExhausted},
      {Reason::kNoPrice, 10, "no_price", Code::kInternal},
      {Reason::kCostOutOfRange, 11, "cost_out_of_range", Code::kOutOfRange},
      {Reason::kInsufficientCredits, 12, "insufficient_credits",
       Code::kFailedPrecondition},
      {Reason::kIdConflict, 13, "id_conflict", Code::kAlreadyExists},
      {Reason::kReservationRefused, 14, "reservation_refused", Code::kAborted},
      {Reason::kUnavailable, 15, "unavailable", Code::kUnavailable},
      {Reason::kJobInProgress, 16, "in_progress", Code::kAborted},
      {Reason::kJobEnded, 17, "job_ended", Code::kAborted},
      {Reason::kJournalAhead, 18, "journal_ahead", Code::kUnavailable},
      {Reason::kWrongScope, 19, "wrong_scope", Code::kPermissionDenied},
  };
  ASSERT_EQ(std::size(kCases), kAdmissionReasons);
  for (const auto& c : kCases) {
    EXPECT_EQ(static_cast<int>(c.reason), c.number) << c.name;
    EXPECT_EQ(AdmissionReasonName(c.reason), c.name);
    EXPECT_EQ(AdmissionCode(c.reason), c.code) << c.name;
  }
}

}  // namespace
}  // namespace konpro
