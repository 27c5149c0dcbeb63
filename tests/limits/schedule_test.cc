// The oracle is the limiter itself under a virtual clock: it is asked for all
// that it would admit at a time, and then for the time at which it would admit
// the next request.
#include "konpro/limits/schedule.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kSecond = 1'000 * kMs;
constexpr int64_t kDay = 86'400 * kSecond;
constexpr int64_t kStart = 1'699'920'000 * kSecond;  // of a day
constexpr int64_t kMax = INT64_MAX;

UnixNanos At(int64_t nanos) { return UnixNanos::FromNanos(nanos); }

struct Terms {
  WindowKind kind = WindowKind::kFixed;
  int64_t limit = 1;
  int64_t period_ms = 1'000;
  int64_t phase_ms = 0;
};

RateWindow Window(absl::string_view name, const Terms& terms) {
  return RateWindow::Create({.name = name,
                             .kind = terms.kind,
                             .limit = terms.limit,
                             .period = absl::Milliseconds(terms.period_ms),
                             .phase = absl::Milliseconds(terms.phase_ms)})
      .value();
}

LimiterWindows Windows(const Terms& first) {
  return LimiterWindows(Window("first", first));
}
LimiterWindows Windows(const Terms& first, const Terms& second) {
  return LimiterWindows(Window("first", first), Window("second", second));
}

Terms Fixed(int64_t limit, int64_t period_ms, int64_t phase_ms = 0) {
  return {.limit = limit, .period_ms = period_ms, .phase_ms = phase_ms};
}
Terms Bucket(int64_t limit, int64_t period_ms) {
  return {
      .kind = WindowKind::kTokenBucket, .limit = limit, .period_ms = period_ms};
}

std::string Describe(const LimiterWindows& windows, const LimiterState& state,
                     UnixNanos start) {
  std::string text = absl::StrCat("start ", start.nanos());
  for (size_t i = 0; i < windows.size(); ++i) {
    const RateWindow& w = windows.window(i);
    absl::StrAppend(&text, "; ",
                    w.kind() == WindowKind::kFixed ? "FIXED " : "BUCKET ",
                    w.limit(), " per ", w.period_ms(), " ms phase ",
                    w.phase_ms(), " state ", state.windows[i].word);
  }
  return text;
}

// What the limiter admits at one instant.
struct Wave {
  uint64_t first = 0;  // numbers of requests, from 1
  uint64_t last = 0;
  Submission submission;
};

// The limiter wave by wave. A wave is taken as one cost, which is admitted
// where as many requests of cost 1 are.
class Waves {
 public:
  Waves(const LimiterWindows& windows, const LimiterState& state,
        UnixNanos start)
      : windows_(windows), cell_(SeenAt(windows, state, start)), now_(start) {}

  // The next one, of at least one request; false where there is none in time.
  bool Next(Wave& wave) {
    Decision next = Peek(cell_, windows_, 1, now_);
    if (!next.allowed()) {
      binding_window_ = next.binding_window();
      now_ = next.retry_at();
      if (now_ == UnixNanos::Max()) return false;
      EXPECT_FALSE(Peek(cell_, windows_, 1, At(now_.nanos() - 1)).allowed());
      next = Peek(cell_, windows_, 1, now_);
    }
    uint64_t count = next.remaining(0);
    if (windows_.size() > 1) count = std::min(count, next.remaining(1));
    EXPECT_TRUE(TryAcquire(cell_, windows_, count, now_).allowed());
    EXPECT_FALSE(Peek(cell_, windows_, 1, now_).allowed());
    wave = {.first = count_ + 1,
            .last = count_ + count,
            .submission = {.at = now_, .binding_window = binding_window_}};
    count_ += count;
    return count > 0;
  }

 private:
  const LimiterWindows& windows_;
  LimiterCell cell_;
  UnixNanos now_;
  uint64_t count_ = 0;
  std::optional<size_t> binding_window_;
};

::testing::AssertionResult AreEqual(const Submission& actual,
                                    const Submission& expected) {
  if (actual == expected) return ::testing::AssertionSuccess();
  const auto window = [](const Submission& s) {
    return s.binding_window ? static_cast<int>(*s.binding_window) : -1;
  };
  return ::testing::AssertionFailure()
         << actual.at << " by window " << window(actual) << " instead of "
         << expected.at << " by window " << window(expected);
}

