// Commands of Account and their results, as plain values.
//
//   ReserveCommand{.amount = *Credits::Parse("6"),
//                  .operation = "avatar_video",
//                  .expires_at = deadline}
//   effect.refusal        // kInsufficientCredits
//   effect.shortage.need       // 6 credits
//   effect.shortage.held       // 1 credit, by other reservations
//   effect.shortage.available  // 2.5 credits
//   effect.shortage.missing    // 3.5 credits
//
// A refusal is the first that holds of: a malformed field; something that the
// command names is unknown, exists already or is over; an amount above what is
// available; a limit.
//
// Thread safety: plain values. Commands refer to texts and spans that outlive
// the call.
#ifndef KONPRO_LEDGER_ACCOUNT_COMMAND_H_
#define KONPRO_LEDGER_ACCOUNT_COMMAND_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/allowance.h"

namespace konpro {

// What an account holds at most. Each limit has a Refusal of its own.
struct AccountLimits {
  static constexpr size_t kGrantIdBytesMax = 256;
  // Grants that an account keeps. Above that, the oldest settled one is folded
  // into a sum: it holds nothing, and it has ended, or was spent so long ago
  // that nothing can be refunded. If there is none, a grant is refused; the
  // grant of an allowance is kept all the same.
  static constexpr size_t kGrantsMax = 1024;
  static constexpr size_t kGrantOperationsMax = Allowance::kOperationsMax;
  static constexpr size_t kOperationBytesMax = Allowance::kOperationBytesMax;
  static constexpr size_t kAllowancesMax = 16;
  static constexpr size_t kOpenReservationsMax = size_t{1} << 20;
  // Parts of grants that a reservation holds. A spend and a capture post as
  // many parts as they draw on.
  static constexpr size_t kAllocationsMax = 64;
  // Closed reservations whose end is kept, so that a late capture is refused
  // with what became of it.
  static constexpr size_t kClosedReservationsMax = 256;
  static constexpr size_t kRefundedPostingsMax = size_t{1} << 16;
  static constexpr absl::Duration kRefundableFor = absl::Hours(24 * 400);
};

// What becomes of a capture above what is held. Never renumbered: journals hold
// the numbers of all enums here.
enum class Overrun : uint8_t { kReject = 0, kTopUp = 1 };
// "reject", "top-up".
absl::string_view OverrunName(Overrun overrun);

// kBestEffort takes what is available, if that is more than nothing. kCheckOnly
// reports what would happen and changes nothing but the time. kCollect, of a
// spend alone, is for what was used already: it takes what is available, and
// the rest is uncollected.
enum class DrawMode : uint8_t {
  kNormal = 0,
  kBestEffort = 1,
  kCheckOnly = 2,
  kCollect = 3
};
// "best-effort".
absl::string_view DrawModeName(DrawMode mode);

// Credits that an account may draw on at t, effective_at <= t < expires_at.
struct GrantCommand {
  std::string id;  // 1 .. kGrantIdBytesMax bytes, once in an account
  Credits amount;  // above zero
  int32_t priority = 0;
  UnixNanos effective_at;
  UnixNanos expires_at = UnixNanos::Max();  // never
  // Operations that may draw on it; empty: all of them.
  std::vector<std::string> operations;
  GrantKind kind = GrantKind::kPaid;
};
// A series of grants, one for each period, beginning with the current one
// (allowance.h). They are made as time passes, also above kGrantsMax; a period
// whose grant id is taken gets no other grant. kAmountTooLarge: all that it
// could ever issue leaves the range. kGrantEnded: its last period is over.
struct AllowanceCommand {
  Allowance allowance;
};
// Ends a series: no further periods. What was granted stays.
struct EndAllowanceCommand {
  absl::string_view source;
  absl::string_view item;
};
// Voids what is free at once, and what is held when it is released.
struct VoidGrantCommand {
  absl::string_view grant;
};
struct ReserveCommand {
  Credits amount;  // zero or more
  // Empty: no operation in particular; draws on grants without operations only.
  absl::string_view operation;
  // The first instant at which it has expired, after now; Max(): never.
  UnixNanos expires_at;
  Overrun overrun = Overrun::kReject;
  DrawMode mode = DrawMode::kNormal;
};
// Posts `amount` of what is held, in the recorded order. A final capture, also
// of zero, releases the rest; another leaves it held. Above what is held,
// kTopUp draws the rest on what the operation can draw on now; `collects`, for
// what was used already, draws what it can of it, whatever the reservation's
// Overrun, and the rest is uncollected.
struct CaptureCommand {
  uint64_t reservation = 0;  // the sequence of its ReserveCommand
  Credits amount;            // zero or more
  bool final = true;
  bool collects = false;
};
// Releases all that is held.
struct VoidCommand {
  uint64_t reservation = 0;
};
struct SpendCommand {
  Credits amount;  // zero or more
  absl::string_view operation;
  DrawMode mode = DrawMode::kNormal;
};

// A part of one grant, by the grant's number: see GrantView.
struct Allocation {
  uint64_t grant = 0;
  Credits amount;

