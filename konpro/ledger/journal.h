// An entry of the journal: a command, what its references were resolved to, and
// what it did. Entries are all that a ledger keeps for good; applied again in
// order, they give its accounts.
//
//   ledger->History("acme", [](const JournalEntry& entry, absl::string_view) {
//     entry.place.sequence          // 1, 4, 7
//     entry.command.id              // "welcome", "job-7/hold", "job-7/done"
//     entry.effect.applied()        // false: it was denied
//     return absl::OkStatus();
//   });
//
// Thread safety: plain values.
#ifndef KONPRO_LEDGER_JOURNAL_H_
#define KONPRO_LEDGER_JOURNAL_H_

#include <cstdint>
#include <vector>

#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/ledger_command.h"

namespace konpro {

struct EntryPlace {
  uint64_t sequence = 0;  // 1, 2, 3 ...
  // Of the account's previous entry; 0: this is its first.
  uint64_t previous = 0;
  UnixNanos at;  // the ledger's time: never before that of the previous entry
};

// What a command's references and relative amounts were resolved to.
struct Resolution {
  // The sequence of the reservation, or of what is refunded; 0: the id is not
  // known.
  uint64_t target = 0;
  // Of a capture or a refund.
  Credits amount;
  // Of what is refunded: its time and AccountEffect::posted.
  UnixNanos posted_at;
  std::vector<Allocation> posted;
};

struct JournalEntry {
  EntryPlace place;
  LedgerCommand command;  // refers to the entry's bytes; `at` is place.at
  Resolution resolution;
  AccountEffect effect;
};

}  // namespace konpro

#endif  // KONPRO_LEDGER_JOURNAL_H_
