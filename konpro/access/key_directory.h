// A KeyDirectory authenticates API keys: for each key's digest it knows the
// account and whether the key is alive. It answers from memory and keeps its
// records in a KeyStore. It knows no plan and no balance: both belong to the
// account, never to the key.
//
//   auto directory = *KeyDirectory::Open(store, {.keys_max = 1'000'000});
//   MintedKey key = *directory->Mint({.account_id = "acme"}, now);
//   key.secret.text().Reveal()         // shown once: it is not kept
//   directory->Bind("acme", 7);        // admission's handle of the account
//   directory->Authenticate(text, unix_nanos)      // ok(), handle() is 7
//   directory->Reset({.key = id, .overlap = absl::Hours(24)}, now);
//   directory->Deactivate(id, now);                // then not ok()
//
// Thread safety: thread-safe. Authenticate() is lock-free, allocates nothing
// and writes nothing but the minute of a key's last use, once a minute. All
// other calls take turns; a turn lasts until the store has written.
//
// Memory ordering: a key's fields are written before its word is stored
// (release) and read after it is loaded (acquire). The word that ends a key is
// stored sequentially consistent; a call that begins later, by happens-before
// or by the wall clock, reads it: see the .cc.
//
// Invariants: (1) once Deactivate() has returned, also with the store's error,
// or Reset() without an overlap with OK, no call of Authenticate() that begins
// later accepts the key, whatever its `now`. (2) What a call that returned OK
// changed, a directory opened later from the store has too. (3) A key
// that authenticates was durable before. (4) No text of a key is kept.
//
// Limits: keys_max keys, 2^23 at most, dead ones included, and as many
// accounts; 64 live keys to an account; overlaps of up to 90 days; times in
// whole milliseconds, rounded down.
#ifndef KONPRO_ACCESS_KEY_DIRECTORY_H_
#define KONPRO_ACCESS_KEY_DIRECTORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/access/api_key.h"
#include "konpro/base/internal/huge_pages.h"
#include "konpro/base/mutex.h"
#include "konpro/base/unix_nanos.h"

namespace konpro {

// Stores keep the numbers.
enum class ApiKeyState : uint8_t { kActive = 1, kReplaced, kDeactivated };

// All that is kept of a key.
struct ApiKeyRecord {
  ApiKeyId id() const { return digest.id(); }
  // Whether the key authenticates at `now`.
  bool IsAliveAt(absl::Time now) const;

  ApiKeyDigest digest;
  std::string account_id;
  std::string last_four;
  ApiKeyScope scope = ApiKeyScope::kCustomer;
  ApiKeyState state = ApiKeyState::kActive;
  absl::Time created_at;
  absl::Time changed_at;  // of the state
  // The first instant at which the key is dead.
  absl::Time ends_at = absl::InfiniteFuture();
  // In whole minutes; InfinitePast() if it was never used.
  absl::Time last_used_at = absl::InfinitePast();
  // False: it was deactivated, and the store could not write that yet.
  bool is_durable = true;
};

// Keeps records beyond the process. A KeyDirectory makes one call at a time.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  // How many records LoadAll() would load.
  virtual absl::StatusOr<size_t> Count() = 0;
  // Writes all of `records`, or none; they are durable when it returns OK. A
  // record replaces the one with its digest. kUnavailable: the store could not
  // write, and is as before; if it broke off, it may have written all of them.
  virtual absl::Status Put(absl::Span<const ApiKeyRecord> records) = 0;
  // Calls `load` with every record, in the order in which they were first
  // written, until it fails. kDataLoss: a record cannot be read.
  virtual absl::Status LoadAll(
      absl::FunctionRef<absl::Status(ApiKeyRecord record)> load) = 0;
};

// A caller gets the same answer for all but kAccepted: it is for the audit
// trail.
enum class ApiKeyVerdict : uint8_t {
  kAccepted = 0,
  kMissing = 1,
  kMalformed = 2,
  kUnknown = 3,
  kDeactivated = 4,
  kReplaced = 5,
  kExpired = 6,
};
// Such as "deactivated".
absl::string_view ApiKeyVerdictName(ApiKeyVerdict verdict);

struct KeyAccount;  // lives as long as its directory

class Authentication {
 public:
  Authentication(ApiKeyVerdict verdict, const KeyAccount* account,
                 ApiKeyId key_id, uint64_t handle,
                 ApiKeyScope scope = ApiKeyScope::kCustomer)
      : handle_(handle),
        key_id_(key_id),
        account_(account),
        verdict_(verdict),
        scope_(scope) {}

  bool ok() const { return verdict_ == ApiKeyVerdict::kAccepted; }
  ApiKeyVerdict verdict() const { return verdict_; }
  ApiKeyScope scope() const { return scope_; }  // if ok()
  // The account's handle (Bind()); 0 before it has one, and if not ok().
  uint64_t handle() const { return handle_; }
  // The account of the key, alive or dead; "" if the key is unknown.
  absl::string_view account_id() const;
  // The id of the presented text, known or not; 0 if the text is not as long as
  // a key.
  ApiKeyId key_id() const { return key_id_; }

