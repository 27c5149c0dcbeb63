#include "konpro/access/key_directory.h"

#include <string.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "konpro/access/internal/base62.h"
#include "konpro/base/account_id.h"

// The table is open addressing with linear probing, of a fixed size, at most
// three quarters full. A slot is a cache line and holds all that a live key
// needs, so that a look-up is one access to memory. Nothing leaves the table: a
// dead key keeps its slot, because the audit trail names it.
//
// The place of a slot follows from the last four characters of the text, not
// from the digest: the access begins before the digest is known, and both take
// as long together as the longer of them. These characters are as good as
// random, of 14.8 million values (so there may not be more keys than that), and
// no secret. A caller chooses the slot that is read, but not its content; a
// digest's id distinguishes neighbours, and the whole digest decides.
//
// A slot is written once, under the lock, and published by its word. From then
// on only word, handle and last_use change, which are atomic.
//
//   word   bits 63..2  the nanosecond at which the key is dead: whole
//                      milliseconds, so that the low 6 bits of it are zero
//          bits 1..0   the ApiKeyState, or 0 in an empty slot
//
// A key that was ended at once ends at nanosecond 0: it is dead at every time,
// also for callers with a slow clock.
//
// Why no later call accepts an ended key. A word that has ended changes to
// ended words only. If a call happens after the one that ended the key, its
// load cannot return what the exchange overwrote (read-write coherence). If it
// came later by the wall clock alone, the exchange, which is a locked
// instruction or an exclusive pair, has completed with its core owning the
// cache line, and a load that begins after that gets the line from there.
//
// The order of writes. A new key is written to the store, then to the table:
// its owner can rely on it. Reset() writes both of its records in one step, for
// the same reason, and then changes the table. Deactivate() ends the key in the
// table first, and leaves it ended if the store fails: a stolen key must not
// stay alive because a disk is full. A crash in between may bring it back, but
// then Deactivate() has not returned.
namespace konpro {

struct KeyAccount {
  std::string id;  // constant
  // Guarded by the directory's mu_.
  uint64_t handle = 0;
  std::vector<uint32_t> keys;  // places in records_
};

struct alignas(64) KeyDirectory::Slot {
  ApiKeyDigest digest;
  std::atomic<uint64_t> word{0};
  std::atomic<uint64_t> handle{0};
  const KeyAccount* account = nullptr;
  uint32_t record : 24 = 0;           // its place in records_
  uint32_t scope : 8 = 0;             // its ApiKeyScope
  std::atomic<uint32_t> last_use{0};  // minutes since 1970, or 0: never
};

namespace {

constexpr int64_t kNanosPerMs = 1'000'000;
constexpr int64_t kNanosPerMinute = 60'000'000'000;
constexpr uint64_t kStateMask = 3;
constexpr size_t kSaveChunk = 1'024;

// Fibonacci hashing (Knuth, volume 3, 6.4) of the four bytes.
size_t PlaceOf(const char* last_four, int shift) {
  static_assert(ApiKeyText::kLastDigits == sizeof(uint32_t));
  uint32_t bytes;
  memcpy(&bytes, last_four, sizeof bytes);
  return bytes * uint64_t{0x9E37'79B9'7F4A'7C15} >> shift;
}

bool IsAlive(uint64_t word, UnixNanos now) {
  return (word & ~kStateMask) > static_cast<uint64_t>(now.nanos());
}

// Nothing ends later than the time's domain; InfiniteFuture() is what it is.
absl::Time WholeMs(absl::Time time) {
  if (time == absl::InfiniteFuture()) return time;
  return absl::FromUnixMillis(UnixNanos::FromTime(time).nanos() / kNanosPerMs);
}

uint64_t WordOf(const ApiKeyRecord& record) {
  const bool dead = record.state == ApiKeyState::kDeactivated ||
                    (record.state == ApiKeyState::kReplaced &&
                     record.ends_at <= record.changed_at);
  const int64_t end_ms =
      dead ? 0 : UnixNanos::FromTime(record.ends_at).nanos() / kNanosPerMs;
  return static_cast<uint64_t>(end_ms * kNanosPerMs) |
         static_cast<uint64_t>(record.state);
}

uint32_t MinuteOf(absl::Time last_used_at) {
  return static_cast<uint32_t>(UnixNanos::FromTime(last_used_at).nanos() /
                               kNanosPerMinute);
}

ApiKeyVerdict VerdictOfDead(uint64_t word) {
  switch (static_cast<ApiKeyState>(word & kStateMask)) {
    case ApiKeyState::kActive:
      return ApiKeyVerdict::kExpired;
    case ApiKeyState::kReplaced:
      return ApiKeyVerdict::kReplaced;
    case ApiKeyState::kDeactivated:
      return ApiKeyVerdict::kDeactivated;
  }
  return ApiKeyVerdict::kUnknown;  // an empty slot
}

absl::Status NoSuchKey(ApiKeyId key) {
  return absl::NotFoundError(absl::StrCat("no key has id ", key.ToString()));
}

}  // namespace

bool ApiKeyRecord::IsAliveAt(absl::Time now) const {
  return IsAlive(WordOf(*this), UnixNanos::FromTime(now));
}

absl::string_view ApiKeyVerdictName(ApiKeyVerdict verdict) {
  switch (verdict) {
    case ApiKeyVerdict::kAccepted:
      return "accepted";
    case ApiKeyVerdict::kMissing:
      return "missing";
    case ApiKeyVerdict::kMalformed:
      return "malformed";
    case ApiKeyVerdict::kUnknown:
      return "unknown";
    case ApiKeyVerdict::kDeactivated:
      return "deactivated";
    case ApiKeyVerdict::kReplaced:
      return "replaced";
    case ApiKeyVerdict::kExpired:
      return "expired";
  }
  return "?";
}

absl::string_view Authentication::account_id() const {
  return account_ == nullptr ? absl::string_view() : account_->id;
}

absl::StatusOr<std::unique_ptr<KeyDirectory>> KeyDirectory::Open(
    KeyStore& store, const Options& options) {
  static_assert(sizeof(Slot) == 64);
  static_assert(kKeysMaxMax <= size_t{1} << 24);
  static_assert(std::is_trivially_destructible_v<Slot>);
  if (options.keys_max == 0 || options.keys_max > kKeysMaxMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "keys_max: ", options.keys_max, " is outside 1 .. ", kKeysMaxMax));
  }
  const size_t slots =
      std::bit_ceil(options.keys_max + options.keys_max / 3 + 1);
  internal::HugePages memory(slots * sizeof(Slot));
  if (memory.data() == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for ", memory.bytes(), " bytes of keys"));
  }
  std::uninitialized_default_construct_n(static_cast<Slot*>(memory.data()),
                                         slots);
  std::unique_ptr<KeyDirectory> directory(
      new KeyDirectory(store, options, std::move(memory), slots));
  const absl::Status loaded = directory->LoadAll();
  if (!loaded.ok()) return loaded;
  return directory;
}

