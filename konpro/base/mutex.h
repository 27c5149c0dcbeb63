// A mutex that clang's thread safety analysis understands, over std::mutex: the
// fields that it guards say ABSL_GUARDED_BY, and the clang build refuses an
// access without it. Debian's absl::Mutex does the same and costs three times
// as much, since Debian builds Abseil with its debug checks.
//
//   Mutex mu_;
//   CondVar changed_;
//   int64_t count_ ABSL_GUARDED_BY(mu_) = 0;
//
//   const MutexLock lock(mu_);                // until the end of the scope
//   while (count_ == 0) changed_.Wait(mu_);   // releases mu_ while it waits
//
// Thread safety: thread-safe.
#ifndef KONPRO_BASE_MUTEX_H_
#define KONPRO_BASE_MUTEX_H_

#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

namespace konpro {

class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mu_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }

 private:
  friend class CondVar;

  std::mutex mu_;
};

// Holds a mutex until the end of its scope.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : mu_(mu) {
    mu_.Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mu_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

// Waits for a condition that a mutex guards. A wait may end without a
// notification: call it in a loop that checks the condition.
class CondVar {
 public:
  CondVar() = default;
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;

  // Releases `mu`, waits for a notification, and acquires `mu` again.
  void Wait(Mutex& mu) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    std::unique_lock<std::mutex> lock(mu.mu_, std::adopt_lock);
    changed_.wait(lock);
    lock.release();
  }
  // The same, for `timeout` at most.
  void WaitFor(Mutex& mu, absl::Duration timeout)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    std::unique_lock<std::mutex> lock(mu.mu_, std::adopt_lock);
    changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout));
    lock.release();
  }
  void NotifyOne() { changed_.notify_one(); }
  void NotifyAll() { changed_.notify_all(); }

 private:
  std::condition_variable changed_;
};

}  // namespace konpro

#endif  // KONPRO_BASE_MUTEX_H_
