// An Account owns credits: grants, what is reserved of them, and what was
// spent, as a state machine that is a pure function of state, command and time.
// It has no I/O, no clock and no ids of callers: ledger.h makes it durable and
// idempotent, price_list.h prices work.
//
//   Account account;
//   AccountEffect effect;
//   account.Apply(GrantCommand{.id = "welcome", .amount = nine},
//                 {.sequence = 1, .now = t}, effect);     // effect.applied()
//   account.Apply(ReserveCommand{.amount = six, .operation = "avatar_video",
//                                .expires_at = in_an_hour},
//                 {.sequence = 2, .now = t}, effect);     // 3 are available
//   account.Apply(CaptureCommand{.reservation = 2, .amount = four},
//                 {.sequence = 3, .now = t}, effect);     // 2 are released
//   account.balance().available                           // 5 credits
//
// Time passes before a command is considered: whatever ends by then has ended,
// in order of (end, creation), whether or not the command applies. No sweep can
// be observed: Advance(t1), Advance(t2) and Advance(t2) alone give equal
// accounts. A time before the last one counts as the last one.
//
// Burn-down: priority (low first), then the soonest end (never last), then the
// promotional before the paid, then the oldest effective time, then creation
// (docs/ledger.md). A reservation records
// what it drew from which grant; captures, releases and refunds follow that
// record. A grant ends at its end or when it is voided: then nothing in it is
// free, what is held can still be captured, and what comes back later expires
// or is voided at once.
//
// Thread safety: thread-compatible. A value: copies are independent.
//
// Invariants, at all times: (1) per grant, issued = free + reserved + posted +
// expired + voided, each zero or more. (2) The allocations of open reservations
// sum to what grants have reserved. (3) A command that is refused leaves the
// account as Advance() to its time does. (4) A grant that has ended or was
// voided has nothing free. (5) What was charged in all, by captures and spends,
// is what they posted and what is uncollected.
//
// Limits: AccountLimits.
#ifndef KONPRO_LEDGER_ACCOUNT_H_
#define KONPRO_LEDGER_ACCOUNT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/allowance.h"
#include "konpro/ledger/internal/account_tables.h"

namespace konpro {

// The balance of one grant, or of all of them together.
struct Balance {
  Credits available;  // free, effective, not ended
  Credits pending;    // free, not effective yet
  Credits reserved;
  Credits posted;
  Credits expired;
  Credits voided;
  // What was used and could not be drawn; of an account alone, in no grant.
  Credits uncollected;

  friend bool operator==(const Balance&, const Balance&) = default;
};

struct GrantView {
  uint64_t number = 0;  // the account's first grant is 1, then in order made
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
  // Lets time pass. If nothing ends, it costs one comparison.
  void Advance(UnixNanos now);

  // Advance(), then all of the command or nothing of it. `effect` is
  // overwritten.
  void Apply(const AccountCommand& command, const CommandMoment&,
             AccountEffect&);
  // The same for a command of a known kind.
  void Apply(const GrantCommand& command, const CommandMoment&, AccountEffect&);
  void Apply(const AllowanceCommand& command, const CommandMoment&,
             AccountEffect&);
  void Apply(const EndAllowanceCommand& command, const CommandMoment&,
             AccountEffect&);
  void Apply(const VoidGrantCommand& command, const CommandMoment&,
             AccountEffect&);
  void Apply(const ReserveCommand& command, const CommandMoment&,
             AccountEffect&);
  void Apply(const CaptureCommand& command, const CommandMoment&,
             AccountEffect&);
  void Apply(const VoidCommand& command, const CommandMoment&, AccountEffect&);
  void Apply(const SpendCommand& command, const CommandMoment&, AccountEffect&);
  void Apply(const RefundCommand& command, const CommandMoment&,
             AccountEffect&);

  // The latest time, and the sequence of the last command that applied; 0 at
  // first.
  UnixNanos now() const { return state_.now; }
  uint64_t last_sequence() const { return state_.last_sequence; }

  // All of these are as of now().
  Balance balance() const;  // with folded()
  // What `operation` can draw on now.
  Credits AvailableFor(absl::string_view operation) const;
  // The sum of the grants that are no longer kept (AccountLimits::kGrantsMax).
  Balance folded() const;
  // The id of a grant; "": it is not kept.
  absl::string_view GrantId(uint64_t number) const;
  // Views are valid until the account changes.
  std::vector<GrantView> Grants() const;              // in creation order
  std::vector<ReservationView> Reservations() const;  // open, in creation order
  // The open reservation of that sequence.
  std::optional<ReservationView> FindReservation(uint64_t sequence) const;
  std::vector<Allowance> Allowances() const;  // with further periods

  // Appends the canonical bytes of the whole state (docs/formats.md,
  // "Account"): equal accounts have equal bytes. Decode: kDataLoss if no
  // commands lead to that state.
  void EncodeTo(std::string& out) const;
  static absl::StatusOr<Account> Decode(absl::string_view bytes);

  friend bool operator==(const Account& a, const Account& b);

 private:
  // Applies all events up to `now`.
  void PassEvents(UnixNanos now);
  // The first step of every command. False: it is refused already.
  bool Begin(const CommandMoment& moment, AccountEffect& effect);

  internal::AccountTables state_;
};

}  // namespace konpro

#endif  // KONPRO_LEDGER_ACCOUNT_H_
