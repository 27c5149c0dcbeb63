#include "konpro/access/account_directory.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/account_id.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/faulty_account_store.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::FaultyAccountStore;
using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(AccountDirectory, WhatWasPutIsFoundAndOutlivesIt) {
  FaultyAccountStore store;
  const AccountRecord acme = {.account_id = "acme",
                              .plan = "enterprise",
                              .windows = ParseWindows("minute:7/1m").value(),
                              .is_suspended = true};
  {
    const auto directory = AccountDirectory::Open(store).value();
    ASSERT_THAT(directory->Put({.account_id = "zeta", .plan = "pro"}), IsOk());
    ASSERT_THAT(directory->Put({.account_id = "acme", .plan = "pro"}), IsOk());
    for (const char* id : {"mu", "beta", "omega"}) {
      ASSERT_THAT(directory->Put({.account_id = id, .plan = "pro"}), IsOk());
    }
    ASSERT_THAT(directory->Put(acme), IsOk());
    EXPECT_EQ(directory->Find("acme").value(), acme);
  }
  const auto directory = AccountDirectory::Open(store).value();
  EXPECT_EQ(directory->Find("acme").value(), acme);
  EXPECT_THAT(directory->AccountIds(),
              ElementsAre("acme", "beta", "mu", "omega", "zeta"));
  EXPECT_EQ(directory->size(), 5u);
}

TEST(AccountDirectory, UnknownAccountIsNamedInTheError) {
  FaultyAccountStore store;
  const auto directory = AccountDirectory::Open(store).value();
  EXPECT_THAT(directory->Find("acme"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"acme\"")));
}

TEST(AccountDirectory, IdsOutsideTheLimitsAreRefused) {
  FaultyAccountStore store;
  const auto directory = AccountDirectory::Open(store).value();
  const std::string longest(kAccountIdBytesMax, 'x');
  EXPECT_THAT(directory->Put({.account_id = longest}), IsOk());
  for (const std::string& id :
       {std::string(), longest + "x", std::string("a b"), std::string("\n")}) {
    EXPECT_THAT(directory->Put({.account_id = id}),
                StatusIs(absl::StatusCode::kInvalidArgument, _));
  }
  EXPECT_EQ(store.puts, 1u);
}

TEST(AccountDirectory, WhatTheStoreRefusedIsNotThere) {
  FaultyAccountStore store;
  const auto directory = AccountDirectory::Open(store).value();
  ASSERT_THAT(directory->Put({.account_id = "acme", .plan = "pro"}), IsOk());
  store.error = absl::UnavailableError("disk");
  EXPECT_THAT(directory->Put({.account_id = "acme", .plan = "scale"}),
              StatusIs(absl::StatusCode::kUnavailable, "disk"));
  EXPECT_THAT(directory->Put({.account_id = "new", .plan = "scale"}),
              StatusIs(absl::StatusCode::kUnavailable, "disk"));
  EXPECT_EQ(directory->Find("acme")->plan, "pro");
  EXPECT_EQ(directory->size(), 1u);
}

TEST(AccountDirectory, RecordsThatNoDirectoryWroteAreDataLoss) {
  constexpr absl::StatusCode kDataLoss = absl::StatusCode::kDataLoss;
  FaultyAccountStore twice;
  twice.rows = {{.account_id = "acme"}, {.account_id = "acme"}};
  EXPECT_THAT(AccountDirectory::Open(twice),
              StatusIs(kDataLoss, HasSubstr("acme")));
  FaultyAccountStore blank;
  blank.rows = {{.account_id = "a b"}};
  EXPECT_THAT(AccountDirectory::Open(blank), StatusIs(kDataLoss, _));
}

}  // namespace
}  // namespace konpro
