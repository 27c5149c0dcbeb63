// The commands of `konpro ledger` that change an account. Each prints one JSON
// object, konpro.v1.LedgerResult, with either format. The reason of a denial
// goes to standard error too.
//
// They return kOk if the command is applied or was before, kOverAvailable if it
// is or was denied for lack of credits, kDenied if for another reason, and
// kBadInput if the command is invalid.
#ifndef KONPRO_CLI_LEDGER_CHANGE_COMMAND_H_
#define KONPRO_CLI_LEDGER_CHANGE_COMMAND_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/cli/command.h"
#include "konpro/cli/service_session.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/allowance.h"

namespace konpro::cli {

// Makes the file if it is missing.
struct GrantOptions {
  std::string account;
  std::string id;
  // Its id is left empty.
  GrantCommand grant;
};
ExitCode RunLedgerGrant(const ServiceFile& file, const GrantOptions& options,
                        Streams streams);

// Ends an allowance, which is named by the --id that made it: no further
// periods. What it granted stays.
struct EndAllowanceOptions {
  std::string account;
  std::string allowance;
  std::string id;
};
ExitCode RunLedgerEndAllowance(const ServiceFile& file,
                               const EndAllowanceOptions& options,
                               Streams streams);

// Voids a grant, which is named by the --id that made it: what is free at once,
// what is held when it is released. What is held may still be captured.
struct VoidGrantOptions {
  std::string account;
  std::string grant;
  std::string id;
};
ExitCode RunLedgerVoidGrant(const ServiceFile& file,
                            const VoidGrantOptions& options, Streams streams);

// Makes the file if it is missing. The source of the allowance is the
// command's id, its item "credits".
struct AllowanceOptions {
  std::string account;
  std::string id;
  Allowance::Spec spec;
};
ExitCode RunLedgerAllowance(const ServiceFile& file,
                            const AllowanceOptions& options, Streams streams);

// The amount is the catalog's price of `quantity` at the time of the command,
// or `credits`: exactly one is given.
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
ExitCode RunLedgerReserve(const ServiceFile& file,
                          const ReserveOptions& options, Streams streams);

struct SpendOptions {
  std::string account;
  std::string operation;
  std::string quantity;
  std::optional<Credits> credits;
  std::string id;
};
ExitCode RunLedgerSpend(const ServiceFile& file, const SpendOptions& options,
                        Streams streams);

// Exactly one of `quantity`, `credits` and `all`. Quantities of one reservation
// are slices: together they cost what their sum costs.
struct CaptureOptions {
  std::string reservation;
  std::string account;  // "": the one that has the reservation
  std::string quantity;
  std::optional<Credits> credits;
  bool all = false;
  bool partial = false;
  std::string id;
};
ExitCode RunLedgerCapture(const ServiceFile& file,
                          const CaptureOptions& options, Streams streams);

struct VoidOptions {
  std::string reservation;
  std::string account;  // "": the one that has the reservation
  std::string id;
};
ExitCode RunLedgerVoid(const ServiceFile& file, const VoidOptions& options,
                       Streams streams);

struct RefundOptions {
  std::string command;
  std::string account;             // "": the one that has the command
  std::optional<Credits> credits;  // nullopt: all that is not refunded
  std::string id;
};
ExitCode RunLedgerRefund(const ServiceFile& file, const RefundOptions& options,
                         Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_LEDGER_CHANGE_COMMAND_H_
