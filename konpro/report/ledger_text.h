// Messages of the ledger (ledger_message.h) as tables and text.
//
//   PrintCreditsText(ToAccountCredits("acme", *account), out);
//
// Thread safety: pure but for `out`.
#ifndef KONPRO_REPORT_LEDGER_TEXT_H_
#define KONPRO_REPORT_LEDGER_TEXT_H_

#include <ostream>

#include "konpro/catalog/catalog.h"
#include "proto/ledger.pb.h"

namespace konpro {

void PrintCreditsText(const v1::AccountCredits& account, std::ostream& out);
void PrintHistoryText(const v1::LedgerHistory& history, const Catalog& catalog,
                      std::ostream& out);
void PrintExplanationText(const v1::LedgerExplanation& explanation,
                          const Catalog& catalog, std::ostream& out);
void PrintStatementText(const v1::LedgerStatement& statement,
                        std::ostream& out);
void PrintVerificationText(const v1::LedgerVerification& verification,
                           std::ostream& out);
void PrintIngestText(const v1::IngestReport& report, std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_LEDGER_TEXT_H_
