#include "konpro/ledger/internal/account_reservations.h"

#include <algorithm>

namespace konpro::internal {
namespace {

// The closed reservation that was made at `sequence`, or nullptr.
const ClosedReservation* FindClosed(const AccountTables& s, uint64_t sequence) {
  const auto it =
      std::find_if(s.closed.begin(), s.closed.end(),
                   [&](const auto& c) { return c.sequence == sequence; });
  return it == s.closed.end() ? nullptr : &*it;
}

void Remember(AccountTables& s, const ClosedReservation& closed) {
  if (s.closed.size() < AccountLimits::kClosedReservationsMax) {
    s.closed.push_back(closed);
    return;
  }
  s.closed[s.closed_begin] = closed;
  s.closed_begin = (s.closed_begin + 1) % s.closed.size();
}

}  // namespace

Credits CloseReservation(AccountTables& s, uint32_t slot, ReservationEnd end) {
  ReservationState& reservation = s.reservations[slot];
  Credits released;
  for (const Draw& draw : reservation.held) {
    GrantState& grant = s.grants[draw.slot];
    Move(grant.places.reserved, ReturnPlace(grant, s.now), draw.amount);
    released = Plus(released, draw.amount);
  }
  Remember(s, {.sequence = reservation.sequence,
               .end = end,
               .captured = reservation.captured,
               .released = released});
  s.reservations_by_sequence.erase(reservation.sequence);
  s.expiries.Erase(slot);
  reservation.sequence = 0;
  s.empty_reservations.push_back(slot);
  return released;
}

void ExpireReservations(AccountTables& s) {
  while (HasCome(s.expiries.next(), s.now)) {
    CloseReservation(s, s.expiries.top().slot, ReservationEnd::kExpired);
  }
}

uint32_t FindOpen(const AccountTables& s, uint64_t sequence,
                  AccountEffect& effect) {
  const auto it = s.reservations_by_sequence.find(sequence);
  if (it != s.reservations_by_sequence.end()) return it->second;
  const ClosedReservation* closed = FindClosed(s, sequence);
  if (closed == nullptr) {
    effect.refusal = Refusal::kUnknownReservation;
    return kNoSlot;
  }
  switch (closed->end) {
    case ReservationEnd::kCaptured:
      effect.refusal = Refusal::kReservationCaptured;
      break;
    case ReservationEnd::kVoided:
      effect.refusal = Refusal::kReservationVoided;
      break;
    case ReservationEnd::kExpired:
      effect.refusal = Refusal::kReservationExpired;
      effect.released = closed->released;
      break;
  }
  return kNoSlot;
}

}  // namespace konpro::internal
