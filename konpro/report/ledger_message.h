// The ledger's accounts, entries and outcomes as messages (proto/ledger.proto),
// and as tables and text.
//
//   const absl::StatusOr<Account> account = ledger->AccountAt("acme", now);
//   PrintJson(ToAccountCredits("acme", *account), out);
//   PrintCreditsText(ToAccountCredits("acme", *account), out);
//
// Thread safety: pure but for `out`.
#ifndef KONPRO_REPORT_LEDGER_MESSAGE_H_
#define KONPRO_REPORT_LEDGER_MESSAGE_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/ingest.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/statement.h"
#include "proto/backup.pb.h"
#include "proto/ledger.pb.h"

namespace konpro {

// REQUIRES: the effect is a denial.
v1::LedgerDenial ToDenial(const AccountEffect& effect);

// A denial for people: "need 12.5, held 4, available 3, short 9.5", "the
// reservation has expired; 6 were released".
std::string DenialText(const AccountEffect& effect);

// The amount that was granted, held, posted or refunded at `at`; of an
// allowance, that of the period in which `at` is.
Credits AmountOf(const LedgerRequest& request, const AccountEffect& effect,
                 UnixNanos at);

// A result without its outcome: command, account and id.
v1::LedgerResult ToResult(const LedgerCommand& command);
// `now` is the ledger's time.
v1::LedgerResult ToResult(const LedgerCommand& command,
                          const LedgerOutcome& outcome, UnixNanos now);

v1::LedgerEntry ToEntry(const JournalEntry& entry);

v1::AccountCredits ToAccountCredits(absl::string_view id,
                                    const Account& account);

v1::LedgerExplanation ToExplanation(const Explanation& explanation);

// Shown amounts of each list add up to its shown sum. `zone` is the period's.
v1::LedgerStatement ToStatement(const Statement& statement,
                                absl::string_view account, absl::TimeZone zone,
                                const StatementPeriod& period,
                                const Catalog& catalog);

v1::LedgerVerification ToMessage(const VerifyReport& report);

// `refused` records had an error.
v1::IngestReport ToMessage(const IngestTotals& totals, int64_t refused,
                           const Catalog& catalog);

void PrintCreditsText(const v1::AccountCredits& account, std::ostream& out);
void PrintHistoryText(const v1::LedgerHistory& history, const Catalog& catalog,
                      std::ostream& out);
void PrintExplanationText(const v1::LedgerExplanation& explanation,
                          const Catalog& catalog, std::ostream& out);
void PrintStatementText(const v1::LedgerStatement& statement,
                        std::ostream& out);
void PrintVerificationText(const v1::LedgerVerification& verification,
                           std::ostream& out);
void PrintBackupText(const v1::Backup& backup, std::ostream& out);
void PrintIngestText(const v1::IngestReport& report, std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_LEDGER_MESSAGE_H_
