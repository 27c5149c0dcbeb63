// A session is what a job uses of one operation by one price list, in whatever
// slices that is reported: by usage records (usage.h), by captures of a
// quantity, by the completion of an admitted job. A slice costs what the
// session costs with it, less what the session cost without it. So any slices
// in any order sum to the price of the whole: increments, minimums and rounding
// apply once.
//
//   RatedUsage rated = *RateQuantity(catalog, avatar_video, 10'000, time);
//   PriceInEffect price = PriceOf(catalog, rated);
//   PriceOfSlice(price, {.before = 10'000, .slice = 74'000}, "job-7")->cost
//                                                       // 74 credits
//
// What a session has charged, the ledger knows: quantity_capture.h and usage.h
// charge the next slice.
//
// Thread safety: functions are pure.
//
// Limits: once a ledger needs them, it remembers the sessions of its duplicate
// window, 40 to 80 bytes each, and reads the journal of that time for them. A
// session ends if nothing is charged to it for that long.
#ifndef KONPRO_LEDGER_SESSION_H_
#define KONPRO_LEDGER_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/price_list.h"
#include "konpro/ledger/ledger_command.h"

namespace konpro {

// The id of an admitted job's reservation: this, and the id of its request.
inline constexpr absl::string_view kAdmittedJobPrefix = "admit:";

// A session that costs more than so many times what its reservation was made
// for is implausible, and is an error. A reservation of nothing is for nothing:
// whatever costs more is implausible. 0: no session is.
inline constexpr int64_t kImplausibleFactor = 10;

struct RatedUsage {
  // They belong to the catalog.
  const Operation* operation = nullptr;
  const PriceList* prices = nullptr;
  const Price* price = nullptr;
  // In base units of the operation.
  int64_t quantity = 0;
  Credits cost;
};

// By the prices in effect at `time`. kNotFound: the operation has none then.
// kOutOfRange: the cost leaves the range of Credits.
// REQUIRES: `operation` is of `catalog`; quantity >= 0.
absl::StatusOr<RatedUsage> RateQuantity(const Catalog& catalog,
                                        const Operation& operation,
                                        int64_t quantity, absl::Time time);

// The price of an operation, and where it comes from: a list of a catalog, or a
// reservation, which keeps the price of the time at which it was made.
struct PriceInEffect {
  absl::string_view catalog_version;
  absl::string_view operation;
  Price price;
  UnixNanos effective_at;
};
PriceInEffect PriceOf(const Catalog& catalog, const RatedUsage& rated);
// kDataLoss: there is no such price.
absl::StatusOr<PriceInEffect> PriceOf(const Pricing& pricing);
// kInvalidArgument: the entry is no reservation, or one without an operation.
// kNotFound: it was not priced, and its operation had no price then.
absl::StatusOr<PriceInEffect> PriceOfReservation(const Catalog& catalog,
                                                 const JournalEntry& entry);

// What a slice of a session costs, and how that amount came about.
struct SlicePrice {
  Credits cost;
  Pricing pricing;  // its texts are those of the PriceInEffect, and `job`
};
struct SliceQuantity {
  int64_t before = 0;  // what was charged for so far; 0: it is all there is
  int64_t slice = 0;
};
// kOutOfRange: the quantity or the cost of the session leaves its range.
absl::StatusOr<SlicePrice> PriceOfSlice(const PriceInEffect& price,
                                        const SliceQuantity& quantity,
                                        absl::string_view job);

// The name of a job's session: its reservation's id and that of the request
// that was admitted are one.
absl::string_view SessionName(absl::string_view job);

// What slices cost without a ledger: as a ledger charges them if their jobs
// have no reservations. Memory grows with the jobs of operations whose price
// has an increment, a minimum or a rounding, and with no others.
// Thread-compatible.
class SessionCosts {
 public:
  static constexpr size_t kSessionsMax = size_t{1} << 20;
  explicit SessionCosts(size_t sessions_max = kSessionsMax)
      : sessions_max_(sessions_max) {}

  struct Slice {
    Credits cost;
    int64_t quantity = 0;       // of the session, with this slice
    int64_t* so_far = nullptr;  // the session's; nullptr: it needs none
  };
  // The next slice of the session of `job`, or if that is "" a session of its
  // own; nothing is added yet. kOutOfRange as PriceOfSlice().
  // kResourceExhausted: above `sessions_max`.
  absl::StatusOr<Slice> Next(absl::string_view account, absl::string_view job,
                             const RatedUsage& rated);
  // Adds what Next() returned last.
  static void Add(const Slice& slice) {
    if (slice.so_far != nullptr) *slice.so_far = slice.quantity;
  }

 private:
  const size_t sessions_max_;
  // By account, job, operation and price list.
  absl::flat_hash_map<std::string, int64_t> sessions_;
};

}  // namespace konpro

#endif  // KONPRO_LEDGER_SESSION_H_
