#include "konpro/ledger/internal/ledger_book.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"
#include "konpro/ledger/internal/sha256.h"
#include "konpro/ledger/internal/wire.h"

// One function, Replay(), makes state out of entries: opening and verifying
// differ in where they begin. It trusts nothing that it can compute: what an
// entry did must come out again.
//
// Time: `time_` is the largest that any command told, also one that was only
// checked, is malformed for its account or was replayed; the account was looked
// at in that time. Such times are in no entry. They may be lost with the
// process, as long as nothing depends on them: an account's own time is kept
// with it in snapshots, and so the ledger's is as well.

namespace konpro::internal {
namespace {

constexpr uint8_t kSnapshotVersion = 2;
// Of the keys of rows; the meta row is the first of all.
constexpr absl::string_view kMetaKey = "0";
constexpr char kAccountKey = 'a';
constexpr char kSegmentKey = 'i';

IdHash::Key RandomKey() {
  std::random_device random;
  IdHash::Key key;
  for (uint64_t& word : key) word = uint64_t{random()} << 32 | random();
  return key;
}

void PutWord(std::string& out, uint64_t word) {
  char bytes[sizeof(word)];
  std::memcpy(bytes, &word, sizeof(word));
  out.append(bytes, sizeof(word));
}

// REQUIRES: there are eight bytes.
uint64_t TakeWord(absl::string_view& bytes) {
  uint64_t word;
  std::memcpy(&word, bytes.data(), sizeof(word));
  bytes.remove_prefix(sizeof(word));
  return word;
}

std::string AccountKey(absl::string_view account) {
  return absl::StrCat(absl::string_view(&kAccountKey, 1), account);
}

std::string SegmentKey(uint64_t first) {
  std::string key(1, kSegmentKey);
  // High bytes first, so that keys are in the order of sequences.
  for (int shift = 56; shift >= 0; shift -= 8) {
    key.push_back(static_cast<char>(first >> shift));
  }
  return key;
}

absl::Status Damaged(const Store& store, uint64_t sequence,
                     absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat(store.name(), ": entry ", sequence, ": ", what));
}

std::optional<Credits> Sum(absl::Span<const Allocation> parts) {
  Credits sum;
  for (const Allocation& part : parts) {
    const std::optional<Credits> more = CheckedAdd(sum, part.amount);
    if (!more.has_value()) return std::nullopt;
    sum = *more;
  }
  return sum;
}

}  // namespace

absl::Status Chunk::Read(Store& store, uint64_t first, uint64_t last,
                         std::optional<JournalHash> before) {
  bytes_.clear();
  entries_.clear();
  last = std::min(last, first + kEntriesMax - 1);
  if (first == 1) before.emplace();
  uint64_t expected = before.has_value() ? first : first - 1;
  return store.Read(expected, last, [&](const StoredEntry& entry) {
    if (entry.sequence != expected) {
      return Damaged(store, expected, "is missing");
    }
    ++expected;
    if (!before.has_value()) {
      before = entry.hash;
      return absl::OkStatus();
    }
    const JournalHash hash = ChainHash(*before, entry.bytes);
    if (hash != entry.hash) {
      return Damaged(store, entry.sequence,
                     "its bytes are not those that were chained");
    }
    before = hash;
    entries_.push_back(
        {.begin = bytes_.size(), .size = entry.bytes.size(), .hash = hash});
    bytes_.append(entry.bytes.data(), entry.bytes.size());
    return absl::OkStatus();
  });
}

LedgerBook::LedgerBook(Store& store, const Windows& windows)
    : store_(store),
      windows_(windows),
      id_hash_(RandomKey()),
      duplicates_(windows.duplicates) {}

// Loading.

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
  snapshot_digest_ = Digest();
}

absl::Status LedgerBook::Load() {
  const UnixNanos told = time_;
  const absl::Status status = LoadAll();
  time_ = std::max(time_, told);
  return status;
}

