#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "konpro/ledger/account.h"
#include "konpro/ledger/internal/account_plan.h"

// What can be read of an account.

namespace konpro {
namespace {

using ::konpro::internal::AllowanceState;
using ::konpro::internal::GrantState;
using ::konpro::internal::HeldBy;
using ::konpro::internal::Issued;
using ::konpro::internal::kNoSlot;
using ::konpro::internal::Places;
using ::konpro::internal::Plus;
using ::konpro::internal::ReservationState;

Balance BalanceOf(const Places& places, bool is_effective) {
  return {.available = is_effective ? places.free : Credits(),
          .pending = is_effective ? Credits() : places.free,
          .reserved = places.reserved,
          .posted = places.posted,
          .expired = places.expired,
          .voided = places.voided,
          .uncollected = Credits()};
}

void Add(Balance& sum, const Balance& more) {
  sum.available = Plus(sum.available, more.available);
  sum.pending = Plus(sum.pending, more.pending);
  sum.reserved = Plus(sum.reserved, more.reserved);
  sum.posted = Plus(sum.posted, more.posted);
  sum.expired = Plus(sum.expired, more.expired);
  sum.voided = Plus(sum.voided, more.voided);
  sum.uncollected = Plus(sum.uncollected, more.uncollected);
}

ReservationView ViewOf(const ReservationState& reservation) {
  return {.sequence = reservation.sequence,
          .held = HeldBy(reservation),
          .captured = reservation.captured,
          .expires_at = reservation.expires_at,
          .operation = reservation.operation,
          .overrun = reservation.overrun};
}

}  // namespace

Balance Account::balance() const {
  Balance sum = folded();
  sum.uncollected = state_.uncollected;
  for (const uint32_t slot : state_.created) {
    const GrantState& grant = state_.grants[slot];
    Add(sum, BalanceOf(grant.places, grant.effective_at <= state_.now));
  }
  return sum;
}

Credits Account::AvailableFor(absl::string_view operation) const {
  return internal::AvailableFor(state_, operation);
}

Balance Account::folded() const {
  return BalanceOf(state_.folded, /*is_effective=*/true);
}

absl::string_view Account::GrantId(uint64_t number) const {
  const uint32_t slot = internal::FindGrant(state_, number);
  return slot == kNoSlot ? "" : absl::string_view(state_.grants[slot].id);
}

std::vector<GrantView> Account::Grants() const {
  std::vector<GrantView> views;
  for (const uint32_t slot : state_.created) {
    const GrantState& grant = state_.grants[slot];
    views.push_back(
        {.number = grant.number,
         .id = grant.id,
         .issued = Issued(grant.places),
         .priority = grant.priority,
         .effective_at = grant.effective_at,
         .expires_at = grant.expires_at,
         .operations = grant.operations,
         .kind = grant.kind,
         .is_voided = grant.is_voided,
         .balance = BalanceOf(grant.places, grant.effective_at <= state_.now)});
  }
  return views;
}

std::vector<ReservationView> Account::Reservations() const {
  std::vector<ReservationView> views;
  for (const ReservationState& reservation : state_.reservations) {
    if (reservation.sequence != 0) views.push_back(ViewOf(reservation));
  }
  std::sort(views.begin(), views.end(), [](const auto& a, const auto& b) {
    return a.sequence < b.sequence;
  });
  return views;
}

std::optional<ReservationView> Account::FindReservation(
    uint64_t sequence) const {
  const auto found = state_.reservations_by_sequence.find(sequence);
  if (found == state_.reservations_by_sequence.end()) return std::nullopt;
  return ViewOf(state_.reservations[found->second]);
}

std::vector<Allowance> Account::Allowances() const {
  std::vector<Allowance> allowances;
  for (const AllowanceState& series : state_.allowances) {
    allowances.push_back(series.allowance);
  }
  return allowances;
}

bool operator==(const Account& a, const Account& b) {
  std::string a_bytes;
  std::string b_bytes;
  a.EncodeTo(a_bytes);
  b.EncodeTo(b_bytes);
  return a_bytes == b_bytes;
}

}  // namespace konpro