KeyDirectory::KeyDirectory(KeyStore& store, const Options& options,
                           internal::HugePages memory, size_t slot_count)
    : keys_max_(options.keys_max),
      memory_(std::move(memory)),
      shift_(std::countl_zero(slot_count) + 1),
      mask_(slot_count - 1),
      slots_(static_cast<Slot*>(memory_.data())),
      store_(store) {}

KeyDirectory::~KeyDirectory() = default;

KeyDirectory::Slot& KeyDirectory::SlotOf(const char* last_four,
                                         const ApiKeyDigest& digest) const {
  for (size_t i = PlaceOf(last_four, shift_);; i = (i + 1) & mask_) {
    Slot& slot = slots_[i];
    if (slot.word.load(std::memory_order_acquire) == 0) return slot;
    if (slot.digest.id() == digest.id()) return slot;
  }
}

KeyDirectory::Slot& KeyDirectory::SlotOf(const ApiKeyRecord& record) const {
  return SlotOf(record.last_four.data(), record.digest);
}

KeyDirectory::Slot* KeyDirectory::FindSlot(ApiKeyId key) const {
  const auto place = places_.find(key.value());
  return place == places_.end() ? nullptr : &SlotOf(records_[place->second]);
}

// A refusal does the same work for every well-formed text, known or not: one
// comparison, and the checksum.
Authentication KeyDirectory::Authenticate(ApiKeyText text,
                                          UnixNanos now) const {
  if (text.empty()) return {ApiKeyVerdict::kMissing, nullptr, {}, 0};
  if (text.Reveal().size() != ApiKeyText::kBytes) {
    return {ApiKeyVerdict::kMalformed, nullptr, {}, 0};
  }
  static constexpr ApiKeyDigest kNone;
  const char* const last_four =
      text.Reveal().data() + ApiKeyText::kBytes - ApiKeyText::kLastDigits;
  __builtin_prefetch(&slots_[PlaceOf(last_four, shift_)]);
  const ApiKeyDigest digest = ApiKeyDigest::Of(text);
  Slot& slot = SlotOf(last_four, digest);
  uint64_t word = slot.word.load(std::memory_order_acquire);
  const bool same = (word == 0 ? kNone : slot.digest) == digest;
  if (!same) word = 0;
  if (IsAlive(word, now)) [[likely]] {
    const auto minute = static_cast<uint32_t>(now.nanos() / kNanosPerMinute);
    if (slot.last_use.load(std::memory_order_relaxed) < minute) {
      slot.last_use.store(minute, std::memory_order_relaxed);
    }
    // Pairs with Bind().
    return {ApiKeyVerdict::kAccepted, slot.account, digest.id(),
            slot.handle.load(std::memory_order_acquire),
            static_cast<ApiKeyScope>(slot.scope)};
  }
  const bool well_formed = text.IsWellFormed();
  return {well_formed ? VerdictOfDead(word) : ApiKeyVerdict::kMalformed,
          word == 0 ? nullptr : slot.account, digest.id(), 0};
}

