#include "konpro/ledger/statement.h"

#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/ledger/store.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Credits C(absl::string_view text) { return Credits::Parse(text).value(); }

UnixNanos Day(int64_t day, absl::Duration more = absl::ZeroDuration()) {
  return UnixNanos::FromTime(absl::FromUnixSeconds(1'800'000'000) +
                             absl::Hours(24 * day) + more);
}

class StatementTest : public ::testing::Test {
 protected:
  StatementTest()
      : ledger_(*Ledger::Open(std::make_unique<MemoryStore>(), {})) {}

  LedgerOutcome Apply(absl::string_view id, UnixNanos at,
                      LedgerRequest request) {
    return ledger_
        ->Apply({.account = "acme",
                 .id = id,
                 .at = at,
                 .request = std::move(request)})
        .value();
  }

  Statement Of(UnixNanos begin, UnixNanos end, UnixNanos now) {
    return MakeStatement(*ledger_, "acme", {.begin = begin, .end = end}, now)
        .value();
  }

  const std::unique_ptr<Ledger> ledger_;
};

Credits Sum(std::initializer_list<Credits> parts) {
  Credits sum;
  for (Credits part : parts) sum = *CheckedAdd(sum, part);
  return sum;
}

void ExpectCloses(const Statement& s) {
  EXPECT_EQ(Sum({s.opening, s.granted, s.refunded}),
            Sum({s.spent, s.expired, s.voided, s.closing}));
  Credits lines;
  for (const StatementLine& line : s.lines) lines = Sum({lines, line.cost});
  EXPECT_EQ(lines, s.spent);
  EXPECT_EQ(Sum({s.balance.available, s.balance.pending, s.balance.reserved}),
            s.closing);
}

TEST_F(StatementTest, SaysWhereEveryTickWent) {
  Apply("paid", Day(0), GrantCommand{.amount = C("100")});
  Apply("gift", Day(0),
        GrantCommand{.amount = C("20"), .priority = 1, .expires_at = Day(12)});
  Apply("bonus", Day(1),
        GrantCommand{.amount = C("7"), .effective_at = Day(50)});
  Apply("job", Day(9),
        LedgerReserve{.amount = C("30"),
                      .operation = "video",
                      .timeout = absl::Hours(24 * 30)});
  Apply("a", Day(10), SpendCommand{.amount = C("5"), .operation = "image"});
  Apply("b", Day(11), SpendCommand{.amount = C("2.5"), .operation = "image"});
  Apply("c", Day(11), SpendCommand{.amount = C("1")});
  Apply("d", Day(11), LedgerCapture{.reservation = "job", .amount = C("10")});
  Apply("big", Day(11), SpendCommand{.amount = C("1000")});
  Apply("r", Day(13), LedgerRefund{.command = "d", .amount = C("4")});
  Apply("v", Day(14), VoidGrantCommand{.grant = "bonus"});
  Apply("e", Day(20), SpendCommand{.amount = C("1"), .operation = "image"});

  const Statement s = Of(Day(10), Day(20), Day(30));
  ExpectCloses(s);
  EXPECT_EQ(s.opening, C("127"));
  EXPECT_EQ(s.granted, C("0"));
  EXPECT_EQ(s.spent, C("18.5"));
  EXPECT_EQ(s.refunded, C("4"));
  EXPECT_EQ(s.expired, C("20"));
  EXPECT_EQ(s.voided, C("7"));
  EXPECT_EQ(s.closing, C("85.5"));
  EXPECT_EQ(s.as_of, UnixNanos::FromNanos(Day(20).nanos() - 1));
  EXPECT_THAT(s.lines, ElementsAre(StatementLine{"", 1, 0, C("1")},
                                   StatementLine{"image", 2, 0, C("7.5")},
                                   StatementLine{"video", 1, 0, C("10")}));
}

TEST_F(StatementTest, WhatIsAtAnEdgeIsInThePeriodThatBeginsThere) {
  Apply("g", Day(1), GrantCommand{.amount = C("9"), .expires_at = Day(3)});
  EXPECT_EQ(Of(Day(0), Day(1), Day(9)).granted, C("0"));
  EXPECT_EQ(Of(Day(1), Day(2), Day(9)).granted, C("9"));
  EXPECT_EQ(Of(Day(2), Day(3), Day(9)).expired, C("0"));
  EXPECT_EQ(Of(Day(2), Day(3), Day(9)).closing, C("9"));
  EXPECT_EQ(Of(Day(3), Day(4), Day(9)).opening, C("9"));
  EXPECT_EQ(Of(Day(3), Day(4), Day(9)).expired, C("9"));
}

TEST_F(StatementTest, APeriodThatIsNotOverIsStatedUpToNow) {
  Apply("g", Day(1), GrantCommand{.amount = C("9"), .expires_at = Day(8)});
  const Statement now = Of(Day(0), Day(30), Day(5));
  EXPECT_EQ(now.as_of, Day(5));
  EXPECT_EQ(now.closing, C("9"));
  EXPECT_EQ(Of(Day(0), Day(30), Day(10)).expired, C("9"));
  // One that is still to come moves nothing.
  const Statement next = Of(Day(30), Day(60), Day(5));
  EXPECT_EQ(next.opening, C("9"));
  EXPECT_EQ(next.closing, C("9"));
  EXPECT_EQ(next.expired, C("0"));
}

TEST_F(StatementTest, WhatCannotBeStatedIsAnError) {
  EXPECT_THAT(MakeStatement(*ledger_, "acme", {Day(0), Day(1)}, Day(2)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no command")));
  EXPECT_THAT(MakeStatement(*ledger_, "acme", {Day(1), Day(1)}, Day(2)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ends")));
}

// Random commands; then each period closes, begins with what the one before
// left, and all of them together are one long period.
TEST_F(StatementTest, PeriodsCloseAndFollowEachOther) {
  const uint64_t seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  const auto any = [&](int64_t n) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
  };
  Apply(
      "allowance", Day(0),
      AllowanceCommand{*Allowance::Create({.source = "plan",
                                           .item = "credits",
                                           .amount = C("50"),
                                           .cycle = Cycle::kWeek,
                                           .anchor = absl::CivilDay(2027, 1, 4),
                                           .rollover_max = C("20")})});
  for (int64_t i = 1; i < 3'000; ++i) {
    const UnixNanos at = Day(i / 30, absl::Minutes(any(1'440)));
    const std::string id = absl::StrCat("c-", i);
    const std::string of =
        absl::StrCat("c-", std::max<int64_t>(1, i - any(40)));
    const Credits amount = Credits::FromTicks(any(30'000'000));
    const std::string operation = absl::StrCat("op-", any(3));
    const auto apply = [&](LedgerRequest request) {
      (void)ledger_->Apply({.account = "acme",
                            .id = id,
                            .at = at,
                            .request = std::move(request)});
    };
    switch (any(8)) {
      case 0:
        apply(GrantCommand{.amount = Credits::FromTicks(1 + any(90'000'000)),
                           .effective_at = Day(i / 30 + any(3)),
                           .expires_at = Day(i / 30 + 3 + any(9))});
        break;
      case 1:
        apply(VoidGrantCommand{.grant = of});
        break;
      case 2:
        apply(LedgerRefund{.command = of, .amount = amount});
        break;
      case 3:
        apply(LedgerCapture{
            .reservation = of, .amount = amount, .final = any(2) == 0});
        break;
      case 4:
        apply(LedgerVoid{.reservation = of});
        break;
      case 5:
      case 6:
        apply(LedgerReserve{.amount = amount,
                            .operation = operation,
                            .timeout = absl::Hours(1 + any(99))});
        break;
      default:
        apply(SpendCommand{.amount = amount, .operation = operation});
    }
  }
  Statement all = Of(Day(-9), Day(130), Day(120));
  ExpectCloses(all);
  EXPECT_GT(all.spent, C("100"));
  Statement sum;
  Credits before;
  for (int64_t day = -9; day < 130; day += 7) {
    const Statement week =
        Of(Day(day), Day(std::min<int64_t>(130, day + 7)), Day(120));
    ExpectCloses(week);
    ASSERT_EQ(week.opening, before) << "day " << day;
    before = week.closing;
    sum.granted = Sum({sum.granted, week.granted});
    sum.spent = Sum({sum.spent, week.spent});
    sum.refunded = Sum({sum.refunded, week.refunded});
    sum.expired = Sum({sum.expired, week.expired});
    sum.voided = Sum({sum.voided, week.voided});
  }
  EXPECT_EQ(before, all.closing);
  EXPECT_EQ(sum.granted, all.granted);
  EXPECT_EQ(sum.spent, all.spent);
  EXPECT_EQ(sum.refunded, all.refunded);
  EXPECT_EQ(sum.expired, all.expired);
  EXPECT_EQ(sum.voided, all.voided);
  EXPECT_GT(all.expired, C("0"));
  EXPECT_GT(all.voided, C("0"));
  EXPECT_GT(all.refunded, C("0"));
}

}  // namespace
}  // namespace konpro
