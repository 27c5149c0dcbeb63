#include "konpro/ledger/internal/account_plan.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "konpro/ledger/internal/account_grants.h"

namespace konpro::internal {
namespace {

struct Wanted {
  Credits amount;
  absl::string_view operation;
  DrawMode mode = DrawMode::kNormal;
};

// Says in `effect` what was too little.
Refusal Refuse(Refusal refusal, const Shortage& shortage,
               AccountEffect& effect) {
  effect.shortage = shortage;
  return refusal;
}

// Replaces `draws` with what the account would give for it, in as many parts as
// that takes.
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
  if (wanted.mode == DrawMode::kCollect) {
    if (!CheckedAdd(s.uncollected, missing).has_value()) {
      return Refusal::kAmountTooLarge;
    }
    effect.uncollected = missing;
    return Refusal::kNone;
  }
  if (missing > Credits() &&
      (wanted.mode != DrawMode::kBestEffort || missing == wanted.amount)) {
    return Refuse(Refusal::kInsufficientCredits,
                  {.need = wanted.amount,
                   .held = ReservedFor(s, wanted.operation),
                   .available = Minus(wanted.amount, missing),
                   .missing = missing},
                  effect);
  }
  return Refusal::kNone;
}

bool IsMode(DrawMode mode) {
  return mode == DrawMode::kNormal || mode == DrawMode::kBestEffort ||
         mode == DrawMode::kCheckOnly || mode == DrawMode::kCollect;
}

bool IsOperation(absl::string_view operation) {
  return operation.size() <= AccountLimits::kOperationBytesMax;
}

bool IsWellFormed(const GrantCommand& command) {
  return !command.id.empty() &&
         command.id.size() <= AccountLimits::kGrantIdBytesMax &&
         command.amount > Credits() &&
         command.effective_at < command.expires_at &&
         command.operations.size() <= AccountLimits::kGrantOperationsMax &&
         std::all_of(command.operations.begin(), command.operations.end(),
                     [](const std::string& operation) {
                       return !operation.empty() && IsOperation(operation);
                     }) &&
         (command.kind == GrantKind::kPaid ||
          command.kind == GrantKind::kPromotional);
}

// The sum of what was posted; nullopt if the record cannot be of a posting.
std::optional<Credits> PostedSum(const AccountTables& s,
                                 absl::Span<const Allocation> posted) {
  for (const Allocation& part : posted) {
    if (part.grant == 0 || part.grant > s.grants_made ||
        part.amount < Credits()) {
      return std::nullopt;
    }
  }
  return SumOf(posted);
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

// Whether every grant has posted what is to come back to it. Sorts `draws`.
bool WerePosted(const AccountTables& s, std::vector<Draw>& draws) {
  std::sort(draws.begin(), draws.end(),
            [](const Draw& a, const Draw& b) { return a.slot < b.slot; });
  for (size_t i = 0; i < draws.size();) {
    const uint32_t slot = draws[i].slot;
    Credits sum;
    for (; i < draws.size() && draws[i].slot == slot; ++i) {
      sum = Plus(sum, draws[i].amount);
    }
    const Places& places = slot == kNoSlot ? s.folded : s.grants[slot].places;
    if (sum > places.posted) return false;
  }
  return true;
}

bool HasRoomForRefund(const AccountTables& s) {
  if (s.refunded.size() < AccountLimits::kRefundedPostingsMax) return true;
  return IsTooLateToRefund(s.refunded.begin()->second.posted_at, s.now);
}

}  // namespace

Credits AvailableFor(const AccountTables& s, absl::string_view operation) {
  Credits sum;
  ForEachDrawable(s, operation, [&](uint32_t, Credits free) {
    sum = Plus(sum, free);
    return true;
  });
  return sum;
}

Credits ReservedFor(const AccountTables& s, absl::string_view operation) {
  Credits sum;
  for (const uint32_t slot : s.burn_down) {
    const GrantState& grant = s.grants[slot];
    if (!MayDrawOn(grant.operations, operation)) continue;
    sum = Plus(sum, grant.places.reserved);
  }
  return sum;
}

Refusal PlanGrant(const AccountTables& s, const GrantCommand& command) {
  if (!IsWellFormed(command)) return Refusal::kMalformed;
  if (s.grants_by_id.contains(command.id)) return Refusal::kGrantExists;
  if (HasCome(command.expires_at, s.now)) return Refusal::kGrantEnded;
  if (!HasRoomForGrant(s)) return Refusal::kTooManyGrants;
  if (!Fits(s, command.amount.ticks())) return Refusal::kAmountTooLarge;
  return Refusal::kNone;
}

Refusal PlanAllowance(const AccountTables& s, const Allowance& allowance,
                      int64_t first) {
  const Allowance::Spec& spec = allowance.spec();
  if (FindSeries(s, spec.source, spec.item) != s.allowances.size()) {
    return Refusal::kAllowanceExists;
  }
  if (first >= allowance.index_end()) return Refusal::kGrantEnded;
  if (s.allowances.size() >= AccountLimits::kAllowancesMax) {
    return Refusal::kTooManyAllowances;
  }
  if (!Fits(s, Promised(allowance, first))) return Refusal::kAmountTooLarge;
  return Refusal::kNone;
}

Refusal PlanReserve(const AccountTables& s, const ReserveCommand& command,
                    std::vector<Draw>& draws, AccountEffect& effect) {
  if (command.amount < Credits() || !IsOperation(command.operation) ||
      !IsMode(command.mode) || command.mode == DrawMode::kCollect ||
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
  if (draws.size() > AccountLimits::kAllocationsMax) {
    return Refusal::kTooManyAllocations;
  }
  if (s.reservations_by_sequence.size() >=
      AccountLimits::kOpenReservationsMax) {
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

Refusal PlanCapture(const AccountTables& s, const CaptureCommand& command,
                    const ReservationState& reservation,
                    std::vector<Draw>& draws, AccountEffect& effect) {
  draws.clear();
  const Credits held = HeldBy(reservation);
  if (command.amount > held) {
    if (reservation.overrun == Overrun::kReject && !command.collects) {
      return Refuse(Refusal::kAboveHold,
                    {.need = command.amount,
                     .held = held,
                     .available = AvailableFor(s, reservation.operation),
                     .missing = Minus(command.amount, held)},
                    effect);
    }
    const Refusal refusal = PlanDraws(
        s,
        {.amount = Minus(command.amount, held),
         .operation = reservation.operation,
         .mode = command.collects ? DrawMode::kCollect : DrawMode::kNormal},
        draws, effect);
    if (refusal == Refusal::kInsufficientCredits) {
      effect.shortage.need = command.amount;
      effect.shortage.held = held;
    }
    if (refusal != Refusal::kNone) return refusal;
  }
  // Refunds let a reservation capture more than was ever issued.
  if (!CheckedAdd(reservation.captured,
                  Minus(command.amount, effect.uncollected))
           .has_value()) {
    effect.uncollected = Credits();
    return Refusal::kAmountTooLarge;
  }
  return Refusal::kNone;
}

Refusal PlanRefund(const AccountTables& s, const RefundCommand& command,
                   std::vector<Draw>& draws, AccountEffect& effect) {
  const std::optional<Credits> posted = PostedSum(s, command.posted);
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
    const Credits available = Minus(*posted, before);
    return Refuse(Refusal::kAboveSpend,
                  {.need = command.amount,
                   .available = available,
                   .missing = Minus(command.amount, available)},
                  effect);
  }
  PlanReturns(s, command, before, draws, effect.refunded);
  if (!WerePosted(s, draws)) return Refusal::kMalformed;
  if (!is_known && !HasRoomForRefund(s)) return Refusal::kTooManyRefunds;
  return Refusal::kNone;
}

}  // namespace konpro::internal