absl::Status LedgerBook::LoadAll() {
  const absl::StatusOr<JournalHead> kept = store_.ReadHead();
  if (!kept.ok()) return kept.status();
  const absl::StatusOr<bool> is_whole = LoadSnapshot();
  if (!is_whole.ok()) return is_whole.status();
  if (!*is_whole) {
    Reset(RandomKey());
    const absl::Status status = store_.DropSnapshots();
    if (!status.ok()) return status;
  }
  Chunk chunk;
  while (head_.sequence < kept->sequence) {
    absl::Status status =
        chunk.Read(store_, head_.sequence + 1, kept->sequence, head_.hash);
    if (status.ok() && chunk.size() == 0) {
      status = Damaged(store_, head_.sequence + 1, "is missing");
    }
    for (size_t i = 0; status.ok() && i < chunk.size(); ++i) {
      status = Replay(chunk.bytes(i), chunk.hash(i));
    }
    if (!status.ok()) return status;
  }
  if (!(head_ == *kept)) {
    return Damaged(store_, kept->sequence, "is not the head of the journal");
  }
  // A head that was lost would let the journal begin anew.
  const absl::Status status =
      chunk.Read(store_, head_.sequence + 1, head_.sequence + 1, head_.hash);
  if (!status.ok() || chunk.size() == 0) return status;
  return Damaged(store_, head_.sequence + 1, "is behind the journal's head");
}

LedgerBook::Digest LedgerBook::DigestOf(absl::string_view key,
                                        absl::string_view value) {
  thread_local Sha256 sha256;
  std::string size;
  PutWord(size, key.size());
  const Sha256Digest all = sha256({size, key, value});
  absl::string_view bytes = BytesOf(all);
  Digest digest;
  for (uint64_t& word : digest) word = TakeWord(bytes);
  return digest;
}

void LedgerBook::Mix(Digest& sum, const Digest& digest) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] ^= digest[i];
}

std::string LedgerBook::EncodeMeta(const SnapshotMeta& meta) {
  std::string out;
  WireWriter writer(out);
  writer.Byte(kSnapshotVersion);
  writer.Varint(meta.head.sequence);
  writer.Time(meta.time);
  writer.Signed(absl::ToInt64Nanoseconds(meta.window));
  writer.Varint(meta.rows);
  writer.Text(BytesOf(meta.head.hash));
  std::string words;
  for (uint64_t word : meta.key) PutWord(words, word);
  for (uint64_t word : meta.digest) PutWord(words, word);
  writer.Text(words);
  Sha256 sha256;
  writer.Text(BytesOf(sha256({out})));
  return out;
}

bool LedgerBook::DecodeMeta(absl::string_view bytes, SnapshotMeta& meta) {
  WireReader reader(bytes);
  if (reader.Byte() != kSnapshotVersion) return false;
  meta.head.sequence = reader.Varint();
  meta.time = reader.Time();
  meta.window = absl::Nanoseconds(reader.Signed());
  meta.rows = reader.Varint();
  const absl::string_view hash = reader.Text(meta.head.hash.size());
  absl::string_view words = reader.Text(4 * sizeof(uint64_t));
  const absl::string_view sum = reader.Text(sizeof(Sha256Digest));
  if (!reader.done() || hash.size() != meta.head.hash.size() ||
      words.size() != 4 * sizeof(uint64_t) ||
      sum.size() != sizeof(Sha256Digest)) {
    return false;
  }
  std::memcpy(meta.head.hash.data(), hash.data(), hash.size());
  for (uint64_t& word : meta.key) word = TakeWord(words);
  for (uint64_t& word : meta.digest) word = TakeWord(words);
  Sha256 sha256;
  // Behind what it is the sum of, with a byte for its length.
  return BytesOf(sha256({bytes.substr(0, bytes.size() - sum.size() - 1)})) ==
         sum;
}

