// The options of `konpro ledger`.
#ifndef KONPRO_CLI_LEDGER_FLAGS_H_
#define KONPRO_CLI_LEDGER_FLAGS_H_

#include <functional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "konpro/access/service.h"
#include "konpro/cli/command.h"
#include "konpro/cli/ingest_command.h"
#include "konpro/cli/ledger_change_command.h"
#include "konpro/cli/ledger_query_command.h"
#include "konpro/cli/service_session.h"

namespace konpro::cli {

// Must outlive the App that it is added to. Thread-compatible.
class LedgerFlags {
 public:
  LedgerFlags() = default;
  LedgerFlags(const LedgerFlags&) = delete;
  LedgerFlags& operator=(const LedgerFlags&) = delete;

  void Add(CLI::App& app, const std::string& exit_codes);

  // All of these are of the command that was parsed.

  const std::string& db() const { return file_.db; }
  // The records that `ingest` reads; "" for other commands. kOutOfRange: more
  // than a server takes at once. kNotFound: they cannot be read.
  absl::StatusOr<std::string> ReadInput(Streams streams) const;
  // Makes the command run on the service that a server has open, with the
  // server's catalog and with its input in streams.in.
  void RunOn(Service& open);
  ExitCode Run(Streams streams) const { return run_(streams); }

 private:
  // Adds a command to `ledger`, which sets run_ when it is parsed.
  CLI::App& AddCommand(CLI::App& ledger, const char* name, const char* help,
                       std::function<ExitCode(Streams)> run);
  void AddFile(CLI::App& ledger);
  void AddGrant(CLI::App& ledger);
  void AddAllowance(CLI::App& ledger);
  void AddRevocations(CLI::App& ledger);
  void AddReserve(CLI::App& ledger);
  void AddSpend(CLI::App& ledger);
  void AddCapture(CLI::App& ledger);
  void AddVoid(CLI::App& ledger);
  void AddRefund(CLI::App& ledger);
  void AddQueries(CLI::App& ledger);
  void AddStatement(CLI::App& ledger);
  void AddIngest(CLI::App& ledger);

  std::function<ExitCode(Streams)> run_;
  CLI::App* ingest_command_ = nullptr;
  ServiceFile file_;
  GrantOptions grant_;
  AllowanceOptions allowance_;
  EndAllowanceOptions end_allowance_;
  VoidGrantOptions void_grant_;
  ReserveOptions reserve_;
  SpendOptions spend_;
  CaptureOptions capture_;
  VoidOptions void_;
  RefundOptions refund_;
  BalanceOptions balance_;
  HistoryOptions history_;
  ExplainOptions explain_;
  StatementOptions statement_;
  IngestOptions ingest_;
};

}  // namespace konpro::cli

#endif  // KONPRO_CLI_LEDGER_FLAGS_H_
