// Real threads at one admission: what ended before a request began is over for
// it.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/access/admission.h"
#include "konpro/base/credits.h"
#include "konpro/base/mutex.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/price_list.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/memory_admission.h"

namespace konpro {
namespace {

using ::konpro::testing::MemoryAdmission;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'040);
const UnixNanos kAt = UnixNanos::FromTime(kNow);

enum class End { kDeactivate, kSuspend };

// `ended` counts those whose end has returned; it is relaxed, so that it orders
// nothing.
void EndWhileTwoAsk(End end) {
  constexpr size_t kAccounts = 500;
  MemoryAdmission memory(Catalog::BuiltIn(), {}, kAccounts);
  std::vector<MintedKey> keys;
  for (size_t i = 0; i < kAccounts; ++i) {
    keys.push_back(
        memory.admission->CreateKey({.account_id = absl::StrCat("a", i)}, kNow)
            .value());
  }
  std::atomic<size_t> ended{0};
  std::atomic<uint64_t> admitted_late{0};
  std::atomic<uint64_t> wrong{0};
  const auto ask = [&] {
    for (size_t i = 0; i < kAccounts;) {
      const bool late = ended.load(std::memory_order_relaxed) > i;
      const AdmissionResult a =
          memory.admission->Admit({.key = keys[i].secret.text()}, kAt);
      if (late && a.ok()) ++admitted_late;
      const bool is_fine = a.ok() ||
                           a.reason == AdmissionReason::kRateLimited ||
                           a.reason == AdmissionReason::kSuspended ||
                           a.reason == AdmissionReason::kUnauthenticated;
      if (!is_fine) ++wrong;
      if (late) ++i;
    }
  };
  std::thread first(ask);
  std::thread second(ask);
  for (size_t i = 0; i < kAccounts; ++i) {
    const bool done =
        end == End::kDeactivate
            ? memory.keys->Deactivate(keys[i].record.id(), kNow).ok()
            : memory.admission->Suspend(keys[i].record.account_id, kNow).ok();
    if (!done) ++wrong;
    ended.store(i + 1, std::memory_order_relaxed);
  }
  first.join();
  second.join();
  EXPECT_EQ(admitted_late, 0u);
  EXPECT_EQ(wrong, 0u);
}

TEST(AdmissionThreads, NoneIsAdmittedAfterDeactivation) {
  EndWhileTwoAsk(End::kDeactivate);
}

TEST(AdmissionThreads, NoneIsAdmittedAfterSuspension) {
  EndWhileTwoAsk(End::kSuspend);
}

// Plans that change under requests: each answer is of one of them, and nothing
// that was used is lost.
TEST(AdmissionThreads, PlansChangeUnderRequests) {
  MemoryAdmission memory;
  const MintedKey key =
      memory.admission->CreateKey({.account_id = "acme"}, kNow).value();
  std::atomic<uint64_t> admitted{0};
  std::atomic<uint64_t> wrong{0};
  const auto ask = [&] {
    for (int i = 0; i < 400; ++i) {
      const AdmissionResult a =
          memory.admission->Admit({.key = key.secret.text()}, kAt);
      if (a.ok()) ++admitted;
      if (!a.ok() && a.reason != AdmissionReason::kRateLimited) ++wrong;
    }
  };
  std::thread first(ask);
  std::thread second(ask);
  for (int i = 0; i < 50; ++i) {
    for (const absl::string_view plan : {"pro", "scale"}) {
      if (!memory.admission->SetPlan("acme", plan, {}, kNow).ok()) ++wrong;
    }
  }
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_LE(admitted, 300u);
  const Decision peek = *memory.admission->Describe("acme", kAt)->limits;
  EXPECT_EQ(peek.remaining(0), 300 - admitted);
}

// A catalog as a request holds it, and whether a request holds the one before.
class Held {
 public:
  explicit Held(std::shared_ptr<const Catalog> first)
      : present_(std::move(first)) {}
  std::shared_ptr<const Catalog> Present() {
    const MutexLock lock(mu_);
    return present_;
  }
  void Replace(std::shared_ptr<const Catalog> next) {
    std::weak_ptr<const Catalog> old;
    {
      const MutexLock lock(mu_);
      old = present_;
      present_.swap(next);
    }
    next.reset();
    while (!old.expired()) std::this_thread::yield();
  }

