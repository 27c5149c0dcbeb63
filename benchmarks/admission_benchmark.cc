// A request at admission, from the text of its key to the answer, with a
// million accounts, each with a key; the clock is its own.
//
// Every figure is to be read as a ratio to another of the same run. The floor
// of an unmetered request is what it cannot do without: the SHA-256 of the key
// (BM_Sha256) and the registry's step for one of a million accounts
// (BM_Registry). Texts are walked in the order in which they were made, as if
// each had just arrived: they come from the cache, while the slots of keys and
// of limiters are all over tables that are larger than any cache.
//
// BM_Hold is a metered request: the same, a price, and credits held in a ledger
// in memory. `allocs` counts allocations for each request.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/access/admission.h"
#include "konpro/access/api_key.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/store.h"
#include "konpro/limits/rate_window.h"

namespace {
thread_local size_t allocations = 0;
}  // namespace

// Not inlined: a compiler that sees one of the two alone takes them for a
// mismatch.
ABSL_ATTRIBUTE_NOINLINE void* operator new(size_t size) {
  ++allocations;
  void* const block = malloc(size);
  if (block == nullptr) abort();
  return block;
}
ABSL_ATTRIBUTE_NOINLINE void operator delete(void* block) noexcept {
  free(block);
}
ABSL_ATTRIBUTE_NOINLINE void operator delete(void* block, size_t) noexcept {
  free(block);
}

namespace konpro {
namespace {

constexpr size_t kAccounts = 1'000'000;
constexpr size_t kTextBytes = ApiKeyText::kBytes;

class NoKeyStore : public KeyStore {
 public:
  absl::StatusOr<size_t> Count() override { return 0; }
  absl::Status Put(absl::Span<const ApiKeyRecord>) override {
    return absl::OkStatus();
  }
  absl::Status LoadAll(absl::FunctionRef<absl::Status(ApiKeyRecord)>) override {
    return absl::OkStatus();
  }
};

class NoAccountStore : public AccountStore {
 public:
  absl::Status Put(const AccountRecord&) override { return absl::OkStatus(); }
  absl::Status LoadAll(
      absl::FunctionRef<absl::Status(AccountRecord)>) override {
    return absl::OkStatus();
  }
};

// The built-in catalog, and a plan whose windows never refuse.
Catalog WithBigPlan() {
  const Catalog& built_in = Catalog::BuiltIn();
  Catalog::Spec spec = {.version = "big"};
  spec.operations.assign(built_in.operations().begin(),
                         built_in.operations().end());
  spec.price_lists.assign(built_in.price_lists().begin(),
                          built_in.price_lists().end());
  spec.plans.push_back(
      Plan::Create({.name = "big",
                    .windows = ParseWindows("minute:1000000000/1m,"
                                            "day:1000000000/24h")
                                   .value(),
                    .operations = {"avatar_video"}})
          .value());
  return Catalog::Create(spec).value();
}

struct Accounts {
  ApiKeyText Text(size_t i) const {
    return ApiKeyText(
        absl::string_view(texts).substr(i * kTextBytes, kTextBytes));
  }

  const Catalog catalog = WithBigPlan();
  NoKeyStore key_store;
  NoAccountStore account_store;
  std::unique_ptr<KeyDirectory> keys;
  std::unique_ptr<AccountDirectory> accounts;
  std::unique_ptr<LimiterRegistry> limits;
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<Admission> admission;
  std::string texts;  // one after the other
  std::vector<std::string> ids;
};

Accounts& Shared() {
  static Accounts& memory = *[] {
    auto* all = new Accounts;
    all->keys =
        KeyDirectory::Open(all->key_store, {.keys_max = kAccounts}).value();
    all->accounts = AccountDirectory::Open(all->account_store).value();
    all->limits = LimiterRegistry::Create({.capacity = kAccounts}).value();
    all->ledger = Ledger::Open(std::make_unique<MemoryStore>(), {}).value();
    all->admission = Admission::Open({.catalog = all->catalog,
                                      .keys = *all->keys,
                                      .accounts = *all->accounts,
                                      .limits = *all->limits,
                                      .ledger = *all->ledger},
                                     {.first_plan = "big"})
                         .value();
    const absl::Time now = absl::Now();
    for (size_t i = 0; i < kAccounts; ++i) {
      all->ids.push_back(absl::StrCat("account-", i));
      const MintedKey key =
          all->admission->CreateKey({.account_id = all->ids.back()}, now)
              .value();
      absl::StrAppend(&all->texts, key.secret.text().Reveal());
    }
    // The first use in a minute is written down; here all have been used.
    for (size_t i = 0; i < kAccounts; ++i) {
      benchmark::DoNotOptimize(all->admission->Admit({.key = all->Text(i)}));
    }
    return all;
  }();
  return memory;
}

// Each thread begins somewhere else.
class Walk {
 public:
  explicit Walk(const benchmark::State& state)
      : next_(kAccounts / static_cast<size_t>(state.threads()) *
              static_cast<size_t>(state.thread_index())) {}

