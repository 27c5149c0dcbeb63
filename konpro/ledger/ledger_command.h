// Commands of a Ledger and their results: a command of an account
// (account_command.h) with the ids and times of its caller. The ledger
// (ledger.h) makes it durable, and applies it once however often it is sent.
//
//   LedgerCommand{.account = "acme", .id = "job-7/hold", .at = now,
//                 .request = LedgerReserve{.amount = six,
//                                          .operation = "avatar_video",
//                                          .timeout = absl::Hours(1)}}
//   LedgerCommand{.account = "acme", .id = "job-7/done", .at = later,
//                 .request = LedgerCapture{.reservation = "job-7/hold",
//                                          .amount = four}}
//
// The content of a command is everything but `at`; of a priced command it is
// the charged quantity instead of the amount. So a client that retries after
// prices have changed, or after its session has grown, sends the same content.
//
//   ledger->History("acme", [](const JournalEntry& entry, absl::string_view) {
//     entry.place.sequence          // 1, 4, 7
//     entry.command.id              // "welcome", "job-7/hold", "job-7/done"
//     entry.effect.applied()        // false: it was denied
//     return absl::OkStatus();
//   });
//
// Thread safety: plain values. Texts belong to the caller and outlive the call.
#ifndef KONPRO_LEDGER_LEDGER_COMMAND_H_
#define KONPRO_LEDGER_LEDGER_COMMAND_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/price_list.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/account_command.h"

namespace konpro {

// Printable ASCII without blanks.
inline constexpr size_t kCommandIdBytesMax = 256;

// A reservation is named by the id of the command that made it. A command with
// DrawMode::kCheckOnly needs no id.
struct LedgerReserve {
  Credits amount;  // zero or more
  absl::string_view operation;
  // From the ledger's time. Above zero, at most the duplicate window.
  absl::Duration timeout;
  Overrun overrun = Overrun::kReject;
  DrawMode mode = DrawMode::kNormal;
};
struct LedgerCapture {
  absl::string_view reservation;
  std::optional<Credits> amount;  // nullopt: all that is held
  bool final = true;
  bool collects = false;
  // Of a usage record: a final one leaves the job open for late slices.
  bool is_record = false;
};
struct LedgerVoid {
  absl::string_view reservation;
};
// Refunds the spend or capture with that id or, if it is empty, that sequence.
// Ids are remembered for the duplicate window, sequences for ever.
struct LedgerRefund {
  absl::string_view command;
  uint64_t sequence = 0;
  std::optional<Credits> amount;  // nullopt: all that is not refunded
};

// A GrantCommand without an id gets that of its command.
using LedgerRequest =
    std::variant<GrantCommand, AllowanceCommand, EndAllowanceCommand,
                 VoidGrantCommand, LedgerReserve, LedgerCapture, LedgerVoid,
                 SpendCommand, LedgerRefund>;

// How an amount was computed, of a reservation, a capture or a spend: it is
// Price(terms).CostOfSlice(quantity_before, quantity).
struct Pricing {
  absl::string_view catalog_version;
  absl::string_view operation;
  // The quantity of the session with this slice, and without it.
  int64_t quantity = 0;
  int64_t quantity_before = 0;
  Price::Terms terms;
  UnixNanos effective_at;  // of the price list; 0: from the start
  // Of a charge, the job whose session it is a slice of (session.h), by its
  // reservation's id if there is one; may be empty.
  absl::string_view job;
  // What the caller names the work, as the journal shows it; may be empty.
  absl::string_view label;

  friend bool operator==(const Pricing&, const Pricing&) = default;
};
inline constexpr size_t kPricingTextBytesMax = 256;

struct LedgerCommand {
  absl::string_view account;
  absl::string_view id;
  // The caller's clock. The ledger's time is the latest of all commands.
  UnixNanos at;
  // When the charged work took place, if that was before. The command is
  // rejected if it is older than the acceptance window.
  std::optional<UnixNanos> event_at;
  LedgerRequest request;
  std::optional<Pricing> pricing;
  // Of the spend that is the final usage record of a job whose reservation has
  // expired: another one changes nothing.
  bool settles_job = false;
};

struct LedgerOutcome {
  // Of the command, or of the first with its id; 0: it was only checked.
  uint64_t sequence = 0;
  // The ledger's time then.
  UnixNanos at;
  // The id was used before: the effect is that of the first command.
  bool replayed = false;
  AccountEffect effect;
  // Of the account, now.
  Balance balance;
};

// An entry of the journal is a command, what its references were resolved to,
// and what it did. Entries are all that a ledger keeps for good; applied again
// in order, they give its accounts.
struct EntryPlace {
  uint64_t sequence = 0;  // 1, 2, 3 ...
  // Of the account's previous entry; 0: this is its first.
  uint64_t previous = 0;
  UnixNanos at;  // the ledger's time: never before that of the previous entry
};

// What a command's references and relative amounts were resolved to.
struct Resolution {
  // The sequence of the reservation, or of what is refunded; 0: the id is not
  // known.
  uint64_t target = 0;
  // Of a capture or a refund.
  Credits amount;
  // Of what is refunded: its time and AccountEffect::posted.
  UnixNanos posted_at;
  std::vector<Allocation> posted;
};

struct JournalEntry {
  EntryPlace place;
  LedgerCommand command;  // refers to the entry's bytes; `at` is place.at
  Resolution resolution;
  AccountEffect effect;
};

// kInvalidArgument: a field is outside its limits, independently of the state
// of the account. The message begins with the field's name.
absl::Status ValidateCommand(const LedgerCommand& command,
                             absl::Duration duplicate_window);

// "": the content is the same. Otherwise the first field that differs, with
// both values: `amount: 5, was 4`.
std::string ContentDifference(const LedgerCommand& now,
                              const LedgerCommand& first);

// Whether the request is only a check: it changes nothing and uses no id.
bool IsCheckOnly(const LedgerRequest& request);

// kInvalidArgument: the command names an operation that `catalog` does not
// know; says which field, and the nearest name. Credits for an operation that
// does not exist could never be spent.
absl::Status CheckNames(const LedgerCommand& command, const Catalog& catalog);

// The names in machine formats: "reserve", "end_allowance";
// "insufficient_credits".
absl::string_view RequestName(const LedgerRequest& request);
absl::string_view RefusalName(Refusal refusal);

}  // namespace konpro

#endif  // KONPRO_LEDGER_LEDGER_COMMAND_H_
