// A journal that is ahead of the clock: a command ran under a clock that was
// wrong, or with a mistyped time. A ledger's time never goes back, so whatever
// is applied now would count as of then. It is refused until the clock is there
// or the journal is repaired: by a copy that ends before the first entry that
// is ahead.
//
//   const JournalClock clock = {.clock = now, .file = "credits.db"};
//   CheckJournalClock(*ledger, clock)    // kUnavailable: 40 days ahead
//   FindAheadOfClock(*ledger, clock)->value().good_through    // 6
//   CopyJournal(*ledger, /*through=*/6, *store)
//
// clock_tolerance.h keeps such times out of a journal in the first place.
//
// Thread safety: thread-safe.
#ifndef KONPRO_LEDGER_JOURNAL_REPAIR_H_
#define KONPRO_LEDGER_JOURNAL_REPAIR_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/store.h"

namespace konpro {

struct JournalClock {
  absl::Time clock;  // the wall clock of this process
  // The journal's file as its reader knows it. An answer to somebody else has
  // no path.
  absl::string_view file = "FILE";
};

struct AheadOfClock {
  UnixNanos last_at;  // the ledger's time
  // The last entry that is not ahead; 0: the first one is.
  uint64_t good_through = 0;
};

// nullopt: the ledger's time is at most its options' tolerance ahead of the
// clock.
// Otherwise it reads some entries. Errors of Ledger::ReadEntry().
absl::StatusOr<std::optional<AheadOfClock>> FindAheadOfClock(
    Ledger& ledger, const JournalClock& clock);

// For people, with the command that repairs it.
std::string AheadOfClockText(const AheadOfClock& ahead,
                             const JournalClock& clock);

// kUnavailable with that text, if it is ahead. IsAheadOfClock() is true of it
// and of no other error.
absl::Status CheckJournalClock(Ledger& ledger, const JournalClock& clock);
bool IsAheadOfClock(const absl::Status& status);

// Appends the entries 1 .. through of a ledger to an empty store, and returns
// their head. kOutOfRange: there are fewer. Errors of Ledger::ForEachEntry()
// and Store::Append(); some entries may have been appended then.
absl::StatusOr<JournalHead> CopyJournal(Ledger& from, uint64_t through,
                                        Store& to);

}  // namespace konpro

#endif  // KONPRO_LEDGER_JOURNAL_REPAIR_H_
