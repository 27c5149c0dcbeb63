// A clock that is set forward and back while requests come: what is admitted
// by true time, and for how long nothing is.
#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_lease.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kSkew = kSecond;
constexpr int64_t kHour = 3'600 * kSecond;
constexpr int64_t kStart = 1'699'920'000 * kSecond;  // of a day

RateWindow Window(absl::string_view name, WindowKind kind, int64_t limit,
                  absl::Duration period) {
  return RateWindow::Create(
             {.name = name, .kind = kind, .limit = limit, .period = period})
      .value();
}

// Asks for one permit, and gives it back if it is not to be kept.
using Asker = std::function<bool(UnixNanos now, bool keep)>;

// Every way to a decision, on a state of its own.
std::vector<std::pair<absl::string_view, Asker>> Forms(
    const LimiterWindows& windows) {
  std::vector<RateWindow> fields;
  for (size_t i = 0; i < windows.size(); ++i) {
    fields.push_back(windows.window(i));
  }
  const auto new_registry = [&] {
    std::shared_ptr<LimiterRegistry> registry =
        LimiterRegistry::Create({.capacity = 2, .seed = 1}).value();
    EXPECT_TRUE(registry->Insert("acct", fields).ok());
    return registry;
  };
  const auto cell = std::make_shared<LimiterCell>();
  const auto leased = std::make_shared<LimiterCell>();
  const auto lease = std::make_shared<LimiterLease>(*leased, windows, 3);
  const auto state = std::make_shared<LimiterState>();
  const auto registry = new_registry();
  const auto batch = new_registry();
  return {
      {"cell",
       [cell, &windows](UnixNanos now, bool keep) {
         const Decision d = TryAcquire(*cell, windows, 1, now);
         if (d.allowed() && !keep) Release(*cell, windows, d, now);
         return d.allowed();
       }},
      {"lease",
       [leased, lease, &windows](UnixNanos now, bool keep) {
         const Decision d = lease->TryAcquire(1, now);
         if (d.allowed() && !keep) Release(*leased, windows, d, now);
         return d.allowed();
       }},
      {"pure",
       [state, &windows](UnixNanos now, bool keep) {
         const Decision d = Decide(windows, *state, 1, now);
         if (keep || !d.allowed()) *state = d.state();
         return d.allowed();
       }},
      {"registry",
       [registry](UnixNanos now, bool keep) {
         const Decision d = registry->TryAcquire("acct", 1, now);
         if (d.allowed() && !keep) {
           registry->Release(registry->Find("acct"), d, now);
         }
         return d.allowed();
       }},
      {"batch",
       [batch](UnixNanos now, bool keep) {
         const LimiterRegistry::Request request = {.account = "acct"};
         bool allowed = false;
         batch->AcquireBatch({&request, 1}, now,
                             [&](size_t, const Decision& d) {
                               allowed = d.allowed();
                               if (allowed && !keep) {
                                 batch->Release(batch->Find("acct"), d, now);
                               }
                             });
         return allowed;
       }},
  };
}

std::vector<LimiterWindows> Plans() {
  const auto fixed = [](absl::string_view name, int64_t limit,
                        absl::Duration period) {
    return Window(name, WindowKind::kFixed, limit, period);
  };
  const RateWindow bucket =
      Window("bucket", WindowKind::kTokenBucket, 7, absl::Minutes(1));
  return {LimiterWindows(fixed("minute", 5, absl::Minutes(1))),
          LimiterWindows(bucket),
          LimiterWindows(fixed("minute", 5, absl::Minutes(1)),
                         fixed("hour", 40, absl::Hours(1))),
          LimiterWindows(fixed("hour", 40, absl::Hours(1)), bucket)};
}

enum class Happened { kAdmission, kStepForward, kStepBack };

struct Event {
  int64_t at = 0;  // by true time
  Happened what = Happened::kAdmission;
};

