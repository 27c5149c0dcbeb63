#include "konpro/ledger/store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace konpro {

absl::Status MemoryStore::Append(const JournalHead& head,
                                 absl::Span<const StoredEntry> entries) {
  if (!(head == head_)) {
    return absl::AbortedError(absl::StrCat(name(), ": the journal has ",
                                           head_.sequence, " entries, not ",
                                           head.sequence));
  }
  for (const StoredEntry& entry : entries) {
    if (chunks_.empty() || chunks_.back().capacity() - chunks_.back().size() <
                               entry.bytes.size()) {
      chunks_.emplace_back();
      chunks_.back().reserve(std::max(kChunkBytes, entry.bytes.size()));
    }
    std::string& chunk = chunks_.back();
    const size_t at = chunk.size();
    chunk.append(entry.bytes.data(), entry.bytes.size());
    entries_.push_back(
        {.sequence = entry.sequence,
         .bytes = absl::string_view(chunk).substr(at, entry.bytes.size()),
         .hash = entry.hash});
  }
  head_ = {.sequence = entries_.back().sequence, .hash = entries_.back().hash};
  return absl::OkStatus();
}

absl::Status MemoryStore::Read(uint64_t first, uint64_t last,
                               EntryVisitor visit) {
  last = std::min<uint64_t>(last, entries_.size());
  for (uint64_t sequence = std::max<uint64_t>(first, 1); sequence <= last;
       ++sequence) {
    const absl::Status status = visit(entries_[sequence - 1]);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MemoryStore::WriteSnapshots(
    absl::Span<const SnapshotChange> changes) {
  for (const SnapshotChange& change : changes) {
    std::string key(change.key);
    if (change.value.has_value()) {
      snapshots_[std::move(key)] = std::string(*change.value);
    } else {
      snapshots_.erase(key);
    }
  }
  return absl::OkStatus();
}

absl::Status MemoryStore::ReadSnapshots(SnapshotVisitor visit) {
  for (const auto& [key, value] : snapshots_) {
    const absl::Status status = visit(key, value);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MemoryStore::DropSnapshots() {
  snapshots_.clear();
  return absl::OkStatus();
}

}  // namespace konpro
