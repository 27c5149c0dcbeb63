#include "konpro/input/spend_history.h"

#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/plan.h"
#include "konpro/catalog/price_list.h"
#include "konpro/input/input_file.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/store.h"
#include "konpro/ledger/usage.h"
#include "proto/usage.pb.h"

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

Catalog AwkwardCatalog() {
  const auto list = [](absl::Time since, absl::string_view credits) {
    const Price call = *Price::Create({.credits = C(credits),
                                       .per = 7'000,
                                       .increment = 900,
                                       .minimum = 30'000});
    const Price image = *Price::Create({.credits = C("1"), .per = 7});
    return *PriceList::Create(since, {{"call", call}, {"image", image}});
  };
  Catalog::Spec spec;
  spec.version = "awkward";
  spec.operations = {{"call", QuantityUnit::kMilliseconds, "ms"},
                     {"image", QuantityUnit::kCount, "image"}};
  spec.price_lists = {list(absl::InfinitePast(), "1"),
                      list(NoonOf(CivilDay(2027, 3, 5)).ToTime(), "3")};
  spec.plans = {*Plan::Create({.name = "any"})};
  return *Catalog::Create(std::move(spec));
}

std::string Lines(const std::vector<v1::UsageRecord>& records) {
  std::string lines;
  for (const v1::UsageRecord& record : records) {
    std::string line;
    EXPECT_TRUE(
        google::protobuf::util::MessageToJsonString(record, &line).ok());
    lines += line + "\n";
  }
  return lines;
}

SpendHistory HistoryOf(const std::vector<v1::UsageRecord>& records,
                       const Catalog& catalog, const std::string& account) {
  std::istringstream in(Lines(records));
  std::ostringstream err;
  InputFile input("-", in, nullptr);
  InputErrors errors("-", err);
  SpendHistory history = ReadSpendHistory(input, {catalog, account}, errors);
  EXPECT_TRUE(errors.none()) << err.str();
  return history;
}

// An increment, a minimum and rounding count once a session, whatever its days
// and whoever else has records between.
TEST(SpendHistory, RecordsAreSpentAsTheLedgerChargesThem) {
  const Catalog catalog = AwkwardCatalog();
  const CivilDay first(2027, 3, 1);
  std::mt19937_64 random(1);
  const auto below = [&](uint64_t bound) {
    return static_cast<int64_t>(random() % bound);
  };
  std::vector<v1::UsageRecord> records;
  for (int i = 0; i < 400; ++i) {
    v1::UsageRecord& record = records.emplace_back();
    record.set_record_id(absl::StrCat("r", i));
    record.set_account_id(below(3) == 0 ? "blue" : "acme");
    // Two names of one job.
    const char* const prefix = below(2) == 0 ? "admit:" : "";
    if (below(4) != 0) {
      record.set_job_id(absl::StrCat(prefix, "job", below(20)));
    }
    record.set_partial(true);
    if (below(3) == 0) {
      record.set_operation("image");
      record.set_count(below(5));
    } else {
      record.set_operation("call");
      record.mutable_duration()->set_seconds(below(20));
    }
    const int64_t start = absl::ToUnixSeconds(NoonOf(first).ToTime() +
                                              absl::Hours(below(9 * 24)));
    record.mutable_start_time()->set_seconds(start);
    record.mutable_end_time()->set_seconds(start + 60);
  }
  const auto ledger = Ledger::Open(std::make_unique<MemoryStore>(), {}).value();
  for (const char* account : {"acme", "blue"}) {
    ASSERT_TRUE(ledger
                    ->Apply({.account = account,
                             .id = "welcome",
                             .at = NoonOf(first),
                             .request = GrantCommand{.amount = C("100000")}})
                    .ok());
  }
  UsageLedger usage(*ledger, catalog);
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  usage.Charge(records, NoonOf(first + 10), outcomes);
  for (const auto& outcome : outcomes) {
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    ASSERT_TRUE(outcome->effect.applied());
  }
  for (const char* account : {"acme", "blue", ""}) {
    const SpendHistory charged =
        SpendOfLedger(*ledger, account, absl::UTCTimeZone()).value();
    const SpendHistory read = HistoryOf(records, catalog, account);
    for (CivilDay day = first; day < first + 11; ++day) {
      EXPECT_EQ(read.spend.SpentOn(day), charged.spend.SpentOn(day))
          << account << " " << day;
    }
  }
}

TEST(SpendHistory, AMinimumCountsOnceASession) {
  std::vector<v1::UsageRecord> records(3);
  for (size_t i = 0; i < records.size(); ++i) {
    records[i].set_record_id(absl::StrCat("r", i));
    records[i].set_account_id("acme");
    records[i].set_job_id("job");
    records[i].set_partial(true);
    records[i].set_operation("call");
    records[i].mutable_duration()->set_seconds(7);
    records[i].mutable_start_time()->set_seconds(1'700'000'000);
    records[i].mutable_end_time()->set_seconds(1'700'000'007);
  }
  const SpendHistory history = HistoryOf(records, AwkwardCatalog(), "");
  EXPECT_EQ(history.spend.SpentOn(CivilDay(2023, 11, 14)).ToString(),
            "~4.371428");
}

}  // namespace
}  // namespace konpro
