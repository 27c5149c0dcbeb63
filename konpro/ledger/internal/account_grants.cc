#include "konpro/ledger/internal/account_grants.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace konpro::internal {
namespace {

// Whether nothing but a refund to an ended grant can still change it.
bool IsFoldable(const GrantState& grant, UnixNanos now) {
  if (grant.places.reserved != Credits()) return false;
  return HasEnded(grant, now) || (grant.places.free == Credits() &&
                                  IsTooLateToRefund(grant.posted_at, now));
}

void Fold(AccountTables& s, std::vector<uint32_t>::iterator place) {
  GrantState& grant = s.grants[*place];
  s.folded.posted = Plus(s.folded.posted, grant.places.posted);
  s.folded.expired = Plus(s.folded.expired, grant.places.expired);
  s.folded.voided = Plus(s.folded.voided, grant.places.voided);
  s.grants_by_id.erase(grant.id);
  std::erase(s.burn_down, *place);
  StopRollover(s, grant);
  grant = GrantState();
  s.empty_grants.push_back(*place);
  s.created.erase(place);
}

void MakeRoomForGrant(AccountTables& s) {
  while (s.created.size() >= AccountLimits::kGrantsMax) {
    const auto oldest = std::find_if(
        s.created.begin(), s.created.end(),
        [&](uint32_t slot) { return IsFoldable(s.grants[slot], s.now); });
    if (oldest == s.created.end()) return;
    Fold(s, oldest);
  }
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

}  // namespace

void StopRollover(AccountTables& s, const GrantState& grant) {
  for (AllowanceState& series : s.allowances) {
    if (series.current_grant == grant.number) series.current_grant = 0;
  }
}

bool HasRoomForGrant(const AccountTables& s) {
  if (s.created.size() < AccountLimits::kGrantsMax) return true;
  size_t needed = s.created.size() + 1 - AccountLimits::kGrantsMax;
  for (const uint32_t slot : s.created) {
    if (IsFoldable(s.grants[slot], s.now) && --needed == 0) return true;
  }
  return false;
}

uint64_t AddGrant(AccountTables& s, GrantState grant, Credits amount) {
  MakeRoomForGrant(s);
  s.issued = Plus(s.issued, amount);
  grant.number = ++s.grants_made;
  grant.places.free = amount;
  InsertGrant(s, std::move(grant));
  return s.grants_made;
}

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

void BeginPeriods(AccountTables& s) {
  for (AllowanceState& series : s.allowances) {
    if (HasCome(series.next_begin, s.now)) BeginPeriod(s, series);
  }
  std::erase_if(s.allowances, [](const AllowanceState& series) {
    return series.next_index >= series.allowance.index_end();
  });
}

}  // namespace konpro::internal
