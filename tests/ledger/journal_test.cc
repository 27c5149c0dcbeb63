// Entries as bytes: every kind, there and back; nothing else is taken.
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/ledger/internal/account_tables.h"
#include "konpro/ledger/internal/apply_command.h"
#include "konpro/ledger/internal/journal_codec.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::internal::ChainHash;
using ::konpro::internal::DecodeEntry;
using ::konpro::internal::EncodeEntry;
using ::konpro::internal::SameEffect;
using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

Credits C(absl::string_view text) { return Credits::Parse(text).value(); }
UnixNanos At(int64_t nanos) { return UnixNanos::FromNanos(nanos); }

JournalEntry Entry(LedgerRequest request) {
  JournalEntry entry;
  entry.place = {.sequence = 300, .previous = 7, .at = At(1'000'000'000)};
  entry.command.account = "acme";
  entry.command.id = "job-7/hold";
  entry.command.at = entry.place.at;
  entry.command.request = std::move(request);
  return entry;
}

// One of every kind and of every optional part.
std::vector<JournalEntry> Entries() {
  std::vector<JournalEntry> entries;
  entries.push_back(Entry(GrantCommand{.id = "welcome",
                                       .amount = Credits::Max(),
                                       .priority = -3,
                                       .effective_at = At(5),
                                       .expires_at = At(9),
                                       .operations = {"a", "bc"},
                                       .kind = GrantKind::kPromotional}));
  entries.push_back(Entry(GrantCommand{.amount = C("1")}));
  entries.push_back(Entry(
      AllowanceCommand{Allowance::Create({.source = "sub",
                                          .item = "credits",
                                          .amount = C("10"),
                                          .cycle = Cycle::kWeek,
                                          .anchor = absl::CivilDay(2027, 1, 31),
                                          .zone = "Europe/Berlin",
                                          .priority = 2,
                                          .operations = {"a"},
                                          .kind = GrantKind::kPromotional,
                                          .rollover_max = C("5"),
                                          .periods = 12})
                           .value()}));
  entries.push_back(
      Entry(EndAllowanceCommand{.source = "sub", .item = "credits"}));
  entries.push_back(Entry(VoidGrantCommand{.grant = "welcome"}));
  entries.push_back(Entry(LedgerReserve{.amount = C("6"),
                                        .operation = "avatar_video",
                                        .timeout = absl::Hours(1),
                                        .overrun = Overrun::kTopUp,
                                        .mode = DrawMode::kBestEffort}));
  entries.back().effect.held = {{.grant = 1, .amount = C("4")},
                                {.grant = 200, .amount = C("2")}};
  entries.push_back(Entry(LedgerCapture{
      .reservation = "job-7/hold", .amount = C("4"), .final = false}));
  entries.back().resolution = {.target = 300, .amount = C("4")};
  entries.back().effect.posted = {{.grant = 1, .amount = C("4")}};
  entries.push_back(Entry(LedgerCapture{.reservation = "job-7/hold"}));
  entries.back().resolution = {.target = 300, .amount = C("2")};
  entries.back().effect.refusal = Refusal::kReservationExpired;
  entries.back().effect.released = C("6");
  entries.push_back(Entry(LedgerVoid{.reservation = "job-7/hold"}));
  entries.back().resolution.target = 300;
  entries.push_back(Entry(SpendCommand{.amount = C("9"),
                                       .operation = "voice_clone",
                                       .mode = DrawMode::kBestEffort}));
  entries.back().command.event_at = At(3);
  entries.back().command.pricing = Pricing{
      .catalog_version = "2027-1",
      .operation = "voice_clone",
      .quantity = 9,
      .quantity_before = 5,
      .terms = {.credits = C("2"), .per = 9, .increment = 2, .minimum = 4},
      .effective_at = At(2),
      .job = "j",
      .label = "l"};
  entries.back().command.settles_job = true;
  entries.back().effect.refusal = Refusal::kInsufficientCredits;
  entries.back().effect.shortage = {
      .need = C("9"), .held = C("2"), .available = C("4"), .missing = C("5")};
  entries.push_back(
      Entry(LedgerRefund{.command = "job-7/done", .amount = C("1")}));
  entries.back().resolution = {.target = 301,
                               .amount = C("1"),
                               .posted_at = At(4),
                               .posted = {{.grant = 1, .amount = C("3")},
                                          {.grant = 2, .amount = C("1")}}};
  entries.back().effect.refunded = {{.grant = 2, .amount = C("1")}};
  entries.push_back(Entry(LedgerRefund{.sequence = 301}));
  return entries;
}

std::string Encode(const JournalEntry& entry) {
  std::string bytes;
  EncodeEntry(entry.place, entry.command, entry.resolution, entry.effect,
              bytes);
  return bytes;
}

TEST(Journal, EntriesComeBackAsTheyWere) {
  JournalEntry back;
  for (const JournalEntry& entry : Entries()) {
    SCOPED_TRACE(RequestName(entry.command.request));
    const std::string bytes = Encode(entry);
    // The same entry is read into each time: nothing of the last one stays.
    ASSERT_THAT(DecodeEntry(bytes, back), IsOk());
    EXPECT_EQ(Encode(back), bytes);
    EXPECT_EQ(back.place.sequence, entry.place.sequence);
    EXPECT_EQ(back.place.previous, entry.place.previous);
    EXPECT_EQ(back.place.at, entry.place.at);
    EXPECT_EQ(back.command.account, entry.command.account);
    EXPECT_EQ(back.command.id, entry.command.id);
    EXPECT_EQ(ContentDifference(back.command, entry.command), "");
    EXPECT_EQ(back.command.pricing, entry.command.pricing);
    EXPECT_EQ(back.resolution.target, entry.resolution.target);
    EXPECT_EQ(back.resolution.amount, entry.resolution.amount);
    EXPECT_EQ(back.resolution.posted_at, entry.resolution.posted_at);
    EXPECT_EQ(back.resolution.posted, entry.resolution.posted);
    EXPECT_TRUE(SameEffect(back.effect, entry.effect));
  }
}

TEST(Journal, NothingElseIsTaken) {
  for (const JournalEntry& entry : Entries()) {
    SCOPED_TRACE(RequestName(entry.command.request));
    const std::string bytes = Encode(entry);
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(DecodeEntry(bytes.substr(0, size)).ok()) << size;
    }
    EXPECT_FALSE(DecodeEntry(absl::StrCat(bytes, "x")).ok());
    // A bit makes another entry or none, and one entry has one form.
    for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      std::string other = bytes;
      other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
      const absl::StatusOr<JournalEntry> decoded = DecodeEntry(other);
      if (decoded.ok()) {
        EXPECT_EQ(Encode(*decoded), other) << bit;
      } else {
        EXPECT_EQ(decoded.status().code(), absl::StatusCode::kDataLoss);
      }
    }
  }
}

