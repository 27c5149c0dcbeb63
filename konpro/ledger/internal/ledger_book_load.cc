#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/account_id.h"
#include "konpro/ledger/internal/apply_command.h"
#include "konpro/ledger/internal/journal_chunk.h"
#include "konpro/ledger/internal/journal_codec.h"
#include "konpro/ledger/internal/ledger_book.h"
#include "konpro/ledger/internal/snapshot_codec.h"

// Loading: the snapshot, if it is whole, and then the entries after it. One
// function, Replay(), makes state out of entries: opening and verifying differ
// in where they begin. It trusts nothing that it can compute: what an entry did
// must come out again.

namespace konpro::internal {

absl::Status LedgerBook::Load() {
  const UnixNanos seen = time_;
  const absl::Status status = LoadAll();
  time_ = std::max(time_, seen);
  return status;
}

absl::Status LedgerBook::LoadAll() {
  const absl::StatusOr<JournalHead> kept = store_.ReadHead();
  if (!kept.ok()) return kept.status();
  const absl::StatusOr<bool> is_whole = LoadSnapshot();
  if (!is_whole.ok()) return is_whole.status();
  if (!*is_whole) {
    Reset(IdHash::RandomKey());
    const absl::Status status = store_.DropSnapshots();
    if (!status.ok()) return status;
  }
  JournalChunk chunk;
  while (head_.sequence < kept->sequence) {
    absl::Status status =
        chunk.Read(store_, head_.sequence + 1, kept->sequence, head_.hash);
    if (status.ok() && chunk.size() == 0) {
      status = DamagedEntry(store_, head_.sequence + 1, "is missing");
    }
    for (size_t i = 0; status.ok() && i < chunk.size(); ++i) {
      status = Replay(chunk.bytes(i), chunk.hash(i));
    }
    if (!status.ok()) return status;
  }
  if (!(head_ == *kept)) {
    return DamagedEntry(store_, kept->sequence,
                        "is not the head of the journal");
  }
  // If the head were lost, the journal would begin again at entry 1.
  const absl::Status status =
      chunk.Read(store_, head_.sequence + 1, head_.sequence + 1, head_.hash);
  if (!status.ok() || chunk.size() == 0) return status;
  return DamagedEntry(store_, head_.sequence + 1,
                      "is after the journal's head");
}

// A damaged snapshot is no error; a failing store, or a damaged journal, is.
absl::StatusOr<bool> LedgerBook::LoadSnapshot() {
  Reset(IdHash::RandomKey());
  SnapshotMeta meta;
  bool is_whole = false;
  bool is_first = true;
  const absl::Status read =
      store_.ReadSnapshots([&](absl::string_view key, absl::string_view value) {
        if (is_first) {
          is_first = false;
          // A longer window counts ids that the snapshot has forgotten.
          is_whole = key == kMetaKey && DecodeMeta(value, meta) &&
                     meta.window >= windows_.duplicates;
          if (is_whole) Reset(meta.key);
          // Without its meta row, the other rows are of no use.
          return is_whole ? absl::OkStatus() : absl::CancelledError();
        }
        AddDigest(snapshot_digest_, DigestOf(key, value));
        ++snapshot_rows_;
        is_whole = LoadRow(key, value);
        return is_whole ? absl::OkStatus() : absl::CancelledError();
      });
  if (!read.ok() && !absl::IsCancelled(read)) {
    // Damaged pages hold no snapshot, and may be dropped.
    if (absl::IsDataLoss(read)) return false;
    return read;
  }
  if (!is_whole || snapshot_rows_ != meta.rows ||
      snapshot_digest_ != meta.digest) {
    return false;
  }
  JournalChunk chunk;
  absl::Status status =
      chunk.Read(store_, meta.head.sequence, meta.head.sequence, std::nullopt);
  if (status.ok() && (chunk.size() != 1 || chunk.hash(0) != meta.head.hash)) {
    status =
        DamagedEntry(store_, meta.head.sequence,
                     "is missing or another, but there is a snapshot of it");
  }
  if (!status.ok()) return status;
  head_ = committed_ = meta.head;
  time_ = meta.time;
  snapshot_sequence_ = meta.head.sequence;
  return true;
}

bool LedgerBook::LoadRow(absl::string_view key, absl::string_view value) {
  if (key.empty()) return false;
  if (key.front() == kSegmentKey) return LoadSegment(key, value);
  AccountRow row;
  if (key.front() != kAccountKey || !IsAccountId(key.substr(1)) ||
      !DecodeAccountRow(value, row)) {
    return false;
  }
  Record record;
  record.last_sequence = row.last_sequence;
  record.encoded = std::string(row.account);
  record.digest = DigestOf(key, value);
  return records_.emplace(std::string(key.substr(1)), std::move(record)).second;
}

bool LedgerBook::LoadSegment(absl::string_view key, absl::string_view value) {
  SegmentRow row;
  if (!DecodeSegmentRow(value, row) || key != SegmentKey(row.first)) {
    return false;
  }
  const uint64_t count = row.hashes.size();
  std::deque<DuplicateMemory::Segment>& segments = duplicates_.segments();
  if (!segments.empty() &&
      row.first != segments.back().first + segments.back().count) {
    return false;
  }
  for (uint64_t i = 0; i < count; ++i) {
    duplicates_.Add(row.first + i, row.hashes[i], row.newest_at);
  }
  DuplicateMemory::Segment& segment = segments.back();
  if (segment.first != row.first || segment.count != count) return false;
  segment.digest = DigestOf(key, value);
  segment.is_written = true;
  if (count == DuplicateMemory::kSegmentEntries) segment.hashes = {};
  return true;
}

absl::Status LedgerBook::CheckReplayed(const JournalEntry& entry, uint64_t hash,
                                       const Record& record) {
  const EntryPlace& place = entry.place;
  if (place.sequence != head_.sequence + 1) {
    return DamagedEntry(store_, head_.sequence + 1, "has another sequence");
  }
  if (place.at < time_) {
    return DamagedEntry(store_, place.sequence,
                        "has an earlier time than the entry before");
  }
  if (place.previous != record.last_sequence) {
    return DamagedEntry(store_, place.sequence,
                        "does not follow the last entry of its account");
  }
  const absl::StatusOr<uint64_t> first =
      Find(hash, entry.command.account, entry.command.id, place.at);
  if (!first.ok()) return first.status();
  if (*first != 0) {
    return DamagedEntry(
        store_, place.sequence,
        absl::StrCat("repeats the command of entry ", *first,
                     ", within the duplicate window of ",
                     absl::FormatDuration(windows_.duplicates)));
  }
  if (!std::holds_alternative<LedgerRefund>(entry.command.request)) {
    return absl::OkStatus();
  }
  const absl::Status status = ReadFound(entry.resolution.target);
  if (!status.ok() && !absl::IsNotFound(status)) return status;
  if (status.ok() && found_.entry.command.account == entry.command.account &&
      found_.entry.place.at == entry.resolution.posted_at &&
      found_.entry.effect.posted == entry.resolution.posted) {
    return absl::OkStatus();
  }
  return DamagedEntry(store_, place.sequence,
                      "refunds credits that were not posted");
}

absl::Status LedgerBook::Replay(absl::string_view bytes,
                                const JournalHash& hash) {
  JournalEntry& entry = replayed_;
  absl::Status decoded = DecodeEntry(bytes, entry);
  if (decoded.ok()) decoded = CheckAccountId(entry.command.account);
  if (!decoded.ok()) {
    return DamagedEntry(store_, head_.sequence + 1, decoded.message());
  }
  auto found = records_.find(entry.command.account);
  if (found == records_.end()) {
    found = records_.try_emplace(std::string(entry.command.account)).first;
    found->second.account = std::make_unique<Account>();
  }
  Record& record = found->second;
  const uint64_t id_hash = id_hash_(entry.command.account, entry.command.id);
  const absl::Status status = CheckReplayed(entry, id_hash, record);
  if (!status.ok()) return status;
  const absl::StatusOr<Account*> account = Open(record, entry.command.account);
  if (!account.ok()) return account.status();
  ApplyEntry(entry, **account, effect_);
  if (!SameEffect(effect_, entry.effect)) {
    return DamagedEntry(store_, entry.place.sequence,
                        "has another effect when it is replayed");
  }
  time_ = entry.place.at;
  head_ = committed_ = {.sequence = entry.place.sequence, .hash = hash};
  Note(entry.place, id_hash, record);
  return absl::OkStatus();
}

}  // namespace konpro::internal
