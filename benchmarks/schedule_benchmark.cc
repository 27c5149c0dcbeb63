// When request 10^12 goes out, beside what a client would do instead: step
// through the requests one by one, here only 10^6 of them, so that a second of
// the rival stands for a million.
//
// The built-in plans end in time before 10^12 requests, which is an answer as
// well; their limits times 10^6 show one that lies within. "Mixed" is the worst
// kind of pair found: phases and periods without a common measure, of nearly
// one rate, so that either window binds now and then and all of Euclid's steps
// are made. The number asked for changes from call to call, lest the branches
// be learnt.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/plan.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"
#include "konpro/limits/schedule.h"

namespace konpro {
namespace {

constexpr uint64_t kFar = 1'000'000'000'000;
constexpr uint64_t kStepped = 1'000'000;
constexpr int64_t kStart = 1'700'000'040'000'000'000;

RateWindow Window(absl::string_view name, WindowKind kind, int64_t limit,
                  int64_t period_ms, int64_t phase_ms = 0) {
  return RateWindow::Create({.name = name,
                             .kind = kind,
                             .limit = limit,
                             .period = absl::Milliseconds(period_ms),
                             .phase = absl::Milliseconds(phase_ms)})
      .value();
}

LimiterWindows PlanWindows(absl::string_view plan) {
  const auto windows = Catalog::BuiltIn().FindPlan(plan)->windows();
  return LimiterWindows(windows[0], windows[1]);
}
LimiterWindows FreeTrial() { return PlanWindows("free_trial"); }
LimiterWindows Pro() { return PlanWindows("pro"); }
LimiterWindows Scale() { return PlanWindows("scale"); }
LimiterWindows ProTimesMillion() {
  return LimiterWindows(
      Window("minute", WindowKind::kFixed, 60'000'000, 60'000),
      Window("day", WindowKind::kFixed, 1'000'000'000, 86'400'000));
}
LimiterWindows OneBucket() {
  return LimiterWindows(
      Window("minute", WindowKind::kTokenBucket, 60'000'000, 60'000));
}
LimiterWindows TwoBuckets() {
  return LimiterWindows(
      Window("minute", WindowKind::kTokenBucket, 60'000'000, 60'000),
      Window("day", WindowKind::kTokenBucket, 1'000'000'000, 86'400'000));
}
LimiterWindows BucketAndFixed() {
  return LimiterWindows(
      Window("minute", WindowKind::kTokenBucket, 60'000'000, 60'000),
      Window("day", WindowKind::kFixed, 1'000'000'000, 86'400'000, 3'600'007));
}
// The bucket's surplus lasts for as many of the FIXED windows as it can.
LimiterWindows BucketAndFixedMixed() {
  return LimiterWindows(
      Window("hour", WindowKind::kTokenBucket, 999'999'999, 999'999'937),
      Window("second", WindowKind::kFixed, 1'002, 1'001, 499));
}
LimiterWindows FixedMixed() {
  return LimiterWindows(
      Window("short", WindowKind::kFixed, 660'000'000, 11'945'000'993, 17),
      Window("long", WindowKind::kFixed, 1'067'902'401, 19'327'417'609,
             7'000'001));
}
LimiterWindows FixedMixedShort() {
  return LimiterWindows(
      Window("short", WindowKind::kFixed, 10'007, 1'009, 17),
      Window("long", WindowKind::kFixed, 600'000'000, 60'000'011, 1'234'567));
}

void FarWith(benchmark::State& state, const LimiterWindows& windows,
             uint64_t number) {
  const Schedule schedule(windows, LimiterState{}, UnixNanos::FromNanos(kStart),
                          number);
  uint64_t spread = 0;
  for (auto _ : state) {
    spread = (spread + 7'368'787) % 1'000'000'007;
    benchmark::DoNotOptimize(schedule.At(number - spread));
  }
}

template <LimiterWindows (*kWindows)()>
void BM_Far_Schedule(benchmark::State& state) {
  FarWith(state, kWindows(), kFar);
}
BENCHMARK_TEMPLATE(BM_Far_Schedule, FreeTrial);
BENCHMARK_TEMPLATE(BM_Far_Schedule, Pro);
BENCHMARK_TEMPLATE(BM_Far_Schedule, Scale);
BENCHMARK_TEMPLATE(BM_Far_Schedule, ProTimesMillion);
BENCHMARK_TEMPLATE(BM_Far_Schedule, OneBucket);
BENCHMARK_TEMPLATE(BM_Far_Schedule, TwoBuckets);
BENCHMARK_TEMPLATE(BM_Far_Schedule, BucketAndFixed);
BENCHMARK_TEMPLATE(BM_Far_Schedule, BucketAndFixedMixed);
BENCHMARK_TEMPLATE(BM_Far_Schedule, FixedMixed);
BENCHMARK_TEMPLATE(BM_Far_Schedule, FixedMixedShort);

// Near the end of what a campaign asks for.
template <LimiterWindows (*kWindows)()>
void BM_Near_Schedule(benchmark::State& state) {
  const Schedule schedule(kWindows(), LimiterState{},
                          UnixNanos::FromNanos(kStart), kStepped);
  uint64_t spread = 0;
  for (auto _ : state) {
    spread = (spread + 7'919) % 999'983;
    benchmark::DoNotOptimize(schedule.At(kStepped - spread));
  }
}
BENCHMARK_TEMPLATE(BM_Near_Schedule, Pro);
BENCHMARK_TEMPLATE(BM_Near_Schedule, Scale);
BENCHMARK_TEMPLATE(BM_Near_Schedule, TwoBuckets);
BENCHMARK_TEMPLATE(BM_Near_Schedule, FixedMixedShort);

template <LimiterWindows (*kWindows)()>
void BM_Near_StepByStep(benchmark::State& state) {
  const LimiterWindows windows = kWindows();
  for (auto _ : state) {
    LimiterCell cell;
    UnixNanos now = UnixNanos::FromNanos(kStart);
    for (uint64_t i = 0; i < kStepped;) {
      const Decision decision = TryAcquire(cell, windows, 1, now);
      if (decision.allowed()) {
        ++i;
      } else {
        now = decision.retry_at();
      }
    }
    benchmark::DoNotOptimize(now);
  }
}
BENCHMARK_TEMPLATE(BM_Near_StepByStep, Pro)->Unit(benchmark::kMicrosecond);
BENCHMARK_TEMPLATE(BM_Near_StepByStep, Scale)->Unit(benchmark::kMicrosecond);
BENCHMARK_TEMPLATE(BM_Near_StepByStep, TwoBuckets)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_TEMPLATE(BM_Near_StepByStep, FixedMixedShort)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace konpro

BENCHMARK_MAIN();
