// What a ledger adds to account.h: ids, windows of time, modes, references,
// snapshots, and what it says about the past. Stores that fail are in
// ledger_fault_test.cc, threads in ledger_threads_test.cc.
#include "konpro/ledger/ledger.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/ledger/internal/apply_command.h"
#include "konpro/ledger/internal/journal_codec.h"
#include "konpro/ledger/internal/sha256.h"
#include "konpro/ledger/internal/snapshot_codec.h"
#include "konpro/ledger/store.h"
#include "tests/testing/shared_store.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::internal::AccountKey;
using ::konpro::internal::ChainHash;
using ::konpro::internal::EncodeEntry;
using ::konpro::internal::SameEffect;
using ::konpro::testing::IsOk;
using ::konpro::testing::SharedStore;
using ::konpro::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kExists = absl::StatusCode::kAlreadyExists;
constexpr absl::StatusCode kRange = absl::StatusCode::kOutOfRange;
constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;
constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;

Credits C(absl::string_view text) { return Credits::Parse(text).value(); }

UnixNanos At(absl::Duration since) {
  return UnixNanos::FromTime(absl::FromUnixSeconds(1'800'000'000) + since);
}
const UnixNanos kT = At(absl::ZeroDuration());

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() { Reopen(); }

  void Reopen() {
    ledger_.reset();
    absl::StatusOr<std::unique_ptr<Ledger>> ledger =
        Ledger::Open(std::make_unique<SharedStore>(content_), options_);
    ASSERT_THAT(ledger, IsOk());
    ledger_ = *std::move(ledger);
  }

  absl::StatusOr<LedgerOutcome> Do(absl::string_view id, LedgerRequest request,
                                   UnixNanos at = kT,
                                   absl::string_view account = "acme") {
    return ledger_->Apply({.account = account,
                           .id = id,
                           .at = at,
                           .request = std::move(request)});
  }
  Refusal RefusalOf(absl::string_view id, LedgerRequest request,
                    UnixNanos at = kT) {
    return Do(id, std::move(request), at).value().effect.refusal;
  }
  LedgerOutcome Grant(absl::string_view id, absl::string_view amount) {
    return Do(id, GrantCommand{.amount = C(amount)}).value();
  }
  static LedgerReserve Reserve(absl::string_view amount) {
    return {.amount = C(amount), .timeout = absl::Hours(1)};
  }
  Credits Available(UnixNanos at = kT) {
    return ledger_->BalanceOf("acme", at).value().available;
  }
  uint64_t HeadSequence() { return ledger_->Head().value().sequence; }
  void ExpectVerified() {
    const absl::StatusOr<VerifyReport> report =
        ledger_->Verify([](uint64_t) {});
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->entries, HeadSequence());
  }

  // Puts an account into the snapshot in the store, which stays whole.
  void Forge(absl::string_view id, const Account& account) {
    std::string bytes;
    account.EncodeTo(bytes);
    std::map<std::string, std::string, std::less<>> rows;
    ASSERT_THAT(content_->store.ReadSnapshots(
                    [&](absl::string_view key, absl::string_view value) {
                      rows.emplace(key, value);
                      return absl::OkStatus();
                    }),
                IsOk());
    internal::SnapshotMeta meta;
    ASSERT_TRUE(
        internal::DecodeMeta(rows[std::string(internal::kMetaKey)], meta));
    rows.erase(std::string(internal::kMetaKey));
    rows[AccountKey(id)] = internal::EncodeAccountRow(
        {.last_sequence = meta.head.sequence, .account = bytes});
    internal::SnapshotRows forged(0, {});
    std::deque<internal::SnapshotDigest> digests;
    for (const auto& [key, value] : rows) {
      forged.Put(key, value, digests.emplace_back());
    }
    meta.rows = forged.count();
    meta.digest = forged.sum();
    forged.PutMeta(meta);
    ASSERT_THAT(content_->store.WriteSnapshots(forged.changes()), IsOk());
  }

  LedgerOptions options_;
  const std::shared_ptr<SharedStore::Content> content_ =
      std::make_shared<SharedStore::Content>();
  std::unique_ptr<Ledger> ledger_;
};

TEST_F(LedgerTest, AppliesCommandsInOrder) {
  EXPECT_EQ(Grant("welcome", "9").sequence, 1);
  const LedgerOutcome held = Do("job", Reserve("6")).value();
  EXPECT_EQ(held.sequence, 2);
  EXPECT_TRUE(held.effect.applied());
  EXPECT_EQ(held.balance.available, C("3"));
  EXPECT_EQ(held.balance.reserved, C("6"));
  const LedgerOutcome done =
      Do("job/done", LedgerCapture{.reservation = "job", .amount = C("4")})
          .value();
  EXPECT_EQ(done.balance.available, C("5"));
  EXPECT_EQ(done.balance.posted, C("4"));
  EXPECT_EQ(done.effect.released, C("2"));
  const LedgerOutcome denied =
      Do("more", SpendCommand{.amount = C("5.5")}).value();
  EXPECT_EQ(denied.effect.refusal, Refusal::kInsufficientCredits);
  EXPECT_EQ(
      denied.effect.shortage,
      (Shortage{.need = C("5.5"), .available = C("5"), .missing = C("0.5")}));
  EXPECT_EQ(HeadSequence(), 4);
  ExpectVerified();
}

TEST_F(LedgerTest, GivesTheFirstOutcomeAgain) {
  Grant("welcome", "9");
  const LedgerOutcome first = Do("s", SpendCommand{.amount = C("4")}).value();
  const LedgerOutcome denied = Do("d", SpendCommand{.amount = C("6")}).value();
  EXPECT_FALSE(denied.effect.applied());
  Grant("more", "100");
  for (int round = 0; round < 2; ++round) {
    const LedgerOutcome again =
        Do("s", SpendCommand{.amount = C("4")}, At(absl::Hours(1))).value();
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.sequence, first.sequence);
    EXPECT_EQ(again.at, first.at);
    EXPECT_TRUE(SameEffect(again.effect, first.effect));
    EXPECT_EQ(again.balance.available, C("105"));  // as it is now
    // What was denied stays denied, though it would be covered now.
    const LedgerOutcome still = Do("d", SpendCommand{.amount = C("6")}).value();
    EXPECT_TRUE(still.replayed);
    EXPECT_TRUE(SameEffect(still.effect, denied.effect));
    Reopen();
  }
  EXPECT_EQ(HeadSequence(), 4);
}

TEST_F(LedgerTest, AnIdIsOfOneAccount) {
  Grant("welcome", "9");
  EXPECT_FALSE(Do("welcome", GrantCommand{.amount = C("1")}, kT, "other")
                   .value()
                   .replayed);
  EXPECT_EQ(ledger_->BalanceOf("other", kT).value().available, C("1"));
  EXPECT_EQ(Available(), C("9"));
}

