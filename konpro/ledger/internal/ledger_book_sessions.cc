#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/ledger/internal/journal_chunk.h"
#include "konpro/ledger/internal/journal_codec.h"
#include "konpro/ledger/internal/ledger_book.h"

// Sessions follow from the journal, of which they need the duplicate window
// alone. A ledger that never needs them neither reads nor keeps them; once they
// are read, each command that applies is added to them (Execute()).

namespace konpro::internal {

absl::Status LedgerBook::ReadSomeSessions() {
  if (!sessions_.has_value()) {
    const absl::StatusOr<uint64_t> first = FirstInWindow();
    if (!first.ok()) return first.status();
    sessions_.emplace(windows_.duplicates);
    sessions_seen_ = *first - 1;
  }
  JournalEntry entry;
  if (sessions_seen_ < committed_.sequence) {
    JournalChunk chunk;
    absl::Status status = chunk.Read(store_, sessions_seen_ + 1,
                                     committed_.sequence, std::nullopt);
    if (status.ok() && chunk.size() == 0) {
      status = DamagedEntry(store_, sessions_seen_ + 1, "is missing");
    }
    for (size_t i = 0; status.ok() && i < chunk.size(); ++i) {
      status = ObserveEntry(chunk.bytes(i), entry);
    }
    return status;
  }
  std::string bytes;
  while (sessions_seen_ < head_.sequence) {
    absl::Status status = ReadEntry(sessions_seen_ + 1, bytes);
    if (status.ok()) status = ObserveEntry(bytes, entry);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status LedgerBook::ObserveEntry(absl::string_view bytes,
                                      JournalEntry& entry) {
  const absl::Status status = DecodeEntry(bytes, entry);
  if (!status.ok()) {
    return DamagedEntry(store_, sessions_seen_ + 1, status.message());
  }
  ++sessions_seen_;
  if (entry.effect.applied()) {
    sessions_->Observe(entry.command, entry.place.at);
  }
  return absl::OkStatus();
}

// Times of entries never go back.
absl::StatusOr<uint64_t> LedgerBook::FirstInWindow() {
  uint64_t first = 1;
  uint64_t end = committed_.sequence + 1;
  std::string bytes;
  JournalEntry entry;
  while (first < end) {
    const uint64_t middle = first + (end - first) / 2;
    absl::Status status = ReadEntry(middle, bytes);
    if (status.ok()) status = DecodeEntry(bytes, entry);
    if (!status.ok()) return status;
    if (time_ - entry.place.at > windows_.duplicates) {
      first = middle + 1;
    } else {
      end = middle;
    }
  }
  return first;
}

}  // namespace konpro::internal
