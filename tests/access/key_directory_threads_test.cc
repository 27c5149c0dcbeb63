// Real threads on one directory. Its code and the standard library alone: it
// runs under the thread sanitizer.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "konpro/access/api_key.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/unix_nanos.h"

namespace konpro {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'040);

class NoStore : public KeyStore {
 public:
  absl::StatusOr<size_t> Count() override { return 0; }
  absl::Status Put(absl::Span<const ApiKeyRecord>) override {
    return absl::OkStatus();
  }
  absl::Status LoadAll(absl::FunctionRef<absl::Status(ApiKeyRecord)>) override {
    return absl::OkStatus();
  }
};

enum class End { kDeactivate, kReset };

// Two threads authenticate while the keys end one by one. `ended` counts those
// whose end has returned; it is relaxed, so that it orders nothing.
void EndWhileTwoAuthenticate(End end) {
  constexpr size_t kKeys = 1'000;
  NoStore store;
  const auto directory =
      KeyDirectory::Open(store, {.keys_max = 2 * kKeys}).value();
  std::vector<MintedKey> keys;
  for (size_t i = 0; i < kKeys; ++i) {
    keys.push_back(
        directory->Mint({.account_id = absl::StrCat("a", i)}, kNow).value());
  }
  std::atomic<size_t> ended{0};
  std::atomic<uint64_t> accepted_late{0};
  std::atomic<uint64_t> wrong{0};
  const auto authenticate = [&] {
    for (size_t i = 0; i < kKeys;) {
      const bool late = ended.load(std::memory_order_relaxed) > i;
      // A clock that is behind, too.
      const Authentication who = directory->Authenticate(
          keys[i].secret.text(),
          UnixNanos::FromTime(kNow - absl::Milliseconds(4)));
      if (late && who.ok()) ++accepted_late;
      if (who.account_id() != keys[i].record.account_id) ++wrong;
      if (late) ++i;
    }
  };
  std::thread first(authenticate);
  std::thread second(authenticate);
  for (size_t i = 0; i < kKeys; ++i) {
    const ApiKeyId key = keys[i].record.id();
    const bool done = end == End::kDeactivate
                          ? directory->Deactivate(key, kNow).ok()
                          : directory->Reset({.key = key}, kNow).ok();
    if (!done) ++wrong;
    ended.store(i + 1, std::memory_order_relaxed);
  }
  first.join();
  second.join();
  EXPECT_EQ(accepted_late, 0u);
  EXPECT_EQ(wrong, 0u);
}

TEST(KeyDirectoryThreads, NoneSucceedsBehindDeactivation) {
  EndWhileTwoAuthenticate(End::kDeactivate);
}

TEST(KeyDirectoryThreads, NoneSucceedsBehindResetAtOnce) {
  EndWhileTwoAuthenticate(End::kReset);
}

// Readers know every key from the moment its Mint() has returned on, wherever
// insertion makes the probes longer, and see what was written before Bind().
TEST(KeyDirectoryThreads, KeysAreKnownWhileOthersAreInserted) {
  constexpr size_t kKeys = 3'000;
  NoStore store;
  const auto directory = KeyDirectory::Open(store, {.keys_max = kKeys}).value();
  std::vector<MintedKey> keys;
  keys.reserve(kKeys);
  std::vector<uint64_t> behind_handle(kKeys + 1);
  std::atomic<size_t> minted{0};
  std::atomic<uint64_t> wrong{0};
  const auto authenticate = [&] {
    for (size_t known = 0; known < kKeys;) {
      known = minted.load(std::memory_order_acquire);
      for (size_t i = known > 50 ? known - 50 : 0; i < known; ++i) {
        const Authentication who = directory->Authenticate(
            keys[i].secret.text(), UnixNanos::FromTime(kNow));
        if (!who.ok() || who.account_id() != keys[i].record.account_id ||
            behind_handle[who.handle()] != who.handle()) {
          ++wrong;
        }
      }
    }
  };
  std::thread first(authenticate);
  std::thread second(authenticate);
  for (size_t i = 0; i < kKeys; ++i) {
    const std::string account = absl::StrCat("a", i);
    keys.push_back(directory->Mint({.account_id = account}, kNow).value());
    minted.store(i + 1, std::memory_order_release);
    behind_handle[i + 1] = i + 1;
    if (!directory->Bind(account, i + 1).ok()) ++wrong;
    if (i % 100 == 0 && directory->List(account).size() != 1) ++wrong;
  }
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0u);
}

// Verbs of several threads take turns.
TEST(KeyDirectoryThreads, VerbsTakeTurns) {
  constexpr size_t kRounds = 500;
  NoStore store;
  const auto directory =
      KeyDirectory::Open(store, {.keys_max = 4 * kRounds}).value();
  std::atomic<uint64_t> wrong{0};
  const auto work = [&] {
    for (size_t i = 0; i < kRounds; ++i) {
      const auto key = directory->Mint({.account_id = "acme"}, kNow);
      if (!key.ok() || !directory->Deactivate(key->record.id(), kNow).ok() ||
          directory->Authenticate(key->secret.text(), UnixNanos()).ok() ||
          !directory->SaveLastUses().ok()) {
        ++wrong;
      }
    }
  };
  std::thread first(work);
  std::thread second(work);
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(directory->List("acme").size(), 2 * kRounds);
}

// Each verb in two threads at once, on accounts and keys that are new and on
// those of the other thread.
TEST(KeyDirectoryThreads, TwoWritersLoseNothing) {
  constexpr size_t kRounds = 300;
  NoStore store;
  const auto directory =
      KeyDirectory::Open(store, {.keys_max = 8 * kRounds}).value();
  const MintedKey shared =
      directory->Mint({.account_id = "both"}, kNow).value();
  std::atomic<uint64_t> wrong{0};
  const auto work = [&](uint64_t writer) {
    for (size_t i = 0; i < kRounds; ++i) {
      const std::string id = absl::StrCat(writer, "-", i);
      const uint64_t handle = 2 * i + writer;
      if (!directory->Bind(id, handle).ok() ||
          !directory->Bind("both", handle).ok()) {
        ++wrong;
      }
      const auto key = directory->Mint({.account_id = id}, kNow);
      const auto next = directory->Reset({.key = key->record.id()}, kNow);
      const UnixNanos at = UnixNanos::FromTime(kNow + absl::Minutes(i));
      if (directory->Authenticate(next->secret.text(), at).handle() != handle ||
          !directory->Authenticate(shared.secret.text(), at).ok() ||
          !directory->SaveLastUses().ok() ||
          !directory->Find(shared.record.id()).ok() ||
          directory->List(id).size() != 2 ||
          !directory->Deactivate(key->record.id(), kNow).ok()) {
        ++wrong;
      }
    }
  };
  std::thread first(work, 0);
  std::thread second(work, 1);
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace konpro
