#include "konpro/base/mutex.h"

#include <cstdint>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace konpro {
namespace {

class Counter {
 public:
  void Add() {
    const MutexLock lock(mu_);
    ++count_;
    changed_.NotifyAll();
  }
  void WaitUntil(int64_t count) {
    const MutexLock lock(mu_);
    while (count_ < count) changed_.Wait(mu_);
  }
  // Whether the count is reached before `timeout` is over.
  bool WaitUntilFor(int64_t count, absl::Duration timeout) {
    const absl::Time deadline = absl::Now() + timeout;
    const MutexLock lock(mu_);
    while (count_ < count) {
      const absl::Duration left = deadline - absl::Now();
      if (left <= absl::ZeroDuration()) return false;
      changed_.WaitFor(mu_, left);
    }
    return true;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  int64_t count_ ABSL_GUARDED_BY(mu_) = 0;
};

TEST(Mutex, CountsOfFourThreadsAreAllThere) {
  constexpr int kThreads = 4;
  constexpr int kEach = 10'000;
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&counter] {
      for (int j = 0; j < kEach; ++j) counter.Add();
    });
  }
  counter.WaitUntil(kThreads * kEach);
  for (std::thread& thread : threads) thread.join();
}

TEST(CondVar, WaitForEndsWithoutANotification) {
  Counter counter;
  EXPECT_FALSE(counter.WaitUntilFor(1, absl::Milliseconds(1)));
  counter.Add();
  EXPECT_TRUE(counter.WaitUntilFor(1, absl::InfiniteDuration()));
}

}  // namespace
}  // namespace konpro
