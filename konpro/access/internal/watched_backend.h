// The stores of a Backend, watched: the outcome of each write is noted in a
// StoreHealth, and errors have the codes that the ports promise, whatever the
// backend.
//
// Thread safety: StoreHealth is thread-safe; the stores are as the backend's,
// and Probe() may run at the same time as their calls.
#ifndef KONPRO_ACCESS_INTERNAL_WATCHED_BACKEND_H_
#define KONPRO_ACCESS_INTERNAL_WATCHED_BACKEND_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "konpro/access/backend.h"
#include "konpro/base/mutex.h"
#include "konpro/ledger/store.h"

namespace konpro::internal {

// A write that takes longer is trouble of its own: see Service::StoreStatus().
inline constexpr absl::Duration kSlowWrite = absl::Seconds(5);

// The error of the last write of any of the stores, until a write succeeds. A
// write that found another head (kAborted) says nothing about the disk.
class StoreHealth {
 public:
  // Receives each error, and OK when it has ended. It may be called on any
  // thread, and must not call the stores.
  using Observer = std::function<void(const absl::Status& status)>;

  explicit StoreHealth(Observer observer) : observer_(std::move(observer)) {}

  void NoteWrite(const absl::Status& status);
  // A read that succeeds does not end trouble.
  void NoteRead(const absl::Status& status);
  bool is_troubled() const {
    return is_troubled_.load(std::memory_order_relaxed);
  }
  // Also kDeadlineExceeded: a write has been running for kSlowWrite.
  absl::Status status() const;

  // A write that runs, of one of the stores, while it is in scope.
  class Write {
   public:
    enum Of { kLedger, kKeys, kAccounts };
    Write(StoreHealth& health, Of store);
    ~Write();
    Write(const Write&) = delete;
    Write& operator=(const Write&) = delete;

   private:
    std::atomic<int64_t>& began_;
  };

 private:
  absl::Duration LongestWrite() const;

  const Observer observer_;  // may be null

  // When the write of each store began that runs, by the monotonic clock; 0:
  // none does. Relaxed: it orders nothing.
  std::array<std::atomic<int64_t>, 3> began_ns_{};

  // Whether status_ is an error: a write without trouble takes no lock.
  // Relaxed: it orders nothing.
  std::atomic<bool> is_troubled_{false};

  mutable Mutex mu_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

// Writes a row and deletes it, in one transaction, which needs room for a page
// and a sync.
class StoreProbe {
 public:
  virtual ~StoreProbe() = default;
  virtual absl::Status Probe() = 0;
};

struct WatchedBackend {
  Backend backend;
  StoreProbe* probe = nullptr;  // good as long as backend.ledger
};
WatchedBackend Watch(Backend backend, std::shared_ptr<StoreHealth> health);

// What the ports promise of an error of a store: kDataLoss, kAborted and
// kInternal stay, trouble of any other code is kUnavailable.
absl::Status AsStoreError(const absl::Status& status);

}  // namespace konpro::internal

#endif  // KONPRO_ACCESS_INTERNAL_WATCHED_BACKEND_H_
