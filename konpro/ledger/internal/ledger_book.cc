#include "konpro/ledger/internal/ledger_book.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"
#include "konpro/ledger/internal/journal_chunk.h"
#include "konpro/ledger/internal/journal_codec.h"
#include "konpro/ledger/internal/snapshot_codec.h"

// The state of a ledger: its accounts, its ids, and the entries that are not in
// the store yet. Commands are in ledger_book_apply.cc, loading and replaying in
// ledger_book_load.cc, snapshots in ledger_book_snapshot.cc, what is known of
// jobs in ledger_book_sessions.cc.

namespace konpro::internal {
LedgerBook::LedgerBook(Store& store, const Windows& windows)
    : store_(store),
      windows_(windows),
      id_hash_(IdHash::RandomKey()),
      duplicates_(windows.duplicates) {}

void LedgerBook::Reset(const IdHash::Key& key) {
  id_hash_ = IdHash(key);
  duplicates_ = DuplicateMemory(windows_.duplicates);
  records_.clear();
  time_ = UnixNanos();
  head_ = committed_ = JournalHead();
  pending_bytes_.clear();
  pending_.clear();
  snapshot_sequence_ = 0;
  snapshot_rows_ = 0;
  snapshot_digest_ = SnapshotDigest();
  sessions_.reset();
}

void LedgerBook::ForEachAccountId(
    absl::FunctionRef<void(absl::string_view)> visit) const {
  for (const auto& [account, record] : records_) visit(account);
}

absl::StatusOr<Account*> LedgerBook::Open(Record& record,
                                          absl::string_view account) {
  if (record.account != nullptr) return record.account.get();
  absl::StatusOr<Account> decoded = Account::Decode(record.encoded);
  if (!decoded.ok()) {
    return absl::DataLossError(absl::StrCat(
        store_.name(), ": account ", Quoted(account),
        " cannot be read from its snapshot: ", decoded.status().message()));
  }
  record.account = std::make_unique<Account>(*std::move(decoded));
  record.encoded = {};
  return record.account.get();
}

absl::StatusOr<Account*> LedgerBook::FindAccount(absl::string_view account) {
  const auto found = records_.find(account);
  if (found == records_.end()) return nullptr;
  return Open(found->second, account);
}

uint64_t LedgerBook::LastSequence(absl::string_view account) const {
  const auto found = records_.find(account);
  return found == records_.end() ? 0 : found->second.last_sequence;
}

absl::StatusOr<uint64_t> LedgerBook::FindId(absl::string_view account,
                                            absl::string_view id) {
  return Find(id_hash_(account, id), account, id, time_);
}

absl::Status LedgerBook::ReadEntry(uint64_t sequence, std::string& bytes) {
  if (sequence > committed_.sequence && sequence <= head_.sequence) {
    const size_t i = sequence - committed_.sequence - 1;
    const size_t begin = i == 0 ? 0 : pending_[i - 1].first;
    bytes.assign(pending_bytes_, begin, pending_[i].first - begin);
    return absl::OkStatus();
  }
  if (sequence == 0 || sequence > committed_.sequence) {
    return absl::NotFoundError(
        absl::StrCat(store_.name(), ": there is no entry ", sequence,
                     "; the last is ", committed_.sequence));
  }
  std::optional<JournalHash> before;
  if (sequence == 1) before.emplace();
  uint64_t expected = sequence == 1 ? 1 : sequence - 1;
  const absl::Status status =
      store_.Read(expected, sequence, [&](const StoredEntry& entry) {
        if (entry.sequence == expected && !before.has_value()) {
          before = entry.hash;
          ++expected;
          return absl::OkStatus();
        }
        if (entry.sequence != expected ||
            ChainHash(*before, entry.bytes) != entry.hash) {
          return DamagedEntry(store_, sequence,
                              "its bytes do not match its hash");
        }
        ++expected;
        bytes.assign(entry.bytes.data(), entry.bytes.size());
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  if (expected == sequence + 1) return absl::OkStatus();
  return DamagedEntry(store_, sequence, "is missing");
}

absl::Status LedgerBook::ReadFound(uint64_t sequence) {
  absl::Status status = ReadEntry(sequence, found_.bytes);
  if (status.ok()) status = DecodeEntry(found_.bytes, found_.entry);
  if (status.ok() && found_.entry.place.sequence != sequence) {
    status = DamagedEntry(store_, sequence, "has another sequence");
  }
  return status;
}

absl::StatusOr<uint64_t> LedgerBook::Find(uint64_t hash,
                                          absl::string_view account,
                                          absl::string_view id, UnixNanos now) {
  absl::Status status;
  const uint64_t sequence = duplicates_.Find(hash, [&](uint64_t candidate) {
    status = ReadFound(candidate);
    const JournalEntry& entry = found_.entry;
    return !status.ok() ||
           (entry.command.account == account && entry.command.id == id &&
            now - entry.place.at <= windows_.duplicates);
  });
  if (!status.ok()) return status;
  return sequence;
}

void LedgerBook::Note(const EntryPlace& place, uint64_t hash, Record& record) {
  record.last_sequence = place.sequence;
  record.is_changed = true;
  duplicates_.Forget(place.at);
  duplicates_.Add(place.sequence, hash, place.at);
}

absl::Status LedgerBook::Commit() {
  if (pending_.empty()) return absl::OkStatus();
  appended_.clear();
  size_t begin = 0;
  for (const auto& [end, hash] : pending_) {
    appended_.push_back(
        {.sequence = committed_.sequence + appended_.size() + 1,
         .bytes = absl::string_view(pending_bytes_).substr(begin, end - begin),
         .hash = hash});
    begin = end;
  }
  const absl::Status status = store_.Append(committed_, appended_);
  if (!status.ok()) return status;
  committed_ = head_;
  pending_bytes_.clear();
  pending_.clear();
  return absl::OkStatus();
}

}  // namespace konpro::internal
