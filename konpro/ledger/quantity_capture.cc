#include "konpro/ledger/quantity_capture.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"
#include "konpro/ledger/internal/ledger_batch.h"
#include "konpro/ledger/internal/session_charge.h"
#include "konpro/ledger/session.h"

namespace konpro {
namespace {

using internal::BatchLookup;
using internal::LedgerBatch;
using internal::SessionCharge;

// The command of a capture, made when it is its turn.
class CaptureMaker {
 public:
  CaptureMaker(const Catalog& catalog, const QuantityCapture& asked)
      : catalog_(catalog), asked_(asked) {}

  // kUnavailable with lacks_sessions(): they are to be read first.
  absl::Status Make(const BatchLookup& lookup, LedgerCommand& command) {
    lacks_sessions_ = false;
    const UnixNanos now = std::max(lookup.time(), asked_.at);
    absl::Status status = charge_.Find(
        lookup, {.account = asked_.account, .id = asked_.id, .now = now},
        asked_.reservation);
    if (!status.ok()) return status;
    const absl::StatusOr<PriceInEffect> price = PriceInCharge();
    if (!price.ok()) return price.status();
    const absl::StatusOr<SlicePrice> slice = NextSlice(lookup, *price);
    if (!slice.ok()) return slice.status();
    command = {.account = asked_.account,
               .id = asked_.id,
               .at = asked_.at,
               .request = LedgerCapture{.reservation = charge_.job(),
                                        .amount = slice->cost,
                                        .final = asked_.final,
                                        .collects = asked_.collects},
               .pricing = slice->pricing};
    const JournalEntry* const source =
        charge_.first() != nullptr ? charge_.first() : charge_.reservation();
    if (source->command.pricing.has_value()) {
      command.pricing->label = source->command.pricing->label;
    }
    return absl::OkStatus();
  }

  bool lacks_sessions() const { return lacks_sessions_; }
  // From now on, what there is to read is read in the ledger's turn.
  void set_reads_sessions() { reads_sessions_ = true; }

 private:
  absl::StatusOr<SlicePrice> NextSlice(const BatchLookup& lookup,
                                       const PriceInEffect& price) {
    // The account denies it: nothing need be known of the session.
    if (charge_.first() == nullptr && !charge_.is_open()) {
      return PriceOfSlice(price, {.slice = asked_.quantity}, charge_.job());
    }
    lacks_sessions_ = !reads_sessions_ && charge_.NeedsSessions(price.price) &&
                      !lookup.HasSessions();
    if (lacks_sessions_) return absl::UnavailableError("sessions are not read");
    absl::StatusOr<SlicePrice> slice = charge_.PriceNext(
        lookup, price,
        {.quantity = asked_.quantity, .is_total = asked_.is_total});
    if (!slice.ok()) return slice;
    const absl::Status plausible =
        charge_.CheckPlausible(*slice, asked_.implausible_factor);
    if (!plausible.ok()) return plausible;
    return slice;
  }

  absl::StatusOr<PriceInEffect> PriceInCharge() const {
    const JournalEntry* const first = charge_.first();
    if (first != nullptr && first->command.pricing.has_value()) {
      return PriceOf(*first->command.pricing);
    }
    if (charge_.reservation() != nullptr) {
      return PriceOfReservation(catalog_, *charge_.reservation());
    }
    return absl::NotFoundError(absl::StrCat(
        "account ", internal::Quoted(asked_.account), " has no reservation ",
        internal::Quoted(asked_.reservation)));
  }

  const Catalog& catalog_;
  const QuantityCapture& asked_;
  SessionCharge charge_;
  bool lacks_sessions_ = false;
  bool reads_sessions_ = false;
};

}  // namespace

absl::StatusOr<LedgerOutcome> CaptureQuantity(Ledger& ledger,
                                              const Catalog& catalog,
                                              const QuantityCapture& capture) {
  if (capture.quantity < 0) {
    return absl::InvalidArgumentError("quantity: is negative");
  }
  CaptureMaker maker(catalog, capture);
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  const auto apply = [&] {
    LedgerBatch::Apply(
        ledger, 1,
        [&](size_t, const BatchLookup& lookup, LedgerCommand& command,
            absl::StatusOr<LedgerOutcome>& outcome) {
          const absl::Status status = maker.Make(lookup, command);
          if (!status.ok()) outcome = status;
          return status.ok();
        },
        outcomes);
  };
  apply();
  if (maker.lacks_sessions()) {
    const absl::Status status = LedgerBatch::ReadSessions(ledger);
    if (!status.ok()) return status;
    maker.set_reads_sessions();
    apply();
  }
  return std::move(outcomes.front());
}

}  // namespace konpro
