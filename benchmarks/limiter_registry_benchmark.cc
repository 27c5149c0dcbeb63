// Many accounts: a LimiterRegistry against what a service would write instead,
// and against what the machine allows at best.
//
// Every figure is to be read as a ratio to another of the same run. Each call
// makes the id of 24 bytes of the account that it asks for in a buffer, as a
// caller has it at hand: no id is a cache miss of its own. Accounts are drawn
// at random, so that neither the caches nor a prefetcher know the next one; the
// table is filled by Create() and Insert() before the clock runs. Zipf draws
// (exponent 1) come from a list that is read in order. Time moves on by kStepNs
// a call; limits are too large to be reached unless the name says Refused.
#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/limits/rate_window.h"
#include "konpro/serve/limits_file.h"

namespace konpro {
namespace {

constexpr int64_t kStart = 1'700'000'040'000'000'000;
constexpr int64_t kStepNs = 8;
constexpr int64_t kPlenty = RateWindow::kLimitMax;
constexpr int64_t kSmall = 65'536;
constexpr int64_t kLarge = 1'000'000;

std::vector<RateWindow> Windows(int64_t minute) {
  return {
      RateWindow::Create(
          {.name = "minute", .limit = minute, .period = absl::Hours(24 * 300)})
          .value(),
      RateWindow::Create(
          {.name = "day", .limit = kPlenty, .period = absl::Hours(24 * 366)})
          .value()};
}

// The id of an account: sixteen letters that all have, and a number below 2^32
// as eight letters A .. P of four bits each. A few shifts make them, so that an
// id costs as little as it can; BM_Floor_MakingIds says how much.
class Id {
 public:
  explicit Id(uint64_t account) { Set(account); }
  void Set(uint64_t account) {
    uint64_t letters = account;
    letters = (letters | letters << 16) & 0x0000ffff0000ffff;
    letters = (letters | letters << 8) & 0x00ff00ff00ff00ff;
    letters = (letters | letters << 4) & 0x0f0f0f0f0f0f0f0f;
    letters += 0x4141414141414141;
    std::memcpy(bytes_ + 16, &letters, sizeof(letters));
  }
  absl::string_view view() const { return {bytes_, sizeof(bytes_)}; }

 private:
  char bytes_[24] = {'a', 'c', 'c', 'o', 'u', 'n', 't', '-',
                     'e', 'u', '-', 'w', 'e', 's', 't', '-'};
};

class Uniform {
 public:
  Uniform(int64_t accounts, int thread)
      : accounts_(static_cast<uint64_t>(accounts)),
        state_(0x9e3779b97f4a7c15 * (thread + 1)) {}
  uint64_t Next() {
    // xorshift64 (Marsaglia 2003).
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<uint64_t>(
        (static_cast<unsigned __int128>(state_) * accounts_) >> 64);
  }