  friend bool operator==(const Allocation&, const Allocation&) = default;
};

// nullopt: the sum leaves the range of Credits. The parts of an effect, and of
// an entry of the journal, always sum to an amount in range.
std::optional<Credits> SumOf(absl::Span<const Allocation> parts);

// Gives back what a spend or a capture posted, the last drawn first.
struct RefundCommand {
  uint64_t posting = 0;  // the sequence of the spend or capture
  UnixNanos posted_at;
  // AccountEffect::posted of it.
  absl::Span<const Allocation> posted;
  Credits amount;  // zero or more
};

using AccountCommand =
    std::variant<GrantCommand, AllowanceCommand, VoidGrantCommand,
                 ReserveCommand, CaptureCommand, VoidCommand, SpendCommand,
                 RefundCommand, EndAllowanceCommand>;

// The place of a command in the ledger's order, and its time.
struct CommandMoment {
  uint64_t sequence = 0;  // above that of every command that applied before
  UnixNanos now;
};

// Why a command was refused, and the fields of AccountEffect that say more.
// Never renumbered.
enum class Refusal : uint8_t {
  kNone = 0,
  kInsufficientCredits = 1,  // shortage
  kUnknownGrant = 2,
  kGrantEnded = 3,   // expired or voided before
  kGrantExists = 4,  // the id is taken
  kAllowanceExists = 5,
  kUnknownReservation = 6,  // never made, or closed too long ago
  kReservationCaptured = 7,
  kReservationVoided = 8,
  kReservationExpired = 9,  // released
  kAboveHold = 10,          // shortage
  kAboveSpend = 11,         // shortage
  kTooLateToRefund = 12,
  kTooManyGrants = 13,
  kTooManyAllowances = 14,
  kTooManyReservations = 15,
  kTooManyAllocations = 16,  // kAllocationsMax
  kTooManyRefunds = 17,
  kAmountTooLarge = 18,  // a sum would leave the range of Credits
  kMalformed = 19,       // a field is outside its limits
  kUnknownAllowance = 20,
  // Of a usage record: its job was settled before, and nothing is charged. It
  // is in no journal.
  kJobSettled = 21,
};

// What a refused command asked for, and what there was of it.
struct Shortage {
  Credits need;
  // Of a capture: by its reservation. Of a reserve or a spend: by all open
  // reservations, of what its operation may draw on; it is available once they
  // are released.
  Credits held;
  // To the operation, beside what is held; of a refund: not refunded yet.
  Credits available;
  // What more it would take.
  Credits missing;

  friend bool operator==(const Shortage&, const Shortage&) = default;
};

// What a command did, or why it was refused. Reused, it saves allocations.
struct AccountEffect {
  Refusal refusal = Refusal::kNone;
  // Of kInsufficientCredits, kAboveHold, kAboveSpend.
  Shortage shortage;
  // Parts of grants that were drawn, in burn-down order.
  std::vector<Allocation> held;      // of a reservation
  std::vector<Allocation> posted;    // of a spend or a capture
  std::vector<Allocation> refunded;  // of a refund, the last drawn first
  // Of what was used, more than `posted`: it is never collected later.
  Credits uncollected;
  // What a capture or a void gave back to its grants, whether or not they have
  // ended; of kReservationExpired, what went back when it expired.
  Credits released;

  bool applied() const { return refusal == Refusal::kNone; }
  void Clear() {
    refusal = Refusal::kNone;
    shortage = Shortage();
    uncollected = released = Credits();
    held.clear();
    posted.clear();
    refunded.clear();
  }
};

}  // namespace konpro

#endif  // KONPRO_LEDGER_ACCOUNT_COMMAND_H_
