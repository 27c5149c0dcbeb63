#include "konpro/access/memory_stores.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/api_key.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::ElementsAre;

ApiKeyRecord Key(const std::string& text, ApiKeyState state) {
  ApiKeyRecord record;
  record.digest = ApiKeyDigest::Of(ApiKeyText(text));
  record.account_id = text;
  record.state = state;
  return record;
}

TEST(MemoryKeyStore, RecordReplacesTheOneWithItsDigest) {
  MemoryKeyStore store;
  const std::vector<ApiKeyRecord> two = {Key("a", ApiKeyState::kActive),
                                         Key("b", ApiKeyState::kActive)};
  ASSERT_THAT(store.Put(two), IsOk());
  const ApiKeyRecord dead = Key("a", ApiKeyState::kDeactivated);
  ASSERT_THAT(store.Put({&dead, 1}), IsOk());
  EXPECT_EQ(store.Count().value(), 2u);
  std::vector<std::string> accounts;
  std::vector<ApiKeyState> states;
  ASSERT_THAT(store.LoadAll([&](ApiKeyRecord record) {
    accounts.push_back(record.account_id);
    states.push_back(record.state);
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_THAT(accounts, ElementsAre("a", "b"));
  EXPECT_THAT(states,
              ElementsAre(ApiKeyState::kDeactivated, ApiKeyState::kActive));
}

TEST(MemoryAccountStore, RecordKeepsItsPlaceAndWhenItWasMade) {
  const absl::Time made = absl::FromUnixSeconds(1);
  MemoryAccountStore store;
  ASSERT_THAT(store.Put({.account_id = "z", .created_at = made}), IsOk());
  ASSERT_THAT(store.Put({.account_id = "a"}), IsOk());
  ASSERT_THAT(store.Put({.account_id = "z",
                         .plan = "pro",
                         .created_at = absl::FromUnixSeconds(2)}),
              IsOk());
  std::vector<AccountRecord> records;
  ASSERT_THAT(store.LoadAll([&](AccountRecord record) {
    records.push_back(record);
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_THAT(records, ElementsAre(AccountRecord{.account_id = "z",
                                                 .plan = "pro",
                                                 .created_at = made},
                                   AccountRecord{.account_id = "a"}));
}

TEST(MemoryStores, LoadingEndsAtTheFirstError) {
  MemoryKeyStore keys;
  const std::vector<ApiKeyRecord> two = {Key("a", ApiKeyState::kActive),
                                         Key("b", ApiKeyState::kActive)};
  ASSERT_THAT(keys.Put(two), IsOk());
  MemoryAccountStore accounts;
  ASSERT_THAT(accounts.Put({.account_id = "a"}), IsOk());
  ASSERT_THAT(accounts.Put({.account_id = "b"}), IsOk());
  int calls = 0;
  const auto fail = [&](const auto&) {
    ++calls;
    return absl::DataLossError("no");
  };
  EXPECT_THAT(keys.LoadAll(fail), StatusIs(absl::StatusCode::kDataLoss, "no"));
  EXPECT_THAT(accounts.LoadAll(fail),
              StatusIs(absl::StatusCode::kDataLoss, "no"));
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace konpro
