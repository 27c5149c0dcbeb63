// Finds the command that an id names, when it need not be said whose it is.
//
//   FindCommand(*ledger, "", "job-7/hold")->account     // "acme"
//
// Thread safety: thread-safe.
#ifndef KONPRO_LEDGER_FIND_COMMAND_H_
#define KONPRO_LEDGER_FIND_COMMAND_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/ledger/ledger.h"

namespace konpro {

// The latest command with that id, of `account`, or of the one account that has
// such a command if `account` is "". kNotFound: no command has the id.
// kInvalidArgument: several accounts have one.
absl::StatusOr<Ledger::CommandPlace> FindCommand(Ledger& ledger,
                                                 absl::string_view account,
                                                 absl::string_view id);

}  // namespace konpro

#endif  // KONPRO_LEDGER_FIND_COMMAND_H_
