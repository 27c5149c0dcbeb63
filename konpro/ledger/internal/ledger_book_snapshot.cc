#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "konpro/base/internal/name.h"
#include "konpro/ledger/internal/journal_chunk.h"
#include "konpro/ledger/internal/ledger_book.h"
#include "konpro/ledger/internal/snapshot_codec.h"

// Snapshots: writing the rows that changed, and comparing those in the store
// with the state in memory.

namespace konpro::internal {

void LedgerBook::PutAccounts(SnapshotRows& rows) {
  for (auto& [account, record] : records_) {
    if (!record.is_changed) continue;
    std::string encoded;
    record.account->EncodeTo(encoded);
    rows.Put(AccountKey(account),
             EncodeAccountRow(
                 {.last_sequence = record.last_sequence, .account = encoded}),
             record.digest);
  }
}

void LedgerBook::PutSegments(SnapshotRows& rows) {
  for (const DuplicateMemory::Segment& segment : duplicates_.forgotten()) {
    rows.Drop(SegmentKey(segment.first), segment.digest);
  }
  for (DuplicateMemory::Segment& segment : duplicates_.segments()) {
    if (segment.is_written) continue;
    rows.Put(SegmentKey(segment.first),
             EncodeSegmentRow({.first = segment.first,
                               .newest_at = segment.newest_at,
                               .hashes = segment.hashes}),
             segment.digest);
  }
}

// All rows change in one transaction: a mixture of old and new rows is not a
// snapshot. If it fails, the next one writes all of them again.
absl::Status LedgerBook::WriteSnapshot() {
  if (snapshot_sequence_ == head_.sequence) return absl::OkStatus();
  SnapshotRows rows(snapshot_rows_, snapshot_digest_);
  PutAccounts(rows);
  PutSegments(rows);
  rows.PutMeta({.head = head_,
                .time = time_,
                .window = windows_.duplicates,
                .key = id_hash_.key(),
                .rows = rows.count(),
                .digest = rows.sum()});
  const absl::Status status = store_.WriteSnapshots(rows.changes());
  if (status.ok()) NoteWritten(rows);
  return status;
}

void LedgerBook::NoteWritten(const SnapshotRows& rows) {
  snapshot_sequence_ = head_.sequence;
  snapshot_rows_ = rows.count();
  snapshot_digest_ = rows.sum();
  rows.NoteWritten();
  for (auto& [account, record] : records_) record.is_changed = false;
  duplicates_.DropForgotten();
  for (DuplicateMemory::Segment& segment : duplicates_.segments()) {
    segment.is_written = true;
    if (segment.count == DuplicateMemory::kSegmentEntries) segment.hashes = {};
  }
}

absl::StatusOr<std::string> LedgerBook::ReadMeta() {
  std::string meta;
  const absl::Status read =
      store_.ReadSnapshots([&](absl::string_view key, absl::string_view value) {
        if (key == kMetaKey) meta = std::string(value);
        return absl::CancelledError();
      });
  if (!read.ok() && !absl::IsCancelled(read)) return read;
  return meta;
}

absl::StatusOr<uint64_t> LedgerBook::SnapshotInStore() {
  const absl::StatusOr<std::string> bytes = ReadMeta();
  if (!bytes.ok()) return bytes.status();
  SnapshotMeta meta;
  return DecodeMeta(*bytes, meta) ? meta.head.sequence : 0;
}

absl::StatusOr<uint64_t> LedgerBook::CompareSnapshot() {
  SnapshotMeta meta;
  SnapshotDigest digest{};
  uint64_t rows = 0;
  uint64_t accounts = 0;
  const absl::Status status = store_.ReadSnapshots(
      [&](absl::string_view key, absl::string_view value) -> absl::Status {
        if (key == kMetaKey) {
          if (DecodeMeta(value, meta) && meta.head == head_) {
            return absl::OkStatus();
          }
          return DamagedEntry(store_, head_.sequence,
                              "its snapshot is of another journal");
        }
        ++rows;
        AddDigest(digest, DigestOf(key, value));
        if (!key.empty() && key.front() == kAccountKey) ++accounts;
        return CompareRow(key, value);
      });
  if (!status.ok()) return status;
  if (rows != meta.rows || digest != meta.digest ||
      accounts != records_.size()) {
    return DamagedEntry(store_, head_.sequence, "its snapshot is not whole");
  }
  return accounts;
}

absl::Status LedgerBook::CompareRow(absl::string_view key,
                                    absl::string_view value) {
  if (!key.empty() && key.front() == kSegmentKey) return CompareSegment(value);
  if (!key.empty()) key.remove_prefix(1);
  return CompareAccount(key, value);
}

absl::Status LedgerBook::CompareSegment(absl::string_view value) {
  SegmentRow row;
  const bool is_read = DecodeSegmentRow(value, row);
  const std::deque<DuplicateMemory::Segment>& segments = duplicates_.segments();
  // A ledger with a longer window may have written it.
  if (segments.empty() || row.first < segments.front().first) {
    return absl::OkStatus();
  }
  for (const DuplicateMemory::Segment& segment : segments) {
    if (is_read && segment.first == row.first && segment.hashes == row.hashes) {
      return absl::OkStatus();
    }
  }
  return DamagedEntry(store_, row.first,
                      "the ids from this entry on differ in the snapshot");
}

absl::Status LedgerBook::CompareAccount(absl::string_view id,
                                        absl::string_view value) {
  AccountRow row;
  const auto found = records_.find(id);
  bool is_same = DecodeAccountRow(value, row) && found != records_.end() &&
                 found->second.last_sequence == row.last_sequence;
  if (is_same) {
    const absl::StatusOr<Account> kept = Account::Decode(row.account);
    Account account = *found->second.account;
    // The snapshot may have a later time, which is in no entry.
    if (kept.ok()) account.Advance(kept->now());
    is_same = kept.ok() && account == *kept;
  }
  if (is_same) return absl::OkStatus();
  return DamagedEntry(
      store_, head_.sequence,
      absl::StrCat("account ", Quoted(id), " differs in its snapshot"));
}

}  // namespace konpro::internal