// What is wrong with a snapshot is no error; only that the store fails, or that
// the journal does.
absl::StatusOr<bool> LedgerBook::LoadSnapshot() {
  Reset(RandomKey());
  SnapshotMeta meta;
  bool is_whole = false;
  bool is_first = true;
  const absl::Status read =
      store_.ReadSnapshots([&](absl::string_view key, absl::string_view value) {
        if (is_first) {
          is_first = false;
          // With a longer window, ids count again that it has forgotten.
          is_whole = key == kMetaKey && DecodeMeta(value, meta) &&
                     meta.window >= windows_.duplicates;
          if (is_whole) Reset(meta.key);
          // The rows do not count when their meta row does not.
          return is_whole ? absl::OkStatus() : absl::CancelledError();
        }
        Mix(snapshot_digest_, DigestOf(key, value));
        ++snapshot_rows_;
        is_whole = LoadRow(key, value);
        return is_whole ? absl::OkStatus() : absl::CancelledError();
      });
  if (!read.ok() && !absl::IsCancelled(read)) {
    // Damaged pages hold no snapshot, but may be let go.
    if (absl::IsDataLoss(read)) return false;
    return read;
  }
  if (!is_whole || snapshot_rows_ != meta.rows ||
      snapshot_digest_ != meta.digest) {
    return false;
  }
  Chunk chunk;
  absl::Status status =
      chunk.Read(store_, meta.head.sequence, meta.head.sequence, std::nullopt);
  if (status.ok() && (chunk.size() != 1 || chunk.hash(0) != meta.head.hash)) {
    status = Damaged(store_, meta.head.sequence,
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
  if (key.front() != kAccountKey) return false;
  WireReader reader(value);
  Record record;
  record.last_sequence = reader.Varint();
  const absl::string_view account = reader.Text(value.size());
  record.encoded = std::string(account);
  record.digest = DigestOf(key, value);
  return reader.done() &&
         records_.emplace(std::string(key.substr(1)), std::move(record)).second;
}

bool LedgerBook::LoadSegment(absl::string_view key, absl::string_view value) {
  WireReader reader(value);
  const uint64_t first = reader.Varint();
  const UnixNanos newest_at = reader.Time();
  absl::string_view hashes = reader.Text(value.size());
  if (!reader.done() || key != SegmentKey(first) || hashes.empty() ||
      hashes.size() % sizeof(uint64_t) != 0) {
    return false;
  }
  const uint64_t count = hashes.size() / sizeof(uint64_t);
  if (first == 0 || count > DuplicateMemory::kSegmentEntries) return false;
  std::deque<DuplicateMemory::Segment>& segments = duplicates_.segments();
  if (!segments.empty() &&
      first != segments.back().first + segments.back().count) {
    return false;
  }
  for (uint64_t i = 0; i < count; ++i) {
    duplicates_.Add(first + i, TakeWord(hashes), newest_at);
  }
  DuplicateMemory::Segment& segment = segments.back();
  if (segment.first != first || segment.count != count) return false;
  segment.digest = DigestOf(key, value);
  segment.is_written = true;
  if (count == DuplicateMemory::kSegmentEntries) segment.hashes = {};
  return true;
}

// Snapshots.

void LedgerBook::PutRow(Rows& rows, std::string key, std::string value,
                        Digest& digest) {
  if (digest == Digest()) ++rows.count;
  Mix(rows.sum, digest);
  rows.digests.emplace_back(&digest, DigestOf(key, value));
  Mix(rows.sum, rows.digests.back().second);
  const std::string& kept_key = rows.texts.emplace_back(std::move(key));
  const std::string& kept_value = rows.texts.emplace_back(std::move(value));
  rows.changes.push_back({.key = kept_key, .value = kept_value});
}

// Also of a row that is not known to be there: a write that failed may have
// made it.
void LedgerBook::DropRow(Rows& rows, std::string key, const Digest& digest) {
  rows.changes.push_back({.key = rows.texts.emplace_back(std::move(key))});
  if (digest == Digest()) return;
  --rows.count;
  Mix(rows.sum, digest);
}

void LedgerBook::PutAccounts(Rows& rows) {
  for (auto& [account, record] : records_) {
    if (!record.is_changed) continue;
    std::string encoded;
    record.account->EncodeTo(encoded);
    std::string value;
    WireWriter writer(value);
    writer.Varint(record.last_sequence);
    writer.Text(encoded);
    PutRow(rows, AccountKey(account), std::move(value), record.digest);
  }
}

void LedgerBook::PutSegments(Rows& rows) {
  for (const DuplicateMemory::Segment& segment : duplicates_.forgotten()) {
    DropRow(rows, SegmentKey(segment.first), segment.digest);
  }
  for (DuplicateMemory::Segment& segment : duplicates_.segments()) {
    if (segment.is_written) continue;
    std::string hashes;
    for (uint64_t hash : segment.hashes) PutWord(hashes, hash);
    std::string value;
    WireWriter writer(value);
    writer.Varint(segment.first);
    writer.Time(segment.newest_at);
    writer.Text(hashes);
    PutRow(rows, SegmentKey(segment.first), std::move(value), segment.digest);
  }
}

// All rows of one transaction: a snapshot of which some rows are older is none.
// Where it fails, the next one writes all of them again.
absl::Status LedgerBook::WriteSnapshot() {
  if (snapshot_sequence_ == head_.sequence) return absl::OkStatus();
  Rows rows{.count = snapshot_rows_, .sum = snapshot_digest_};
  PutAccounts(rows);
  PutSegments(rows);
  const std::string meta = EncodeMeta({.head = head_,
                                       .time = time_,
                                       .window = windows_.duplicates,
                                       .key = id_hash_.key(),
                                       .rows = rows.count,
                                       .digest = rows.sum});
  rows.changes.push_back({.key = kMetaKey, .value = meta});
  const absl::Status status = store_.WriteSnapshots(rows.changes);
  if (status.ok()) NoteWritten(rows);
  return status;
}

void LedgerBook::NoteWritten(const Rows& rows) {
  snapshot_sequence_ = head_.sequence;
  snapshot_rows_ = rows.count;
  snapshot_digest_ = rows.sum;
  for (const auto& [digest, written] : rows.digests) *digest = written;
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
  Digest digest{};
  uint64_t rows = 0;
  uint64_t accounts = 0;
  const absl::Status status = store_.ReadSnapshots(
      [&](absl::string_view key, absl::string_view value) -> absl::Status {
        if (key == kMetaKey) {
          if (DecodeMeta(value, meta) && meta.head == head_) {
            return absl::OkStatus();
          }
          return Damaged(store_, head_.sequence,
                         "its snapshot is of another journal");
        }
        ++rows;
        Mix(digest, DigestOf(key, value));
        if (key.front() == kAccountKey) ++accounts;
        return CompareRow(key, value);
      });
  if (!status.ok()) return status;
  if (rows != meta.rows || digest != meta.digest ||
      accounts != records_.size()) {
    return Damaged(store_, head_.sequence, "its snapshot is not whole");
  }
  return accounts;
}

absl::Status LedgerBook::CompareRow(absl::string_view key,
                                    absl::string_view value) {
  WireReader reader(value);
  const uint64_t sequence = reader.Varint();
  if (key.front() == kSegmentKey) {
    reader.Time();
    const absl::string_view hashes = reader.Text(value.size());
    const std::deque<DuplicateMemory::Segment>& segments =
        duplicates_.segments();
    // A ledger with a longer window may have written it.
    if (segments.empty() || sequence < segments.front().first) {
      return absl::OkStatus();
    }
    for (const DuplicateMemory::Segment& segment : segments) {
      if (segment.first != sequence) continue;
      std::string expected;
      for (uint64_t hash : segment.hashes) PutWord(expected, hash);
      if (reader.done() && hashes == expected) return absl::OkStatus();
    }
    return Damaged(store_, sequence,
                   "the ids from there on differ in the snapshot");
  }
  const absl::StatusOr<Account> kept =
      Account::Decode(reader.Text(value.size()));
  const auto found = records_.find(key.substr(1));
  bool is_same = kept.ok() && found != records_.end() &&
                 found->second.last_sequence == sequence;
  if (is_same) {
    Account account = *found->second.account;
    // Times that are in no entry: see above.
    account.Advance(kept->now());
    is_same = account == *kept;
  }
  if (is_same) return absl::OkStatus();
  return Damaged(store_, head_.sequence,
                 absl::StrCat("account ", Quoted(key.substr(1)),
                              " differs in its snapshot"));
}

// Queries.

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
          return Damaged(store_, sequence,
                         "its bytes are not those that were chained");
        }
        ++expected;
        bytes.assign(entry.bytes.data(), entry.bytes.size());
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  if (expected == sequence + 1) return absl::OkStatus();
  return Damaged(store_, sequence, "is missing");
}

