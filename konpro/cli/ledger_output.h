// What `konpro ledger` shows of accounts, entries and outcomes, as messages and
// as texts.
#ifndef KONPRO_CLI_LEDGER_OUTPUT_H_
#define KONPRO_CLI_LEDGER_OUTPUT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/cli/exit_code.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/journal.h"
#include "konpro/ledger/ledger_command.h"
#include "proto/ledger_report.pb.h"

namespace konpro::cli {

// "2026-11-01T00:00:00Z", "never" for Max(), "always" for 0.
std::string TimeText(UnixNanos time);

// Of a command: available, reserved, posted, expired. Else all six.
v1::LedgerBalance ToBalance(const Balance& balance, bool of_command);

// REQUIRES: the effect is a denial.
v1::LedgerDenial ToDenial(const AccountEffect& effect);

// "need 12.5, available 3, short 9.5"; "the reservation has expired; 6 were
// released".
std::string DenialText(const AccountEffect& effect);

// kOk where it was applied, kOverAvailable where credits were too few.
ExitCode CodeOf(const AccountEffect& effect);

// What was granted, held, posted or refunded.
Credits AmountOf(const LedgerRequest& request, const AccountEffect& effect);

v1::LedgerEntry ToEntry(const JournalEntry& entry);

v1::LedgerAccount ToAccount(absl::string_view id, const Account& account);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_LEDGER_OUTPUT_H_
