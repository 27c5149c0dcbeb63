// A run of entries as they are read from a store: their bytes, checked against
// the hashes that chain them.
//
// Thread safety: thread-compatible.
#ifndef KONPRO_LEDGER_INTERNAL_JOURNAL_CHUNK_H_
#define KONPRO_LEDGER_INTERNAL_JOURNAL_CHUNK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "konpro/ledger/store.h"

namespace konpro::internal {

class JournalChunk {
 public:
  static constexpr uint64_t kEntriesMax = 4096;

  // Reads from `first` up to `last`, as many as there are, and kEntriesMax at
  // most. `before` is the hash of the entry before `first`; nullopt: it is read
  // as well. kDataLoss: an entry is missing or is not what was chained.
  absl::Status Read(Store& store, uint64_t first, uint64_t last,
                    std::optional<JournalHash> before);

  size_t size() const { return entries_.size(); }
  absl::string_view bytes(size_t i) const {
    return absl::string_view(bytes_).substr(entries_[i].begin,
                                            entries_[i].size);
  }
  const JournalHash& hash(size_t i) const { return entries_[i].hash; }

 private:
  struct Entry {
    size_t begin = 0;
    size_t size = 0;
    JournalHash hash{};
  };
  std::string bytes_;
  std::vector<Entry> entries_;
};

// kDataLoss: what is wrong with an entry of a store's journal.
absl::Status DamagedEntry(const Store& store, uint64_t sequence,
                          absl::string_view what);

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_JOURNAL_CHUNK_H_