absl::StatusOr<MintedKey> KeyDirectory::Mint(const MintSpec& spec,
                                             absl::Time now) {
  if (absl::Status s = CheckAccountId(spec.account_id); !s.ok()) return s;
  const MutexLock lock(mu_);
  absl::Status room = CheckRoom(FindAccount(spec.account_id), now);
  if (!room.ok()) return room;
  absl::StatusOr<MintedKey> key = NewKey(spec, now);
  if (!key.ok()) return key;
  absl::Status stored = store_.Put({&key->record, 1});
  if (!stored.ok()) return stored;
  Insert(key->record);
  return key;
}

absl::StatusOr<MintedKey> KeyDirectory::Reset(const ResetSpec& spec,
                                              absl::Time now) {
  if (spec.overlap < absl::ZeroDuration() || spec.overlap > kOverlapMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("overlap: ", absl::FormatDuration(spec.overlap),
                     " is outside 0 .. ", absl::FormatDuration(kOverlapMax)));
  }
  const MutexLock lock(mu_);
  Slot* const slot = FindSlot(spec.key);
  if (slot == nullptr) return NoSuchKey(spec.key);
  ApiKeyRecord old = Current(records_[slot->record]);
  if (old.state != ApiKeyState::kActive || !old.IsAliveAt(now)) {
    return absl::FailedPreconditionError(
        absl::StrCat("key ", spec.key.ToString(), " is not active: it is ",
                     ApiKeyVerdictName(VerdictOfDead(WordOf(old)))));
  }
  // A key that ends at once makes room for its successor.
  absl::Status room = CheckRoom(
      spec.overlap > absl::ZeroDuration() ? slot->account : nullptr, now);
  if (!room.ok()) return room;
  absl::StatusOr<MintedKey> key = NewKey({.account_id = old.account_id,
                                          .scope = old.scope,
                                          .expires_at = spec.expires_at},
                                         now);
  if (!key.ok()) return key;
  old.state = ApiKeyState::kReplaced;
  old.changed_at = WholeMs(now);
  old.ends_at = std::min(old.ends_at, WholeMs(now + spec.overlap));
  absl::Status stored = store_.Put({{key->record, old}});
  if (!stored.ok()) return stored;
  Insert(key->record);
  slot->word.exchange(WordOf(old), std::memory_order_seq_cst);
  records_[slot->record] = std::move(old);
  return key;
}

