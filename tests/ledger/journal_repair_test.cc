#include "konpro/ledger/journal_repair.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/store.h"
#include "tests/testing/shared_store.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kClock = absl::FromUnixSeconds(1'793'620'800);  // 2026-11-02

using Content = testing::SharedStore::Content;

std::unique_ptr<Ledger> OpenOn(std::shared_ptr<Content> content) {
  auto store = std::make_unique<testing::SharedStore>(std::move(content));
  return Ledger::Open(std::move(store), {}).value();
}

absl::StatusOr<LedgerOutcome> Grant(Ledger& ledger, absl::string_view id,
                                    absl::Time at,
                                    absl::string_view account = "acme") {
  return ledger.Apply(
      {.account = account,
       .id = id,
       .at = UnixNanos::FromTime(at),
       .request = GrantCommand{.amount = *Credits::Parse("5")}});
}

class JournalRepair : public ::testing::Test {
 protected:
  const std::unique_ptr<Ledger> ledger_ = OpenOn(std::make_shared<Content>());
};

TEST_F(JournalRepair, TheLastGoodEntryIsTheOneBeforeTheFirstThatIsAhead) {
  for (int good = 0; good <= 9; ++good) {
    for (int ahead = 0; ahead <= 3; ++ahead) {
      const std::unique_ptr<Ledger> ledger =
          OpenOn(std::make_shared<Content>());
      for (int i = 0; i < good + ahead; ++i) {
        // The last good one is as far ahead as clocks may differ.
        const absl::Duration at = i >= good       ? absl::Hours(24 * 365 * 36)
                                  : i == good - 1 ? kClockTolerance
                                                  : -absl::Minutes(9 - i);
        ASSERT_THAT(Grant(*ledger, absl::StrCat(i), kClock + at), IsOk());
      }
      const auto found = FindAheadOfClock(*ledger, {.clock = kClock});
      ASSERT_THAT(found, IsOk());
      ASSERT_EQ(found->has_value(), ahead > 0) << good << " " << ahead;
      if (ahead > 0) {
        EXPECT_EQ((*found)->good_through, good);
        EXPECT_EQ((*found)->last_at.ToTime(),
                  kClock + absl::Hours(24 * 365 * 36));
      }
    }
  }
}

TEST_F(JournalRepair, TheErrorIsItsOwnAndNamesTheCommandThatRepairs) {
  ASSERT_THAT(Grant(*ledger_, "a", kClock), IsOk());
  EXPECT_THAT(CheckJournalClock(*ledger_, {.clock = kClock}), IsOk());
  ASSERT_THAT(Grant(*ledger_, "b", kClock + absl::Hours(24 * 40), "secret"),
              IsOk());
  const absl::Status status =
      CheckJournalClock(*ledger_, {.clock = kClock, .file = "credits.db"});
  EXPECT_THAT(
      status,
      StatusIs(
          absl::StatusCode::kUnavailable,
          AllOf(HasSubstr("2026-12-12T12:00:00Z, is 40 days after what the "
                          "clock says, 2026-11-02T12:00:00Z"),
                HasSubstr("konpro backup NEW --db=credits.db --through=1"),
                Not(HasSubstr("secret")))));
  EXPECT_TRUE(IsAheadOfClock(status));
  EXPECT_FALSE(IsAheadOfClock(absl::UnavailableError(status.message())));
  EXPECT_FALSE(IsAheadOfClock(absl::OkStatus()));
}

TEST_F(JournalRepair, ALedgerMayTolerateMoreOrNothing) {
  for (const absl::Duration tolerance :
       {absl::ZeroDuration(), kClockTolerance, kClockToleranceMax}) {
    auto ledger = Ledger::Open(std::make_unique<MemoryStore>(),
                               {.clock_tolerance = tolerance})
                      .value();
    ASSERT_THAT(Grant(*ledger, "a", kClock + tolerance), IsOk());
    EXPECT_THAT(CheckJournalClock(*ledger, {.clock = kClock}), IsOk());
    EXPECT_TRUE(IsAheadOfClock(
        CheckJournalClock(*ledger, {.clock = kClock - absl::Nanoseconds(1)})));
  }
  for (const absl::Duration tolerance :
       {-absl::Nanoseconds(1), kClockToleranceMax + absl::Nanoseconds(1)}) {
    EXPECT_THAT(Ledger::Open(std::make_unique<MemoryStore>(),
                             {.clock_tolerance = tolerance})
                    .status(),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("clock_tolerance: ")));
  }
}

// Also when the batches of the copy are full.
TEST_F(JournalRepair, ACopyIsTheJournalAsOfAnEntry) {
  std::vector<LedgerCommand> commands;
  std::vector<std::string> ids;
  constexpr int kEntries = 20'000;
  for (int i = 0; i < kEntries; ++i) ids.push_back(absl::StrCat("s", i));
  for (int i = 0; i < kEntries; ++i) {
    commands.push_back({.account = i % 2 == 0 ? "acme" : "globex",
                        .id = ids[i],
                        .at = UnixNanos::FromTime(kClock + absl::Seconds(i)),
                        .request = SpendCommand{.amount = Credits()}});
  }
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  ledger_->ApplyBatch(commands, outcomes);
  const JournalHead head = ledger_->Head().value();
  ASSERT_EQ(head.sequence, kEntries);
  for (const uint64_t through : {uint64_t{0}, uint64_t{1}, uint64_t{8192},
                                 uint64_t{kEntries - 1}, uint64_t{kEntries}}) {
    auto copy = std::make_shared<Content>();
    const auto copied = CopyJournal(*ledger_, through, copy->store);
    ASSERT_THAT(copied, IsOk());
    EXPECT_EQ(copied->sequence, through);
    EXPECT_EQ(*copied == head, through == kEntries);
    const std::unique_ptr<Ledger> ledger = OpenOn(copy);
    EXPECT_EQ(ledger->Head().value(), *copied);
    EXPECT_THAT(ledger->Verify([](uint64_t) {}), IsOk());
    if (through == 0) continue;
    EXPECT_EQ(ledger->ReadEntry(through)->bytes(),
              ledger_->ReadEntry(through)->bytes());
  }
  MemoryStore none;
  EXPECT_THAT(CopyJournal(*ledger_, kEntries + 1, none),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("20000")));
  EXPECT_EQ(none.ReadHead()->sequence, 0);
}

TEST_F(JournalRepair, ALedgerOnTheCopyGoesOnFromThere) {
  ASSERT_THAT(Grant(*ledger_, "a", kClock), IsOk());
  ASSERT_THAT(Grant(*ledger_, "b", kClock + absl::Hours(24 * 365 * 36)),
              IsOk());
  auto copy = std::make_shared<Content>();
  ASSERT_THAT(CopyJournal(*ledger_, 1, copy->store), IsOk());
  const std::unique_ptr<Ledger> ledger = OpenOn(copy);
  EXPECT_THAT(CheckJournalClock(*ledger, {.clock = kClock}), IsOk());
  EXPECT_TRUE(Grant(*ledger, "a", kClock)->replayed);
  // The id of what was left out is free.
  EXPECT_FALSE(Grant(*ledger, "b", kClock)->replayed);
}

}  // namespace
}  // namespace konpro