// docs/formats.md says them.
TEST(Journal, TheBytesAreThese) {
  JournalEntry entry =
      Entry(SpendCommand{.amount = Credits::FromTicks(130), .operation = "op"});
  entry.place = {.sequence = 2, .previous = 1, .at = At(256)};
  entry.command.id = "x";
  entry.effect.posted = {{.grant = 1, .amount = Credits::FromTicks(130)}};
  const std::string bytes = Encode(entry);
  EXPECT_EQ(absl::BytesToHexString(bytes),
            "040800"      // version, spend, nothing optional
            "0201"        // sequence, previous
            "8002"        // at
            "0461636d65"  // account
            "0178"        // id
            "8201"        // amount
            "026f70"      // operation
            "00"          // mode
            "0008"        // not refused; posted:
            "01018201");  // one part, of grant 1
  const JournalHash first = ChainHash({}, bytes);
  EXPECT_EQ(absl::BytesToHexString(absl::string_view(
                reinterpret_cast<const char*>(first.data()), first.size())),
            "eea25664bf198a6686f75e5fb6c8b834"
            "bbf7ada0ddb1349664e5f36778377837");
  EXPECT_NE(ChainHash(first, bytes), first);
}

TEST(Journal, AnEntryOfAnOlderVersionSaysSo) {
  std::string bytes = Encode(Entry(LedgerVoid{.reservation = "r"}));
  for (const char version : {1, 2, 3}) {
    bytes[0] = version;
    EXPECT_THAT(DecodeEntry(bytes),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr(absl::StrCat("its version is ", int{version},
                                                ", from an older konpro"))));
  }
}

TEST(Journal, AnEntryHasAsManyPartsAsItsBytes) {
  JournalEntry entry = Entry(SpendCommand{.amount = C("9")});
  for (uint64_t i = 1; i <= 5000; ++i) {
    entry.effect.posted.push_back({.grant = i, .amount = C("1")});
  }
  const std::string bytes = Encode(entry);
  const absl::StatusOr<JournalEntry> back = DecodeEntry(bytes);
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(back->effect.posted, entry.effect.posted);
}

TEST(Journal, WhatIsUncollectedIsInTheEntry) {
  JournalEntry entry = Entry(LedgerCapture{.reservation = "r",
                                           .amount = Credits::FromTicks(9),
                                           .final = true,
                                           .collects = true,
                                           .is_record = true});
  entry.resolution.amount = Credits::FromTicks(9);
  entry.effect.uncollected = Credits::FromTicks(130);
  const std::string bytes = Encode(entry);
  const absl::StatusOr<JournalEntry> decoded = DecodeEntry(bytes);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->effect.uncollected, Credits::FromTicks(130));
  const auto& capture = std::get<LedgerCapture>(decoded->command.request);
  EXPECT_TRUE(capture.collects);
  EXPECT_TRUE(capture.is_record);
}

