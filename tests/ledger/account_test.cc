#include "konpro/ledger/account.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/price_list.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/allowance.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::absl::StatusCode;
using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kRefundableForNs = int64_t{400} * 24 * 3600 * 1'000'000'000;

Credits Ticks(int64_t ticks) { return Credits::FromTicks(ticks); }
UnixNanos At(int64_t nanos) { return UnixNanos::FromNanos(nanos); }

std::string BytesOf(const Account& account) {
  std::string bytes;
  account.EncodeTo(bytes);
  return bytes;
}

// An account, and a ledger's numbers.
struct Books {
  Account account;
  AccountEffect effect;
  uint64_t sequence = 0;
  int64_t now = 0;

  template <typename Command>
  Refusal Do(const Command& command) {
    account.Apply(command, {.sequence = ++sequence, .now = At(now)}, effect);
    return effect.refusal;
  }
  // The same, from which all may be expected but a refusal; its sequence.
  template <typename Command>
  uint64_t Must(const Command& command) {
    EXPECT_EQ(Do(command), Refusal::kNone) << "command " << sequence;
    return sequence;
  }
  uint64_t Grant(absl::string_view id, int64_t ticks,
                 int64_t end = UnixNanos::Max().nanos()) {
    return Must(GrantCommand{
        .id = std::string(id), .amount = Ticks(ticks), .expires_at = At(end)});
  }
  uint64_t Reserve(int64_t ticks, int64_t end = UnixNanos::Max().nanos(),
                   Overrun overrun = Overrun::kReject) {
    return Must(ReserveCommand{
        .amount = Ticks(ticks), .expires_at = At(end), .overrun = overrun});
  }
  int64_t Available() const { return account.balance().available.ticks(); }
};

Allowance Daily(absl::string_view item, int64_t ticks, int64_t periods = 9) {
  return Allowance::Create({.source = "plan",
                            .item = std::string(item),
                            .amount = Ticks(ticks),
                            .cycle = Cycle::kDay,
                            .anchor = absl::CivilDay(1970, 1, 1),
                            .periods = periods})
      .value();
}

TEST(Account, DoesWhatItsHeaderShows) {
  Books books;
  books.Must(GrantCommand{.id = "welcome", .amount = *Credits::Parse("9")});
  const uint64_t reserved =
      books.Must(ReserveCommand{.amount = *Credits::Parse("6"),
                                .operation = "avatar_video",
                                .expires_at = At(3'600)});
  EXPECT_EQ(books.account.balance().available, *Credits::Parse("3"));
  books.Must(
      CaptureCommand{.reservation = reserved, .amount = *Credits::Parse("4")});
  EXPECT_EQ(books.effect.released, *Credits::Parse("2"));
  EXPECT_EQ(books.account.balance().available, *Credits::Parse("5"));
}

TEST(Account, BurnsDownInOrder) {
  constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  struct Case {
    int32_t priority;
    int64_t effective_at;
    int64_t expires_at;
  };
  // In the order in which they are drawn; made in every other order too.
  const std::vector<Case> cases = {
      {-1, 5, kNever}, {0, 9, 20}, {0, 1, 30},     {0, 2, 30},
      {0, 2, 30},      {0, 0, 40}, {0, 0, kNever}, {3, 0, 20},
  };
  std::vector<size_t> made = {0, 1, 2, 3, 4, 5, 6, 7};
  int orders = 0;
  do {
    Books books;
    books.now = 10;
    for (const size_t i : made) {
      books.Must(GrantCommand{.id = absl::StrCat(i),
                              .amount = Ticks(1),
                              .priority = cases[i].priority,
                              .effective_at = At(cases[i].effective_at),
                              .expires_at = At(cases[i].expires_at)});
    }
    books.Must(SpendCommand{.amount = Ticks(8)});
    std::vector<std::string> drawn;
    for (const Allocation& part : books.effect.posted) {
      drawn.push_back(std::string(books.account.GrantId(part.grant)));
    }
    // Equal in all else: in order of creation.
    if (std::find(made.begin(), made.end(), 4) <
        std::find(made.begin(), made.end(), 3)) {
      std::swap(drawn[3], drawn[4]);
    }
    ASSERT_THAT(drawn, ElementsAre("0", "1", "2", "3", "4", "5", "6", "7"));
  } while (std::next_permutation(made.begin(), made.end()) && ++orders < 999);
}

TEST(Account, APromotionalGrantIsDrawnBeforeAnOlderPaidOneThatIsAlike) {
  constexpr GrantKind kPaid = GrantKind::kPaid;
  constexpr GrantKind kPromotional = GrantKind::kPromotional;
  // In the order in which they are drawn, in whatever order they were made.
  const struct {
    const char* id;
    GrantKind kind;
    int32_t priority;
    int64_t effective_at, expires_at;
  } kGrants[] = {
      {"paid, of low priority", kPaid, -1, 5, 40},
      {"paid, ends sooner", kPaid, 0, 5, 29},
      {"promotional", kPromotional, 0, 2, 30},
      {"promotional, younger", kPromotional, 0, 3, 30},
      {"paid, older", kPaid, 0, 1, 30},
      {"promotional, ends later", kPromotional, 0, 0, 31},
  };
  std::vector<size_t> made = {0, 1, 2, 3, 4, 5};
  do {
    Books books;
    books.now = 10;
    for (const size_t i : made) {
      books.Must(GrantCommand{.id = kGrants[i].id,
                              .amount = Ticks(1),
                              .priority = kGrants[i].priority,
                              .effective_at = At(kGrants[i].effective_at),
                              .expires_at = At(kGrants[i].expires_at),
                              .kind = kGrants[i].kind});
    }
    for (const auto& next : kGrants) {
      books.Must(SpendCommand{.amount = Ticks(1)});
      ASSERT_EQ(books.account.GrantId(books.effect.posted[0].grant), next.id);
    }
  } while (std::next_permutation(made.begin(), made.end()));
}

TEST(Account, DrawsOnWhatIsEffectiveAndAllowed) {
  Books books;
  books.now = 10;
  books.Must(
      GrantCommand{.id = "now", .amount = Ticks(1), .effective_at = At(10)});
  books.Must(
      GrantCommand{.id = "later", .amount = Ticks(2), .effective_at = At(11)});
  books.Must(
      GrantCommand{.id = "ends", .amount = Ticks(4), .expires_at = At(11)});
  books.Must(GrantCommand{
      .id = "a or b", .amount = Ticks(8), .operations = {"a", "b"}});
  EXPECT_EQ(books.account.AvailableFor(""), Ticks(5));
  EXPECT_EQ(books.account.AvailableFor("a"), Ticks(13));
  EXPECT_EQ(books.account.AvailableFor("c"), Ticks(5));
  EXPECT_EQ(books.account.balance(),
            (Balance{.available = Ticks(13), .pending = Ticks(2)}));
  books.account.Advance(At(11));
  EXPECT_EQ(books.account.AvailableFor("b"), Ticks(11));
  EXPECT_EQ(books.account.balance(),
            (Balance{.available = Ticks(11), .expired = Ticks(4)}));
}

// Reservations draw 1 of "ends", 2 of "a or b" and 4 of "all", and leave the
// rest of each free.
TEST(Account, ReservedIsWhatWouldComeBackToAnOperation) {
  const struct {
    const char* what;
    int64_t now;
    const char* voided;
    const char* operation;
    int64_t reserved;
  } kCases[] = {
      {"may draw on all grants", 10, nullptr, "a", 7},
      {"and another one", 10, nullptr, "b", 7},
      {"may not draw on one", 10, nullptr, "c", 5},
      {"names no operation", 10, nullptr, "", 5},
      {"just before an end", 19, nullptr, "c", 5},
      {"at the end", 20, nullptr, "c", 4},
      {"at the end, with the other", 20, nullptr, "a", 6},
      {"after the end", 21, nullptr, "c", 4},
      {"one is voided", 10, "a or b", "a", 5},
      {"the other is voided", 10, "all", "c", 1},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.what);
    Books books;
    books.now = 10;
    books.Must(
        GrantCommand{.id = "ends", .amount = Ticks(8), .expires_at = At(20)});
    books.Reserve(1);
    books.Must(GrantCommand{.id = "a or b",
                            .amount = Ticks(8),
                            .priority = -2,
                            .operations = {"a", "b"}});
    books.Must(ReserveCommand{
        .amount = Ticks(2), .operation = "a", .expires_at = UnixNanos::Max()});
    books.Must(GrantCommand{.id = "all", .amount = Ticks(8), .priority = -1});
    books.Reserve(4);
    if (c.voided != nullptr) books.Must(VoidGrantCommand{.grant = c.voided});
    books.now = c.now;
    EXPECT_EQ(
        books.Do(SpendCommand{.amount = Ticks(99), .operation = c.operation}),
        Refusal::kInsufficientCredits);
    EXPECT_EQ(books.effect.shortage.held, Ticks(c.reserved));
  }
}

TEST(Account, ASumOfAllocationsIsInRangeOrThereIsNone) {
  const Credits max = Credits::Max();
  EXPECT_EQ(SumOf({}), Credits());
  EXPECT_EQ(SumOf(std::vector<Allocation>{{1, Ticks(2)}, {2, Ticks(3)}}),
            Ticks(5));
  EXPECT_EQ(SumOf(std::vector<Allocation>{{1, max}, {2, Ticks(0)}}), max);
  EXPECT_EQ(SumOf(std::vector<Allocation>{{1, max}, {2, Ticks(1)}}),
            std::nullopt);
  // Also if a later part would bring it back.
  EXPECT_EQ(
      SumOf(std::vector<Allocation>{{1, max}, {2, Ticks(1)}, {3, Ticks(-1)}}),
      std::nullopt);
}

TEST(Account, NeverIsNoInstant) {
  Books books;
  books.Grant("forever", 9);
  books.Reserve(4);
  books.now = std::numeric_limits<int64_t>::max();
  books.account.Advance(UnixNanos::Max());
  EXPECT_EQ(books.account.balance(),
            (Balance{.available = Ticks(5), .reserved = Ticks(4)}));
  books.Grant("at the end of time", 1);
  EXPECT_EQ(books.Available(), 6);
}

TEST(Account, ReservationIsGoneAtItsEnd) {
  Books books;
  books.Grant("g", 10);
  const uint64_t early = books.Reserve(4, 20);
  const uint64_t late = books.Reserve(3, 20);
  books.now = 19;
  books.Must(
      CaptureCommand{.reservation = early, .amount = Ticks(1), .final = false});
  EXPECT_EQ(books.Available(), 3);
  books.now = 20;
  EXPECT_EQ(books.Do(CaptureCommand{.reservation = early}),
            Refusal::kReservationExpired);
  EXPECT_EQ(books.effect.released, Ticks(3));
  EXPECT_EQ(books.Do(VoidCommand{.reservation = late}),
            Refusal::kReservationExpired);
  EXPECT_EQ(books.effect.released, Ticks(3));
  EXPECT_EQ(books.Available(), 9);
}

TEST(Account, ADeniedCommandSaysNeedHeldAndAvailable) {
  constexpr Refusal kShort = Refusal::kInsufficientCredits;
  constexpr auto kBestEffort = DrawMode::kBestEffort;
  const auto spend = [](int64_t ticks, DrawMode mode = DrawMode::kNormal) {
    return SpendCommand{.amount = Ticks(ticks), .operation = "a", .mode = mode};
  };
  const auto reserve = [](int64_t ticks, DrawMode mode = DrawMode::kNormal) {
    return ReserveCommand{.amount = Ticks(ticks),
                          .operation = "a",
                          .expires_at = UnixNanos::Max(),
                          .mode = mode};
  };
  // Of a grant of 10, reservation 2 holds 6 and reservation 3 holds 1; "b" has
  // another of 5, of which reservation 5 holds 2.
  const struct {
    AccountCommand command;
    Refusal refusal;
    int64_t need, held, available, missing;
  } kCases[] = {
      {spend(4), kShort, 4, 7, 3, 1},
      {spend(4, DrawMode::kCheckOnly), kShort, 4, 7, 3, 1},
      {spend(4, kBestEffort), Refusal::kNone, 0, 0, 0, 0},
      {spend(9, DrawMode::kCollect), Refusal::kNone, 0, 0, 0, 0},
      {reserve(30), kShort, 30, 7, 3, 27},
      {reserve(30, DrawMode::kCheckOnly), kShort, 30, 7, 3, 27},
      {CaptureCommand{.reservation = 2, .amount = Ticks(7)},
       Refusal::kAboveHold, 7, 6, 3, 1},
      {CaptureCommand{.reservation = 2, .amount = Ticks(20), .final = false},
       Refusal::kAboveHold, 20, 6, 3, 14},
      {CaptureCommand{.reservation = 3, .amount = Ticks(5)}, kShort, 5, 1, 3,
       1},
      {CaptureCommand{.reservation = 5, .amount = Ticks(9)}, kShort, 9, 2, 6,
       1},
      {CaptureCommand{.reservation = 9, .amount = Ticks(9)},
       Refusal::kUnknownReservation, 0, 0, 0, 0},
  };
  Books start;
  start.Grant("all", 10);
  start.Must(reserve(6));
  ReserveCommand top = reserve(1);
  top.overrun = Overrun::kTopUp;
  start.Must(top);
  start.Must(GrantCommand{
      .id = "b", .amount = Ticks(5), .priority = -1, .operations = {"b"}});
  top.amount = Ticks(2);
  top.operation = "b";
  start.Must(top);
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.need);
    Books books = start;
    EXPECT_EQ(books.Do(c.command), c.refusal);
    EXPECT_EQ(books.effect.shortage, (Shortage{.need = Ticks(c.need),
                                               .held = Ticks(c.held),
                                               .available = Ticks(c.available),
                                               .missing = Ticks(c.missing)}));
  }
}

