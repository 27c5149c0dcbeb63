// Totals of uncertain quantities: rows a second, and a manifest of a million
// rows with ranges from text to report. The rival draws every row for every
// sample, as a spreadsheet's simulation does, with the standard library's
// means: its time is per row and sample, so it gets fewer rows.
//
// Rows differ, and their order is random: which jobs vary the most is not
// known before.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "konpro/catalog/catalog.h"
#include "konpro/cli/estimate_command.h"
#include "konpro/estimate/uncertainty.h"

namespace konpro {
namespace {

constexpr int kSamples = 10'000;

std::vector<QuantityRange> Rows(int64_t count) {
  std::mt19937_64 random(1);
  std::vector<QuantityRange> rows;
  for (int64_t i = 0; i < count; ++i) {
    const auto low = static_cast<int64_t>(random() % 600'000);
    const auto likely = low + static_cast<int64_t>(random() % 60'000);
    rows.push_back(
        {low, likely, likely + static_cast<int64_t>(random() % 300'000)});
  }
  return rows;
}

const Price& Video() {
  return *Catalog::BuiltIn().PricesAt(absl::UnixEpoch())->Find("avatar_video");
}

void BM_UncertainTotal_Konpro(benchmark::State& state) {
  const std::vector<QuantityRange> rows = Rows(state.range(0));
  for (auto _ : state) {
    UncertainTotal total;
    for (const QuantityRange& row : rows) {
      if (!total.Add(Video(), row, 1).ok()) state.SkipWithError("too much");
    }
    benchmark::DoNotOptimize(total.Range({.samples = kSamples})->p90);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_UncertainTotal_Konpro)
    ->Arg(1'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

void BM_UncertainTotal_DrawEveryRow(benchmark::State& state) {
  const std::vector<QuantityRange> rows = Rows(state.range(0));
  for (auto _ : state) {
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> uniform(0, 1);
    std::vector<double> totals(kSamples);
    for (double& total : totals) {
      for (const QuantityRange& row : rows) {
        const auto low = static_cast<double>(row.low);
        const auto mode = static_cast<double>(row.likely);
        const auto high = static_cast<double>(row.high);
        const double u = uniform(random);
        total += u * (high - low) < mode - low
                     ? low + std::sqrt(u * (high - low) * (mode - low))
                     : high - std::sqrt((1 - u) * (high - low) * (high - mode));
      }
    }
    std::sort(totals.begin(), totals.end());
    benchmark::DoNotOptimize(totals[kSamples * 9 / 10]);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_UncertainTotal_DrawEveryRow)
    ->Arg(1'000)
    ->Unit(benchmark::kMillisecond);

void BM_EstimateRanges_Konpro(benchmark::State& state) {
  std::string csv = "operation,quantity\n";
  for (const QuantityRange& row : Rows(state.range(0))) {
    absl::StrAppend(&csv, "avatar_video,", row.low, "ms..", row.likely, "ms..",
                    row.high, "ms\n");
  }
  for (auto _ : state) {
    std::istringstream in(csv);
    std::ostringstream out;
    std::ostringstream err;
    cli::RunEstimate({.file = "-", .plan = "all"}, {in, out, err});
    if (!err.str().empty()) state.SkipWithError("bad manifest");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_EstimateRanges_Konpro)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace konpro

BENCHMARK_MAIN();
