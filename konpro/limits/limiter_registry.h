// A LimiterRegistry knows the rate windows of many accounts: account id to
// LimiterCell (limiter.h), in one flat table that never grows and never moves.
// It knows no credits (account.h) and no API keys.
//
//   auto registry = *LimiterRegistry::Create({.capacity = 1'000'000});
//   registry->Insert("acct-1", pro.windows());              // OK, a handle
//   registry->TryAcquire("acct-1", /*cost=*/1, now).allowed()    // true
//   registry->TryAcquire("stranger", 1, now).outcome()  // kUnknownAccount
//   registry->SetWindows("acct-1", scale.windows(), now);   // keeps what was
//                                                           // used
// An account with no windows (the Enterprise plan before it has its own) is
// refused everything: kNoWindows. A stranger costs a look-up and no memory.
//
// Equal hashes. A look-up compares the 63-bit keyed hash alone; ids are
// compared on insertion. Where two provisioned ids have one hash, it is marked
// as shared and look-ups compare these few ids too, so that both are right. An
// id that was never provisioned is taken for one that was with a probability of
// accounts / 2^63, whatever it is: the key is secret.
//
// Staggered resets: with Options::staggered, FIXED windows begin later by
// period * p / kPhases, p being a function of the account id alone, so that not
// all accounts reset at once. Whatever a Decision says follows.
//
// Thread safety: thread-safe. Verbs of the data plane take no lock, allocate
// nothing and write but an admission's cell; the others take one lock, and the
// data plane runs on meanwhile. Destruction is not concurrent with anything.
//
// Memory ordering: who sees an account or its windows (acquire) sees what was
// written before Insert() or SetWindows() stored them (release).
//
// Invariants: (1) two accounts never share a slot. (2) A decision speaks of its
// own account and of windows that this had during the call. (3) A change of
// windows, a drop and a hand-over lose no permit that was taken.
//
// Limits: 1 .. 2^24 accounts; 65,536 different windows (with staggering each
// phase is one of its own) in the life of a registry, and 16 accounts with a
// shared hash. 72 bytes an account, and 10 and its id. The table is mapped at
// once, on huge pages if the system has them.
#ifndef KONPRO_LIMITS_LIMITER_REGISTRY_H_
#define KONPRO_LIMITS_LIMITER_REGISTRY_H_

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/base/account_id.h"
#include "konpro/base/internal/huge_pages.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/account_hash.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace internal {
struct LimiterSlot;
}  // namespace internal

class LimiterRegistry {
 public:
  static constexpr size_t kCapacityMax = size_t{1} << 24;
  static constexpr size_t kDistinctWindowsMax = 65'536;
  static constexpr size_t kSharedHashesMax = 16;
  static constexpr size_t kPhases = 256;
  static constexpr size_t kBatch = 32;

  struct Options {
    size_t capacity = 0;  // in accounts
    bool staggered = false;
    // The key of the hash, for runs that repeat; absent: a random key.
    std::optional<uint64_t> seed;
  };

  // Where an account is. The default is nowhere.
  class Handle {
   public:
    Handle() = default;
    explicit operator bool() const { return slot_ != nullptr; }

   private:
    friend class LimiterRegistry;
    Handle(internal::LimiterSlot* slot, uint64_t hash)
        : slot_(slot), hash_(hash) {}

    internal::LimiterSlot* slot_ = nullptr;
    uint64_t hash_ = 0;  // of whom the slot was
  };
  class Slots;  // limiter_slots.h

  struct Request {
    absl::string_view account;
    uint64_t cost = 1;
  };

  // An account as it is kept elsewhere (limiter_snapshot.h).
  struct Account {
    absl::string_view id;
    const LimiterWindows* windows = nullptr;
    LimiterState state;
  };
  using Visitor = absl::FunctionRef<void(const Account&)>;

  // kInvalidArgument: the capacity is outside its limits. kResourceExhausted:
  // the system has not so much memory.
  static absl::StatusOr<std::unique_ptr<LimiterRegistry>> Create(
      const Options& options);

  LimiterRegistry(const LimiterRegistry&) = delete;
  LimiterRegistry& operator=(const LimiterRegistry&) = delete;
  ~LimiterRegistry();

  // Data plane. Handles of other registries are not for this one.

  // Null where the account is not there. A handle is good while its account is
  // there; behind DropIdle(), it is as an unknown account's.
  Handle Find(absl::string_view account) const;

  // konpro::TryAcquire(), or kUnknownAccount.
  Decision TryAcquire(Handle handle, uint64_t cost, UnixNanos now);
  Decision TryAcquire(absl::string_view account, uint64_t cost, UnixNanos now);
  // At UnixNanos::CoarseNow(), read while the slot is being fetched.
  Decision TryAcquire(Handle handle, uint64_t cost);
  Decision TryAcquire(absl::string_view account, uint64_t cost);

  // TryAcquire() of each in order, and visit(index, decision) behind each;
  // kBatch slots are fetched at a time.
  template <std::invocable<size_t, const Decision&> Visit>
  void AcquireBatch(absl::Span<const Request> requests, UnixNanos now,
                    Visit visit);

  // konpro::Peek() and konpro::Release().
  Decision Peek(Handle handle, uint64_t cost, UnixNanos now) const;
  bool Release(Handle handle, const Decision& decision, UnixNanos now);

