// The commands of `konpro ledger` that only read. They make no file.
#ifndef KONPRO_CLI_LEDGER_QUERY_COMMAND_H_
#define KONPRO_CLI_LEDGER_QUERY_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "konpro/cli/command.h"
#include "konpro/cli/service_session.h"

namespace konpro::cli {

struct BalanceOptions {
  std::string account;
  // As of that entry; nullopt: as of the command's time.
  std::optional<uint64_t> at_seq;
};
ExitCode RunLedgerBalance(const ServiceFile& file,
                          const BalanceOptions& options, Streams streams);

struct HistoryOptions {
  std::string account;
};
ExitCode RunLedgerHistory(const ServiceFile& file,
                          const HistoryOptions& options, Streams streams);

struct ExplainOptions {
  std::string command;
  std::string account;  // "": the one that has the command
};
ExitCode RunLedgerExplain(const ServiceFile& file,
                          const ExplainOptions& options, Streams streams);

struct StatementOptions {
  std::string account;
  absl::CivilMonth month;
  absl::TimeZone zone = absl::UTCTimeZone();
};
ExitCode RunLedgerStatement(const ServiceFile& file,
                            const StatementOptions& options, Streams streams);

// kInternal if the file is damaged.
ExitCode RunLedgerVerify(const ServiceFile& file, Streams streams);

// All entries as JSON Lines of konpro.v1.LedgerEntry, with either format.
ExitCode RunLedgerExport(const ServiceFile& file, Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_LEDGER_QUERY_COMMAND_H_
