// A command of a ledger, applied to an account: ids and relative amounts are
// replaced by what they were resolved to. The result depends on the account and
// the arguments alone, so that replaying the journal gives the same accounts.
//
// Thread safety: pure functions.
#ifndef KONPRO_LEDGER_INTERNAL_APPLY_COMMAND_H_
#define KONPRO_LEDGER_INTERNAL_APPLY_COMMAND_H_

#include "konpro/ledger/account.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/ledger_command.h"

namespace konpro::internal {

// `effect` is overwritten.
void ApplyCommand(const EntryPlace& place, const LedgerCommand& command,
                  const Resolution& resolution, Account& account,
                  AccountEffect& effect);
inline void ApplyEntry(const JournalEntry& entry, Account& account,
                       AccountEffect& effect) {
  ApplyCommand(entry.place, entry.command, entry.resolution, account, effect);
}

// Whether two effects are equal in every field.
bool SameEffect(const AccountEffect& a, const AccountEffect& b);

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_APPLY_COMMAND_H_
