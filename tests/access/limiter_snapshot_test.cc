#include "konpro/access/limiter_snapshot.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'699'920'000 * kSecond;  // of a day

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
std::unique_ptr<LimiterRegistry> Registry(size_t capacity, uint64_t seed,
                                          bool staggered = false) {
  return LimiterRegistry::Create(
             {.capacity = capacity, .staggered = staggered, .seed = seed})
      .value();
}

// The parts as they are on disk and back.
std::vector<v1::LimiterSnapshot> Snapshot(LimiterRegistry& registry) {
  std::vector<v1::LimiterSnapshot> parts;
  SnapshotLimiter(registry, [&](const v1::LimiterSnapshot& part) {
    EXPECT_TRUE(parts.emplace_back().ParseFromString(part.SerializeAsString()));
  });
  return parts;
}

TEST(LimiterSnapshot, RestoredRegistryDecidesAlike) {
  constexpr int kAccounts = 500;
  std::mt19937_64 random(3);
  const std::array<std::vector<RateWindow>, 5> plans = {
      MinuteAndDay(3, 20),
      MinuteAndDay(60, 1'000),
      {Window("bucket", 7, absl::Minutes(1), WindowKind::kTokenBucket),
       Window("day", 30, absl::Hours(24))},
      {Window("hour", 9, absl::Hours(1))},
      {}};
  const auto registry = Registry(kAccounts, 1, /*staggered=*/true);
  const auto id_of = [](int n) { return absl::StrCat("account-", n); };
  for (int n = 0; n < kAccounts; ++n) {
    ASSERT_THAT(registry->Insert(id_of(n), plans[random() % plans.size()]),
                IsOk());
    for (int i = 0; i < 5; ++i) {
      registry->TryAcquire(id_of(n), random() % 3, At(random() % kSecond));
    }
    if (n % 10 == 0) {
      ASSERT_THAT(registry->SetWindows(id_of(n), {}, At(kSecond)), IsOk());
    }
    if (n % 10 == 1) {
      ASSERT_THAT(registry->SetWindows(id_of(n), plans[3], At(kSecond)),
                  IsOk());
    }
  }
  const auto restored = Registry(kAccounts, 2, /*staggered=*/true);
  for (const v1::LimiterSnapshot& part : Snapshot(*registry)) {
    ASSERT_THAT(RestoreLimiter(part, *restored), IsOk());
  }
  EXPECT_EQ(restored->size(), registry->size());
  int64_t now = kSecond;
  for (int step = 0; step < 50'000; ++step) {
    now += static_cast<int64_t>(random() % (kSecond / 50));
    const std::string id = id_of(random() % (kAccounts + 1));
    const uint64_t cost = random() % 4;
    const Decision a = registry->TryAcquire(id, cost, At(now));
    const Decision b = restored->TryAcquire(id, cost, At(now));
    ASSERT_EQ(a.outcome(), b.outcome());
    ASSERT_EQ(a.state(), b.state());
    ASSERT_EQ(a.retry_at(), b.retry_at());
    ASSERT_EQ(a.windows().size(), b.windows().size());
  }
  // What was used of windows that an account has no more is kept too.
  for (int n = 0; n < kAccounts; ++n) {
    std::vector<LimiterState> states;
    for (const auto& r : {registry.get(), restored.get()}) {
      ASSERT_THAT(r->SetWindows(id_of(n), MinuteAndDay(5, 50), At(now)),
                  IsOk());
      states.push_back(r->Peek(r->Find(id_of(n)), 1, At(now)).state());
    }
    ASSERT_EQ(states[0], states[1]) << n;
  }
}

TEST(LimiterSnapshot, PartsAreSmallAndThereIsOneAtLeast) {
  EXPECT_EQ(Snapshot(*Registry(1, 1)).size(), 1u);
  const size_t accounts = kSnapshotPartAccounts + 1;
  const auto registry = Registry(accounts, 1);
  const std::string prefix(100, 'x');
  for (size_t n = 0; n < accounts; ++n) {
    ASSERT_THAT(registry->Insert(absl::StrCat(prefix, n), MinuteAndDay(3, 9)),
                IsOk());
  }
  registry->DropIdle(At(-kSecond));
  const auto parts = Snapshot(*registry);
  EXPECT_EQ(parts.size(), 1u);  // all were idle
  registry->RaiseFreshSince(At(5));
  for (size_t n = 0; n < accounts; ++n) {
    ASSERT_THAT(registry->Insert(absl::StrCat(prefix, n), MinuteAndDay(3, 9)),
                IsOk());
  }
  const auto full = Snapshot(*registry);
  ASSERT_EQ(full.size(), 2u);
  const auto restored = Registry(accounts, 2);
  for (const v1::LimiterSnapshot& part : full) {
    EXPECT_LT(part.ByteSizeLong(), size_t{16} << 20);
    EXPECT_EQ(part.windows_size(), 1);
    EXPECT_THAT(RestoreLimiter(part, *restored), IsOk());
  }
  EXPECT_EQ(restored->size(), accounts);
  EXPECT_EQ(restored->fresh_since(), At(5));
}

TEST(LimiterSnapshot, SpoiltPartAddsNothing) {
  const auto registry = Registry(10, 1);
  ASSERT_THAT(registry->Insert("a", MinuteAndDay(3, 9)), IsOk());
  ASSERT_THAT(registry->Insert("b", MinuteAndDay(3, 9)), IsOk());
  const v1::LimiterSnapshot good = Snapshot(*registry).front();
  const struct {
    absl::string_view message;
    void (*spoil)(v1::LimiterSnapshot&);
  } kCases[] = {
      {"windows that are not there",
       [](v1::LimiterSnapshot& s) { s.mutable_accounts(1)->set_windows(1); }},
      {"account_id: \"\" is not",
       [](v1::LimiterSnapshot& s) { s.mutable_accounts(1)->clear_id(); }},
      {"account_id: \"a b\" is not",
       [](v1::LimiterSnapshot& s) { s.mutable_accounts(1)->set_id("a b"); }},
      {"is not 1 to 128 bytes",
       [](v1::LimiterSnapshot& s) {
         s.mutable_accounts(1)->set_id(std::string(129, 'x'));
       }},
      {"a state outside its limits",
       [](v1::LimiterSnapshot& s) {
         s.mutable_accounts(1)->set_first(~uint64_t{0});
       }},
      {"a state outside its limits",
       [](v1::LimiterSnapshot& s) {
         s.mutable_accounts(1)->set_second(~uint64_t{0});
       }},
      {"limit: 0 requests",
       [](v1::LimiterSnapshot& s) {
         s.mutable_windows(0)->mutable_windows(0)->set_limit(0);
       }},
      {"windows[1].name: \"day\" is the first window's",
       [](v1::LimiterSnapshot& s) {
         s.mutable_windows(0)->mutable_windows(0)->set_name("day");
       }},
      {"windows[2]: more than 2 windows",
       [](v1::LimiterSnapshot& s) {
         *s.mutable_windows(0)->add_windows() = s.windows(0).windows(0);
       }},
  };
  for (const auto& c : kCases) {
    v1::LimiterSnapshot part = good;
    c.spoil(part);
    const auto restored = Registry(10, 2);
    EXPECT_THAT(RestoreLimiter(part, *restored),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr(std::string(c.message))));
    EXPECT_EQ(restored->size(), 0u);
  }
  EXPECT_THAT(RestoreLimiter(good, *registry),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("a")));
}

