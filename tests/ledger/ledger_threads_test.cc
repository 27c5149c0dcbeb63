// Threads that apply commands to the same few accounts, while others read:
// their results are one order of all commands, which keeps the order of calls,
// and the journal replayed alone gives the same accounts.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/mutex.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/price_list.h"
#include "konpro/ledger/internal/ledger_batch.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/quantity_capture.h"
#include "tests/testing/ledger_workload.h"
#include "tests/testing/shared_store.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::LedgerWorkload;
using ::konpro::testing::SharedStore;

constexpr int kThreads = 6;
constexpr int kCalls = 150;
constexpr size_t kAccounts = 3;
const UnixNanos kStart = UnixNanos::FromNanos(1'800'000'000'000'000'000);

// A command that took effect, and when its call began and had returned, by a
// count of both.
struct Event {
  uint64_t sequence = 0;
  uint64_t begin = 0;
  uint64_t end = 0;
};

class Contest {
 public:
  explicit Contest(uint64_t seed) : seed_(seed) {
    std::cout << "seed " << seed << std::endl;
    ledger_ = Ledger::Open(std::make_unique<SharedStore>(content_),
                           {.snapshot_every = 500})
                  .value();
  }

  // The threads of a run; each retries after kUnavailable.
  void Apply() {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([this, i] { Call(i); });
    }
    std::thread reader([this] { Read(); });
    for (std::thread& thread : threads) thread.join();
    is_done_ = true;
    reader.join();
  }

  // For i before j in the ledger's order, j did not end before i began.
  void ExpectOrderOfCalls() {
    std::sort(events_.begin(), events_.end(), [](const auto& a, const auto& b) {
      return a.sequence < b.sequence;
    });
    uint64_t earliest_end = ~uint64_t{0};
    for (size_t i = events_.size(); i-- > 0;) {
      EXPECT_GE(earliest_end, events_[i].begin)
          << "entry " << events_[i].sequence;
      earliest_end = std::min(earliest_end, events_[i].end);
    }
  }

  void ExpectJournalAloneGivesTheSame() {
    EXPECT_THAT(ledger_->Verify([](uint64_t) {}), IsOk());
    std::vector<Balance> balances;
    std::vector<std::string> accounts = ledger_->AccountIds().value();
    EXPECT_EQ(accounts.size(), kAccounts);
    const UnixNanos now = ledger_->Now();
    for (const std::string& account : accounts) {
      balances.push_back(ledger_->BalanceOf(account, now).value());
    }
    const uint64_t sequence = ledger_->Head()->sequence;
    ledger_.reset();
    ASSERT_THAT(content_->store.DropSnapshots(), IsOk());
    ledger_ = Ledger::Open(std::make_unique<SharedStore>(content_), {}).value();
    EXPECT_EQ(ledger_->Head()->sequence, sequence);
    for (size_t i = 0; i < accounts.size(); ++i) {
      EXPECT_EQ(ledger_->BalanceOf(accounts[i], now).value(), balances[i]);
      absl::StatusOr<Account> past =
          ledger_->AccountAtSequence(accounts[i], sequence);
      ASSERT_THAT(past, IsOk());
      past->Advance(now);
      EXPECT_EQ(past->balance(), balances[i]);
    }
  }

  // Each id once, though some were asked again after an error.
  void ExpectEveryIdOnce() {
    std::set<std::string> ids;
    ASSERT_THAT(ledger_->ForEachEntry(
                    1, ~uint64_t{0},
                    [&](const JournalEntry& entry, absl::string_view) {
                      EXPECT_TRUE(ids.emplace(entry.command.id).second)
                          << entry.command.id;
                      return absl::OkStatus();
                    }),
                IsOk());
    EXPECT_GE(ids.size(), events_.size());
  }

  SharedStore::Content& content() { return *content_; }
  int unavailable() const { return unavailable_; }

 private:
  void Call(int thread) {
    LedgerWorkload workload(seed_ + thread, absl::StrCat("t", thread, "-"),
                            kAccounts, kStart);
    std::mt19937_64 random(seed_ ^ thread);
    std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
    std::vector<Event> events;
    for (int i = 0; i < kCalls; ++i) {
      std::vector<LedgerCommand> batch;
      for (uint64_t j = 1 + random() % 6; j-- > 0;) {
        batch.push_back(workload.Next());
      }
      const uint64_t begin = clock_++;
      ledger_->ApplyBatch(batch, outcomes);
      while (absl::IsUnavailable(outcomes.front().status())) {
        ++unavailable_;
        // It may have been done by the call that failed.
        ledger_->ApplyBatch(batch, outcomes);
      }
      const uint64_t end = clock_++;
      for (const absl::StatusOr<LedgerOutcome>& outcome : outcomes) {
        if (!outcome.ok() || outcome->replayed) continue;
        events.push_back({outcome->sequence, begin, end});
      }
    }
    const MutexLock lock(mu_);
    events_.insert(events_.end(), events.begin(), events.end());
  }

  // Whatever it sees has been committed, and only grows.
  void Read() {
    uint64_t seen = 0;
    while (!is_done_) {
      const uint64_t sequence = ledger_->Head()->sequence;
      EXPECT_GE(sequence, seen);
      seen = sequence;
      ledger_->BalanceOf("account-0", kStart).status().IgnoreError();
      EXPECT_THAT(ledger_->Verify([](uint64_t) {}), IsOk());
      ledger_
          ->History("account-1",
                    [](const JournalEntry&, absl::string_view) {
                      return absl::OkStatus();
                    })
          .IgnoreError();
    }
  }

  const uint64_t seed_;
  const std::shared_ptr<SharedStore::Content> content_ =
      std::make_shared<SharedStore::Content>();
  std::unique_ptr<Ledger> ledger_;
  std::atomic<uint64_t> clock_ = 0;
  std::atomic<bool> is_done_ = false;
  std::atomic<int> unavailable_ = 0;
  Mutex mu_;
  std::vector<Event> events_;
};

