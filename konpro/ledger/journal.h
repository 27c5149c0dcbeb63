// The journal's entries: a command, what its references came to, and what it
// did. Entries are all that a ledger keeps for good; accounts are what comes
// out when they are applied again, one behind the other.
//
//   EncodeEntry({.sequence = 7, .previous = 4, .at = t}, command, resolution,
//               effect, bytes);
//   hash = ChainHash(hash, bytes);         // of this entry and all before
//   absl::StatusOr<JournalEntry> entry = DecodeEntry(bytes);
//   ApplyEntry(*entry, account, effect);   // effect == entry->effect
//
// Thread safety: plain values and pure functions.
//
// Invariants: (1) one entry has one encoding: DecodeEntry() takes no other.
// (2) What is applied depends on the account and the entry alone.
#ifndef KONPRO_LEDGER_JOURNAL_H_
#define KONPRO_LEDGER_JOURNAL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/store.h"

namespace konpro {

struct EntryPlace {
  uint64_t sequence = 0;  // 1, 2, 3 ...
  // Of the account's entry before; 0: this is its first.
  uint64_t previous = 0;
  UnixNanos at;  // the ledger's time: never before that of the entry before
};

// What a command's references and relative amounts came to.
struct Resolution {
  // Of the reservation, or of what is refunded; 0: none of that id is known.
  uint64_t target = 0;
  // Of a capture or a refund.
  Credits amount;
  // Of what is refunded: its time and AccountEffect::posted.
  UnixNanos posted_at;
  std::vector<Allocation> posted;
};

struct JournalEntry {
  EntryPlace place;
  LedgerCommand command;  // its texts are in the bytes; `at` is place.at
  Resolution resolution;
  AccountEffect effect;
};

// Appends the bytes of an entry (docs/formats.md, "Journal").
void EncodeEntry(const EntryPlace& place, const LedgerCommand& command,
                 const Resolution& resolution, const AccountEffect& effect,
                 std::string& out);

// kDataLoss where `bytes` are no entry. The entry refers to the bytes.
absl::StatusOr<JournalEntry> DecodeEntry(absl::string_view bytes);
// The same into an entry that is there, which saves allocations.
absl::Status DecodeEntry(absl::string_view bytes, JournalEntry& entry);

// SHA-256 of `before` and the bytes of an entry. The hash before the first
// entry is all zeros.
JournalHash ChainHash(const JournalHash& before, absl::string_view bytes);

// Lets `account` do what the command says. `effect` is overwritten.
void ApplyCommand(const EntryPlace& place, const LedgerCommand& command,
                  const Resolution& resolution, Account& account,
                  AccountEffect& effect);

// Whether two effects are the same in everything.
bool SameEffect(const AccountEffect& a, const AccountEffect& b);

}  // namespace konpro

#endif  // KONPRO_LEDGER_JOURNAL_H_
