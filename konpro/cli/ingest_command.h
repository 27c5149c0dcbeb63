// `konpro ledger ingest`: usage records charged to their accounts.
#ifndef KONPRO_CLI_INGEST_COMMAND_H_
#define KONPRO_CLI_INGEST_COMMAND_H_

#include <string>

#include "konpro/cli/command.h"
#include "konpro/cli/ledger_session.h"
#include "konpro/input/usage_input.h"

namespace konpro::cli {

struct IngestOptions {
  // Usage records; "-" for standard input.
  std::string records;
  UsageRecordForm form = UsageRecordForm::kAuto;
};

// Charges each record once, however often and in however many pieces it is
// ingested: batches are durable, and each record is, wholly or not at all. What
// is wrong with a record, or why it was denied, is told with its place, for all
// of them; the others are charged all the same.
//
// kInternal where the ledger failed: what was not told is ingested again.
// kBadInput where a record was refused, else kOverAvailable where one was
// denied for lack of credits, else kDenied where one was denied. Memory grows
// with jobs in slices (usage_ledger.h), not with records.
ExitCode RunLedgerIngest(const LedgerFile& file, const IngestOptions& options,
                         Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_INGEST_COMMAND_H_
