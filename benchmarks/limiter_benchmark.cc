// One account: a LimiterCell against what a service would write instead, and
// against what the machine allows at best.
//
// Every figure is to be read as a ratio to another of the same run. Floors:
// fetch_add, a 16-byte exchange, a clock read. Rivals: a mutex around two
// counters; a token bucket of doubles with one 8-byte exchange, which has one
// window only. "Given" takes the time as an argument, "OwnClock" reads the one
// that the implementation would: the coarse one, or std::chrono's.
//
// Time moves on by kStepNs a call, so that no branch on it is decided for good
// and no call can be hoisted; the limits are too large to be reached unless the
// name says Refused. The line of the cell stays in the cache of the core, or of
// one of two.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/atomic_u128.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_lease.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

constexpr int64_t kStart = 1'700'000'040'000'000'000;
constexpr int64_t kStepNs = 8;
constexpr int64_t kPlenty = RateWindow::kLimitMax;

RateWindow Window(absl::string_view name, int64_t limit, absl::Duration period,
                  WindowKind kind = WindowKind::kFixed) {
  return RateWindow::Create(
             {.name = name, .kind = kind, .limit = limit, .period = period})
      .value();
}

// A minute of a second, lest the admissions of a run come near its limit.
const LimiterWindows& Plenty() {
  static const LimiterWindows& windows =
      *new LimiterWindows(Window("minute", kPlenty, absl::Seconds(1)),
                          Window("day", kPlenty, absl::Hours(24)));
  return windows;
}
const LimiterWindows& MinuteFull() {
  static const LimiterWindows& windows =
      *new LimiterWindows(Window("minute", 1, absl::Hours(24 * 365)),
                          Window("day", kPlenty, absl::Hours(24 * 366)));
  return windows;
}
const LimiterWindows& DayFull() {
  static const LimiterWindows& windows =
      *new LimiterWindows(Window("minute", kPlenty, absl::Hours(24 * 365)),
                          Window("day", 1, absl::Hours(24 * 366)));
  return windows;
}
const LimiterWindows& Bucket() {
  static const LimiterWindows& windows = *new LimiterWindows(
      Window("bucket", kPlenty, absl::Seconds(1), WindowKind::kTokenBucket));
  return windows;
}
const LimiterWindows& BucketFull() {
  static const LimiterWindows& windows = *new LimiterWindows(
      Window("bucket", 1, absl::Hours(24 * 366), WindowKind::kTokenBucket));
  return windows;
}

class Time {
 public:
  UnixNanos Next() {
    now_ += kStepNs;
    return UnixNanos::FromNanos(now_);
  }

 private:
  int64_t now_ = kStart;
};

void Expect(benchmark::State& state, bool fact, const char* otherwise) {
  if (!fact) state.SkipWithError(otherwise);
}

// Floors.

void BM_Floor_FetchAdd(benchmark::State& state) {
  static std::atomic<uint64_t> word;
  for (auto _ : state) benchmark::DoNotOptimize(word.fetch_add(1));
}
BENCHMARK(BM_Floor_FetchAdd)->ThreadRange(1, 2)->UseRealTime();

void BM_Floor_Exchange16(benchmark::State& state) {
  static internal::AtomicU128 word;
  for (auto _ : state) {
    internal::U128 seen = word.Load();
    while (!word.CompareExchange(
        seen, {.low = seen.low + 1, .high = seen.high + 1})) {
    }
  }
}
BENCHMARK(BM_Floor_Exchange16)->ThreadRange(1, 2)->UseRealTime();

void BM_Floor_CoarseClock(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(UnixNanos::CoarseNow());
}
BENCHMARK(BM_Floor_CoarseClock);

void BM_Floor_SystemClock(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(std::chrono::system_clock::now());
  }
}
BENCHMARK(BM_Floor_SystemClock);

// The rivals.

int64_t SystemNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What a billing service writes first.
class MutexCounters {
 public:
  MutexCounters(int64_t minute, int64_t day) : limits_{minute, day} {}

