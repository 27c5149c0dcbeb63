// The commands of `konpro ledger` that only read: a file that is not there is
// not made.
#ifndef KONPRO_CLI_LEDGER_QUERY_COMMAND_H_
#define KONPRO_CLI_LEDGER_QUERY_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "konpro/cli/command.h"
#include "konpro/cli/ledger_session.h"

namespace konpro::cli {

struct BalanceOptions {
  std::string account;
  // As it was behind that entry; nullopt: as of the command's time.
  std::optional<uint64_t> at_seq;
};
ExitCode RunLedgerBalance(const LedgerFile& file, const BalanceOptions& options,
                          Streams streams);

struct HistoryOptions {
  std::string account;
};
ExitCode RunLedgerHistory(const LedgerFile& file, const HistoryOptions& options,
                          Streams streams);

struct ExplainOptions {
  std::string command;
  std::string account;  // "": that which has the command
};
ExitCode RunLedgerExplain(const LedgerFile& file, const ExplainOptions& options,
                          Streams streams);

struct StatementOptions {
  std::string account;
  absl::CivilMonth month;
  absl::TimeZone zone = absl::UTCTimeZone();
};
ExitCode RunLedgerStatement(const LedgerFile& file,
                            const StatementOptions& options, Streams streams);

// kInternal where the file is damaged.
ExitCode RunLedgerVerify(const LedgerFile& file, Streams streams);

// All entries as JSON Lines of konpro.v1.LedgerEntry, whatever the format is.
ExitCode RunLedgerExport(const LedgerFile& file, Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_LEDGER_QUERY_COMMAND_H_