TEST(LedgerThreads, AgreeOnOneOrder) {
  Contest run(std::random_device{}());
  run.Apply();
  run.ExpectOrderOfCalls();
  run.ExpectEveryIdOnce();
  run.ExpectJournalAloneGivesTheSame();
  EXPECT_EQ(run.unavailable(), 0);
}

TEST(LedgerThreads, AgreeOnOneOrderWhenCommitsFail) {
  Contest run(std::random_device{}());
  // The store is used by one thread at a time.
  run.content().fails_before = [n = 0]() mutable { return ++n % 7 == 0; };
  run.content().fails_after = [n = 0]() mutable { return ++n % 5 == 0; };
  run.Apply();
  run.ExpectOrderOfCalls();
  run.ExpectEveryIdOnce();
  run.ExpectJournalAloneGivesTheSame();
  EXPECT_GT(run.unavailable(), 0);
}

// The store is busy with the first command until all others have queued up:
// they are one more commit, or a few if a thread is late.
TEST(LedgerThreads, CallsThatQueueUpShareACommit) {
  constexpr int kCallers = 16;
  const auto content = std::make_shared<SharedStore::Content>();
  std::atomic<int> calling = 0;
  std::atomic<int> commits = 0;
  content->fails_before = [&] {
    if (++commits > 1) return false;
    while (calling < kCallers) std::this_thread::yield();
    // From there into the queue.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return false;
  };
  std::unique_ptr<Ledger> ledger =
      Ledger::Open(std::make_unique<SharedStore>(content), {}).value();
  std::vector<std::thread> threads;
  for (int i = 0; i < kCallers; ++i) {
    threads.emplace_back([&, i] {
      ++calling;
      const std::string id = absl::StrCat("g", i);
      EXPECT_THAT(ledger->Apply({.account = "acme",
                                 .id = id,
                                 .at = kStart,
                                 .request = SpendCommand{}}),
                  IsOk());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ledger->Head()->sequence, kCallers);
  EXPECT_GE(commits, 2);
  EXPECT_LE(commits, kCallers / 2);
}

// Every public method, called by two threads while two others apply commands.
// The thread sanitizer fails these if a method does without its lock: its
// thread calls no other method, and sleeps so that a writer comes next.
class LedgerLocks : public ::testing::Test {
 protected:
  LedgerLocks() {
    ledger_ = Ledger::Open(std::make_unique<SharedStore>(content_),
                           {.snapshot_every = 50})
                  .value();
    Spend("first");
  }

  void Spend(const std::string& id, absl::string_view account = "acme") {
    EXPECT_THAT(ledger_->Apply({.account = account,
                                .id = id,
                                .at = kStart,
                                .request = SpendCommand{}}),
                IsOk());
  }

  template <typename Call>
  void Race(Call call) {
    constexpr int kWritten = 150;
    std::atomic<int> writers = 2;
    std::vector<std::thread> threads;
    for (int w = 0; w < 2; ++w) {
      threads.emplace_back([&, w] {
        for (int i = 0; i < kWritten; ++i) {
          const std::string id = absl::StrCat(w, "-", i);
          // One of them makes a new account each time.
          Spend(id, w == 0 ? "acme" : id);
        }
        --writers;
      });
      threads.emplace_back([&] {
        do {
          call();
          std::this_thread::sleep_for(std::chrono::microseconds(100));
        } while (writers.load(std::memory_order_relaxed) > 0);
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(ledger_->Head()->sequence, 2 * kWritten + 1);
    EXPECT_THAT(ledger_->Verify([](uint64_t) {}), IsOk());
  }

  const std::shared_ptr<SharedStore::Content> content_ =
      std::make_shared<SharedStore::Content>();
  std::unique_ptr<Ledger> ledger_;
};

TEST_F(LedgerLocks, Apply) {
  std::atomic<int> count = 0;
  Race([&] {
    ledger_
        ->Apply({.account = "acme",
                 .at = kStart,
                 .request = SpendCommand{.mode = DrawMode::kCheckOnly}})
        .status()
        .IgnoreError();
    ++count;
  });
  EXPECT_GT(count, 0);
}
TEST_F(LedgerLocks, Now) {
  Race([&] { EXPECT_GE(ledger_->Now(), UnixNanos()); });
}
TEST_F(LedgerLocks, Head) {
  Race([&] { EXPECT_THAT(ledger_->Head(), IsOk()); });
}
TEST_F(LedgerLocks, AccountIds) {
  Race([&] { EXPECT_THAT(ledger_->AccountIds(), IsOk()); });
}
TEST_F(LedgerLocks, BalanceOf) {
  Race([&] { EXPECT_THAT(ledger_->BalanceOf("acme", kStart), IsOk()); });
}
TEST_F(LedgerLocks, AccountAt) {
  Race([&] { EXPECT_THAT(ledger_->AccountAt("acme", kStart), IsOk()); });
}
TEST_F(LedgerLocks, AccountAtSequence) {
  Race([&] { EXPECT_THAT(ledger_->AccountAtSequence("acme", 1), IsOk()); });
}
TEST_F(LedgerLocks, FindCommandOfAnAccount) {
  Race([&] { EXPECT_THAT(ledger_->FindCommand("acme", "first"), IsOk()); });
}
TEST_F(LedgerLocks, FindCommand) {
  Race([&] { EXPECT_THAT(ledger_->FindCommand("never"), IsOk()); });
}
TEST_F(LedgerLocks, ReadEntry) {
  Race([&] { EXPECT_THAT(ledger_->ReadEntry(1), IsOk()); });
}
TEST_F(LedgerLocks, Explain) {
  Race([&] { EXPECT_THAT(ledger_->Explain(1), IsOk()); });
}
TEST_F(LedgerLocks, History) {
  Race([&] {
    EXPECT_THAT(ledger_->History("acme",
                                 [](const JournalEntry&, absl::string_view) {
                                   return absl::OkStatus();
                                 }),
                IsOk());
  });
}
TEST_F(LedgerLocks, ForEachEntry) {
  Race([&] {
    EXPECT_THAT(
        ledger_->ForEachEntry(1, ~uint64_t{0},
                              [](const JournalEntry&, absl::string_view) {
                                return absl::OkStatus();
                              }),
        IsOk());
  });
}
TEST_F(LedgerLocks, Verify) {
  Race([&] { EXPECT_THAT(ledger_->Verify([](uint64_t) {}), IsOk()); });
}
TEST_F(LedgerLocks, Snapshot) {
  Race([&] { EXPECT_THAT(ledger_->Snapshot(), IsOk()); });
}
TEST_F(LedgerLocks, Close) {
  Race([&] { EXPECT_THAT(ledger_->Close(), IsOk()); });
}
TEST_F(LedgerLocks, ReadSessions) {
  Race([&] {
    EXPECT_THAT(internal::LedgerBatch::ReadSessions(*ledger_), IsOk());
  });
}

// Slices of one session, some of which find that it was not read yet: each is
// priced by what the others have charged.
TEST(LedgerThreads, SlicesOfOneSessionCostTheWhole) {
  constexpr int kSlices = 40;
  const Catalog& catalog = Catalog::BuiltIn();
  const Price price = *Price::Create({.credits = Credits::FromTicks(1),
                                      .per = 7,
                                      .increment = 3,
                                      .minimum = 50});
  const auto ledger = *Ledger::Open(
      std::make_unique<SharedStore>(std::make_shared<SharedStore::Content>()),
      {.snapshot_every = 50});
  const Credits hold = *price.CostOf(10'000);
  ASSERT_THAT(ledger->Apply({.account = "acme",
                             .id = "grant",
                             .at = kStart,
                             .request = GrantCommand{.amount = hold}}),
              IsOk());
  ASSERT_THAT(
      ledger->Apply({.account = "acme",
                     .id = "job",
                     .at = kStart,
                     .request = LedgerReserve{.amount = hold,
                                              .operation = "avatar_video",
                                              .timeout = absl::Hours(1)},
                     .pricing = Pricing{.operation = "avatar_video",
                                        .quantity = 10'000,
                                        .terms = price.terms()}}),
      IsOk());
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kSlices; ++i) {
        const std::string id = absl::StrCat(t, "/", i);
        EXPECT_THAT(CaptureQuantity(*ledger, catalog,
                                    {.account = "acme",
                                     .id = id,
                                     .reservation = "job",
                                     .at = kStart,
                                     .quantity = 2,
                                     .final = false}),
                    IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ledger->BalanceOf("acme", kStart)->posted,
            price.CostOf(2 * kThreads * kSlices));
  EXPECT_THAT(ledger->Verify([](uint64_t) {}), IsOk());
}

}  // namespace
}  // namespace konpro