TEST_F(LedgerTest, OtherContentNamesTheFieldAndBothValues) {
  Grant("big", "1000");
  const auto priced = [](int64_t quantity, absl::string_view credits,
                         absl::string_view version) {
    const Price::Terms terms{.credits = C(credits), .per = 1'000};
    return Pricing{.catalog_version = version,
                   .operation = "avatar_video",
                   .quantity = quantity,
                   .terms = terms};
  };
  const auto video = [&](int64_t quantity, absl::string_view credits,
                         absl::string_view version) {
    const Pricing pricing = priced(quantity, credits, version);
    const Credits cost =
        Price::Create(pricing.terms).value().CostOf(quantity).value();
    return LedgerCommand{.account = "acme",
                         .id = "priced",
                         .at = kT,
                         .request = SpendCommand{.amount = cost},
                         .pricing = pricing};
  };
  const LedgerReserve hold{
      .amount = C("6"), .operation = "avatar_video", .timeout = absl::Hours(1)};
  ASSERT_THAT(Do("hold", hold), IsOk());
  ASSERT_THAT(Do("cap",
                 LedgerCapture{
                     .reservation = "hold", .amount = C("1"), .final = false}),
              IsOk());
  ASSERT_THAT(Do("ref", LedgerRefund{.command = "cap", .amount = C("1")}),
              IsOk());
  ASSERT_THAT(ledger_->Apply(video(3'000, "1", "1")), IsOk());
  const uint64_t sequence = HeadSequence();

  LedgerReserve longer = hold;
  longer.timeout = absl::Hours(2);
  LedgerReserve dearer = hold;
  dearer.amount = C("6.5");
  LedgerReserve other = hold;
  other.operation = "photo_avatar";
  LedgerReserve best = hold;
  best.mode = DrawMode::kBestEffort;
  LedgerReserve top_up = hold;
  top_up.overrun = Overrun::kTopUp;
  const struct {
    const char* id;
    LedgerRequest request;
    const char* difference;
  } kCases[] = {
      {"hold", longer, "timeout: 2h, was 1h"},
      {"hold", dearer, "amount: 6.5, was 6"},
      {"hold", other, "operation: photo_avatar, was avatar_video"},
      {"hold", best, "mode: best-effort, was normal"},
      {"hold", top_up, "overrun: top-up, was reject"},
      {"hold", SpendCommand{.amount = C("6")}, "command: spend, was reserve"},
      {"hold", LedgerVoid{.reservation = "x"}, "command: void, was reserve"},
      {"cap", LedgerCapture{.reservation = "hold", .final = false},
       "amount: all, was 1"},
      {"cap", LedgerCapture{.reservation = "hold", .amount = C("1")},
       "final: yes, was no"},
      {"cap", LedgerCapture{.reservation = "h2", .amount = C("1")},
       "reservation: h2, was hold"},
      {"ref", LedgerRefund{.command = "hold", .amount = C("1")},
       "command: hold, was cap"},
      {"ref", LedgerRefund{.sequence = 3, .amount = C("1")},
       "command: , was cap"},
      {"big", GrantCommand{.amount = C("1"), .priority = 3},
       "amount: 1, was 1000"},
      {"big", GrantCommand{.amount = C("1000"), .priority = 3},
       "priority: 3, was 0"},
      {"big", GrantCommand{.amount = C("1000"), .operations = {"a", "b"}},
       "operations: a,b, was all"},
      {"big", GrantCommand{.amount = C("1000"), .expires_at = kT},
       "expires_at: 2027-01-15T08:00:00+00:00, was never"},
      {"big",
       GrantCommand{.amount = C("1000"), .kind = GrantKind::kPromotional},
       "kind: promotional, was paid"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.difference);
    EXPECT_THAT(Do(c.id, c.request),
                StatusIs(kExists, AllOf(HasSubstr(c.difference),
                                        HasSubstr(absl::StrCat("\"", c.id)))));
  }
  // Of what is priced the quantity counts, whatever the prices are by then.
  EXPECT_TRUE(ledger_->Apply(video(3'000, "2", "2"))->replayed);
  EXPECT_THAT(ledger_->Apply(video(4'000, "1", "1")),
              StatusIs(kExists, HasSubstr("pricing.quantity: 4000, was 3000")));
  EXPECT_THAT(Do("priced", SpendCommand{.amount = C("3")}),
              StatusIs(kExists, HasSubstr("pricing: no, was yes")));
  LedgerCommand moved = video(3'000, "1", "1");
  moved.event_at = At(-absl::Hours(1));
  EXPECT_THAT(
      ledger_->Apply(moved),
      StatusIs(kExists,
               HasSubstr("event_at: 2027-01-15T07:00:00+00:00, was none")));
  EXPECT_EQ(HeadSequence(), sequence);
}

TEST_F(LedgerTest, MalformedCommandsAreNotJournaled) {
  Grant("welcome", "9");
  const Pricing pricing{.operation = "video",
                        .quantity = 10,
                        .terms = {.credits = C("1"), .per = 1}};
  const struct {
    LedgerCommand command;
    const char* message;
  } kCases[] = {
      {{.account = "", .id = "x", .request = LedgerVoid{"a"}}, "account: "},
      {{.account = "a b", .id = "x", .request = LedgerVoid{"a"}}, "account: "},
      {{.account = "a", .id = "", .request = LedgerVoid{"a"}}, "id: "},
      {{.account = "a", .id = "\n", .request = LedgerVoid{"a"}}, "id: "},
      {{.account = "a", .id = "x", .request = LedgerVoid{""}}, "reservation: "},
      {{.account = "a", .id = "x", .request = LedgerCapture{""}},
       "reservation: "},
      {{.account = "a",
        .id = "x",
        .request = LedgerCapture{"r", Credits::FromTicks(-1)}},
       "amount: "},
      {{.account = "a", .id = "x", .request = GrantCommand{}}, "amount: "},
      {{.account = "a",
        .id = "x",
        .request =
            GrantCommand{
                .amount = C("1"), .effective_at = kT, .expires_at = kT}},
       "expires_at: "},
      {{.account = "a", .id = "x", .request = LedgerReserve{}}, "timeout: "},
      {{.account = "a",
        .id = "x",
        .request = LedgerReserve{.timeout = absl::Hours(24 * 35 + 1)}},
       "timeout: 841h is above the duplicate window of 840h"},
      {{.account = "a",
        .id = "x",
        .request = SpendCommand{.amount = Credits::FromTicks(-1)}},
       "amount: "},
      {{.account = "a",
        .id = "x",
        .request = GrantCommand{.amount = C("1"), .operations = {""}}},
       "grant: a field is outside the limits of an account"},
      {{.account = "a", .id = "x", .request = LedgerRefund{}}, "command: "},
      {{.account = "a",
        .id = "x",
        .request = LedgerRefund{.command = "a", .sequence = 1}},
       "command: "},
      {{.account = "acme",
        .id = "x",
        .request = LedgerRefund{.command = "welcome"}},
       "command: 1 is a grant"},
      {{.account = "a",
        .id = "x",
        .request = SpendCommand{.amount = C("9")},
        .pricing = pricing},
       "amount: 9 is not what the quantity costs, 10"},
      {{.account = "a",
        .id = "x",
        .request = LedgerVoid{"r"},
        .pricing = pricing},
       "pricing: "},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.message);
    LedgerCommand command = c.command;
    command.at = kT;
    EXPECT_THAT(ledger_->Apply(command),
                StatusIs(kInvalid, HasSubstr(c.message)));
  }
  EXPECT_EQ(HeadSequence(), 1);
  EXPECT_THAT(ledger_->AccountIds().value(), ElementsAre("acme"));
  // The id is free.
  EXPECT_FALSE(Do("x", SpendCommand{.amount = C("1")})->replayed);
}

TEST_F(LedgerTest, UnknownReservationsAreDeniedAndRemembered) {
  Grant("welcome", "9");
  EXPECT_EQ(RefusalOf("c", LedgerCapture{.reservation = "r"}),
            Refusal::kUnknownReservation);
  ASSERT_THAT(Do("r", Reserve("4")), IsOk());
  EXPECT_TRUE(Do("c", LedgerCapture{.reservation = "r"})->replayed);
  EXPECT_EQ(RefusalOf("c2", LedgerCapture{.reservation = "welcome"}),
            Refusal::kUnknownReservation);
  EXPECT_EQ(RefusalOf("v", LedgerVoid{.reservation = "r"}), Refusal::kNone);
  EXPECT_EQ(RefusalOf("v2", LedgerVoid{.reservation = "r"}),
            Refusal::kReservationVoided);
  EXPECT_EQ(Available(), C("9"));
}

TEST_F(LedgerTest, CapturesAllThatIsHeld) {
  Grant("welcome", "9");
  ASSERT_THAT(Do("r", Reserve("6")), IsOk());
  ASSERT_THAT(
      Do("c1",
         LedgerCapture{.reservation = "r", .amount = C("1"), .final = false}),
      IsOk());
  const LedgerOutcome rest =
      Do("c2", LedgerCapture{.reservation = "r"}).value();
  EXPECT_EQ(rest.balance.posted, C("6"));
  EXPECT_EQ(rest.balance.reserved, C("0"));
  ExpectVerified();
}

TEST_F(LedgerTest, ReservationsEndAtTheirTimeout) {
  Grant("welcome", "9");
  ASSERT_THAT(Do("r", Reserve("6")), IsOk());
  EXPECT_EQ(Available(At(absl::Hours(1) - absl::Nanoseconds(1))), C("3"));
  EXPECT_EQ(Available(At(absl::Hours(1))), C("9"));
  // A look into the future changes nothing.
  EXPECT_EQ(Available(), C("3"));
  const LedgerOutcome late =
      Do("c", LedgerCapture{.reservation = "r"}, At(absl::Hours(1))).value();
  EXPECT_EQ(late.effect.refusal, Refusal::kReservationExpired);
  EXPECT_EQ(late.effect.released, C("6"));
}

TEST_F(LedgerTest, RefundsByIdAndBySequence) {
  Grant("welcome", "9");
  const uint64_t spend = Do("s", SpendCommand{.amount = C("6")})->sequence;
  EXPECT_EQ(Do("r1", LedgerRefund{.command = "s", .amount = C("1")})
                ->balance.available,
            C("4"));
  EXPECT_EQ(Do("r2", LedgerRefund{.sequence = spend, .amount = C("2")})
                ->balance.available,
            C("6"));
  const LedgerOutcome rest = Do("r3", LedgerRefund{.command = "s"}).value();
  EXPECT_EQ(rest.balance.available, C("9"));
  EXPECT_EQ(rest.balance.posted, C("0"));
  const LedgerOutcome more = Do("r4", LedgerRefund{.command = "s"}).value();
  EXPECT_EQ(more.effect.refusal, Refusal::kAboveSpend);
  EXPECT_EQ(more.effect.shortage.available, C("0"));
  EXPECT_THAT(Do("r5", LedgerRefund{.command = "x"}),
              StatusIs(kNotFound, HasSubstr("\"x\"")));
  const uint64_t denied = Do("d", SpendCommand{.amount = C("99")})->sequence;
  EXPECT_THAT(Do("r5", LedgerRefund{.sequence = denied}),
              StatusIs(kInvalid, HasSubstr("denied (insufficient_credits)")));
  EXPECT_THAT(Do("r5", LedgerRefund{.sequence = 99}),
              StatusIs(kNotFound, HasSubstr("99")));
  EXPECT_THAT(Do("r5", LedgerRefund{.sequence = spend}, kT, "other"),
              StatusIs(kNotFound, HasSubstr("\"other\"")));
  ExpectVerified();
  Reopen();
  EXPECT_TRUE(Do("r3", LedgerRefund{.command = "s"})->replayed);
}

TEST_F(LedgerTest, CheckingTakesNothingAndUsesNoId) {
  Grant("welcome", "9");
  const SpendCommand check{.amount = C("4"), .mode = DrawMode::kCheckOnly};
  const LedgerOutcome fine = Do("", check).value();
  EXPECT_TRUE(fine.effect.applied());
  EXPECT_EQ(fine.sequence, 0);
  EXPECT_EQ(fine.balance.available, C("9"));
  EXPECT_THAT(fine.effect.posted, Not(IsEmpty()));
  LedgerReserve hold = Reserve("10");
  hold.mode = DrawMode::kCheckOnly;
  EXPECT_EQ(RefusalOf("id", hold), Refusal::kInsufficientCredits);
  EXPECT_EQ(HeadSequence(), 1);
  EXPECT_FALSE(Do("id", SpendCommand{.amount = C("1")})->replayed);
  // Nor does it make an account.
  EXPECT_FALSE(Do("", check, kT, "unknown")->effect.applied());
  EXPECT_THAT(ledger_->AccountIds().value(), ElementsAre("acme"));
}

TEST_F(LedgerTest, BestEffortTakesWhatThereIs) {
  Grant("welcome", "9");
  const SpendCommand all{.amount = C("20"), .mode = DrawMode::kBestEffort};
  const LedgerOutcome taken = Do("s", all).value();
  EXPECT_TRUE(taken.effect.applied());
  EXPECT_EQ(taken.balance.posted, C("9"));
  EXPECT_EQ(RefusalOf("s2", all), Refusal::kInsufficientCredits);
}

TEST_F(LedgerTest, TimeNeverGoesBack) {
  Grant("welcome", "9");
  ASSERT_THAT(Do("a", Reserve("1"), At(absl::Hours(2))), IsOk());
  const LedgerOutcome back = Do("b", Reserve("1"), kT).value();
  EXPECT_EQ(back.at, At(absl::Hours(2)));
  EXPECT_EQ(ledger_->Now(), At(absl::Hours(2)));
  EXPECT_EQ(Available(At(absl::Hours(3) - absl::Nanoseconds(1))), C("7"));
}

TEST_F(LedgerTest, ARetryMovesTheTimeToo) {
  Grant("welcome", "9");
  const GrantCommand welcome = {.amount = C("9")};
  EXPECT_TRUE(Do("welcome", welcome, At(absl::Hours(1)))->replayed);
  EXPECT_EQ(ledger_->Now(), At(absl::Hours(1)));
}

TEST_F(LedgerTest, OldEventsAreRefusedAndTheirIdsAreFree) {
  options_ = {.acceptance_window = absl::Hours(2),
              .duplicate_window = absl::Hours(3)};
  Reopen();
  Grant("welcome", "9");
  const auto spend = [&](absl::string_view id, UnixNanos at,
                         std::optional<UnixNanos> event_at) {
    return ledger_->Apply({.account = "acme",
                           .id = id,
                           .at = at,
                           .event_at = event_at,
                           .request = SpendCommand{.amount = C("1")}});
  };
  const UnixNanos later = At(absl::Hours(2));
  EXPECT_THAT(spend("a", later, kT), IsOk());
  EXPECT_THAT(spend("b", later, At(-absl::Nanoseconds(1))),
              StatusIs(kRange, AllOf(HasSubstr("event_at: "),
                                     HasSubstr("acceptance window of 2h"))));
  EXPECT_THAT(spend("b", At(-absl::Nanoseconds(1)), std::nullopt),
              StatusIs(kRange, HasSubstr("at: ")));
  // A little ahead is now.
  const absl::Duration most = absl::Hours(2) + kClockTolerance;
  EXPECT_THAT(spend("b", later, At(most + absl::Nanoseconds(1))),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("event_at: "), HasSubstr("ahead"))));
  EXPECT_THAT(spend("b", later, At(most)), IsOk());
  // Idempotency comes first: too old by now, but known.
  const UnixNanos much_later = At(absl::Hours(5));
  EXPECT_TRUE(spend("a", much_later, kT)->replayed);
  EXPECT_EQ(Available(), C("7"));
}

// It came five minutes early: when its id is forgotten, it is not old by its
// own time.
TEST_F(LedgerTest, AnEventThatCameAheadIsNotAppliedAgain) {
  options_ = {.acceptance_window = absl::Hours(1),
              .duplicate_window = absl::Hours(1)};
  Reopen();
  Grant("welcome", "9");
  const auto spend = [&](UnixNanos at) {
    return ledger_->Apply({.account = "acme",
                           .id = "record",
                           .at = at,
                           .event_at = At(kClockTolerance),
                           .request = SpendCommand{.amount = C("1")}});
  };
  EXPECT_THAT(spend(kT), IsOk());
  for (const absl::Duration later :
       {absl::Hours(1), absl::Hours(1) + absl::Nanoseconds(1),
        absl::Hours(1) + kClockTolerance}) {
    const auto again = spend(At(later));
    EXPECT_TRUE(again.ok() ? again->replayed
                           : absl::IsOutOfRange(again.status()));
  }
  EXPECT_EQ(Available(), C("8"));
}

TEST_F(LedgerTest, IdsAreRememberedForTheWindowToTheNanosecond) {
  options_ = {.acceptance_window = absl::Hours(1),
              .duplicate_window = absl::Hours(2)};
  Reopen();
  Grant("welcome", "9");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(ledger_->FindCommand("acme", "welcome").value(), 1);
    Reopen();
  }
  EXPECT_TRUE(Do("welcome", GrantCommand{.amount = C("9")}, At(absl::Hours(2)))
                  ->replayed);
  const LedgerOutcome again = Do("welcome", GrantCommand{.amount = C("9")},
                                 At(absl::Hours(2) + absl::Nanoseconds(1)))
                                  .value();
  EXPECT_FALSE(again.replayed);
  // The account knows its grants for ever.
  EXPECT_EQ(again.effect.refusal, Refusal::kGrantExists);
  ExpectVerified();
}

TEST(LedgerOptionsTest, TheDuplicateWindowIsNotBelowTheAcceptanceWindow) {
  EXPECT_THAT(Ledger::Open(std::make_unique<MemoryStore>(),
                           {.acceptance_window = absl::Hours(3),
                            .duplicate_window = absl::Hours(2)}),
              StatusIs(kInvalid, HasSubstr("duplicate_window: 2h is below the "
                                           "acceptance window of 3h")));
  EXPECT_THAT(Ledger::Open(std::make_unique<MemoryStore>(),
                           {.acceptance_window = -absl::Hours(1)}),
              StatusIs(kInvalid, HasSubstr("acceptance_window")));
  EXPECT_THAT(Ledger::Open(std::make_unique<MemoryStore>(),
                           {.duplicate_window = absl::InfiniteDuration()}),
              StatusIs(kInvalid, HasSubstr("duplicate_window")));
}

TEST_F(LedgerTest, ABatchIsInOrderAndItsCommandsAreIndependent) {
  const LedgerCommand commands[] = {
      {.account = "a",
       .id = "g",
       .at = kT,
       .request = GrantCommand{.amount = C("9")}},
      {.account = "a", .id = "r", .at = kT, .request = Reserve("6")},
      {.account = "a", .id = "", .at = kT, .request = Reserve("6")},
      {.account = "a", .id = "r", .at = kT, .request = Reserve("6")},
      {.account = "a",
       .id = "c",
       .at = kT,
       .request = LedgerCapture{.reservation = "r", .amount = C("5")}},
      {.account = "a",
       .id = "f",
       .at = kT,
       .request = LedgerRefund{.command = "c"}},
      {.account = "a",
       .id = "s",
       .at = kT,
       .request = SpendCommand{.amount = C("99")}},
  };
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  for (const bool replayed : {false, true}) {
    ledger_->ApplyBatch(commands, outcomes);
    ASSERT_EQ(outcomes.size(), 7);
    const uint64_t sequences[] = {1, 2, 0, 2, 3, 4, 5};
    for (size_t i = 0; i < outcomes.size(); ++i) {
      SCOPED_TRACE(i);
      if (i == 2) {
        EXPECT_THAT(outcomes[i], StatusIs(kInvalid, HasSubstr("id: ")));
        continue;
      }
      ASSERT_THAT(outcomes[i], IsOk());
      EXPECT_EQ(outcomes[i]->sequence, sequences[i]);
      EXPECT_EQ(outcomes[i]->replayed, replayed || i == 3);
      EXPECT_EQ(outcomes[i]->effect.applied(), i != 6);
    }
  }
  ledger_->ApplyBatch({}, outcomes);
  EXPECT_THAT(outcomes, IsEmpty());
  ExpectVerified();
}

// The same, whatever part of it comes from a snapshot.
TEST_F(LedgerTest, OpensAsItWasClosed) {
  for (int i = 0; i < 40; ++i) {
    const std::string account = absl::StrCat("account-", i % 7);
    ASSERT_THAT(Do(absl::StrCat("g", i), GrantCommand{.amount = C("3")},
                   At(absl::Minutes(i)), account),
                IsOk());
    ASSERT_THAT(
        Do(absl::StrCat("r", i), Reserve("2"), At(absl::Minutes(i)), account),
        IsOk());
    if (i % 10 == 9) {
      ASSERT_THAT(ledger_->Snapshot(), IsOk());
    }
    if (i % 4 == 3) Reopen();
    if (i == 25) {
      ASSERT_THAT(content_->store.DropSnapshots(), IsOk());
    }
    EXPECT_TRUE(Do("g0", GrantCommand{.amount = C("3")}, At(absl::Minutes(i)),
                   "account-0")
                    ->replayed);
    ExpectVerified();
  }
  EXPECT_EQ(HeadSequence(), 80);
}

// Replaying fewer entries than these takes a few milliseconds.
TEST_F(LedgerTest, CloseWritesASnapshotIfOpeningWouldTakeLong) {
  constexpr uint64_t kEntries = 2048;
  int snapshots = 0;
  content_->fails_snapshot = [&] { return ++snapshots == 0; };
  const auto grow_to = [&](uint64_t entries) {
    while (HeadSequence() < entries) {
      const std::string id = absl::StrCat("g", HeadSequence());
      ASSERT_THAT(Do(id, SpendCommand{}), IsOk());
    }
  };
  grow_to(kEntries - 1);
  Reopen();
  EXPECT_EQ(snapshots, 0);
  grow_to(kEntries);
  EXPECT_THAT(ledger_->Close(), IsOk());
  EXPECT_EQ(snapshots, 1);
  EXPECT_THAT(ledger_->Close(), IsOk());
  Reopen();  // destroys, which closes
  EXPECT_EQ(snapshots, 1);
  grow_to(2 * kEntries - 1);
  Reopen();
  EXPECT_EQ(snapshots, 1);
  grow_to(2 * kEntries);
  Reopen();
  EXPECT_EQ(snapshots, 2);
  ExpectVerified();
}

TEST_F(LedgerTest, ASnapshotWritesTheRowsThatChanged) {
  const GrantCommand grant = {.amount = C("9")};
  for (const char* account : {"acme", "b", "c"}) {
    ASSERT_THAT(Do("welcome", grant, kT, account), IsOk());
  }
  EXPECT_THAT(ledger_->Snapshot(), IsOk());
  EXPECT_EQ(content_->snapshot_rows, 5);  // accounts, ids, meta
  EXPECT_THAT(ledger_->Snapshot(), IsOk());
  EXPECT_EQ(content_->snapshot_rows, 5);
  ASSERT_THAT(Do("s", SpendCommand{}), IsOk());
  EXPECT_THAT(ledger_->Snapshot(), IsOk());
  EXPECT_EQ(content_->snapshot_rows, 5 + 3);  // "acme", ids, meta
  ExpectVerified();
}

TEST_F(LedgerTest, ASnapshotDropsTheIdsThatAreForgotten) {
  const auto id_rows = [&] {
    int rows = 0;
    EXPECT_THAT(content_->store.ReadSnapshots([&](absl::string_view key, auto) {
      if (key.front() == 'i') ++rows;
      return absl::OkStatus();
    }),
                IsOk());
    return rows;
  };
  std::vector<std::string> ids;
  for (int i = 0; i < 5'000; ++i) ids.push_back(absl::StrCat("s", i));
  std::vector<LedgerCommand> commands;
  for (const std::string& id : ids) {
    commands.push_back(
        {.account = "acme", .id = id, .at = kT, .request = SpendCommand{}});
  }
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  ledger_->ApplyBatch(commands, outcomes);
  EXPECT_THAT(ledger_->Snapshot(), IsOk());
  EXPECT_EQ(id_rows(), 2);  // of 4,096 ids and of the rest
  ASSERT_THAT(Do("late", SpendCommand{}, At(absl::Hours(24 * 36))), IsOk());
  EXPECT_THAT(ledger_->Snapshot(), IsOk());
  EXPECT_EQ(id_rows(), 1);
  Reopen();
  ExpectVerified();
}

TEST_F(LedgerTest, ASnapshotWithAnOlderRowIsNotUsed) {
  const auto account_row = [&] {
    std::string row;
    EXPECT_THAT(content_->store.ReadSnapshots(
                    [&](absl::string_view key, absl::string_view value) {
                      if (key == "aacme") row = std::string(value);
                      return absl::OkStatus();
                    }),
                IsOk());
    return row;
  };
  Grant("welcome", "9");
  EXPECT_THAT(ledger_->Snapshot(), IsOk());
  const std::string older = account_row();
  Do("s", SpendCommand{.amount = C("4")}).value();
  EXPECT_THAT(ledger_->Snapshot(), IsOk());
  EXPECT_NE(account_row(), older);
  ASSERT_THAT(
      content_->store.WriteSnapshots({{.key = "aacme", .value = older}}),
      IsOk());
  Reopen();
  EXPECT_EQ(Available(), C("5"));
  ExpectVerified();
}

// Whatever else of it is right.
TEST(SnapshotMeta, OfAnotherVersionIsNotRead) {
  const std::string bytes = internal::EncodeMeta({.rows = 7});
  internal::SnapshotMeta meta;
  ASSERT_TRUE(internal::DecodeMeta(bytes, meta));
  const auto present = static_cast<uint8_t>(bytes[0]);
  for (int version = 0; version < 256; ++version) {
    std::string other = bytes.substr(0, bytes.size() - 32);
    other[0] = static_cast<char>(version);
    internal::Sha256 sha256;
    absl::StrAppend(
        &other, internal::BytesOf(sha256(
                    {absl::string_view(other).substr(0, other.size() - 1)})));
    EXPECT_EQ(internal::DecodeMeta(other, meta), version == present) << version;
  }
}

TEST_F(LedgerTest, ASnapshotWithAnotherFormOfAnAccountIdIsNotUsed) {
  Grant("welcome", "9");
  const std::string longest(128, 'x');
  const struct {
    std::string id;
    bool is_used;
  } kCases[] = {{"b", true},   {longest, true},        {"a b", false},
                {"", false},   {longest + 'x', false}, {"\x7f", false},
                {"\n", false}, {"\xc3\xa4", false}};
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.id);
    ASSERT_THAT(content_->store.DropSnapshots(), IsOk());
    Reopen();
    ASSERT_THAT(ledger_->Snapshot(), IsOk());
    Forge(c.id, ledger_->AccountAt("acme", kT).value());
    Reopen();
    EXPECT_EQ(ledger_->AccountIds()->size(), c.is_used ? 2 : 1);
    EXPECT_EQ(Available(), C("9"));
  }
  ExpectVerified();
}

TEST_F(LedgerTest, AnAccountInMemoryIsVerifiedByItsJournal) {
  Grant("welcome", "9");
  ASSERT_THAT(ledger_->Snapshot(), IsOk());
  const Account before = ledger_->AccountAt("acme", kT).value();
  Do("s", SpendCommand{.amount = C("4")}).value();
  ASSERT_THAT(ledger_->Snapshot(), IsOk());
  Forge("acme", before);
  Reopen();
  ASSERT_EQ(Available(), C("9"));
  // Without its rows, only the account in memory is left to compare.
  ASSERT_THAT(content_->store.DropSnapshots(), IsOk());
  EXPECT_THAT(ledger_->Verify([](uint64_t) {}),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("\"acme\" differs from its journal")));
  Reopen();
  ExpectVerified();
}

TEST_F(LedgerTest, ABatchIsOneCommit) {
  int appends = 0;
  content_->fails_before = [&] { return ++appends == 0; };
  std::vector<LedgerCommand> commands;
  std::vector<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(absl::StrCat("s", i));
  for (const std::string& id : ids) {
    commands.push_back(
        {.account = "acme", .id = id, .at = kT, .request = SpendCommand{}});
  }
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  ledger_->ApplyBatch(commands, outcomes);
  EXPECT_EQ(HeadSequence(), 100);
  EXPECT_EQ(appends, 1);
  // All of them are replayed: there is nothing to commit.
  ledger_->ApplyBatch(commands, outcomes);
  EXPECT_EQ(appends, 1);
}

// A time that is in no entry, but was looked at, is kept by a snapshot.
TEST_F(LedgerTest, SnapshotsKeepTimesThatWereOnlyLookedAt) {
  Grant("welcome", "9");
  ASSERT_THAT(Do("r", Reserve("4")), IsOk());
  const UnixNanos later = At(absl::Hours(2));
  ASSERT_THAT(Do("", SpendCommand{.mode = DrawMode::kCheckOnly}, later),
              IsOk());
  ASSERT_THAT(ledger_->Snapshot(), IsOk());
  ExpectVerified();
  Reopen();
  EXPECT_EQ(ledger_->Now(), later);
  const LedgerOutcome late =
      Do("c", LedgerCapture{.reservation = "r"}, kT).value();
  EXPECT_EQ(late.effect.refusal, Refusal::kReservationExpired);
  EXPECT_EQ(late.at, later);
  ExpectVerified();
  ASSERT_THAT(content_->store.DropSnapshots(), IsOk());
  Reopen();
  ExpectVerified();
}

TEST_F(LedgerTest, TellsThePastByItsEntries) {
  Grant("welcome", "9");
  Do("x", GrantCommand{.amount = C("1")}, kT, "other").value();
  Do("r", Reserve("6"), At(absl::Minutes(1))).value();
  Do("c", LedgerCapture{.reservation = "r", .amount = C("4")},
     At(absl::Minutes(2)))
      .value();
  const struct {
    uint64_t sequence;
    const char* available;
    const char* reserved;
    const char* posted;
  } kCases[] = {
      {1, "9", "0", "0"}, {2, "9", "0", "0"}, {3, "3", "6", "0"},
      {4, "5", "0", "4"}, {9, "5", "0", "4"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.sequence);
    const Balance balance =
        ledger_->AccountAtSequence("acme", c.sequence).value().balance();
    EXPECT_EQ(balance.available, C(c.available));
    EXPECT_EQ(balance.reserved, C(c.reserved));
    EXPECT_EQ(balance.posted, C(c.posted));
  }
  EXPECT_THAT(ledger_->AccountAtSequence("other", 1),
              StatusIs(kNotFound, HasSubstr("\"other\"")));
  EXPECT_THAT(ledger_->BalanceOf("nobody", kT),
              StatusIs(kNotFound, HasSubstr("\"nobody\"")));

  std::vector<std::string> ids;
  ASSERT_THAT(
      ledger_->History("acme",
                       [&](const JournalEntry& entry, absl::string_view) {
                         ids.emplace_back(entry.command.id);
                         return absl::OkStatus();
                       }),
      IsOk());
  EXPECT_THAT(ids, ElementsAre("welcome", "r", "c"));
  ids.clear();
  ASSERT_THAT(
      ledger_->ForEachEntry(2, 3,
                            [&](const JournalEntry& entry, absl::string_view) {
                              ids.emplace_back(entry.command.id);
                              return absl::OkStatus();
                            }),
      IsOk());
  EXPECT_THAT(ids, ElementsAre("x", "r"));
  EXPECT_THAT(ledger_->ReadEntry(5), StatusIs(kNotFound, HasSubstr("5")));
}

TEST_F(LedgerTest, FindsCommandsByIdInEveryAccount) {
  options_ = {.acceptance_window = absl::Hours(1),
              .duplicate_window = absl::Hours(2)};
  Reopen();
  Do("x", GrantCommand{.amount = C("1")}, kT, "b").value();
  Do("x", GrantCommand{.amount = C("1")}, kT, "a").value();
  const auto places = [&](absl::string_view id) {
    std::vector<std::string> texts;
    const auto found = ledger_->FindCommand(id);
    EXPECT_THAT(found, IsOk());
    for (const Ledger::CommandPlace& place : *found) {
      texts.push_back(absl::StrCat(place.account, ":", place.sequence));
    }
    return texts;
  };
  EXPECT_THAT(places("x"), ElementsAre("a:2", "b:1"));
  EXPECT_THAT(places("y"), IsEmpty());
  // Forgotten, and found in the journal.
  Do("z", GrantCommand{.amount = C("1")}, At(absl::Hours(9)), "a").value();
  EXPECT_EQ(ledger_->FindCommand("a", "x").value(), 0);
  EXPECT_THAT(places("x"), ElementsAre("b:1", "a:2"));
}

TEST_F(LedgerTest, ExplainsPriceRoundingAndAllocation) {
  Do("g1", GrantCommand{.amount = C("1"), .priority = -1}).value();
  Do("g2", GrantCommand{.amount = C("9")}).value();
  // A third of a tick more than 1,333,333 ticks a piece, in packs of 2.
  const Price::Terms terms{
      .credits = C("2"), .per = 9, .increment = 2, .minimum = 4};
  const Price price = Price::Create(terms).value();
  const Credits cost = price.CostOfSlice(5, 9).value();
  const LedgerOutcome outcome =
      ledger_
          ->Apply({.account = "acme",
                   .id = "s",
                   .at = kT,
                   .event_at = At(-absl::Hours(1)),
                   .request = SpendCommand{.amount = cost},
                   .pricing = Pricing{.catalog_version = "2027-1",
                                      .operation = "voice_clone",
                                      .quantity = 9,
                                      .quantity_before = 5,
                                      .terms = terms,
                                      .effective_at = At(-absl::Hours(9)),
                                      .job = "j"}})
          .value();
  ASSERT_TRUE(outcome.effect.applied());
  const Explanation explained = ledger_->Explain(outcome.sequence).value();
  EXPECT_EQ(explained.billed_quantity, 10);
  // 10/9 of 12,000,000 less 6/9 of it, in ninths of a tick.
  EXPECT_EQ(cost.ticks() * 9 + explained.rounding_rest,
            (int64_t{10} - 6) * 12'000'000);
  EXPECT_EQ(explained.entry->command.pricing->catalog_version, "2027-1");
  EXPECT_EQ(explained.entry->command.pricing->effective_at,
            At(-absl::Hours(9)));
  EXPECT_EQ(explained.entry->command.event_at, At(-absl::Hours(1)));
  ASSERT_EQ(explained.parts.size(), 1);
  EXPECT_EQ(explained.parts[0].grant_id, "g1");
  const Explanation spread =
      ledger_
          ->Explain(Do("s2", SpendCommand{.amount = C("5")}).value().sequence)
          .value();
  EXPECT_THAT(spread.parts,
              ElementsAre(Field(&Explanation::Part::grant_id, "g1"),
                          Field(&Explanation::Part::grant_id, "g2")));
  EXPECT_EQ(spread.billed_quantity, std::nullopt);
}

TEST_F(LedgerTest, AllowancesAreGrantedByTheLedgersTime) {
  const Allowance monthly =
      Allowance::Create({.source = "sub",
                         .item = "credits",
                         .amount = C("10"),
                         .cycle = Cycle::kDay,
                         .anchor = absl::CivilDay(2027, 1, 15)})
          .value();
  EXPECT_EQ(Do("series", AllowanceCommand{monthly})->balance.available,
            C("10"));
  EXPECT_TRUE(Do("series", AllowanceCommand{monthly})->replayed);
  EXPECT_EQ(Available(At(absl::Hours(24))), C("10"));
  ASSERT_THAT(Do("s", SpendCommand{.amount = C("4")}, At(absl::Hours(24))),
              IsOk());
  ASSERT_THAT(Do("end", EndAllowanceCommand{.source = "sub", .item = "credits"},
                 At(absl::Hours(25))),
              IsOk());
  EXPECT_EQ(RefusalOf("end2",
                      EndAllowanceCommand{.source = "sub", .item = "credits"}),
            Refusal::kUnknownAllowance);
  ExpectVerified();
  Reopen();
  ExpectVerified();
  EXPECT_EQ(Available(At(absl::Hours(72))), C("0"));
}

// Whether or not it was written: it is not known, and asking again is safe.
TEST_F(LedgerTest, ACommitThatFailsIsReadAgainFromTheStore) {
  Grant("welcome", "9");
  ASSERT_THAT(ledger_->Snapshot(), IsOk());
  for (std::function<bool()>* fails :
       {&content_->fails_before, &content_->fails_after}) {
    const bool is_written = fails == &content_->fails_after;
    const std::string id = absl::StrCat("s", is_written);
    const Credits before = Available();
    *fails = [] { return true; };
    EXPECT_THAT(Do(id, SpendCommand{.amount = C("1")}),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("shared")));
    *fails = nullptr;
    EXPECT_EQ(Available() == before, !is_written);
    const LedgerOutcome again = Do(id, SpendCommand{.amount = C("1")}).value();
    EXPECT_EQ(again.replayed, is_written);
    EXPECT_LT(Available(), before);
    ExpectVerified();
  }
  EXPECT_EQ(Available(), C("7"));
}

// Of two ledgers on one store, the second gets an error and begins with what is
// there.
TEST_F(LedgerTest, ASnapshotThatFailsIsWrittenWholeTheNextTime) {
  Grant("welcome", "9");
  ASSERT_THAT(ledger_->Snapshot(), IsOk());
  ASSERT_THAT(Do("elsewhere", GrantCommand{.amount = C("1")}, kT, "other"),
              IsOk());
  ASSERT_THAT(Do("spend", SpendCommand{.amount = C("4")}), IsOk());
  content_->fails_snapshot = [] { return true; };
  EXPECT_THAT(ledger_->Snapshot(), StatusIs(kUnavailable, HasSubstr("failed")));
  content_->fails_snapshot = nullptr;
  // What the last snapshot has is still whole, and so is the next one.
  ExpectVerified();
  ASSERT_THAT(ledger_->Snapshot(), IsOk());
  const absl::StatusOr<VerifyReport> report = ledger_->Verify([](uint64_t) {});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->snapshots, 2);
  Reopen();
  EXPECT_TRUE(Do("spend", SpendCommand{.amount = C("4")}).value().replayed);
  EXPECT_EQ(Available(), C("5"));
}

TEST_F(LedgerTest, ALongerWindowMakesNoIdNew) {
  options_ = {.acceptance_window = absl::Hours(1),
              .duplicate_window = absl::Hours(1)};
  for (bool with_snapshot : {false, true}) {
    Reopen();
    Grant("welcome", "9");
    const LedgerCommand spend = {.account = "acme",
                                 .id = "spend",
                                 .at = At(absl::Hours(2)),
                                 .event_at = kT,
                                 .request = SpendCommand{.amount = C("4")}};
    LedgerCommand first = spend;
    first.at = kT;
    ASSERT_THAT(ledger_->Apply(first), IsOk());
    ASSERT_THAT(Do("later", SpendCommand{}, At(absl::Hours(2))), IsOk());
    if (with_snapshot) {
      ASSERT_THAT(ledger_->Snapshot(), IsOk());
    }
    options_ = {};
    Reopen();
    const absl::StatusOr<LedgerOutcome> again = ledger_->Apply(spend);
    ASSERT_THAT(again, IsOk());
    EXPECT_TRUE(again->replayed) << with_snapshot;
    ExpectVerified();
    options_ = {.acceptance_window = absl::Hours(1),
                .duplicate_window = absl::Hours(1)};
    ledger_.reset();
    *content_ = {};
  }
}

TEST_F(LedgerTest, ALongerWindowInWhichAnIdWasUsedTwiceIsRefused) {
  const LedgerOptions shorter = {.acceptance_window = absl::Hours(1),
                                 .duplicate_window = absl::Hours(1)};
  options_ = shorter;
  Reopen();
  Grant("welcome", "9");
  ASSERT_THAT(Do("spend", SpendCommand{.amount = C("4")}), IsOk());
  ASSERT_THAT(Do("spend", SpendCommand{.amount = C("3")}, At(absl::Hours(2))),
              IsOk());
  for (bool with_snapshot : {false, true}) {
    if (with_snapshot) {
      ASSERT_THAT(ledger_->Snapshot(), IsOk());
    }
    EXPECT_THAT(
        Ledger::Open(std::make_unique<SharedStore>(content_), {}),
        StatusIs(absl::StatusCode::kDataLoss,
                 HasSubstr("entry 3: repeats the command of entry 2, within "
                           "the duplicate window of 840h")));
    Reopen();
    EXPECT_EQ(Available(), C("2"));
    ExpectVerified();
  }
}

// More entries than are verified at once.
TEST_F(LedgerTest, IsUsedWhileItIsVerified) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5'000; ++i) ids.push_back(absl::StrCat("s", i));
  std::vector<LedgerCommand> commands;
  for (const std::string& id : ids) {
    commands.push_back(
        {.account = "acme", .id = id, .at = kT, .request = SpendCommand{}});
  }
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  ledger_->ApplyBatch(commands, outcomes);
  int heard = 0;
  const absl::StatusOr<VerifyReport> report = ledger_->Verify([&](uint64_t) {
    ++heard;
    EXPECT_THAT(ledger_->Snapshot(), IsOk());
  });
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(heard, 2);
  EXPECT_EQ(report->snapshots, 1);
}

TEST_F(LedgerTest, TimeDoesNotGoBackWhenTheStoreIsReadAgain) {
  Grant("welcome", "9");
  ASSERT_THAT(
      Do("", SpendCommand{.mode = DrawMode::kCheckOnly}, At(absl::Hours(2))),
      IsOk());
  EXPECT_EQ(ledger_->Now(), At(absl::Hours(2)));
  content_->fails_before = [] { return true; };
  EXPECT_THAT(Do("spend", SpendCommand{.amount = C("4")}),
              StatusIs(kUnavailable, HasSubstr("failed")));
  content_->fails_before = nullptr;
  EXPECT_EQ(ledger_->Now(), At(absl::Hours(2)));
  EXPECT_EQ(Do("spend", SpendCommand{.amount = C("4")}).value().at,
            At(absl::Hours(2)));
  ExpectVerified();
}

TEST_F(LedgerTest, AnotherWriterIsNoticed) {
  Grant("welcome", "9");
  const std::unique_ptr<Ledger> other =
      Ledger::Open(std::make_unique<SharedStore>(content_), {}).value();
  Do("s", SpendCommand{.amount = C("4")}).value();
  const LedgerCommand more{.account = "acme",
                           .id = "t",
                           .at = kT,
                           .request = SpendCommand{.amount = C("6")}};
  EXPECT_THAT(other->Apply(more),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("not 1")));
  EXPECT_EQ(other->Apply(more)->effect.refusal, Refusal::kInsufficientCredits);
  EXPECT_EQ(HeadSequence(), 2);
}

