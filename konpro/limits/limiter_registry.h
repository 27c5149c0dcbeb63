// A LimiterRegistry keeps the rate windows of many accounts: account id to
// LimiterCell (limiter.h), in one flat table that never grows and never moves,
// in memory that may outlive the process (limiter_image.h).
//
//   auto registry = *LimiterRegistry::Create({.capacity = 1'000'000});
//   registry->Insert("acct-1", pro.windows());              // OK, a handle
//   registry->TryAcquire("acct-1", /*cost=*/1, now).allowed()    // true
//   registry->TryAcquire("acct-2", 1, now).outcome()     // kUnknownAccount
//   registry->SetWindows("acct-1", scale.windows(), now);   // use is kept
//
// An account without windows (Enterprise before it has its own) is refused
// everything: kNoWindows. An unknown one costs a look-up and no memory.
//
// A look-up compares the 63-bit keyed hash alone, and ids only if two accounts
// have the same: an unknown id is taken for another's with a probability of
// accounts / 2^63, whatever it is, for the key is secret.
//
// Thread safety: thread-safe. Calls of the data plane take no lock, allocate
// nothing and write only an admission's cell; the others take one lock, which
// stops no call of the data plane. A call that sees an account or its windows
// (acquire) sees what was written before these were stored (release).
//
// Invariants: (1) two accounts never share a slot. (2) A decision is about its
// own account and about windows that this had during the call. (3) A change of
// windows, a drop and a hand-over lose no permit that was taken.
//
// Limits: 1 .. 2^24 accounts; 65,535 different windows in a registry's life
// (each staggered phase is one); 16 accounts with a shared hash. 82 bytes an
// account and its id; the table is mapped at once.
#ifndef KONPRO_LIMITS_LIMITER_REGISTRY_H_
#define KONPRO_LIMITS_LIMITER_REGISTRY_H_

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/base/account_id.h"
#include "konpro/base/internal/huge_pages.h"
#include "konpro/base/mutex.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/account_hash.h"
#include "konpro/limits/internal/image_writer.h"
#include "konpro/limits/internal/slot_ids.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_decision.h"
#include "konpro/limits/limiter_image.h"
#include "konpro/limits/rate_window.h"

namespace konpro {

class LimiterRegistry {
 public:
  static constexpr size_t kCapacityMax = size_t{1} << 24;
  static constexpr size_t kDistinctWindowsMax = 65'535;
  static constexpr size_t kSharedHashesMax = 16;
  static constexpr size_t kPhases = 256;
  static constexpr size_t kBatch = 32;
  static constexpr int kSlotBits = 26;  // two slots an account, and a few more

  struct Options {
    size_t capacity = 0;  // in accounts
    // FIXED windows begin period * p / kPhases later, with a p that depends on
    // the account id alone, so that not all accounts reset at once.
    bool staggered = false;
    std::optional<uint64_t> seed = std::nullopt;  // for runs that repeat
    LimiterMemory memory = {};                    // outlives the registry
  };

  // The place of an account; by default none.
  class Handle {
   public:
    Handle() = default;
    explicit operator bool() const { return slot_ != nullptr; }

   private:
    friend class LimiterRegistry;
    Handle(internal::LimiterSlot* slot, uint64_t hash)
        : slot_(slot), hash_(hash) {}

    internal::LimiterSlot* slot_ = nullptr;
    uint64_t hash_ = 0;  // of the account that had the slot
  };

  struct Request {
    absl::string_view account;
    uint64_t cost = 1;
  };

  // What a copy keeps of an account (limiter_snapshot.h).
  struct Account {
    absl::string_view id;
    const LimiterWindows* windows = nullptr;
    LimiterState state;
  };
  using Visitor = absl::FunctionRef<void(const Account&)>;

  // kInvalidArgument: the capacity is outside its limits, or the memory is too
  // small. kResourceExhausted: the system has not so much.
  static absl::StatusOr<std::unique_ptr<LimiterRegistry>> Create(
      const Options& options);

  LimiterRegistry(const LimiterRegistry&) = delete;
  LimiterRegistry& operator=(const LimiterRegistry&) = delete;
  ~LimiterRegistry();

  // Data plane. REQUIRES: a handle is one of this registry.

  // Null if there is no such account. A handle is valid while its account is
  // there; after DropIdle() removed it, it is as an unknown account's.
  Handle Find(absl::string_view account) const;

  // konpro::TryAcquire(), or kUnknownAccount.
  Decision TryAcquire(Handle handle, uint64_t cost, UnixNanos now);
  Decision TryAcquire(absl::string_view account, uint64_t cost, UnixNanos now);
  // At UnixNanos::CoarseNow(), read while the slot is being fetched.
  Decision TryAcquire(Handle handle, uint64_t cost);
  Decision TryAcquire(absl::string_view account, uint64_t cost);

  // TryAcquire() of each in order, and visit(index, decision) after each;
  // kBatch slots are fetched at a time.
  template <std::invocable<size_t, const Decision&> Visit>
  void AcquireBatch(absl::Span<const Request> requests, UnixNanos now,
                    Visit visit);

  // konpro::Peek() and konpro::Release().
  Decision Peek(Handle handle, uint64_t cost, UnixNanos now) const;
  bool Release(Handle handle, const Decision& decision, UnixNanos now);
  // A handle, not null, as a number below 2^kSlotBits.
  size_t SlotOf(Handle handle) const;
  // The account that has the slot now, or null; after DropIdle() maybe another.
  // REQUIRES: `slot` is SlotOf() a handle of this registry.
  Handle InSlot(size_t slot) const;
  // Fetches what InSlot() and TryAcquire() need into the cache.
  void PrefetchSlot(size_t slot) const;

