// The tables of an account, and how values move in them. The rules are in
// account.cc, the bytes in account_encoding.cc.
#ifndef KONPRO_LEDGER_INTERNAL_ACCOUNT_TABLES_H_
#define KONPRO_LEDGER_INTERNAL_ACCOUNT_TABLES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/allowance.h"
#include "konpro/ledger/internal/expiry_heap.h"

namespace konpro::internal {

// The places of a grant's credits. Their sum is what was issued.
struct Places {
  Credits free;
  Credits reserved;
  Credits posted;
  Credits expired;
  Credits voided;
};

struct GrantState {
  // The account's count of grants when it was made; 0: the slot is empty.
  uint64_t number = 0;
  Places places;
  UnixNanos effective_at;
  UnixNanos expires_at;
  UnixNanos posted_at;  // the last time
  int32_t priority = 0;
  GrantKind kind = GrantKind::kPaid;
  bool is_voided = false;
  std::string id;
  std::vector<std::string> operations;
};

// Credits of the grant in a slot.
struct Draw {
  uint32_t slot = 0;
  Credits amount;
};

struct ReservationState {
  uint64_t sequence = 0;  // 0: the slot is empty
  Credits captured;
  UnixNanos expires_at;
  Overrun overrun = Overrun::kReject;
  std::string operation;
  std::vector<Draw> held;  // none of them zero
};

// Never renumbered: snapshots hold the numbers.
enum class ReservationEnd : uint8_t {
  kCaptured = 0,
  kVoided = 1,
  kExpired = 2
};

struct ClosedReservation {
  uint64_t sequence = 0;
  ReservationEnd end = ReservationEnd::kCaptured;
  Credits captured;
  Credits released;
};

struct RefundedPosting {
  UnixNanos posted_at;
  Credits refunded;  // above zero
};

struct AllowanceState {
  Allowance allowance;
  int64_t next_index = 0;
  // Kept instead of computed again, so that another time zone database does not
  // move a begin in the past.
  UnixNanos next_begin;
  // The grant whose free part may roll over when it ends at next_begin; or 0.
  uint64_t current_grant = 0;
  // Rolls over: not zero only between two events of one instant.
  Credits carried;
};

struct AccountTables {
  UnixNanos now;
  uint64_t last_sequence = 0;
  uint64_t grants_made = 0;
  Credits issued;  // by all grants ever
  Places folded;   // free and reserved are zero
  Credits uncollected;

  // Grants stay in their slots; `created` and `burn_down` order slots.
  std::vector<GrantState> grants;
  std::vector<uint32_t> empty_grants;
  std::vector<uint32_t> created;    // by number
  std::vector<uint32_t> burn_down;  // neither ended nor voided
  absl::flat_hash_map<std::string, uint32_t> grants_by_id;

  std::vector<ReservationState> reservations;
  std::vector<uint32_t> empty_reservations;
  absl::flat_hash_map<uint64_t, uint32_t> reservations_by_sequence;
  ExpiryHeap expiries;

  // A ring once it is full: `closed_begin` is the oldest.
  std::vector<ClosedReservation> closed;
  size_t closed_begin = 0;

  std::map<uint64_t, RefundedPosting> refunded;  // by sequence
  std::vector<AllowanceState> allowances;

  // The next end of a grant or begin of a period, and what happens next at all;
  // Max(): nothing ever.
  UnixNanos next_grant_event = UnixNanos::Max();
  UnixNanos next_event = UnixNanos::Max();

  // Not part of the value: what a command is about to draw.
  std::vector<Draw> draws;
};

// Whether `at` has come: what ends at Max() never ends.
inline bool HasCome(UnixNanos at, UnixNanos now) {
  return at <= now && at != UnixNanos::Max();
}

inline bool HasEnded(const GrantState& grant, UnixNanos now) {
  return grant.is_voided || HasCome(grant.expires_at, now);
}

// No sum of places is above what was issued in all, which is in range.
inline Credits Plus(Credits a, Credits b) {
  return Credits::FromTicks(a.ticks() + b.ticks());
}
inline Credits Minus(Credits a, Credits b) {
  return Credits::FromTicks(a.ticks() - b.ticks());
}

// REQUIRES: 0 <= amount <= from.
inline void Move(Credits& from, Credits& to, Credits amount) {
  from = Minus(from, amount);
  to = Plus(to, amount);
}

// The place for credits that come back to a grant.
inline Credits& ReturnPlace(GrantState& grant, UnixNanos now) {
  if (grant.is_voided) return grant.places.voided;
  if (HasEnded(grant, now)) return grant.places.expired;
  return grant.places.free;
}

Credits Issued(const Places& places);
Credits HeldBy(const ReservationState& reservation);

// The slot of a grant that is kept, or kNoSlot.
inline constexpr uint32_t kNoSlot = ~uint32_t{0};
uint32_t FindGrant(const AccountTables& state, uint64_t number);

// The index of a series; the number of series if there is none.
size_t FindSeries(const AccountTables& state, absl::string_view source,
                  absl::string_view item);

// All that a series can still issue from `next_index` on.
__int128 Promised(const Allowance& allowance, int64_t next_index);
// Whether `more` can be issued beside all that was and all that is promised.
bool Fits(const AccountTables& state, __int128 more);

// Puts a grant into an empty slot and every order; `issued` is the caller's.
// REQUIRES: its number is above all others and its id is new.
uint32_t InsertGrant(AccountTables& state, GrantState grant);

// An open reservation that holds nothing yet. REQUIRES: a new sequence.
ReservationState& InsertReservation(AccountTables& state, uint64_t sequence,
                                    UnixNanos expires_at);

// Bring next_grant_event and next_event up to date; next_event alone.
void ScheduleGrants(AccountTables& state);
void ScheduleNext(AccountTables& state);

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_ACCOUNT_TABLES_H_
