// What a ledger has in memory: accounts, ids and the time, as the journal says,
// and what is about to be appended to it. One thread at a time uses it;
// ledger.h queues callers and answers them.
//
// A command is applied to memory at once, and its entry is pending until
// Commit(). Where that fails, memory is ahead of the store: Load() is the one
// way back, and what opening does.
//
// Snapshots: a row for each account, rows for the ids of each segment
// (duplicate_memory.h), and one that ties them to an entry of the journal and
// holds a digest of all. Whatever is wrong with them, they are dropped, and
// accounts come out of the journal again; only a journal that ends before its
// snapshot is refused.
//
// Thread safety: thread-compatible.
#ifndef KONPRO_LEDGER_INTERNAL_LEDGER_BOOK_H_
#define KONPRO_LEDGER_INTERNAL_LEDGER_BOOK_H_

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/internal/duplicate_memory.h"
#include "konpro/ledger/journal.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/store.h"

namespace konpro::internal {

// Entries that were read from a store, chained from the one before the first.
class Chunk {
 public:
  static constexpr uint64_t kEntriesMax = 4096;

  // As many from `first` on as there are, up to `last` and kEntriesMax.
  // kDataLoss: they are not what was chained. `before` is the hash of the entry
  // before `first`, where it is known; else that entry is read too.
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

class LedgerBook {
 public:
  struct Windows {
    absl::Duration acceptance;
    absl::Duration duplicates;
  };

  // Of an empty journal, for Load() or Replay(). `store` must outlive it.
  LedgerBook(Store& store, const Windows& windows);

  // Becomes what the store says.
  absl::Status Load();
  // Hashes ids as `other` does, so that snapshots of the one can be compared
  // with the other. REQUIRES: nothing was replayed yet.
  void HashAs(const LedgerBook& other) { id_hash_ = other.id_hash_; }

  // The hash of the command's id, for Apply(), some commands ahead of it:
  // what it will look up is on its way to the cache by then.
  uint64_t Prepare(const LedgerCommand& command) const;
  // Applies a command to memory. See Ledger::Apply().
  void Apply(const LedgerCommand& command, uint64_t id_hash,
             absl::StatusOr<LedgerOutcome>& outcome);
  // Appends what is pending. After an error, only Load() is of use.
  absl::Status Commit();

  // Applies one entry of the journal, which follows what was replayed so far.
  // kDataLoss where it does not do what it says.
  absl::Status Replay(absl::string_view bytes, const JournalHash& hash);

  // The last one that was.
  const JournalEntry& replayed() const { return replayed_; }

  absl::Status WriteSnapshot();
  // The sequence of the entry that the store's snapshot is of; 0: it has none
  // that is whole.
  absl::StatusOr<uint64_t> SnapshotInStore();
  // The number of accounts in the store's snapshot, all of which are as in this
  // book. kDataLoss where something is not.
  // REQUIRES: the book has replayed up to the snapshot's entry, and no further.
  absl::StatusOr<uint64_t> CompareSnapshot();

  Store& store() { return store_; }
  UnixNanos time() const { return time_; }
  const JournalHead& head() const { return head_; }
  uint64_t snapshot_sequence() const { return snapshot_sequence_; }
  size_t id_bytes() const { return duplicates_.bytes(); }

  size_t accounts() const { return records_.size(); }
  void ForEachAccountId(absl::FunctionRef<void(absl::string_view)> visit) const;
  // nullptr: no command of that account was journaled.
  absl::StatusOr<Account*> FindAccount(absl::string_view account);
  // Of its last entry; 0: none.
  uint64_t LastSequence(absl::string_view account) const;
  // The sequence of an id that is remembered; 0: none.
  absl::StatusOr<uint64_t> FindId(absl::string_view account,
                                  absl::string_view id);
  // The bytes of an entry, whose chain is checked. kNotFound: there is none.
  absl::Status ReadEntry(uint64_t sequence, std::string& bytes);

 private:
  // The sum, without carries, of those of the rows.
  using Digest = std::array<uint64_t, 2>;

