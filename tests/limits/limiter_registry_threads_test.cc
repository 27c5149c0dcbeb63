// Real threads on one registry. Its code and the standard library alone: it
// runs under the thread sanitizer.
#include <array>
#include <atomic>
#include <cstdint>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

constexpr int64_t kStart = 1'700'000'040'000'000'000;  // of a minute
constexpr size_t kThreads = 3;

#if defined(__SANITIZE_THREAD__)
constexpr uint64_t kAccounts = 100'000;
constexpr int kRounds = 20;
#else
constexpr uint64_t kAccounts = 1'000'000;
constexpr int kRounds = 100;
#endif

UnixNanos At(int64_t after) { return UnixNanos::FromNanos(kStart + after); }

RateWindow Window(absl::string_view name, int64_t limit, absl::Duration period,
                  WindowKind kind = WindowKind::kFixed) {
  return RateWindow::Create(
             {.name = name, .kind = kind, .limit = limit, .period = period})
      .value();
}
std::vector<RateWindow> MinuteAndDay(int64_t minute, int64_t day) {
  return {Window("minute", minute, absl::Minutes(1)),
          Window("day", day, absl::Hours(24))};
}
std::string IdOf(uint64_t account) {
  return "account-" + std::to_string(account);
}
std::unique_ptr<LimiterRegistry> Registry(size_t capacity) {
  return LimiterRegistry::Create({.capacity = capacity, .seed = 1}).value();
}

// One thread inserts and changes plans, the others ask for what is inserted and
// for what is not: each admission is in its account's state, none elsewhere.
TEST(LimiterRegistryThreads, NoDecisionIsLostWhileAccountsAndPlansChange) {
  const auto registry = Registry(kAccounts);
  std::atomic<uint64_t> inserted{0};
  std::atomic<uint64_t> wrong{0};
  std::vector<std::vector<uint8_t>> admitted(kThreads,
                                             std::vector<uint8_t>(kAccounts));
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(t);
      uint64_t errors = 0;
      uint64_t there = 0;
      while ((there = inserted.load(std::memory_order_acquire)) < kAccounts) {
        if (there == 0) continue;
        // A third of the calls meet one that is being inserted or changed.
        const uint64_t account =
            random() % 3 == 0 ? there - 1 : random() % there;
        const Decision d = registry->TryAcquire(IdOf(account), 1, At(5));
        if (d.outcome() == LimitOutcome::kUnknownAccount) ++errors;
        if (d.allowed() && admitted[t][account]++ == 255) ++errors;
        const Decision unknown =
            registry->TryAcquire(IdOf(kAccounts + account), 1, At(5));
        if (unknown.outcome() != LimitOutcome::kUnknownAccount) ++errors;
      }
      wrong.fetch_add(errors);
    });
  }
  // The windows' periods stay, and with them what an account has used.
  const std::array<std::vector<RateWindow>, 4> plans = {
      MinuteAndDay(10, 100),
      MinuteAndDay(60, 1'000),
      {Window("day", 200, absl::Hours(24)),
       Window("minute", 200, absl::Minutes(1))},
      {}};
  std::mt19937_64 random(99);
  for (uint64_t n = 0; n < kAccounts; ++n) {
    ASSERT_TRUE(registry->Insert(IdOf(n), plans[n % 2]).ok());
    inserted.store(n + 1, std::memory_order_release);
    if (n % 4 != 0) continue;
    const uint64_t account = n % 8 == 0 ? n : random() % n;
    ASSERT_TRUE(
        registry
            ->SetWindows(IdOf(account), plans[random() % plans.size()], At(5))
            .ok());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
  uint64_t total = 0;
  for (uint64_t n = 0; n < kAccounts; ++n) {
    uint64_t taken = 0;
    for (const std::vector<uint8_t>& mine : admitted) taken += mine[n];
    total += taken;
    ASSERT_TRUE(
        registry->SetWindows(IdOf(n), MinuteAndDay(900, 900), At(5)).ok());
    const Decision d = registry->Peek(registry->Find(IdOf(n)), 1, At(5));
    ASSERT_EQ(d.remaining(0), 900 - taken) << n;
    ASSERT_EQ(d.remaining(1), 900 - taken) << n;
  }
  std::cout << total << " admitted\n";
}

// Any state that a walk shows is one that the account had: both windows have
// counted the same calls.
TEST(LimiterRegistryThreads, WalkShowsStatesOfOneInstant) {
  constexpr uint64_t kFew = 4;
  const auto registry = Registry(kFew);
  for (uint64_t n = 0; n < kFew; ++n) {
    ASSERT_TRUE(registry->Insert(IdOf(n), MinuteAndDay(1 << 29, 1 << 29)).ok());
  }
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (uint64_t i = 0; !over.load(); ++i) {
        registry->TryAcquire(IdOf(i % kFew), 1, At(5));
      }
    });
  }
  uint64_t torn = 0;
  for (int i = 0; i < 1'000 * kRounds; ++i) {
    registry->ForEach([&](const LimiterRegistry::Account& account) {
      const LimiterCell cell(account.state);
      const Decision d = Peek(cell, *account.windows, 1, At(5));
      if (d.remaining(0) != d.remaining(1)) ++torn;
    });
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn, 0u);
}

