#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "konpro/access/admission.h"
#include "konpro/base/internal/name.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/quantity_capture.h"
#include "konpro/ledger/session.h"

// What becomes of a reservation.
//
// Ids in the ledger. A request's id names its reservation, "admit:ID". What
// ends it is named after it and what it asks: "complete:QUANTITY:ID",
// "cancel:ID". So the same call again gets the same result, and after a
// quantity was denied, another one may still complete the job. No two of these
// meet: they differ up to the first colon, and digits end at the second.
namespace konpro {
namespace {

std::string ReservationOf(absl::string_view id) {
  return absl::StrCat(kAdmittedJobPrefix, id);
}

absl::Status NotFound(absl::string_view account, absl::string_view id) {
  return absl::NotFoundError(absl::StrCat("account ", internal::Quoted(account),
                                          " has no reservation ",
                                          internal::Quoted(id)));
}

std::string RefusalText(const AccountEffect& effect,
                        absl::string_view reservation) {
  std::string text = absl::StrCat("reservation ", internal::Quoted(reservation),
                                  ": ", RefusalName(effect.refusal));
  switch (effect.refusal) {
    case Refusal::kReservationExpired:
      absl::StrAppend(&text, "; released ", effect.released.ToString());
      break;
    case Refusal::kAboveHold:
    case Refusal::kInsufficientCredits:
      absl::StrAppend(&text, "; need ", effect.shortage.need.ToString(),
                      ", held ", effect.shortage.held.ToString(),
                      ", available ", effect.shortage.available.ToString());
      break;
    default:
      break;
  }
  return text;
}

absl::Status RefusalError(const AccountEffect& effect,
                          absl::string_view reservation) {
  const std::string text = RefusalText(effect, reservation);
  if (effect.refusal == Refusal::kUnknownReservation) {
    return absl::NotFoundError(text);
  }
  absl::Status error = absl::FailedPreconditionError(text);
  SetRefusal(effect.refusal, error);
  return error;
}

}  // namespace

absl::StatusOr<std::string> Admission::OperationOf(
    absl::string_view account, absl::string_view reservation) const {
  const absl::StatusOr<uint64_t> sequence =
      parts_.ledger.FindCommand(account, ReservationOf(reservation));
  if (!sequence.ok()) return sequence.status();
  if (*sequence == 0) return NotFound(account, reservation);
  const absl::StatusOr<OwnedEntry> entry = parts_.ledger.ReadEntry(*sequence);
  if (!entry.ok()) return entry.status();
  if (!(*entry)->effect.applied() || !(*entry)->command.pricing.has_value()) {
    return NotFound(account, reservation);
  }
  return std::string((*entry)->command.pricing->operation);
}

absl::StatusOr<Settlement> Admission::Complete(const CompleteRequest& request,
                                               UnixNanos now) {
  if (request.quantity < 0) {
    return absl::InvalidArgumentError("quantity: is negative");
  }
  // First: a ledger that is ahead has forgotten the reservation's id.
  const absl::Status clock = CheckClock(now);
  if (!clock.ok()) return clock;
  const std::string reservation = ReservationOf(request.reservation);
  const std::string id =
      absl::StrCat("complete:", request.quantity, ":", request.reservation);
  const absl::StatusOr<LedgerOutcome> outcome =
      CaptureQuantity(parts_.ledger, parts_.catalog,
                      {.account = request.account,
                       .id = id,
                       .reservation = reservation,
                       .at = now,
                       .quantity = request.quantity,
                       .is_total = true,
                       .collects = true,
                       .implausible_factor = options_.implausible_factor});
  if (absl::IsNotFound(outcome.status())) {
    return NotFound(request.account, request.reservation);
  }
  if (!outcome.ok()) return outcome.status();
  return Settled({.account = std::string(request.account),
                  .reservation = std::string(request.reservation)},
                 *outcome);
}

absl::StatusOr<Settlement> Admission::Cancel(const CancelRequest& request,
                                             UnixNanos now) {
  const absl::Status clock = CheckClock(now);
  if (!clock.ok()) return clock;
  const std::string reservation = ReservationOf(request.reservation);
  const absl::StatusOr<uint64_t> sequence =
      parts_.ledger.FindCommand(request.account, reservation);
  if (!sequence.ok()) return sequence.status();
  if (*sequence == 0) return NotFound(request.account, request.reservation);
  const std::string id = absl::StrCat("cancel:", request.reservation);
  const absl::StatusOr<LedgerOutcome> outcome =
      parts_.ledger.Apply({.account = request.account,
                           .id = id,
                           .at = now,
                           .request = LedgerVoid{.reservation = reservation}});
  if (!outcome.ok()) return outcome.status();
  return Settled({.account = std::string(request.account),
                  .reservation = std::string(request.reservation),
                  .is_cancelled = true},
                 *outcome);
}

absl::StatusOr<Settlement> Admission::Settled(
    Settlement settlement, const LedgerOutcome& outcome) const {
  const AccountEffect& effect = outcome.effect;
  if (!effect.applied()) return RefusalError(effect, settlement.reservation);
  settlement.replayed = outcome.replayed;
  settlement.charged = *SumOf(effect.posted);
  settlement.uncollected = effect.uncollected;
  settlement.released = effect.released;
  settlement.balance = outcome.balance;
  if (options_.observer != nullptr) options_.observer->OnSettled(settlement);
  return settlement;
}

}  // namespace konpro