 private:
  Mutex mu_;
  std::shared_ptr<const Catalog> present_ ABSL_GUARDED_BY(mu_);
};

// Catalogs that are replaced, and end, under requests: each answer is of one of
// them throughout, and no permit comes back.
TEST(AdmissionThreads, CatalogsAreReplacedUnderRequests) {
  // In the second, plans have other places, and a second has another price.
  const auto make = [](bool is_second) {
    const Catalog& built_in = Catalog::BuiltIn();
    Catalog::Spec spec = {.version = is_second ? "2" : "1"};
    spec.operations.assign(built_in.operations().begin(),
                           built_in.operations().end());
    spec.plans.assign(built_in.plans().begin(), built_in.plans().end());
    if (is_second) std::reverse(spec.plans.begin(), spec.plans.end());
    spec.price_lists.push_back(
        PriceList::Create(
            absl::InfinitePast(),
            {{"avatar_video",
              Price::Create({.credits = *Credits::Parse(is_second ? "2" : "1"),
                             .per = 1'000})
                  .value()}})
            .value());
    return std::make_shared<const Catalog>(Catalog::Create(spec).value());
  };
  std::shared_ptr<const Catalog> first = make(false);
  MemoryAdmission memory(*first);
  Held held(std::move(first));
  const MintedKey key =
      memory.admission->CreateKey({.account_id = "acme"}, kNow).value();
  const std::vector<RateWindow> windows =
      ParseWindows("minute:900000/1h").value();
  ASSERT_TRUE(memory.admission->SetPlan("acme", "pro", windows, kNow).ok());
  memory.Grant("acme", "1000000000", kAt);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> admitted{0};
  std::atomic<uint64_t> wrong{0};
  const auto ask = [&](int thread) {
    for (int i = 0; !stop; ++i) {
      const std::shared_ptr<const Catalog> present = held.Present();
      const std::string id = absl::StrCat(thread, "-", i);
      const AdmissionResult a =
          memory.admission->Admit({.key = key.secret.text(),
                                   .operation = "avatar_video",
                                   .quantity = 1'000,
                                   .id = id},
                                  kAt);
      // Neither of them is gone.
      const bool is_fine =
          a.ok() && a.plan->name() == "pro" &&
          (a.need == *Credits::Parse("1") || a.need == *Credits::Parse("2"));
      ++(is_fine ? admitted : wrong);
    }
  };
  std::thread one(ask, 1);
  std::thread two(ask, 2);
  std::thread accounts([&] {
    while (!stop) {
      if (!memory.admission->SetPlan("acme", "pro", windows, kNow).ok()) {
        ++wrong;
      }
      // A mutex has no order: it would have it most of the time.
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  });
  for (int i = 0; i < 200; ++i) {
    std::shared_ptr<const Catalog> next = make(i % 2 == 0);
    if (!memory.admission->SetCatalog(*next).ok()) ++wrong;
    held.Replace(std::move(next));
    const uint64_t before = admitted;
    while (admitted < before + 5 && wrong == 0) std::this_thread::yield();
  }
  stop = true;
  one.join();
  two.join();
  accounts.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(admitted, 0u);
  EXPECT_EQ(
      memory.limits->Peek(memory.limits->Find("acme"), 1, kAt).remaining(0),
      900'000 - admitted);
}

// Each thread is the only one that changes its field of the account, so it must
// find there what it wrote.
TEST(AdmissionThreads, ChangesOfAnAccountAreOneStep) {
  constexpr int kRounds = 1'000;
  MemoryAdmission memory;
  // Writers meet between the reading of a record and its writing.
  const auto wait = [] {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  };
  memory.account_store.during_put = wait;
  Admission& admission = *memory.admission;
  const MintedKey key =
      admission.CreateKey({.account_id = "acme"}, kNow).value();
  const auto record = [&] { return memory.accounts->Find("acme").value(); };
  const auto is_suspended = [&] {
    return admission.Admit({.key = key.secret.text()}, kAt).reason ==
           AdmissionReason::kSuspended;
  };
  const std::vector<RateWindow> narrow = ParseWindows("minute:7/1m").value();
  std::atomic<uint64_t> wrong{0};
  std::atomic<bool> stop{false};
  std::thread suspend([&] {
    for (int i = 0; i < kRounds; ++i) {
      if (!admission.Suspend("acme", kNow).ok() || !record().is_suspended ||
          !is_suspended() || !admission.Resume("acme", kNow).ok() ||
          record().is_suspended || is_suspended()) {
        ++wrong;
      }
    }
    stop = true;
  });
  // For a writer that is late: every other pair of rounds.
  const auto late = [&](int i) {
    if (i % 4 > 1) wait();
  };
  std::thread plan([&] {
    for (int i = 0; !stop; ++i) {
      const std::string next = i % 2 == 0 ? "pro" : "scale";
      if (!admission.SetPlan("acme", next, {}, kNow).ok() ||
          (late(i), record().plan != next) ||
          !admission.SetWindows("acme", narrow, kNow).ok() ||
          (late(i), record().windows != narrow)) {
        ++wrong;
      }
    }
  });
  std::thread provision([&] {
    while (!stop) {
      if (!admission.Provision("acme", kNow).ok()) ++wrong;
    }
  });
  suspend.join();
  plan.join();
  provision.join();
  EXPECT_EQ(wrong, 0u);
}

// Both find no account; one of them adds it, and the other finds it.
TEST(AdmissionThreads, TwoProvisionOneAccount) {
  constexpr int kAccounts = 1'000;
  MemoryAdmission memory(Catalog::BuiltIn(), {}, kAccounts);
  std::atomic<int> arrived{0};
  std::atomic<uint64_t> wrong{0};
  const auto provision = [&] {
    for (int i = 0; i < kAccounts; ++i) {
      ++arrived;
      while (arrived < 2 * (i + 1)) std::this_thread::yield();
      const std::string id = absl::StrCat("a", i);
      if (!memory.admission->Provision(id, kNow).ok()) ++wrong;
    }
  };
  std::thread first(provision);
  std::thread second(provision);
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(memory.accounts->size(), size_t{kAccounts});
}

}  // namespace
}  // namespace konpro