absl::Status LedgerBook::ReadFound(uint64_t sequence) {
  absl::Status status = ReadEntry(sequence, found_.bytes);
  if (status.ok()) status = DecodeEntry(found_.bytes, found_.entry);
  if (status.ok() && found_.entry.place.sequence != sequence) {
    status = Damaged(store_, sequence, "says that it is another");
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

// Commands.

uint64_t LedgerBook::Prepare(const LedgerCommand& command) const {
  const uint64_t hash = id_hash_(command.account, command.id);
  duplicates_.Prefetch(hash);
  return hash;
}

void LedgerBook::Apply(const LedgerCommand& command, uint64_t id_hash,
                       absl::StatusOr<LedgerOutcome>& outcome) {
  absl::Status status = ValidateCommand(command, windows_.duplicates);
  if (!outcome.ok()) outcome.emplace();
  outcome->sequence = 0;
  outcome->replayed = false;
  const bool has_id = !IsCheckOnly(command.request);
  const UnixNanos now = std::max(time_, command.at);
  if (status.ok() && has_id) {
    const absl::StatusOr<uint64_t> first =
        Find(id_hash, command.account, command.id, now);
    if (first.ok() && *first != 0) {
      status = Answer(command, *first, *outcome);
      if (!status.ok()) outcome = status;
      return;
    }
    status = first.status();
  }
  if (status.ok()) status = CheckTime(command, now);
  if (status.ok()) status = Execute(command, id_hash, *outcome);
  if (!status.ok()) outcome = status;
}

absl::Status LedgerBook::Answer(const LedgerCommand& command, uint64_t sequence,
                                LedgerOutcome& outcome) {
  const std::string difference =
      ContentDifference(command, found_.entry.command);
  if (!difference.empty()) {
    return absl::AlreadyExistsError(absl::StrCat(
        "id ", Quoted(command.id), " of account ", Quoted(command.account),
        " was used for another command (", sequence, "): ", difference));
  }
  outcome.sequence = sequence;
  outcome.at = found_.entry.place.at;
  outcome.replayed = true;
  outcome.effect = found_.entry.effect;
  const absl::StatusOr<Account*> account = FindAccount(command.account);
  if (!account.ok()) return account.status();
  time_ = std::max(time_, command.at);
  (*account)->Advance(time_);
  outcome.balance = (*account)->balance();
  return absl::OkStatus();
}

absl::Status LedgerBook::CheckTime(const LedgerCommand& command,
                                   UnixNanos now) const {
  const UnixNanos event = command.event_at.value_or(command.at);
  if (event > now) {
    return absl::OutOfRangeError(
        absl::StrCat("event_at: ", absl::FormatDuration(event - now),
                     " after the ledger's time: it is still to come"));
  }
  if (now - event > windows_.acceptance) {
    return absl::OutOfRangeError(absl::StrCat(
        command.event_at.has_value() ? "event_at: " : "at: ",
        absl::FormatDuration(now - event),
        " before the ledger's time, which is above the acceptance window of ",
        absl::FormatDuration(windows_.acceptance)));
  }
  return absl::OkStatus();
}

// Leaves what it finds in resolution_.
absl::Status LedgerBook::Resolve(const LedgerCommand& command, UnixNanos now,
                                 Account& account) {
  resolution_.target = 0;
  resolution_.amount = Credits();
  resolution_.posted_at = UnixNanos();
  resolution_.posted.clear();
  if (std::holds_alternative<LedgerRefund>(command.request)) {
    return ResolveRefund(command, now);
  }
  const auto* const capture = std::get_if<LedgerCapture>(&command.request);
  const auto* const release = std::get_if<LedgerVoid>(&command.request);
  if (capture == nullptr && release == nullptr) return absl::OkStatus();
  const absl::string_view id =
      capture != nullptr ? capture->reservation : release->reservation;
  const absl::StatusOr<uint64_t> found =
      Find(id_hash_(command.account, id), command.account, id, now);
  if (!found.ok()) return found.status();
  resolution_.target = *found;
  if (capture == nullptr) return absl::OkStatus();
  if (capture->amount.has_value()) {
    resolution_.amount = *capture->amount;
    return absl::OkStatus();
  }
  account.Advance(now);
  const std::optional<ReservationView> open =
      account.FindReservation(resolution_.target);
  if (open.has_value()) resolution_.amount = open->held;
  return absl::OkStatus();
}

absl::Status LedgerBook::ResolveRefund(const LedgerCommand& command,
                                       UnixNanos now) {
  const auto& refund = std::get<LedgerRefund>(command.request);
  uint64_t sequence = refund.sequence;
  if (sequence == 0) {
    const absl::StatusOr<uint64_t> found =
        Find(id_hash_(command.account, refund.command), command.account,
             refund.command, now);
    if (!found.ok()) return found.status();
    sequence = *found;
  } else {
    const absl::Status status = ReadFound(sequence);
    if (!status.ok()) return status;
  }
  const JournalEntry& entry = found_.entry;
  if (sequence == 0 || entry.command.account != command.account) {
    return absl::NotFoundError(absl::StrCat(
        "command: account ", Quoted(command.account), " has none of ",
        sequence == 0 ? Quoted(refund.command) : absl::StrCat(sequence)));
  }
  if (!std::holds_alternative<SpendCommand>(entry.command.request) &&
      !std::holds_alternative<LedgerCapture>(entry.command.request)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "command: ", sequence, " is a ", RequestName(entry.command.request),
        ", which posts nothing that could be refunded"));
  }
  if (!entry.effect.applied()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "command: ", sequence, " was denied (",
        RefusalName(entry.effect.refusal), "): it posted nothing"));
  }
  resolution_.target = sequence;
  resolution_.posted_at = entry.place.at;
  resolution_.posted = entry.effect.posted;
  // Of all that was posted, Apply() says how much is not refunded yet.
  resolution_.amount =
      refund.amount.value_or(Sum(resolution_.posted).value_or(Credits()));
  return absl::OkStatus();
}

