// An Account is who owns credits: grants, what is reserved of them and what was
// spent, as a state machine that is a pure function of state, command and time.
// It has no I/O, no clock and no ids of callers: ledger.h makes it durable and
// idempotent, price_list.h says what things cost.
//
//   Account account;
//   Effect effect;
//   account.Apply(GrantCommand{.id = "welcome", .amount = *Credits::Parse("9")},
//                 {.sequence = 1, .now = t}, effect);        // kApplied
//   account.Apply(ReserveCommand{.amount = *Credits::Parse("6"), .operation =
//                     "avatar_video", .expires_at = t + 1h},
//                 {.sequence = 2, .now = t}, effect);        // kApplied
//   account.Apply(CaptureCommand{.reservation = 2,
//                                .amount = *Credits::Parse("4")},
//                 {.sequence = 3, .now = t}, effect);        // 2 are released
//   account.BalanceAt(t).available                           // 5 credits
//
// Time passes before a command is looked at: whatever ended by then has ended,
// in order of (end, creation), whether or not the command applies. There is no
// sweep that could be seen: Advance(t1), Advance(t2) and Advance(t2) alone give
// equal accounts. A time before the last one counts as the last one.
//
// Burn-down: priority (low first), then the soonest end (never last), then the
// oldest effective time, then creation (semantics in docs/ledger.md). What a
// reservation drew from which grant is recorded; captures, releases and refunds
// follow that record.
//
// Thread safety: thread-compatible. A value: copies are independent.
//
// Invariants, at all times: (1) per grant, issued = free + reserved + posted +
// expired + voided, each zero or more. (2) The open reservations' allocations
// sum to what grants have reserved. (3) A command that is refused leaves the
// account as Advance() to its time does. (4) No place of a grant that has ended
// or was voided is free.
//
// Limits: see the constants; each has a Refusal of its own.
#ifndef KONPRO_ACCOUNT_H_
#define KONPRO_ACCOUNT_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/allowance.h"
#include "konpro/credits.h"
#include "konpro/unix_nanos.h"

namespace konpro {

enum class GrantKind : uint8_t { kPaid, kPromotional };

// What becomes of a capture above what is held.
enum class Overrun : uint8_t { kReject, kTopUp };

// kBestEffort takes what there is, but more than nothing. kCheckOnly says what
// would happen and changes nothing but the time.
enum class Mode : uint8_t { kNormal, kBestEffort, kCheckOnly };

// Credits that an account may draw on at t, effective_at <= t < expires_at.
struct GrantCommand {
  std::string id;  // 1 .. kGrantIdBytesMax bytes, once in an account
  Credits amount;  // above zero
  int32_t priority = 0;
  UnixNanos effective_at;
  UnixNanos expires_at = UnixNanos::Max();  // never
  // Operations that may draw on it; all where it is empty.
  std::vector<std::string> operations;
  GrantKind kind = GrantKind::kPaid;
};
// A series of grants: one for each period, made as time passes (allowance.h).
struct AllowanceCommand {
  Allowance allowance;
};
// The free part is voided at once, what is held and later released then.
struct VoidGrantCommand {
  absl::string_view grant;
};
struct ReserveCommand {
  Credits amount;  // zero or more
  // Empty: none in particular; draws on grants without operations alone.
  absl::string_view operation;
  UnixNanos expires_at;  // the first instant at which it is gone
  Overrun overrun = Overrun::kReject;
  Mode mode = Mode::kNormal;
};
// Posts `amount` of what is held, in the recorded order. A final capture, zero
// included, releases the rest.
struct CaptureCommand {
  uint64_t reservation = 0;  // the sequence of its ReserveCommand
  Credits amount;            // zero or more
  bool final = true;
};
// Releases all that is held.
struct VoidCommand {
  uint64_t reservation = 0;
};
struct SpendCommand {
  Credits amount;  // zero or more
  absl::string_view operation;
  Mode mode = Mode::kNormal;
};

// A part of one grant; grants are named by the sequence that made them.
struct Allocation {
  uint64_t grant = 0;
  Credits amount;