// Threads go on while one registry takes over from another, again and again:
// all of them together hand out each account's permits once.
TEST(LimiterRegistryThreads, HandOverInTrafficHandsOutNoPermitTwice) {
  constexpr uint64_t kFew = 16;
  constexpr int64_t kPermits = 2'000;
  constexpr int kRegistries = 20;
  std::vector<std::unique_ptr<LimiterRegistry>> registries;
  for (int i = 0; i < kRegistries; ++i) registries.push_back(Registry(kFew));
  for (uint64_t n = 0; n < kFew; ++n) {
    ASSERT_TRUE(
        registries[0]->Insert(IdOf(n), MinuteAndDay(kPermits, 1 << 20)).ok());
  }
  std::atomic<int> serving{0};
  std::array<std::atomic<int64_t>, kFew> admitted = {};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (uint64_t i = 0; i < kFew * kPermits; ++i) {
        LimiterRegistry& registry = *registries[serving.load()];
        const Decision d = registry.TryAcquire(IdOf(i % kFew), 1, At(5));
        if (d.allowed()) admitted[i % kFew].fetch_add(1);
      }
    });
  }
  for (int i = 1; i < kRegistries; ++i) {
    ASSERT_TRUE(registries[i - 1]
                    ->HandOver([&](const LimiterRegistry::Account& account) {
                      ASSERT_TRUE(registries[i]->Restore(account).ok());
                    })
                    .ok());
    serving.store(i);
  }
  for (std::thread& thread : threads) thread.join();
  LimiterRegistry& last = *registries.back();
  for (uint64_t n = 0; n < kFew; ++n) {
    const Decision d = last.Peek(last.Find(IdOf(n)), 1, At(5));
    EXPECT_LE(admitted[n], kPermits);
    EXPECT_EQ(d.remaining(0), kPermits - admitted[n]) << n;
  }
}

// Handles, drops and insertions in other accounts' slots. A drop waits until
// all calls that began before the last one have ended. A round is a minute.
class ChangingHands {
 public:
  static constexpr int kSeconds = 6;

  void Run() {
    std::vector<std::thread> threads;
    for (size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([this, t] { Call(t); });
    }
    std::mt19937_64 random(7);
    for (int second = 1; second <= kSeconds; ++second) {
      for (size_t i = 0; i < kCapacity; ++i) {
        const uint64_t account = random() % kIds;
        (void)registry_->Insert(IdOf(account), WindowsOf(account));
      }
      second_.store(second);
      for (const std::atomic<int>& seen : seen_) {
        while (seen.load() < second) std::this_thread::yield();
      }
      registry_->DropIdle(TimeOf(second));
    }
    over_.store(true);
    for (std::thread& thread : threads) thread.join();
    Check();
  }

 private:
  static constexpr uint64_t kIds = 64;
  static constexpr size_t kCapacity = 16;

  // Clocks may disagree by a second.
  static UnixNanos TimeOf(int second) {
    return At(second * int64_t{1'000'000'000});
  }
  // Windows say whose they are.
  static std::vector<RateWindow> WindowsOf(uint64_t account) {
    return {Window("second", static_cast<int64_t>(1'000'000 + account),
                   absl::Seconds(1))};
  }

  void Call(size_t thread) {
    std::mt19937_64 random(thread);
    std::array<LimiterRegistry::Handle, kIds> handles;
    while (!over_.load()) {
      const int second = second_.load();
      for (int i = 0; i < 50; ++i) {
        const uint64_t account = random() % kIds;
        LimiterRegistry::Handle& handle = handles[account];
        if (!handle) handle = registry_->Find(IdOf(account));
        const Decision d = registry_->TryAcquire(handle, 1, TimeOf(second));
        if (d.outcome() == LimitOutcome::kUnknownAccount) {
          handle = LimiterRegistry::Handle();
          continue;
        }
        if (d.windows().rule(0).limit() != 1'000'000 + account) ++wrong_;
        // A call of the second before may be counted in this one.
        if (d.allowed() && d.reset_at(0) == TimeOf(kSeconds + 1)) {
          ++admitted_[account];
        }
      }
      seen_[thread].store(second);
    }
  }

  // What the last second admitted is in its accounts' states and nowhere else.
  void Check() {
    EXPECT_EQ(wrong_, 0u);
    std::array<uint64_t, kIds> used = {};
    for (uint64_t n = 0; n < kIds; ++n) {
      (void)registry_->Insert(IdOf(n), WindowsOf(n));
      const Decision d =
          registry_->Peek(registry_->Find(IdOf(n)), 1, TimeOf(kSeconds));
      if (d.outcome() == LimitOutcome::kUnknownAccount) continue;
      used[n] = 1'000'000 + n - d.remaining(0);
    }
    for (uint64_t n = 0; n < kIds; ++n) EXPECT_EQ(used[n], admitted_[n]) << n;
  }

  const std::unique_ptr<LimiterRegistry> registry_ = Registry(kCapacity);
  std::atomic<int> second_{0};
  std::atomic<bool> over_{false};
  std::array<std::atomic<int>, kThreads> seen_ = {};
  std::atomic<uint64_t> wrong_{0};
  std::array<std::atomic<uint64_t>, kIds> admitted_ = {};
};

TEST(LimiterRegistryThreads, SlotsThatChangeHandsChargeNobodyElse) {
  for (int round = 0; round < kRounds; ++round) ChangingHands().Run();
}

}  // namespace
}  // namespace konpro
