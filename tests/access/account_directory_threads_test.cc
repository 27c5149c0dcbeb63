// Real threads on one directory of accounts, for the thread sanitizer.
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "konpro/access/account_directory.h"
#include "konpro/access/memory_stores.h"

namespace konpro {
namespace {

TEST(AccountDirectoryThreads, TwoWritersLoseNothing) {
  constexpr int kAccounts = 5'000;
  MemoryAccountStore store;
  const auto directory = AccountDirectory::Open(store).value();
  std::atomic<uint64_t> wrong{0};
  const auto work = [&](absl::string_view prefix) {
    for (int i = 0; i < kAccounts; ++i) {
      const std::string id = absl::StrCat(prefix, i);
      if (!directory->Put({.account_id = id, .plan = "pro"}).ok() ||
          !directory->Put({.account_id = "both"}).ok() ||
          directory->Find(id)->plan != "pro" ||
          directory->size() < static_cast<size_t>(i)) {
        ++wrong;
      }
      if (i % 500 == 0 && directory->AccountIds().empty()) ++wrong;
    }
  };
  std::thread first(work, "a");
  std::thread second(work, "b");
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(directory->size(), size_t{2 * kAccounts + 1});
  EXPECT_EQ(AccountDirectory::Open(store).value()->AccountIds(),
            directory->AccountIds());
}

}  // namespace
}  // namespace konpro