  bool TryAcquire(int64_t now) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (int i = 0; i < 2; ++i) {
      const int64_t window = now / kPeriods[i];
      if (window == windows_[i]) continue;
      windows_[i] = window;
      counts_[i] = 0;
    }
    if (counts_[0] >= limits_[0] || counts_[1] >= limits_[1]) return false;
    ++counts_[0];
    ++counts_[1];
    return true;
  }

 private:
  static constexpr int64_t kPeriods[2] = {60'000'000'000, 86'400'000'000'000};

  const int64_t limits_[2];
  std::mutex mutex_;
  int64_t windows_[2] = {};
  int64_t counts_[2] = {};
};

// The common C++ one: when the bucket was last empty, in seconds, one exchange.
class DoubleBucket {
 public:
  DoubleBucket(double rate, double burst) : rate_(rate), burst_(burst) {}

  bool TryAcquire(double now) {
    double zero = zero_.load();
    double next;
    do {
      const double tokens = std::min((now - zero) * rate_, burst_);
      if (tokens < 1) return false;
      next = now - (tokens - 1) / rate_;
    } while (!zero_.compare_exchange_weak(zero, next));
    return true;
  }

 private:
  const double rate_;
  const double burst_;
  std::atomic<double> zero_{0};
};

double Seconds(int64_t nanos) { return static_cast<double>(nanos) * 1e-9; }

// Admitted, time given.

void BM_AdmittedGiven_Cell(benchmark::State& state) {
  static LimiterCell cell;
  const LimiterWindows& windows = Plenty();
  Time time;
  uint64_t allowed = 0;
  for (auto _ : state) {
    allowed += TryAcquire(cell, windows, 1, time.Next()).allowed();
  }
  Expect(state, allowed > 0, "refused");
}
BENCHMARK(BM_AdmittedGiven_Cell)->ThreadRange(1, 2)->UseRealTime();

void BM_AdmittedGiven_BucketCell(benchmark::State& state) {
  static LimiterCell cell;
  const LimiterWindows& windows = Bucket();
  Time time;
  uint64_t allowed = 0;
  for (auto _ : state) {
    allowed += TryAcquire(cell, windows, 1, time.Next()).allowed();
  }
  Expect(state, allowed > 0, "refused");
}
BENCHMARK(BM_AdmittedGiven_BucketCell)->ThreadRange(1, 2)->UseRealTime();

void BM_AdmittedGiven_Lease64(benchmark::State& state) {
  static LimiterCell cell;
  LimiterLease lease(cell, Plenty(), 64);
  Time time;
  uint64_t allowed = 0;
  for (auto _ : state) {
    allowed += lease.TryAcquire(1, time.Next()).allowed();
  }
  Expect(state, allowed > 0, "refused");
}
BENCHMARK(BM_AdmittedGiven_Lease64)->ThreadRange(1, 2)->UseRealTime();

void BM_AdmittedGiven_MutexCounters(benchmark::State& state) {
  static MutexCounters counters(kPlenty, kPlenty);
  Time time;
  uint64_t allowed = 0;
  for (auto _ : state) allowed += counters.TryAcquire(time.Next().nanos());
  Expect(state, allowed > 0, "refused");
}
BENCHMARK(BM_AdmittedGiven_MutexCounters)->ThreadRange(1, 2)->UseRealTime();

void BM_AdmittedGiven_DoubleBucket(benchmark::State& state) {
  static DoubleBucket bucket(1e9, 1e9);
  Time time;
  uint64_t allowed = 0;
  for (auto _ : state) {
    allowed += bucket.TryAcquire(Seconds(time.Next().nanos()));
  }
  Expect(state, allowed > 0, "refused");
}
BENCHMARK(BM_AdmittedGiven_DoubleBucket)->ThreadRange(1, 2)->UseRealTime();

// Admitted, own clock.

void BM_AdmittedOwnClock_Cell(benchmark::State& state) {
  static LimiterCell cell;
  const LimiterWindows& windows = Plenty();
  uint64_t allowed = 0;
  for (auto _ : state) allowed += TryAcquire(cell, windows, 1).allowed();
  Expect(state, allowed > 0, "refused");
}
BENCHMARK(BM_AdmittedOwnClock_Cell)->ThreadRange(1, 2)->UseRealTime();

void BM_AdmittedOwnClock_MutexCounters(benchmark::State& state) {
  static MutexCounters counters(kPlenty, kPlenty);
  uint64_t allowed = 0;
  for (auto _ : state) allowed += counters.TryAcquire(SystemNow());
  Expect(state, allowed > 0, "refused");
}
BENCHMARK(BM_AdmittedOwnClock_MutexCounters)->ThreadRange(1, 2)->UseRealTime();