// Every k-th time up to `requests`.
void ExpectAll(const LimiterWindows& windows, const LimiterState& state,
               UnixNanos start, uint64_t requests) {
  const Schedule schedule(windows, state, start, requests);
  Waves waves(windows, state, start);
  Wave wave;
  for (uint64_t k = 1; k <= requests; ++k) {
    if (k > wave.last && !waves.Next(wave)) {
      wave = {.last = requests, .submission = {.at = UnixNanos::Max()}};
    }
    ASSERT_TRUE(AreEqual(schedule.At(k), wave.submission))
        << "request " << k << "; " << Describe(windows, state, start);
  }
}

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // Within [0, bound).
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(engine_() % static_cast<uint64_t>(bound));
  }
  bool OneIn(int64_t n) { return Below(n) == 0; }
  // Within [low, high].
  int64_t Between(int64_t low, int64_t high) {
    return low + Below(high - low + 1);
  }
  // The same with each magnitude as likely as another.
  int64_t Magnitude(int64_t low, int64_t high) {
    int64_t top = low;
    while (top < high && !OneIn(8)) top = std::min(high, 2 * top);
    while (top < high && !OneIn(3)) top = std::min(high, 2 * top);
    return Between(low, top);
  }
  template <typename T, size_t kSize>
  T OneOf(const T (&values)[kSize]) {
    return values[Below(kSize)];
  }

 private:
  std::mt19937_64 engine_;
};

