// What the process returns. Scripts branch on these: they are never renumbered.
#ifndef KONPRO_CLI_EXIT_CODE_H_
#define KONPRO_CLI_EXIT_CODE_H_

namespace konpro::cli {

enum class ExitCode : int {
  kOk = 0,
  // A defect, or an output that could not be written.
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

}  // namespace konpro::cli

#endif  // KONPRO_CLI_EXIT_CODE_H_
