#include "konpro/account.h"

#include <string>

#include "gtest/gtest.h"

namespace konpro {
namespace {

TEST(Account, HeaderExample) {
  Account account;
  Effect effect;
  const UnixNanos t = UnixNanos::FromNanos(1000);
  account.Apply(GrantCommand{.id = "welcome", .amount = *Credits::Parse("9")},
                {.sequence = 1, .now = t}, effect);
  EXPECT_TRUE(effect.applied());
  account.Apply(ReserveCommand{.amount = *Credits::Parse("6"),
                               .operation = "avatar_video",
                               .expires_at = UnixNanos::FromNanos(2000)},
                {.sequence = 2, .now = t}, effect);
  EXPECT_TRUE(effect.applied());
  EXPECT_EQ(account.balance().available, *Credits::Parse("3"));
  account.Apply(
      CaptureCommand{.reservation = 2, .amount = *Credits::Parse("4")},
      {.sequence = 3, .now = t}, effect);
  EXPECT_TRUE(effect.applied());
  EXPECT_EQ(effect.released, *Credits::Parse("2"));
  EXPECT_EQ(account.balance().available, *Credits::Parse("5"));
  std::string bytes;
  account.EncodeTo(bytes);
  const auto decoded = Account::Decode(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_TRUE(*decoded == account);
}

}  // namespace
}  // namespace konpro
