// The rules of one account: a reservation and its settlement, against what a
// service would write instead.
//
// Every figure is to be read as a ratio to another of the same run. The rival
// keeps grants and reservations in maps, looks through all of them for what has
// ended, and sorts what it may draw on, under a mutex; it has no allowances, no
// partial captures and no memory of what was closed. Both have eight grants:
// two for another operation, one that begins later, five that can be drawn on.
//
// Time moves on by a microsecond a command, so that no branch on it is decided
// for good; nothing ends unless the name says so. With N open reservations, as
// many others stay open beside the one that is measured.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/account_command.h"

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

constexpr int64_t kStart = 1'700'000'000'000'000'000;
constexpr int64_t kStepNs = 1'000;
constexpr int64_t kHourNs = int64_t{3600} * 1'000'000'000;
constexpr int64_t kYearNs = 365 * 24 * kHourNs;
constexpr int64_t kPlenty = int64_t{1} << 59;
constexpr int64_t kCost = 540'000;  // 90 ms of avatar video
constexpr int kGrants = 8;
constexpr absl::string_view kOperation = "avatar_video";

UnixNanos At(int64_t nanos) { return UnixNanos::FromNanos(nanos); }

GrantCommand Grant(int i) {
  return {.id = "pack-" + std::to_string(i),
          .amount = Credits::FromTicks(kPlenty),
          .priority = i % 3,
          .effective_at = At(i == 7 ? kStart + kYearNs : kStart),
          .expires_at = At(kStart + (2 + i) * kYearNs),
          .operations = i < 2   ? std::vector<std::string>{"photo_avatar"}
                        : i < 4 ? std::vector<std::string>{"video_translation",
                                                           "avatar_video"}
                                : std::vector<std::string>{}};
}

void Expect(benchmark::State& state, bool holds, const char* what) {
  if (!holds) state.SkipWithError(what);
}

// Numbers and times of commands.
class Clock {
 public:
  CommandMoment Next() {
    return {.sequence = ++sequence_,
            .now = At(kStart + static_cast<int64_t>(sequence_) * kStepNs)};
  }

 private:
  uint64_t sequence_ = 0;
};

UnixNanos InAnHour(const CommandMoment& moment) {
  return At(moment.now.nanos() + kHourNs);
}

ReserveCommand ReservationFor(int64_t cost, UnixNanos expires_at) {
  return {.amount = Credits::FromTicks(cost),
          .operation = kOperation,
          .expires_at = expires_at};
}

// With `open` reservations that outlast the run.
Account Filled(Clock& clock, int64_t open) {
  Account account;
  AccountEffect effect;
  for (int i = 0; i < kGrants; ++i) {
    account.Apply(Grant(i), clock.Next(), effect);
  }
  for (int64_t i = 0; i < open; ++i) {
    account.Apply(ReservationFor(kCost, At(kStart + kYearNs + i)), clock.Next(),
                  effect);
  }
  return account;
}

