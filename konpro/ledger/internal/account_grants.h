// The grants of an account: adding one, making room for it, and what becomes of
// grants and allowances as time passes.
#ifndef KONPRO_LEDGER_INTERNAL_ACCOUNT_GRANTS_H_
#define KONPRO_LEDGER_INTERNAL_ACCOUNT_GRANTS_H_

#include <cstdint>

#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/internal/account_tables.h"

namespace konpro::internal {

inline bool IsTooLateToRefund(UnixNanos posted_at, UnixNanos now) {
  return now - posted_at >= AccountLimits::kRefundableFor;
}

// Whether the account can keep one more grant, if need be by folding others.
bool HasRoomForGrant(const AccountTables& s);

// Adds a grant with a free amount and returns its number. Folds settled grants
// to make room. The caller calls ScheduleGrants().
uint64_t AddGrant(AccountTables& s, GrantState grant, Credits amount);

// The free part of a voided grant does not roll over.
void StopRollover(AccountTables& s, const GrantState& grant);

// Expires the free part of every grant that ends now, and notes what of it
// rolls over.
void EndGrants(AccountTables& s);

// Makes the grants of all periods that begin now, and drops the series that
// have no further period.
void BeginPeriods(AccountTables& s);

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_ACCOUNT_GRANTS_H_
