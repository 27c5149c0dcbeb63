// The state of a ledger in memory: accounts, ids and the time, as the journal
// has them, and the entries that are not in the store yet. ledger.h queues
// callers, and has one thread at a time use this.
//
// A command is applied to memory at once, and its entry is pending until
// Commit(). If that fails, memory is ahead of the store, and only Load(), which
// is what opening does, brings them together again.
//
// Snapshots are rows in the store (snapshot_codec.h). A damaged snapshot is
// dropped, and the accounts are computed from the journal again; only a journal
// that ends before its snapshot is an error.
//
// Thread safety: thread-compatible.
#ifndef KONPRO_LEDGER_INTERNAL_LEDGER_BOOK_H_
#define KONPRO_LEDGER_INTERNAL_LEDGER_BOOK_H_

#include <atomic>
#include <cstdint>
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
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/internal/duplicate_memory.h"
#include "konpro/ledger/internal/snapshot_codec.h"
#include "konpro/ledger/internal/usage_sessions.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/store.h"

namespace konpro::internal {

class LedgerBook {
 public:
  struct Windows {
    absl::Duration acceptance;
    absl::Duration duplicates;
    absl::Duration ahead;  // of an event
    // Its operations are those that commands may name; null: any.
    const std::atomic<const Catalog*>* catalog = nullptr;
  };

  // The state of an empty journal, for Load() or Replay(). `store` must outlive
  // it.
  LedgerBook(Store& store, const Windows& windows);

  // Replaces the state with that of the store.
  absl::Status Load();
  // Hashes ids as `other` does, so that the snapshot of one can be compared
  // with the other. REQUIRES: nothing was replayed yet.
  void HashAs(const LedgerBook& other) { id_hash_ = other.id_hash_; }

  // The hash of the command's id, for Apply(). Called some commands ahead, it
  // has the memory that Apply() will read in the cache by then.
  uint64_t Prepare(const LedgerCommand& command) const;
  // Applies a command to memory. See Ledger::Apply().
  void Apply(const LedgerCommand& command, uint64_t id_hash,
             absl::StatusOr<LedgerOutcome>& outcome);
  // Appends the pending entries to the store. After an error, only Load() may
  // be called.
  absl::Status Commit();

  // Applies the next entry of the journal. kDataLoss: it does not do what it
  // says.
  absl::Status Replay(absl::string_view bytes, const JournalHash& hash);

  // The entry of the last Replay().
  const JournalEntry& replayed() const { return replayed_; }

  absl::Status WriteSnapshot();
  // The sequence of the entry that the store's snapshot belongs to; 0: there is
  // no whole snapshot.
  absl::StatusOr<uint64_t> SnapshotInStore();
  // The number of accounts in the store's snapshot, which all equal those in
  // memory. kDataLoss: something differs.
  // REQUIRES: entries up to the snapshot's are replayed, and no further.
  absl::StatusOr<uint64_t> CompareSnapshot();

  const Windows& windows() const { return windows_; }
  UnixNanos time() const { return time_; }
  const JournalHead& head() const { return head_; }
  uint64_t snapshot_sequence() const { return snapshot_sequence_; }
  size_t id_bytes() const { return duplicates_.bytes(); }

  size_t accounts() const { return records_.size(); }
  void ForEachAccountId(absl::FunctionRef<void(absl::string_view)> visit) const;
  // nullptr: the journal has no command of that account.
  absl::StatusOr<Account*> FindAccount(absl::string_view account);
  // The same, after it and the ledger have advanced to `at`.
  absl::StatusOr<Account*> AdvanceAccount(absl::string_view account,
                                          UnixNanos at);
  // Of the account's last entry; 0: it has none.
  uint64_t LastSequence(absl::string_view account) const;
  // The sequence of a remembered id; 0: it is not remembered.
  absl::StatusOr<uint64_t> FindId(absl::string_view account,
                                  absl::string_view id);
  // The bytes of an entry, checked against its chain. kNotFound: there is none.
  absl::Status ReadEntry(uint64_t sequence, std::string& bytes);

  // Whether the sessions of the duplicate window are read, pending entries
  // included. Commands keep them so; Load() forgets them.
  bool HasSessions() const {
    return sessions_.has_value() && sessions_seen_ == head_.sequence;
  }
  // Reads a piece of what they lack.
  absl::Status ReadSomeSessions();
  // REQUIRES: HasSessions().
  UsageSessions& sessions() { return *sessions_; }

 private:
  struct Record {
    std::unique_ptr<Account> account;  // nullptr: as in `encoded`
    std::string encoded;
    uint64_t last_sequence = 0;
    SnapshotDigest digest{};  // of its row in the snapshot
    bool is_changed = false;
  };

  // An entry that was looked up, with its bytes.
  struct Found {
    std::string bytes;
    JournalEntry entry;
  };

  void Reset(const IdHash::Key& key);
  absl::Status LoadAll();
  // The value of the meta row; "": there is none.
  absl::StatusOr<std::string> ReadMeta();
  absl::Status CompareRow(absl::string_view key, absl::string_view value);
  absl::Status CompareSegment(absl::string_view value);
  absl::Status CompareAccount(absl::string_view account,
                              absl::string_view value);
  // False: there is no whole snapshot.
  absl::StatusOr<bool> LoadSnapshot();
  // False: the row has a form that is never written.
  bool LoadRow(absl::string_view key, absl::string_view value);
  bool LoadSegment(absl::string_view key, absl::string_view value);
  void PutAccounts(SnapshotRows& rows);
  void PutSegments(SnapshotRows& rows);
  void NoteWritten(const SnapshotRows& rows);

  absl::StatusOr<Account*> Open(Record& record, absl::string_view account);
  // The sequence of the id, whose entry is in found_ then; 0: the id is not
  // remembered at `now`.
  absl::StatusOr<uint64_t> Find(uint64_t hash, absl::string_view account,
                                absl::string_view id, UnixNanos now);
  absl::Status ReadFound(uint64_t sequence);
  absl::Status Answer(const LedgerCommand& command, uint64_t sequence,
                      LedgerOutcome& outcome);
  absl::Status CheckTime(const LedgerCommand& command, UnixNanos now) const;
  // Leaves what it finds in resolution_.
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
  // The first entry that is in the duplicate window.
  absl::StatusOr<uint64_t> FirstInWindow();
  // Adds the entry after sessions_seen_ to the sessions; decodes into `entry`.
  absl::Status ObserveEntry(absl::string_view bytes, JournalEntry& entry);

  // Constant after construction.
  Store& store_;
  const Windows windows_;

  IdHash id_hash_;
  DuplicateMemory duplicates_;
  absl::flat_hash_map<std::string, Record> records_;
  UnixNanos time_;
  JournalHead head_;  // pending entries included

  // Entries after committed_, with their bytes one after the other.
  JournalHead committed_;
  std::string pending_bytes_;
  std::vector<std::pair<size_t, JournalHash>> pending_;  // the end of each
  std::vector<StoredEntry> appended_;

  uint64_t snapshot_sequence_ = 0;
  uint64_t snapshot_rows_ = 0;
  SnapshotDigest snapshot_digest_{};

  // Follow from the journal; nullopt: they were not needed yet. They include
  // the entries up to sessions_seen_.
  std::optional<UsageSessions> sessions_;
  uint64_t sessions_seen_ = 0;

  // Not part of the state: reused to save allocations.
  Found found_;
  Resolution resolution_;
  JournalEntry replayed_;
  AccountEffect effect_;
};

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_LEDGER_BOOK_H_