absl::Status KeyDirectory::Deactivate(ApiKeyId key, absl::Time now) {
  const MutexLock lock(mu_);
  Slot* const slot = FindSlot(key);
  if (slot == nullptr) return NoSuchKey(key);
  ApiKeyRecord record = Current(records_[slot->record]);
  if (record.state != ApiKeyState::kDeactivated) {
    record.state = ApiKeyState::kDeactivated;
    record.changed_at = WholeMs(now);
    record.ends_at = std::min(record.ends_at, WholeMs(now));
  }
  slot->word.exchange(WordOf(record), std::memory_order_seq_cst);
  const size_t place = slot->record;
  if (record.is_durable) undurable_.push_back(place);
  record.is_durable = false;
  records_[place] = std::move(record);
  return WriteDeactivations();
}

absl::Status KeyDirectory::RetryDeactivations() {
  const MutexLock lock(mu_);
  return WriteDeactivations();
}

absl::Status KeyDirectory::WriteDeactivations() {
  if (undurable_.empty()) return absl::OkStatus();
  std::vector<ApiKeyRecord> records;
  for (const size_t place : undurable_) {
    records.push_back(Current(records_[place]));
    records.back().is_durable = true;
  }
  absl::Status stored = store_.Put(records);
  if (!stored.ok()) return stored;
  for (const size_t place : undurable_) records_[place].is_durable = true;
  undurable_.clear();
  return absl::OkStatus();
}

absl::Status KeyDirectory::Bind(absl::string_view account_id, uint64_t handle) {
  if (absl::Status s = CheckAccountId(account_id); !s.ok()) return s;
  const MutexLock lock(mu_);
  if (FindAccount(account_id) == nullptr && accounts_.size() >= keys_max_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("accounts: all of ", keys_max_, " are taken"));
  }
  KeyAccount& account = AccountOf(account_id);
  account.handle = handle;
  for (const uint32_t key : account.keys) {
    // Pairs with Authenticate().
    SlotOf(records_[key]).handle.store(handle, std::memory_order_release);
  }
  return absl::OkStatus();
}

absl::Status KeyDirectory::SaveLastUses() {
  for (size_t next = 0;;) {
    // Others have their turn between the chunks.
    const MutexLock lock(mu_);
    std::vector<ApiKeyRecord> unsaved;
    std::vector<size_t> places;
    for (; next < records_.size() && unsaved.size() < kSaveChunk; ++next) {
      ApiKeyRecord current = Current(records_[next]);
      if (current.last_used_at == records_[next].last_used_at) continue;
      unsaved.push_back(std::move(current));
      places.push_back(next);
    }
    if (unsaved.empty()) return absl::OkStatus();
    absl::Status stored = store_.Put(unsaved);
    if (!stored.ok()) return stored;
    for (size_t i = 0; i < places.size(); ++i) {
      records_[places[i]] = std::move(unsaved[i]);
    }
  }
}

std::vector<ApiKeyRecord> KeyDirectory::List(
    absl::string_view account_id) const {
  const MutexLock lock(mu_);
  std::vector<ApiKeyRecord> keys;
  const KeyAccount* account = FindAccount(account_id);
  if (account == nullptr) return keys;
  for (const uint32_t key : account->keys) {
    keys.push_back(Current(records_[key]));
  }
  return keys;
}

absl::StatusOr<ApiKeyRecord> KeyDirectory::Find(ApiKeyId key) const {
  const MutexLock lock(mu_);
  const auto place = places_.find(key.value());
  if (place == places_.end()) return NoSuchKey(key);
  return Current(records_[place->second]);
}