  // Control plane. A verb that fails changes nothing; behind HandOver(), each
  // fails with kFailedPrecondition.

  // Adds an account that has used nothing; without windows, it is refused
  // everything. kAlreadyExists: it is there. kInvalidArgument: the id is
  // not IsAccountId(), or there are more than two windows, or two of one name.
  // kResourceExhausted: the registry is full.
  absl::StatusOr<Handle> Insert(absl::string_view account,
                                absl::Span<const RateWindow> windows);

  // From the next call on the account has these windows and has used what it
  // had, see Carry(); without windows, it is refused everything and keeps what
  // it used. kNotFound: it is not there; else as Insert(). REQUIRES: not there
  // and back to a window of another kind or period while one call is under way.
  absl::Status SetWindows(absl::string_view account,
                          absl::Span<const RateWindow> windows, UnixNanos now);

  // Forgets the accounts whose windows are all fresh at `now`, until Insert(),
  // and returns how many; the next DropIdle() makes room of them. Later
  // accounts begin fresh as of `now`: an earlier time meets no window that was
  // dropped. REQUIRES: calls of the data plane that began before the last
  // DropIdle() have ended; so call it at intervals of seconds at least.
  size_t DropIdle(UnixNanos now);

  // Shows all accounts, each at one instant, while calls run. Who restores them
  // takes what was taken afterwards for not taken.
  void ForEach(Visitor visit);

  // Shows all accounts for the last time: each is closed in the step that reads
  // its state, and from then on as an unknown account. Whoever takes over hands
  // out no permit that was handed out here, whatever calls run meanwhile.
  absl::Status HandOver(Visitor visit);
  bool handed_over() const { return handed_over_.load(); }

  // Adds an account as another registry showed it. As Insert(); also
  // kInvalidArgument where the state is a closed one.
  absl::Status Restore(const Account& account);

  // Accounts begin fresh as of this time, see DropIdle(), or as of that of the
  // registry that they come from.
  UnixNanos fresh_since() const;
  void RaiseFreshSince(UnixNanos fresh_since);

  size_t size() const;  // accounts
  size_t capacity() const { return capacity_; }

 private:
  using Slot = internal::LimiterSlot;
  static constexpr size_t kSlotsPerLine = 2;

  class WindowsOf;
  struct Place;
  struct Shared;

  LimiterRegistry(const Options& options, const internal::AccountHash::Key& key,
                  size_t lines, internal::HugePages table);

  // Data plane.
  static bool HasIdSize(absl::string_view account);
  uint64_t HashOf(absl::string_view account) const;
  size_t LineOf(uint64_t hash) const;
  void Prefetch(uint64_t hash) const;
  Handle FindHashed(absl::string_view account, uint64_t hash) const;
  Handle FindFurther(absl::string_view account, uint64_t hash) const;
  Handle FindShared(absl::string_view account) const;
  Decision Unknown(uint64_t cost, UnixNanos now) const;

  // Control plane. REQUIRES: mu_ is held.
  absl::Status CheckAccount(absl::string_view account) const;
  absl::StatusOr<const LimiterWindows*> Keep(const LimiterWindows& windows);
  Place Look(absl::string_view account, uint64_t hash) const;
  absl::StatusOr<Handle> Put(absl::string_view account, uint64_t hash,
                             const Place& place, const LimiterWindows& windows,
                             const LimiterState& state);
  void Share(Slot& slot, uint64_t hash);
  size_t NextLine(size_t line) const;
  bool IsPassed(size_t line) const;
  void MakeRoom(UnixNanos now);
  absl::string_view IdOf(size_t slot) const;
  void StoreId(size_t slot, absl::string_view id);
  void EraseId(size_t slot);

  // Constant after construction.
  const internal::AccountHash hash_;
  const internal::HugePages table_;
  Slot* const slots_;  // kSlotsPerLine * lines_, in table_
  const size_t lines_;
  const size_t capacity_;
  const bool staggered_;
  const LimiterWindows unknown_;
  // Atomic: of kSharedHashesMax entries, those below shared_size_ are constant.
  std::vector<Shared> shared_;
  std::atomic<size_t> shared_size_{0};
  std::atomic<bool> handed_over_{false};

  // Guarded by mu_.
  mutable std::mutex mu_;
  size_t size_ = 0;
  size_t occupied_ = 0;  // slots that are not empty
  UnixNanos fresh_since_;
  // All windows that ever were, by their fields: decisions refer to them.
  std::unordered_map<std::string, std::unique_ptr<const LimiterWindows>> kept_;
  // What DropIdle() forgot and made no room of yet, by slot.
  std::unordered_map<size_t, const LimiterWindows*> dropped_;
  std::vector<size_t> passed_;  // slots whose hash is 1
  // Ids as a byte of size and the bytes, and where a slot's begins; 0: nowhere.
  std::vector<char> ids_;
  std::vector<uint32_t> id_at_;
  size_t ids_erased_bytes_ = 0;
};

}  // namespace konpro

#include "konpro/limits/internal/limiter_registry_inline.h"  // IWYU pragma: export

#endif  // KONPRO_LIMITS_LIMITER_REGISTRY_H_
