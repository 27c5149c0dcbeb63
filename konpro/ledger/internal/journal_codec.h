// The bytes of the journal's entries (docs/formats.md, "Journal"), and the hash
// that chains them.
//
//   EncodeEntry({.sequence = 7, .previous = 4, .at = t}, command, resolution,
//               effect, bytes);
//   hash = ChainHash(hash, bytes);         // of this entry and all before
//   absl::StatusOr<JournalEntry> entry = DecodeEntry(bytes);
//
// Thread safety: pure functions.
//
// Invariants: (1) an entry has one encoding: DecodeEntry() accepts no other.
// (2) The allocations of a decoded list sum to an amount in range.
#ifndef KONPRO_LEDGER_INTERNAL_JOURNAL_CODEC_H_
#define KONPRO_LEDGER_INTERNAL_JOURNAL_CODEC_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/store.h"

namespace konpro::internal {

// Appends the bytes of an entry.
void EncodeEntry(const EntryPlace& place, const LedgerCommand& command,
                 const Resolution& resolution, const AccountEffect& effect,
                 std::string& out);

// kDataLoss: `bytes` are not an entry. The entry refers to the bytes.
absl::StatusOr<JournalEntry> DecodeEntry(absl::string_view bytes);
// Decodes into an existing entry, which saves allocations.
absl::Status DecodeEntry(absl::string_view bytes, JournalEntry& entry);

// SHA-256 of `before` and the bytes of an entry. The hash before the first
// entry is all zeros.
JournalHash ChainHash(const JournalHash& before, absl::string_view bytes);

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_JOURNAL_CODEC_H_