  struct Record {
    std::unique_ptr<Account> account;  // nullptr: as in `encoded`
    std::string encoded;
    uint64_t last_sequence = 0;
    Digest digest{};  // of its row in the snapshot; zeros: it has none
    bool is_changed = false;
  };

  // An entry that was looked for, with its bytes.
  struct Found {
    std::string bytes;
    JournalEntry entry;
  };

  // The row that ties the others to an entry of the journal.
  struct SnapshotMeta {
    JournalHead head;
    UnixNanos time;
    absl::Duration window;  // that its ids were remembered for
    IdHash::Key key{};
    uint64_t rows = 0;
    Digest digest{};
  };

  static std::string EncodeMeta(const SnapshotMeta& meta);
  static bool DecodeMeta(absl::string_view bytes, SnapshotMeta& meta);
  static Digest DigestOf(absl::string_view key, absl::string_view value);
  static void Mix(Digest& sum, const Digest& digest);

  void Reset(const IdHash::Key& key);
  absl::Status LoadAll();
  // The meta row's value, or "" where there is none.
  absl::StatusOr<std::string> ReadMeta();
  absl::Status CompareRow(absl::string_view key, absl::string_view value);
  // False where there is no snapshot that is whole.
  absl::StatusOr<bool> LoadSnapshot();
  // False where a row is of no form that is written.
  bool LoadRow(absl::string_view key, absl::string_view value);
  bool LoadSegment(absl::string_view key, absl::string_view value);
  // Rows that a snapshot changes, with room for what they refer to, and what is
  // so when they are written.
  struct Rows {
    std::deque<std::string> texts;
    std::vector<SnapshotChange> changes;
    std::vector<std::pair<Digest*, Digest>> digests;
    uint64_t count = 0;
    Digest sum{};
  };
  static void PutRow(Rows& rows, std::string key, std::string value,
                     Digest& digest);
  static void DropRow(Rows& rows, std::string key, const Digest& digest);
  void PutAccounts(Rows& rows);
  void PutSegments(Rows& rows);
  void NoteWritten(const Rows& rows);

  absl::StatusOr<Account*> Open(Record& record, absl::string_view account);
  // The sequence of that id, whose entry is in `found_`; 0: it is not
  // remembered at `now`.
  absl::StatusOr<uint64_t> Find(uint64_t hash, absl::string_view account,
                                absl::string_view id, UnixNanos now);
  absl::Status ReadFound(uint64_t sequence);
  absl::Status Answer(const LedgerCommand& command, uint64_t sequence,
                      LedgerOutcome& outcome);
  absl::Status CheckTime(const LedgerCommand& command, UnixNanos now) const;
  absl::Status Resolve(const LedgerCommand& command, UnixNanos now,
                       Account& account);
  absl::Status ResolveRefund(const LedgerCommand& command, UnixNanos now);
  absl::Status Execute(const LedgerCommand& command, uint64_t hash,
                       LedgerOutcome& outcome);
  void ApplyTo(const EntryPlace& place, const LedgerCommand& command,
               Account& account, AccountEffect& effect);
  void Note(const EntryPlace& place, uint64_t hash, Record& record);
  absl::Status CheckReplayed(const JournalEntry& entry, uint64_t hash,
                             const Record& record);

  // Constant after construction.
  Store& store_;
  const Windows windows_;

  IdHash id_hash_;
  DuplicateMemory duplicates_;
  absl::flat_hash_map<std::string, Record> records_;
  UnixNanos time_;
  JournalHead head_;  // pending entries included

  // Pending entries, one behind the other.
  JournalHead committed_;
  std::string pending_bytes_;
  std::vector<std::pair<size_t, JournalHash>> pending_;  // where each ends
  std::vector<StoredEntry> appended_;

  uint64_t snapshot_sequence_ = 0;
  uint64_t snapshot_rows_ = 0;
  Digest snapshot_digest_{};

  // No part of the state: reused, they save allocations.
  Found found_;
  Resolution resolution_;
  JournalEntry replayed_;
  AccountEffect effect_;
};

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_LEDGER_BOOK_H_
