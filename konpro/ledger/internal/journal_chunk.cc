#include "konpro/ledger/internal/journal_chunk.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "konpro/ledger/internal/journal_codec.h"

namespace konpro::internal {

absl::Status DamagedEntry(const Store& store, uint64_t sequence,
                          absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat(store.name(), ": entry ", sequence, ": ", what));
}

absl::Status JournalChunk::Read(Store& store, uint64_t first, uint64_t last,
                                std::optional<JournalHash> before) {
  bytes_.clear();
  entries_.clear();
  last = std::min(last, first + kEntriesMax - 1);
  if (first == 1) before.emplace();
  uint64_t expected = before.has_value() ? first : first - 1;
  return store.Read(expected, last, [&](const StoredEntry& entry) {
    if (entry.sequence != expected) {
      return DamagedEntry(store, expected, "is missing");
    }
    ++expected;
    if (!before.has_value()) {
      before = entry.hash;
      return absl::OkStatus();
    }
    const JournalHash hash = ChainHash(*before, entry.bytes);
    if (hash != entry.hash) {
      return DamagedEntry(store, entry.sequence,
                          "its bytes do not match its hash");
    }
    before = hash;
    entries_.push_back(
        {.begin = bytes_.size(), .size = entry.bytes.size(), .hash = hash});
    bytes_.append(entry.bytes.data(), entry.bytes.size());
    return absl::OkStatus();
  });
}

}  // namespace konpro::internal
