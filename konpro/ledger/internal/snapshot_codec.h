// The rows of a snapshot (docs/formats.md, "Snapshots"): a meta row that ties
// the others to an entry of the journal and holds a digest of them, a row for
// each account, and a row for the ids of each segment (duplicate_memory.h).
//
// Thread safety: pure functions, and plain values.
#ifndef KONPRO_LEDGER_INTERNAL_SNAPSHOT_CODEC_H_
#define KONPRO_LEDGER_INTERNAL_SNAPSHOT_CODEC_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/internal/duplicate_memory.h"
#include "konpro/ledger/store.h"

namespace konpro::internal {

// Of one row: 128 bits of a SHA-256. Of several: their sum without carries,
// which does not depend on their order. Zeros: there is no row.
using SnapshotDigest = std::array<uint64_t, 2>;
SnapshotDigest DigestOf(absl::string_view key, absl::string_view value);
void AddDigest(SnapshotDigest& sum, const SnapshotDigest& digest);

// The key of the meta row, the first of all; and what the others begin with.
inline constexpr absl::string_view kMetaKey = "0";
inline constexpr char kAccountKey = 'a';
inline constexpr char kSegmentKey = 'i';
std::string AccountKey(absl::string_view account);
std::string SegmentKey(uint64_t first);

struct SnapshotMeta {
  JournalHead head;
  UnixNanos time;
  absl::Duration window;  // for which ids are remembered
  IdHash::Key key{};
  uint64_t rows = 0;
  SnapshotDigest digest{};
};
std::string EncodeMeta(const SnapshotMeta& meta);
bool DecodeMeta(absl::string_view bytes, SnapshotMeta& meta);

struct AccountRow {
  uint64_t last_sequence = 0;
  absl::string_view account;  // Account::EncodeTo()
};
std::string EncodeAccountRow(const AccountRow& row);
bool DecodeAccountRow(absl::string_view bytes, AccountRow& row);

struct SegmentRow {
  uint64_t first = 0;
  UnixNanos newest_at;
  std::vector<uint64_t> hashes;  // 1 .. DuplicateMemory::kSegmentEntries
};
std::string EncodeSegmentRow(const SegmentRow& row);
bool DecodeSegmentRow(absl::string_view bytes, SegmentRow& row);

// The rows that a snapshot changes, and what becomes of their count and digest
// when they are written. REQUIRES of Put() and Drop(): what `digest` refers to
// outlives it.
class SnapshotRows {
 public:
  // `count` and `sum`: of the rows that are written by now.
  SnapshotRows(uint64_t count, const SnapshotDigest& sum)
      : count_(count), sum_(sum) {}

  // `digest` is that of the row as it was written before; NoteWritten() makes
  // it that of the new one.
  void Put(std::string key, std::string value, SnapshotDigest& digest);
  // Also of a row that may not be there: a write that failed may have made it.
  void Drop(std::string key, const SnapshotDigest& digest);
  void PutMeta(const SnapshotMeta& meta);

  const std::vector<SnapshotChange>& changes() const { return changes_; }
  uint64_t count() const { return count_; }
  const SnapshotDigest& sum() const { return sum_; }
  void NoteWritten() const;

 private:
  std::deque<std::string> texts_;  // that changes_ refers to
  std::vector<SnapshotChange> changes_;
  std::vector<std::pair<SnapshotDigest*, SnapshotDigest>> digests_;
  uint64_t count_;
  SnapshotDigest sum_;
};

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_SNAPSHOT_CODEC_H_
