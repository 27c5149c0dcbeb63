// Rows of a trace a second through `konpro replay`. The rival is the loop that
// a script would be: std::getline, sscanf and strtod on each row, and per
// account a mutex and two counters in an std::unordered_map; one plan, no
// quotes, no errors, no peaks, no calendar (timegm), a double sum.
//
// Accounts are random, so that their cells are not learnt: with 1,000 they lie
// in the cache, with 1,000,000 they do not.
#include <time.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "konpro/cli/replay_command.h"
#include "konpro/input/trace.h"

namespace konpro::cli {
namespace {

constexpr int kRows = 500'000;

// Calls `row` with a time and an account for each row.
template <typename Row>
void ForEachRow(int64_t accounts, Row row) {
  std::mt19937_64 random(1);
  absl::Time time = absl::FromUnixSeconds(1'700'158'623);
  for (int i = 0; i < kRows; ++i) {
    time += absl::Microseconds(random() % 20'000);
    row(time, random() % accounts, random() % 600);
  }
}

std::string MakeCsv(int64_t accounts) {
  std::string text = "TIMESTAMP,customer,seconds\n";
  ForEachRow(accounts, [&](absl::Time time, uint64_t account, uint64_t count) {
    absl::StrAppend(
        &text,
        absl::FormatTime("%Y-%m-%d %H:%M:%E7S", time, absl::UTCTimeZone()),
        ",account-", account, ",", count, "\n");
  });
  return text;
}

const std::string& Csv(int64_t accounts) {
  static auto& texts = *new std::unordered_map<int64_t, std::string>();
  std::string& text = texts[accounts];
  if (text.empty()) text = MakeCsv(accounts);
  return text;
}

const std::string& AccessLog() {
  static const std::string& log = *new std::string([] {
    std::string text;
    ForEachRow(1'000, [&](absl::Time time, uint64_t account, uint64_t count) {
      absl::StrAppend(
          &text, "192.0.2.", account % 256, " - customer-", account, " [",
          absl::FormatTime("%d/%b/%Y:%H:%M:%S %z", time, absl::UTCTimeZone()),
          "] \"POST /v1/videos HTTP/1.1\" 202 ", count,
          " \"-\" \"client/1.2 (linux)\"\n");
    });
    return text;
  }());
  return log;
}

void Replay(benchmark::State& state, const std::string& trace,
            const ReplayOptions& options) {
  for (auto _ : state) {
    std::istringstream in(trace);
    std::ostringstream out;
    std::ostringstream err;
    if (RunReplay(options, {in, out, err}) != ExitCode::kOk) {
      state.SkipWithError("bad trace");
    }
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}

ReplayOptions CsvOptions(const char* plan, ReplayMode mode) {
  return {.file = "-",
          .trace = {.time = "TIMESTAMP",
                    .operation = "avatar_video",
                    .quantity = "seconds",
                    .unit = "s",
                    .account = "customer"},
          .plan = plan,
          .mode = mode};
}

// The argument is how many accounts there are.
void BM_ReplayCsv_Konpro(benchmark::State& state) {
  Replay(state, Csv(state.range(0)), CsvOptions("pro", ReplayMode::kDrop));
}
BENCHMARK(BM_ReplayCsv_Konpro)->Arg(1'000)->Arg(1'000'000);

void BM_ReplayCsvWait_Konpro(benchmark::State& state) {
  Replay(state, Csv(state.range(0)), CsvOptions("pro", ReplayMode::kWait));
}
BENCHMARK(BM_ReplayCsvWait_Konpro)->Arg(1'000)->Arg(1'000'000);

void BM_ReplayCsvAllPlans_Konpro(benchmark::State& state) {
  Replay(state, Csv(state.range(0)), CsvOptions("all", ReplayMode::kDrop));
}
BENCHMARK(BM_ReplayCsvAllPlans_Konpro)->Arg(1'000)->Arg(1'000'000);

void BM_ReplayAccessLogAllPlans_Konpro(benchmark::State& state) {
  Replay(state, AccessLog(),
         {.file = "-", .trace = {.form = TraceForm::kAccessLog}});
}
BENCHMARK(BM_ReplayAccessLogAllPlans_Konpro);

struct TwoCounters {
  std::mutex mutex;
  int64_t minute = 0;
  int64_t in_minute = 0;
  int64_t day = 0;
  int64_t in_day = 0;

  bool TryAcquire(int64_t now) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (minute != now / 60) {
      minute = now / 60;
      in_minute = 0;
    }
    if (day != now / 86'400) {
      day = now / 86'400;
      in_day = 0;
    }
    if (in_minute >= 60 || in_day >= 1'000) return false;
    ++in_minute;
    ++in_day;
    return true;
  }
};

void BM_ReplayCsv_GetlineSscanf(benchmark::State& state) {
  const std::string& csv = Csv(state.range(0));
  for (auto _ : state) {
    std::istringstream in(csv);
    std::unordered_map<std::string, TwoCounters> accounts;
    std::string line;
    std::getline(in, line);
    int64_t admitted = 0;
    double credits = 0;
    while (std::getline(in, line)) {
      tm time = {};
      double second = 0;
      std::sscanf(line.c_str(), "%d-%d-%d %d:%d:%lf", &time.tm_year,
                  &time.tm_mon, &time.tm_mday, &time.tm_hour, &time.tm_min,
                  &second);
      time.tm_year -= 1'900;
      time.tm_mon -= 1;
      const int64_t now = timegm(&time) + static_cast<int64_t>(second);
      const size_t account = line.find(',') + 1;
      const size_t seconds = line.find(',', account) + 1;
      if (!accounts[line.substr(account, seconds - 1 - account)].TryAcquire(
              now)) {
        continue;
      }
      ++admitted;
      credits += std::strtod(line.c_str() + seconds, nullptr);
    }
    benchmark::DoNotOptimize(admitted);
    benchmark::DoNotOptimize(credits);
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}
BENCHMARK(BM_ReplayCsv_GetlineSscanf)->Arg(1'000)->Arg(1'000'000);

}  // namespace
}  // namespace konpro::cli

BENCHMARK_MAIN();
