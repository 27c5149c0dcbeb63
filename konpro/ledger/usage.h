// Usage records (proto/usage.proto): checking and pricing one, and charging
// them to the accounts of a ledger, each once, in whatever order they arrive.
//
//   absl::StatusOr<RatedUsage> rated = RateUsage(Catalog::BuiltIn(), record);
//   rated->cost                                // Credits
//
//   UsageLedger usage(*ledger, Catalog::BuiltIn());
//   usage.Charge(records, now, outcomes);      // once more: all replayed
//
// A record is priced by the same Price::CostOf() as an estimate, with the
// prices in effect at its start_time; a record of a job that has a reservation,
// with those that were in effect when the reservation was made. What was used
// is never free: what the account lacks is uncollected (account_command.h).
//
// A record becomes a command with its record_id as id and its start_time as
// event time. Its job_id is the id of a reservation or, if none has it, that of
// an admitted job (admission.h), which is the same job under another name. What
// the record becomes is as follows (partial: more records follow); without a
// reservation it is a spend.
//
// | the reservation       | a final record          | a partial record    |
// |-----------------------|-------------------------|---------------------|
// | open                  | captured, rest released | captured, rest held |
// | settled by a record   | job_settled             | spend               |
// | captured by a command | job_settled             | job_settled         |
// | expired               | spend, settles the job  | spend               |
// | voided                | denied: the job failed  | denied              |
//
// A record that is job_settled changes nothing and leaves its id unused; with
// `late` it is a spend. A record of another operation than its reservation's is
// an error, as is one that makes its job implausible.
//
// Records of one account, job, operation and price list are slices of one
// session (session.h), in any order. Denied records are not part of it.
//
// Thread safety: functions are pure, a UsageLedger is thread-compatible. Others
// may charge to the same jobs meanwhile.
#ifndef KONPRO_LEDGER_USAGE_H_
#define KONPRO_LEDGER_USAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/internal/ledger_batch.h"
#include "konpro/ledger/internal/session_charge.h"
#include "konpro/ledger/internal/usage_fate.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/session.h"
#include "proto/usage.pb.h"

namespace konpro {

inline constexpr size_t kUsageIdBytesMax = 128;
// A job is named by the id of its reservation, whoever made that.
inline constexpr size_t kUsageJobIdBytesMax = kCommandIdBytesMax;
inline constexpr size_t kUsageLabelsMax = 32;
inline constexpr size_t kUsageLabelKeyBytesMax = 64;
inline constexpr size_t kUsageLabelValueBytesMax = 256;

// All errors of `record`, each beginning with the field's name
// (`end_time: before start_time`); empty: it is valid.
std::vector<std::string> UsageRecordErrors(const v1::UsageRecord& record,
                                           const Catalog& catalog);

// kInvalidArgument: UsageRecordErrors(), joined by "; ". kNotFound: the
// operation has no price at start_time. kOutOfRange: the cost leaves the range
// of Credits. A start_time after `latest` counts as that.
absl::StatusOr<RatedUsage> RateUsage(
    const Catalog& catalog, const v1::UsageRecord& record,
    absl::Time latest = absl::InfiniteFuture());

// The record's start_time.
absl::Time StartTime(const v1::UsageRecord& record);

// In base units. REQUIRES: the record has no errors.
int64_t QuantityOf(const v1::UsageRecord& record);

class UsageLedger {
 public:
  struct Options {
    // Denies what an account has too little for, in place of charging what
    // there is.
    bool denies_shortfall = false;
    int64_t implausible_factor = kImplausibleFactor;
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

 private:
  // Rates a record, which begins at `now` at the latest.
  absl::StatusOr<RatedUsage> Rate(const v1::UsageRecord& record, UnixNanos now);
  // Makes the command of a record. False: `outcome` is its result.
  bool Make(const v1::UsageRecord& record,
            const absl::StatusOr<RatedUsage>& rated,
            const internal::BatchLookup& lookup, LedgerCommand& command,
            absl::StatusOr<LedgerOutcome>& outcome);
  // The rest of a command, if the record's fate is not kJobSettled.
  absl::StatusOr<internal::UsageFate> MakeCharge(
      const v1::UsageRecord& record, const absl::StatusOr<RatedUsage>& rated,
      UnixNanos now, const internal::BatchLookup& lookup,
      LedgerCommand& command);
  absl::StatusOr<internal::UsageFate> FateOf(
      const v1::UsageRecord& record, const internal::BatchLookup& lookup,
      LedgerCommand& command);
  absl::Status CheckOperation(const v1::UsageRecord& record) const;
  bool Collects() const;
  absl::StatusOr<PriceInEffect> PriceFor(
      const v1::UsageRecord& record,
      const absl::StatusOr<RatedUsage>& rated) const;

  Ledger& ledger_;
  const Catalog& catalog_;
  const Options options_;
  // Reused to save allocations.
  std::vector<absl::StatusOr<RatedUsage>> rated_;
  internal::SessionCharge charge_;
};

}  // namespace konpro

#endif  // KONPRO_LEDGER_USAGE_H_