absl::Status KeyDirectory::LoadAll() {
  const MutexLock lock(mu_);
  const auto load = [&](ApiKeyRecord record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(
                        mu_) { return Load(std::move(record)); };
  return store_.LoadAll(load);
}

absl::Status KeyDirectory::Load(ApiKeyRecord record) {
  const auto lost = [&](absl::string_view what) {
    return absl::DataLossError(
        absl::StrCat("key ", record.id().ToString(), ": ", what));
  };
  if (records_.size() >= keys_max_) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "keys_max: the store holds more than ", keys_max_, " keys"));
  }
  if (absl::Status s = CheckAccountId(record.account_id); !s.ok()) {
    return lost(s.message());
  }
  if (record.last_four.size() != ApiKeyText::kLastDigits ||
      !internal::IsBase62(record.last_four)) {
    return lost("last_four: not 4 base62 digits");
  }
  if (record.state < ApiKeyState::kActive ||
      record.state > ApiKeyState::kDeactivated) {
    return lost("state: unknown");
  }
  if (record.scope < ApiKeyScope::kCustomer ||
      record.scope > ApiKeyScope::kAdmin) {
    return lost("scope: unknown");
  }
  if (places_.contains(record.id().value())) {
    return lost("there twice");
  }
  record.is_durable = true;
  Insert(record);
  return absl::OkStatus();
}

absl::Status KeyDirectory::CheckRoom(const KeyAccount* account,
                                     absl::Time now) const {
  if (records_.size() >= keys_max_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("keys: all of ", keys_max_, " are taken"));
  }
  if (account == nullptr) return absl::OkStatus();
  size_t live = 0;
  for (const uint32_t key : account->keys) {
    live += records_[key].IsAliveAt(now) ? 1 : 0;
  }
  if (live < kLiveKeysMax) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("keys: account ", account->id, " has ", live,
                   " live ones, at most ", kLiveKeysMax));
}

absl::StatusOr<MintedKey> KeyDirectory::NewKey(const MintSpec& spec,
                                               absl::Time now) const {
  if (WholeMs(spec.expires_at) <= WholeMs(now)) {
    return absl::InvalidArgumentError(
        absl::StrCat("expires_at: ", absl::FormatTime(spec.expires_at),
                     " is not after now, ", absl::FormatTime(now)));
  }
  absl::StatusOr<ApiKeySecret> secret = ApiKeySecret::Mint();
  if (!secret.ok()) return secret.status();
  ApiKeyRecord record = {
      .digest = ApiKeyDigest::Of(secret->text()),
      .account_id = std::string(spec.account_id),
      .last_four = secret->text().LastFour(),
      .scope = spec.scope,
      .created_at = WholeMs(now),
      .changed_at = WholeMs(now),
      .ends_at = WholeMs(spec.expires_at),
  };
  if (places_.contains(record.id().value())) {
    // Once in 2^64 / keys: the same call makes another.
    return absl::AbortedError("another key has the new one's id: try again");
  }
  return MintedKey{*std::move(secret), std::move(record)};
}

const KeyAccount* KeyDirectory::FindAccount(
    absl::string_view account_id) const {
  const auto found = accounts_.find(std::string(account_id));
  return found == accounts_.end() ? nullptr : found->second.get();
}

KeyAccount& KeyDirectory::AccountOf(absl::string_view account_id) {
  std::unique_ptr<KeyAccount>& account = accounts_[std::string(account_id)];
  if (account == nullptr) {
    account = std::make_unique<KeyAccount>();
    account->id = std::string(account_id);
  }
  return *account;
}

ApiKeyRecord KeyDirectory::Current(const ApiKeyRecord& record) const {
  ApiKeyRecord current = record;
  const uint32_t minute =
      SlotOf(record).last_use.load(std::memory_order_relaxed);
  if (minute != 0) {
    current.last_used_at = absl::UnixEpoch() + minute * absl::Minutes(1);
  }
  return current;
}

void KeyDirectory::Insert(const ApiKeyRecord& record) {
  KeyAccount& account = AccountOf(record.account_id);
  const auto place = static_cast<uint32_t>(records_.size());
  Slot& slot = SlotOf(record);
  slot.digest = record.digest;
  slot.handle.store(account.handle, std::memory_order_relaxed);
  slot.account = &account;
  slot.record = place & 0xFF'FFFF;
  slot.scope = static_cast<uint8_t>(record.scope);
  slot.last_use.store(MinuteOf(record.last_used_at), std::memory_order_relaxed);
  slot.word.store(WordOf(record), std::memory_order_release);
  account.keys.push_back(place);
  places_.emplace(record.id().value(), place);
  records_.push_back(record);
}

}  // namespace konpro