 private:
  uint64_t handle_;
  ApiKeyId key_id_;
  const KeyAccount* account_;
  ApiKeyVerdict verdict_;
  ApiKeyScope scope_;
};

struct MintedKey {
  ApiKeySecret secret;
  ApiKeyRecord record;
};

class KeyDirectory {
 public:
  static constexpr size_t kKeysMaxMax = size_t{1} << 23;
  static constexpr size_t kLiveKeysMax = 64;  // of an account
  static constexpr absl::Duration kOverlapMax = absl::Hours(24 * 90);

  struct Options {
    // 64 bytes of memory each, times 1.33 .. 2.67, and about 250 once used.
    size_t keys_max = 0;
  };
  struct MintSpec {
    absl::string_view account_id;
    ApiKeyScope scope = ApiKeyScope::kCustomer;
    absl::Time expires_at = absl::InfiniteFuture();
  };
  struct ResetSpec {
    ApiKeyId key;
    // How long the old key stays alive beside the new one.
    absl::Duration overlap;
    absl::Time expires_at = absl::InfiniteFuture();  // of the new key
  };

  // With all records of `store`, which must outlive the directory and is its
  // own from now on. kInvalidArgument: keys_max is 0 or above kKeysMaxMax.
  // kResourceExhausted: more records than that, or no memory. kDataLoss: a
  // record that no directory wrote. Otherwise the store's error.
  static absl::StatusOr<std::unique_ptr<KeyDirectory>> Open(
      KeyStore& store, const Options& options);
  ~KeyDirectory();

  // Whose key is `text`? Calls from many threads do not slow each other down.
  Authentication Authenticate(ApiKeyText text, UnixNanos now) const;

  // A new key. kInvalidArgument: account_id or expires_at is outside the
  // limits. kResourceExhausted: keys_max or kLiveKeysMax is reached. Otherwise
  // the store's error; then there is no new key that anybody could use.
  absl::StatusOr<MintedKey> Mint(const MintSpec& spec, absl::Time now);
  // A new key of the same account and scope in place of a live one, which ends
  // after the overlap or at its own end, whichever is first. kNotFound.
  // kFailedPrecondition: the key is not active. Otherwise as Mint(), and the
  // old key stays alive.
  absl::StatusOr<MintedKey> Reset(const ResetSpec& spec, absl::Time now);
  // Ends a key for good. kNotFound. If the store fails, its error: the key is
  // dead in this directory, but not in one that is opened later, and not
  // is_durable until RetryDeactivations(), or the same call, has written it.
  absl::Status Deactivate(ApiKeyId key, absl::Time now);
  absl::Status RetryDeactivations();  // OK, or the store's error
  // Sets the handle() of all keys of the account, later ones included; readers
  // of it see all that was written before. kInvalidArgument as Mint(). Not
  // durable.
  absl::Status Bind(absl::string_view account_id, uint64_t handle);
  // Writes the last uses that the store does not have yet. Nothing else does:
  // call it now and then, and before the process ends.
  absl::Status SaveLastUses();

  // The account's keys, the oldest first; empty if it has none.
  std::vector<ApiKeyRecord> List(absl::string_view account_id) const;
  // kNotFound.
  absl::StatusOr<ApiKeyRecord> Find(ApiKeyId key) const;

 private:
  struct Slot;

  KeyDirectory(KeyStore& store, const Options& options,
               internal::HugePages memory, size_t slot_count);

  // The slot of the key with this digest, or the empty slot that it would take.
  // `last_four` begins with the last digits of its text.
  Slot& SlotOf(const char* last_four, const ApiKeyDigest& digest) const;
  Slot& SlotOf(const ApiKeyRecord& record) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Null if there is none.
  Slot* FindSlot(ApiKeyId key) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status LoadAll();
  absl::Status Load(ApiKeyRecord record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckRoom(const KeyAccount* account, absl::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<MintedKey> NewKey(const MintSpec& spec, absl::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  KeyAccount& AccountOf(absl::string_view account_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status WriteDeactivations() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  const KeyAccount* FindAccount(absl::string_view account_id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // `record` with the last use that its slot knows.
  ApiKeyRecord Current(const ApiKeyRecord& record) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Insert(const ApiKeyRecord& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  const size_t keys_max_;
  const internal::HugePages memory_;
  const int shift_;    // 64 less the bits of a slot's place
  const size_t mask_;  // the number of slots less 1

  // Read without a lock: what changes in a published slot is atomic.
  Slot* const slots_;  // in memory_

  mutable Mutex mu_;
  KeyStore& store_ ABSL_GUARDED_BY(mu_);
  std::vector<ApiKeyRecord> records_ ABSL_GUARDED_BY(mu_);
  // Indices in records_ of deactivated keys that the store does not have yet.
  std::vector<size_t> undurable_ ABSL_GUARDED_BY(mu_);
  // From a key's id to its index in records_.
  std::unordered_map<uint64_t, size_t> places_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<std::string, std::unique_ptr<KeyAccount>> accounts_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace konpro

#endif  // KONPRO_ACCESS_KEY_DIRECTORY_H_
