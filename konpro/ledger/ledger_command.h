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
// Thread safety: plain values. Texts belong to the caller and outlive the call.
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
  // The job of a usage record, or the like; may be empty.
  absl::string_view job;

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

// The names in machine formats: "reserve", "end_allowance";
// "insufficient_credits".
absl::string_view RequestName(const LedgerRequest& request);
absl::string_view RefusalName(Refusal refusal);

}  // namespace konpro

#endif  // KONPRO_LEDGER_LEDGER_COMMAND_H_