void BM_AdmittedOwnClock_DoubleBucket(benchmark::State& state) {
  static DoubleBucket bucket(1e9, 1e9);
  uint64_t allowed = 0;
  for (auto _ : state) allowed += bucket.TryAcquire(Seconds(SystemNow()));
  Expect(state, allowed > 0, "refused");
}
BENCHMARK(BM_AdmittedOwnClock_DoubleBucket)->ThreadRange(1, 2)->UseRealTime();

// Refused. The barrier makes each call read the cell again.

void RefusedGiven(benchmark::State& state, LimiterCell& cell,
                  const LimiterWindows& windows) {
  Time time;
  TryAcquire(cell, windows, 1, time.Next());
  uint64_t allowed = 0;
  for (auto _ : state) {
    allowed += TryAcquire(cell, windows, 1, time.Next()).allowed();
    benchmark::ClobberMemory();
  }
  Expect(state, allowed == 0, "admitted");
}

void BM_RefusedGiven_CellByMinute(benchmark::State& state) {
  static LimiterCell cell;
  RefusedGiven(state, cell, MinuteFull());
}
BENCHMARK(BM_RefusedGiven_CellByMinute)->ThreadRange(1, 2)->UseRealTime();

void BM_RefusedGiven_CellByDay(benchmark::State& state) {
  static LimiterCell cell;
  RefusedGiven(state, cell, DayFull());
}
BENCHMARK(BM_RefusedGiven_CellByDay)->ThreadRange(1, 2)->UseRealTime();

void BM_RefusedGiven_BucketCell(benchmark::State& state) {
  static LimiterCell cell;
  RefusedGiven(state, cell, BucketFull());
}
BENCHMARK(BM_RefusedGiven_BucketCell)->ThreadRange(1, 2)->UseRealTime();

void BM_RefusedGiven_MutexCounters(benchmark::State& state) {
  static MutexCounters counters(0, 0);
  Time time;
  uint64_t allowed = 0;
  for (auto _ : state) allowed += counters.TryAcquire(time.Next().nanos());
  Expect(state, allowed == 0, "admitted");
}
BENCHMARK(BM_RefusedGiven_MutexCounters)->ThreadRange(1, 2)->UseRealTime();

void BM_RefusedGiven_DoubleBucket(benchmark::State& state) {
  static DoubleBucket bucket(1e-9, 0.5);
  Time time;
  uint64_t allowed = 0;
  for (auto _ : state) {
    allowed += bucket.TryAcquire(Seconds(time.Next().nanos()));
    benchmark::ClobberMemory();
  }
  Expect(state, allowed == 0, "admitted");
}
BENCHMARK(BM_RefusedGiven_DoubleBucket)->ThreadRange(1, 2)->UseRealTime();

void BM_RefusedOwnClock_Cell(benchmark::State& state) {
  static LimiterCell cell;
  const LimiterWindows& windows = MinuteFull();
  TryAcquire(cell, windows, 1);
  uint64_t allowed = 0;
  for (auto _ : state) allowed += TryAcquire(cell, windows, 1).allowed();
  Expect(state, allowed == 0, "admitted");
}
BENCHMARK(BM_RefusedOwnClock_Cell)->ThreadRange(1, 2)->UseRealTime();

void BM_RefusedOwnClock_MutexCounters(benchmark::State& state) {
  static MutexCounters counters(0, 0);
  uint64_t allowed = 0;
  for (auto _ : state) allowed += counters.TryAcquire(SystemNow());
  Expect(state, allowed == 0, "admitted");
}
BENCHMARK(BM_RefusedOwnClock_MutexCounters)->ThreadRange(1, 2)->UseRealTime();

// What a refusal says to the client, computed when it is asked for.
void BM_RefusedGiven_CellWithRetryAfter(benchmark::State& state) {
  static LimiterCell cell;
  const LimiterWindows& windows = MinuteFull();
  Time time;
  TryAcquire(cell, windows, 1, time.Next());
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        TryAcquire(cell, windows, 1, time.Next()).retry_at());
  }
}
BENCHMARK(BM_RefusedGiven_CellWithRetryAfter);

}  // namespace
}  // namespace konpro

BENCHMARK_MAIN();
