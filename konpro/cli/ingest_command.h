// `konpro ledger ingest`: usage records charged to their accounts.
#ifndef KONPRO_CLI_INGEST_COMMAND_H_
#define KONPRO_CLI_INGEST_COMMAND_H_

#include <string>

#include "konpro/cli/command.h"
#include "konpro/cli/service_session.h"
#include "konpro/input/usage_input.h"
#include "konpro/ledger/usage.h"

namespace konpro::cli {

struct IngestOptions {
  // Usage records; "-" for standard input.
  std::string records;
  UsageRecordForm form = UsageRecordForm::kAuto;
  UsageLedger::Options charging;
};

// Charges each record once, even if it is ingested again, in whatever parts.
// Each batch is durable. Prints, with its place, why a record is refused or
// denied; the others are charged.
//
// What accounts lack is uncollected, and said on standard error; records of
// jobs that were settled before change nothing. Neither is an error.
//
// kInternal if the ledger failed, or the clock was set meanwhile: it is safe to
// ingest all records again. kBadInput if a record was refused, else
// kOverAvailable if one was denied for lack of credits, else kDenied if one was
// denied. Memory grows with jobs in slices (usage.h), not with records.
ExitCode RunLedgerIngest(const ServiceFile& file, const IngestOptions& options,
                         Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_INGEST_COMMAND_H_