Terms RandomTerms(Random& random) {
  constexpr int64_t kNicePeriods[] = {1'000,     7'000,      60'000,
                                      3'600'000, 86'400'000, 604'800'000};
  Terms terms;
  if (random.OneIn(2)) terms.kind = WindowKind::kTokenBucket;
  terms.limit =
      random.Magnitude(1, random.OneIn(8) ? RateWindow::kLimitMax : 5'000);
  terms.period_ms = random.OneIn(3)
                        ? random.OneOf(kNicePeriods)
                        : random.Magnitude(RateWindow::kPeriodMinMs,
                                           RateWindow::kPeriodMaxMs);
  if (random.OneIn(4)) terms.period_ms = random.Between(1'000, 1'020);
  if (terms.kind == WindowKind::kFixed && random.OneIn(2)) {
    terms.phase_ms = random.Below(terms.period_ms);
  }
  return terms;
}

// A window of nearly the rate of another, where either binds now and then.
Terms LikeRate(Random& random, const Terms& other) {
  Terms terms = RandomTerms(random);
  const double limit = static_cast<double>(other.limit) *
                       static_cast<double>(terms.period_ms) /
                       static_cast<double>(other.period_ms);
  terms.limit =
      std::clamp<int64_t>(static_cast<int64_t>(limit) + random.Between(-1, 2),
                          1, RateWindow::kLimitMax);
  return terms;
}

LimiterWindows RandomWindows(Random& random) {
  const Terms first = RandomTerms(random);
  if (random.OneIn(8)) return Windows(first);
  const Terms second =
      random.OneIn(2) ? LikeRate(random, first) : RandomTerms(random);
  return random.OneIn(2) ? Windows(first, second) : Windows(second, first);
}

UnixNanos RandomStart(Random& random, const LimiterWindows& windows) {
  const int64_t period = windows.window(windows.size() - 1).period_ms() * kMs;
  const int64_t bases[] = {0, kStart, kStart / period * period,
                           random.Below(kMax),
                           kMax - std::min(kMax, 3 * period)};
  const int64_t base = random.OneOf(bases);
  const int64_t shift = random.OneIn(2) ? 0 : random.Below(period);
  return At(base > kMax - shift ? base : base + shift);
}

// Used up to the limit, now or at another time: after the start too.
LimiterState RandomState(Random& random, const LimiterWindows& windows,
                         UnixNanos start) {
  LimiterState state;
  if (random.OneIn(4)) return state;
  for (size_t i = 0; i < windows.size(); ++i) {
    const int64_t limit = windows.window(i).limit();
    const int64_t period = windows.window(i).period_ms() * kMs;
    int64_t at = start.nanos();
    if (random.OneIn(3)) {
      at = std::max<int64_t>(0, at - random.Below(2 * period));
    } else if (random.OneIn(4)) {
      at += std::min(kMax - at, random.Below(3 * period));
    }
    const int64_t used = random.OneIn(3)
                             ? limit - random.Below(std::min<int64_t>(limit, 3))
                             : random.Between(0, limit);
    state.windows[i] =
        windows.rule(i)
            .Advance(WindowState{}, static_cast<uint64_t>(used), At(at))
            .state;
  }
  return state;
}

// One case of at most kRequestsMax requests. Most stop after few waves, with as
// many requests as were admitted until then.
void RunCase(uint64_t seed) {
  constexpr uint64_t kRequestsMax = 100'000;
  Random random(seed);
  const LimiterWindows windows = RandomWindows(random);
  const UnixNanos start = RandomStart(random, windows);
  const LimiterState state = RandomState(random, windows, start);
  uint64_t requests = static_cast<uint64_t>(random.Magnitude(1, kRequestsMax));
  const int64_t waves_max =
      random.OneIn(2'000) ? kRequestsMax : random.Magnitude(1, 60);

  std::vector<Wave> seen;
  Waves waves(windows, state, start);
  Wave wave;
  while (wave.last < requests && std::ssize(seen) < waves_max) {
    if (!waves.Next(wave)) {
      wave = {.first = wave.last + 1,
              .last = kRequestsMax,
              .submission = {.at = UnixNanos::Max()}};
    }
    seen.push_back(wave);
  }
  requests = std::min(requests, wave.last);

  const Schedule schedule(windows, state, start, requests);
  const std::string text =
      absl::StrCat("seed ", seed, "; ", Describe(windows, state, start));
  ASSERT_TRUE(AreEqual(schedule.first(), seen.front().submission)) << text;
  ASSERT_TRUE(AreEqual(schedule.last(), seen.back().submission))
      << "request " << requests << "; " << text;
  for (int i = 0; i < 2; ++i) {
    const Wave& w = seen[random.Below(std::ssize(seen))];
    ASSERT_TRUE(AreEqual(schedule.At(w.first), w.submission))
        << "request " << w.first << "; " << text;
    ASSERT_TRUE(AreEqual(schedule.At(w.last), w.submission))
        << "request " << w.last << "; " << text;
  }
}

TEST(Schedule, IsWhatTheLimiterDoesOnAMillionCases) {
  constexpr uint64_t kSeed = 20'240'601;
  constexpr uint64_t kCases = 1'000'000;
  SCOPED_TRACE(absl::StrCat("seeds from ", kSeed));
  for (uint64_t i = 0; i < kCases && !HasFailure(); ++i) RunCase(kSeed + i);
}

// All pairs of small windows, in steps of a second, from three starts and three
// states.
TEST(Schedule, IsWhatTheLimiterDoesOnAllSmallCases) {
  std::vector<Terms> all;
  for (int64_t seconds = 1; seconds <= 5; ++seconds) {
    for (int64_t limit = 1; limit <= 4; ++limit) {
      all.push_back(Bucket(limit, seconds * 1'000));
      for (int64_t phase = 0; phase < seconds; ++phase) {
        all.push_back(Fixed(limit, seconds * 1'000, phase * 1'000));
      }
    }
  }
  for (const Terms& first : all) {
    for (const Terms& second : all) {
      const LimiterWindows windows = Windows(first, second);
      for (const int64_t after : {0, 500, 1'000}) {
        const UnixNanos start = At(kStart + after * kMs);
        LimiterState state;
        ExpectAll(windows, state, start, 24);
        for (const int64_t back : {0, 700}) {
          for (size_t i = 0; i < 2; ++i) {
            const uint64_t used = windows.rule(i).limit() - (i + back) % 2;
            state.windows[i] = windows.rule(i)
                                   .Advance(WindowState{}, used,
                                            At(start.nanos() - back * kMs))
                                   .state;
          }
          ExpectAll(windows, state, start, 24);
        }
        if (HasFailure()) return;
      }
    }
  }
}

// Where the boundaries meet late, seldom or never, a window binds now and then,
// or the bucket's surplus lasts long: a million waves each.
TEST(Schedule, IsWhatTheLimiterDoesFarAway) {
  constexpr int kWaves = 1'000'000;
  const LimiterWindows kWindows[] = {
      Windows(Fixed(1, 7'000), Fixed(9, 60'000)),
      Windows(Fixed(1, 7'000, 1), Fixed(9, 60'000)),
      Windows(Fixed(1, 7'000, 6'999), Fixed(9, 60'013, 13)),
      Windows(Fixed(17, 60'000), Fixed(2, 7'001)),
      Windows(Fixed(13, 13'000, 1'000), Fixed(21, 21'000)),
      Windows(Fixed(1'000, 1'000'003, 5), Fixed(1'618, 1'618'033)),
      Windows(Fixed(60, 60'000), Fixed(86'399, 86'400'000)),
      Windows(Fixed(60, 60'000, 30'000), Fixed(86'401, 86'400'000)),
      Windows(Fixed(2, 2'000), Bucket(70'001, 70'000'000)),
      Windows(Bucket(70'001, 70'000'000), Fixed(2, 2'000)),
      Windows(Fixed(2, 2'000, 1'999), Bucket(69'999, 70'000'000)),
      Windows(Fixed(7, 1'001), Bucket(7'000'000, 1'000'999'999)),
      Windows(Fixed(10'007, 10'007'000), Bucket(999, 999'001)),
      Windows(Bucket(7, 1'000), Bucket(1'000'000, 142'857'143)),
      Windows(Bucket(60'000, 60'000), Bucket(3'599'999, 3'600'000)),
      Windows(Bucket(9, 1'001), Bucket(899'999, 100'100'000)),
  };
  for (const LimiterWindows& windows : kWindows) {
    const UnixNanos start = At(kStart + 123'456'789);
    const Schedule schedule(windows, LimiterState{}, start, 0);
    Waves waves(windows, LimiterState{}, start);
    Wave wave;
    for (int i = 0; i < kWaves; ++i) {
      ASSERT_TRUE(waves.Next(wave));
      if (i % 997 != 0) continue;
      ASSERT_TRUE(AreEqual(schedule.At(wave.first), wave.submission))
          << "request " << wave.first << "; "
          << Describe(windows, LimiterState{}, start);
      ASSERT_TRUE(AreEqual(schedule.At(wave.last), wave.submission))
          << "request " << wave.last << "; "
          << Describe(windows, LimiterState{}, start);
    }
  }
}

// Several requests a nanosecond, which the buckets and the window admit by
// turns.
TEST(Schedule, OfBucketsFasterThanTheClock) {
  constexpr int64_t kLimitMax = RateWindow::kLimitMax;
  const LimiterWindows kWindows[] = {
      Windows(Bucket(kLimitMax, 1'000), Bucket(kLimitMax - 5'000'000, 1'000)),
      Windows(Bucket(kLimitMax, 1'001), Bucket(kLimitMax, 1'000)),
      Windows(Bucket(kLimitMax - 9, 1'000), Fixed(kLimitMax, 1'000)),
      Windows(Fixed(kLimitMax, 1'000), Bucket(kLimitMax - 9, 1'000)),
  };
  for (const LimiterWindows& windows : kWindows) {
    for (const uint64_t left : {0, 1, 3, 200}) {
      for (const uint64_t less : {0, 1, 2, 5, 100}) {
        const UnixNanos start = At(kStart + kSecond - 50);
        LimiterState state;
        for (size_t i = 0; i < 2; ++i) {
          const uint64_t used = windows.rule(i).limit() - left - i * less;
          state.windows[i] =
              windows.rule(i).Advance(WindowState{}, used, start).state;
        }
        ExpectAll(windows, state, start, 400);
        if (HasFailure()) return;
      }
    }
  }
}

LimiterWindows WindowsOf(absl::string_view plan) {
  const auto windows = Catalog::BuiltIn().FindPlan(plan)->windows();
  return LimiterWindows(windows[0], windows[1]);
}

TEST(Schedule, OfBuiltInPlans) {
  constexpr int64_t kMidnight = kStart + kDay;
  const struct {
    absl::string_view plan;
    int64_t start;
    uint64_t requests;
    absl::Duration duration;
    std::optional<size_t> binding_window;
  } kCases[] = {
      {"pro", kMidnight - 120 * kSecond, 1'001, absl::Minutes(16), 0},
      {"pro", kMidnight, 1'001, absl::Hours(24), 1},
      {"pro", kMidnight, 1'000, absl::Minutes(16), 0},
      {"pro", kMidnight, 60, absl::ZeroDuration(), std::nullopt},
      {"pro", kMidnight, 0, absl::ZeroDuration(), std::nullopt},
      {"free_trial", kMidnight, 250, absl::Hours(48) + absl::Minutes(4), 0},
      {"pro", 0, 100'000'000, absl::Hours(24) * 99'999 + absl::Minutes(16), 0},
      {"pro", 0, 100'000'001, absl::Hours(24) * 100'000, 1},
      {"pro", 0, 1'000'000'000'000, absl::InfiniteDuration(), std::nullopt},
  };
  for (const auto& c : kCases) {
    const Schedule schedule(WindowsOf(c.plan), LimiterState{}, At(c.start),
                            c.requests);
    SCOPED_TRACE(absl::StrCat(c.plan, ": ", c.requests));
    EXPECT_EQ(schedule.duration(), c.duration);
    EXPECT_EQ(schedule.last().binding_window, c.binding_window);
    EXPECT_EQ(schedule.first().at, At(c.start));
  }
}

TEST(Schedule, ReachesTheEdgesOfItsDomain) {
  constexpr int64_t kLimitMax = RateWindow::kLimitMax;
  constexpr int64_t kPeriodMaxMs = RateWindow::kPeriodMaxMs;
  constexpr uint64_t kMost = Schedule::kRequestsMax;
  const struct {
    LimiterWindows windows;
    int64_t start;
    uint64_t number;
    int64_t at;
  } kCases[] = {
      {Windows(Fixed(1, 1'000)), 0, 9'223'372'037, 9'223'372'036 * kSecond},
      {Windows(Fixed(1, 1'000)), 0, 9'223'372'038, kMax},
      {Windows(Fixed(1, 1'000)), kMax, 1, kMax},
      {Windows(Fixed(1, 1'000)), kMax - 1, 1, kMax - 1},
      {Windows(Fixed(1, 1'000)), kMax - 1, 2, kMax},
      {Windows(Fixed(1, 1'000)), 0, kMost, kMax},
      {Windows(Bucket(1, 1'000)), 0, 9'223'372'037, 9'223'372'036 * kSecond},
      {Windows(Bucket(1, 1'000)), 0, 9'223'372'038, kMax},
      {Windows(Bucket(kLimitMax, 1'000)), 0, kMost, 1'073'741'824'000'000'001},
      {Windows(Bucket(1, kPeriodMaxMs)), 0, kMost, kMax},
      {Windows(Fixed(1, 1'000), Fixed(1, 1'000)), 0, 9'223'372'037,
       9'223'372'036 * kSecond},
      {Windows(Fixed(1, 1'000), Fixed(1, 1'000, 999)), 0, 9'223'372'037,
       9'223'372'036 * kSecond},
      {Windows(Fixed(1, 1'000), Fixed(1, 1'000, 999)), 0, 9'223'372'038, kMax},
      {Windows(Fixed(kLimitMax, 1'000), Fixed(kLimitMax, kPeriodMaxMs)), 0,
       uint64_t{kLimitMax} * 291, 290 * kPeriodMaxMs * kMs},
      {Windows(Fixed(kLimitMax, 1'000), Fixed(1, kPeriodMaxMs - 1)), 0, kMost,
       kMax},
      {Windows(Fixed(kLimitMax, 1'000), Fixed(kLimitMax, 1'001)), 0, kMost,
       1'074'815'566'825'000'000},
      {Windows(Fixed(kLimitMax, 1'000), Bucket(kLimitMax, 1'000)), 0, kMost,
       1'073'741'825 * kSecond},
      {Windows(Fixed(1, kPeriodMaxMs), Bucket(kLimitMax, 1'000)), 0, kMost,
       kMax},
      {Windows(Fixed(1, 1'000, 1), Bucket(1, kPeriodMaxMs)), kMax, 1, kMax},
      {Windows(Bucket(1, 1'000), Bucket(kLimitMax, kPeriodMaxMs)), 0, kMost,
       kMax},
      {Windows(Bucket(1, 1'000), Bucket(kLimitMax, 1'000)), 0, 9'223'372'037,
       9'223'372'036 * kSecond},
  };
  for (const auto& c : kCases) {
    const Schedule schedule(c.windows, LimiterState{}, At(c.start), c.number);
    EXPECT_EQ(schedule.last().at, At(c.at))
        << c.number << "; " << Describe(c.windows, LimiterState{}, At(c.start));
    EXPECT_EQ(schedule.last().never(), c.at == kMax);
  }
}

TEST(Schedule, StreamsAllSubmissions) {
  for (const LimiterWindows& windows :
       {Windows(Fixed(3, 7'000)), Windows(Fixed(3, 7'000), Bucket(5, 20'000)),
        Windows(Bucket(2, 1'000), Bucket(90, 60'000))}) {
    const UnixNanos start = At(kStart + 5);
    const Schedule schedule(windows, LimiterState{}, start, 1'000);
    uint64_t number = 0;
    for (const Submission& submission : schedule.Submissions()) {
      ASSERT_TRUE(AreEqual(submission, schedule.At(++number)));
    }
    EXPECT_EQ(number, 1'000u);
  }
  const Schedule none(Windows(Fixed(3, 7'000)), LimiterState{}, At(0), 0);
  for (const Submission& submission : none.Submissions()) {
    ADD_FAILURE() << submission.at;
  }
}

TEST(Schedule, NeverIsForEver) {
  const LimiterWindows windows =
      Windows(Fixed(2, 1'000), Bucket(3, RateWindow::kPeriodMaxMs));
  const Schedule schedule(windows, LimiterState{}, At(kMax - 10), 5);
  uint64_t number = 0;
  for (const Submission& submission : schedule.Submissions()) {
    EXPECT_TRUE(AreEqual(submission, schedule.At(++number)));
    EXPECT_EQ(submission.never(), number > 2);
  }
  EXPECT_EQ(number, 5u);
  EXPECT_EQ(schedule.duration(), absl::InfiniteDuration());
}

TEST(Submitter, SubmitsCostsInOrder) {
  const LimiterWindows windows = Windows(Fixed(5, 60'000), Fixed(8, 3'600'000));
  Submitter submitter(windows, LimiterState{}, At(kStart + kSecond));
  const struct {
    uint64_t cost;
    int64_t at;
    std::optional<size_t> binding_window;
  } kCases[] = {
      {3, kStart + kSecond, std::nullopt},
      {6, kMax, std::nullopt},  // above the first limit
      {2, kStart + kSecond, std::nullopt},
      {1, kStart + 60 * kSecond, 0},
      {0, kStart + 60 * kSecond, 0},
      {2, kStart + 60 * kSecond, 0},
      {1, kStart + 3'600 * kSecond, 1},
      {5, kStart + 3'660 * kSecond, 0},
  };
  for (const auto& c : kCases) {
    EXPECT_TRUE(AreEqual(submitter.Next(c.cost), {At(c.at), c.binding_window}))
        << "cost " << c.cost;
  }
  EXPECT_EQ(submitter.now(), At(kStart + 3'660 * kSecond));
  EXPECT_EQ(
      windows.rule(1).Remaining(submitter.state().windows[1], submitter.now()),
      2u);
}

TEST(StateWithUse, HoldsWhatWasUsed) {
  const LimiterWindows windows = Windows(Fixed(60, 60'000), Bucket(9, 60'000));
  const UnixNanos now = At(kStart + 7);
  const LimiterState state =
      StateWithUse(windows, {{"second", 4}, {"first", 12}}, now).value();
  EXPECT_EQ(windows.rule(0).Remaining(state.windows[0], now), 48u);
  EXPECT_EQ(windows.rule(1).Remaining(state.windows[1], now), 5u);

  const LimiterState one = StateWithUse(windows, {{"first", 60}}, now).value();
  EXPECT_EQ(windows.rule(0).Remaining(one.windows[0], now), 0u);
  EXPECT_EQ(one.windows[1], WindowState{});
  EXPECT_EQ(StateWithUse(windows, {}, now).value(), LimiterState{});
}

TEST(StateWithUse, RefusesWhatCannotBe) {
  const LimiterWindows windows = Windows(Fixed(60, 60'000), Bucket(9, 60'000));
  const struct {
    std::vector<WindowUse> uses;
    absl::string_view message;
  } kCases[] = {
      {{{"hour", 1}}, "no window is named \"hour\""},
      {{{"first", 1}, {"first", 2}}, "\"first\" is named twice"},
      {{{"first", 61}}, "61 requests in window \"first\" are outside 0 .. 60"},
      {{{"second", -1}}, "-1 requests in window \"second\" are outside 0 .. 9"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(StateWithUse(windows, c.uses, At(kStart)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(std::string(c.message))));
  }
}

}  // namespace
}  // namespace konpro
