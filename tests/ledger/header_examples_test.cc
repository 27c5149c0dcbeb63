// The examples of the room's public headers, as they stand there.
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/allowance.h"
#include "konpro/ledger/ingest.h"
#include "konpro/ledger/journal_repair.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/quantity_capture.h"
#include "konpro/ledger/session.h"
#include "konpro/ledger/statement.h"
#include "konpro/ledger/store.h"
#include "konpro/ledger/usage.h"
#include "konpro/sqlite/sqlite_store.h"
#include "proto/usage.pb.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;

Credits C(absl::string_view text) { return Credits::Parse(text).value(); }
const Credits four = C("4");
const Credits six = C("6");
const Credits nine = C("9");
const Credits ten = C("10");
const UnixNanos now = UnixNanos::FromTime(
    absl::FromCivil(absl::CivilDay(2027, 11, 15), absl::UTCTimeZone()));

std::unique_ptr<Ledger> OpenLedger() {
  return Ledger::Open(std::make_unique<MemoryStore>(), {}).value();
}

// A minute of the first operation of the catalog.
v1::UsageRecord Record(absl::string_view id) {
  v1::UsageRecord record;
  record.set_record_id(std::string(id));
  record.set_account_id("acme");
  record.set_job_id("call-7");
  record.set_operation("interactive_avatar");
  record.mutable_duration()->set_seconds(60);
  record.mutable_start_time()->set_seconds(now.nanos() / 1'000'000'000 - 60);
  record.mutable_end_time()->set_seconds(now.nanos() / 1'000'000'000);
  return record;
}

TEST(HeaderExamples, Account) {
  const UnixNanos t = now;
  const UnixNanos in_an_hour = UnixNanos::FromTime(t.ToTime() + absl::Hours(1));
  // account.h
  Account account;
  AccountEffect effect;
  account.Apply(GrantCommand{.id = "welcome", .amount = nine},
                {.sequence = 1, .now = t}, effect);
  EXPECT_TRUE(effect.applied());
  account.Apply(
      ReserveCommand{
          .amount = six, .operation = "avatar_video", .expires_at = in_an_hour},
      {.sequence = 2, .now = t}, effect);
  EXPECT_EQ(account.balance().available, C("3"));
  account.Apply(CaptureCommand{.reservation = 2, .amount = four},
                {.sequence = 3, .now = t}, effect);
  EXPECT_EQ(effect.released, C("2"));
  EXPECT_EQ(account.balance().available, C("5"));
}

TEST(HeaderExamples, AccountCommand) {
  const UnixNanos deadline = UnixNanos::Max();
  Account account;
  AccountEffect effect;
  account.Apply(GrantCommand{.id = "welcome", .amount = C("3.5")},
                {.sequence = 1, .now = now}, effect);
  account.Apply(ReserveCommand{.amount = C("1"), .expires_at = deadline},
                {.sequence = 2, .now = now}, effect);
  // account_command.h
  account.Apply(ReserveCommand{.amount = *Credits::Parse("6"),
                               .operation = "avatar_video",
                               .expires_at = deadline},
                {.sequence = 3, .now = now}, effect);
  EXPECT_EQ(effect.refusal, Refusal::kInsufficientCredits);
  EXPECT_EQ(effect.shortage.need, six);
  EXPECT_EQ(effect.shortage.held, C("1"));
  EXPECT_EQ(effect.shortage.available, C("2.5"));
  EXPECT_EQ(effect.shortage.missing, C("3.5"));
}

TEST(HeaderExamples, Allowance) {
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  const auto day = [&](UnixNanos begin) {
    return absl::FormatTime("%Y-%m-%dT%H:%M", begin.ToTime(), berlin);
  };
  // allowance.h
  Allowance monthly =
      *Allowance::Create({.source = "subscription-7",
                          .item = "credits",
                          .amount = *Credits::Parse("1000"),
                          .cycle = Cycle::kMonth,
                          .anchor = absl::CivilDay(2027, 1, 31),
                          .zone = "Europe/Berlin",
                          .rollover_max = *Credits::Parse("500")});
  EXPECT_EQ(day(monthly.Begin(1)), "2027-02-28T00:00");
  EXPECT_EQ(day(monthly.Begin(2)), "2027-03-31T00:00");
  EXPECT_EQ(monthly.GrantId(1), "subscription-7/credits/1");
}

TEST(HeaderExamples, Ingest) {
  const std::unique_ptr<Ledger> ledger = OpenLedger();
  ASSERT_THAT(ledger->Apply({.account = "acme",
                             .id = "welcome",
                             .at = now,
                             .request = GrantCommand{.amount = ten}}),
              IsOk());
  const auto clock = [] { return now; };
  const auto report = [](const absl::StatusOr<LedgerOutcome>& outcome) {
    EXPECT_THAT(outcome, IsOk());
  };
  v1::UsageRecord record;
  int read = 0;
  const auto ReadRecord = [&](v1::UsageRecord& next) {
    next = Record(absl::StrCat("r", read));
    return ++read <= 3;
  };
  // ingest.h
  UsageLedger usage(*ledger, Catalog::BuiltIn());
  Ingestion ingestion(usage, clock, report, {});
  while (ReadRecord(record)) ingestion.Add(record);
  ingestion.Finish();
  EXPECT_EQ(ingestion.totals().applied, 3);
}

TEST(HeaderExamples, Ledger) {
  ASSERT_EQ(chdir(std::getenv("TEST_TMPDIR")), 0);
  // ledger.h
  auto store = SqliteStore::Open("credits.db", {});
  auto ledger = Ledger::Open(*std::move(store), {});
  const LedgerCommand welcome = {.account = "acme",
                                 .id = "welcome",
                                 .at = now,
                                 .request = GrantCommand{.amount = nine}};
  const LedgerCommand job = {.account = "acme",
                             .id = "job-7",
                             .at = now,
                             .request = SpendCommand{.amount = ten}};
  EXPECT_EQ((*ledger)->Apply(welcome)->sequence, 1);
  EXPECT_FALSE((*ledger)->Apply(job)->effect.applied());
  EXPECT_TRUE((*ledger)->Apply(job)->replayed);
  EXPECT_EQ((*ledger)->BalanceOf("acme", now)->available, nine);
  EXPECT_EQ(FindCommand(**ledger, "", "job-7")->account, "acme");
}

TEST(HeaderExamples, LedgerCommand) {
  const UnixNanos later = UnixNanos::FromTime(now.ToTime() + absl::Minutes(5));
  const std::unique_ptr<Ledger> ledger = OpenLedger();
  ASSERT_THAT(ledger->Apply({.account = "acme",
                             .id = "welcome",
                             .at = now,
                             .request = GrantCommand{.amount = nine}}),
              IsOk());
  const LedgerCommand kCommands[] = {
      // ledger_command.h
      LedgerCommand{.account = "acme",
                    .id = "job-7/hold",
                    .at = now,
                    .request = LedgerReserve{.amount = six,
                                             .operation = "avatar_video",
                                             .timeout = absl::Hours(1)}},
      LedgerCommand{.account = "acme",
                    .id = "job-7/done",
                    .at = later,
                    .request = LedgerCapture{.reservation = "job-7/hold",
                                             .amount = four}}};
  for (const LedgerCommand& command : kCommands) {
    EXPECT_TRUE(ledger->Apply(command)->effect.applied());
  }
  static std::vector<std::string> ids;
  const absl::Status status =
      ledger->History("acme", [](const JournalEntry& entry, absl::string_view) {
        EXPECT_EQ(entry.place.sequence, ids.size() + 1);
        ids.emplace_back(entry.command.id);
        EXPECT_TRUE(entry.effect.applied());
        return absl::OkStatus();
      });
  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(ids,
            (std::vector<std::string>{"welcome", "job-7/hold", "job-7/done"}));
}

TEST(HeaderExamples, Statement) {
  const std::unique_ptr<Ledger> ledger = OpenLedger();
  ASSERT_THAT(ledger->Apply({.account = "acme",
                             .id = "welcome",
                             .at = now,
                             .request = GrantCommand{.amount = nine}}),
              IsOk());
  ASSERT_THAT(
      ledger->Apply({.account = "acme",
                     .id = "job",
                     .at = now,
                     .request = SpendCommand{.amount = four,
                                             .operation = "avatar_video"}}),
      IsOk());
  const auto instant = [](absl::CivilDay day) {
    return UnixNanos::FromTime(absl::FromCivil(day, absl::UTCTimeZone()));
  };
  const UnixNanos nov_1 = instant(absl::CivilDay(2027, 11, 1));
  const UnixNanos dec_1 = instant(absl::CivilDay(2027, 12, 1));
  // statement.h
  absl::StatusOr<Statement> november =
      MakeStatement(*ledger, "acme", {.begin = nov_1, .end = dec_1}, now);
  EXPECT_EQ(november->opening, Credits());
  EXPECT_EQ(november->closing, C("5"));
  ASSERT_EQ(november->lines.size(), 1);
  EXPECT_EQ(november->lines[0].operation, "avatar_video");
  EXPECT_EQ(november->lines[0].cost, four);
}

TEST(HeaderExamples, Store) {
  MemoryStore store;
  std::vector<StoredEntry> entries;
  for (uint64_t i = 1; i <= 10; ++i) {
    entries.push_back({.sequence = i, .bytes = "bytes"});
  }
  const JournalHead head;
  const std::vector<SnapshotChange> changes = {{.key = "k", .value = "v"}};
  std::vector<uint64_t> visited;
  const auto visit = [&](const StoredEntry& entry) {
    visited.push_back(entry.sequence);
    return absl::OkStatus();
  };
  // store.h
  EXPECT_THAT(store.Append(head, entries), IsOk());
  EXPECT_THAT(store.Read(8, 10, visit), IsOk());
  EXPECT_THAT(store.WriteSnapshots(changes), IsOk());
  EXPECT_EQ(visited, (std::vector<uint64_t>{8, 9, 10}));
  EXPECT_THAT(Ledger::Open(std::make_unique<MemoryStore>(), {}), IsOk());
}

TEST(HeaderExamples, JournalRepair) {
  const std::unique_ptr<Ledger> ledger = OpenLedger();
  const auto grant = [&](absl::string_view id, absl::Time at) {
    EXPECT_THAT(ledger->Apply({.account = "acme",
                               .id = id,
                               .at = UnixNanos::FromTime(at),
                               .request = GrantCommand{.amount = nine}}),
                IsOk());
  };
  const UnixNanos in_1970;
  const absl::Time now = in_1970.ToTime() + absl::Hours(24);
  for (const char* id : {"1", "2", "3", "4", "5", "6"}) grant(id, now);
  grant("7", now + absl::Hours(24 * 40));
  auto store = std::make_unique<MemoryStore>();
  // journal_repair.h
  const JournalClock clock = {.clock = now, .file = "credits.db"};
  EXPECT_TRUE(IsAheadOfClock(CheckJournalClock(*ledger, clock)));
  EXPECT_EQ(FindAheadOfClock(*ledger, clock)->value().good_through, 6);
  EXPECT_EQ(CopyJournal(*ledger, /*through=*/6, *store)->sequence, 6);
}

TEST(HeaderExamples, Session) {
  const Catalog& catalog = Catalog::BuiltIn();
  const Operation& avatar_video = *catalog.FindOperation("avatar_video");
  const absl::Time time = now.ToTime();
  // session.h
  RatedUsage rated = *RateQuantity(catalog, avatar_video, 10'000, time);
  PriceInEffect price = PriceOf(catalog, rated);
  EXPECT_EQ(
      PriceOfSlice(price, {.before = 10'000, .slice = 74'000}, "job-7")->cost,
      C("74"));
}

TEST(HeaderExamples, QuantityCapture) {
  const std::unique_ptr<Ledger> ledger = OpenLedger();
  const Catalog& catalog = Catalog::BuiltIn();
  const LedgerCommand commands[] = {
      {.account = "acme",
       .id = "welcome",
       .at = now,
       .request = GrantCommand{.amount = C("100")}},
      {.account = "acme",
       .id = "job-7",
       .at = now,
       .request = LedgerReserve{.amount = C("90"),
                                .operation = "avatar_video",
                                .timeout = absl::Hours(1)}}};
  for (const LedgerCommand& command : commands) {
    ASSERT_THAT(ledger->Apply(command), IsOk());
  }
  ASSERT_THAT(CaptureQuantity(*ledger, catalog,
                              {.account = "acme",
                               .id = "slice",
                               .reservation = "job-7",
                               .at = now,
                               .quantity = 10'000,
                               .final = false}),
              IsOk());
  // quantity_capture.h
  EXPECT_EQ(SumOf(CaptureQuantity(*ledger, catalog,
                                  {.account = "acme",
                                   .id = "job-7/done",
                                   .reservation = "job-7",
                                   .at = now,
                                   .quantity = 84'000,
                                   .is_total = true})
                      ->effect.posted),
            C("74"));
}

TEST(HeaderExamples, Usage) {
  const std::unique_ptr<Ledger> ledger = OpenLedger();
  const std::vector<v1::UsageRecord> records = {Record("a"), Record("b")};
  const v1::UsageRecord& record = records[0];
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  ASSERT_THAT(ledger->Apply({.account = "acme",
                             .id = "welcome",
                             .at = now,
                             .request = GrantCommand{.amount = nine}}),
              IsOk());
  // usage.h
  absl::StatusOr<RatedUsage> rated = RateUsage(Catalog::BuiltIn(), record);
  EXPECT_GT(rated->cost, Credits());
  UsageLedger usage(*ledger, Catalog::BuiltIn());
  usage.Charge(records, now, outcomes);
  EXPECT_FALSE(outcomes[1]->replayed);
  usage.Charge(records, now, outcomes);
  EXPECT_TRUE(outcomes[1]->replayed);
}

}  // namespace
}  // namespace konpro
