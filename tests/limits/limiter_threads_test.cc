// Real threads on one cell. Its code and the standard library alone: it runs
// under the thread sanitizer.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_lease.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/limiter_history.h"

namespace konpro {
namespace {

using ::konpro::testing::Decisions;
using ::konpro::testing::HistoryMonitor;
using ::konpro::testing::LimiterCall;

constexpr int64_t kStart = 1'700'000'040'000'000'000;  // of a minute

#if defined(__SANITIZE_THREAD__)
constexpr int kRounds = 10'000;
constexpr int64_t kBusyCalls = 1'000'000;
#else
constexpr int kRounds = 20'000;
constexpr int64_t kBusyCalls = 2'000'000;
#endif

UnixNanos At(int64_t after) { return UnixNanos::FromNanos(kStart + after); }

RateWindow Window(absl::string_view name, WindowKind kind, int64_t limit,
                  absl::Duration period) {
  return RateWindow::Create(
             {.name = name, .kind = kind, .limit = limit, .period = period})
      .value();
}

// What one thread did, with a ticket from before and from behind each call.
struct Recorded {
  LimiterCall call;
  uint64_t started = 0;
  uint64_t ended = 0;
};
struct Track {
  std::vector<Recorded> calls;
  Decisions decisions;
};

constexpr size_t kThreads = 3;

bool IsLinearizable(const LimiterWindows& windows,
                    const std::array<Track, kThreads>& tracks,
                    uint64_t tickets) {
  struct Event {
    size_t thread = 0;
    size_t call = 0;
    bool end = false;
  };
  std::vector<std::optional<Event>> events(tickets);
  for (size_t t = 0; t < kThreads; ++t) {
    for (size_t i = 0; i < tracks[t].calls.size(); ++i) {
      events[tracks[t].calls[i].started] = Event{t, i, false};
      events[tracks[t].calls[i].ended] = Event{t, i, true};
    }
  }
  HistoryMonitor monitor(windows, LimiterState{});
  for (const std::optional<Event>& e : events) {
    if (!e.has_value()) return false;
    const Track& track = tracks[e->thread];
    const Decisions before(track.decisions.begin(),
                           track.decisions.begin() + e->call);
    if (!e->end) {
      monitor.Start(e->thread, track.calls[e->call].call, before);
    } else if (!monitor.End(e->thread, track.decisions[e->call])) {
      return false;
    }
  }
  return true;
}

std::vector<LimiterCall> RandomCalls(std::mt19937_64& random) {
  constexpr size_t kCalls = 5;
  std::vector<LimiterCall> calls;
  for (size_t i = 0; i < kCalls; ++i) {
    LimiterCall call = {
        .cost = 1 + random() % 2,
        .now = At(static_cast<int64_t>(random() % 3) * 30'000'000'000)};
    if (i > 0 && random() % 3 == 0) {
      call.verb = LimiterCall::Verb::kRelease;
      call.released = i - 1;
      // Each decision once; a release's own is the one that it gave back.
      if (calls[i - 1].verb == LimiterCall::Verb::kRelease) {
        call.verb = LimiterCall::Verb::kAcquire;
      }
    }
    calls.push_back(call);
  }
  return calls;
}

TEST(LimiterThreads, RecordedHistoriesAreLinearizable) {
  const std::array<LimiterWindows, 2> plans = {
      LimiterWindows(Window("m", WindowKind::kFixed, 3, absl::Minutes(1)),
                     Window("d", WindowKind::kFixed, 7, absl::Hours(24))),
      LimiterWindows(Window("b", WindowKind::kTokenBucket, 3, absl::Minutes(1)),
                     Window("d", WindowKind::kFixed, 7, absl::Hours(24)))};
  std::mt19937_64 random(7);
  LimiterCell cell;
  std::array<std::vector<LimiterCall>, kThreads> programs;
  std::array<Track, kThreads> tracks;
  std::atomic<uint64_t> ticket{0};
  std::atomic<int> round{0};
  std::atomic<int> done{0};
  const LimiterWindows* windows = nullptr;

  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int r = 1; r <= kRounds; ++r) {
        while (round.load() < r) std::this_thread::yield();
        Track& track = tracks[t];
        for (const LimiterCall& call : programs[t]) {
          const uint64_t started = ticket.fetch_add(1);
          const Decision decision =
              testing::Call(cell, *windows, call, track.decisions);
          track.calls.push_back({call, started, ticket.fetch_add(1)});
          track.decisions.push_back(decision);
        }
        done.fetch_add(1);
      }
    });
  }
  int failures = 0;
  for (int r = 1; r <= kRounds; ++r) {
    windows = &plans[r % plans.size()];
    LimiterState state = cell.Load();
    ASSERT_TRUE(cell.CompareExchange(state, LimiterState{}));
    ticket = 0;
    done = 0;
    for (size_t t = 0; t < kThreads; ++t) {
      programs[t] = RandomCalls(random);
      tracks[t] = {};
    }
    round.store(r);
    while (done.load() < static_cast<int>(kThreads)) std::this_thread::yield();
    if (!IsLinearizable(*windows, tracks, ticket.load())) ++failures;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

// Each thread admits until its calls are over; every 1000 calls are a second. A
// thread may lag by a second, as clocks may.
TEST(LimiterThreads, NoWindowAdmitsMoreThanItsLimit) {
  constexpr int64_t kSecond = 1'000'000'000;
  constexpr int64_t kPerSecond = 300;
  constexpr int64_t kPerHour = 100'000;
  const LimiterWindows windows(
      Window("second", WindowKind::kFixed, kPerSecond, absl::Seconds(1)),
      Window("hour", WindowKind::kFixed, kPerHour, absl::Hours(1)));
  constexpr int64_t kCallsPerSecond = 1'000;
  LimiterCell cell;
  std::vector<std::atomic<int64_t>> admitted(kBusyCalls / kCallsPerSecond + 1);
  std::vector<std::atomic<int64_t>> ended(kBusyCalls / kCallsPerSecond + 1);
  std::atomic<int64_t> calls{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      while (true) {
        const int64_t call = calls.fetch_add(1);
        if (call >= kBusyCalls) return;
        const int64_t second = call / kCallsPerSecond;
        while (second > 1 && ended[second - 2].load() < kCallsPerSecond) {
          std::this_thread::yield();
        }
        const Decision d = TryAcquire(cell, windows, 1, At(second * kSecond));
        // A thread that lags is counted in the second that admitted it.
        if (d.allowed()) {
          const int64_t held = (d.reset_at(0).nanos() - kStart) / kSecond - 1;
          admitted[held].fetch_add(1);
        }
        ended[second].fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<int64_t> hours(kBusyCalls / kCallsPerSecond / 3'600 + 2);
  const int64_t first_second_of_hour = kStart / kSecond % 3'600;
  for (size_t s = 0; s < admitted.size(); ++s) {
    EXPECT_LE(admitted[s], kPerSecond) << s;
    hours[(first_second_of_hour + s) / 3'600] += admitted[s];
  }
  int64_t total = 0;
  for (const int64_t hour : hours) {
    EXPECT_LE(hour, kPerHour);
    total += hour;
  }
  EXPECT_GT(total, 0);
}

TEST(LimiterThreads, RefundsAndAdmissionsBalance) {
  const LimiterWindows windows(
      Window("minute", WindowKind::kFixed, 5, absl::Minutes(1)),
      Window("bucket", WindowKind::kTokenBucket, 7, absl::Minutes(1)));
  LimiterCell cell;
  std::atomic<int64_t> kept{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int64_t i = 0; i < kBusyCalls / 10; ++i) {
        const Decision d = TryAcquire(cell, windows, 1, At(0));
        if (!d.allowed()) continue;
        if (kept.fetch_add(1) >= 5) kept.fetch_add(1'000'000);
        kept.fetch_sub(1);
        while (!Release(cell, windows, d, At(0))) {
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(kept, 0);
  const Decision d = Peek(cell, windows, 1, At(0));
  EXPECT_EQ(d.remaining(0), 5u);
  EXPECT_EQ(d.remaining(1), 7u);
}

// One plan after the other, each a version of its own.
using Plans = std::array<LimiterWindows, 3>;
struct VersionsOf {
  internal::PresentWindows Present() const {
    const uint64_t now = version->load(std::memory_order_acquire);
    return {&(*plans)[now % plans->size()], now};
  }
  bool IsPresent(uint64_t seen) const {
    return version->load(std::memory_order_relaxed) == seen;
  }

  const Plans* plans;
  const std::atomic<uint64_t>* version;
};

// Windows of other kinds and periods, while calls run: what was used is
// carried, so that all admissions of one instant fit into one limit.
TEST(LimiterThreads, ReplacedWindowsAdmitNoMore) {
  constexpr uint64_t kLimit = 20'000;
  const Plans plans = {
      LimiterWindows(Window("w", WindowKind::kFixed, kLimit, absl::Minutes(1)),
                     Window("v", WindowKind::kFixed, kLimit, absl::Hours(24))),
      LimiterWindows(Window("w", WindowKind::kFixed, kLimit, absl::Hours(24)),
                     Window("v", WindowKind::kFixed, kLimit, absl::Minutes(1))),
      LimiterWindows(
          Window("w", WindowKind::kTokenBucket, kLimit, absl::Minutes(1)),
          Window("v", WindowKind::kTokenBucket, kLimit, absl::Hours(1)))};
  for (int round = 0; round < 20; ++round) {
    std::atomic<uint64_t> version{0};
    const VersionsOf windows_of = {&plans, &version};
    LimiterCell cell;
    std::atomic<uint64_t> admitted{0};
    std::atomic<size_t> running{kThreads};
    std::atomic<size_t> changes{0};
    std::vector<std::thread> threads;
    for (size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        uint64_t mine = 0;
        for (uint64_t i = 0; i < kLimit; ++i) {
          // Three times a thread waits for a change that it has not seen, so
          // that there are some between calls however threads are scheduled.
          if (i % (kLimit / 3) == kLimit / 6) {
            const size_t seen = changes.load();
            while (changes.load() == seen) std::this_thread::yield();
          }
          const Decision d = internal::TryAcquire(cell, windows_of, 1, At(5));
          mine += d.allowed();
          if (i % 8 == 0 && d.allowed()) {
            internal::Release(cell, windows_of, d, At(5));
          }
          if (i % 8 == 0 && d.allowed()) --mine;
        }
        admitted.fetch_add(mine);
        running.fetch_sub(1);
      });
    }
    while (running.load() > 0) {
      const uint64_t from = version.load();
      internal::ReplaceWindows(
          cell, plans[from % plans.size()], plans[(from + 1) % plans.size()],
          At(5), [&] { version.store(from + 1, std::memory_order_release); });
      changes.fetch_add(1);
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_LE(admitted, kLimit);
    // Refunds of replaced windows are lost, admissions never.
    EXPECT_LE(
        admitted + internal::Peek(cell, windows_of, 1, At(5)).remaining(0),
        kLimit);
  }
}

TEST(LimiterThreads, LeasesAdmitNoMoreAndReturnTheRest) {
  constexpr uint64_t kLimit = 10'000;
  const LimiterWindows windows(
      Window("minute", WindowKind::kFixed, kLimit, absl::Minutes(1)),
      Window("day", WindowKind::kFixed, 1'000'000, absl::Hours(24)));
  LimiterCell cell;
  std::atomic<uint64_t> admitted{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      LimiterLease lease(cell, windows, 64);
      uint64_t mine = 0;
      for (int i = 0; i < 3'000 + 3'000 * static_cast<int>(t); ++i) {
        mine += lease.TryAcquire(1, At(0)).allowed();
      }
      while (!lease.Return(At(0))) {
      }
      admitted.fetch_add(mine);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const uint64_t remaining = Peek(cell, windows, 1, At(0)).remaining(0);
  EXPECT_EQ(admitted + remaining, kLimit);
  // What no other lease held was there for the taking.
  EXPECT_LE(remaining, kThreads * 64);
}

}  // namespace
}  // namespace konpro
