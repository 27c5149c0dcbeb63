#include "konpro/ledger/internal/snapshot_codec.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "konpro/ledger/internal/sha256.h"
#include "konpro/ledger/internal/wire.h"

namespace konpro::internal {
namespace {

// A snapshot stands for entries that are not read: another version of those is
// another version of this, so that an older journal is read, and refused.
constexpr uint8_t kSnapshotVersion = 5;

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

}  // namespace

SnapshotDigest DigestOf(absl::string_view key, absl::string_view value) {
  thread_local Sha256 sha256;
  std::string size;
  PutWord(size, key.size());
  const Sha256Digest all = sha256({size, key, value});
  absl::string_view bytes = BytesOf(all);
  SnapshotDigest digest;
  for (uint64_t& word : digest) word = TakeWord(bytes);
  return digest;
}

void AddDigest(SnapshotDigest& sum, const SnapshotDigest& digest) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] ^= digest[i];
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

std::string EncodeMeta(const SnapshotMeta& meta) {
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

bool DecodeMeta(absl::string_view bytes, SnapshotMeta& meta) {
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
  // The sum is over all bytes before it but its length, which is one byte.
  return BytesOf(sha256({bytes.substr(0, bytes.size() - sum.size() - 1)})) ==
         sum;
}

std::string EncodeAccountRow(const AccountRow& row) {
  std::string out;
  WireWriter writer(out);
  writer.Varint(row.last_sequence);
  writer.Text(row.account);
  return out;
}

bool DecodeAccountRow(absl::string_view bytes, AccountRow& row) {
  WireReader reader(bytes);
  row.last_sequence = reader.Varint();
  row.account = reader.Text(bytes.size());
  return reader.done();
}

std::string EncodeSegmentRow(const SegmentRow& row) {
  std::string hashes;
  for (uint64_t hash : row.hashes) PutWord(hashes, hash);
  std::string out;
  WireWriter writer(out);
  writer.Varint(row.first);
  writer.Time(row.newest_at);
  writer.Text(hashes);
  return out;
}

bool DecodeSegmentRow(absl::string_view bytes, SegmentRow& row) {
  WireReader reader(bytes);
  row.first = reader.Varint();
  row.newest_at = reader.Time();
  absl::string_view hashes = reader.Text(bytes.size());
  const size_t count = hashes.size() / sizeof(uint64_t);
  if (!reader.done() || row.first == 0 || count == 0 ||
      hashes.size() % sizeof(uint64_t) != 0 ||
      count > DuplicateMemory::kSegmentEntries) {
    return false;
  }
  row.hashes.clear();
  while (!hashes.empty()) row.hashes.push_back(TakeWord(hashes));
  return true;
}

void SnapshotRows::Put(std::string key, std::string value,
                       SnapshotDigest& digest) {
  if (digest == SnapshotDigest()) ++count_;
  AddDigest(sum_, digest);
  digests_.emplace_back(&digest, DigestOf(key, value));
  AddDigest(sum_, digests_.back().second);
  const std::string& kept_key = texts_.emplace_back(std::move(key));
  const std::string& kept_value = texts_.emplace_back(std::move(value));
  changes_.push_back({.key = kept_key, .value = kept_value});
}

void SnapshotRows::Drop(std::string key, const SnapshotDigest& digest) {
  changes_.push_back({.key = texts_.emplace_back(std::move(key))});
  if (digest == SnapshotDigest()) return;
  --count_;
  AddDigest(sum_, digest);
}

void SnapshotRows::PutMeta(const SnapshotMeta& meta) {
  changes_.push_back(
      {.key = kMetaKey, .value = texts_.emplace_back(EncodeMeta(meta))});
}

void SnapshotRows::NoteWritten() const {
  for (const auto& [digest, written] : digests_) *digest = written;
}

}  // namespace konpro::internal
