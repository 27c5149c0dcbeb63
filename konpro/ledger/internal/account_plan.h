// Plans of the commands of an account: each looks at a constant account, and
// returns why the command is refused, or kNone and the parts of grants that it
// moves. account.cc carries a plan out, and cannot fail.
#ifndef KONPRO_LEDGER_INTERNAL_ACCOUNT_PLAN_H_
#define KONPRO_LEDGER_INTERNAL_ACCOUNT_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/base/credits.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/allowance.h"
#include "konpro/ledger/internal/account_tables.h"

namespace konpro::internal {

// Whether an operation may draw on a grant for `operations`: a grant without
// operations is for all of them.
inline bool MayDrawOn(absl::Span<const std::string> operations,
                      absl::string_view operation) {
  if (operations.empty()) return true;
  // Shorter than std::any_of(), which is made for long lists.
  for (const std::string& o : operations) {
    if (absl::string_view(o) == operation) return true;
  }
  return false;
}

// Calls visit(slot, free) for what `operation` can draw on now, in burn-down
// order, until it returns false.
template <typename Visit>
void ForEachDrawable(const AccountTables& s, absl::string_view operation,
                     Visit visit) {
  for (const uint32_t slot : s.burn_down) {
    const GrantState& grant = s.grants[slot];
    if (grant.places.free == Credits() || grant.effective_at > s.now ||
        !MayDrawOn(grant.operations, operation)) {
      continue;
    }
    if (!visit(slot, grant.places.free)) return;
  }
}

// What `operation` can draw on now.
Credits AvailableFor(const AccountTables& s, absl::string_view operation);
// What open reservations hold of grants that `operation` may draw on and that
// have not ended: released, it would be available to the operation.
Credits ReservedFor(const AccountTables& s, absl::string_view operation);

Refusal PlanGrant(const AccountTables& s, const GrantCommand& command);

// `first`: the first period that it would grant.
Refusal PlanAllowance(const AccountTables& s, const Allowance& allowance,
                      int64_t first);

// These replace `draws`, and overwrite what `effect` says of a refusal.
Refusal PlanReserve(const AccountTables& s, const ReserveCommand& command,
                    std::vector<Draw>& draws, AccountEffect& effect);
Refusal PlanSpend(const AccountTables& s, const SpendCommand& command,
                  std::vector<Draw>& draws, AccountEffect& effect);
// `draws`: of what is above the hold.
Refusal PlanCapture(const AccountTables& s, const CaptureCommand& command,
                    const ReservationState& reservation,
                    std::vector<Draw>& draws, AccountEffect& effect);
// `draws` and effect.refunded are the same parts, by slot (kNoSlot: a folded
// grant) and by number.
Refusal PlanRefund(const AccountTables& s, const RefundCommand& command,
                   std::vector<Draw>& draws, AccountEffect& effect);

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_ACCOUNT_PLAN_H_
