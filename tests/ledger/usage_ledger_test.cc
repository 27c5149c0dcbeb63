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
#include "konpro/ledger/quantity_capture.h"
#include "konpro/ledger/session.h"
#include "konpro/ledger/statement.h"
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
  UsageLedgerTest() : catalog_(AwkwardCatalog()) { Restart(); }

  // What is known of jobs is read from the journal anew, as by a new process.
  void Forget() {
    ASSERT_THAT(ledger_->Snapshot(), IsOk());
    store_->FailNext();
    EXPECT_THAT(ledger_->Apply({.account = "nobody",
                                .id = "fails",
                                .at = ledger_->Now(),
                                .request = SpendCommand{}}),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("made to")));
    usage_ = std::make_unique<UsageLedger>(*ledger_, catalog_, options_);
  }

  void Grant(absl::string_view credits) { Grant(C(credits)); }
  void Grant(Credits credits) {
    ASSERT_THAT(ledger_->Apply({.account = "acme",
                                .id = absl::StrCat("grant-", ++grants_),
                                .at = kNow,
                                .request = GrantCommand{.amount = credits}}),
                IsOk());
  }

  void Reserve(absl::string_view id, absl::string_view credits,
               absl::Duration timeout = absl::Hours(1)) {
    Reserve(id, C(credits), timeout);
  }
  void Reserve(absl::string_view id, Credits credits,
               absl::Duration timeout = absl::Hours(1)) {
    const absl::StatusOr<LedgerOutcome> outcome = ledger_->Apply(
        {.account = "acme",
         .id = id,
         .at = kNow,
         .request = LedgerReserve{
             .amount = credits, .operation = "call", .timeout = timeout}});
    ASSERT_THAT(outcome, IsOk());
    ASSERT_TRUE(outcome->effect.applied());
  }

  void Apply(const LedgerRequest& request) {
    const absl::StatusOr<LedgerOutcome> outcome =
        ledger_->Apply({.account = "acme",
                        .id = absl::StrCat("command-", ++commands_),
                        .at = kNow,
                        .request = request});
    ASSERT_THAT(outcome, IsOk());
    ASSERT_TRUE(outcome->effect.applied());
  }

  // An empty ledger.
  void Restart() {
    usage_.reset();
    auto store = std::make_unique<FailingStore>();
    store_ = store.get();
    ledger_ = *Ledger::Open(std::move(store), {});
    usage_ = std::make_unique<UsageLedger>(*ledger_, catalog_, options_);
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
  UsageLedger::Options options_;
  FailingStore* store_ = nullptr;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<UsageLedger> usage_;
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes_;
  int grants_ = 0;
  int commands_ = 0;
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
    // A reservation keeps the list of the time at which it was made. Its job
    // has one final record; what comes before and after is partial.
    for (size_t job = 0; job < 3; ++job) {
      const std::string id = absl::StrCat("job-", round, "-", job);
      if (random() % 2 == 0) {
        Reserve(id, "1000");
        totals[0][job] += std::exchange(totals[1][job], 0);
        bool is_final = true;
        for (v1::UsageRecord& record : records) {
          if (record.job_id() != id) continue;
          record.set_partial(!std::exchange(is_final, false));
        }
      }
      expected = *CheckedAdd(expected, CostOf(totals[0][job]));
      expected = *CheckedAdd(expected, CostOf(totals[1][job], kSecond - 1));
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
  options_.denies_shortfall = true;
  Forget();
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

// The table of semantics, section 4, "A job is settled once". Each job is used
// for 60 s, whose price is 9 credits at a plain list; 100 are reserved, of
// 1000.
TEST_F(UsageLedgerTest, ARecordOfAJobInEachStateBecomesWhatTheTableSays) {
  enum Before { kHeld, kByRecord, kByCommand, kExpired, kVoided };
  struct Row {
    Before before;
    bool is_partial;
    bool is_late;
    Refusal refusal;
    bool is_charged;
    absl::string_view reserved;
  };
  constexpr Refusal kNone = Refusal::kNone;
  constexpr Refusal kSettled = Refusal::kJobSettled;
  constexpr Refusal kFailed = Refusal::kReservationVoided;
  const Row rows[] = {
      {kHeld, false, false, kNone, true, "0"},
      {kHeld, true, false, kNone, true, "rest"},
      {kHeld, false, true, kNone, true, "0"},
      {kHeld, true, true, kNone, true, "rest"},
      {kByRecord, false, false, kSettled, false, "0"},
      {kByRecord, true, false, kNone, true, "0"},
      {kByRecord, false, true, kNone, true, "0"},
      {kByRecord, true, true, kNone, true, "0"},
      {kByCommand, false, false, kSettled, false, "0"},
      {kByCommand, true, false, kSettled, false, "0"},
      {kByCommand, false, true, kNone, true, "0"},
      {kByCommand, true, true, kNone, true, "0"},
      {kExpired, false, false, kNone, true, "0"},
      {kExpired, true, false, kNone, true, "0"},
      {kVoided, false, false, kFailed, false, "0"},
      {kVoided, true, false, kFailed, false, "0"},
      {kVoided, false, true, kFailed, false, "0"},
  };
  const UnixNanos later = UnixNanos::FromTime(kNow.ToTime() + absl::Hours(2));
  int n = 0;
  for (const Row& row : rows) {
    SCOPED_TRACE(::testing::Message() << "row " << n);
    Restart();
    Grant("1000");
    const std::string job = absl::StrCat("job-", n++);
    Reserve(job, "100");
    int64_t charged_ms = 0;
    if (row.before == kByRecord) {
      ASSERT_THAT(ChargeOne(Record("first", job, 20'000)), IsOk());
      charged_ms = 20'000;
    } else if (row.before == kByCommand) {
      Apply(LedgerCapture{.reservation = job, .amount = Credits()});
    } else if (row.before == kVoided) {
      Apply(LedgerVoid{.reservation = job});
    }
    const UnixNanos at = row.before == kExpired ? later : kNow;
    const Credits before = BalanceNow(at).posted;
    v1::UsageRecord record = Record("record", job, 60'000);
    record.set_partial(row.is_partial);
    record.set_late(row.is_late);
    for (int i = 0; i < 2; ++i) {
      const LedgerOutcome outcome = *ChargeOne(record, at);
      EXPECT_EQ(outcome.effect.refusal, row.refusal);
      EXPECT_EQ(outcome.replayed, i == 1 && row.refusal != kSettled);
      const Credits cost = row.is_charged ? CostOf(charged_ms + 60'000)
                                          : *CheckedAdd(before, Credits());
      EXPECT_EQ(BalanceNow(at).posted, cost);
      EXPECT_EQ(BalanceNow(at).reserved,
                row.reserved == "rest"
                    ? *CheckedSubtract(C("100"), CostOf(60'000))
                    : C("0"));
      Forget();
    }
    EXPECT_EQ(BalanceNow(at).uncollected, C("0"));
    EXPECT_THAT(ledger_->Verify([](uint64_t) {}), IsOk());
  }
}

TEST_F(UsageLedgerTest, ARecordOfASettledJobLeavesItsIdForALateOne) {
  Grant("1000");
  Reserve("job", "100");
  Apply(LedgerCapture{.reservation = "job", .amount = C("50")});
  v1::UsageRecord record = Record("r", "job", 60'000);
  EXPECT_EQ(ChargeOne(record)->effect.refusal, Refusal::kJobSettled);
  EXPECT_EQ(ChargeOne(record)->sequence, 0u);
  record.set_late(true);
  EXPECT_TRUE(ChargeOne(record)->effect.applied());
  EXPECT_EQ(BalanceNow().posted, *CheckedAdd(C("50"), CostOf(60'000)));
}

TEST_F(UsageLedgerTest, WhatIsAboveTheHoldIsDrawnAndTheRestIsUncollected) {
  const Credits cost = CostOf(61'000);
  const Credits hold = CostOf(60'000);
  struct Row {
    Credits granted;
    Credits uncollected;
    bool has_job;
  };
  const Credits over = *CheckedSubtract(cost, hold);
  const Row rows[] = {
      {C("1000"), C("0"), true},
      {hold, over, true},
      {hold, over, false},
      {C("1000"), C("0"), false},
  };
  for (const Row& row : rows) {
    Restart();
    Grant(row.granted);
    if (row.has_job) Reserve("job", hold);
    for (int i = 0; i < 2; ++i) {
      const LedgerOutcome outcome =
          *ChargeOne(Record("r", row.has_job ? "job" : "", 61'000));
      EXPECT_TRUE(outcome.effect.applied());
      EXPECT_EQ(outcome.replayed, i == 1);
      EXPECT_EQ(outcome.effect.uncollected, row.uncollected);
      EXPECT_EQ(outcome.balance.uncollected, row.uncollected);
      EXPECT_EQ(CheckedAdd(outcome.balance.posted, row.uncollected), cost);
      EXPECT_EQ(outcome.balance.reserved, C("0"));
    }
    // The whole quantity counts as charged before.
    if (row.has_job) {
      const LedgerOutcome more = *ChargeOne(Partial(Record("s", "job", 100)));
      EXPECT_EQ(more.effect.posted.size(), 0u);
      EXPECT_EQ(more.effect.uncollected, Credits());
    }
    const Statement statement =
        *MakeStatement(*ledger_, "acme",
                       {.begin = UnixNanos(), .end = UnixNanos::Max()}, kNow);
    EXPECT_EQ(statement.uncollected, BalanceNow().uncollected);
    ASSERT_EQ(statement.lines.size(), 1u);
    EXPECT_EQ(statement.lines[0].uncollected, BalanceNow().uncollected);
  }
}

TEST_F(UsageLedgerTest, AnAccountWithoutCreditsUsesUncollected) {
  const LedgerOutcome outcome = *ChargeOne(Record("r", "", 60'000));
  EXPECT_TRUE(outcome.effect.applied());
  EXPECT_EQ(outcome.effect.uncollected, CostOf(60'000));
  EXPECT_EQ(BalanceNow().uncollected, CostOf(60'000));
  // A later grant pays nothing of it.
  Grant("1000");
  EXPECT_EQ(BalanceNow().available, C("1000"));
}

TEST_F(UsageLedgerTest, TheOptionDeniesAShortfallInPlaceOfCollecting) {
  options_.denies_shortfall = true;
  Forget();
  const Credits hold = CostOf(60'000);
  Grant(hold);
  Reserve("job", hold);
  EXPECT_EQ(ChargeOne(Record("r", "job", 61'000))->effect.refusal,
            Refusal::kAboveHold);
  EXPECT_EQ(BalanceNow().reserved, hold);
  EXPECT_EQ(ChargeOne(Record("s", "", 1'000))->effect.refusal,
            Refusal::kInsufficientCredits);
  // A retry keeps the form of the first time.
  options_.denies_shortfall = false;
  Forget();
  EXPECT_TRUE(ChargeOne(Record("r", "job", 61'000))->replayed);
  EXPECT_TRUE(ChargeOne(Record("s", "", 1'000))->replayed);
}

TEST_F(UsageLedgerTest, AnImplausibleRecordIsRefusedAndNotJournaled) {
  Grant("100000");
  Reserve("job", CostOf(60'000));
  const uint64_t head = ledger_->Head()->sequence;
  EXPECT_THAT(ChargeOne(Record("r", "job", 604'000)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("quantity: implausible")));
  EXPECT_EQ(ledger_->Head()->sequence, head);
  EXPECT_TRUE(ChargeOne(Record("r", "job", 600'000))->effect.applied());
  options_.implausible_factor = 0;
  Forget();
  Reserve("job2", "1");
  EXPECT_TRUE(ChargeOne(Record("r2", "job2", 600'000))->effect.applied());
}

// It is the session's total that is implausible, in whatever slices.
TEST_F(UsageLedgerTest, AnImplausibleSessionIsRefusedInSlicesToo) {
  Grant("100000");
  Reserve("job", CostOf(60'000));
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(ChargeOne(Partial(Record(absl::StrCat(i), "job", 60'000)))
                    ->effect.applied());
  }
  const uint64_t head = ledger_->Head()->sequence;
  EXPECT_THAT(ChargeOne(Record("more", "job", 60'000)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("quantity: implausible")));
  EXPECT_EQ(ledger_->Head()->sequence, head);
  EXPECT_EQ(BalanceNow().posted, CostOf(600'000));
  // What was charged before stays what it was.
  EXPECT_TRUE(ChargeOne(Partial(Record("9", "job", 60'000)))->replayed);
}

TEST_F(UsageLedgerTest, AReservationOfNothingIsForNothing) {
  Grant("1000");
  Reserve("job", "0");
  EXPECT_THAT(ChargeOne(Record("r", "job", 1'000)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("above 10 times the 0 that")));
  EXPECT_TRUE(ChargeOne(Partial(Record("none", "job", 0)))->effect.applied() ||
              CostOf(0) > Credits());
  options_.implausible_factor = 0;
  Forget();
  EXPECT_TRUE(ChargeOne(Record("r", "job", 1'000))->effect.applied());
}

// The price of its reservation is enough, the first time and again.
TEST_F(UsageLedgerTest, ARecordWithoutAPriceAtItsTimeIsARetryToo) {
  Catalog::Spec spec;
  spec.version = "later";
  spec.operations = {{"call", QuantityUnit::kMilliseconds, "ms"}};
  spec.price_lists = {*PriceList::Create(
      absl::FromUnixSeconds(kSecond),
      {{"call", *Price::Create({.credits = C("1"), .per = 1'000})}})};
  spec.plans = {*Plan::Create({.name = "any"})};
  const Catalog later = *Catalog::Create(std::move(spec));
  Grant("1000");
  Reserve("job", "100");
  UsageLedger usage(*ledger_, later);
  for (int i = 0; i < 2; ++i) {
    const v1::UsageRecord record = Record("r", "job", 60'000, kSecond - 10);
    usage.Charge({&record, 1}, kNow, outcomes_);
    ASSERT_THAT(outcomes_.front(), IsOk());
    EXPECT_EQ(outcomes_.front()->replayed, i == 1);
    EXPECT_EQ(BalanceNow().posted, C("60"));
  }
}

// A price of a tick for 1,000 pieces: 400 cost nothing, and are not forgotten.
TEST_F(UsageLedgerTest, SlicesThatCostNothingArePartOfTheSession) {
  Catalog::Spec spec;
  spec.version = "cheap";
  spec.operations = {{"image", QuantityUnit::kCount, "image"}};
  spec.price_lists = {*PriceList::Create(
      absl::InfinitePast(),
      {{"image",
        *Price::Create({.credits = Credits::FromTicks(1), .per = 1'000})}})};
  spec.plans = {*Plan::Create({.name = "any"})};
  const Catalog cheap = *Catalog::Create(std::move(spec));
  for (const bool is_admitted : {true, false}) {
    Restart();
    Grant("1");
    const std::string job = is_admitted ? "admit:job" : "job";
    ASSERT_TRUE(
        ledger_
            ->Apply({.account = "acme",
                     .id = job,
                     .at = kNow,
                     .request = LedgerReserve{.amount = Credits::FromTicks(9),
                                              .operation = "image",
                                              .timeout = absl::Hours(1)}})
            ->effect.applied());
    const auto capture = [&](absl::string_view id, int64_t quantity,
                             bool is_total) {
      return SumOf(CaptureQuantity(*ledger_, cheap,
                                   {.account = "acme",
                                    .id = id,
                                    .reservation = job,
                                    .at = kNow,
                                    .quantity = quantity,
                                    .is_total = is_total,
                                    .final = is_total})
                       ->effect.posted)
          ->ticks();
    };
    EXPECT_EQ(capture("a", 400, false), 0);
    EXPECT_EQ(capture("b", 100, true), 0);
    v1::UsageRecord late = Record("late", "job", 0);
    late.set_operation("image");
    late.set_count(200);
    late.set_late(true);
    UsageLedger usage(*ledger_, cheap);
    usage.Charge({&late, 1}, kNow, outcomes_);
    ASSERT_THAT(outcomes_.front(), IsOk());
    EXPECT_EQ(SumOf(outcomes_.front()->effect.posted)->ticks(), 1);
  }
}

TEST_F(UsageLedgerTest, ASecondFinalRecordOfAnExpiredJobChangesNothing) {
  Grant("1000");
  Reserve("job", "100");
  const UnixNanos later = UnixNanos::FromTime(kNow.ToTime() + absl::Hours(2));
  EXPECT_TRUE(
      ChargeOne(Partial(Record("a", "job", 20'000)), later)->effect.applied());
  EXPECT_TRUE(ChargeOne(Record("b", "job", 20'000), later)->effect.applied());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(ChargeOne(Record("c", "job", 40'000), later)->effect.refusal,
              Refusal::kJobSettled);
    EXPECT_EQ(BalanceNow(later).posted, CostOf(40'000));
    EXPECT_TRUE(ChargeOne(Record("b", "job", 20'000), later)->replayed);
    Forget();
  }
  // Slices come in any order, and what is late is charged.
  EXPECT_TRUE(
      ChargeOne(Partial(Record("d", "job", 20'000)), later)->effect.applied());
  v1::UsageRecord late = Record("c", "job", 40'000);
  late.set_late(true);
  EXPECT_TRUE(ChargeOne(late, later)->effect.applied());
  EXPECT_EQ(BalanceNow(later).posted, CostOf(100'000));
}

// The id of a reservation may be forgotten while records of its job are still
// accepted: they are as old as the reservation at most.
TEST_F(UsageLedgerTest, ASettledJobIsSettledAlsoOnceItsIdIsForgotten) {
  Grant("1000");
  Reserve("by-command", "100");
  Reserve("by-record", "100");
  Reserve("voided", "100");
  const absl::Duration window = ledger_->options().duplicate_window;
  const UnixNanos work = UnixNanos::FromTime(kNow.ToTime() + absl::Minutes(30));
  const auto apply = [&](const char* id, const LedgerRequest& request) {
    ASSERT_TRUE(
        ledger_
            ->Apply(
                {.account = "acme", .id = id, .at = work, .request = request})
            ->effect.applied());
  };
  apply("capture", LedgerCapture{.reservation = "by-command"});
  apply("void", LedgerVoid{.reservation = "voided"});
  const int64_t start = absl::ToUnixSeconds(work.ToTime());
  ASSERT_TRUE(ChargeOne(Record("first", "by-record", 10'000, start), work)
                  ->effect.applied());
  // After the reservations' ids, and before the records' acceptance ends.
  const UnixNanos now =
      UnixNanos::FromTime(kNow.ToTime() + window + absl::Minutes(20));
  const Credits posted = BalanceNow(now).posted;
  const auto refusal = [&](const char* id, const char* job) {
    return ChargeOne(Record(id, job, 60'000, start), now)->effect.refusal;
  };
  EXPECT_EQ(refusal("a", "by-command"), Refusal::kJobSettled);
  EXPECT_EQ(refusal("b", "by-record"), Refusal::kJobSettled);
  EXPECT_EQ(refusal("c", "voided"), Refusal::kUnknownReservation);
  EXPECT_EQ(BalanceNow(now).posted, posted);
  ASSERT_EQ(*ledger_->FindCommand("acme", "by-command"), 0u);
}

// What became of the job that had the id before says nothing of it.
TEST_F(UsageLedgerTest, AnIdThatIsReservedAgainIsAnotherJob) {
  const auto at = [](int64_t days) {
    return UnixNanos::FromTime(kNow.ToTime() + days * absl::Hours(24));
  };
  const auto reserve = [&](int64_t day, absl::Duration timeout) {
    ASSERT_TRUE(ledger_
                    ->Apply({.account = "acme",
                             .id = "job",
                             .at = at(day),
                             .request = LedgerReserve{.amount = C("100"),
                                                      .operation = "call",
                                                      .timeout = timeout}})
                    ->effect.applied());
  };
  for (const bool is_reread : {false, true}) {
    Restart();
    Grant("1000");
    reserve(0, absl::Hours(24 * 30));
    // The sessions are read, and kept from here on.
    ASSERT_THAT(ChargeOne(Record("other", "none", 0)), IsOk());
    const LedgerRequest capture =
        LedgerCapture{.reservation = "job", .amount = Credits()};
    ASSERT_TRUE(ledger_
                    ->Apply({.account = "acme",
                             .id = "capture",
                             .at = at(20),
                             .request = capture})
                    ->effect.applied());
    reserve(36, absl::Hours(1));
    if (is_reread) Forget();
    // It has expired by now.
    const int64_t start = absl::ToUnixSeconds(at(36).ToTime());
    const LedgerOutcome outcome =
        *ChargeOne(Record("r", "job", 60'000, start), at(37));
    EXPECT_TRUE(outcome.effect.applied())
        << RefusalName(outcome.effect.refusal);
    EXPECT_EQ(BalanceNow(at(37)).posted, CostOf(60'000));
  }
}

// A job that was admitted is named by its reservation, or by the id of its
// request.
TEST_F(UsageLedgerTest, BothNamesOfAnAdmittedJobAreOneSession) {
  const std::string longest(128, 'x');
  for (const std::string& id : {std::string("job"), longest}) {
    const std::string reservation = absl::StrCat(kAdmittedJobPrefix, id);
    for (const bool is_first : {false, true}) {
      Restart();
      Grant("1000");
      Reserve(reservation, "500");
      const std::string& one = is_first ? id : reservation;
      const std::string& other = is_first ? reservation : id;
      ASSERT_TRUE(
          ChargeOne(Partial(Record("a", one, 5'000)))->effect.applied());
      ASSERT_TRUE(
          ChargeOne(Partial(Record("b", other, 5'000)))->effect.applied());
      EXPECT_EQ(BalanceNow().posted, CostOf(10'000));
      EXPECT_EQ(BalanceNow().reserved,
                *CheckedSubtract(C("500"), CostOf(10'000)));
      EXPECT_TRUE(ChargeOne(Partial(Record("a", other, 5'000)))->replayed);
      ASSERT_TRUE(ChargeOne(Record("c", one, 5'000))->effect.applied());
      EXPECT_EQ(ChargeOne(Record("d", other, 5'000))->effect.refusal,
                Refusal::kJobSettled);
      EXPECT_EQ(BalanceNow().posted, CostOf(15'000));
      EXPECT_EQ(BalanceNow().reserved, C("0"));
    }
  }
}

// What was charged before the job was admitted keeps its name, and a retry of
// it is no conflict.
TEST_F(UsageLedgerTest, ARecordFromBeforeTheAdmissionIsARetryUnderBothNames) {
  Grant("1000");
  ASSERT_TRUE(
      ChargeOne(Partial(Record("a", "admit:job", 5'000)))->effect.applied());
  ASSERT_TRUE(ChargeOne(Partial(Record("b", "job", 5'000)))->effect.applied());
  EXPECT_EQ(BalanceNow().posted, CostOf(10'000));
  Reserve("admit:job", "500");
  for (const char* id : {"a", "b"}) {
    for (const char* job : {"job", "admit:job"}) {
      EXPECT_TRUE(ChargeOne(Partial(Record(id, job, 5'000)))->replayed);
    }
  }
  EXPECT_EQ(BalanceNow().posted, CostOf(10'000));
}

// A reservation that is named as it is comes before an admitted one.
TEST_F(UsageLedgerTest, TheNameOfAReservationIsItsIdFirst) {
  Grant("1000");
  Reserve("job", "100");
  Reserve("admit:job", "200");
  ASSERT_TRUE(ChargeOne(Record("a", "job", 5'000))->effect.applied());
  EXPECT_EQ(BalanceNow().reserved, C("200"));
  ASSERT_TRUE(ChargeOne(Record("b", "admit:job", 5'000))->effect.applied());
  EXPECT_EQ(BalanceNow().reserved, C("0"));
}

TEST_F(UsageLedgerTest, ARecordOfAnotherOperationIsRefusedAndNamesBoth) {
  Grant("1000");
  Reserve("job", "100");
  const uint64_t head = ledger_->Head()->sequence;
  v1::UsageRecord record = Record("r", "job", 0);
  record.set_operation("image");
  record.set_count(5);
  EXPECT_THAT(ChargeOne(record),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("operation: the record is of \"image\", its "
                                 "reservation \"job\" of \"call\"")));
  EXPECT_EQ(ledger_->Head()->sequence, head);
  EXPECT_EQ(BalanceNow().reserved, C("100"));
}

// 1 credit per 7 s before kSecond, 3 after it.
TEST_F(UsageLedgerTest, AJobIsPricedByTheListOfItsReservation) {
  Grant("1000");
  const UnixNanos before =
      UnixNanos::FromTime(absl::FromUnixSeconds(kSecond - 10));
  const Operation& call = *catalog_.FindOperation("call");
  const RatedUsage rated =
      *RateQuantity(catalog_, call, 60'000, before.ToTime());
  const SlicePrice price =
      *PriceOfSlice(PriceOf(catalog_, rated), {.slice = 60'000}, "");
  Restart();
  ASSERT_THAT(ledger_->Apply({.account = "acme",
                              .id = "grant",
                              .at = before,
                              .request = GrantCommand{.amount = C("1000")}}),
              IsOk());
  for (absl::string_view job : {"priced", "unpriced"}) {
    LedgerCommand reserve = {
        .account = "acme",
        .id = job,
        .at = before,
        .request = LedgerReserve{.amount = price.cost,
                                 .operation = "call",
                                 .timeout = absl::Hours(1)}};
    if (job == "priced") reserve.pricing = price.pricing;
    ASSERT_TRUE(ledger_->Apply(reserve)->effect.applied());
  }
  const UnixNanos after =
      UnixNanos::FromTime(absl::FromUnixSeconds(kSecond + 60));
  for (absl::string_view job : {"priced", "unpriced"}) {
    const LedgerOutcome outcome = *ChargeOne(
        Record(absl::StrCat("r-", job), std::string(job), 60'000), after);
    EXPECT_TRUE(outcome.effect.applied());
    EXPECT_EQ(SumOf(outcome.effect.posted), price.cost);
    EXPECT_EQ(outcome.effect.released, C("0"));
  }
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

TEST_F(UsageLedgerTest, ACompletedJobWithTheLabelOfASessionIsNoPartOfIt) {
  Grant("1000");
  ASSERT_THAT(ChargeOne(Partial(Record("a", "session", 60'000))), IsOk());
  Reserve("admitted", "500");
  const Price& price =
      *catalog_.PricesAt(absl::FromUnixSeconds(kSecond))->Find("call");
  ASSERT_THAT(
      ledger_->Apply({.account = "acme",
                      .id = "complete",
                      .at = kNow,
                      .request = LedgerCapture{.reservation = "admitted",
                                               .amount = *price.CostOf(10'000)},
                      .pricing = Pricing{.catalog_version = "awkward",
                                         .operation = "call",
                                         .quantity = 10'000,
                                         .terms = price.terms(),
                                         .effective_at = UnixNanos::FromTime(
                                             absl::FromUnixSeconds(kSecond)),
                                         .job = "session"}}),
      IsOk());
  // Of which the increment shows what was before.
  ASSERT_NE(*CheckedSubtract(CostOf(90'100), CostOf(60'000)),
            *CheckedSubtract(CostOf(40'100), CostOf(10'000)));
  ASSERT_THAT(ChargeOne(Record("b", "session", 30'100)), IsOk());
  EXPECT_EQ(BalanceNow().posted, *CheckedAdd(CostOf(90'100), CostOf(10'000)));
}

// Slices of one job, under both its names, each thread with its own
// UsageLedger; captures of a quantity take turns with them.
TEST_F(UsageLedgerTest, SlicesFromManyThreadsCostTheWhole) {
  constexpr int kThreads = 4;
  constexpr int kSlices = 50;
  Grant("1000000");
  Reserve("admit:job", "10000");
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      UsageLedger usage(*ledger_, catalog_);
      std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
      for (int i = 0; i < kSlices; ++i) {
        const std::string id = absl::StrCat(t, "/", i);
        if (i % 5 == 4) {
          EXPECT_THAT(CaptureQuantity(*ledger_, catalog_,
                                      {.account = "acme",
                                       .id = id,
                                       .reservation = "admit:job",
                                       .at = kNow,
                                       .quantity = 1'000,
                                       .final = false}),
                      IsOk());
          continue;
        }
        const v1::UsageRecord record =
            Partial(Record(id, i % 2 == 0 ? "job" : "admit:job", 1'000));
        usage.Charge({&record, 1}, kNow, outcomes);
        EXPECT_THAT(outcomes.front(), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(BalanceNow().posted, CostOf(kThreads * kSlices * 1'000));
  EXPECT_EQ(CaptureQuantity(*ledger_, catalog_,
                            {.account = "acme",
                             .id = "done",
                             .reservation = "admit:job",
                             .at = kNow,
                             .quantity = kThreads * kSlices * 1'000 + 7'000,
                             .is_total = true})
                ->balance.posted,
            CostOf(kThreads * kSlices * 1'000 + 7'000));
  EXPECT_THAT(ledger_->Verify([](uint64_t) {}), IsOk());
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

// The same of a capture of the job that is charged: that its time is over by
// then is no reason to take it for expired.
TEST_F(UsageLedgerTest, AJobThatIsCapturedMeanwhileIsSettledAndNotExpired) {
  Grant("1000");
  Reserve("job", "100");
  std::thread thread;
  store_->AtNextRead([&] {
    thread = std::thread([&] {
      EXPECT_THAT(ledger_->Apply({.account = "acme",
                                  .id = "capture",
                                  .at = kNow,
                                  .request = LedgerCapture{.reservation = "job",
                                                           .amount = C("50")}}),
                  IsOk());
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  });
  const UnixNanos later = UnixNanos::FromTime(kNow.ToTime() + absl::Hours(2));
  const LedgerOutcome outcome = *ChargeOne(Record("a", "job", 60'000), later);
  thread.join();
  // Whichever was first, the job is charged once.
  const Refusal refusal = outcome.effect.refusal;
  EXPECT_EQ(BalanceNow(later).posted,
            refusal == Refusal::kJobSettled ? C("50") : CostOf(60'000));
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
