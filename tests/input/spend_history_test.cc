#include "konpro/input/spend_history.h"

#include <memory>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/store.h"

namespace konpro {
namespace {

using ::absl::CivilDay;

UnixNanos NoonOf(CivilDay day) {
  return UnixNanos::FromTime(absl::FromCivil(day, absl::UTCTimeZone()) +
                             absl::Hours(12));
}

Credits C(absl::string_view text) { return Credits::Parse(text).value(); }

TEST(SpendOfLedger, AnEmptyLedgerHasNoDay) {
  const auto ledger = Ledger::Open(std::make_unique<MemoryStore>(), {}).value();
  const SpendHistory history =
      SpendOfLedger(*ledger, "acme", absl::UTCTimeZone()).value();
  EXPECT_FALSE(history.spend.last_day().has_value());
  EXPECT_FALSE(history.priced);
}

TEST(SpendOfLedger, SpendCountsOnTheDayOfItsEventAndOfItsAccount) {
  const auto ledger = Ledger::Open(std::make_unique<MemoryStore>(), {}).value();
  const CivilDay today(2027, 3, 3);
  const auto apply = [&](absl::string_view account, absl::string_view id,
                         LedgerRequest request,
                         std::optional<UnixNanos> event_at) {
    const auto outcome = ledger->Apply({.account = account,
                                        .id = id,
                                        .at = NoonOf(today),
                                        .event_at = event_at,
                                        .request = request});
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    ASSERT_TRUE(outcome->effect.applied());
  };
  for (const char* account : {"acme", "blue"}) {
    apply(account, "welcome", GrantCommand{.amount = C("9")}, std::nullopt);
  }
  apply("acme", "a", SpendCommand{.amount = C("1")}, std::nullopt);
  apply("acme", "b", SpendCommand{.amount = C("2")}, NoonOf(today - 2));
  apply("blue", "c", SpendCommand{.amount = C("4")}, NoonOf(today - 2));

  const SpendHistory one =
      SpendOfLedger(*ledger, "acme", absl::UTCTimeZone()).value();
  EXPECT_EQ(one.spend.SpentOn(today), C("1"));
  EXPECT_EQ(one.spend.SpentOn(today - 2), C("2"));
  EXPECT_EQ(one.other_records, 2);
  const SpendHistory all =
      SpendOfLedger(*ledger, "", absl::UTCTimeZone()).value();
  EXPECT_EQ(all.spend.SpentOn(today - 2), C("6"));
  EXPECT_EQ(all.other_records, 0);
  // Noon in UTC is the next day there.
  const SpendHistory east =
      SpendOfLedger(*ledger, "acme", absl::FixedTimeZone(13 * 3'600)).value();
  EXPECT_EQ(east.spend.SpentOn(today + 1), C("1"));
}

TEST(SpendOfLedger, ARefundLowersTheDayOfWhatItRefunds) {
  const auto ledger = Ledger::Open(std::make_unique<MemoryStore>(), {}).value();
  const CivilDay today(2027, 3, 3);
  const auto apply = [&](absl::string_view id, LedgerRequest request,
                         CivilDay at, std::optional<UnixNanos> event_at) {
    const auto outcome = ledger->Apply({.account = "acme",
                                        .id = id,
                                        .at = NoonOf(at),
                                        .event_at = event_at,
                                        .request = request});
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    ASSERT_TRUE(outcome->effect.applied());
  };
  apply("welcome", GrantCommand{.amount = C("90")}, today, std::nullopt);
  apply("a", SpendCommand{.amount = C("7")}, today, std::nullopt);
  apply("b", SpendCommand{.amount = C("5")}, today, NoonOf(today - 2));
  apply("c", SpendCommand{.amount = C("1")}, today + 4, std::nullopt);
  apply("less", LedgerRefund{.command = "a", .amount = C("3")}, today + 4,
        std::nullopt);
  apply("none", LedgerRefund{.command = "b"}, today + 4, std::nullopt);

  const SpendHistory history =
      SpendOfLedger(*ledger, "acme", absl::UTCTimeZone()).value();
  EXPECT_EQ(history.spend.SpentOn(today - 2), C("0"));
  EXPECT_EQ(history.spend.SpentOn(today), C("4"));
  EXPECT_EQ(history.spend.SpentOn(today + 4), C("1"));
  EXPECT_EQ(history.unplaced_refunds, 0);
}

}  // namespace
}  // namespace konpro
