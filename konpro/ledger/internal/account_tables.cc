#include "konpro/ledger/internal/account_tables.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace konpro::internal {
namespace {

// Burn-down order: what is drawn first.
bool IsDrawnBefore(const GrantState& a, const GrantState& b) {
  const auto is_paid = [](const GrantState& grant) {
    return grant.kind == GrantKind::kPaid;
  };
  return std::make_tuple(a.priority, a.expires_at, is_paid(a), a.effective_at,
                         a.number) < std::make_tuple(b.priority, b.expires_at,
                                                     is_paid(b), b.effective_at,
                                                     b.number);
}

// An empty slot of `table`, added if there is none.
template <typename Table>
uint32_t TakeSlot(Table& table, std::vector<uint32_t>& empty) {
  if (empty.empty()) {
    table.emplace_back();
    return static_cast<uint32_t>(table.size() - 1);
  }
  const uint32_t slot = empty.back();
  empty.pop_back();
  return slot;
}

}  // namespace

Credits Issued(const Places& places) {
  return Plus(Plus(Plus(places.free, places.reserved), places.posted),
              Plus(places.expired, places.voided));
}

Credits HeldBy(const ReservationState& reservation) {
  Credits held;
  for (const Draw& draw : reservation.held) held = Plus(held, draw.amount);
  return held;
}

uint32_t FindGrant(const AccountTables& state, uint64_t number) {
  const auto it = std::lower_bound(
      state.created.begin(), state.created.end(), number,
      [&](uint32_t slot, uint64_t n) { return state.grants[slot].number < n; });
  if (it == state.created.end() || state.grants[*it].number != number) {
    return kNoSlot;
  }
  return *it;
}

size_t FindSeries(const AccountTables& state, absl::string_view source,
                  absl::string_view item) {
  size_t index = 0;
  for (; index < state.allowances.size(); ++index) {
    const Allowance::Spec& spec = state.allowances[index].allowance.spec();
    if (spec.source == source && spec.item == item) break;
  }
  return index;
}

uint32_t InsertGrant(AccountTables& state, GrantState grant) {
  const uint32_t slot = TakeSlot(state.grants, state.empty_grants);
  state.grants[slot] = std::move(grant);
  const GrantState& kept = state.grants[slot];
  state.created.push_back(slot);
  state.grants_by_id.emplace(kept.id, slot);
  if (!HasEnded(kept, state.now)) {
    const auto place = std::lower_bound(
        state.burn_down.begin(), state.burn_down.end(), slot,
        [&](uint32_t a, uint32_t b) {
          return IsDrawnBefore(state.grants[a], state.grants[b]);
        });
    state.burn_down.insert(place, slot);
  }
  return slot;
}

ReservationState& InsertReservation(AccountTables& state, uint64_t sequence,
                                    UnixNanos expires_at) {
  const uint32_t slot = TakeSlot(state.reservations, state.empty_reservations);
  ReservationState& reservation = state.reservations[slot];
  reservation.sequence = sequence;
  reservation.captured = Credits();
  reservation.expires_at = expires_at;
  reservation.held.clear();
  state.reservations_by_sequence.emplace(sequence, slot);
  state.expiries.Insert(
      {.end = expires_at, .sequence = sequence, .slot = slot});
  return reservation;
}

__int128 Promised(const Allowance& allowance, int64_t next_index) {
  const Allowance::Spec& spec = allowance.spec();
  return (static_cast<__int128>(spec.amount.ticks()) +
          spec.rollover_max.ticks()) *
         (allowance.index_end() - next_index);
}

bool Fits(const AccountTables& state, __int128 more) {
  __int128 total = more + state.issued.ticks();
  for (const AllowanceState& series : state.allowances) {
    total += Promised(series.allowance, series.next_index);
  }
  return total <= Credits::Max().ticks();
}

void ScheduleGrants(AccountTables& state) {
  state.next_grant_event = UnixNanos::Max();
  for (const uint32_t slot : state.burn_down) {
    state.next_grant_event =
        std::min(state.next_grant_event, state.grants[slot].expires_at);
  }
  for (const AllowanceState& series : state.allowances) {
    state.next_grant_event =
        std::min(state.next_grant_event, series.next_begin);
  }
  ScheduleNext(state);
}

void ScheduleNext(AccountTables& state) {
  state.next_event = std::min(state.next_grant_event, state.expiries.next());
}

}  // namespace konpro::internal
