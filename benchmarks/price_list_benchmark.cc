// What pricing one job costs. The rival is what is usually written in its
// place: a price in a double, multiplied and rounded to cents.
//
// Quantities come from an array, so that neither side is a constant.
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <optional>
#include <random>

#include "benchmark/benchmark.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/price_list.h"

namespace {

std::atomic<int64_t> allocations = 0;

}  // namespace

[[gnu::noinline]] void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace konpro {
namespace {

std::array<int64_t, 1024> Quantities() {
  std::mt19937_64 random(1);
  std::array<int64_t, 1024> quantities;
  for (int64_t& quantity : quantities) {
    quantity = static_cast<int64_t>(random() % 3'600'000);
  }
  return quantities;
}

template <typename CostOf>
void Run(benchmark::State& state, CostOf cost_of) {
  const auto quantities = Quantities();
  const int64_t before = allocations.load();
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(cost_of(quantities[i++ % quantities.size()]));
  }
  state.counters["allocations"] =
      static_cast<double>(allocations.load() - before);
}

// What a caller does with a cost: looks whether there is one, and takes it. The
// optional itself, kept in memory, would measure a stalled store instead.
int64_t Ticks(const Price& price, int64_t quantity) {
  const std::optional<Credits> cost = price.CostOf(quantity);
  return cost.has_value() ? cost->ticks() : -1;
}

void BM_PricePublished_Konpro(benchmark::State& state) {
  const Price price = *Catalog::BuiltIn()
                           .PricesAt(absl::UnixEpoch())
                           ->Find("video_translation");
  Run(state, [&](int64_t quantity) { return Ticks(price, quantity); });
}
BENCHMARK(BM_PricePublished_Konpro);

void BM_PriceWithIncrement_Konpro(benchmark::State& state) {
  const Price price = Price::Create({.credits = Credits::FromTicks(1'000'003),
                                     .per = 60'000,
                                     .increment = 1'000,
                                     .minimum = 10'000})
                          .value();
  Run(state, [&](int64_t quantity) { return Ticks(price, quantity); });
}
BENCHMARK(BM_PriceWithIncrement_Konpro);

void BM_Price_DoubleRoundedToCents(benchmark::State& state) {
  volatile double credits_per_second = 0.5;
  const double price = credits_per_second;
  Run(state, [&](int64_t quantity) {
    return std::round(static_cast<double>(quantity) / 1e3 * price * 100) / 100;
  });
}
BENCHMARK(BM_Price_DoubleRoundedToCents);

}  // namespace
}  // namespace konpro

BENCHMARK_MAIN();
