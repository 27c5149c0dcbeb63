// Exit codes of the process. Scripts branch on them: they are never renumbered.
#ifndef KONPRO_CLI_EXIT_CODE_H_
#define KONPRO_CLI_EXIT_CODE_H_

#include "absl/status/status.h"
#include "konpro/ledger/account_command.h"

namespace konpro::cli {

enum class ExitCode : int {
  kOk = 0,
  // A defect, a store that failed, or an output that could not be written.
  kInternal = 1,
  // A wrong option or a wrong input. Nothing was estimated.
  kBadInput = 2,
  // The total is above --budget, or rises by more than --max-increase.
  kOverBudget = 3,
  // The total is above --available, or that is likely to run out too early; or
  // an account has too few credits for what was asked of it.
  kOverAvailable = 4,
  // The plan, or every plan of --plan=all, misses --deadline.
  kMissesDeadline = 5,
  // The plan does not allow an operation, or an operation has no price.
  kNotAllowed = 6,
  // Denied by the rules of an account, for another reason than credits.
  kDenied = 7,
  // An estimate was further from the bill than --max-error.
  kInaccurate = 8,
};

// kOk, kBadInput if the caller can correct the request, else kInternal. The one
// table of status codes for commands; access/http.h has the one for HTTP.
ExitCode ExitCodeOf(const absl::Status& status);

// kOk if it was applied, kOverAvailable if credits were too few, else kDenied.
ExitCode ExitCodeOf(const AccountEffect& effect);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_EXIT_CODE_H_