TEST(Account, CapturesWhatIsHeld) {
  struct Case {
    Overrun overrun;
    int64_t amount;
    bool final;
    Refusal refusal;
    int64_t need, missing;      // with a refusal
    int64_t released, held;     // after it
    int64_t available, posted;  // of a grant of 10, 6 of it held
  };
  constexpr Overrun kNo = Overrun::kReject;
  constexpr Overrun kTop = Overrun::kTopUp;
  constexpr Refusal kOk = Refusal::kNone;
  constexpr Refusal kHold = Refusal::kAboveHold;
  constexpr Refusal kShort = Refusal::kInsufficientCredits;
  const std::vector<Case> cases = {
      {kNo, 0, true, kOk, 0, 0, 6, 0, 10, 0},
      {kNo, 0, false, kOk, 0, 0, 0, 6, 4, 0},
      {kNo, 4, true, kOk, 0, 0, 2, 0, 6, 4},
      {kNo, 4, false, kOk, 0, 0, 0, 2, 4, 4},
      {kNo, 6, true, kOk, 0, 0, 0, 0, 4, 6},
      {kNo, 6, false, kOk, 0, 0, 0, 0, 4, 6},
      {kNo, 7, true, kHold, 7, 1, 0, 6, 4, 0},
      {kNo, -1, true, Refusal::kMalformed, 0, 0, 0, 6, 4, 0},
      {kTop, 4, true, kOk, 0, 0, 2, 0, 6, 4},
      {kTop, 7, true, kOk, 0, 0, 0, 0, 3, 7},
      {kTop, 10, false, kOk, 0, 0, 0, 0, 0, 10},
      {kTop, 11, true, kShort, 11, 1, 0, 6, 4, 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(absl::StrCat(c.amount, c.final ? " final" : " partial"));
    Books books;
    books.Grant("g", 10);
    const uint64_t reserved = books.Reserve(6, 99, c.overrun);
    EXPECT_EQ(books.Do(CaptureCommand{.reservation = reserved,
                                      .amount = Ticks(c.amount),
                                      .final = c.final}),
              c.refusal);
    EXPECT_EQ(books.effect.shortage,
              (Shortage{.need = Ticks(c.need),
                        .held = Ticks(c.need > 0 ? 6 : 0),
                        .available = Ticks(c.need > 0 ? 4 : 0),
                        .missing = Ticks(c.missing)}));
    EXPECT_EQ(books.effect.released, Ticks(c.released));
    EXPECT_EQ(books.account.balance(), (Balance{.available = Ticks(c.available),
                                                .reserved = Ticks(c.held),
                                                .posted = Ticks(c.posted)}));
    const bool is_open = c.refusal != kOk || !c.final;
    EXPECT_EQ(books.account.Reservations().size(), is_open ? 1 : 0);
  }
}

TEST(Account, AFinalStateAbsorbs) {
  Books books;
  books.Grant("g", 9);
  const uint64_t captured = books.Reserve(1, 50);
  const uint64_t voided = books.Reserve(1, 50);
  const uint64_t expired = books.Reserve(1, 9);
  books.Must(CaptureCommand{.reservation = captured});
  books.Must(VoidCommand{.reservation = voided});
  for (books.now = 10; books.now < 60; books.now += 45) {
    for (const auto& [reservation, refusal] :
         {std::pair(captured, Refusal::kReservationCaptured),
          std::pair(voided, Refusal::kReservationVoided),
          std::pair(expired, Refusal::kReservationExpired),
          std::pair(uint64_t{1}, Refusal::kUnknownReservation)}) {
      EXPECT_EQ(books.Do(CaptureCommand{.reservation = reservation}), refusal);
      EXPECT_EQ(books.Do(VoidCommand{.reservation = reservation}), refusal);
    }
  }
  EXPECT_EQ(books.Available(), 9);
}

TEST(Account, TopUpDrawsOnWhatTheOperationMayDrawOn) {
  Books books;
  books.Must(
      GrantCommand{.id = "of b", .amount = Ticks(9), .operations = {"b"}});
  books.Must(
      GrantCommand{.id = "of a", .amount = Ticks(5), .operations = {"a"}});
  const uint64_t reserved =
      books.Must(ReserveCommand{.amount = Ticks(3),
                                .operation = "a",
                                .expires_at = At(9),
                                .overrun = Overrun::kTopUp});
  EXPECT_EQ(
      books.Do(CaptureCommand{.reservation = reserved, .amount = Ticks(6)}),
      Refusal::kInsufficientCredits);
  books.Must(CaptureCommand{.reservation = reserved, .amount = Ticks(5)});
  EXPECT_THAT(books.effect.posted,
              ElementsAre(Allocation{2, Ticks(3)}, Allocation{2, Ticks(2)}));
}

TEST(Account, ModesTakeWhatTheySay) {
  struct Case {
    DrawMode mode;
    int64_t amount;
    Refusal refusal;
    int64_t taken, left;  // of 10
  };
  constexpr Refusal kShort = Refusal::kInsufficientCredits;
  const std::vector<Case> cases = {
      {DrawMode::kNormal, 10, Refusal::kNone, 10, 0},
      {DrawMode::kNormal, 11, kShort, 0, 10},
      {DrawMode::kBestEffort, 4, Refusal::kNone, 4, 6},
      {DrawMode::kBestEffort, 11, Refusal::kNone, 10, 0},
      {DrawMode::kBestEffort, 0, Refusal::kNone, 0, 10},
      {DrawMode::kCheckOnly, 10, Refusal::kNone, 10, 10},
      {DrawMode::kCheckOnly, 11, kShort, 0, 10},
  };
  const auto sum = [](const std::vector<Allocation>& parts) {
    int64_t ticks = 0;
    for (const Allocation& part : parts) ticks += part.amount.ticks();
    return ticks;
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(absl::StrCat(static_cast<int>(c.mode), " ", c.amount));
    Books spender;
    spender.Grant("g", 10);
    Books holder = spender;
    EXPECT_EQ(
        spender.Do(SpendCommand{.amount = Ticks(c.amount), .mode = c.mode}),
        c.refusal);
    EXPECT_EQ(sum(spender.effect.posted), c.taken);
    EXPECT_EQ(spender.Available(), c.left);
    EXPECT_EQ(
        holder.Do(ReserveCommand{
            .amount = Ticks(c.amount), .expires_at = At(9), .mode = c.mode}),
        c.refusal);
    EXPECT_EQ(sum(holder.effect.held), c.taken);
    EXPECT_EQ(holder.Available(), c.left);
  }
  Books empty;
  EXPECT_EQ(
      empty.Do(SpendCommand{.amount = Ticks(1), .mode = DrawMode::kBestEffort}),
      kShort);
  EXPECT_EQ(empty.Do(SpendCommand{.mode = DrawMode::kBestEffort}),
            Refusal::kNone);
}

TEST(Account, RefundsTheLastDrawnFirst) {
  Books books;
  books.Grant("first", 5, 50);
  books.Grant("second", 9);
  const uint64_t spent = books.Must(SpendCommand{.amount = Ticks(8)});
  const std::vector<Allocation> posted = books.effect.posted;
  ASSERT_THAT(posted,
              ElementsAre(Allocation{1, Ticks(5)}, Allocation{2, Ticks(3)}));
  const auto refund = [&](int64_t ticks) {
    return books.Do(RefundCommand{.posting = spent,
                                  .posted_at = At(0),
                                  .posted = posted,
                                  .amount = Ticks(ticks)});
  };
  EXPECT_EQ(refund(2), Refusal::kNone);
  EXPECT_THAT(books.effect.refunded, ElementsAre(Allocation{2, Ticks(2)}));
  EXPECT_EQ(refund(0), Refusal::kNone);
  EXPECT_THAT(books.effect.refunded, IsEmpty());
  EXPECT_EQ(refund(3), Refusal::kNone);
  EXPECT_THAT(books.effect.refunded,
              ElementsAre(Allocation{2, Ticks(1)}, Allocation{1, Ticks(2)}));
  EXPECT_EQ(refund(4), Refusal::kAboveSpend);
  EXPECT_EQ(
      books.effect.shortage,
      (Shortage{.need = Ticks(4), .available = Ticks(3), .missing = Ticks(1)}));
  EXPECT_EQ(refund(3), Refusal::kNone);
  EXPECT_EQ(refund(1), Refusal::kAboveSpend);
  EXPECT_EQ(books.Available(), 14);
}

TEST(Account, RefundsForAWhile) {
  Books books;
  books.now = 7;
  books.Grant("g", 5);
  const uint64_t spent = books.Must(SpendCommand{.amount = Ticks(5)});
  const std::vector<Allocation> posted = books.effect.posted;
  const auto refund = [&] {
    return books.Do(RefundCommand{.posting = spent,
                                  .posted_at = At(7),
                                  .posted = posted,
                                  .amount = Ticks(1)});
  };
  books.now = 7 + kRefundableForNs - 1;
  EXPECT_EQ(refund(), Refusal::kNone);
  books.now = 7 + kRefundableForNs;
  EXPECT_EQ(refund(), Refusal::kTooLateToRefund);
}

TEST(Account, RefundOfAnotherRecordIsMalformed) {
  Books books;
  books.now = 9;
  books.Grant("g", 10);
  books.Grant("h", 10);
  const uint64_t spent = books.Must(SpendCommand{.amount = Ticks(5)});
  const std::vector<std::pair<const char*, RefundCommand>> cases = {
      {"no posting", {.posting = 0}},
      {"a later posting", {.posting = 99}},
      {"posted later", {.posting = spent, .posted_at = At(10)}},
      {"below zero", {.posting = spent, .amount = Ticks(-1)}},
  };
  for (const auto& [what, command] : cases) {
    EXPECT_EQ(books.Do(command), Refusal::kMalformed) << what;
  }
  const std::vector<std::vector<Allocation>> records = {
      {{0, Ticks(5)}},                             // no grant
      {{3, Ticks(5)}},                             // none so far
      {{1, Ticks(-5)}, {1, Ticks(9)}},             // below zero
      {{1, Credits::Max()}, {1, Credits::Max()}},  // beyond the range
      {{1, Ticks(6)}},                             // more than the grant posted
      {{2, Ticks(5)}},                             // what another posted
      {{1, Ticks(3)}, {1, Ticks(3)}},              // more, in two parts
  };
  for (size_t i = 0; i < records.size(); ++i) {
    int64_t sum = 0;
    for (const Allocation& part : records[i]) {
      sum = std::max(sum, part.amount.ticks());
    }
    if (i == 6) sum = 6;
    EXPECT_EQ(
        books.Do(RefundCommand{
            .posting = spent, .posted = records[i], .amount = Ticks(sum)}),
        Refusal::kMalformed)
        << i;
  }
  EXPECT_EQ(books.Available(), 15);
}

// docs/ledger.md, "What becomes of what was held". A grant of 10 ticks, of
// which 6 are held; every row is run without and with a change of plan while
// they are.
enum class Fate { kLives, kEnds, kVoided, kFolded };
enum class Settlement { kCapture4, kCapture2ThenExpire, kVoid, kExpire };

struct Golden {
  Fate before;  // what became of the grant before the settlement
  Settlement settlement;
  Fate after;      // and what after it
  int64_t refund;  // ticks given back last
  int64_t available, posted, expired, voided;
};

// Where the grant does not live on in the state that it is in already.
void Meet(Books& books, Fate fate) {
  switch (fate) {
    case Fate::kLives:
      return;
    case Fate::kEnds:
      books.account.Advance(At(books.now = std::max<int64_t>(books.now, 100)));
      return;
    case Fate::kVoided:
      books.Do(VoidGrantCommand{.grant = "g"});
      return;
    case Fate::kFolded:
      Meet(books, Fate::kEnds);
      for (size_t i = 0; books.account.GrantId(1) == "g"; ++i) {
        books.Grant(absl::StrCat("filler ", i), 1);
      }
      return;
  }
}

void ChangePlan(Books& books) {
  books.Must(EndAllowanceCommand{.source = "plan", .item = "credits"});
  books.Must(AllowanceCommand{.allowance = Daily("more_credits", 70)});
  books.Must(GrantCommand{.id = "of the new plan",
                          .amount = Ticks(50),
                          .priority = -9,
                          .operations = {"a"}});
}

Balance Settle(const Golden& row, bool changes_plan) {
  Books books;
  // Drawn first, so that it is the one that is held.
  books.Must(GrantCommand{
      .id = "g", .amount = Ticks(10), .priority = -1, .expires_at = At(100)});
  books.Must(AllowanceCommand{.allowance = Daily("credits", 30)});
  const uint64_t reserved = books.Must(ReserveCommand{
      .amount = Ticks(6), .operation = "a", .expires_at = At(200)});
  if (changes_plan) ChangePlan(books);
  Meet(books, row.before);
  uint64_t captured = 0;
  if (row.settlement == Settlement::kCapture4) {
    captured =
        books.Must(CaptureCommand{.reservation = reserved, .amount = Ticks(4)});
  } else if (row.settlement == Settlement::kCapture2ThenExpire) {
    captured = books.Must(CaptureCommand{
        .reservation = reserved, .amount = Ticks(2), .final = false});
  } else if (row.settlement == Settlement::kVoid) {
    books.Must(VoidCommand{.reservation = reserved});
  }
  const std::vector<Allocation> posted = books.effect.posted;
  const int64_t captured_at = books.now;
  if (row.settlement == Settlement::kExpire ||
      row.settlement == Settlement::kCapture2ThenExpire) {
    books.account.Advance(At(books.now = 200));
  }
  Meet(books, row.after);
  if (row.refund > 0) {
    books.Must(RefundCommand{.posting = captured,
                             .posted_at = At(captured_at),
                             .posted = posted,
                             .amount = Ticks(row.refund)});
  }
  const GrantView grant = books.account.Grants()[0];
  return grant.id == "g" ? grant.balance : books.account.folded();
}

TEST(Account, WhatBecomesOfWhatWasHeld) {
  constexpr Fate kLives = Fate::kLives;
  constexpr Fate kEnds = Fate::kEnds;
  constexpr Fate kVoided = Fate::kVoided;
  constexpr Fate kFolded = Fate::kFolded;
  constexpr Settlement kCapture = Settlement::kCapture4;
  constexpr Settlement kPart = Settlement::kCapture2ThenExpire;
  constexpr Settlement kVoid = Settlement::kVoid;
  constexpr Settlement kExpire = Settlement::kExpire;
  const std::vector<Golden> rows = {
      // before, settlement, after, refund: available posted expired voided
      {kLives, kCapture, kLives, 0, 6, 4, 0, 0},
      {kLives, kCapture, kLives, 3, 9, 1, 0, 0},
      {kLives, kCapture, kEnds, 0, 0, 4, 6, 0},
      {kLives, kCapture, kEnds, 3, 0, 1, 9, 0},
      {kLives, kCapture, kVoided, 0, 0, 4, 0, 6},
      {kLives, kCapture, kVoided, 3, 0, 1, 0, 9},
      {kLives, kCapture, kFolded, 0, 0, 4, 6, 0},
      {kLives, kCapture, kFolded, 3, 0, 1, 9, 0},
      {kLives, kVoid, kLives, 0, 10, 0, 0, 0},
      {kLives, kVoid, kEnds, 0, 0, 0, 10, 0},
      {kLives, kVoid, kVoided, 0, 0, 0, 0, 10},
      {kLives, kVoid, kFolded, 0, 0, 0, 10, 0},
      {kEnds, kCapture, kEnds, 0, 0, 4, 6, 0},
      {kEnds, kCapture, kEnds, 3, 0, 1, 9, 0},
      {kEnds, kCapture, kVoided, 3, 0, 1, 9, 0},
      {kEnds, kCapture, kFolded, 0, 0, 4, 6, 0},
      {kEnds, kCapture, kFolded, 3, 0, 1, 9, 0},
      {kEnds, kPart, kEnds, 0, 0, 2, 8, 0},
      {kEnds, kPart, kEnds, 1, 0, 1, 9, 0},
      {kEnds, kPart, kFolded, 1, 0, 1, 9, 0},
      {kEnds, kVoid, kEnds, 0, 0, 0, 10, 0},
      {kEnds, kVoid, kFolded, 0, 0, 0, 10, 0},
      {kEnds, kExpire, kEnds, 0, 0, 0, 10, 0},
      {kEnds, kExpire, kFolded, 0, 0, 0, 10, 0},
      {kVoided, kCapture, kVoided, 0, 0, 4, 0, 6},
      {kVoided, kCapture, kVoided, 3, 0, 1, 0, 9},
      {kVoided, kCapture, kEnds, 3, 0, 1, 0, 9},
      {kVoided, kCapture, kFolded, 0, 0, 4, 0, 6},
      {kVoided, kCapture, kFolded, 3, 0, 1, 3, 6},
      {kVoided, kPart, kVoided, 0, 0, 2, 0, 8},
      {kVoided, kPart, kVoided, 1, 0, 1, 0, 9},
      {kVoided, kVoid, kVoided, 0, 0, 0, 0, 10},
      {kVoided, kVoid, kFolded, 0, 0, 0, 0, 10},
      {kVoided, kExpire, kVoided, 0, 0, 0, 0, 10},
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    const Golden& row = rows[i];
    const Balance expected = {.available = Ticks(row.available),
                              .posted = Ticks(row.posted),
                              .expired = Ticks(row.expired),
                              .voided = Ticks(row.voided)};
    EXPECT_EQ(Settle(row, /*changes_plan=*/false), expected) << "row " << i;
    EXPECT_EQ(Settle(row, /*changes_plan=*/true), expected) << "row " << i;
  }
}

TEST(Account, ReservationOutlivesNoGrantInItsFreePart) {
  Books books;
  books.Grant("g", 10, 100);
  const uint64_t reserved = books.Reserve(6, 99);
  books.now = 99;
  EXPECT_EQ(books.Do(CaptureCommand{.reservation = reserved}),
            Refusal::kReservationExpired);
  EXPECT_EQ(books.Available(), 10);
  books.now = 100;
  books.account.Advance(At(100));
  EXPECT_EQ(books.account.balance(), (Balance{.expired = Ticks(10)}));
}

TEST(Account, TimeGoesForwardAlone) {
  Books books;
  books.now = 50;
  books.Grant("g", 10, 60);
  books.now = 5;
  EXPECT_EQ(books.Do(ReserveCommand{.amount = Ticks(1), .expires_at = At(50)}),
            Refusal::kMalformed);
  const uint64_t reserved = books.Reserve(1, 51);
  EXPECT_EQ(books.account.now(), At(50));
  books.account.Advance(At(55));
  books.now = 50;
  EXPECT_EQ(books.Do(VoidCommand{.reservation = reserved}),
            Refusal::kReservationExpired);
  EXPECT_EQ(books.account.now(), At(55));
}

TEST(Account, PassesTimeInAnySteps) {
  Books books;
  books.Must(AllowanceCommand{.allowance = Daily("credits", 5)});
  for (int64_t i = 0; i < 20; ++i) {
    books.Grant(absl::StrCat(i), 10, 100 + i / 2);
    books.Reserve(10, 95 + i % 7);
  }
  Account once = books.account;
  once.Advance(At(1'000));
  Account often = books.account;
  for (int64_t t = 0; t <= 1'000; ++t) often.Advance(At(t));
  EXPECT_EQ(BytesOf(once), BytesOf(often));
  EXPECT_NE(BytesOf(once), BytesOf(books.account));
}

TEST(Account, SlicesOfASessionCostTheWhole) {
  // Rounds at every slice: a third of a tick a millisecond and a half.
  const Price price = *Price::Create(
      {.credits = Ticks(333'331), .per = 1'500, .increment = 7, .minimum = 40});
  for (const int64_t slice : {1, 3, 50, 999, 30'000}) {
    Books books;
    books.Grant("first", 2'000'001, 500);
    books.Grant("second", 9'000'000);
    Books whole = books;
    const uint64_t reserved = books.Reserve(7'000'000);
    for (int64_t from = 0; from < 30'000; from += slice) {
      const int64_t to = std::min<int64_t>(from + slice, 30'000);
      books.Must(CaptureCommand{.reservation = reserved,
                                .amount = *price.CostOfSlice(from, to),
                                .final = to == 30'000});
    }
    const uint64_t at_once = whole.Reserve(7'000'000);
    whole.Must(CaptureCommand{.reservation = at_once,
                              .amount = *price.CostOf(30'000)});
    EXPECT_EQ(books.account.balance(), whole.account.balance()) << slice;
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(books.account.Grants()[i].balance,
                whole.account.Grants()[i].balance);
    }
  }
}

// Refusals.

// An account in which every command can be refused.
Books Furnished() {
  Books books;
  books.now = 10;
  books.Grant("live", 10);
  books.Grant("ended", 10, 20);
  books.Grant("voided", 10);
  books.Must(VoidGrantCommand{.grant = "voided"});
  books.Must(AllowanceCommand{.allowance = Daily("credits", 5)});
  books.Reserve(1, 15);                                             // 6
  books.Reserve(2, 90);                                             // 7
  books.Must(CaptureCommand{.reservation = books.Reserve(3, 90)});  // 8
  books.Must(VoidCommand{.reservation = books.Reserve(3, 90)});     // 10
  books.Must(SpendCommand{.amount = Ticks(4)});                     // 12
  books.now = 30;
  return books;
}

// A refusal changes nothing but the time, and reports no parts.
void ExpectRefused(const AccountCommand& command, Refusal refusal) {
  Books books = Furnished();
  Account quiet = books.account;
  quiet.Advance(At(books.now));
  EXPECT_EQ(books.Do(command), refusal);
  EXPECT_EQ(BytesOf(books.account), BytesOf(quiet));
  EXPECT_FALSE(books.effect.applied());
  EXPECT_THAT(books.effect.held, IsEmpty());
  EXPECT_THAT(books.effect.posted, IsEmpty());
  EXPECT_THAT(books.effect.refunded, IsEmpty());
}

TEST(Account, RefusalSaysWhyAndChangesNothing) {
  static const std::vector<Allocation> spent = {{1, Ticks(2)}, {2, Ticks(2)}};
  const std::vector<std::pair<Refusal, AccountCommand>> cases = {
      {Refusal::kInsufficientCredits, SpendCommand{.amount = Ticks(99)}},
      {Refusal::kInsufficientCredits,
       ReserveCommand{.amount = Ticks(99), .expires_at = At(90)}},
      {Refusal::kUnknownGrant, VoidGrantCommand{.grant = "g"}},
      {Refusal::kGrantEnded, VoidGrantCommand{.grant = "ended"}},
      {Refusal::kGrantEnded, VoidGrantCommand{.grant = "voided"}},
      {Refusal::kGrantEnded,
       GrantCommand{.id = "g", .amount = Ticks(1), .expires_at = At(30)}},
      {Refusal::kGrantExists, GrantCommand{.id = "live", .amount = Ticks(1)}},
      {Refusal::kGrantExists, GrantCommand{.id = "ended", .amount = Ticks(1)}},
      {Refusal::kAllowanceExists,
       AllowanceCommand{.allowance = Daily("credits", 6)}},
      {Refusal::kUnknownAllowance,
       EndAllowanceCommand{.source = "plan", .item = "nothing"}},
      {Refusal::kUnknownReservation, CaptureCommand{.reservation = 1}},
      {Refusal::kReservationExpired, CaptureCommand{.reservation = 6}},
      {Refusal::kAboveHold,
       CaptureCommand{.reservation = 7, .amount = Ticks(3)}},
      {Refusal::kReservationCaptured, VoidCommand{.reservation = 8}},
      {Refusal::kReservationVoided, CaptureCommand{.reservation = 10}},
      {Refusal::kAboveSpend, RefundCommand{.posting = 12,
                                           .posted_at = At(10),
                                           .posted = spent,
                                           .amount = Ticks(5)}},
      {Refusal::kAmountTooLarge,
       GrantCommand{.id = "g", .amount = Credits::Max()}},
      {Refusal::kAmountTooLarge,
       AllowanceCommand{.allowance = Daily("much", INT64_MAX / 9)}},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(absl::StrCat("case ", i));
    ExpectRefused(cases[i].second, cases[i].first);
  }
}

TEST(Account, MalformedFieldsAreRefused) {
  const std::vector<AccountCommand> cases = {
      GrantCommand{.id = "", .amount = Ticks(1)},
      GrantCommand{.id = std::string(257, 'i'), .amount = Ticks(1)},
      GrantCommand{.id = "g"},
      GrantCommand{.id = "g", .amount = Ticks(-1)},
      GrantCommand{.id = "g",
                   .amount = Ticks(1),
                   .effective_at = At(50),
                   .expires_at = At(50)},
      GrantCommand{.id = "g", .amount = Ticks(1), .operations = {""}},
      GrantCommand{
          .id = "g", .amount = Ticks(1), .operations = {std::string(49, 'o')}},
      GrantCommand{.id = "g",
                   .amount = Ticks(1),
                   .operations = std::vector<std::string>(65, "o")},
      GrantCommand{
          .id = "g", .amount = Ticks(1), .kind = static_cast<GrantKind>(2)},
      SpendCommand{.amount = Ticks(-1)},
      SpendCommand{.mode = static_cast<DrawMode>(4)},
      ReserveCommand{.expires_at = At(30)},
      ReserveCommand{.amount = Ticks(-1), .expires_at = At(31)},
      ReserveCommand{.expires_at = At(31), .overrun = static_cast<Overrun>(2)},
      ReserveCommand{.expires_at = At(31), .mode = static_cast<DrawMode>(3)},
      CaptureCommand{.reservation = 7, .amount = Ticks(-1)},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(absl::StrCat("case ", i));
    ExpectRefused(cases[i], Refusal::kMalformed);
  }
}

TEST(Account, OperationNameHasALimit) {
  Books books = Furnished();
  const std::string longest(AccountLimits::kOperationBytesMax, 'o');
  const std::string too_long = longest + "o";
  EXPECT_EQ(books.Do(SpendCommand{.operation = longest}), Refusal::kNone);
  EXPECT_EQ(books.Do(SpendCommand{.operation = too_long}), Refusal::kMalformed);
  EXPECT_EQ(
      books.Do(ReserveCommand{.operation = longest, .expires_at = At(40)}),
      Refusal::kNone);
  EXPECT_EQ(
      books.Do(ReserveCommand{.operation = too_long, .expires_at = At(40)}),
      Refusal::kMalformed);
}

TEST(Account, SequencesGrow) {
  Books books;
  books.Grant("g", 5);
  EXPECT_EQ(books.account.last_sequence(), 1u);
  for (const uint64_t sequence : {0, 1}) {
    books.account.Apply(SpendCommand{}, {.sequence = sequence}, books.effect);
    EXPECT_EQ(books.effect.refusal, Refusal::kMalformed);
  }
  books.account.Apply(SpendCommand{}, {.sequence = 9}, books.effect);
  EXPECT_EQ(books.effect.refusal, Refusal::kNone);
  EXPECT_EQ(books.account.last_sequence(), 9u);
}

// Limits, each from both sides.

TEST(Account, HoldsSoManyGrants) {
  Books books;
  for (size_t i = 0; i < AccountLimits::kGrantsMax; ++i) {
    books.Grant(absl::StrCat("g", i), 10, i == 3 || i == 5 ? 100 : 1'000);
  }
  EXPECT_EQ(books.Do(GrantCommand{.id = "more", .amount = Ticks(1)}),
            Refusal::kTooManyGrants);
  // Grant 4 has posted 3, grant 6 is held.
  books.Must(VoidGrantCommand{.grant = "g3"});
  const uint64_t reserved = books.Reserve(10);
  ASSERT_THAT(books.effect.held, ElementsAre(Allocation{6, Ticks(10)}));
  books.now = 100;
  books.Grant("more", 1);
  EXPECT_EQ(books.account.folded(), (Balance{.voided = Ticks(10)}));
  EXPECT_EQ(books.account.GrantId(4), "");
  EXPECT_EQ(books.account.GrantId(5), "g4");
  EXPECT_EQ(books.Do(GrantCommand{.id = "too many", .amount = Ticks(1)}),
            Refusal::kTooManyGrants);
  books.Must(CaptureCommand{.reservation = reserved, .amount = Ticks(4)});
  const std::vector<Allocation> posted = books.effect.posted;
  const uint64_t captured = books.sequence;
  books.Grant("g3", 1);  // the id is forgotten
  EXPECT_EQ(
      books.account.folded(),
      (Balance{.posted = Ticks(4), .expired = Ticks(6), .voided = Ticks(10)}));
  EXPECT_EQ(books.account.Grants().size(), AccountLimits::kGrantsMax);
  books.Must(RefundCommand{.posting = captured,
                           .posted_at = At(100),
                           .posted = posted,
                           .amount = Ticks(1)});
  EXPECT_EQ(
      books.account.folded(),
      (Balance{.posted = Ticks(3), .expired = Ticks(7), .voided = Ticks(10)}));
  EXPECT_EQ(*Account::Decode(BytesOf(books.account)), books.account);
}

TEST(Account, ForgetsWhatWasSpentLongAgo) {
  Books books;
  books.Must(AllowanceCommand{.allowance = Daily("a", 1, 500)});
  books.now = 1;
  for (size_t i = 1; i < AccountLimits::kGrantsMax; ++i) {
    books.Grant(absl::StrCat(i), 10);
  }
  const uint64_t spent = books.Must(SpendCommand{.amount = Ticks(15)});
  ASSERT_THAT(books.effect.posted,
              ElementsAre(Allocation{1, Ticks(1)}, Allocation{2, Ticks(10)},
                          Allocation{3, Ticks(4)}));
  const std::vector<Allocation> posted = books.effect.posted;
  EXPECT_EQ(books.Do(GrantCommand{.id = "more", .amount = Ticks(1)}),
            Refusal::kTooManyGrants);
  books.Must(EndAllowanceCommand{.source = "plan", .item = "a"});
  books.now = kRefundableForNs;
  books.Grant("more", 1);  // in the place of the allowance's, which has ended
  EXPECT_EQ(books.Do(GrantCommand{.id = "too many", .amount = Ticks(1)}),
            Refusal::kTooManyGrants);
  books.Must(
      RefundCommand{.posting = spent, .posted_at = At(1), .posted = posted});
  books.now = kRefundableForNs + 1;
  EXPECT_EQ(books.Do(RefundCommand{
                .posting = spent, .posted_at = At(1), .posted = posted}),
            Refusal::kTooLateToRefund);
  books.Grant("of a new year", 1);
  EXPECT_EQ(books.account.GrantId(2), "");
  EXPECT_EQ(books.account.GrantId(3), "2");
  EXPECT_EQ(books.account.folded(), (Balance{.posted = Ticks(11)}));
  EXPECT_EQ(books.account.AvailableFor(""), Ticks(books.Available()));
  EXPECT_EQ(*Account::Decode(BytesOf(books.account)), books.account);
  EXPECT_EQ(books.Do(GrantCommand{.id = "too many", .amount = Ticks(1)}),
            Refusal::kTooManyGrants);
}

// The one grant that can be folded while something is to roll over from it.
TEST(Account, KeepsAGrantForRefundsOfItsLastCapture) {
  Books books;
  for (size_t i = 1; i <= AccountLimits::kGrantsMax; ++i) {
    books.Grant(absl::StrCat(i), 10);
  }
  const uint64_t reserved = books.Reserve(10);
  books.now = 5;
  books.Must(CaptureCommand{.reservation = reserved, .amount = Ticks(10)});
  const GrantCommand more = {.id = "more", .amount = Ticks(1)};
  books.now = kRefundableForNs + 4;
  EXPECT_EQ(books.Do(more), Refusal::kTooManyGrants);
  EXPECT_EQ(books.account.GrantId(1), "1");
  books.now = kRefundableForNs + 5;
  EXPECT_EQ(books.Do(more), Refusal::kNone);
  EXPECT_EQ(books.account.GrantId(1), "");
}

TEST(Account, FoldsTheGrantThatAPeriodTook) {
  constexpr int64_t kDay = int64_t{24} * 3600 * 1'000'000'000;
  Books books;
  Allowance::Spec spec = Daily("a", 10).spec();
  spec.anchor += 401;
  books.Grant("plan/a/0", 5, 402 * kDay);
  books.Must(SpendCommand{.amount = Ticks(5)});
  books.Must(AllowanceCommand{.allowance = *Allowance::Create(spec)});
  for (size_t i = 1; i < AccountLimits::kGrantsMax; ++i) {
    books.Grant(absl::StrCat(i), 1);
  }
  books.now = 401 * kDay;
  books.Grant("more", 1);
  EXPECT_EQ(books.account.folded(), (Balance{.posted = Ticks(5)}));
  EXPECT_EQ(*Account::Decode(BytesOf(books.account)), books.account);
  books.account.Advance(At(402 * kDay));
  EXPECT_EQ(books.account.Grants().back().issued, Ticks(10));
}

TEST(Account, AReservationHoldsSoManyParts) {
  Books books;
  for (size_t i = 0; i <= AccountLimits::kAllocationsMax; ++i) {
    books.Grant(absl::StrCat(i), 1);
  }
  for (const DrawMode mode :
       {DrawMode::kNormal, DrawMode::kBestEffort, DrawMode::kCheckOnly}) {
    EXPECT_EQ(books.Do(ReserveCommand{
                  .amount = Ticks(65), .expires_at = At(9), .mode = mode}),
              Refusal::kTooManyAllocations);
  }
  const uint64_t reserved = books.Reserve(64, 9, Overrun::kTopUp);
  books.Must(CaptureCommand{.reservation = reserved, .amount = Ticks(65)});
  EXPECT_EQ(books.effect.posted.size(), AccountLimits::kAllocationsMax + 1);
}

TEST(Account, WhatWasUsedIsDrawnInHoweverManyParts) {
  constexpr int64_t kGrants{AccountLimits::kGrantsMax};
  Books full;
  for (int64_t i = 0; i < kGrants; ++i) full.Grant(absl::StrCat(i), 2);
  for (const DrawMode mode :
       {DrawMode::kNormal, DrawMode::kBestEffort, DrawMode::kCollect}) {
    Books books = full;
    books.Must(SpendCommand{.amount = Ticks(2 * kGrants), .mode = mode});
    EXPECT_EQ(books.effect.posted.size(), AccountLimits::kGrantsMax);
    EXPECT_EQ(books.effect.uncollected, Ticks(0));
    EXPECT_EQ(books.Available(), 0);
    const std::vector<Allocation> posted = books.effect.posted;
    books.Must(RefundCommand{.posting = books.sequence,
                             .posted_at = At(books.now),
                             .posted = posted,
                             .amount = Ticks(2 * kGrants)});
    EXPECT_EQ(books.Available(), 2 * kGrants);
  }
  const uint64_t reserved = full.Reserve(2);
  full.Must(CaptureCommand{.reservation = reserved,
                           .amount = Ticks(2 * kGrants + 1),
                           .collects = true});
  EXPECT_EQ(full.effect.posted.size(), AccountLimits::kGrantsMax);
  EXPECT_EQ(full.effect.uncollected, Ticks(1));
  EXPECT_EQ(full.Available(), 0);
}

TEST(Account, HoldsSoManyReservations) {
  Books books;
  for (size_t i = 0; i < AccountLimits::kOpenReservationsMax; ++i) {
    books.Reserve(0, 10 + static_cast<int64_t>(i % 1'000));
  }
  EXPECT_EQ(books.Do(ReserveCommand{.expires_at = At(9)}),
            Refusal::kTooManyReservations);
  books.now = 10;
  books.Reserve(0, 2'000);
  books.account.Advance(At(2'000));
  EXPECT_THAT(books.account.Reservations(), IsEmpty());
}

TEST(Account, RemembersSoManyClosedReservations) {
  Books books;
  for (size_t i = 0; i <= AccountLimits::kClosedReservationsMax; ++i) {
    books.Must(VoidCommand{.reservation = books.Reserve(0)});
  }
  EXPECT_EQ(books.Do(VoidCommand{.reservation = 1}),
            Refusal::kUnknownReservation);
  EXPECT_EQ(books.Do(VoidCommand{.reservation = 3}),
            Refusal::kReservationVoided);
  // The order in which they are forgotten outlives a reload.
  books.account = *Account::Decode(BytesOf(books.account));
  books.Must(VoidCommand{.reservation = books.Reserve(0)});
  EXPECT_EQ(books.Do(VoidCommand{.reservation = 3}),
            Refusal::kUnknownReservation);
  EXPECT_EQ(books.Do(VoidCommand{.reservation = 5}),
            Refusal::kReservationVoided);
}

TEST(Account, RemembersSoManyRefunds) {
  Books books;
  books.Grant("g", 100'000);
  const auto refund = [&](uint64_t posting, int64_t posted_at) {
    const std::vector<Allocation> posted = {{1, Ticks(2)}};
    return books.Do(RefundCommand{.posting = posting,
                                  .posted_at = At(posted_at),
                                  .posted = posted,
                                  .amount = Ticks(1)});
  };
  books.Must(SpendCommand{.amount = Ticks(100'000)});
  for (size_t i = 1; i <= AccountLimits::kRefundedPostingsMax; ++i) {
    ASSERT_EQ(refund(i, i <= 3 ? 0 : 1), Refusal::kNone);
    if (i == 1) books.now = 1;
  }
  const uint64_t next = AccountLimits::kRefundedPostingsMax + 1;
  EXPECT_EQ(refund(next, 1), Refusal::kTooManyRefunds);
  EXPECT_EQ(refund(next - 1, 1), Refusal::kNone);  // it is one of them
  EXPECT_EQ(refund(next - 1, 1), Refusal::kAboveSpend);
  books.now = kRefundableForNs;
  EXPECT_EQ(refund(next, 1), Refusal::kNone);
  EXPECT_EQ(refund(3, 0), Refusal::kTooLateToRefund);
  EXPECT_EQ(refund(next + 1, 1), Refusal::kNone);  // three were forgotten
  EXPECT_EQ(refund(next + 2, 1), Refusal::kNone);
  EXPECT_EQ(refund(next + 3, 1), Refusal::kTooManyRefunds);
}

TEST(Account, HoldsSoManyAllowances) {
  Books books;
  for (size_t i = 0; i < AccountLimits::kAllowancesMax; ++i) {
    books.Must(AllowanceCommand{.allowance = Daily(absl::StrCat(i), 1)});
  }
  EXPECT_EQ(books.Do(AllowanceCommand{.allowance = Daily("more", 1)}),
            Refusal::kTooManyAllowances);
  books.Must(EndAllowanceCommand{.source = "plan", .item = "3"});
  books.Must(AllowanceCommand{.allowance = Daily("more", 1)});
  EXPECT_EQ(books.account.Allowances().size(), AccountLimits::kAllowancesMax);
}

TEST(Account, IssuesTheWholeRange) {
  Books books;
  books.Grant("g", INT64_MAX - 10);
  EXPECT_EQ(books.Do(AllowanceCommand{.allowance = Daily("a", 3, 4)}),
            Refusal::kAmountTooLarge);
  books.Must(AllowanceCommand{.allowance = Daily("a", 3, 3)});
  EXPECT_EQ(books.Do(GrantCommand{.id = "h", .amount = Ticks(2)}),
            Refusal::kAmountTooLarge);
  books.Grant("h", 1);
  books.now = int64_t{5} * 24 * 3600 * 1'000'000'000;
  books.account.Advance(At(books.now));
  EXPECT_EQ(books.Do(GrantCommand{.id = "i", .amount = Ticks(1)}),
            Refusal::kAmountTooLarge);
  books.Must(SpendCommand{.amount = Ticks(INT64_MAX - 9)});
  EXPECT_EQ(books.account.balance(),
            (Balance{.posted = Ticks(INT64_MAX - 9), .expired = Ticks(9)}));
}

// Refunded and drawn again, a reservation captures more than was issued.
TEST(Account, CapturesTheWholeRange) {
  Books books;
  books.Grant("g", INT64_MAX - 1);
  const uint64_t reserved = books.Reserve(0, 99, Overrun::kTopUp);
  const auto capture = [&](int64_t ticks) {
    return books.Do(CaptureCommand{
        .reservation = reserved, .amount = Ticks(ticks), .final = false});
  };
  ASSERT_EQ(capture(INT64_MAX - 1), Refusal::kNone);
  const std::vector<Allocation> posted = books.effect.posted;
  books.Must(RefundCommand{.posting = books.sequence,
                           .posted = posted,
                           .amount = Ticks(INT64_MAX - 1)});
  EXPECT_EQ(capture(2), Refusal::kAmountTooLarge);
  EXPECT_EQ(capture(1), Refusal::kNone);
}

// Allowances within an account.

TEST(Account, AllowanceGrantsEachPeriodOnce) {
  constexpr int64_t kDay = int64_t{24} * 3600 * 1'000'000'000;
  Books books;
  books.now = 2 * kDay + 5;
  books.Must(AllowanceCommand{.allowance = Daily("a", 10, 5)});
  const std::vector<GrantView> first = books.account.Grants();
  ASSERT_EQ(first.size(), 1u);  // none for what was over
  EXPECT_EQ(first[0].id, "plan/a/2");
  EXPECT_EQ(first[0].effective_at, At(2 * kDay));
  EXPECT_EQ(first[0].expires_at, At(3 * kDay));
  books.Must(EndAllowanceCommand{.source = "plan", .item = "a"});
  books.Must(AllowanceCommand{.allowance = Daily("a", 20, 5)});
  EXPECT_EQ(books.Available(), 10);  // this period was granted
  books.account.Advance(At(3 * kDay));
  EXPECT_EQ(books.Available(), 20);
  books.account.Advance(At(9 * kDay));
  EXPECT_EQ(books.account.balance(), (Balance{.expired = Ticks(50)}));
  EXPECT_EQ(books.account.Grants().back().id, "plan/a/4");
  books.now = 9 * kDay;
  EXPECT_EQ(books.Do(AllowanceCommand{.allowance = Daily("a", 20, 9)}),
            Refusal::kGrantEnded);
  EXPECT_THAT(books.account.Allowances(), IsEmpty());
}

TEST(Account, AllowanceRollsOver) {
  constexpr int64_t kDay = int64_t{24} * 3600 * 1'000'000'000;
  struct Case {
    int64_t spent, held;  // in the first period, of 10
    bool is_voided;
    int64_t rollover_max;
    int64_t available, expired;  // in the second
  };
  const std::vector<Case> cases = {
      {0, 0, false, 0, 10, 10}, {0, 0, false, 4, 14, 10},
      {7, 0, false, 4, 13, 3},  {10, 0, false, 4, 10, 0},
      {0, 8, false, 4, 12, 2},  // what is held does not
      {0, 0, true, 4, 10, 0},   // nor what was voided
  };
  for (const Case& c : cases) {
    Allowance::Spec spec = Daily("a", 10).spec();
    spec.rollover_max = Ticks(c.rollover_max);
    Books books;
    books.Must(AllowanceCommand{.allowance = *Allowance::Create(spec)});
    books.Must(SpendCommand{.amount = Ticks(c.spent)});
    // Ends in the same instant as the period, and after it.
    books.Reserve(c.held / 2, kDay);
    books.Reserve(c.held - c.held / 2, 9 * kDay);
    if (c.is_voided) books.Must(VoidGrantCommand{.grant = "plan/a/0"});
    books.account.Advance(At(kDay));
    EXPECT_EQ(books.Available(), c.available);
    EXPECT_EQ(books.account.balance().expired.ticks(), c.expired + c.held / 2);
  }
}

TEST(Account, RolloverIsCappedEachTime) {
  constexpr int64_t kDay = int64_t{24} * 3600 * 1'000'000'000;
  Allowance::Spec spec = Daily("a", 10).spec();
  spec.rollover_max = Ticks(15);
  Books books;
  books.Must(AllowanceCommand{.allowance = *Allowance::Create(spec)});
  for (const int64_t available : {20, 25, 25}) {
    books.now += kDay;
    books.account.Advance(At(books.now));
    EXPECT_EQ(books.Available(), available);
  }
}

TEST(Account, AllowanceMayBeginLater) {
  constexpr int64_t kDay = int64_t{24} * 3600 * 1'000'000'000;
  Allowance::Spec spec = Daily("a", 10, 1).spec();
  spec.anchor += 3;
  Books books;
  books.Must(AllowanceCommand{.allowance = *Allowance::Create(spec)});
  EXPECT_THAT(books.account.Grants(), IsEmpty());
  books.account.Advance(At(3 * kDay - 1));
  EXPECT_EQ(books.account.balance(), Balance());
  books.account.Advance(At(3 * kDay));
  EXPECT_EQ(books.Available(), 10);
  EXPECT_THAT(books.account.Allowances(), IsEmpty());
}

// What docs/ledger.md warns of: an id is of a source, an item and an index.
TEST(Account, AllowanceWithAnotherAnchorHasTheSameIds) {
  constexpr int64_t kDay = int64_t{24} * 3600 * 1'000'000'000;
  Allowance::Spec spec = Daily("a", 10).spec();
  Books books;
  books.Must(AllowanceCommand{.allowance = *Allowance::Create(spec)});
  books.now = kDay;
  books.Must(EndAllowanceCommand{.source = "plan", .item = "a"});
  spec.anchor += 1;
  books.Must(AllowanceCommand{.allowance = *Allowance::Create(spec)});
  spec.item = "b";
  books.Must(AllowanceCommand{.allowance = *Allowance::Create(spec)});
  const struct {
    int64_t day;
    const char* last;
    int64_t available;
  } kCases[] = {
      {1, "plan/b/0", 20},  // "plan/a/1" of the first, and "plan/b/0"
      {2, "plan/b/1", 10},  // "plan/a/1" is there, and over
      {3, "plan/b/2", 20},
  };
  for (const auto& c : kCases) {
    books.now = c.day * kDay;
    books.account.Advance(At(books.now));
    EXPECT_EQ(books.account.Grants().back().id, c.last);
    EXPECT_EQ(books.Available(), c.available) << c.day;
  }
}

TEST(Account, AllowanceCatchesUp) {
  constexpr int64_t kDay = int64_t{24} * 3600 * 1'000'000'000;
  Allowance::Spec spec = Daily("a", 10, Allowance::kPeriodsMax).spec();
  spec.rollover_max = Ticks(3);
  Books books;
  books.Must(AllowanceCommand{.allowance = *Allowance::Create(spec)});
  Account daily = books.account;
  for (int64_t day = 1; day <= 10'000; ++day) daily.Advance(At(day * kDay));
  books.account.Advance(At(10'000 * kDay));
  EXPECT_EQ(BytesOf(books.account), BytesOf(daily));
  EXPECT_EQ(books.Available(), 13);
  EXPECT_EQ(books.account.Grants().size(), AccountLimits::kGrantsMax);
  EXPECT_EQ(books.account.balance().expired, Ticks(10 + 9'999 * 13));
}

TEST(Account, AllowanceIsGrantedWhateverElseIsFull) {
  Books books;
  for (size_t i = 0; i < AccountLimits::kGrantsMax; ++i) {
    books.Grant(absl::StrCat(i), 1);
  }
  books.Must(AllowanceCommand{.allowance = Daily("a", 10)});
  EXPECT_EQ(books.account.Grants().size(), AccountLimits::kGrantsMax + 1);
  EXPECT_EQ(*Account::Decode(BytesOf(books.account)), books.account);
  books.Must(VoidGrantCommand{.grant = "0"});
  EXPECT_EQ(books.Do(GrantCommand{.id = "more", .amount = Ticks(1)}),
            Refusal::kTooManyGrants);
  books.Must(VoidGrantCommand{.grant = "1"});
  books.Grant("more", 1);
  EXPECT_EQ(books.account.Grants().size(), AccountLimits::kGrantsMax);
}

// Bytes.

TEST(Account, CopiesAreIndependent) {
  Books books = Furnished();
  Account copy = books.account;
  const std::string before = BytesOf(copy);
  books.Must(SpendCommand{.amount = Ticks(1)});
  EXPECT_EQ(BytesOf(copy), before);
  EXPECT_NE(copy, books.account);
}

// Everything that has a place in the bytes.
Account Everything() {
  Books books = Furnished();
  const std::vector<Allocation> posted = {{2, Ticks(4)}};
  books.Must(RefundCommand{.posting = 12,
                           .posted_at = At(10),
                           .posted = posted,
                           .amount = Ticks(1)});
  books.Must(GrantCommand{.id = "for a and b",
                          .amount = Ticks(300),
                          .priority = -7,
                          .effective_at = At(40),
                          .expires_at = At(1'000),
                          .operations = {"a", "b"},
                          .kind = GrantKind::kPromotional});
  Allowance::Spec rolls_over = Daily("b", 5).spec();
  rolls_over.rollover_max = Ticks(3);
  books.Must(AllowanceCommand{.allowance = *Allowance::Create(rolls_over)});
  books.now = 50;
  books.Must(ReserveCommand{.amount = Ticks(303),
                            .operation = "a",
                            .expires_at = At(70),
                            .overrun = Overrun::kTopUp});
  return books.account;
}

TEST(Account, BytesAreReadAsTheyWereWritten) {
  const Account account = Everything();
  const auto decoded = Account::Decode(BytesOf(account));
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(*decoded, account);
  EXPECT_EQ(decoded->balance(), account.balance());
  EXPECT_EQ(*Account::Decode(BytesOf(Account())), Account());
}

// One tick short of the range, with all that an allowance will issue.
Account Brimful() {
  Books books;
  books.Must(AllowanceCommand{.allowance = Daily("a", 3, 3)});
  books.Grant("g", INT64_MAX - 10);
  books.Reserve(5);
  return books.account;
}

// Whether nothing is below zero, and all together are in range.
bool IsInRange(const Balance& b) {
  __int128 sum = 0;
  for (const Credits part :
       {b.available, b.pending, b.reserved, b.posted, b.expired, b.voided}) {
    if (part < Credits()) return false;
    sum += part.ticks();
  }
  return sum <= INT64_MAX;
}

Account AtTheEndOfTime(Account account) {
  account.Advance(UnixNanos::Max());
  return account;
}

// What holds for every state that commands lead to, and for ever after it.
void ExpectSound(const Account& account) {
  const Account last = AtTheEndOfTime(account);
  ASSERT_TRUE(IsInRange(last.balance()));
  const auto is_over = [&](UnixNanos end) {
    return end <= account.now() && end != UnixNanos::Max();
  };
  for (const GrantView& grant : account.Grants()) {
    if (grant.is_voided || is_over(grant.expires_at)) {
      ASSERT_EQ(grant.balance.available, Credits());
      ASSERT_EQ(grant.balance.pending, Credits());
    } else {
      // Read again in the very instant of an end, nothing is lost.
      Account halfway = account;
      halfway.Advance(grant.expires_at);
      const auto again = Account::Decode(BytesOf(halfway));
      ASSERT_THAT(again, IsOk());
      ASSERT_EQ(AtTheEndOfTime(*again), last);
    }
  }
  for (const ReservationView& reservation : account.Reservations()) {
    ASSERT_FALSE(is_over(reservation.expires_at));
    Account settled = account;
    AccountEffect effect;
    settled.Apply(CaptureCommand{.reservation = reservation.sequence,
                                 .amount = reservation.held},
                  {.sequence = UINT64_MAX, .now = account.now()}, effect);
    for (const Allocation& part : effect.posted) {
      ASSERT_GT(part.amount, Credits());
    }
    ASSERT_TRUE(IsInRange(settled.balance()));
  }
}

TEST(Account, DamagedBytesAreRefused) {
  const std::string everything = BytesOf(Everything());
  for (size_t size = 0; size < everything.size(); ++size) {
    EXPECT_THAT(Account::Decode(absl::string_view(everything).substr(0, size)),
                StatusIs(StatusCode::kDataLoss, HasSubstr("account: ")))
        << size;
  }
  EXPECT_THAT(Account::Decode(everything + '\0'),
              StatusIs(StatusCode::kDataLoss, HasSubstr("end")));
  // Any other bytes are refused or are those of another account, to the bit.
  for (const std::string& bytes : {everything, BytesOf(Brimful())}) {
    int refused = 0;
    for (size_t i = 0; i < bytes.size() * 256; ++i) {
      std::string damaged = bytes;
      damaged[i / 256] = static_cast<char>(i % 256);
      const auto decoded = Account::Decode(damaged);
      if (!decoded.ok()) {
        ASSERT_EQ(decoded.status().code(), StatusCode::kDataLoss);
        ++refused;
        continue;
      }
      ASSERT_EQ(BytesOf(*decoded), damaged) << i;
      ExpectSound(*decoded);
      ASSERT_FALSE(HasFatalFailure()) << i;
    }
    EXPECT_GT(refused, 0);
  }
}

}  // namespace
}  // namespace konpro
