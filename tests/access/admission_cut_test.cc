// Threads that use one admission and a store that fails at random: nobody is
// let in too often, charged twice or left with credits that are held for
// nothing. Not for the thread sanitizer: threads share the store's error, and
// the system's Abseil counts who has one without its knowledge.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/access/admission.h"
#include "konpro/base/credits.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/memory_admission.h"

namespace konpro {
namespace {

using ::konpro::testing::FaultyStore;
using ::konpro::testing::MemoryAdmission;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'040);
const UnixNanos kAt = UnixNanos::FromTime(kNow);

constexpr size_t kThreads = 4;
constexpr size_t kJobs = 60;
constexpr int64_t kHeldSeconds = 10;
constexpr absl::Duration kTimeout = absl::Hours(2);

// Every thread is a client of every job: all of them ask for it, and end it as
// the job's number says. A call that may or may not have had an effect is made
// again, the process "cut" in between.
class Clients {
 public:
  Clients(MemoryAdmission& memory, const MintedKey& key)
      : memory_(memory), key_(key) {}

  void Run(size_t thread) {
    for (size_t i = 0; i < kJobs; ++i) {
      // Each in its own order.
      const size_t job = (i * 7 + thread * 13) % kJobs;
      if (Admitted(job)) End(job);
    }
  }

  uint64_t asked() const { return asked_; }
  uint64_t refused_by_window() const { return refused_by_window_; }
  uint64_t wrong() const { return wrong_; }
  // By job: 0 nobody knows, 1 admitted, 2 lacked credits.
  uint64_t outcome(size_t job) const { return outcomes_[job]; }

 private:
  static constexpr uint64_t kIn = 1;
  static constexpr uint64_t kPoor = 2;

  void Agree(size_t job, uint64_t outcome) {
    uint64_t before = 0;
    if (!outcomes_[job].compare_exchange_strong(before, outcome) &&
        before != outcome) {
      ++wrong_;
    }
  }

  bool Admitted(size_t job) {
    const std::string id = absl::StrCat("job-", job);
    for (;;) {
      const AdmissionResult a =
          memory_.admission->Admit({.key = key_.secret.text(),
                                    .operation = "avatar_video",
                                    .quantity = kHeldSeconds * 1'000,
                                    .id = id},
                                   kAt);
      ++asked_;
      switch (a.reason) {
        case AdmissionReason::kAdmitted:
        // Another client has ended it.
        case AdmissionReason::kJobEnded:
          Agree(job, kIn);
          return true;
        case AdmissionReason::kInsufficientCredits:
          Agree(job, kPoor);
          return false;
        case AdmissionReason::kRateLimited:
          ++refused_by_window_;
          return false;
        case AdmissionReason::kUnavailable:
          continue;
        default:
          ++wrong_;
          return false;
      }
    }
  }

  void End(size_t job) {
    const std::string id = absl::StrCat("job-", job);
    for (;;) {
      const absl::StatusOr<Settlement> settled =
          job % 3 == 0
              ? memory_.admission->Cancel({"acme", id}, kAt)
              : memory_.admission->Complete(
                    {"acme", id, static_cast<int64_t>(job % 10) * 1'000}, kAt);
      if (absl::IsUnavailable(settled.status())) continue;
      if (!settled.ok()) ++wrong_;
      return;
    }
  }

  MemoryAdmission& memory_;
  const MintedKey& key_;
  std::atomic<uint64_t> asked_{0};
  std::atomic<uint64_t> refused_by_window_{0};
  std::atomic<uint64_t> wrong_{0};
  std::array<std::atomic<uint64_t>, kJobs> outcomes_{};
};

void RunClients(uint32_t seed, absl::string_view windows) {
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  MemoryAdmission memory(Catalog::BuiltIn(), {.reservation_timeout = kTimeout});
  const MintedKey key =
      memory.admission->CreateKey({.account_id = "acme"}, kNow).value();
  ASSERT_TRUE(
      memory.admission
          ->SetPlan("acme", "enterprise", ParseWindows(windows).value(), kNow)
          .ok());
  // Not enough for all jobs at once.
  memory.Grant("acme", "250", kAt);
  std::mt19937 random(seed);
  memory.ledger_store->fault = [&] {
    switch (random() % 6) {
      case 0:
        return FaultyStore::Fault::kBefore;
      case 1:
        return FaultyStore::Fault::kBehind;
      default:
        return FaultyStore::Fault::kNone;
    }
  };
  Clients clients(memory, key);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&clients, i] { clients.Run(i); });
  }
  for (std::thread& thread : threads) thread.join();
  memory.ledger_store->fault = [] { return FaultyStore::Fault::kNone; };

  EXPECT_EQ(clients.wrong(), 0u);
  const Admission::AccountView view =
      memory.admission->Describe("acme", kAt).value();
  // No request went uncounted, and none was admitted beyond the limit.
  const uint64_t limit = view.limits->windows().window(0).limit();
  EXPECT_EQ(clients.asked() - clients.refused_by_window(),
            limit - view.limits->remaining(0));
  int64_t seconds = 0;
  for (size_t job = 0; job < kJobs; ++job) {
    if (clients.outcome(job) == 1 && job % 3 != 0) seconds += job % 10;
  }
  const Credits charged = Credits::Parse(absl::StrCat(seconds)).value();
  const Credits left = Credits::Parse(absl::StrCat(250 - seconds)).value();
  EXPECT_EQ(view.balance->posted, charged);
  if (clients.refused_by_window() == 0) {
    EXPECT_EQ(view.balance->reserved, Credits());
    EXPECT_EQ(view.balance->available, left);
  }
  // Whoever was told "unavailable" and then "rate limited" may have gone away
  // from what was held for it: that lasts for the timeout.
  const Balance later =
      memory.ledger->BalanceOf("acme", UnixNanos::FromTime(kNow + kTimeout))
          .value();
  EXPECT_EQ(later.posted, charged);
  EXPECT_EQ(later.reserved, Credits());
  EXPECT_EQ(later.available, left);
  EXPECT_TRUE(memory.ledger->Verify([](uint64_t) {}).ok());
}

TEST(AdmissionCut, CutAnywhereEveryJobEndsInOnePlace) {
  for (uint32_t seed = 1; seed <= 8; ++seed) {
    RunClients(seed, "minute:100000/1m,day:100000/24h");
  }
}

// The window is full long before the jobs are through.
TEST(AdmissionCut, NoneIsAdmittedBeyondAWindow) {
  for (uint32_t seed = 1; seed <= 8; ++seed) {
    RunClients(seed, "minute:90/1m,day:100000/24h");
  }
}

}  // namespace
}  // namespace konpro