 private:
  const uint64_t accounts_;
  uint64_t state_;
};

// Account n with a weight of 1 / (n + 1), the hot ones spread over all.
class Zipf {
 public:
  Zipf(int64_t accounts, int thread)
      : draws_(Draws(accounts)), next_(thread * 77'777 % draws_.size()) {}
  uint64_t Next() {
    if (++next_ == draws_.size()) next_ = 0;
    return draws_[next_];
  }

 private:
  static const std::vector<uint32_t>& Draws(int64_t accounts) {
    static auto& lists = *new std::vector<
        std::pair<int64_t, std::unique_ptr<std::vector<uint32_t>>>>;
    static std::mutex mutex;
    const std::lock_guard<std::mutex> lock(mutex);
    for (const auto& [n, list] : lists) {
      if (n == accounts) return *list;
    }
    std::vector<double> sums;
    double sum = 0;
    for (int64_t n = 0; n < accounts; ++n) sums.push_back(sum += 1.0 / (n + 1));
    std::mt19937_64 random(1);
    auto list = std::make_unique<std::vector<uint32_t>>();
    for (int i = 0; i < 1 << 20; ++i) {
      const double at = std::uniform_real_distribution<double>(0, sum)(random);
      const int64_t rank =
          std::lower_bound(sums.begin(), sums.end(), at) - sums.begin();
      list->push_back(static_cast<uint32_t>(rank * 7'919 % accounts));
    }
    lists.emplace_back(accounts, std::move(list));
    return *lists.back().second;
  }

  const std::vector<uint32_t>& draws_;
  size_t next_;
};

// The ids of random accounts, one after the other in one buffer.
template <typename Law>
class Ids {
 public:
  Ids(int64_t accounts, int thread) : law_(accounts, thread) {}
  absl::string_view Next() {
    id_.Set(law_.Next());
    return id_.view();
  }

 private:
  Law law_;
  Id id_{0};
};

class Time {
 public:
  UnixNanos Next() {
    now_ += kStepNs;
    return UnixNanos::FromNanos(now_);
  }

 private:
  int64_t now_ = kStart;
};

int64_t SystemNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t pages = 0;
  statm >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

// What a service writes first, and the common C++ bucket, as in
// limiter_benchmark.cc; one account each.
struct Counters {
  static constexpr int64_t kPeriods[2] = {60'000'000'000, 86'400'000'000'000};

  bool TryAcquire(int64_t now) {
    for (int i = 0; i < 2; ++i) {
      const int64_t window = now / kPeriods[i];
      if (window == windows[i]) continue;
      windows[i] = window;
      counts[i] = 0;
    }
    if (counts[0] >= kPlenty || counts[1] >= kPlenty) return false;
    ++counts[0];
    ++counts[1];
    return true;
  }

  int64_t windows[2] = {};
  int64_t counts[2] = {};
};

// Two counters an account in absl::flat_hash_map, 64 shards of a mutex each.
template <typename Mutex>
class ShardedCounters {
 public:
  explicit ShardedCounters(int64_t accounts) : shards_(kShards) {
    for (int64_t n = 0; n < accounts; ++n) {
      const Id id(n);
      ShardOf(id.view()).counters[std::string(id.view())];
    }
  }

  bool TryAcquire(absl::string_view id, int64_t now) {
    Shard& shard = ShardOf(id);
    Lock lock(shard.mutex);
    const auto found = shard.counters.find(id);
    return found != shard.counters.end() && found->second.TryAcquire(now);
  }

 private:
  static constexpr size_t kShards = 64;
  struct Lock {
    explicit Lock(Mutex& m) : mutex(m) {
      if constexpr (std::is_same_v<Mutex, absl::Mutex>) {
        mutex.Lock();
      } else {
        mutex.lock();
      }
    }
    ~Lock() {
      if constexpr (std::is_same_v<Mutex, absl::Mutex>) {
        mutex.Unlock();
      } else {
        mutex.unlock();
      }
    }
    Mutex& mutex;
  };
  struct alignas(64) Shard {
    Mutex mutex;
    absl::flat_hash_map<std::string, Counters> counters;
  };

  Shard& ShardOf(absl::string_view id) {
    return shards_[absl::Hash<absl::string_view>()(id) >> 58];
  }

  std::vector<Shard> shards_;
};

// A bucket of doubles an account, changed by one exchange. Its map is constant,
// so that it needs no lock.
class DoubleBuckets {
 public:
  explicit DoubleBuckets(int64_t accounts) : buckets_(accounts) {
    for (int64_t n = 0; n < accounts; ++n) {
      index_[std::string(Id(n).view())] = static_cast<uint32_t>(n);
    }
  }

  bool TryAcquire(absl::string_view id, int64_t now_ns) {
    const auto found = index_.find(id);
    if (found == index_.end()) return false;
    const double now = static_cast<double>(now_ns) * 1e-9;
    std::atomic<double>& zero_at = buckets_[found->second];
    double zero = zero_at.load();
    double next;
    do {
      const double tokens = std::min((now - zero) * kRate, kRate);
      if (tokens < 1) return false;
      next = now - (tokens - 1) / kRate;
    } while (!zero_at.compare_exchange_weak(zero, next));
    return true;
  }

 private:
  static constexpr double kRate = 1e9;

  absl::flat_hash_map<std::string, uint32_t> index_;
  std::vector<std::atomic<double>> buckets_;
};

// One of each for each number of accounts, made when it is first asked for.
template <typename Table>
Table& TableOf(int64_t accounts) {
  static auto& tables =
      *new std::vector<std::pair<int64_t, std::unique_ptr<Table>>>;
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  for (const auto& [n, table] : tables) {
    if (n == accounts) return *table;
  }
  tables.emplace_back(accounts, std::make_unique<Table>(accounts));
  return *tables.back().second;
}

struct Registry {
  explicit Registry(int64_t accounts, int64_t minute = kPlenty,
                    bool staggered = false) {
    const int64_t before = ResidentBytes();
    limiter =
        LimiterRegistry::Create({.capacity = static_cast<size_t>(accounts),
                                 .staggered = staggered,
                                 .seed = 1})
            .value();
    const std::vector<RateWindow> windows = Windows(minute);
    for (int64_t n = 0; n < accounts; ++n) {
      limiter->Insert(Id(n).view(), windows).value();
    }
    bytes_per_account =
        static_cast<double>(ResidentBytes() - before) / accounts;
  }

  std::unique_ptr<LimiterRegistry> limiter;
  double bytes_per_account = 0;
};
// Its accounts have used their one permit at kStart, or now.
struct FullRegistry : Registry {
  explicit FullRegistry(int64_t accounts,
                        UnixNanos now = UnixNanos::FromNanos(kStart))
      : Registry(accounts, 1) {
    for (int64_t n = 0; n < accounts; ++n) {
      limiter->TryAcquire(Id(n).view(), 1, now);
    }
  }
};
struct FullNowRegistry : FullRegistry {
  explicit FullNowRegistry(int64_t accounts)
      : FullRegistry(accounts, UnixNanos::CoarseNow()) {}
};
struct NowRegistry : Registry {
  explicit NowRegistry(int64_t accounts) : Registry(accounts) {}
};
struct StaggeredRegistry : Registry {
  explicit StaggeredRegistry(int64_t accounts)
      : Registry(accounts, kPlenty, /*staggered=*/true) {}
};

// In a file that is mapped, as a server has it, which writes it to the disk
// each second while the process runs.
struct FileRegistry {
  explicit FileRegistry(int64_t accounts) {
    const char* const folder = std::getenv("TEST_TMPDIR");
    const std::string path = std::string(folder != nullptr ? folder : "/tmp") +
                             "/registry." + std::to_string(getpid()) + "." +
                             std::to_string(accounts);
    file = LimitsFile::Open(path, {.capacity = static_cast<size_t>(accounts)})
               .value();
    unlink(path.c_str());
    limiter = &file->registry();
    const std::vector<RateWindow> windows = Windows(kPlenty);
    for (int64_t n = 0; n < accounts; ++n) {
      limiter->Insert(Id(n).view(), windows).value();
    }
    std::thread([this] {
      while (file->Sync().ok()) {
        std::this_thread::sleep_for(std::chrono::seconds(1));
      }
    }).detach();
  }

  std::unique_ptr<LimitsFile> file;
  LimiterRegistry* limiter = nullptr;
  double bytes_per_account = 0;
};

void Expect(benchmark::State& state, bool fact, const char* otherwise) {
  if (!fact) state.SkipWithError(otherwise);
}

void Sizes(benchmark::internal::Benchmark* b) {
  b->Arg(kSmall)->Arg(kLarge)->ThreadRange(1, 2)->UseRealTime();
}
void Large(benchmark::internal::Benchmark* b) {
  b->Arg(kLarge)->ThreadRange(1, 2)->UseRealTime();
}

// Floors.

// 64 bytes an account on huge pages: the registry's table without a limiter.
class Lines {
 public:
  explicit Lines(int64_t accounts) {
    const size_t bytes = static_cast<size_t>(accounts) * 64;
    memory_ =
        static_cast<char*>(mmap(nullptr, bytes + kAlign, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memory_ += kAlign - reinterpret_cast<uintptr_t>(memory_) % kAlign;
    madvise(memory_, bytes, MADV_HUGEPAGE);
    std::memset(memory_, 1, bytes);
  }
  std::atomic<uint64_t>& operator[](uint64_t n) {
    return *reinterpret_cast<std::atomic<uint64_t>*>(memory_ + n * 64);
  }

 private:
  static constexpr size_t kAlign = size_t{2} << 20;

  char* memory_;
};

// Where the next one is does not depend on this one: many are under way.
void BM_Floor_RandomLoad(benchmark::State& state) {
  Lines& lines = TableOf<Lines>(state.range(0));
  Uniform places(state.range(0), state.thread_index());
  for (auto _ : state) {
    benchmark::DoNotOptimize(lines[places.Next()].load());
  }
}
BENCHMARK(BM_Floor_RandomLoad)->Apply(Sizes);

// A locked instruction waits for its line and holds back what follows.
void BM_Floor_RandomFetchAdd(benchmark::State& state) {
  Lines& lines = TableOf<Lines>(state.range(0));
  Uniform places(state.range(0), state.thread_index());
  for (auto _ : state) {
    benchmark::DoNotOptimize(lines[places.Next()].fetch_add(0));
  }
}
BENCHMARK(BM_Floor_RandomFetchAdd)->Apply(Sizes);

void BM_Floor_DependentLoad(benchmark::State& state) {
  Lines& lines = TableOf<Lines>(state.range(0));
  Uniform places(state.range(0), state.thread_index());
  uint64_t last = 0;
  for (auto _ : state) last = lines[places.Next() ^ (last >> 63)].load();
  benchmark::DoNotOptimize(last);
}
BENCHMARK(BM_Floor_DependentLoad)->Apply(Sizes);

void BM_Floor_MakingIds(benchmark::State& state) {
  Ids<Uniform> ids(state.range(0), state.thread_index());
  for (auto _ : state) benchmark::DoNotOptimize(ids.Next().back());
}
BENCHMARK(BM_Floor_MakingIds)->Arg(kLarge);

void BM_Floor_CoarseClock(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(UnixNanos::CoarseNow());
}
BENCHMARK(BM_Floor_CoarseClock);

void BM_Floor_SystemClock(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(SystemNow());
}
BENCHMARK(BM_Floor_SystemClock);

// Time given.

template <typename Law, typename Table>
void AcquireGiven(benchmark::State& state, LimitOutcome outcome) {
  Table& registry = TableOf<Table>(state.range(0));
  LimiterRegistry& limiter = *registry.limiter;
  Ids<Law> ids(state.range(0), state.thread_index());
  Time time;
  bool as_expected = true;
  for (auto _ : state) {
    const Decision d = limiter.TryAcquire(ids.Next(), 1, time.Next());
    as_expected &= d.outcome() == outcome;
  }
  Expect(state, as_expected, "not as expected");
  state.counters["bytes_per_account"] = benchmark::Counter(
      registry.bytes_per_account, benchmark::Counter::kAvgThreads);
}

void BM_AdmittedGiven_Registry(benchmark::State& state) {
  AcquireGiven<Uniform, Registry>(state, LimitOutcome::kAllowed);
}
BENCHMARK(BM_AdmittedGiven_Registry)->Apply(Sizes);

// Against BM_AdmittedGiven_Registry: the file has no huge pages, and a page
// that was written to the disk is a fault when it is next changed.
void BM_AdmittedGiven_RegistryInFile(benchmark::State& state) {
  AcquireGiven<Uniform, FileRegistry>(state, LimitOutcome::kAllowed);
}
BENCHMARK(BM_AdmittedGiven_RegistryInFile)->Apply(Sizes);

void BM_AdmittedGiven_RegistryZipf(benchmark::State& state) {
  AcquireGiven<Zipf, Registry>(state, LimitOutcome::kAllowed);
}
BENCHMARK(BM_AdmittedGiven_RegistryZipf)->Apply(Sizes);

// 256 profiles of windows instead of one.
void BM_AdmittedGiven_StaggeredRegistry(benchmark::State& state) {
  AcquireGiven<Uniform, StaggeredRegistry>(state, LimitOutcome::kAllowed);
}
BENCHMARK(BM_AdmittedGiven_StaggeredRegistry)->Apply(Large);

void BM_RefusedGiven_Registry(benchmark::State& state) {
  AcquireGiven<Uniform, FullRegistry>(state, LimitOutcome::kRetryLater);
}
BENCHMARK(BM_RefusedGiven_Registry)->Apply(Sizes);

void BM_RefusedGiven_RegistryZipf(benchmark::State& state) {
  AcquireGiven<Zipf, FullRegistry>(state, LimitOutcome::kRetryLater);
}
BENCHMARK(BM_RefusedGiven_RegistryZipf)->Apply(Large);

void BM_AdmittedGiven_RegistryHandle(benchmark::State& state) {
  LimiterRegistry& limiter = *TableOf<Registry>(state.range(0)).limiter;
  const LimiterRegistry::Handle handle = limiter.Find(Id(0).view());
  Time time;
  bool allowed = true;
  for (auto _ : state) {
    allowed &= limiter.TryAcquire(handle, 1, time.Next()).allowed();
  }
  Expect(state, allowed, "refused");
}
BENCHMARK(BM_AdmittedGiven_RegistryHandle)->Arg(kLarge);

// An unknown account costs a look-up that fails.
void BM_UnknownGiven_Registry(benchmark::State& state) {
  LimiterRegistry& limiter = *TableOf<Registry>(state.range(0)).limiter;
  Uniform places(state.range(0), state.thread_index());
  Time time;
  bool unknown = true;
  for (auto _ : state) {
    const Id id(places.Next() + 0x80000000);
    unknown &= limiter.TryAcquire(id.view(), 1, time.Next()).outcome() ==
               LimitOutcome::kUnknownAccount;
  }
  Expect(state, unknown, "known");
}
BENCHMARK(BM_UnknownGiven_Registry)->Apply(Large);

// Each iteration is one request, of batches of 32.
template <typename Law, typename Table>
void AcquireBatches(benchmark::State& state, LimitOutcome outcome,
                    bool own_clock) {
  constexpr size_t kBatch = LimiterRegistry::kBatch;
  LimiterRegistry& limiter = *TableOf<Table>(state.range(0)).limiter;
  Law accounts(state.range(0), state.thread_index());
  Time time;
  std::vector<Id> buffers(kBatch, Id(0));
  std::array<LimiterRegistry::Request, kBatch> requests;
  bool as_expected = true;
  while (state.KeepRunningBatch(kBatch)) {
    for (size_t i = 0; i < kBatch; ++i) {
      buffers[i].Set(accounts.Next());
      requests[i].account = buffers[i].view();
    }
    limiter.AcquireBatch(requests,
                         own_clock ? UnixNanos::CoarseNow() : time.Next(),
                         [&](size_t, const Decision& d) {
                           as_expected &= d.outcome() == outcome;
                         });
  }
  Expect(state, as_expected, "not as expected");
}

void BM_AdmittedGiven_RegistryBatch32(benchmark::State& state) {
  AcquireBatches<Uniform, Registry>(state, LimitOutcome::kAllowed, false);
}
BENCHMARK(BM_AdmittedGiven_RegistryBatch32)->Apply(Sizes);

void BM_AdmittedGiven_RegistryBatch32Zipf(benchmark::State& state) {
  AcquireBatches<Zipf, Registry>(state, LimitOutcome::kAllowed, false);
}
BENCHMARK(BM_AdmittedGiven_RegistryBatch32Zipf)->Apply(Large);

void BM_RefusedGiven_RegistryBatch32(benchmark::State& state) {
  AcquireBatches<Uniform, FullRegistry>(state, LimitOutcome::kRetryLater,
                                        false);
}
BENCHMARK(BM_RefusedGiven_RegistryBatch32)->Apply(Large);

void BM_AdmittedOwnClock_RegistryBatch32(benchmark::State& state) {
  AcquireBatches<Uniform, NowRegistry>(state, LimitOutcome::kAllowed, true);
}
BENCHMARK(BM_AdmittedOwnClock_RegistryBatch32)->Apply(Large);

// Own clock.

template <typename Law, typename Table>
void AcquireOwnClock(benchmark::State& state, LimitOutcome outcome) {
  LimiterRegistry& limiter = *TableOf<Table>(state.range(0)).limiter;
  Ids<Law> ids(state.range(0), state.thread_index());
  bool as_expected = true;
  for (auto _ : state) {
    as_expected &= limiter.TryAcquire(ids.Next(), 1).outcome() == outcome;
  }
  Expect(state, as_expected, "not as expected");
}

void BM_AdmittedOwnClock_Registry(benchmark::State& state) {
  AcquireOwnClock<Uniform, NowRegistry>(state, LimitOutcome::kAllowed);
}
BENCHMARK(BM_AdmittedOwnClock_Registry)->Apply(Sizes);

void BM_AdmittedOwnClock_RegistryZipf(benchmark::State& state) {
  AcquireOwnClock<Zipf, NowRegistry>(state, LimitOutcome::kAllowed);
}
BENCHMARK(BM_AdmittedOwnClock_RegistryZipf)->Apply(Large);

void BM_RefusedOwnClock_Registry(benchmark::State& state) {
  AcquireOwnClock<Uniform, FullNowRegistry>(state, LimitOutcome::kRetryLater);
}
BENCHMARK(BM_RefusedOwnClock_Registry)->Apply(Large);

// The rivals.

template <typename Law, typename Table>
void RivalGiven(benchmark::State& state) {
  Table& table = TableOf<Table>(state.range(0));
  Ids<Law> ids(state.range(0), state.thread_index());
  Time time;
  bool allowed = true;
  for (auto _ : state) {
    allowed &= table.TryAcquire(ids.Next(), time.Next().nanos());
  }
  Expect(state, allowed, "refused");
}

template <typename Law, typename Table>
void RivalOwnClock(benchmark::State& state) {
  Table& table = TableOf<Table>(state.range(0));
  Ids<Law> ids(state.range(0), state.thread_index());
  bool allowed = true;
  for (auto _ : state) {
    allowed &= table.TryAcquire(ids.Next(), SystemNow());
  }
  Expect(state, allowed, "refused");
}

using AbslSharded = ShardedCounters<absl::Mutex>;
using StdSharded = ShardedCounters<std::mutex>;

void BM_AdmittedGiven_AbslMutexCounters(benchmark::State& state) {
  RivalGiven<Uniform, AbslSharded>(state);
}
BENCHMARK(BM_AdmittedGiven_AbslMutexCounters)->Apply(Sizes);

void BM_AdmittedGiven_AbslMutexCountersZipf(benchmark::State& state) {
  RivalGiven<Zipf, AbslSharded>(state);
}
BENCHMARK(BM_AdmittedGiven_AbslMutexCountersZipf)->Apply(Large);

void BM_AdmittedOwnClock_AbslMutexCounters(benchmark::State& state) {
  RivalOwnClock<Uniform, AbslSharded>(state);
}
BENCHMARK(BM_AdmittedOwnClock_AbslMutexCounters)->Apply(Large);

void BM_AdmittedGiven_StdMutexCounters(benchmark::State& state) {
  RivalGiven<Uniform, StdSharded>(state);
}
BENCHMARK(BM_AdmittedGiven_StdMutexCounters)->Apply(Sizes);

void BM_AdmittedOwnClock_StdMutexCounters(benchmark::State& state) {
  RivalOwnClock<Uniform, StdSharded>(state);
}
BENCHMARK(BM_AdmittedOwnClock_StdMutexCounters)->Apply(Large);

void BM_AdmittedGiven_DoubleBuckets(benchmark::State& state) {
  RivalGiven<Uniform, DoubleBuckets>(state);
}
BENCHMARK(BM_AdmittedGiven_DoubleBuckets)->Apply(Sizes);

void BM_AdmittedOwnClock_DoubleBuckets(benchmark::State& state) {
  RivalOwnClock<Uniform, DoubleBuckets>(state);
}
BENCHMARK(BM_AdmittedOwnClock_DoubleBuckets)->Apply(Large);

}  // namespace
}  // namespace konpro

BENCHMARK_MAIN();