  size_t Next() {
    const size_t place = next_;
    if (++next_ == kAccounts) next_ = 0;
    return place;
  }

 private:
  size_t next_;
};

// Of the calling thread since it was made.
class Allocations {
 public:
  void Report(benchmark::State& state) const {
    state.counters["allocs"] =
        benchmark::Counter(static_cast<double>(allocations - before_),
                           benchmark::Counter::kAvgIterations);
  }

 private:
  const size_t before_ = allocations;
};

void BM_Sha256(benchmark::State& state) {
  const Accounts& memory = Shared();
  Walk walk(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(ApiKeyDigest::Of(memory.Text(walk.Next())));
  }
}
BENCHMARK(BM_Sha256)->ThreadRange(1, 2)->UseRealTime();

void BM_Registry(benchmark::State& state) {
  Accounts& memory = Shared();
  Walk walk(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        memory.limits->TryAcquire(memory.ids[walk.Next()], 1).allowed());
  }
}
BENCHMARK(BM_Registry)->ThreadRange(1, 2)->UseRealTime();

void BM_Admit_Unmetered(benchmark::State& state) {
  Accounts& memory = Shared();
  Walk walk(state);
  const Allocations counted;
  bool ok = true;
  for (auto _ : state) {
    ok = ok & memory.admission->Admit({.key = memory.Text(walk.Next())}).ok();
  }
  counted.Report(state);
  if (!ok) state.SkipWithError("refused");
}
BENCHMARK(BM_Admit_Unmetered)->ThreadRange(1, 2)->UseRealTime();

// An unknown key of the right form: it is hashed, looked for and refused.
void BM_Admit_UnknownKey(benchmark::State& state) {
  Accounts& memory = Shared();
  std::string texts;
  for (int i = 0; i < 1'000; ++i) {
    absl::StrAppend(&texts, ApiKeySecret::Mint()->text().Reveal());
  }
  size_t next = 0;
  const Allocations counted;
  for (auto _ : state) {
    const absl::string_view text =
        absl::string_view(texts).substr(next * kTextBytes, kTextBytes);
    benchmark::DoNotOptimize(
        memory.admission->Admit({.key = ApiKeyText(text)}).ok());
    next = next == 999 ? 0 : next + 1;
  }
  counted.Report(state);
}
BENCHMARK(BM_Admit_UnknownKey);

// A thousand accounts take turns; ids are never used twice.
void BM_Hold(benchmark::State& state) {
  constexpr size_t kPayers = 1'000;
  Accounts& memory = Shared();
  static std::atomic<uint64_t> runs{0};
  const uint64_t run = ++runs;
  for (size_t i = 0; i < kPayers; ++i) {
    const auto granted = memory.ledger->Apply(
        {.account = memory.ids[i],
         .id = absl::StrCat("grant-", run),
         .at = UnixNanos::CoarseNow(),
         .request =
             GrantCommand{.amount = Credits::Parse("100000000").value()}});
    if (!granted.ok()) state.SkipWithError("no grant");
  }
  uint64_t jobs = 0;
  bool ok = true;
  for (auto _ : state) {
    const std::string id = absl::StrCat(run, "/", jobs);
    ok = ok & memory.admission
                  ->Admit({.key = memory.Text(jobs % kPayers),
                           .operation = "avatar_video",
                           .quantity = 1,
                           .id = id,
                           .job = id})
                  .ok();
    ++jobs;
  }
  state.SetItemsProcessed(state.iterations());
  if (!ok) state.SkipWithError("refused");
}
BENCHMARK(BM_Hold)->Iterations(200'000);

}  // namespace
}  // namespace konpro

BENCHMARK_MAIN();
