// The commands of `konpro ledger` that change an account. Each prints one JSON
// object, konpro.v1.LedgerResult, whatever the format is; the reason of a
// denial goes to standard error as well.
//
// They return kOk where the command is applied or was before, kOverAvailable
// where it is or was denied for lack of credits, kDenied where for another
// reason, and kBadInput where it could not be asked.
#ifndef KONPRO_CLI_LEDGER_CHANGE_COMMAND_H_
#define KONPRO_CLI_LEDGER_CHANGE_COMMAND_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/cli/command.h"
#include "konpro/cli/ledger_session.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/allowance.h"

namespace konpro::cli {

// Makes the file where it is not there.
struct GrantOptions {
  std::string account;
  std::string id;
  // Its id is left empty.
  GrantCommand grant;
};
ExitCode RunLedgerGrant(const LedgerFile& file, const GrantOptions& options,
                        Streams streams);

// Makes the file where it is not there. The source of the allowance is the
// command's id, its item "credits".
struct AllowanceOptions {
  std::string account;
  std::string id;
  Allowance::Spec spec;
};
ExitCode RunLedgerAllowance(const LedgerFile& file,
                            const AllowanceOptions& options, Streams streams);

// An amount is that of `quantity` of the operation by the catalog's price at
// the time of the command, or `credits`: one of both.
struct ReserveOptions {
  std::string account;
  std::string operation;
  std::string quantity;
  std::optional<Credits> credits;
  std::string id;
  absl::Duration timeout = absl::Hours(1);
  Overrun overrun = Overrun::kReject;
  DrawMode mode = DrawMode::kNormal;
};
ExitCode RunLedgerReserve(const LedgerFile& file, const ReserveOptions& options,
                          Streams streams);

struct SpendOptions {
  std::string account;
  std::string operation;
  std::string quantity;
  std::optional<Credits> credits;
  std::string id;
};
ExitCode RunLedgerSpend(const LedgerFile& file, const SpendOptions& options,
                        Streams streams);

// One of `quantity`, `credits` and `all`. Quantities of one reservation are
// slices: together they cost what their sum costs.
struct CaptureOptions {
  std::string reservation;
  std::string account;  // "": that which has the reservation
  std::string quantity;
  std::optional<Credits> credits;
  bool all = false;
  bool partial = false;
  std::string id;
};
ExitCode RunLedgerCapture(const LedgerFile& file, const CaptureOptions& options,
                          Streams streams);

struct VoidOptions {
  std::string reservation;
  std::string account;  // "": that which has the reservation
  std::string id;
};
ExitCode RunLedgerVoid(const LedgerFile& file, const VoidOptions& options,
                       Streams streams);

struct RefundOptions {
  std::string command;
  std::string account;             // "": that which has the command
  std::optional<Credits> credits;  // nullopt: all that is not refunded
  std::string id;
};
ExitCode RunLedgerRefund(const LedgerFile& file, const RefundOptions& options,
                         Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_LEDGER_CHANGE_COMMAND_H_