// Runs `pair` until the account is warm, and then counts its allocations.
template <typename Pair>
void Run(benchmark::State& state, Pair pair) {
  bool applied = true;
  for (int i = 0; i < 2'000; ++i) applied &= pair();
  const int64_t before = allocations.load();
  for (auto _ : state) applied &= pair();
  state.counters["allocations"] =
      static_cast<double>(allocations.load() - before);
  state.SetItemsProcessed(state.iterations());
  Expect(state, applied, "refused");
}

void BM_ReserveCapture_Konpro(benchmark::State& state) {
  Clock clock;
  Account account = Filled(clock, state.range(0));
  AccountEffect effect;
  Run(state, [&] {
    const CommandMoment reserved = clock.Next();
    account.Apply(ReservationFor(kCost, InAnHour(reserved)), reserved, effect);
    const bool applied = effect.applied();
    account.Apply(CaptureCommand{.reservation = reserved.sequence,
                                 .amount = Credits::FromTicks(kCost - 6'000)},
                  clock.Next(), effect);
    return applied && effect.applied();
  });
}
BENCHMARK(BM_ReserveCapture_Konpro)->Arg(0)->Arg(100)->Arg(100'000);

// All five grants are drawn on and given back.
void BM_ReserveVoidAcrossGrants_Konpro(benchmark::State& state) {
  Clock clock;
  Account account = Filled(clock, 0);
  AccountEffect effect;
  Run(state, [&] {
    const CommandMoment reserved = clock.Next();
    account.Apply(ReservationFor(4 * kPlenty + 1, InAnHour(reserved)), reserved,
                  effect);
    const bool applied = effect.applied();
    account.Apply(VoidCommand{.reservation = reserved.sequence}, clock.Next(),
                  effect);
    return applied && effect.applied();
  });
}
BENCHMARK(BM_ReserveVoidAcrossGrants_Konpro);

// Each reservation ends unsettled, by the time of the next.
void BM_ReserveExpire_Konpro(benchmark::State& state) {
  Clock clock;
  Account account = Filled(clock, state.range(0));
  AccountEffect effect;
  Run(state, [&] {
    const CommandMoment reserved = clock.Next();
    account.Apply(ReservationFor(kCost, At(reserved.now.nanos() + 1)), reserved,
                  effect);
    return effect.applied();
  });
}
BENCHMARK(BM_ReserveExpire_Konpro)->Arg(0)->Arg(100'000);

void BM_Spend_Konpro(benchmark::State& state) {
  Clock clock;
  Account account = Filled(clock, 0);
  AccountEffect effect;
  Run(state, [&] {
    account.Apply(SpendCommand{.amount = Credits::FromTicks(kCost),
                               .operation = kOperation},
                  clock.Next(), effect);
    return effect.applied();
  });
}
BENCHMARK(BM_Spend_Konpro);

void BM_SpendRefused_Konpro(benchmark::State& state) {
  Clock clock;
  Account account = Filled(clock, 0);
  AccountEffect effect;
  Run(state, [&] {
    account.Apply(
        SpendCommand{.amount = Credits::Max(), .operation = kOperation},
        clock.Next(), effect);
    return !effect.applied();
  });
}
BENCHMARK(BM_SpendRefused_Konpro);

// The bytes of a snapshot.
void BM_Encode_Konpro(benchmark::State& state) {
  Clock clock;
  const Account account = Filled(clock, state.range(0));
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    account.EncodeTo(bytes);
    benchmark::DoNotOptimize(bytes.data());
  }
  state.counters["bytes"] = static_cast<double>(bytes.size());
}
BENCHMARK(BM_Encode_Konpro)->Arg(0)->Arg(100);

// What a billing service writes first.
class MapAccount {
 public:
  void Add(GrantCommand grant) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const int64_t free = grant.amount.ticks();
    std::string id = grant.id;
    grants_.emplace(std::move(id), Grant{std::move(grant), free});
  }

  bool Reserve(uint64_t job, const ReserveCommand& command, int64_t now) {
    const std::lock_guard<std::mutex> lock(mutex_);
    Expire(now);
    std::vector<std::pair<const std::string, Grant>*> usable;
    int64_t available = 0;
    for (auto& entry : grants_) {
      const Grant& grant = entry.second;
      if (!MayDraw(grant.command, command.operation, now)) continue;
      usable.push_back(&entry);
      available += grant.free;
    }
    int64_t missing = command.amount.ticks();
    if (available < missing) return false;
    std::sort(usable.begin(), usable.end(), [](const auto* a, const auto* b) {
      const GrantCommand& x = a->second.command;
      const GrantCommand& y = b->second.command;
      return std::pair(x.priority, x.expires_at) <
             std::pair(y.priority, y.expires_at);
    });
    Reservation& reservation = reservations_[job];
    reservation.expires_at = command.expires_at.nanos();
    for (auto* entry : usable) {
      const int64_t part = std::min(missing, entry->second.free);
      if (part == 0) break;
      entry->second.free -= part;
      missing -= part;
      reservation.held.emplace_back(entry->first, part);
    }
    return true;
  }

  bool Capture(uint64_t job, int64_t amount, int64_t now) {
    const std::lock_guard<std::mutex> lock(mutex_);
    Expire(now);
    const auto it = reservations_.find(job);
    if (it == reservations_.end()) return false;
    for (auto& [id, held] : it->second.held) {
      const int64_t part = std::min(amount, held);
      amount -= part;
      Grant& grant = grants_.at(id);
      grant.spent += part;
      grant.free += held - part;
    }
    reservations_.erase(it);
    return true;
  }

 private:
  struct Grant {
    GrantCommand command;
    int64_t free = 0;
    int64_t spent = 0;
  };
  struct Reservation {
    int64_t expires_at = 0;
    std::vector<std::pair<std::string, int64_t>> held;
  };

  static bool MayDraw(const GrantCommand& grant, absl::string_view operation,
                      int64_t now) {
    return grant.effective_at.nanos() <= now &&
           now < grant.expires_at.nanos() &&
           (grant.operations.empty() ||
            std::find(grant.operations.begin(), grant.operations.end(),
                      operation) != grant.operations.end());
  }

  void Expire(int64_t now) {
    for (auto it = reservations_.begin(); it != reservations_.end();) {
      if (it->second.expires_at > now) {
        ++it;
        continue;
      }
      for (auto& [id, held] : it->second.held) grants_.at(id).free += held;
      it = reservations_.erase(it);
    }
  }

  std::mutex mutex_;
  std::map<std::string, Grant> grants_;
  std::map<uint64_t, Reservation> reservations_;
};

void BM_ReserveCapture_Maps(benchmark::State& state) {
  Clock clock;
  MapAccount account;
  for (int i = 0; i < kGrants; ++i) account.Add(Grant(i));
  for (int64_t i = 0; i < state.range(0); ++i) {
    const CommandMoment moment = clock.Next();
    account.Reserve(moment.sequence,
                    ReservationFor(kCost, At(kStart + kYearNs + i)),
                    moment.now.nanos());
  }
  Run(state, [&] {
    const CommandMoment reserved = clock.Next();
    const bool applied = account.Reserve(
        reserved.sequence, ReservationFor(kCost, InAnHour(reserved)),
        reserved.now.nanos());
    return applied && account.Capture(reserved.sequence, kCost - 6'000,
                                      clock.Next().now.nanos());
  });
}
BENCHMARK(BM_ReserveCapture_Maps)->Arg(0)->Arg(100);

}  // namespace
}  // namespace konpro

BENCHMARK_MAIN();