TEST(LimiterSnapshot, HandOverInTrafficHandsOutNoPermitTwice) {
  constexpr int kAccounts = 8;
  constexpr int kPermits = 5'000;
  constexpr size_t kThreads = 2;
  const auto first = Registry(kAccounts, 1);
  const auto second = Registry(2 * kAccounts, 2);
  const auto id_of = [](int n) { return absl::StrCat("account-", n); };
  for (int n = 0; n < kAccounts; ++n) {
    ASSERT_THAT(first->Insert(id_of(n), MinuteAndDay(kPermits, 1 << 20)),
                IsOk());
  }
  std::atomic<LimiterRegistry*> serving{first.get()};
  std::array<std::atomic<int>, kAccounts> admitted = {};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kAccounts * kPermits; ++i) {
        const int account = i % kAccounts;
        if (serving.load()->TryAcquire(id_of(account), 1, At(0)).allowed()) {
          ++admitted[account];
        }
      }
    });
  }
  ASSERT_THAT(HandOverLimiter(*first,
                              [&](const v1::LimiterSnapshot& part) {
                                ASSERT_THAT(RestoreLimiter(part, *second),
                                            IsOk());
                              }),
              IsOk());
  serving.store(second.get());
  for (std::thread& thread : threads) thread.join();
  for (int n = 0; n < kAccounts; ++n) {
    const Decision d = second->Peek(second->Find(id_of(n)), 1, At(0));
    EXPECT_EQ(admitted[n] + static_cast<int>(d.remaining(0)), kPermits) << n;
  }
  EXPECT_THAT(HandOverLimiter(*first, [](const v1::LimiterSnapshot&) {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("")));
}

}  // namespace
}  // namespace konpro
