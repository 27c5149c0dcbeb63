// Usage records (proto/usage.proto): checking and pricing one, and charging
// them to the accounts of a ledger, each once, in whatever order they arrive.
//
//   absl::StatusOr<RatedUsage> rated = RateUsage(Catalog::BuiltIn(), record);
//   rated->cost                                // Credits
//
//   UsageLedger usage(*ledger, Catalog::BuiltIn());
//   usage.Charge(records, now, outcomes);      // once more: all replayed
//   usage.sessions_known()                     // remembered jobs
//
// A record is priced by the same Price::CostOf() as an estimate, with the
// prices in effect at its start_time.
//
// A record becomes a command with its record_id as id and its start_time as
// event time. If its job_id is the id of a reservation, it is a capture,
// otherwise a spend. A record with `partial` leaves the rest of the reservation
// held; one without settles it and releases the rest. A record for a settled
// job is a spend. A job that was voided, or whose reservation has expired, is
// denied and costs nothing.
//
// Records of one account, job, operation and price list are slices of one
// session: each costs what the session costs with it, less what the session
// cost without it. Any slices in any order sum to the price of the whole.
// Denied records are not part of the session. A session ends if nothing is
// charged to it for the duplicate window of the ledger.
//
// Thread safety: functions are pure, a UsageLedger is thread-compatible. One
// UsageLedger charges to a ledger at a time; other commands may be applied
// meanwhile, but no captures and spends of the same jobs.
//
// Limits: it remembers the jobs of the duplicate window, 40 to 80 bytes each;
// the first record with a job_id makes it read the journal of that time.
#ifndef KONPRO_LEDGER_USAGE_H_
#define KONPRO_LEDGER_USAGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/price_list.h"
#include "konpro/ledger/internal/usage_sessions.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"
#include "proto/usage.pb.h"

namespace konpro {

inline constexpr size_t kUsageIdBytesMax = 128;
inline constexpr size_t kUsageLabelsMax = 32;
inline constexpr size_t kUsageLabelKeyBytesMax = 64;
inline constexpr size_t kUsageLabelValueBytesMax = 256;

// All errors of `record`, each beginning with the field's name
// (`end_time: before start_time`); empty: it is valid.
std::vector<std::string> UsageRecordErrors(const v1::UsageRecord& record,
                                           const Catalog& catalog);

struct RatedUsage {
  // They belong to the catalog.
  const Operation* operation = nullptr;
  const PriceList* prices = nullptr;
  const Price* price = nullptr;
  // In base units of the operation.
  int64_t quantity = 0;
  Credits cost;
};

// kInvalidArgument: UsageRecordErrors(), joined by "; ". kNotFound: the
// operation has no price at start_time. kOutOfRange: the cost leaves the range
// of Credits. A start_time after `latest` counts as that.
absl::StatusOr<RatedUsage> RateUsage(
    const Catalog& catalog, const v1::UsageRecord& record,
    absl::Time latest = absl::InfiniteFuture());

// The same for a quantity without a record, with the prices in effect at
// `time`. REQUIRES: `operation` is of `catalog`; quantity >= 0.
absl::StatusOr<RatedUsage> RateQuantity(const Catalog& catalog,
                                        const Operation& operation,
                                        int64_t quantity, absl::Time time);

// The record's start_time.
absl::Time StartTime(const v1::UsageRecord& record);

// What a slice of a session costs, and how that amount came about.
struct SlicePrice {
  Credits cost;
  Pricing pricing;  // its texts are those of the catalog, and `job`
};

// The price of `rated` as the next slice of the session of `job`, which was
// charged for `before` so far; "" and 0: it is all there is. kOutOfRange: the
// quantity or the cost of the session leaves its range.
absl::StatusOr<SlicePrice> PriceOfSlice(const Catalog& catalog,
                                        const RatedUsage& rated, int64_t before,
                                        absl::string_view job);

class UsageLedger {
 public:
  // Both must outlive it.
  UsageLedger(Ledger& ledger, const Catalog& catalog);

  // Charges each record, in order and as one durable batch, at the time `at`.
  // `outcomes` is overwritten: applied, denied or replayed; otherwise errors of
  // RateUsage() and Ledger::Apply(). After kUnavailable, charge the same
  // records again. A start_time that is ahead of `at` and of the ledger's time
  // counts as now, up to LedgerOptions::clock_tolerance; further ahead the
  // record is kInvalidArgument, whatever it is.
  void Charge(absl::Span<const v1::UsageRecord> records, UnixNanos at,
              std::vector<absl::StatusOr<LedgerOutcome>>& outcomes);

  // What the session of `job` that `rated` belongs to was charged for so far,
  // in base units.
  absl::StatusOr<int64_t> Charged(absl::string_view account,
                                  absl::string_view job,
                                  const RatedUsage& rated);

  size_t sessions_known() const { return sessions_.size(); }

 private:
  // Brings the sessions up to date with the journal.
  absl::Status CatchUp();
  absl::StatusOr<uint64_t> FirstInWindow(uint64_t last);
  // Rates a record, which begins at `now` at the latest.
  absl::StatusOr<RatedUsage> Rate(const v1::UsageRecord& record, UnixNanos now);
  // Makes the command of a record, in made_.
  absl::Status Make(const v1::UsageRecord& record, const RatedUsage& rated,
                    UnixNanos now, const internal::BatchLookup& lookup);
  // Whether the record is a capture of its job's reservation.
  absl::StatusOr<bool> HasReservation(const v1::UsageRecord& record,
                                      UnixNanos now,
                                      const internal::BatchLookup& lookup);
  // Adds the result of made_ to the sessions.
  void Note(const absl::StatusOr<LedgerOutcome>& outcome);
  void Finish(absl::Span<const absl::StatusOr<LedgerOutcome>> outcomes);

  Ledger& ledger_;
  const Catalog& catalog_;
  internal::UsageSessions sessions_;
  // The last entry of the journal that sessions_ includes; nullopt: none yet.
  std::optional<uint64_t> seen_;

  // Of the current batch.
  std::vector<absl::StatusOr<RatedUsage>> rated_;
  LedgerCommand made_;
  bool is_made_ = false;
  // Reused to save allocations.
  std::string found_bytes_;
  JournalEntry found_;
};

}  // namespace konpro

#endif  // KONPRO_LEDGER_USAGE_H_