// A chain that is whole, of entries that were never made.
TEST_F(LedgerTest, AForgedEntryIsFoundThoughItIsChained) {
  Grant("welcome", "9");
  Do("r", Reserve("6"), At(absl::Hours(1))).value();
  Do("c", LedgerCapture{.reservation = "r", .amount = C("4")},
     At(absl::Hours(1)))
      .value();
  Do("f", LedgerRefund{.command = "c"}, At(absl::Hours(1))).value();
  const struct {
    uint64_t sequence;
    std::function<void(JournalEntry&)> forge;
    const char* message;
  } kCases[] = {
      {4, [](JournalEntry&) {}, nullptr},
      {2, [](JournalEntry& e) { e.effect.held[0].amount = C("5"); },
       "entry 2: has another effect when it is replayed"},
      {3, [](JournalEntry& e) { e.resolution.amount = C("5"); },
       "entry 3: has another effect when it is replayed"},
      {3, [](JournalEntry& e) { e.resolution.target = 1; },
       "entry 3: has another effect when it is replayed"},
      {3, [](JournalEntry& e) { e.place.at = kT; },
       "entry 3: has an earlier time than the entry before"},
      {3, [](JournalEntry& e) { e.place.previous = 1; },
       "entry 3: does not follow the last entry of its account"},
      {3, [](JournalEntry& e) { e.place.sequence = 4; },
       "entry 3: has another sequence"},
      {3, [](JournalEntry& e) { e.command.id = "r"; },
       "entry 3: repeats the command of entry 2"},
      {2, [](JournalEntry& e) { e.command.account = "a b"; },
       "entry 2: account_id: \"a b\" is not 1 to 128 bytes"},
      {4, [](JournalEntry& e) { e.resolution.posted[0].amount = C("6"); },
       "entry 4: refunds credits that were not posted"},
      {4, [](JournalEntry& e) { e.resolution.posted_at = kT; },
       "entry 4: refunds credits that were not posted"},
      {4, [](JournalEntry& e) { e.resolution.target = 9; },
       "entry 4: refunds credits that were not posted"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.message == nullptr ? "as it was" : c.message);
    const auto forged = std::make_shared<SharedStore::Content>();
    ASSERT_THAT(ledger_->ForEachEntry(
                    1, 4,
                    [&](const JournalEntry& was, absl::string_view) {
                      JournalEntry entry = was;
                      if (entry.place.sequence == c.sequence) c.forge(entry);
                      std::string bytes;
                      EncodeEntry(entry.place, entry.command, entry.resolution,
                                  entry.effect, bytes);
                      const JournalHead head = forged->store.ReadHead().value();
                      return forged->store.Append(
                          head, {{.sequence = head.sequence + 1,
                                  .bytes = bytes,
                                  .hash = ChainHash(head.hash, bytes)}});
                    }),
                IsOk());
    const auto opened =
        Ledger::Open(std::make_unique<SharedStore>(forged), options_);
    if (c.message == nullptr) {
      EXPECT_THAT(opened, IsOk());
    } else {
      EXPECT_THAT(opened,
                  StatusIs(absl::StatusCode::kDataLoss, HasSubstr(c.message)));
    }
  }
}

}  // namespace
}  // namespace konpro
