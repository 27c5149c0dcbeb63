// Two writers for each method of LimiterRegistry that takes its lock: the same
// method twice, and the method against each other one. The thread sanitizer
// fails a test whose method lacks its lock; without the sanitizer the accounts
// that are left must agree. Its code and the standard library alone.
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter_decision.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

constexpr int kCalls = 64;  // of a writer
constexpr size_t kCapacity = 4 * kCalls;

UnixNanos Minute(int64_t n) {
  return UnixNanos::FromNanos(1'700'000'040'000'000'000 + n * 60'000'000'000);
}
std::vector<RateWindow> PerMinute(int64_t limit) {
  return {RateWindow::Create(
              {.name = "minute", .limit = limit, .period = absl::Minutes(1)})
              .value()};
}
std::string IdOf(int n) { return "account-" + std::to_string(n); }

// Call n of writer 0 or 1. Both write the same accounts, and windows that no
// call had before.
struct Method {
  const char* name;
  void (*call)(LimiterRegistry& registry, int writer, int n);
};

const Method kMethods[] = {
    {"Insert",
     [](LimiterRegistry& registry, int writer, int n) {
       (void)registry.Insert(IdOf(n), PerMinute(1'000 * (writer + 1) + n));
     }},
    {"Restore",
     [](LimiterRegistry& registry, int writer, int n) {
       const std::string id = IdOf(kCalls + n);
       const LimiterWindows windows =
           LimiterWindows::Of(PerMinute(3'000 + 1'000 * writer + n));
       (void)registry.Restore({.id = id, .windows = &windows, .state = {}});
     }},
    {"SetWindows",
     [](LimiterRegistry& registry, int writer, int n) {
       (void)registry.SetWindows(IdOf(n), PerMinute(5'000 + 1'000 * writer + n),
                                 Minute(0));
     }},
    {"KeepWindows",
     [](LimiterRegistry& registry, int writer, int n) {
       (void)registry.KeepWindows(IdOf(n),
                                  PerMinute(9'000 + 1'000 * writer + n));
     }},
    {"DropIdle", [](LimiterRegistry& registry, int,
                    int n) { registry.DropIdle(Minute(n)); }},
    {"ForEach",
     [](LimiterRegistry& registry, int, int) {
       size_t bytes = 0;
       registry.ForEach([&](const LimiterRegistry::Account& account) {
         bytes += account.id.size();
       });
       EXPECT_LE(bytes, kCapacity * IdOf(2 * kCalls).size());
     }},
    {"HandOver",
     [](LimiterRegistry& registry, int, int n) {
       // Later, so that the other writer has written before.
       if (n == kCalls / 2) {
         (void)registry.HandOver([](const LimiterRegistry::Account&) {});
       }
     }},
    {"FreshSince",
     [](LimiterRegistry& registry, int, int) {
       EXPECT_LE(registry.fresh_since(), Minute(2 * kCalls));
     }},
    {"RaiseFreshSince",
     [](LimiterRegistry& registry, int writer, int n) {
       registry.RaiseFreshSince(Minute(kCalls * writer + n));
     }},
    {"Size", [](LimiterRegistry& registry, int,
                int) { EXPECT_LE(registry.size(), kCapacity); }},
};

// Nothing but the registry's lock orders the two: they share no other state
// once both have begun.
void RunBoth(LimiterRegistry& registry, const Method& a, const Method& b) {
  std::atomic<int> begun{0};
  const auto run = [&](const Method& method, int writer) {
    begun.fetch_add(1, std::memory_order_relaxed);
    while (begun.load(std::memory_order_relaxed) < 2) {
      std::this_thread::yield();
    }
    for (int n = 0; n < kCalls; ++n) {
      method.call(registry, writer, n);
      if (n % 8 == 0) std::this_thread::yield();
    }
  };
  std::thread first(run, a, 0);
  std::thread second(run, b, 1);
  first.join();
  second.join();
}

// Each account is visited once and counted, and is found by its id.
void ExpectSound(LimiterRegistry& registry) {
  size_t visited = 0;
  registry.ForEach([&](const LimiterRegistry::Account& account) {
    ++visited;
    EXPECT_TRUE(registry.Find(account.id)) << account.id;
  });
  EXPECT_EQ(registry.size(), visited);
}

class LimiterRegistryLock : public testing::TestWithParam<Method> {};

TEST_P(LimiterRegistryLock, OrdersTheMethodAndEachOther) {
  for (const Method& other : kMethods) {
    SCOPED_TRACE(other.name);
    const std::unique_ptr<LimiterRegistry> registry =
        LimiterRegistry::Create({.capacity = kCapacity, .seed = 1}).value();
    for (int n = 0; n < kCalls; n += 2) {
      ASSERT_TRUE(registry->Insert(IdOf(n), PerMinute(7)).ok());
    }
    RunBoth(*registry, GetParam(), other);
    ExpectSound(*registry);
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, LimiterRegistryLock,
                         testing::ValuesIn(kMethods), [](const auto& method) {
                           return std::string(method.param.name);
                         });

}  // namespace
}  // namespace konpro
