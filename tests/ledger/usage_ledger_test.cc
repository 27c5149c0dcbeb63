#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/clock_tolerance.h"
#include "konpro/catalog/catalog.h"
#include "konpro/estimate/estimator.h"
#include "konpro/ledger/store.h"
#include "konpro/ledger/usage.h"
#include "proto/usage.pb.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'800'000'000;
const UnixNanos kNow =
    UnixNanos::FromTime(absl::FromUnixSeconds(kSecond + 86'400));

Credits C(absl::string_view text) { return Credits::Parse(text).value(); }

// A price that rounds, with an increment and a minimum; dearer from kSecond on.
Catalog AwkwardCatalog() {
  const auto list = [](absl::Time since, absl::string_view credits) {
    const Price call = *Price::Create({.credits = C(credits),
                                       .per = 7'000,
                                       .increment = 900,
                                       .minimum = 10'000});
    const Price image = *Price::Create({.credits = C("1"), .per = 7});
    return *PriceList::Create(since, {{"call", call}, {"image", image}});
  };
  Catalog::Spec spec;
  spec.version = "awkward";
  spec.operations = {{"call", QuantityUnit::kMilliseconds, "ms"},
                     {"image", QuantityUnit::kCount, "image"}};
  spec.price_lists = {list(absl::InfinitePast(), "1"),
                      list(absl::FromUnixSeconds(kSecond), "3")};
  spec.plans = {*Plan::Create({.name = "any"})};
  return *Catalog::Create(std::move(spec));
}

v1::UsageRecord Record(const std::string& id, const std::string& job,
                       int64_t ms, int64_t start = kSecond) {
  v1::UsageRecord record;
  record.set_record_id(id);
  record.set_account_id("acme");
  record.set_operation("call");
  record.mutable_duration()->set_seconds(ms / 1'000);
  record.mutable_duration()->set_nanos(
      static_cast<int32_t>(ms % 1'000 * 1'000'000));
  record.mutable_start_time()->set_seconds(start);
  record.mutable_end_time()->set_seconds(start + 10);
  record.set_job_id(job);
  return record;
}

v1::UsageRecord Partial(v1::UsageRecord record) {
  record.set_partial(true);
  return record;
}

// A store whose next Append() fails if a test says so.
class FailingStore : public MemoryStore {
 public:
  absl::Status Append(const JournalHead& head,
                      absl::Span<const StoredEntry> entries) override {
    if (std::exchange(fail_next_, false)) {
      return absl::UnavailableError("made to fail");
    }
    return MemoryStore::Append(head, entries);
  }
  absl::Status Read(uint64_t first, uint64_t last,
                    EntryVisitor visit) override {
    if (const auto call = std::exchange(at_next_read_, nullptr)) call();
    return MemoryStore::Read(first, last, visit);
  }
  void FailNext() { fail_next_ = true; }
  void AtNextRead(std::function<void()> call) {
    at_next_read_ = std::move(call);
  }

 private:
  bool fail_next_ = false;
  std::function<void()> at_next_read_;
};

class UsageLedgerTest : public ::testing::Test {
 protected:
  UsageLedgerTest() : catalog_(AwkwardCatalog()) {
    auto store = std::make_unique<FailingStore>();
    store_ = store.get();
    ledger_ = *Ledger::Open(std::move(store), {});
    Forget();
  }

  // What is known of jobs is read from the journal anew.
  void Forget() { usage_ = std::make_unique<UsageLedger>(*ledger_, catalog_); }

  void Grant(absl::string_view credits) {
    ASSERT_THAT(ledger_->Apply({.account = "acme",
                                .id = absl::StrCat("grant-", ++grants_),
                                .at = kNow,
                                .request = GrantCommand{.amount = C(credits)}}),
                IsOk());
  }

  void Reserve(absl::string_view id, absl::string_view credits,
               absl::Duration timeout = absl::Hours(1)) {
    const absl::StatusOr<LedgerOutcome> outcome = ledger_->Apply(
        {.account = "acme",
         .id = id,
         .at = kNow,
         .request = LedgerReserve{
             .amount = C(credits), .operation = "call", .timeout = timeout}});
    ASSERT_THAT(outcome, IsOk());
    ASSERT_TRUE(outcome->effect.applied());
  }

  const std::vector<absl::StatusOr<LedgerOutcome>>& Charge(
      const std::vector<v1::UsageRecord>& records, UnixNanos at = kNow) {
    usage_->Charge(records, at, outcomes_);
    return outcomes_;
  }
  absl::StatusOr<LedgerOutcome> ChargeOne(const v1::UsageRecord& record,
                                          UnixNanos at = kNow) {
    return Charge({record}, at).front();
  }

  Balance BalanceNow(UnixNanos at = kNow) {
    return ledger_->BalanceOf("acme", at).value();
  }

  Credits CostOf(int64_t ms, int64_t start = kSecond) {
    return *catalog_.PricesAt(absl::FromUnixSeconds(start))
                ->Find("call")
                ->CostOf(ms);
  }

  const Catalog catalog_;
  FailingStore* store_ = nullptr;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<UsageLedger> usage_;
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes_;
  int grants_ = 0;
};

TEST_F(UsageLedgerTest, ARecordIsASpendAtThePriceOfItsTime) {
  Grant("1000");
  ASSERT_THAT(ChargeOne(Record("old", "", 70'000, kSecond - 1)), IsOk());
  EXPECT_EQ(BalanceNow().posted, CostOf(70'000, kSecond - 1));
  ASSERT_THAT(ChargeOne(Record("new", "", 70'000)), IsOk());
  EXPECT_EQ(BalanceNow().posted,
            *CheckedAdd(CostOf(70'000, kSecond - 1), CostOf(70'000, kSecond)));
  const OwnedEntry entry = *ledger_->ReadEntry(3);
  EXPECT_EQ(entry->command.pricing->effective_at.nanos(),
            kSecond * 1'000'000'000);
  EXPECT_EQ(entry->command.event_at->nanos(), kSecond * 1'000'000'000);
}

TEST_F(UsageLedgerTest, SlicesInAnyOrderAndInAnyBatchesCostTheWhole) {
  const uint64_t seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  Grant("1000000000");
  Credits expected;
  for (int round = 0; round < 300; ++round) {
    int64_t totals[2][3] = {};
    std::vector<v1::UsageRecord> records;
    for (uint64_t n = random() % 40; n-- > 0;) {
      const size_t job = random() % 3;
      const size_t old = random() % 2;
      const int64_t ms = static_cast<int64_t>(random() % 5'000);
      totals[old][job] += ms;
      records.push_back(Record(absl::StrCat(round, "/", records.size()),
                               absl::StrCat("job-", round, "-", job), ms,
                               old == 1 ? kSecond - 5 : kSecond));
      records.back().set_partial(random() % 2 == 0);
    }
    for (size_t job = 0; job < 3; ++job) {
      expected = *CheckedAdd(expected, CostOf(totals[0][job]));
      expected = *CheckedAdd(expected, CostOf(totals[1][job], kSecond - 1));
      if (random() % 2 == 0) {
        Reserve(absl::StrCat("job-", round, "-", job), "1000");
      }
    }
    std::shuffle(records.begin(), records.end(), random);
    // Some of them once more, in the same batch or later.
    for (size_t i = records.size() / 2; i-- > 0;) records.push_back(records[i]);
    for (size_t i = 0; i < records.size();) {
      const size_t n = std::min<size_t>(1 + random() % 8, records.size() - i);
      for (const auto& outcome :
           Charge({records.begin() + i, records.begin() + i + n})) {
        ASSERT_THAT(outcome, IsOk());
        ASSERT_TRUE(outcome->effect.applied())
            << RefusalName(outcome->effect.refusal);
      }
      i += n;
      if (random() % 4 == 0) Forget();
    }
    ASSERT_EQ(BalanceNow().posted, expected) << "round " << round;
  }
  EXPECT_THAT(ledger_->Verify([](uint64_t) {}), IsOk());
}

TEST_F(UsageLedgerTest, ADeniedSliceIsNoPartOfItsSession) {
  Grant("10");
  const std::vector<v1::UsageRecord> records = {Record("a", "job", 14'000),
                                                Record("b", "job", 14'000'000),
                                                Record("c", "job", 1'000)};
  const auto& outcomes = Charge(records);
  ASSERT_THAT(outcomes[0], IsOk());
  EXPECT_TRUE(outcomes[0]->effect.applied());
  EXPECT_EQ(outcomes[1]->effect.refusal, Refusal::kInsufficientCredits);
  EXPECT_TRUE(outcomes[2]->effect.applied());
  EXPECT_EQ(BalanceNow().posted, CostOf(15'000));
  // Asked again, it is what it was, and under another id it is charged.
  Grant("1000000");
  EXPECT_TRUE(ChargeOne(records[1])->replayed);
  EXPECT_EQ(BalanceNow().posted, CostOf(15'000));
  EXPECT_THAT(ChargeOne(Record("b2", "job", 14'000'000)), IsOk());
  EXPECT_EQ(BalanceNow().posted, CostOf(14'015'000));
}

TEST_F(UsageLedgerTest, ARecordSettlesTheReservationOfItsJob) {
  Grant("1000");
  Reserve("job", "500");
  ASSERT_THAT(ChargeOne(Partial(Record("a", "job", 70'000))), IsOk());
  EXPECT_EQ(BalanceNow().reserved, *CheckedSubtract(C("500"), CostOf(70'000)));
  const absl::StatusOr<LedgerOutcome> last =
      ChargeOne(Record("b", "job", 70'000));
  EXPECT_EQ(last->effect.released, *CheckedSubtract(C("500"), CostOf(140'000)));
  EXPECT_EQ(BalanceNow().reserved, C("0"));
  // What comes after it is charged all the same, and what was charged stays.
  for (int i = 0; i < 2; ++i) {
    Forget();
    EXPECT_EQ(ChargeOne(Partial(Record("c", "job", 70'000)))->replayed, i == 1);
    EXPECT_TRUE(ChargeOne(Partial(Record("a", "job", 70'000)))->replayed);
    EXPECT_TRUE(ChargeOne(Record("b", "job", 70'000))->replayed);
    EXPECT_EQ(BalanceNow().posted, CostOf(210'000));
  }
}

TEST_F(UsageLedgerTest, AJobThatWasVoidedOrWhoseHoldExpiredCostsNothing) {
  Grant("1000");
  Reserve("failed", "100");
  Reserve("late", "100", absl::Minutes(5));
  ASSERT_THAT(ledger_->Apply({.account = "acme",
                              .id = "void",
                              .at = kNow,
                              .request = LedgerVoid{.reservation = "failed"}}),
              IsOk());
  const UnixNanos later = UnixNanos::FromTime(kNow.ToTime() + absl::Hours(1));
  EXPECT_EQ(ChargeOne(Record("a", "failed", 1'000), later)->effect.refusal,
            Refusal::kReservationVoided);
  const LedgerOutcome late = *ChargeOne(Record("b", "late", 1'000), later);
  EXPECT_EQ(late.effect.refusal, Refusal::kReservationExpired);
  EXPECT_EQ(late.effect.released, C("100"));
  EXPECT_EQ(BalanceNow(later).posted, C("0"));
}

TEST_F(UsageLedgerTest, WhatIsWrongWithARecordIsItsOutcome) {
  Grant("1000");
  v1::UsageRecord unknown = Record("u", "", 1);
  unknown.set_operation("cal");
  constexpr int64_t kTooOld = 36 * 86'400;
  const auto& outcomes =
      Charge({Record("a", "", 1'000), Record("a", "", 2'000),
              Record("old", "", 1, kSecond - kTooOld),
              Record("new", "", 1, kSecond + 90'000), unknown,
              Record("a", "", 1'000), Record("b", "", 1'000)});
  EXPECT_THAT(outcomes[0], IsOk());
  EXPECT_THAT(outcomes[1], StatusIs(absl::StatusCode::kAlreadyExists,
                                    HasSubstr("pricing.quantity: 2000")));
  EXPECT_THAT(outcomes[2], StatusIs(absl::StatusCode::kOutOfRange,
                                    HasSubstr("acceptance window")));
  EXPECT_THAT(outcomes[3], StatusIs(absl::StatusCode::kInvalidArgument,
                                    HasSubstr("start_time: ")));
  EXPECT_THAT(outcomes[4], StatusIs(absl::StatusCode::kInvalidArgument,
                                    HasSubstr("did you mean \"call\"")));
  EXPECT_TRUE(outcomes[5]->replayed);
  EXPECT_FALSE(outcomes[6]->replayed);
  EXPECT_EQ(ledger_->Head()->sequence, 3u);
}

TEST_F(UsageLedgerTest, WhatOthersChargeIsPartOfTheSession) {
  Grant("1000");
  Reserve("job", "500");
  ASSERT_THAT(ChargeOne(Partial(Record("a", "job", 5'000))), IsOk());
  const Price& price =
      *catalog_.PricesAt(absl::FromUnixSeconds(kSecond))->Find("call");
  Pricing pricing{
      .catalog_version = "awkward",
      .operation = "call",
      .quantity = 12'000,
      .quantity_before = 5'000,
      .terms = price.terms(),
      .effective_at = UnixNanos::FromTime(absl::FromUnixSeconds(kSecond)),
      .job = "job"};
  ASSERT_THAT(
      ledger_->Apply(
          {.account = "acme",
           .id = "other",
           .at = kNow,
           .request = LedgerCapture{.reservation = "job",
                                    .amount = price.CostOfSlice(5'000, 12'000),
                                    .final = false},
           .pricing = pricing}),
      IsOk());
  ASSERT_THAT(ChargeOne(Record("b", "job", 1'000)), IsOk());
  EXPECT_EQ(BalanceNow().posted, CostOf(13'000));
}

// Another thread's charge comes after the journal was read for a batch, and
// before the batch: in line for the commit, it waits for that reading.
TEST_F(UsageLedgerTest, WhatOthersChargeMeanwhileIsPartOfTheSession) {
  Grant("1000");
  const Price& price =
      *catalog_.PricesAt(absl::FromUnixSeconds(kSecond))->Find("call");
  const LedgerCommand other = {
      .account = "acme",
      .id = "other",
      .at = kNow,
      .event_at = UnixNanos::FromTime(absl::FromUnixSeconds(kSecond)),
      .request = SpendCommand{.amount = CostOf(12'000), .operation = "call"},
      .pricing = Pricing{
          .catalog_version = "awkward",
          .operation = "call",
          .quantity = 12'000,
          .quantity_before = 0,
          .terms = price.terms(),
          .effective_at = UnixNanos::FromTime(absl::FromUnixSeconds(kSecond)),
          .job = "others"}};
  std::thread thread;
  store_->AtNextRead([&] {
    thread = std::thread([&] { EXPECT_THAT(ledger_->Apply(other), IsOk()); });
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  });
  ASSERT_THAT(ChargeOne(Record("a", "job", 5'000)), IsOk());
  thread.join();
  ASSERT_THAT(ChargeOne(Record("b", "others", 1'000)), IsOk());
  EXPECT_EQ(BalanceNow().posted, *CheckedAdd(CostOf(5'000), CostOf(13'000)));
}

// The journal is read from the first entry that is exactly as old as the
// window.
TEST_F(UsageLedgerTest, ASessionIsReadFromTheEdgeOfTheDuplicateWindow) {
  Grant("1000");
  const auto at = [](absl::Duration since) {
    return UnixNanos::FromTime(absl::FromUnixSeconds(kSecond + 86'400) + since);
  };
  const absl::Duration window = ledger_->options().duplicate_window;
  const struct {
    absl::Duration age;
    bool is_known;
  } kCases[] = {{window, true}, {window + absl::Nanoseconds(1), false}};
  UnixNanos now = kNow;
  for (const auto& c : kCases) {
    const std::string tag = c.is_known ? "k" : "n";
    const auto record = [&](const char* id, UnixNanos when) {
      return Record(tag + id, tag, 5'000, absl::ToUnixSeconds(when.ToTime()));
    };
    const Credits before = BalanceNow(now).posted;
    ASSERT_THAT(ChargeOne(record("1", now), now), IsOk());
    // Another command moves the ledger's time on.
    now = at(now - kNow + c.age);
    ASSERT_THAT(ledger_->Apply({.account = "acme",
                                .id = tag,
                                .at = now,
                                .request = SpendCommand{}}),
                IsOk());
    Forget();
    ASSERT_THAT(ChargeOne(record("2", now), now), IsOk());
    EXPECT_EQ(*CheckedSubtract(BalanceNow(now).posted, before),
              c.is_known ? CostOf(10'000)
                         : *CheckedAdd(CostOf(5'000), CostOf(5'000)));
  }
}

TEST_F(UsageLedgerTest, ASessionEndsWhenNothingCameForTheDuplicateWindow) {
  Grant("1000");
  const auto at = [](int64_t days) {
    return UnixNanos::FromTime(absl::FromUnixSeconds(kSecond + days * 86'400));
  };
  const auto record = [](const std::string& id, int64_t days) {
    return Record(id, "job", 5'000, kSecond + days * 86'400 - 60);
  };
  for (bool reread : {false, true}) {
    const std::string tag = reread ? "r" : "k";
    const Credits before = BalanceNow(at(1)).posted;
    const int64_t day = reread ? 200 : 1;
    ASSERT_THAT(ChargeOne(record(tag + "1", day), at(day)), IsOk());
    if (reread) Forget();
    ASSERT_THAT(ChargeOne(record(tag + "2", day + 35), at(day + 35)), IsOk());
    EXPECT_EQ(*CheckedSubtract(BalanceNow(at(1)).posted, before),
              CostOf(10'000));
    if (reread) Forget();
    ASSERT_THAT(ChargeOne(record(tag + "3", day + 71), at(day + 71)), IsOk());
    EXPECT_EQ(*CheckedSubtract(BalanceNow(at(1)).posted, before),
              *CheckedAdd(CostOf(10'000), CostOf(5'000)));
  }
}

TEST_F(UsageLedgerTest, AfterAFailedCommitTheSameRecordsAreChargedOnce) {
  Grant("1000");
  const std::vector<v1::UsageRecord> first = {Record("a", "job", 5'000)};
  const std::vector<v1::UsageRecord> second = {Record("b", "job", 3'000),
                                               Record("c", "job", 4'000)};
  ASSERT_THAT(Charge(first)[0], IsOk());
  store_->FailNext();
  for (const auto& outcome : Charge(second)) {
    EXPECT_THAT(outcome, StatusIs(absl::StatusCode::kUnavailable,
                                  HasSubstr("made to fail")));
  }
  for (const auto& outcome : Charge(second)) EXPECT_THAT(outcome, IsOk());
  EXPECT_EQ(BalanceNow().posted, CostOf(12'000));
}

TEST_F(UsageLedgerTest, AnEstimateOfJobsIsTheirBillToTheTick) {
  const uint64_t seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  Grant("1000000000");
  Estimator estimator(catalog_, absl::FromUnixSeconds(kSecond));
  std::vector<v1::UsageRecord> records;
  for (int i = 0; i < 5'000; ++i) {
    const int64_t ms = static_cast<int64_t>(random() % 100'000);
    ASSERT_THAT(estimator.Add({.operation = catalog_.FindOperation("call"),
                               .quantity = ms}),
                IsOk());
    const std::string job = absl::StrCat("job-", i);
    // Held is what was estimated.
    if (i % 3 == 0) Reserve(job, "50");
    if (i % 2 == 0) {
      records.push_back(Record(absl::StrCat("r-", i), job, ms));
      continue;
    }
    const int64_t slice = static_cast<int64_t>(random() % (ms + 1));
    records.push_back(Partial(Record(absl::StrCat("s-", i), job, slice)));
    records.push_back(Record(absl::StrCat("r-", i), job, ms - slice));
  }
  for (const auto& outcome : Charge(records)) {
    ASSERT_THAT(outcome, IsOk());
    ASSERT_TRUE(outcome->effect.applied());
  }
  EXPECT_EQ(BalanceNow().posted, estimator.total());
  EXPECT_EQ(BalanceNow().reserved, C("0"));
}

// A clock a little ahead of ours is nobody's fault; one far ahead is refused
// whatever it asks for, and its id is not used up.
TEST_F(UsageLedgerTest, ARecordAheadOfTheClockIsTakenAsOfNowOrNotAtAll) {
  Grant("5000");
  const struct {
    absl::Duration ahead;
    bool taken;
  } kRows[] = {
      {-absl::Minutes(6), true},
      {absl::ZeroDuration(), true},
      {absl::Milliseconds(200), true},
      {absl::Minutes(4), true},
      {kClockTolerance, true},
      {kClockTolerance + absl::Seconds(1), false},
      {absl::Minutes(6), false},
      {absl::Hours(24 * 365 * 40), false},
  };
  int rows = 0;
  for (const auto& row : kRows) {
    v1::UsageRecord record = Record(absl::StrCat("r", ++rows), "", 5'000);
    const auto start_at = [&](absl::Time time) {
      const absl::Duration since = time - absl::UnixEpoch();
      record.mutable_start_time()->set_seconds(absl::ToInt64Seconds(since));
      record.mutable_start_time()->set_nanos(static_cast<int32_t>(
          absl::ToInt64Nanoseconds(since % absl::Seconds(1))));
      *record.mutable_end_time() = record.start_time();
    };
    start_at(kNow.ToTime() + row.ahead);
    const uint64_t entries = ledger_->Head()->sequence;
    const absl::StatusOr<LedgerOutcome> outcome = ChargeOne(record);
    EXPECT_EQ(ledger_->Now(), kNow) << row.ahead;
    if (row.taken) {
      ASSERT_THAT(outcome, IsOk()) << row.ahead;
      EXPECT_TRUE(outcome->effect.applied());
      EXPECT_EQ(outcome->at, kNow);
      // Sent again, it is the same record.
      EXPECT_TRUE(ChargeOne(record)->replayed) << row.ahead;
      continue;
    }
    EXPECT_THAT(outcome,
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("start_time: "), HasSubstr("ahead"))))
        << row.ahead;
    EXPECT_EQ(ledger_->Head()->sequence, entries);
    start_at(kNow.ToTime());
    EXPECT_FALSE(ChargeOne(record)->replayed) << row.ahead;
  }
}

TEST_F(UsageLedgerTest, ARecordThatIsTakenAsOfNowHasThePriceOfNow) {
  auto ledger = *Ledger::Open(std::make_unique<MemoryStore>(), {});
  const UnixNanos before =
      UnixNanos::FromTime(absl::FromUnixSeconds(kSecond - 1));
  ASSERT_THAT(ledger->Apply({.account = "acme",
                             .id = "grant",
                             .at = before,
                             .request = GrantCommand{.amount = C("500")}}),
              IsOk());
  UsageLedger usage(*ledger, catalog_);
  const v1::UsageRecord record = Record("r", "", 70'000, kSecond);
  usage.Charge({&record, 1}, before, outcomes_);
  ASSERT_THAT(outcomes_.front(), IsOk());
  EXPECT_EQ(outcomes_.front()->balance.posted, CostOf(70'000, kSecond - 1));
}

}  // namespace
}  // namespace konpro