// Any trailing period holds what the kind says (rate_window.h), and that much
// again for each step of the clock forward, which is as if a time without
// requests had passed. A step back adds nothing to a bucket, and to a FIXED
// window a limit at most: the boundaries that come after it are not where those
// before it were.
void ExpectWithinWorstCase(const std::vector<Event>& events,
                           const RateWindow& window) {
  const int64_t period = window.period_ms() * 1'000'000;
  const bool fixed = window.kind() == WindowKind::kFixed;
  const int64_t limit = window.limit();
  const int64_t worst = fixed ? 2 * limit : 2 * limit - 1;
  const int64_t forward = fixed ? 2 * limit : limit;
  const int64_t back = fixed ? limit : 0;
  int64_t admitted = 0;
  int64_t allowed = worst;
  const auto count = [&](const Event& event, int64_t sign) {
    switch (event.what) {
      case Happened::kAdmission:
        admitted += sign;
        break;
      case Happened::kStepForward:
        allowed += sign * forward;
        break;
      case Happened::kStepBack:
        allowed += sign * back;
        break;
    }
  };
  size_t first = 0;
  for (const Event& last : events) {
    count(last, 1);
    while (events[first].at <= last.at - period) count(events[first++], -1);
    ASSERT_LE(admitted, allowed) << window.name();
  }
}

TEST(ClockSteps, NeverAdmitMoreThanTheWorstCase) {
  constexpr int kRounds = 60;
  for (const LimiterWindows& windows : Plans()) {
    for (int round = 0; round < kRounds; ++round) {
      for (const auto& [name, ask] : Forms(windows)) {
        SCOPED_TRACE(absl::StrCat(name, ", seed ", round));
        std::mt19937_64 random(round);
        const auto below = [&](int64_t n) {
          return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
        };
        std::vector<Event> events;
        int64_t error = 0;
        for (int64_t now = kStart; now < kStart + 3 * kHour;) {
          now += below(below(20) == 0 ? 120 * kSecond : 4 * kSecond);
          if (below(100) == 0) {
            const std::array<int64_t, 6> errors = {
                0, 0, 0, below(2 * kHour), -below(2 * kHour), below(kSecond)};
            const int64_t before = error;
            error = errors[static_cast<size_t>(below(6))];
            events.push_back({now, error >= before ? Happened::kStepForward
                                                   : Happened::kStepBack});
          }
          const bool keep = below(4) > 0;
          if (ask(UnixNanos::FromNanos(now + error), keep) && keep) {
            events.push_back({.at = now});
          }
        }
        for (size_t i = 0; i < windows.size(); ++i) {
          ExpectWithinWorstCase(events, windows.window(i));
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

// Whatever the clock did before, from when it is right on each window admits
// again within one period.
TEST(ClockSteps, LockNoWindowForLongerThanItsPeriod) {
  for (const LimiterWindows& windows : Plans()) {
    int64_t longest = kSkew;
    for (size_t i = 0; i < windows.size(); ++i) {
      longest += windows.window(i).period_ms() * 1'000'000;
    }
    for (int round = 0; round < 60; ++round) {
      for (const auto& [name, ask] : Forms(windows)) {
        SCOPED_TRACE(absl::StrCat(name, ", seed ", round));
        std::mt19937_64 random(round);
        int64_t now = kStart + static_cast<int64_t>(random() % (24 * kHour));
        const int64_t error = static_cast<int64_t>(
            random() % (round < 30 ? 3 * kHour : 48 * kHour));
        // All that a wrong clock allows.
        for (int i = 0; i < 200; ++i) {
          ask(UnixNanos::FromNanos(now + error + i * kSecond), true);
        }
        const int64_t back = now;
        while (!ask(UnixNanos::FromNanos(now), true)) now += kSecond / 2;
        ASSERT_LE(now - back, longest);
      }
    }
  }
}

TEST(ClockSteps, TwoHoursAndBackLockAMinuteForAMinute) {
  const LimiterWindows minute(
      Window("minute", WindowKind::kFixed, 5, absl::Minutes(1)));
  for (const auto& [name, ask] : Forms(minute)) {
    SCOPED_TRACE(name);
    const auto asked = [&, &ask = ask](int64_t after) {
      return ask(UnixNanos::FromNanos(kStart + after), true);
    };
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(asked(10 * kSecond));
    EXPECT_FALSE(asked(10 * kSecond));
    EXPECT_TRUE(asked(2 * kHour + 10 * kSecond));
    EXPECT_FALSE(asked(20 * kSecond));
    EXPECT_FALSE(asked(60 * kSecond - 1));
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(asked(60 * kSecond));
    EXPECT_FALSE(asked(60 * kSecond));
  }
}

}  // namespace
}  // namespace konpro