  // Control plane. A call that fails changes nothing; after HandOver(), each
  // fails with kFailedPrecondition.

  // Adds an account that has used nothing; without windows, it is refused
  // everything. kAlreadyExists: it is there. kInvalidArgument: CheckAccountId()
  // or CheckWindows(). kResourceExhausted: the registry is full.
  absl::StatusOr<Handle> Insert(absl::string_view account,
                                absl::Span<const RateWindow> windows);
  // From the next call on the account has these windows and has used what it
  // had, see Carry() and KeepingOf(); without windows, it is refused everything
  // and keeps what it used. kNotFound: no such account; else as Insert().
  absl::Status SetWindows(absl::string_view account,
                          absl::Span<const RateWindow> windows, UnixNanos now);
  // After it SetWindows() has room for these; its errors.
  absl::Status KeepWindows(absl::string_view account,
                           absl::Span<const RateWindow> windows);

  // Removes the accounts whose windows are all fresh at `now`, and counts them;
  // the next DropIdle() frees their slots. Later accounts begin fresh as of
  // `now`. REQUIRES: calls of the data plane from before the last DropIdle()
  // have ended.
  size_t DropIdle(UnixNanos now);

  // Visits all accounts, each at one instant, while calls run.
  void ForEach(Visitor visit);

  // Visits all accounts for the last time: each is closed in the step that
  // reads its state, and unknown from then on. A registry that restores them
  // admits nothing twice, whatever calls run meanwhile.
  absl::Status HandOver(Visitor visit);
  bool handed_over() const { return handed_over_.load(); }

  // Adds an account that another registry visited, or its image had. As
  // Insert(); also kInvalidArgument if the state is a closed one.
  absl::Status Restore(const Account& account);

  // Accounts begin fresh as of this time. Raise it before you restore accounts.
  UnixNanos fresh_since() const;
  void RaiseFreshSince(UnixNanos fresh_since);
  size_t size() const;  // accounts
  size_t capacity() const { return capacity_; }

 private:
  using Slot = internal::LimiterSlot;
  static constexpr size_t kSlotsPerLine = internal::kSlotsPerLine;

  class WindowsOf;
  struct Place;
  struct Change;
  struct Shared;
  LimiterRegistry(const Options& options, const internal::AccountHash::Key& key,
                  size_t lines, std::optional<internal::HugePages> table);

  static bool HasIdSize(absl::string_view account);
  uint64_t HashOf(absl::string_view account) const;
  size_t LineOf(uint64_t hash) const;
  void Prefetch(uint64_t hash) const;
  Handle FindHashed(absl::string_view account, uint64_t hash) const;
  Handle FindFurther(absl::string_view account, uint64_t hash) const;
  Handle FindShared(absl::string_view account) const;
  Decision Unknown(uint64_t cost, UnixNanos now) const;
  size_t NextLine(size_t line) const;
  absl::Status CheckAccount(absl::string_view account) const;
  absl::StatusOr<size_t> Keep(const LimiterWindows& windows)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  const LimiterWindows& WindowsIn(internal::WindowsTag tag) const;
  Place Look(absl::string_view account, uint64_t hash) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Change> Plan(absl::string_view account,
                              absl::Span<const RateWindow> windows)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Handle> Put(absl::string_view account, uint64_t hash,
                             const Place& place, const LimiterWindows& windows,
                             const LimiterState& state)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Share(Slot& slot, uint64_t hash) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Replace(Slot& slot, internal::WindowsTag from, size_t to, UnixNanos now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsPassed(size_t line) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void MakeRoom(UnixNanos now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const internal::AccountHash hash_;
  const std::optional<internal::HugePages> table_;
  Slot* const slots_;  // kSlotsPerLine * lines_, in table_ or Options::memory
  const size_t lines_;
  const size_t capacity_;
  const bool staggered_;
  const LimiterWindows* windows_begin_;  // windows_[0]
  // Atomic: of kSharedHashesMax, those below shared_size_ are constant.
  std::vector<Shared> shared_;
  std::atomic<size_t> shared_size_{0};
  std::atomic<bool> handed_over_{false};
  mutable Mutex mu_;
  size_t size_ ABSL_GUARDED_BY(mu_) = 0;
  size_t occupied_ ABSL_GUARDED_BY(mu_) = 0;  // slots that are not empty
  UnixNanos fresh_since_ ABSL_GUARDED_BY(mu_);
  // All windows ever, at places that last; and their numbers, by fields.
  std::vector<LimiterWindows> windows_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<std::string, size_t> kept_ ABSL_GUARDED_BY(mu_);
  uint64_t generation_ ABSL_GUARDED_BY(mu_) = 0;  // of the last tag
  internal::ImageWriter image_ ABSL_GUARDED_BY(mu_);
  // What DropIdle() removed and whose slot is not free yet, by slot.
  std::unordered_map<size_t, internal::WindowsTag> dropped_
      ABSL_GUARDED_BY(mu_);
  std::vector<size_t> passed_ ABSL_GUARDED_BY(mu_);  // slots whose hash is 1
  internal::SlotIds ids_ ABSL_GUARDED_BY(mu_);
};

}  // namespace konpro

#include "konpro/limits/internal/limiter_registry_inline.h"  // IWYU pragma: export

#endif  // KONPRO_LIMITS_LIMITER_REGISTRY_H_
