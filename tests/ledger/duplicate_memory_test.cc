#include "konpro/ledger/internal/duplicate_memory.h"

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace konpro::internal {
namespace {

UnixNanos At(int64_t seconds) {
  return UnixNanos::FromNanos(seconds * 1'000'000'000);
}

TEST(IdHash, TellsAccountAndIdApart) {
  const IdHash hash({0x0123456789abcdef, 0xfedcba9876543210});
  std::set<uint64_t> seen;
  size_t pairs = 0;
  const auto add = [&](absl::string_view account, absl::string_view id) {
    seen.insert(hash(account, id));
    ++pairs;
  };
  // Every length about a word's, and every place of the border between them.
  const std::string text(40, 'a');
  const std::string zeros(40, '\0');
  for (size_t account = 1; account < 20; ++account) {
    for (size_t id = 1; id < 20; ++id) {
      add(text.substr(0, account), text.substr(0, id));
      add(zeros.substr(0, account), zeros.substr(0, id));
    }
  }
  for (int i = 0; i < 100'000; ++i) add("acme", absl::StrCat("job-", i));
  EXPECT_EQ(seen.size(), pairs);
  EXPECT_EQ(hash("acme", "job-1"), hash("acme", "job-1"));
  EXPECT_NE(hash("acme", "job-1"), IdHash({1, 2})("acme", "job-1"));
}

// The places in a table are spread: of n of them about n/e stay empty for n ids
// at random, and no more for ids that are alike.
TEST(IdHash, SpreadsOverTheHighBits) {
  const IdHash hash({0x9876543210fedcba, 0x0123456789abcdef});
  constexpr int kBits = 16;
  std::vector<int> places(1 << kBits);
  for (int i = 0; i < 1 << kBits; ++i) {
    ++places[hash("account-1", absl::StrCat("id-", i)) >> (64 - kBits)];
  }
  int empty = 0;
  int most = 0;
  for (int place : places) {
    empty += place == 0;
    most = std::max(most, place);
  }
  EXPECT_LT(empty, (1 << kBits) / 2.6);
  EXPECT_LT(most, 12);
}

// Against a list of everything, with hashes that are often equal.
TEST(DuplicateMemory, FindsWhatItWasToldUntilTheWindowIsOver) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << std::endl;
  std::mt19937_64 random(seed);
  DuplicateMemory memory(absl::Seconds(1'000));
  struct Told {
    uint64_t hash;
    int64_t at;
  };
  std::vector<Told> told;
  int64_t now = 1;
  for (uint64_t sequence = 1; sequence <= 60'000; ++sequence) {
    if (random() % 16 == 0) now += static_cast<int64_t>(random() % 4);
    const uint64_t hash = (random() % 9'000) << 50;
    memory.Forget(At(now));
    memory.Add(sequence, hash, At(now));
    told.push_back({hash, now});
    // Whichever of those with the hash is asked for is found, or was forgotten.
    const uint64_t asked = 1 + random() % sequence;
    std::set<uint64_t> offered;
    const uint64_t found =
        memory.Find(told[asked - 1].hash, [&](uint64_t candidate) {
          EXPECT_EQ(told[candidate - 1].hash, told[asked - 1].hash);
          EXPECT_TRUE(offered.insert(candidate).second);
          return candidate == asked;
        });
    if (now - told[asked - 1].at <= 1'000) {
      ASSERT_EQ(found, asked) << "seed " << seed;
    } else {
      ASSERT_TRUE(found == 0 || found == asked) << "seed " << seed;
    }
  }
  EXPECT_LT(memory.segments().front().first, 60'000);
  EXPECT_GT(memory.segments().front().first, 1);
}

TEST(DuplicateMemory, GrowsWithWhatItRemembersAndShrinks) {
  DuplicateMemory memory(absl::Seconds(10));
  const IdHash hash({5, 7});
  uint64_t sequence = 0;
  const auto add = [&](int count, int64_t at) {
    for (int i = 0; i < count; ++i) {
      ++sequence;
      memory.Forget(At(at));
      memory.Add(sequence, hash("a", absl::StrCat(sequence)), At(at));
    }
  };
  add(100'000, 1);
  const size_t full = memory.bytes();
  EXPECT_GE(full, 100'000 * 16);
  EXPECT_LE(full, 100'000 * 43 * 2);
  for (int64_t at = 2; at < 100; ++at) add(1'000, at * 10);
  EXPECT_LT(memory.bytes(), full / 4);
  EXPECT_GT(memory.forgotten().size(), 20);
  memory.DropForgotten();
  EXPECT_TRUE(memory.forgotten().empty());
}

}  // namespace
}  // namespace konpro::internal
