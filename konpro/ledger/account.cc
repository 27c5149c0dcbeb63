#include "konpro/ledger/account.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "konpro/ledger/internal/account_grants.h"
#include "konpro/ledger/internal/account_plan.h"
#include "konpro/ledger/internal/account_reservations.h"

// Theory. Credits stand in places: of each grant, what is free, reserved,
// posted, expired and voided. Every rule is a sequence of Move()s between the
// places of one grant, so that the sum of its places stays what was issued. A
// command is planned on a constant account first, down to the part of each
// grant (account_plan.h), and only then carried out by Move()s that cannot
// fail.
//
// No sum overflows: places sum to what was issued in all, and a grant, or a
// whole series of them, is refused if that could ever leave the range.

namespace konpro {
namespace {

using ::konpro::internal::AccountTables;
using ::konpro::internal::Draw;
using ::konpro::internal::FindSeries;
using ::konpro::internal::GrantState;
using ::konpro::internal::HasCome;
using ::konpro::internal::HasEnded;
using ::konpro::internal::IsTooLateToRefund;
using ::konpro::internal::kNoSlot;
using ::konpro::internal::Minus;
using ::konpro::internal::Move;
using ::konpro::internal::Places;
using ::konpro::internal::Plus;
using ::konpro::internal::ReservationEnd;
using ::konpro::internal::ReservationState;
using ::konpro::internal::ReturnPlace;
using ::konpro::internal::ScheduleGrants;
using ::konpro::internal::ScheduleNext;

void AppendAllocations(const AccountTables& s, const std::vector<Draw>& draws,
                       std::vector<Allocation>& out) {
  for (const Draw& draw : draws) {
    out.push_back({.grant = s.grants[draw.slot].number, .amount = draw.amount});
  }
}

// Posts up to `amount` of what is held, in the recorded order.
void PostHeld(AccountTables& s, ReservationState& reservation, Credits amount,
              std::vector<Allocation>& posted) {
  size_t used_up = 0;
  for (Draw& draw : reservation.held) {
    if (amount == Credits()) break;
    GrantState& grant = s.grants[draw.slot];
    const Credits part = std::min(draw.amount, amount);
    Move(grant.places.reserved, grant.places.posted, part);
    grant.posted_at = s.now;
    posted.push_back({.grant = grant.number, .amount = part});
    draw.amount = Minus(draw.amount, part);
    amount = Minus(amount, part);
    if (draw.amount == Credits()) ++used_up;
  }
  reservation.held.erase(reservation.held.begin(),
                         reservation.held.begin() + used_up);
}

void PostFree(AccountTables& s, const std::vector<Draw>& draws,
              std::vector<Allocation>& posted) {
  AppendAllocations(s, draws, posted);
  for (const Draw& draw : draws) {
    GrantState& grant = s.grants[draw.slot];
    Move(grant.places.free, grant.places.posted, draw.amount);
    grant.posted_at = s.now;
  }
}

// What is too old to be refunded is refused without a look here.
void NoteRefund(AccountTables& s, const RefundCommand& command) {
  while (!s.refunded.empty() &&
         IsTooLateToRefund(s.refunded.begin()->second.posted_at, s.now)) {
    s.refunded.erase(s.refunded.begin());
  }
  if (command.amount == Credits()) return;
  auto& entry = s.refunded[command.posting];
  entry.posted_at = command.posted_at;
  entry.refunded = Plus(entry.refunded, command.amount);
}

}  // namespace

void Account::Advance(UnixNanos now) {
  if (now <= state_.now) return;
  if (HasCome(state_.next_event, now)) [[unlikely]]
    PassEvents(now);
  state_.now = now;
}

// At each instant: ends of grants, ends of reservations, begins of periods.
// What a reservation holds of a grant that ends in the same instant expires
// with it: the grant is the older one.
void Account::PassEvents(UnixNanos now) {
  AccountTables& s = state_;
  while (HasCome(s.next_event, now)) {
    s.now = s.next_event;
    const bool has_grant_event = s.next_grant_event == s.now;
    if (has_grant_event) EndGrants(s);
    ExpireReservations(s);
    if (has_grant_event) {
      BeginPeriods(s);
      ScheduleGrants(s);
    } else {
      ScheduleNext(s);
    }
  }
}

bool Account::Begin(const CommandMoment& moment, AccountEffect& effect) {
  Advance(moment.now);
  effect.Clear();
  if (moment.sequence <= state_.last_sequence) {
    effect.refusal = Refusal::kMalformed;
  }
  return effect.applied();
}

void Account::Apply(const AccountCommand& command, const CommandMoment& moment,
                    AccountEffect& effect) {
  std::visit([&](const auto& c) { Apply(c, moment, effect); }, command);
}

void Account::Apply(const GrantCommand& command, const CommandMoment& moment,
                    AccountEffect& effect) {
  if (!Begin(moment, effect)) return;
  effect.refusal = PlanGrant(state_, command);
  if (!effect.applied()) return;
  AddGrant(state_,
           {.effective_at = command.effective_at,
            .expires_at = command.expires_at,
            .priority = command.priority,
            .kind = command.kind,
            .id = command.id,
            .operations = command.operations},
           command.amount);
  ScheduleGrants(state_);
  state_.last_sequence = moment.sequence;
}

void Account::Apply(const AllowanceCommand& command,
                    const CommandMoment& moment, AccountEffect& effect) {
  if (!Begin(moment, effect)) return;
  const Allowance& allowance = command.allowance;
  const int64_t first = allowance.IndexAt(state_.now).value_or(0);
  effect.refusal = PlanAllowance(state_, allowance, first);
  if (!effect.applied()) return;
  state_.allowances.push_back({.allowance = allowance,
                               .next_index = first,
                               .next_begin = allowance.Begin(first)});
  BeginPeriods(state_);
  ScheduleGrants(state_);
  state_.last_sequence = moment.sequence;
}

void Account::Apply(const EndAllowanceCommand& command,
                    const CommandMoment& moment, AccountEffect& effect) {
  if (!Begin(moment, effect)) return;
  const size_t index = FindSeries(state_, command.source, command.item);
  if (index == state_.allowances.size()) {
    effect.refusal = Refusal::kUnknownAllowance;
    return;
  }
  state_.allowances.erase(state_.allowances.begin() + index);
  ScheduleGrants(state_);
  state_.last_sequence = moment.sequence;
}

void Account::Apply(const VoidGrantCommand& command,
                    const CommandMoment& moment, AccountEffect& effect) {
  if (!Begin(moment, effect)) return;
  const auto it = state_.grants_by_id.find(command.grant);
  if (it == state_.grants_by_id.end()) {
    effect.refusal = Refusal::kUnknownGrant;
    return;
  }
  GrantState& grant = state_.grants[it->second];
  if (HasEnded(grant, state_.now)) {
    effect.refusal = Refusal::kGrantEnded;
    return;
  }
  grant.is_voided = true;
  Move(grant.places.free, grant.places.voided, grant.places.free);
  std::erase(state_.burn_down, it->second);
  StopRollover(state_, grant);
  ScheduleGrants(state_);
  state_.last_sequence = moment.sequence;
}

void Account::Apply(const ReserveCommand& command, const CommandMoment& moment,
                    AccountEffect& effect) {
  if (!Begin(moment, effect)) return;
  effect.refusal = PlanReserve(state_, command, state_.draws, effect);
  if (!effect.applied()) return;
  AppendAllocations(state_, state_.draws, effect.held);
  if (command.mode == DrawMode::kCheckOnly) return;
  ReservationState& reservation =
      InsertReservation(state_, moment.sequence, command.expires_at);
  reservation.overrun = command.overrun;
  reservation.operation.assign(command.operation.data(),
                               command.operation.size());
  for (const Draw& draw : state_.draws) {
    Places& places = state_.grants[draw.slot].places;
    Move(places.free, places.reserved, draw.amount);
    reservation.held.push_back(draw);
  }
  ScheduleNext(state_);
  state_.last_sequence = moment.sequence;
}

void Account::Apply(const CaptureCommand& command, const CommandMoment& moment,
                    AccountEffect& effect) {
  if (!Begin(moment, effect)) return;
  if (command.amount < Credits()) {
    effect.refusal = Refusal::kMalformed;
    return;
  }
  const uint32_t slot = FindOpen(state_, command.reservation, effect);
  if (slot == kNoSlot) return;
  ReservationState& reservation = state_.reservations[slot];
  effect.refusal =
      PlanCapture(state_, command, reservation, state_.draws, effect);
  if (!effect.applied()) return;
  PostHeld(state_, reservation, command.amount, effect.posted);
  PostFree(state_, state_.draws, effect.posted);
  reservation.captured =
      Plus(reservation.captured, Minus(command.amount, effect.uncollected));
  state_.uncollected = Plus(state_.uncollected, effect.uncollected);
  if (command.final) {
    effect.released = CloseReservation(state_, slot, ReservationEnd::kCaptured);
    ScheduleNext(state_);
  }
  state_.last_sequence = moment.sequence;
}

void Account::Apply(const VoidCommand& command, const CommandMoment& moment,
                    AccountEffect& effect) {
  if (!Begin(moment, effect)) return;
  const uint32_t slot = FindOpen(state_, command.reservation, effect);
  if (slot == kNoSlot) return;
  effect.released = CloseReservation(state_, slot, ReservationEnd::kVoided);
  ScheduleNext(state_);
  state_.last_sequence = moment.sequence;
}

void Account::Apply(const SpendCommand& command, const CommandMoment& moment,
                    AccountEffect& effect) {
  if (!Begin(moment, effect)) return;
  effect.refusal = PlanSpend(state_, command, state_.draws, effect);
  if (!effect.applied()) return;
  if (command.mode == DrawMode::kCheckOnly) {
    AppendAllocations(state_, state_.draws, effect.posted);
    return;
  }
  PostFree(state_, state_.draws, effect.posted);
  state_.uncollected = Plus(state_.uncollected, effect.uncollected);
  state_.last_sequence = moment.sequence;
}

void Account::Apply(const RefundCommand& command, const CommandMoment& moment,
                    AccountEffect& effect) {
  if (!Begin(moment, effect)) return;
  effect.refusal = PlanRefund(state_, command, state_.draws, effect);
  if (!effect.applied()) {
    effect.refunded.clear();
    return;
  }
  for (const Draw& draw : state_.draws) {
    if (draw.slot == kNoSlot) {
      Move(state_.folded.posted, state_.folded.expired, draw.amount);
      continue;
    }
    GrantState& grant = state_.grants[draw.slot];
    Move(grant.places.posted, ReturnPlace(grant, state_.now), draw.amount);
  }
  NoteRefund(state_, command);
  state_.last_sequence = moment.sequence;
}

}  // namespace konpro
