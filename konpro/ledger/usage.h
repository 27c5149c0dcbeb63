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
// prices in effect at its start_time; a record of a job that has a reservation,
// with those that were in effect when the reservation was made. What was used
// is never free: what the account lacks is uncollected (account_command.h).
//
// A record becomes a command with its record_id as id and its start_time as
// event time. If its job_id is the id of a reservation, what it becomes is as
// follows (partial: more records follow); otherwise it is a spend.
//
// | the reservation       | a final record          | a partial record    |
// |-----------------------|-------------------------|---------------------|
// | open                  | captured, rest released | captured, rest held |
// | settled by a record   | job_settled             | spend               |
// | captured by a command | job_settled             | job_settled         |
// | expired               | spend                   | spend               |
// | voided                | denied: the job failed  | denied              |
//
// A record that is job_settled changes nothing and leaves its id unused; with
// `late` it is a spend. A record of another operation than its reservation's is
// an error.
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
#include "konpro/ledger/internal/usage_fate.h"
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

// In base units. REQUIRES: the record has no errors.
int64_t QuantityOf(const v1::UsageRecord& record);

// The price of an operation, and where it comes from: a list of a catalog, or a
// reservation, which keeps the price of the time at which it was made.
struct PriceInEffect {
  absl::string_view catalog_version;
  absl::string_view operation;
  Price price;
  UnixNanos effective_at;
};
PriceInEffect PriceOf(const Catalog& catalog, const RatedUsage& rated);
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

class UsageLedger {
 public:
  struct Options {
    // Denies what an account has too little for, in place of charging what
    // there is.
    bool denies_shortfall = false;
    // A record that costs more than so many times what its reservation was made
    // for is an error. 0: none is.
    int64_t implausible_factor = 10;
  };
  // Ledger and catalog must outlive it.
  UsageLedger(Ledger& ledger, const Catalog& catalog)
      : UsageLedger(ledger, catalog, Options()) {}
  UsageLedger(Ledger& ledger, const Catalog& catalog, const Options& options);

  // Charges each record, in order and as one durable batch, at the time `at`.
  // `outcomes` is overwritten: applied, denied or replayed (kJobSettled, with
  // sequence 0, is neither); otherwise errors of RateUsage() and
  // Ledger::Apply(), and kInvalidArgument for another operation than the
  // reservation's or an implausible amount, for which nothing is journaled.
  // After kUnavailable, charge the same records again.
  // A start_time that is ahead of `at` and of the ledger's time counts as now,
  // up to LedgerOptions::clock_tolerance; further ahead the record is
  // kInvalidArgument, whatever it is.
  void Charge(absl::Span<const v1::UsageRecord> records, UnixNanos at,
              std::vector<absl::StatusOr<LedgerOutcome>>& outcomes);

  // The price of `quantity` as the next slice of the session of `job`: how a
  // command captures a part of a reservation.
  absl::StatusOr<SlicePrice> PriceOfNextSlice(absl::string_view account,
                                              absl::string_view job,
                                              const PriceInEffect& price,
                                              int64_t quantity);

  size_t sessions_known() const { return sessions_.size(); }

 private:
  // Brings the sessions up to date with the journal.
  absl::Status CatchUp();
  absl::StatusOr<uint64_t> FirstInWindow(uint64_t last);
  // Rates a record, which begins at `now` at the latest.
  absl::StatusOr<RatedUsage> Rate(const v1::UsageRecord& record, UnixNanos now);
  // Makes the command of a record, in made_. False: `outcome` is its result.
  bool Make(size_t i, const internal::BatchLookup& lookup,
            absl::StatusOr<LedgerOutcome>& outcome);
  absl::Status MakeCharge(const v1::UsageRecord& record,
                          const absl::StatusOr<RatedUsage>& rated,
                          UnixNanos now, const internal::BatchLookup& lookup,
                          internal::UsageFate& fate);
  // The fate of a record, and its reservation in found_, if there is one.
  absl::StatusOr<internal::UsageFate> FateOf(
      const v1::UsageRecord& record, UnixNanos now,
      const internal::BatchLookup& lookup);
  absl::StatusOr<internal::JobState> StateOf(
      const v1::UsageRecord& record, UnixNanos now,
      const internal::BatchLookup& lookup);
  bool Collects() const;
  absl::StatusOr<PriceInEffect> PriceFor(
      const v1::UsageRecord& record,
      const absl::StatusOr<RatedUsage>& rated) const;
  absl::Status CheckAgainstReservation(const v1::UsageRecord& record,
                                       Credits cost) const;
  // Adds the result of made_ to the sessions.
  void Note(const absl::StatusOr<LedgerOutcome>& outcome);
  void Finish(absl::Span<const absl::StatusOr<LedgerOutcome>> outcomes);

  Ledger& ledger_;
  const Catalog& catalog_;
  const Options options_;
  internal::UsageSessions sessions_;
  // The last entry of the journal that sessions_ includes; nullopt: none yet.
  std::optional<uint64_t> seen_;

  // Of the current batch.
  absl::Span<const v1::UsageRecord> records_;
  UnixNanos at_;
  std::vector<absl::StatusOr<RatedUsage>> rated_;
  LedgerCommand made_;
  bool is_made_ = false;
  // Reused to save allocations.
  std::string found_bytes_;
  JournalEntry found_;
  std::string reservation_bytes_;
  JournalEntry reservation_;
  bool has_reservation_ = false;
  bool is_retry_ = false;
};

}  // namespace konpro

#endif  // KONPRO_LEDGER_USAGE_H_