  friend bool operator==(const Allocation&, const Allocation&) = default;
};

// Gives back what a spend or a capture posted, the last drawn first.
struct RefundCommand {
  uint64_t posting = 0;  // the sequence of the spend or capture
  UnixNanos posted_at;
  // Effect::posted of it.
  absl::Span<const Allocation> posted;
  Credits amount;  // zero or more
};

using AccountCommand =
    std::variant<GrantCommand, AllowanceCommand, VoidGrantCommand,
                 ReserveCommand, CaptureCommand, VoidCommand, SpendCommand,
                 RefundCommand>;

// Where a command stands in the ledger's order. REQUIRES: sequences grow.
struct Moment {
  uint64_t sequence = 0;  // above zero
  UnixNanos now;
};

// Why a command was refused. Never renumbered: journals hold them.
enum class Refusal : uint8_t {
  kNone = 0,
  kInsufficientCredits = 1,  // Effect: need, available
  kUnknownGrant = 2,
  kGrantEnded = 3,   // expired or voided before
  kGrantExists = 4,  // the id is taken
  kAllowanceExists = 5,
  kUnknownReservation = 6,  // never made, or closed too long ago
  kReservationCaptured = 7,
  kReservationVoided = 8,
  kReservationExpired = 9,  // Effect: released
  kAboveHold = 10,          // Effect: need, available (what is held)
  kAboveSpend = 11,         // Effect: need, available (what is not refunded)
  kTooLateToRefund = 12,
  kTooManyGrants = 13,
  kTooManyAllowances = 14,
  kTooManyReservations = 15,
  kTooManyAllocations = 16,
  kTooManyRefunds = 17,
  kAmountTooLarge = 18,  // a sum would leave the range of Credits
  kMalformed = 19,       // a field is outside its limits
};

// What a command did, or why it was refused. Reused, it does not allocate.
struct Effect {
  Refusal refusal = Refusal::kNone;
  // Of kInsufficientCredits, kAboveHold, kAboveSpend.
  Credits need;
  Credits available;
  // Parts of grants that were drawn, in burn-down order.
  std::vector<Allocation> held;      // of a reservation
  std::vector<Allocation> posted;    // of a spend or a capture
  std::vector<Allocation> refunded;  // of a refund, the last drawn first
  // What a capture or a void gave back to its grants, wherever it went there;
  // of kReservationExpired, what had gone back when it expired.
  Credits released;

  bool applied() const { return refusal == Refusal::kNone; }
  void Clear();
};

// Of one grant, or of all of them together.
struct Balance {
  Credits available;  // free, effective, not ended
  Credits pending;    // free, not effective yet
  Credits reserved;
  Credits posted;
  Credits expired;
  Credits voided;

  friend bool operator==(const Balance&, const Balance&) = default;
};

struct GrantView {
  uint64_t sequence = 0;
  absl::string_view id;
  Credits issued;
  int32_t priority = 0;
  UnixNanos effective_at;
  UnixNanos expires_at;
  absl::Span<const std::string> operations;
  GrantKind kind = GrantKind::kPaid;
  bool is_voided = false;
  Balance balance;
};

struct ReservationView {
  uint64_t sequence = 0;
  Credits held;      // what can still be captured
  Credits captured;  // so far
  UnixNanos expires_at;
  absl::string_view operation;
  Overrun overrun = Overrun::kReject;
};

class Account {
 public:
  static constexpr size_t kGrantIdBytesMax = 256;
  // Kept in an account. Beyond it the oldest that has ended and has nothing
  // reserved is folded into a sum; a grant is refused where there is none.
  static constexpr size_t kGrantsMax = 1024;
  static constexpr size_t kGrantOperationsMax = 64;
  static constexpr size_t kAllowancesMax = 16;
  static constexpr size_t kOpenReservationsMax = size_t{1} << 20;
  static constexpr size_t kAllocationsMax = 64;
  // Closed reservations whose end is remembered, so that a late capture is told
  // what became of it.
  static constexpr size_t kClosedReservationsMax = 256;
  static constexpr size_t kRefundedPostingsMax = size_t{1} << 16;
  static constexpr absl::Duration kRefundableFor = absl::Hours(24 * 400);

  // Lets time pass. Most often nothing ends: then it costs one comparison.
  void Advance(UnixNanos now);

  // Advance(), then the whole command or nothing of it. `effect` is
  // overwritten.
  void Apply(const AccountCommand& command, const Moment& moment,
             Effect& effect);
  // The same without the variant.
  void Apply(const ReserveCommand& command, const Moment&, Effect&);
  void Apply(const CaptureCommand& command, const Moment&, Effect&);
  void Apply(const SpendCommand& command, const Moment&, Effect&);
  // ...

  // As of the last time that passed.
  UnixNanos now() const { return now_; }
  Balance balance() const;
  // What `operation` could draw on.
  Credits AvailableFor(absl::string_view operation) const;
  // What is folded into no grant: see kGrantsMax.
  const Balance& folded() const;
  std::vector<GrantView> Grants() const;              // in creation order
  std::vector<ReservationView> Reservations() const;  // open, in creation order

  // The canonical bytes of the whole state (docs/formats.md, "Account"): equal
  // accounts have equal bytes. Decode: kDataLoss where they are not of a state
  // that commands can reach.
  void EncodeTo(std::string& out) const;
  static absl::StatusOr<Account> Decode(absl::string_view bytes);

  friend bool operator==(const Account& a, const Account& b);
};

}  // namespace konpro

#endif  // KONPRO_ACCOUNT_H_
