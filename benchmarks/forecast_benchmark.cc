// A forecast from three years of days, its futures simulated, and its runway.
// The rival is the seasonal-naive forecast, which copies the last week: the
// floor of what a forecast can cost.
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "absl/time/civil_time.h"
#include "benchmark/benchmark.h"
#include "konpro/estimate/forecast.h"

namespace konpro {
namespace {

std::vector<DailySpend> Days(int64_t days) {
  std::mt19937_64 random(1);
  std::vector<DailySpend> history;
  for (int64_t i = 0; i < days; ++i) {
    const int64_t credits = (i % 7 < 5 ? 100 : 40) + random() % 30;
    history.push_back(
        {.day = absl::CivilDay(2024, 1, 1) + i,
         .spent = Credits::FromTicks(credits * Credits::kTicksPerCredit)});
  }
  return history;
}

void BM_Forecast_Konpro(benchmark::State& state) {
  const std::vector<DailySpend> history = Days(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(MakeForecast(history, {.horizon_days = 28}));
  }
}
BENCHMARK(BM_Forecast_Konpro)
    ->Arg(28)
    ->Arg(91)
    ->Arg(1096)
    ->Unit(benchmark::kMillisecond);

void BM_ForecastAndRunway_Konpro(benchmark::State& state) {
  const std::vector<DailySpend> history = Days(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(MakeForecast(
        history,
        {.horizon_days = 28,
         .available = Credits::FromTicks(10'000 * Credits::kTicksPerCredit)}));
  }
}
BENCHMARK(BM_ForecastAndRunway_Konpro)
    ->Arg(1096)
    ->Unit(benchmark::kMillisecond);

void BM_Forecast_SeasonalNaive(benchmark::State& state) {
  const std::vector<DailySpend> history = Days(state.range(0));
  for (auto _ : state) {
    std::vector<Credits> forecast;
    for (size_t i = 0; i < 28; ++i) {
      forecast.push_back(history[history.size() - 7 + i % 7].spent);
    }
    benchmark::DoNotOptimize(forecast.data());
  }
}
BENCHMARK(BM_Forecast_SeasonalNaive)->Arg(1096)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace konpro

BENCHMARK_MAIN();
