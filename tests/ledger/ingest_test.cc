#include "konpro/ledger/ingest.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/usage.h"
#include "proto/usage.pb.h"
#include "tests/testing/faulty_store.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr int64_t kSecond = 1'800'000'000;
const UnixNanos kNow =
    UnixNanos::FromTime(absl::FromUnixSeconds(kSecond + 86'400));

v1::UsageRecord Record(absl::string_view run, int i) {
  v1::UsageRecord record;
  record.set_record_id(absl::StrCat(run, "record-", i));
  record.set_account_id("acme");
  record.set_operation("photo_avatar");
  record.set_count(1);
  record.mutable_start_time()->set_seconds(kSecond);
  record.mutable_end_time()->set_seconds(kSecond);
  return record;
}

class IngestionTest : public ::testing::Test {
 protected:
  IngestionTest() {
    auto store = std::make_unique<testing::FaultyStore>();
    store_ = store.get();
    ledger_ = *Ledger::Open(std::move(store), {});
    usage_ = std::make_unique<UsageLedger>(
        *ledger_, Catalog::BuiltIn(),
        UsageLedger::Options{.denies_shortfall = true});
  }

  // Enough for so many records.
  void Grant(int records) {
    const LedgerCommand command{
        .account = "acme",
        .id = "grant",
        .at = kNow,
        .request =
            GrantCommand{.amount = *Credits::Parse(absl::StrCat(2 * records))}};
    ASSERT_THAT(ledger_->Apply(command), IsOk());
  }

  // What was reported of each record, in order: "" if it was charged.
  struct Ran {
    std::vector<std::string> outcomes;
    IngestTotals totals;
    absl::Status failure;
  };
  Ran Ingest(std::vector<v1::UsageRecord> records, size_t batch_records) {
    Ran ran;
    Ingestion ingestion(
        *usage_, [] { return kNow; },
        [&](const absl::StatusOr<LedgerOutcome>& outcome) {
          ran.outcomes.push_back(
              !outcome.ok() ? std::string(outcome.status().message())
              : outcome->effect.applied()
                  ? ""
                  : std::string(RefusalName(outcome->effect.refusal)));
        },
        {.batch_records = batch_records});
    for (v1::UsageRecord& record : records) ingestion.Add(record);
    ingestion.Finish();
    ran.totals = ingestion.totals();
    ran.failure = ingestion.failure();
    return ran;
  }

  testing::FaultyStore* store_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<UsageLedger> usage_;
};

TEST_F(IngestionTest, ReportsOutcomesInTheOrderOfRecords) {
  Grant(25);  // five for each size
  for (const size_t batch_records : {1, 2, 3, 7, 8}) {
    std::vector<v1::UsageRecord> records;
    for (int i = 0; i < 7; ++i) {
      records.push_back(Record(absl::StrCat(batch_records, "/"), i));
    }
    records[2].set_operation("golf");
    records[5].set_count(100);
    const Ran ran = Ingest(std::move(records), batch_records);
    EXPECT_THAT(ran.failure, IsOk());
    EXPECT_THAT(ran.outcomes, ElementsAre("", "", HasSubstr("golf"), "", "",
                                          "insufficient_credits", ""))
        << batch_records;
  }
}

// Each batch has a time of its own: one that cannot be trusted is the end.
TEST_F(IngestionTest, AClockThatIsNotTrustedEndsItBeforeTheBatch) {
  Grant(10);
  int batches = 0;
  std::vector<absl::Status> outcomes;
  Ingestion ingestion(
      *usage_,
      [&]() -> absl::StatusOr<UnixNanos> {
        if (++batches <= 2) return kNow;
        return absl::UnavailableError("the clock was set");
      },
      [&](const absl::StatusOr<LedgerOutcome>& outcome) {
        outcomes.push_back(outcome.status());
      },
      {.batch_records = 2});
  for (int i = 0; i < 9; ++i) {
    v1::UsageRecord record = Record("", i);
    ingestion.Add(record);
  }
  ingestion.Finish();
  EXPECT_THAT(ingestion.failure(),
              StatusIs(absl::StatusCode::kUnavailable, "the clock was set"));
  EXPECT_EQ(ingestion.totals().applied, 4);
  EXPECT_EQ(outcomes.size(), 4u);
  EXPECT_EQ(ledger_->Head()->sequence, 5u);
}

TEST_F(IngestionTest, CountsWhatIsUncollectedAndWhatWasSettled) {
  usage_ = std::make_unique<UsageLedger>(*ledger_, Catalog::BuiltIn());
  Grant(3);
  ASSERT_TRUE(
      ledger_
          ->Apply(
              {.account = "acme",
               .id = "job",
               .at = kNow,
               .request = LedgerReserve{.amount = Credits::Parse("1").value(),
                                        .operation = "photo_avatar",
                                        .timeout = absl::Hours(1)}})
          ->effect.applied());
  std::vector<v1::UsageRecord> records;
  for (int i = 0; i < 5; ++i) records.push_back(Record("", i));
  records[0].set_job_id("job");
  records[1].set_job_id("job");
  const IngestTotals first = Ingest(records, 2).totals;
  EXPECT_EQ(first.applied, 4);
  EXPECT_EQ(first.job_settled, 1);
  EXPECT_EQ(first.denied, 0);
  EXPECT_EQ(first.charged, Credits::Parse("6").value());
  EXPECT_EQ(first.uncollected, Credits::Parse("2").value());
  const IngestTotals second = Ingest(records, 2).totals;
  EXPECT_EQ(second.replayed, 4);
  EXPECT_EQ(second.job_settled, 1);
  EXPECT_EQ(second.uncollected, Credits());
}

TEST_F(IngestionTest, CountsWhatWasAppliedDeniedAndReplayed) {
  Grant(3);
  std::vector<v1::UsageRecord> records;
  for (int i = 0; i < 5; ++i) records.push_back(Record("", i));
  const IngestTotals first = Ingest(records, 2).totals;
  EXPECT_EQ(first.applied, 3);
  EXPECT_EQ(first.denied, 2);
  EXPECT_EQ(first.replayed, 0);
  EXPECT_THAT(first.denials,
              ElementsAre(Pair(Refusal::kInsufficientCredits, 2)));
  EXPECT_EQ(first.charged, Credits::Parse("6").value());

  const IngestTotals second = Ingest(records, 2).totals;
  EXPECT_EQ(second.applied, 0);
  EXPECT_EQ(second.denied, 0);
  EXPECT_EQ(second.replayed, 5);
  EXPECT_THAT(second.denials,
              ElementsAre(Pair(Refusal::kInsufficientCredits, 2)));
  EXPECT_EQ(second.charged, Credits());
}

TEST_F(IngestionTest, AFailedStoreEndsIt) {
  Grant(100);
  int appends = 0;
  store_->fault = [&] {
    return ++appends == 3 ? testing::FaultyStore::Fault::kBefore
                          : testing::FaultyStore::Fault::kNone;
  };
  std::vector<v1::UsageRecord> records;
  for (int i = 0; i < 20; ++i) records.push_back(Record("", i));
  const Ran failed = Ingest(records, 2);
  EXPECT_THAT(failed.failure, StatusIs(absl::StatusCode::kUnavailable,
                                       HasSubstr("nothing written")));
  EXPECT_THAT(failed.outcomes, SizeIs(4));
  // Each record is charged once, however often it is ingested.
  const Ran again = Ingest(records, 2);
  EXPECT_THAT(again.failure, IsOk());
  EXPECT_EQ(again.totals.applied + again.totals.replayed, 20);
  EXPECT_EQ((*ledger_->AccountAt("acme", kNow)).balance().posted,
            Credits::Parse("40").value());
}

// A batch is the caller's or the charging thread's, never both's: the thread
// sanitizer reports a batch that is handed over without the lock.
TEST_F(IngestionTest, BatchesAreHandedOverWhileRecordsAreAdded) {
  constexpr int kRecords = 400;
  Grant(kRecords);
  std::vector<v1::UsageRecord> records;
  for (int i = 0; i < kRecords; ++i) records.push_back(Record("", i));
  const Ran ran = Ingest(std::move(records), 1);
  EXPECT_EQ(ran.totals.applied, kRecords);
  EXPECT_THAT(ran.outcomes, SizeIs(kRecords));
}

TEST_F(IngestionTest, OneThatIsNotFinishedEndsAll) {
  Grant(100);
  Ingestion ingestion(
      *usage_, [] { return kNow; }, [](const auto&) {}, {.batch_records = 2});
  for (int i = 0; i < 5; ++i) {
    v1::UsageRecord record = Record("", i);
    ingestion.Add(record);
  }
}

}  // namespace
}  // namespace konpro