TEST(Journal, OnlyAPricedSpendSettlesAJob) {
  for (const JournalEntry& entry : Entries()) {
    const bool is_priced_spend =
        std::holds_alternative<SpendCommand>(entry.command.request) &&
        entry.command.pricing.has_value();
    JournalEntry changed = entry;
    changed.command.settles_job = true;
    EXPECT_EQ(DecodeEntry(Encode(changed)).ok(), is_priced_spend)
        << RequestName(entry.command.request);
  }
}

TEST(Journal, PartsWithoutASumAreOfNoEntry) {
  const std::vector<Allocation> whole = {{1, Credits::Max()}};
  std::vector<Allocation> above = whole;
  above.push_back({2, Credits::FromTicks(1)});
  const struct {
    const char* what;
    std::function<void(JournalEntry&, const std::vector<Allocation>&)> put;
  } kCases[] = {
      {"held", [](auto& e, const auto& parts) { e.effect.held = parts; }},
      {"posted", [](auto& e, const auto& parts) { e.effect.posted = parts; }},
      {"refunded",
       [](auto& e, const auto& parts) { e.effect.refunded = parts; }},
      {"what is refunded",
       [](auto& e, const auto& parts) { e.resolution.posted = parts; }},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.what);
    JournalEntry entry = Entry(LedgerRefund{.command = "s"});
    c.put(entry, whole);
    EXPECT_THAT(DecodeEntry(Encode(entry)), IsOk());
    c.put(entry, above);
    EXPECT_THAT(
        DecodeEntry(Encode(entry)),
        StatusIs(absl::StatusCode::kDataLoss, HasSubstr("not an entry")));
  }
}

// Journals and snapshots hold these numbers.
TEST(Journal, NumbersOfEnumsAreFixed) {
  const std::pair<int, int> kNumbers[] = {
      {static_cast<int>(Overrun::kReject), 0},
      {static_cast<int>(Overrun::kTopUp), 1},
      {static_cast<int>(DrawMode::kNormal), 0},
      {static_cast<int>(DrawMode::kBestEffort), 1},
      {static_cast<int>(DrawMode::kCheckOnly), 2},
      {static_cast<int>(DrawMode::kCollect), 3},
      {static_cast<int>(GrantKind::kPaid), 0},
      {static_cast<int>(GrantKind::kPromotional), 1},
      {static_cast<int>(Cycle::kDay), 0},
      {static_cast<int>(Cycle::kWeek), 1},
      {static_cast<int>(Cycle::kMonth), 2},
      {static_cast<int>(Cycle::kYear), 3},
      {static_cast<int>(internal::ReservationEnd::kCaptured), 0},
      {static_cast<int>(internal::ReservationEnd::kVoided), 1},
      {static_cast<int>(internal::ReservationEnd::kExpired), 2},
      {static_cast<int>(Refusal::kNone), 0},
      {static_cast<int>(Refusal::kInsufficientCredits), 1},
      {static_cast<int>(Refusal::kUnknownGrant), 2},
      {static_cast<int>(Refusal::kGrantEnded), 3},
      {static_cast<int>(Refusal::kGrantExists), 4},
      {static_cast<int>(Refusal::kAllowanceExists), 5},
      {static_cast<int>(Refusal::kUnknownReservation), 6},
      {static_cast<int>(Refusal::kReservationCaptured), 7},
      {static_cast<int>(Refusal::kReservationVoided), 8},
      {static_cast<int>(Refusal::kReservationExpired), 9},
      {static_cast<int>(Refusal::kAboveHold), 10},
      {static_cast<int>(Refusal::kAboveSpend), 11},
      {static_cast<int>(Refusal::kTooLateToRefund), 12},
      {static_cast<int>(Refusal::kTooManyGrants), 13},
      {static_cast<int>(Refusal::kTooManyAllowances), 14},
      {static_cast<int>(Refusal::kTooManyReservations), 15},
      {static_cast<int>(Refusal::kTooManyAllocations), 16},
      {static_cast<int>(Refusal::kTooManyRefunds), 17},
      {static_cast<int>(Refusal::kAmountTooLarge), 18},
      {static_cast<int>(Refusal::kMalformed), 19},
      {static_cast<int>(Refusal::kUnknownAllowance), 20},
  };
  for (const auto& [number, fixed] : kNumbers) EXPECT_EQ(number, fixed);
}

TEST(Journal, EveryRefusalHasAName) {
  for (int i = 0; i <= static_cast<int>(Refusal::kUnknownAllowance); ++i) {
    EXPECT_FALSE(RefusalName(static_cast<Refusal>(i)).empty()) << i;
  }
}

}  // namespace
}  // namespace konpro
