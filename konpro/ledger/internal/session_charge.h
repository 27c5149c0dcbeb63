// What a charge to a job goes by, within a batch: whether its id was used
// before, the job's reservation and state, and what its session has charged.
// The one place that prices a slice of a session.
//
//   charge.Find(lookup, {.account = "acme", .id = "r-1", .now = now}, "job-7");
//   charge.State(lookup)                          // kOpen
//   charge.PriceNext(lookup, price, {.quantity = 84'000, .is_total = true})
//
// A job is named by the id of its reservation, or by the id of the request that
// admitted it. Both names are one session, whether or not the reservation is
// still remembered.
//
// A charge whose id was used before is a retry: it has the job, the price and
// the quantity before of the first time, so that nothing but its own content
// decides whether it is the same.
//
// Thread safety: thread-compatible. Used again, it saves allocations.
#ifndef KONPRO_LEDGER_INTERNAL_SESSION_CHARGE_H_
#define KONPRO_LEDGER_INTERNAL_SESSION_CHARGE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/price_list.h"
#include "konpro/ledger/internal/ledger_batch.h"
#include "konpro/ledger/internal/usage_fate.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/session.h"

namespace konpro::internal {

class SessionCharge {
 public:
  struct Command {
    absl::string_view account;
    absl::string_view id;
    UnixNanos now;
  };
  struct Quantity {
    int64_t quantity = 0;
    bool is_total = false;  // QuantityCapture
  };

  // The texts outlive the charge; `job` may be empty.
  absl::Status Find(const BatchLookup& lookup, const Command& command,
                    absl::string_view job);

  // The entry of the id's first use; nullptr: it is new.
  const JournalEntry* first() const { return has_first_ ? &first_ : nullptr; }
  // Of the job; nullptr: none is remembered, or it is a retry.
  const JournalEntry* reservation() const {
    return has_reservation_ ? &reservation_ : nullptr;
  }
  // Whether the reservation is open.
  bool is_open() const { return held_.has_value(); }
  // The session's name: the reservation's id, if there is one.
  absl::string_view job() const { return job_; }

  // REQUIRES: it is no retry.
  absl::StatusOr<JobState> State(const BatchLookup& lookup);

  // Whether PriceNext() depends on what the session has charged.
  bool NeedsSessions(const Price& price) const;
  absl::StatusOr<SlicePrice> PriceNext(const BatchLookup& lookup,
                                       const PriceInEffect& price,
                                       const Quantity& quantity) const;
  // kInvalidArgument: the session would cost more than `factor` times what the
  // reservation was made for. A retry is not checked again.
  absl::Status CheckPlausible(const SlicePrice& slice, int64_t factor) const;

 private:
  absl::Status FindReservation(const BatchLookup& lookup,
                               absl::string_view job);
  const LedgerReserve& reserve() const;

  Command command_;
  std::string job_;
  bool has_first_ = false;
  std::string first_bytes_;
  JournalEntry first_;
  bool has_reservation_ = false;
  std::string reservation_bytes_;
  JournalEntry reservation_;
  // What the reservation still holds; nullopt: it is not open.
  std::optional<Credits> held_;
};

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_SESSION_CHARGE_H_
