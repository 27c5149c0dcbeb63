#include "konpro/ledger/account.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

// Theory. Credits stand in places: of each grant, what is free, reserved,
// posted, expired and voided. Every rule below is a sequence of Move()s between
// the places of one grant, so that what was issued stays in the books. A
// command is planned on a constant account first, down to the part of each
// grant, and only then carried out by Move()s that cannot fail.
//
// No sum overflows: places sum to what was issued in all, and a grant, or a
// whole series of them, is refused where that could ever leave the range.

namespace konpro {
namespace {

using ::konpro::internal::AccountTables;
using ::konpro::internal::AllowanceState;
using ::konpro::internal::ClosedReservation;
using ::konpro::internal::Draw;
using ::konpro::internal::FindSeries;
using ::konpro::internal::Fits;
using ::konpro::internal::GrantState;
using ::konpro::internal::HasCome;
using ::konpro::internal::HasEnded;
using ::konpro::internal::HeldBy;
using ::konpro::internal::Issued;
using ::konpro::internal::kNoSlot;
using ::konpro::internal::Minus;
using ::konpro::internal::Move;
using ::konpro::internal::Places;
using ::konpro::internal::Plus;
using ::konpro::internal::Promised;
using ::konpro::internal::ReservationEnd;
using ::konpro::internal::ReservationState;
using ::konpro::internal::ReturnPlace;
using ::konpro::internal::ScheduleGrants;
using ::konpro::internal::ScheduleNext;

// Grants.

bool IsTooLateToRefund(UnixNanos posted_at, UnixNanos now) {
  return now - posted_at >= Account::kRefundableFor;
}

// Whether nothing can happen to it any more but a refund to what has ended.
bool IsFoldable(const GrantState& grant, UnixNanos now) {
  if (grant.places.reserved != Credits()) return false;
  return HasEnded(grant, now) || (grant.places.free == Credits() &&
                                  IsTooLateToRefund(grant.posted_at, now));
}

// What is left of it when it ends does not roll over.
void Unlink(AccountTables& s, const GrantState& grant) {
  for (AllowanceState& series : s.allowances) {
    if (series.current_grant == grant.number) series.current_grant = 0;
  }
}

// Whether folding makes room for one more.
bool HasRoomForGrant(const AccountTables& s) {
  if (s.created.size() < Account::kGrantsMax) return true;
  size_t needed = s.created.size() + 1 - Account::kGrantsMax;
  for (const uint32_t slot : s.created) {
    if (IsFoldable(s.grants[slot], s.now) && --needed == 0) return true;
  }
  return false;
}

void Fold(AccountTables& s, std::vector<uint32_t>::iterator place) {
  GrantState& grant = s.grants[*place];
  s.folded.posted = Plus(s.folded.posted, grant.places.posted);
  s.folded.expired = Plus(s.folded.expired, grant.places.expired);
  s.folded.voided = Plus(s.folded.voided, grant.places.voided);
  s.grants_by_id.erase(grant.id);
  std::erase(s.burn_down, *place);
  Unlink(s, grant);
  grant = GrantState();
  s.empty_grants.push_back(*place);
  s.created.erase(place);
}

void MakeRoomForGrant(AccountTables& s) {
  while (s.created.size() >= Account::kGrantsMax) {
    const auto oldest = std::find_if(
        s.created.begin(), s.created.end(),
        [&](uint32_t slot) { return IsFoldable(s.grants[slot], s.now); });
    if (oldest == s.created.end()) return;
    Fold(s, oldest);
  }
}

uint64_t AddGrant(AccountTables& s, GrantState grant, Credits amount) {
  MakeRoomForGrant(s);
  s.issued = Plus(s.issued, amount);
  grant.number = ++s.grants_made;
  grant.places.free = amount;
  InsertGrant(s, std::move(grant));
  return s.grants_made;
}

// Time.

// The free part of what ends now expires, and may roll over.
void EndGrants(AccountTables& s) {
  for (const uint32_t slot : s.burn_down) {
    GrantState& grant = s.grants[slot];
    if (!HasEnded(grant, s.now)) continue;
    const Credits free = grant.places.free;
    Move(grant.places.free, grant.places.expired, free);
    for (AllowanceState& series : s.allowances) {
      if (series.current_grant != grant.number) continue;
      series.carried = std::min(free, series.allowance.spec().rollover_max);
      series.current_grant = 0;
    }
  }
  std::erase_if(s.burn_down,
                [&](uint32_t slot) { return HasEnded(s.grants[slot], s.now); });
}

// The grant of the period that begins at next_begin. Periods of no length, and
// those that another time zone database puts before it, have none.
void BeginPeriod(AccountTables& s, AllowanceState& series) {
  const Allowance& allowance = series.allowance;
  const UnixNanos begin = series.next_begin;
  while (series.next_index < allowance.index_end() &&
         series.next_begin <= begin) {
    series.next_begin = allowance.Begin(++series.next_index);
  }
  if (series.next_begin <= begin) return;
  const std::string id = allowance.GrantId(series.next_index - 1);
  const auto known = s.grants_by_id.find(id);
  const Credits carried = std::exchange(series.carried, Credits());
  if (known != s.grants_by_id.end()) {
    const GrantState& grant = s.grants[known->second];
    const bool is_current =
        !HasEnded(grant, s.now) && grant.expires_at == series.next_begin;
    series.current_grant = is_current ? grant.number : 0;
    return;
  }
  const Allowance::Spec& spec = allowance.spec();
  series.current_grant = AddGrant(s,
                                  {.effective_at = begin,
                                   .expires_at = series.next_begin,
                                   .priority = spec.priority,
                                   .kind = spec.kind,
                                   .id = id,
                                   .operations = spec.operations},
                                  Plus(spec.amount, carried));
}

// Begins what begins now, and drops the series that have no further period.
void BeginPeriods(AccountTables& s) {
  for (AllowanceState& series : s.allowances) {
    if (HasCome(series.next_begin, s.now)) BeginPeriod(s, series);
  }
  std::erase_if(s.allowances, [](const AllowanceState& series) {
    return series.next_index >= series.allowance.index_end();
  });
}

// Reservations.

// The place of a closed reservation that was made at `sequence`, or nullptr.
const ClosedReservation* FindClosed(const AccountTables& s, uint64_t sequence) {
  const auto it =
      std::find_if(s.closed.begin(), s.closed.end(),
                   [&](const auto& c) { return c.sequence == sequence; });
  return it == s.closed.end() ? nullptr : &*it;
}

void Remember(AccountTables& s, const ClosedReservation& closed) {
  if (s.closed.size() < Account::kClosedReservationsMax) {
    s.closed.push_back(closed);
    return;
  }
  s.closed[s.closed_begin] = closed;
  s.closed_begin = (s.closed_begin + 1) % s.closed.size();
}

// Releases all that is held; returns how much that is.
Credits Close(AccountTables& s, uint32_t slot, ReservationEnd end) {
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
    Close(s, s.expiries.top().slot, ReservationEnd::kExpired);
  }
}

// The slot of an open reservation; where there is none, kNoSlot and why.
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

// Drawing.

bool MayDrawOn(const GrantState& grant, absl::string_view operation) {
  return grant.operations.empty() ||
         std::any_of(grant.operations.begin(), grant.operations.end(),
                     [&](const std::string& o) { return o == operation; });
}

// Calls visit(slot, free) for what `operation` can draw on now, in burn-down
// order, until it returns false.
template <typename Visit>
void ForEachDrawable(const AccountTables& s, absl::string_view operation,
                     Visit visit) {
  for (const uint32_t slot : s.burn_down) {
    const GrantState& grant = s.grants[slot];
    if (grant.places.free == Credits() || grant.effective_at > s.now ||
        !MayDrawOn(grant, operation)) {
      continue;
    }
    if (!visit(slot, grant.places.free)) return;
  }
}

struct Wanted {
  Credits amount;
  absl::string_view operation;
  DrawMode mode = DrawMode::kNormal;
};

// Replaces `draws` by what the account would give for it.
Refusal PlanDraws(const AccountTables& s, const Wanted& wanted,
                  std::vector<Draw>& draws, AccountEffect& effect) {
  draws.clear();
  Credits missing = wanted.amount;
  if (missing > Credits()) {
    ForEachDrawable(s, wanted.operation, [&](uint32_t slot, Credits free) {
      const Credits part = std::min(free, missing);
      draws.push_back({.slot = slot, .amount = part});
      missing = Minus(missing, part);
      return missing > Credits();
    });
  }
  if (missing > Credits() &&
      (wanted.mode != DrawMode::kBestEffort || missing == wanted.amount)) {
    effect.need = wanted.amount;
    effect.available = Minus(wanted.amount, missing);
    return Refusal::kInsufficientCredits;
  }
  if (draws.size() > Account::kAllocationsMax) {
    return Refusal::kTooManyAllocations;
  }
  return Refusal::kNone;
}

void AppendAllocations(const AccountTables& s, const std::vector<Draw>& draws,
                       std::vector<Allocation>& out) {
  for (const Draw& draw : draws) {
    out.push_back({.grant = s.grants[draw.slot].number, .amount = draw.amount});
  }
}

bool IsMode(DrawMode mode) {
  return mode == DrawMode::kNormal || mode == DrawMode::kBestEffort ||
         mode == DrawMode::kCheckOnly;
}

bool IsOperation(absl::string_view operation) {
  return operation.size() <= Account::kOperationBytesMax;
}

// Plans: each says why a command is refused, or kNone.

bool IsWellFormed(const GrantCommand& command) {
  return !command.id.empty() &&
         command.id.size() <= Account::kGrantIdBytesMax &&
         command.amount > Credits() &&
         command.effective_at < command.expires_at &&
         command.operations.size() <= Account::kGrantOperationsMax &&
         std::all_of(command.operations.begin(), command.operations.end(),
                     [](const std::string& operation) {
                       return !operation.empty() && IsOperation(operation);
                     }) &&
         (command.kind == GrantKind::kPaid ||
          command.kind == GrantKind::kPromotional);
}

Refusal Plan(const AccountTables& s, const GrantCommand& command) {
  if (!IsWellFormed(command)) return Refusal::kMalformed;
  if (s.grants_by_id.contains(command.id)) return Refusal::kGrantExists;
  if (HasCome(command.expires_at, s.now)) return Refusal::kGrantEnded;
  if (!HasRoomForGrant(s)) return Refusal::kTooManyGrants;
  if (!Fits(s, command.amount.ticks())) return Refusal::kAmountTooLarge;
  return Refusal::kNone;
}

// `first`: the first period that it would grant.
Refusal Plan(const AccountTables& s, const Allowance& allowance,
             int64_t first) {
  const Allowance::Spec& spec = allowance.spec();
  if (FindSeries(s, spec.source, spec.item) != s.allowances.size()) {
    return Refusal::kAllowanceExists;
  }
  if (first >= allowance.index_end()) return Refusal::kGrantEnded;
  if (s.allowances.size() >= Account::kAllowancesMax) {
    return Refusal::kTooManyAllowances;
  }
  if (!Fits(s, Promised(allowance, first))) return Refusal::kAmountTooLarge;
  return Refusal::kNone;
}

Refusal PlanReserve(const AccountTables& s, const ReserveCommand& command,
                    std::vector<Draw>& draws, AccountEffect& effect) {
  if (command.amount < Credits() || !IsOperation(command.operation) ||
      !IsMode(command.mode) ||
      (command.overrun != Overrun::kReject &&
       command.overrun != Overrun::kTopUp) ||
      HasCome(command.expires_at, s.now)) {
    return Refusal::kMalformed;
  }
  const Refusal refusal = PlanDraws(s,
                                    {.amount = command.amount,
                                     .operation = command.operation,
                                     .mode = command.mode},
                                    draws, effect);
  if (refusal != Refusal::kNone) return refusal;
  if (s.reservations_by_sequence.size() >= Account::kOpenReservationsMax) {
    return Refusal::kTooManyReservations;
  }
  return Refusal::kNone;
}

Refusal PlanSpend(const AccountTables& s, const SpendCommand& command,
                  std::vector<Draw>& draws, AccountEffect& effect) {
  if (command.amount < Credits() || !IsOperation(command.operation) ||
      !IsMode(command.mode)) {
    return Refusal::kMalformed;
  }
  return PlanDraws(s,
                   {.amount = command.amount,
                    .operation = command.operation,
                    .mode = command.mode},
                   draws, effect);
}

// Plans `draws` for what is above the hold.
Refusal PlanCapture(const AccountTables& s, const CaptureCommand& command,
                    const ReservationState& reservation,
                    std::vector<Draw>& draws, AccountEffect& effect) {
  draws.clear();
  const Credits held = HeldBy(reservation);
  if (command.amount > held) {
    if (reservation.overrun == Overrun::kReject) {
      effect.need = command.amount;
      effect.available = held;
      return Refusal::kAboveHold;
    }
    const Refusal refusal = PlanDraws(s,
                                      {.amount = Minus(command.amount, held),
                                       .operation = reservation.operation},
                                      draws, effect);
    if (refusal != Refusal::kNone) return refusal;
    if (reservation.held.size() + draws.size() > Account::kAllocationsMax) {
      return Refusal::kTooManyAllocations;
    }
  }
  // Refunds let a reservation capture more than was ever issued.
  if (!CheckedAdd(reservation.captured, command.amount).has_value()) {
    return Refusal::kAmountTooLarge;
  }
  return Refusal::kNone;
}

// The sum of what was posted; nullopt where the record cannot be of a posting.
std::optional<Credits> SumOf(const AccountTables& s,
                             absl::Span<const Allocation> posted) {
  if (posted.size() > Account::kAllocationsMax) return std::nullopt;
  std::optional<Credits> sum = Credits();
  for (const Allocation& part : posted) {
    if (part.grant == 0 || part.grant > s.grants_made ||
        part.amount < Credits()) {
      return std::nullopt;
    }
    sum = CheckedAdd(*sum, part.amount);
    if (!sum.has_value()) return std::nullopt;
  }
  return sum;
}

// Plans what comes back from the end of the record, `skipped` having come back
// before. `draws` and `refunded` are the same parts, by slot (kNoSlot: folded)
// and by number.
void PlanReturns(const AccountTables& s, const RefundCommand& command,
                 Credits skipped, std::vector<Draw>& draws,
                 std::vector<Allocation>& refunded) {
  draws.clear();
  Credits missing = command.amount;
  for (size_t i = command.posted.size(); i-- > 0;) {
    const Allocation& part = command.posted[i];
    const Credits gone = std::min(skipped, part.amount);
    skipped = Minus(skipped, gone);
    const Credits amount = std::min(missing, Minus(part.amount, gone));
    if (amount == Credits()) continue;
    missing = Minus(missing, amount);
    draws.push_back({.slot = FindGrant(s, part.grant), .amount = amount});
    refunded.push_back({.grant = part.grant, .amount = amount});
  }
}

// Whether every grant has posted what is to come back to it.
bool WerePosted(const AccountTables& s, const std::vector<Draw>& draws) {
  return std::all_of(draws.begin(), draws.end(), [&](const Draw& draw) {
    Credits sum;
    for (const Draw& other : draws) {
      if (other.slot == draw.slot) sum = Plus(sum, other.amount);
    }
    return sum <= (draw.slot == kNoSlot ? s.folded.posted
                                        : s.grants[draw.slot].places.posted);
  });
}

bool HasRoomForRefund(const AccountTables& s) {
  if (s.refunded.size() < Account::kRefundedPostingsMax) return true;
  return IsTooLateToRefund(s.refunded.begin()->second.posted_at, s.now);
}

Refusal PlanRefund(const AccountTables& s, const RefundCommand& command,
                   std::vector<Draw>& draws, AccountEffect& effect) {
  const std::optional<Credits> posted = SumOf(s, command.posted);
  if (command.amount < Credits() || !posted.has_value() ||
      command.posted_at > s.now || command.posting == 0 ||
      command.posting > s.last_sequence) {
    return Refusal::kMalformed;
  }
  if (IsTooLateToRefund(command.posted_at, s.now)) {
    return Refusal::kTooLateToRefund;
  }
  const auto known = s.refunded.find(command.posting);
  const bool is_known = known != s.refunded.end();
  const Credits before = is_known ? known->second.refunded : Credits();
  if (before > *posted) return Refusal::kMalformed;
  if (command.amount > Minus(*posted, before)) {
    effect.need = command.amount;
    effect.available = Minus(*posted, before);
    return Refusal::kAboveSpend;
  }
  PlanReturns(s, command, before, draws, effect.refunded);
  if (!WerePosted(s, draws)) return Refusal::kMalformed;
  if (!is_known && !HasRoomForRefund(s)) return Refusal::kTooManyRefunds;
  return Refusal::kNone;
}

// Carrying out what was planned.

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

Balance BalanceOf(const Places& places, bool is_effective) {
  return {.available = is_effective ? places.free : Credits(),
          .pending = is_effective ? Credits() : places.free,
          .reserved = places.reserved,
          .posted = places.posted,
          .expired = places.expired,
          .voided = places.voided};
}

void Add(Balance& sum, const Balance& more) {
  sum.available = Plus(sum.available, more.available);
  sum.pending = Plus(sum.pending, more.pending);
  sum.reserved = Plus(sum.reserved, more.reserved);
  sum.posted = Plus(sum.posted, more.posted);
  sum.expired = Plus(sum.expired, more.expired);
  sum.voided = Plus(sum.voided, more.voided);
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
  effect.refusal = Plan(state_, command);
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
  effect.refusal = Plan(state_, allowance, first);
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
  Unlink(state_, grant);
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
      internal::InsertReservation(state_, moment.sequence, command.expires_at);
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
  reservation.captured = Plus(reservation.captured, command.amount);
  if (command.final) {
    effect.released = Close(state_, slot, ReservationEnd::kCaptured);
    ScheduleNext(state_);
  }
  state_.last_sequence = moment.sequence;
}

void Account::Apply(const VoidCommand& command, const CommandMoment& moment,
                    AccountEffect& effect) {
  if (!Begin(moment, effect)) return;
  const uint32_t slot = FindOpen(state_, command.reservation, effect);
  if (slot == kNoSlot) return;
  effect.released = Close(state_, slot, ReservationEnd::kVoided);
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

Balance Account::balance() const {
  Balance sum = folded();
  for (const uint32_t slot : state_.created) {
    const GrantState& grant = state_.grants[slot];
    Add(sum, BalanceOf(grant.places, grant.effective_at <= state_.now));
  }
  return sum;
}

Credits Account::AvailableFor(absl::string_view operation) const {
  Credits sum;
  ForEachDrawable(state_, operation, [&](uint32_t, Credits free) {
    sum = Plus(sum, free);
    return true;
  });
  return sum;
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