void LedgerBook::ApplyTo(const EntryPlace& place, const LedgerCommand& command,
                         Account& account, AccountEffect& effect) {
  ApplyCommand(place, command, resolution_, account, effect);
  const auto* const refund = std::get_if<LedgerRefund>(&command.request);
  if (refund == nullptr || refund->amount.has_value() ||
      effect.refusal != Refusal::kAboveSpend || effect.available == Credits()) {
    return;
  }
  resolution_.amount = effect.available;
  ApplyCommand(place, command, resolution_, account, effect);
}

absl::Status LedgerBook::Execute(const LedgerCommand& command, uint64_t hash,
                                 LedgerOutcome& outcome) {
  auto found = records_.find(command.account);
  std::unique_ptr<Account> fresh;
  Account* account = nullptr;
  if (found == records_.end()) {
    fresh = std::make_unique<Account>();
    account = fresh.get();
  } else {
    const absl::StatusOr<Account*> opened =
        Open(found->second, command.account);
    if (!opened.ok()) return opened.status();
    account = *opened;
  }
  const UnixNanos now = std::max(time_, command.at);
  const absl::Status status = Resolve(command, now, *account);
  if (!status.ok()) return status;
  time_ = now;
  const EntryPlace place{
      .sequence = head_.sequence + 1,
      .previous = found == records_.end() ? 0 : found->second.last_sequence,
      .at = now};
  ApplyTo(place, command, *account, outcome.effect);
  if (outcome.effect.refusal == Refusal::kMalformed) {
    return absl::InvalidArgumentError(
        absl::StrCat(RequestName(command.request),
                     ": a field is outside the limits of an account"));
  }
  outcome.at = now;
  outcome.balance = account->balance();
  if (IsCheckOnly(command.request)) return absl::OkStatus();
  if (fresh != nullptr) {
    found = records_.try_emplace(std::string(command.account)).first;
    found->second.account = std::move(fresh);
  }
  outcome.sequence = place.sequence;
  const size_t begin = pending_bytes_.size();
  EncodeEntry(place, command, resolution_, outcome.effect, pending_bytes_);
  head_ = {.sequence = place.sequence,
           .hash = ChainHash(head_.hash,
                             absl::string_view(pending_bytes_).substr(begin))};
  pending_.emplace_back(pending_bytes_.size(), head_.hash);
  Note(place, hash, found->second);
  return absl::OkStatus();
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

absl::Status LedgerBook::CheckReplayed(const JournalEntry& entry, uint64_t hash,
                                       const Record& record) {
  const EntryPlace& place = entry.place;
  if (place.sequence != head_.sequence + 1) {
    return Damaged(store_, head_.sequence + 1, "says that it is another");
  }
  if (place.at < time_) {
    return Damaged(store_, place.sequence, "is of a time before the last one");
  }
  if (place.previous != record.last_sequence) {
    return Damaged(store_, place.sequence,
                   "does not follow the last one of its account");
  }
  const absl::StatusOr<uint64_t> first =
      Find(hash, entry.command.account, entry.command.id, place.at);
  if (!first.ok()) return first.status();
  if (*first != 0) {
    return Damaged(store_, place.sequence,
                   absl::StrCat("is the command of entry ", *first,
                                " again, within the duplicate window of ",
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
  return Damaged(store_, place.sequence, "refunds what was not posted");
}

absl::Status LedgerBook::Replay(absl::string_view bytes,
                                const JournalHash& hash) {
  JournalEntry& entry = replayed_;
  const absl::Status decoded = DecodeEntry(bytes, entry);
  if (!decoded.ok()) {
    return Damaged(store_, head_.sequence + 1, decoded.message());
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
  ApplyCommand(entry.place, entry.command, entry.resolution, **account,
               effect_);
  if (!SameEffect(effect_, entry.effect)) {
    return Damaged(store_, entry.place.sequence,
                   "does not do what it says that it did");
  }
  time_ = entry.place.at;
  head_ = committed_ = {.sequence = entry.place.sequence, .hash = hash};
  Note(entry.place, id_hash, record);
  return absl::OkStatus();
}

}  // namespace konpro::internal
