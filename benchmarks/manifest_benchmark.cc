// Rows of CSV a second, priced and added up. The rival is the loop that a
// script would be: std::getline, cells by find(','), strtod, a double sum; it
// knows seconds and images only, no quotes, no errors and no exactness.
//
// Rows differ, so that the branches on operation and unit are not learnt.
#include <cstdlib>
#include <random>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "konpro/catalog/catalog.h"
#include "konpro/estimate/estimator.h"
#include "konpro/input/input_file.h"
#include "konpro/input/manifest.h"

namespace konpro::cli {
namespace {

constexpr int kRows = 100'000;

const std::string& Csv() {
  static const std::string& csv = *new std::string([] {
    std::mt19937_64 random(1);
    std::string text = "operation,quantity,jobs,id\n";
    const char* timed[] = {"avatar_video", "video_translation",
                           "interactive_avatar"};
    for (int i = 0; i < kRows; ++i) {
      const bool image = random() % 4 == 0;
      absl::StrAppend(&text, image ? "photo_avatar" : timed[random() % 3], ",",
                      1 + random() % 600, image ? "," : "s,", 1 + random() % 9,
                      ",row-", i, "\n");
    }
    return text;
  }());
  return csv;
}

void BM_EstimateCsv_Konpro(benchmark::State& state) {
  for (auto _ : state) {
    std::istringstream in(Csv());
    std::ostringstream err;
    InputFile input("-", in, nullptr);
    InputErrors errors("-", err);
    Estimator estimator(Catalog::BuiltIn(), absl::UnixEpoch());
    ReadManifest(
        input, {}, Catalog::BuiltIn(), errors,
        [&](const ManifestRow& row) { return estimator.Add(row.job); });
    if (!errors.none()) state.SkipWithError("bad manifest");
    benchmark::DoNotOptimize(estimator.total());
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}
BENCHMARK(BM_EstimateCsv_Konpro);

void BM_EstimateCsv_GetlineStrtod(benchmark::State& state) {
  for (auto _ : state) {
    std::istringstream in(Csv());
    std::string line;
    std::getline(in, line);
    double total = 0;
    while (std::getline(in, line)) {
      const size_t quantity = line.find(',') + 1;
      const size_t jobs = line.find(',', quantity) + 1;
      const std::string operation = line.substr(0, quantity - 1);
      const double price = operation == "avatar_video"        ? 1
                           : operation == "video_translation" ? 0.5
                           : operation == "photo_avatar"      ? 2
                                                              : 0.1 / 60;
      total += std::strtod(line.c_str() + quantity, nullptr) * price *
               std::strtod(line.c_str() + jobs, nullptr);
    }
    benchmark::DoNotOptimize(total);
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}
BENCHMARK(BM_EstimateCsv_GetlineStrtod);

}  // namespace
}  // namespace konpro::cli

BENCHMARK_MAIN();
