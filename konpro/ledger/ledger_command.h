// What a ledger is told, and what it answers: an account's command
// (account_command.h) with the ids and times that a caller has. A ledger
// (ledger.h) makes it durable, and does it once however often it is told.
//
//   LedgerCommand{.account = "acme", .id = "job-7/hold", .at = now,
//                 .request = LedgerReserve{.amount = six,
//                                          .operation = "avatar_video",
//                                          .timeout = absl::Hours(1)}}
//   LedgerCommand{.account = "acme", .id = "job-7/done", .at = later,
//                 .request = LedgerCapture{.reservation = "job-7/hold",
//                                          .amount = four}}
//
// The content of a command is everything but `at`, and of what is priced the
// quantity that is charged for rather than the amount: a client that asks again
// after the prices have changed, or its session has grown, asks the same.
//
// Thread safety: plain values. Texts are the caller's: they outlive the call.
#ifndef KONPRO_LEDGER_LEDGER_COMMAND_H_
#define KONPRO_LEDGER_LEDGER_COMMAND_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/price_list.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/account_command.h"

namespace konpro {

// Printable ASCII without blanks.
inline constexpr size_t kCommandIdBytesMax = 256;

// A reservation is named by the id of the command that made it. A command with
// a mode of kCheckOnly needs no id.
struct LedgerReserve {
  Credits amount;  // zero or more
  absl::string_view operation;
  // Above zero; from the ledger's time on. At most the duplicate window.
  absl::Duration timeout;
  Overrun overrun = Overrun::kReject;
  DrawMode mode = DrawMode::kNormal;
};
struct LedgerCapture {
  absl::string_view reservation;
  std::optional<Credits> amount;  // nullopt: all that is held
  bool final = true;
};
struct LedgerVoid {
  absl::string_view reservation;
};
// Of the spend or capture with that id, or, where that is empty, with that
// sequence; ids are known for the duplicate window, sequences for ever.
struct LedgerRefund {
  absl::string_view command;
  uint64_t sequence = 0;
  std::optional<Credits> amount;  // nullopt: all that is not refunded
};

// A GrantCommand without an id has that of its command.
using LedgerRequest =
    std::variant<GrantCommand, AllowanceCommand, EndAllowanceCommand,
                 VoidGrantCommand, LedgerReserve, LedgerCapture, LedgerVoid,
                 SpendCommand, LedgerRefund>;

// How the amount of a reservation, a capture or a spend came about: it is
// Price(terms).CostOfSlice(quantity_before, quantity).
struct Pricing {
  absl::string_view catalog_version;
  absl::string_view operation;
  // Of a session, all of it so far, and what was charged before.
  int64_t quantity = 0;
  int64_t quantity_before = 0;
  Price::Terms terms;
  UnixNanos effective_at;  // of the price list; 0: from the start
  // What it was for, such as the job of a usage record; may be empty.
  absl::string_view job;

  friend bool operator==(const Pricing&, const Pricing&) = default;
};
inline constexpr size_t kPricingTextBytesMax = 256;

struct LedgerCommand {
  absl::string_view account;
  absl::string_view id;
  // The caller's clock. The ledger's time is the largest that it was told.
  UnixNanos at;
  // When what is charged took place, where that was before. It is refused when
  // it is older than the acceptance window.
  std::optional<UnixNanos> event_at;
  LedgerRequest request;
  std::optional<Pricing> pricing;
};

struct LedgerOutcome {
  // Of the command, or of its first time; 0 where it was only checked.
  uint64_t sequence = 0;
  // The ledger's time then.
  UnixNanos at;
  // Whether the ledger had it already: the effect is that of the first time.
  bool replayed = false;
  AccountEffect effect;
  // Of the account, now.
  Balance balance;
};

// kInvalidArgument: a field is outside its limits, whatever the state of an
// account is. The message begins with the field's name.
absl::Status ValidateCommand(const LedgerCommand& command,
                             absl::Duration duplicate_window);

// "" where the content is the same; else the first field that differs, with
// both values: `amount: 5, was 4`.
std::string ContentDifference(const LedgerCommand& now,
                              const LedgerCommand& first);

// Whether the request only asks: it changes nothing, and its id is not used.
bool IsCheckOnly(const LedgerRequest& request);

// "reserve", "end_allowance"; "insufficient_credits": as machine formats write
// them.
absl::string_view RequestName(const LedgerRequest& request);
absl::string_view RefusalName(Refusal refusal);

}  // namespace konpro

#endif  // KONPRO_LEDGER_LEDGER_COMMAND_H_
