// A Statement shows how an account's credits moved in a period: the opening
// amount, what was granted, what was spent on which operation, and the closing
// amount.
//
//   absl::StatusOr<Statement> november = MakeStatement(
//       *ledger, "acme", {.begin = nov_1, .end = dec_1}, now);
//   november->opening    // just before the first instant
//   november->closing    // at the last instant
//   november->lines      // avatar_video: 12 times, 8 minutes, 480 credits
//
// Opening and closing count what is available, pending or reserved. The period
// is [begin, end) by the ledger's time, in which every movement has one place:
// a late record is on the statement of the time at which it was charged. A
// period that is not over is stated up to now.
//
// Thread safety: pure for one journal.
//
// Invariants: (1) opening + granted - spent + refunded - expired - voided =
// closing, to the tick. (2) The lines sum to spent. (3) Closing is the opening
// of the period that follows.
#ifndef KONPRO_LEDGER_STATEMENT_H_
#define KONPRO_LEDGER_STATEMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/ledger.h"

namespace konpro {

struct StatementPeriod {
  UnixNanos begin;
  UnixNanos end;
};

struct StatementLine {
  std::string operation;  // "": none in particular
  int64_t count = 0;      // spends and captures
  int64_t quantity = 0;   // of those that were priced
  Credits cost;           // posted
  Credits uncollected;    // and not

  friend bool operator==(const StatementLine&, const StatementLine&) = default;
};

struct Statement {
  UnixNanos as_of;
  Credits opening;
  // Issued, also by allowances; what rolls over is granted again.
  Credits granted;
  Credits spent;  // posted, before refunds
  Credits refunded;
  Credits expired;
  Credits voided;
  // What was used in the period and could not be drawn; in no other sum.
  Credits uncollected;
  Credits closing;
  std::vector<StatementLine> lines;  // ordered by operation
  Balance balance;                   // as of as_of
};

// kInvalidArgument: the period is empty. kNotFound: the journal has no command
// of that account. kOutOfRange: a sum leaves its range. Otherwise errors of
// Ledger::History(). Reads all of the account's entries up to the end.
absl::StatusOr<Statement> MakeStatement(Ledger& ledger,
                                        absl::string_view account,
                                        const StatementPeriod& period,
                                        UnixNanos now);

}  // namespace konpro

#endif  // KONPRO_LEDGER_STATEMENT_H_
