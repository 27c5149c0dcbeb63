// The order of admission, what each answer holds, and the accounts behind it.
// Threads and stores that fail at random are in admission_threads_test.cc and
// admission_cut_test.cc.
#include "konpro/access/admission.h"

#include <stdlib.h>

#include <cstddef>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/ledger/usage.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/limits/rate_window.h"
#include "proto/usage.pb.h"
#include "tests/testing/memory_admission.h"
#include "tests/testing/status_matchers.h"

namespace {
size_t allocations = 0;
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  void* const block = malloc(size);
  if (block == nullptr) abort();
  return block;
}
void operator delete(void* block) noexcept { free(block); }
void operator delete(void* block, size_t) noexcept { free(block); }

namespace konpro {
namespace {

using ::konpro::testing::FaultyStore;
using ::konpro::testing::IsOk;
using ::konpro::testing::MemoryAdmission;
using ::konpro::testing::StatusIs;
using ::testing::_;
using ::testing::AllOf;
using ::testing::HasSubstr;

using Reason = AdmissionReason;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'040);  // a minute's :00
constexpr absl::string_view kUnknownKey =
    "kp_0123456789ABCDEFGHIJKLMNOPQRST4FPlxO";

UnixNanos At(absl::Duration later = absl::ZeroDuration()) {
  return UnixNanos::FromTime(kNow + later);
}
Credits C(absl::string_view text) { return Credits::Parse(text).value(); }
std::vector<RateWindow> W(absl::string_view text) {
  return ParseWindows(text).value();
}

MintedKey NewKey(MemoryAdmission& memory, absl::string_view account = "acme") {
  return memory.admission->CreateKey({.account_id = account}, kNow).value();
}

// One video second is a credit.
AdmissionRequest Video(const MintedKey& key, int64_t seconds,
                       absl::string_view id) {
  return {.key = key.secret.text(),
          .operation = "avatar_video",
          .quantity = seconds * 1'000,
          .id = id};
}

// What later steps leave behind: permits that are used, entries of the ledger.
struct Traces {
  uint64_t used = 0;
  uint64_t entries = 0;
};
Traces TracesOf(MemoryAdmission& memory, UnixNanos now) {
  const Decision peek =
      memory.limits->Peek(memory.limits->Find("acme"), 1, now);
  Traces traces = {.entries = memory.ledger->Head()->sequence};
  if (peek.windows().size() > 0) {
    traces.used = peek.windows().window(0).limit() - peek.remaining(0);
  }
  return traces;
}

// The built-in catalog, and an operation whose price is still to come.
Catalog WithRelic() {
  const Catalog& built_in = Catalog::BuiltIn();
  Catalog::Spec spec = {.version = "relic"};
  spec.operations.assign(built_in.operations().begin(),
                         built_in.operations().end());
  spec.operations.push_back({"relic", QuantityUnit::kCount, "piece"});
  spec.price_lists.assign(built_in.price_lists().begin(),
                          built_in.price_lists().end());
  for (const Plan& plan : built_in.plans()) {
    Plan::Spec copy = {.name = plan.name()};
    copy.windows.assign(plan.windows().begin(), plan.windows().end());
    copy.operations.assign(plan.operations().begin(), plan.operations().end());
    if (plan.name() == "enterprise") copy.operations.push_back("relic");
    spec.plans.push_back(Plan::Create(copy).value());
  }
  return Catalog::Create(spec).value();
}

// Begins where everything is wrong at once and puts one thing right after the
// other: the reasons come in the order of semantics section 6, each before
// anything behind it has left a trace.
TEST(Admission, RefusalsComeInOrderAndNothingLaterRuns) {
  const Catalog catalog = WithRelic();
  MemoryAdmission memory(catalog);
  Admission& admission = *memory.admission;
  const MintedKey key = memory.keys->Mint({.account_id = "acme"}, kNow).value();
  UnixNanos now = At();
  AdmissionRequest request = {.key = ApiKeyText(kUnknownKey),
                              .operation = "photo_avatr",
                              .quantity = -1,
                              .id = "1",
                              .requests = 3};
  const auto expect = [&](Reason reason, const Traces& leaves,
                          const std::string& detail = "") {
    SCOPED_TRACE(AdmissionReasonName(reason));
    const Traces before = TracesOf(memory, now);
    const AdmissionResult a = admission.Admit(request, now);
    EXPECT_EQ(AdmissionReasonName(a.reason), AdmissionReasonName(reason));
    EXPECT_EQ(a.code(), AdmissionCode(reason));
    EXPECT_THAT(a.detail, HasSubstr(detail));
    const Traces behind = TracesOf(memory, now);
    EXPECT_EQ(behind.used - before.used, leaves.used);
    EXPECT_EQ(behind.entries - before.entries, leaves.entries);
    return a;
  };
  const Traces kNothing;
  const Traces kOneRequest = {.used = 1};

  expect(Reason::kUnauthenticated, kNothing);
  request.key = key.secret.text();
  expect(Reason::kNotProvisioned, kNothing);

  ASSERT_THAT(admission.Provision("acme", kNow), IsOk());
  ASSERT_THAT(admission.Suspend("acme", kNow), IsOk());
  expect(Reason::kSuspended, kNothing);
  ASSERT_THAT(admission.Resume("acme", kNow), IsOk());

  expect(Reason::kMalformed, kNothing, "quantity: ");
  request.quantity = int64_t{1} << 62;
  expect(Reason::kUnknownOperation, kNothing, "photo_avatar");
  request.operation = "photo_avatar";
  expect(Reason::kOperationNotInPlan, kNothing);

  ASSERT_THAT(admission.SetPlan("acme", "enterprise", {}, kNow), IsOk());
  expect(Reason::kNoWindows, kNothing);
  ASSERT_THAT(admission.SetWindows("acme", W("minute:2/1m,day:9/24h"), kNow),
              IsOk());
  expect(Reason::kExceedsLimit, kNothing);
  request.requests = 2;
  ASSERT_TRUE(
      admission.Admit({.key = key.secret.text(), .requests = 1}, now).ok());
  const AdmissionResult limited = expect(Reason::kRateLimited, kNothing);
  EXPECT_EQ(limited.retry_after, absl::Minutes(1));
  EXPECT_TRUE(limited.retryable);
  EXPECT_EQ(limited.limits->binding_window(), 0u);

  now = At(absl::Minutes(1));
  request.requests = 1;
  request.operation = "relic";
  expect(Reason::kNoPrice, kOneRequest);
  request.operation = "photo_avatar";
  expect(Reason::kCostOutOfRange, kOneRequest);

  now = At(absl::Minutes(2));
  request.quantity = 6;
  const AdmissionResult poor =
      expect(Reason::kInsufficientCredits, {.used = 1, .entries = 1});
  EXPECT_EQ(poor.need, C("12"));
  EXPECT_EQ(poor.available, C("0"));
  EXPECT_EQ(poor.shortfall, C("12"));
  EXPECT_FALSE(poor.retryable);
  memory.Grant("acme", "13", now);
  request.quantity = 5;
  expect(Reason::kIdConflict, kOneRequest, "pricing.quantity: 5, was 6");

  now = At(absl::Minutes(3));
  request.id = "2";
  memory.ledger_store->fault = [] { return FaultyStore::Fault::kBefore; };
  const AdmissionResult unknown = admission.Admit(request, now);
  EXPECT_EQ(unknown.reason, Reason::kUnavailable);
  EXPECT_TRUE(unknown.retryable);
  memory.ledger_store->fault = [] { return FaultyStore::Fault::kNone; };
  const AdmissionResult admitted =
      expect(Reason::kAdmitted, {.used = 1, .entries = 1});
  EXPECT_EQ(admitted.reservation, "2");
  EXPECT_EQ(admitted.need, C("10"));
  EXPECT_EQ(admitted.account(), "acme");
  EXPECT_EQ(admitted.plan->name(), "enterprise");
  EXPECT_FALSE(admitted.replayed);
}

// Each field on its own; the request that they are in is a good one.
TEST(Admission, MalformedRequestsNameTheirField) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  const std::string long_id(AdmissionRequest::kIdBytesMax + 1, 'x');
  const struct {
    AdmissionRequest request;
    absl::string_view detail;
  } kCases[] = {
      {{.requests = 0}, "requests: "},
      {{.quantity = 1}, "operation: "},
      {{.quantity = -1}, "quantity: "},
      {{.operation = "avatar_video", .quantity = -1, .id = "1"}, "quantity: "},
      {{.operation = "avatar_video", .quantity = 1}, "id: "},
      {{.operation = "avatar_video", .id = "a b"}, "id: "},
      {{.operation = "avatar_video", .id = long_id}, "id: "},
      {{.operation = "avatar_video", .id = "1", .job = "a\n"}, "job: "},
      {{.operation = "avatar_video", .id = "1", .job = long_id}, "job: "},
  };
  for (const auto& c : kCases) {
    AdmissionRequest request = c.request;
    request.key = key.secret.text();
    const AdmissionResult a = memory.admission->Admit(request, At());
    EXPECT_EQ(a.reason, Reason::kMalformed) << c.detail;
    EXPECT_THAT(a.detail, ::testing::StartsWith(std::string(c.detail)));
  }
  EXPECT_EQ(TracesOf(memory, At()).used, 0u);
}

TEST(Admission, EveryDeadKeyIsRefusedAlike) {
  MemoryAdmission memory;
  const MintedKey deactivated = NewKey(memory);
  const MintedKey replaced = NewKey(memory);
  const MintedKey expired =
      memory.admission
          ->CreateKey(
              {.account_id = "acme", .expires_at = kNow + absl::Seconds(1)},
              kNow)
          .value();
  ASSERT_THAT(memory.keys->Deactivate(deactivated.record.id(), kNow), IsOk());
  ASSERT_THAT(memory.keys->Reset({.key = replaced.record.id()}, kNow), IsOk());
  const struct {
    ApiKeyText text;
    ApiKeyVerdict verdict;
  } kCases[] = {
      {ApiKeyText(), ApiKeyVerdict::kMissing},
      {ApiKeyText("kp_"), ApiKeyVerdict::kMalformed},
      {ApiKeyText(kUnknownKey), ApiKeyVerdict::kUnknown},
      {deactivated.secret.text(), ApiKeyVerdict::kDeactivated},
      {replaced.secret.text(), ApiKeyVerdict::kReplaced},
      {expired.secret.text(), ApiKeyVerdict::kExpired},
  };
  for (const auto& c : kCases) {
    const AdmissionResult a =
        memory.admission->Admit({.key = c.text}, At(absl::Seconds(1)));
    EXPECT_EQ(a.reason, Reason::kUnauthenticated);
    EXPECT_EQ(a.authentication.verdict(), c.verdict);
    EXPECT_EQ(a.plan, nullptr);
    EXPECT_FALSE(a.limits.has_value());
  }
  EXPECT_EQ(TracesOf(memory, At()).used, 0u);
}

TEST(Admission, UnmeteredRequestAllocatesNothingAndTouchesNoLedger) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  const uint64_t head = memory.ledger->Head()->sequence;
  size_t admitted = 0;
  const size_t before = allocations;
  for (int i = 0; i < 12; ++i) {
    admitted += memory.admission->Admit({.key = key.secret.text()}, At()).ok();
  }
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(admitted, 10u);
  EXPECT_EQ(memory.ledger->Head()->sequence, head);
}

// The clock that Admit() reads itself: the window is that of now.
TEST(Admission, OwnClockIsTheCoarseOne) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  const UnixNanos before = UnixNanos::CoarseNow();
  const AdmissionResult a = memory.admission->Admit({.key = key.secret.text()});
  ASSERT_TRUE(a.ok());
  EXPECT_GE(a.limits->now(), before);
  EXPECT_LE(a.limits->now(), UnixNanos::CoarseNow());
}

TEST(Admission, EveryAttemptIsARequestAndHoldsOnce) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "100", At());
  const AdmissionResult first =
      memory.admission->Admit(Video(key, 60, "job-7"), At());
  const AdmissionResult again =
      memory.admission->Admit(Video(key, 60, "job-7"), At());
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_FALSE(first.replayed);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.need, C("60"));
  EXPECT_EQ(again.reservation, first.reservation);
  EXPECT_EQ(again.limits->remaining(0), 8u);
  EXPECT_EQ(memory.ledger->BalanceOf("acme", At())->reserved, C("60"));
  // Refused for the window, it is none; later it is the first one again.
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(memory.admission->Admit({.key = key.secret.text()}, At()).ok());
  }
  EXPECT_EQ(memory.admission->Admit(Video(key, 60, "job-7"), At()).reason,
            Reason::kRateLimited);
  EXPECT_TRUE(
      memory.admission->Admit(Video(key, 60, "job-7"), At(absl::Minutes(1)))
          .replayed);
}

// Semantics section 6: an id stands for one job.
TEST(Admission, IdStandsForOneJobHoweverItEnds) {
  enum class End { kNone, kComplete, kCancel, kExpire, kVoidByCommand };
  const struct {
    End end;
    OpenJobReplay open_job;
    Reason reason;
    bool needs_new_id;
  } kCases[] = {
      {End::kNone, OpenJobReplay::kFirstResult, Reason::kAdmitted, false},
      {End::kNone, OpenJobReplay::kRefuse, Reason::kJobInProgress, false},
      {End::kComplete, OpenJobReplay::kFirstResult, Reason::kJobEnded, true},
      {End::kComplete, OpenJobReplay::kRefuse, Reason::kJobEnded, true},
      {End::kCancel, OpenJobReplay::kFirstResult, Reason::kJobEnded, true},
      {End::kCancel, OpenJobReplay::kRefuse, Reason::kJobEnded, true},
      {End::kExpire, OpenJobReplay::kFirstResult, Reason::kJobEnded, true},
      {End::kExpire, OpenJobReplay::kRefuse, Reason::kJobEnded, true},
      {End::kVoidByCommand, OpenJobReplay::kRefuse, Reason::kJobEnded, true},
  };
  for (const auto& c : kCases) {
    MemoryAdmission memory(Catalog::BuiltIn(),
                           {.reservation_timeout = absl::Hours(1)});
    const MintedKey key = NewKey(memory);
    memory.Grant("acme", "100", At());
    ASSERT_TRUE(memory.admission->Admit(Video(key, 60, "job"), At()).ok());
    absl::Duration later = absl::Minutes(59);
    switch (c.end) {
      case End::kNone:
        break;
      case End::kComplete:
        EXPECT_THAT(memory.admission->Complete({"acme", "job", 0}, At()),
                    IsOk());
        break;
      case End::kCancel:
        EXPECT_THAT(memory.admission->Cancel({"acme", "job"}, At()), IsOk());
        break;
      case End::kExpire:
        later = absl::Hours(1);
        break;
      case End::kVoidByCommand:
        EXPECT_THAT(memory.ledger->Apply({.account = "acme",
                                          .id = "v",
                                          .at = At(),
                                          .request = LedgerVoid{"admit:job"}}),
                    IsOk());
        break;
    }
    AdmissionRequest again = Video(key, 60, "job");
    again.open_job = c.open_job;
    for (int i = 0; i < 2; ++i) {
      const AdmissionResult a = memory.admission->Admit(again, At(later));
      EXPECT_EQ(AdmissionReasonName(a.reason), AdmissionReasonName(c.reason));
      EXPECT_EQ(a.reservation, a.ok() ? "job" : "");
      EXPECT_TRUE(a.replayed);
      EXPECT_FALSE(a.retryable);
      EXPECT_EQ(a.needs_new_id, c.needs_new_id);
    }
  }
}

TEST(Admission, DenialIsTheResultOfItsIdForGood) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "10", At());
  AdmissionRequest request = Video(key, 60, "job");
  request.open_job = OpenJobReplay::kRefuse;
  for (int i = 0; i < 2; ++i) {
    const AdmissionResult a = memory.admission->Admit(request, At());
    EXPECT_EQ(a.reason, Reason::kInsufficientCredits);
    EXPECT_EQ(a.replayed, i == 1);
    EXPECT_FALSE(a.retryable);
    EXPECT_TRUE(a.needs_new_id);
  }
  request.quantity = 10'000;
  const AdmissionResult a = memory.admission->Admit(request, At());
  EXPECT_EQ(a.reason, Reason::kIdConflict);
  EXPECT_TRUE(a.needs_new_id);
}

TEST(Admission, DenialSaysWhetherOpenReservationsWouldCoverIt) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "100", At());
  ASSERT_TRUE(memory.admission->Admit(Video(key, 60, "a"), At()).ok());
  const struct {
    int64_t seconds;
    absl::string_view shortfall;
    bool covers;
  } kCases[] = {{41, "1", true}, {100, "60", true}, {101, "61", false}};
  for (const auto& c : kCases) {
    const AdmissionResult a = memory.admission->Admit(
        Video(key, c.seconds, absl::StrCat("b", c.seconds)), At());
    EXPECT_EQ(a.reason, Reason::kInsufficientCredits);
    EXPECT_EQ(a.need, C(absl::StrCat(c.seconds)));
    EXPECT_EQ(a.held, C("60"));
    EXPECT_EQ(a.available, C("40"));
    EXPECT_EQ(a.shortfall, C(c.shortfall));
    EXPECT_EQ(a.open_reservations_cover, c.covers) << c.seconds;
    // With the same id it is denied for good.
    EXPECT_FALSE(a.retryable);
  }
}

TEST(Admission, ADenialIsAnsweredAsTheFirstTimeWhateverIsHeldByThen) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "100", At());
  ASSERT_TRUE(memory.admission->Admit(Video(key, 60, "a"), At()).ok());
  const AdmissionResult first =
      memory.admission->Admit(Video(key, 50, "b"), At());
  ASSERT_EQ(first.reason, Reason::kInsufficientCredits);
  ASSERT_THAT(memory.admission->Cancel({"acme", "a"}, At()), IsOk());
  const AdmissionResult again =
      memory.admission->Admit(Video(key, 50, "b"), At());
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.held, C("60"));
  EXPECT_EQ(again.available, C("40"));
  EXPECT_EQ(again.open_reservations_cover, first.open_reservations_cover);
  EXPECT_EQ(again.shortfall, first.shortfall);
}

// What is held of a grant that the operation may not draw on covers nothing.
TEST(Admission, ReservationsOfOtherOperationsCoverNothing) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  ASSERT_THAT(memory.ledger->Apply(
                  {.account = "acme",
                   .id = "grant",
                   .at = At(),
                   .request = GrantCommand{.amount = C("100"),
                                           .operations = {"avatar_video"}}}),
              IsOk());
  ASSERT_TRUE(memory.admission->Admit(Video(key, 100, "a"), At()).ok());
  AdmissionRequest other = Video(key, 10, "b");
  other.operation = "video_translation";
  const AdmissionResult a = memory.admission->Admit(other, At());
  EXPECT_EQ(a.reason, Reason::kInsufficientCredits);
  EXPECT_FALSE(a.open_reservations_cover);
}

TEST(Admission, ActualQuantityIsChargedAndTheRestReleased) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "100", At());
  ASSERT_TRUE(memory.admission->Admit(Video(key, 90, "job-7"), At()).ok());
  const auto done = memory.admission->Complete({"acme", "job-7", 84'000}, At());
  ASSERT_THAT(done, IsOk());
  EXPECT_EQ(done->charged, C("84"));
  EXPECT_EQ(done->released, C("6"));
  EXPECT_EQ(done->balance.available, C("16"));
  EXPECT_EQ(done->balance.reserved, C("0"));
  EXPECT_FALSE(done->replayed);
  const auto again =
      memory.admission->Complete({"acme", "job-7", 84'000}, At());
  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->charged, C("84"));
  EXPECT_THAT(memory.admission->Complete({"acme", "job-7", 80'000}, At()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("reservation_captured")));
  EXPECT_THAT(memory.admission->Cancel({"acme", "job-7"}, At()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("reservation_captured")));
}

// A catalog whose prices have an increment and a minimum of 10 s.
Catalog WithMinimum() {
  const Catalog& built_in = Catalog::BuiltIn();
  Catalog::Spec spec = {.version = "minimum"};
  const Price price = Price::Create({.credits = C("1"),
                                     .per = 1'000,
                                     .increment = 10'000,
                                     .minimum = 10'000})
                          .value();
  spec.price_lists.push_back(
      PriceList::Create(absl::InfinitePast(), {{"avatar_video", price}})
          .value());
  spec.operations.assign(built_in.operations().begin(),
                         built_in.operations().end());
  spec.plans.assign(built_in.plans().begin(), built_in.plans().end());
  return Catalog::Create(spec).value();
}

// The ledger reads its state again, as a new process does.
void Reload(MemoryAdmission& memory) {
  memory.ledger_store->fault = [] { return FaultyStore::Fault::kBefore; };
  EXPECT_THAT(memory.ledger->Apply({.account = "acme",
                                    .id = "fails",
                                    .at = At(),
                                    .request = SpendCommand{}}),
              StatusIs(absl::StatusCode::kUnavailable, _));
  memory.ledger_store->fault = [] { return FaultyStore::Fault::kNone; };
}

v1::UsageRecord PartialRecord(const std::string& id, const std::string& job,
                              int64_t seconds) {
  v1::UsageRecord record;
  record.set_record_id(id);
  record.set_account_id("acme");
  record.set_operation("avatar_video");
  record.mutable_duration()->set_seconds(seconds);
  record.mutable_start_time()->set_seconds(absl::ToUnixSeconds(kNow));
  *record.mutable_end_time() = record.start_time();
  record.set_job_id(job);
  record.set_partial(true);
  return record;
}

// Slices that records reported are part of what `complete` says, under either
// name of the job. 100 credits; 60 s are held.
TEST(Admission, WhatRecordsOfAJobChargedIsPartOfItsCompletion) {
  const Catalog catalog = WithMinimum();
  struct Row {
    std::vector<int64_t> slices;
    int64_t actual;
    absl::string_view charged;  // by the completion
    absl::string_view posted;   // in all
    absl::string_view uncollected;
  };
  const Row rows[] = {
      {{}, 0, "0", "0", "0"},
      {{}, 12, "20", "20", "0"},
      {{10}, 60, "50", "60", "0"},
      {{5}, 12, "10", "20", "0"},
      {{5, 5}, 10, "0", "10", "0"},
      {{5, 7}, 15, "0", "20", "0"},
      {{20, 20, 20}, 60, "0", "60", "0"},
      {{30}, 10, "0", "30", "0"},  // more was reported before
      {{30}, 0, "0", "30", "0"},
      {{60, 30}, 95, "10", "100", "0"},
      {{60, 50}, 150, "0", "100", "50"},  // 10 were uncollected before
      {{0}, 12, "20", "20", "0"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(::testing::Message() << "row " << &row - rows);
    for (const bool is_reopened : {false, true}) {
      MemoryAdmission memory(catalog);
      const MintedKey key = NewKey(memory);
      memory.Grant("acme", "100", At());
      ASSERT_TRUE(memory.admission->Admit(Video(key, 60, "job"), At()).ok());
      std::vector<v1::UsageRecord> records;
      for (const int64_t seconds : row.slices) {
        const size_t n = records.size();
        records.push_back(PartialRecord(
            absl::StrCat(n), n % 2 == 0 ? "job" : "admit:job", seconds));
      }
      std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
      UsageLedger(*memory.ledger, catalog).Charge(records, At(), outcomes);
      for (const auto& outcome : outcomes) {
        ASSERT_THAT(outcome, IsOk());
        ASSERT_TRUE(outcome->effect.applied());
      }
      if (is_reopened) Reload(memory);
      const auto complete = [&] {
        return memory.admission
            ->Complete({"acme", "job", row.actual * 1'000}, At())
            .value();
      };
      EXPECT_EQ(complete().charged, C(row.charged));
      const Balance balance = memory.ledger->BalanceOf("acme", At()).value();
      EXPECT_EQ(balance.posted, C(row.posted));
      EXPECT_EQ(balance.reserved, C("0"));
      EXPECT_EQ(balance.uncollected, C(row.uncollected));
      // A late record changes the session, not what a retry returns.
      v1::UsageRecord late = PartialRecord("late", "job", 10);
      late.set_late(true);
      UsageLedger(*memory.ledger, catalog).Charge({&late, 1}, At(), outcomes);
      ASSERT_TRUE(outcomes.front()->effect.applied());
      const Settlement again = complete();
      EXPECT_TRUE(again.replayed);
      EXPECT_EQ(again.charged, C(row.charged));
    }
  }
}

// Its id decides, not what the session has charged by then.
TEST(Admission, ARetriedCompletionIsNoConflictAfterRecordsOfItsJob) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "100", At());
  ASSERT_TRUE(memory.admission->Admit(Video(key, 60, "job"), At()).ok());
  ASSERT_TRUE(memory.admission->Cancel({"acme", "job"}, At()).ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(memory.admission->Complete({"acme", "job", 50'000}, At()),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("reservation_voided")));
  }
  EXPECT_EQ(memory.ledger->BalanceOf("acme", At())->posted, C("0"));
}

TEST(Admission, AnImplausibleQuantityIsRefusedAndNotJournaled) {
  const Catalog& catalog = Catalog::BuiltIn();
  for (const int64_t held : {6, 0}) {
    MemoryAdmission memory;
    const MintedKey key = NewKey(memory);
    memory.Grant("acme", "100", At());
    ASSERT_TRUE(memory.admission->Admit(Video(key, held, "job"), At()).ok());
    const uint64_t entries = memory.ledger->Head()->sequence;
    EXPECT_THAT(
        memory.admission->Complete({"acme", "job", held * 10'000 + 1}, At()),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 AllOf(HasSubstr("quantity: implausible"),
                       HasSubstr(absl::StrCat("10 times the ", held)))));
    EXPECT_EQ(memory.ledger->Head()->sequence, entries);
    if (held > 0) {
      // Slices count as a part of it.
      const v1::UsageRecord slice = PartialRecord("a", "job", 30);
      std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
      UsageLedger(*memory.ledger, catalog).Charge({&slice, 1}, At(), outcomes);
      ASSERT_TRUE(outcomes.front()->effect.applied());
    }
    EXPECT_EQ(memory.admission->Complete({"acme", "job", held * 10'000}, At())
                  ->charged,
              C(held > 0 ? "30" : "0"));
    const auto again =
        memory.admission->Complete({"acme", "job", held * 10'000}, At());
    EXPECT_TRUE(again->replayed);
  }
  // Of a hold of nothing, too, records are part of the completion.
  MemoryAdmission nothing(catalog, {.implausible_factor = 0});
  const MintedKey other = NewKey(nothing);
  nothing.Grant("acme", "100", At());
  ASSERT_TRUE(nothing.admission->Admit(Video(other, 0, "job"), At()).ok());
  const v1::UsageRecord slice = PartialRecord("a", "job", 10);
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  UsageLedger(*nothing.ledger, catalog, {.implausible_factor = 0})
      .Charge({&slice, 1}, At(), outcomes);
  ASSERT_TRUE(outcomes.front()->effect.applied());
  EXPECT_EQ(nothing.admission->Complete({"acme", "job", 15'000}, At())->charged,
            C("5"));
  MemoryAdmission any(catalog, {.implausible_factor = 0});
  const MintedKey key = NewKey(any);
  any.Grant("acme", "100", At());
  ASSERT_TRUE(any.admission->Admit(Video(key, 1, "job"), At()).ok());
  EXPECT_EQ(any.admission->Complete({"acme", "job", 11'000}, At())->charged,
            C("11"));
}

TEST(Admission, CancelledJobCostsNothing) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "100", At());
  ASSERT_TRUE(memory.admission->Admit(Video(key, 90, "job-7"), At()).ok());
  const auto done = memory.admission->Cancel({"acme", "job-7"}, At());
  ASSERT_THAT(done, IsOk());
  EXPECT_TRUE(done->is_cancelled);
  EXPECT_EQ(done->charged, C("0"));
  EXPECT_EQ(done->released, C("90"));
  EXPECT_EQ(done->balance.available, C("100"));
  EXPECT_TRUE(memory.admission->Cancel({"acme", "job-7"}, At())->replayed);
  EXPECT_THAT(memory.admission->Complete({"acme", "job-7", 1}, At()),
              StatusIs(absl::StatusCode::kFailedPrecondition, _));
}

TEST(Admission, LateCompletionIsToldWhatWasReleased) {
  MemoryAdmission memory(Catalog::BuiltIn(),
                         {.reservation_timeout = absl::Hours(1)});
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "100", At());
  ASSERT_TRUE(memory.admission->Admit(Video(key, 90, "job-7"), At()).ok());
  EXPECT_THAT(
      memory.admission->Complete({"acme", "job-7", 1'000}, At(absl::Hours(1))),
      StatusIs(
          absl::StatusCode::kFailedPrecondition,
          AllOf(HasSubstr("reservation_expired"), HasSubstr("released 90"))));
  EXPECT_EQ(memory.ledger->BalanceOf("acme", At())->available, C("100"));
}

TEST(Admission, ReservationsThatNeverWereAreNotFound) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;
  EXPECT_THAT(memory.admission->Complete({"acme", "no", 1}, At()),
              StatusIs(kNotFound, HasSubstr("\"no\"")));
  EXPECT_THAT(memory.admission->Cancel({"acme", "no"}, At()),
              StatusIs(kNotFound, _));
  // Refused for lack of credits.
  ASSERT_FALSE(memory.admission->Admit(Video(key, 1, "poor"), At()).ok());
  EXPECT_THAT(memory.admission->Complete({"acme", "poor", 1}, At()),
              StatusIs(kNotFound, _));
  EXPECT_THAT(memory.admission->Cancel({"acme", "poor"}, At()),
              StatusIs(kNotFound, _));
  // Somebody else's.
  memory.Grant("acme", "100", At());
  ASSERT_TRUE(memory.admission->Admit(Video(key, 1, "mine"), At()).ok());
  EXPECT_THAT(memory.admission->Cancel({"other", "mine"}, At()),
              StatusIs(kNotFound, _));
}

TEST(Admission,
     CompleteAboveTheHoldDrawsWhatThereIsAndLeavesTheRestUncollected) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "100", At());
  ASSERT_TRUE(memory.admission->Admit(Video(key, 10, "a"), At()).ok());
  EXPECT_EQ(memory.admission->Complete({"acme", "a", 11'000}, At())->charged,
            C("11"));
  ASSERT_TRUE(memory.admission->Admit(Video(key, 89, "c"), At()).ok());
  const Settlement all =
      *memory.admission->Complete({"acme", "c", 91'000}, At());
  EXPECT_EQ(all.charged, C("89"));
  EXPECT_EQ(all.uncollected, C("2"));
  EXPECT_EQ(all.balance.uncollected, C("2"));
}

TEST(Admission, JobIsChargedAtThePricesThatItWasAdmittedAt) {
  const auto list = [](absl::Time from, absl::string_view credits) {
    return PriceList::Create(
               from,
               {{"avatar_video",
                 Price::Create({.credits = C(credits), .per = 1'000}).value()}})
        .value();
  };
  const Catalog& built_in = Catalog::BuiltIn();
  Catalog::Spec spec = {.version = "two",
                        .price_lists = {list(absl::InfinitePast(), "1"),
                                        list(kNow + absl::Seconds(5), "3")}};
  spec.operations.assign(built_in.operations().begin(),
                         built_in.operations().end());
  spec.plans.assign(built_in.plans().begin(), built_in.plans().end());
  const Catalog catalog = Catalog::Create(spec).value();
  MemoryAdmission memory(catalog);
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "100", At());
  ASSERT_TRUE(memory.admission->Admit(Video(key, 10, "a"), At()).ok());
  const UnixNanos later = At(absl::Seconds(5));
  // Asked again, it costs what it cost.
  EXPECT_EQ(memory.admission->Admit(Video(key, 10, "a"), later).need, C("10"));
  EXPECT_EQ(memory.admission->Admit(Video(key, 10, "b"), later).need, C("30"));
  EXPECT_EQ(memory.admission->Complete({"acme", "a", 9'000}, later)->charged,
            C("9"));
  EXPECT_EQ(memory.admission->Complete({"acme", "b", 9'000}, later)->charged,
            C("27"));
}

// What the journal says of a job's price: the list in effect at the admission,
// by the time from which that list is valid.
TEST(Admission, ReservationRecordsThePriceListThatItWasMadeBy) {
  const absl::Time valid_from = kNow - absl::Hours(24);
  const Catalog& built_in = Catalog::BuiltIn();
  Catalog::Spec spec = {.version = "daily"};
  spec.price_lists.push_back(
      PriceList::Create(
          valid_from,
          {{"avatar_video",
            Price::Create({.credits = C("1"), .per = 1'000}).value()}})
          .value());
  spec.operations.assign(built_in.operations().begin(),
                         built_in.operations().end());
  spec.plans.assign(built_in.plans().begin(), built_in.plans().end());
  const Catalog catalog = Catalog::Create(spec).value();
  MemoryAdmission memory(catalog);
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "100", At());
  AdmissionRequest request = Video(key, 10, "a");
  request.job = "campaign";
  ASSERT_TRUE(memory.admission->Admit(request, At(absl::Seconds(1))).ok());
  ASSERT_THAT(memory.admission->Complete({"acme", "a", 9'000}, At()), IsOk());
  for (const auto& [id, quantity] :
       {std::pair("admit:a", 10'000), std::pair("complete:9000:a", 9'000)}) {
    const uint64_t sequence = memory.ledger->FindCommand("acme", id).value();
    const OwnedEntry entry = memory.ledger->ReadEntry(sequence).value();
    ASSERT_TRUE(entry->command.pricing.has_value());
    const Pricing& pricing = *entry->command.pricing;
    EXPECT_EQ(pricing.catalog_version, "daily");
    EXPECT_EQ(pricing.operation, "avatar_video");
    EXPECT_EQ(pricing.quantity, quantity);
    EXPECT_EQ(pricing.effective_at, UnixNanos::FromTime(valid_from));
    EXPECT_EQ(pricing.label, "campaign");
    // What charges is of the job's session.
    EXPECT_EQ(pricing.job, id[0] == 'c' ? "admit:a" : "");
  }
}

TEST(Admission, KeysOfAnAccountShareItsBalanceAndItsWindows) {
  MemoryAdmission memory;
  const MintedKey old = NewKey(memory);
  memory.Grant("acme", "100", At());
  ASSERT_TRUE(memory.admission->Admit(Video(old, 60, "a"), At()).ok());
  const MintedKey fresh =
      memory.keys
          ->Reset({.key = old.record.id(), .overlap = absl::Hours(1)}, kNow)
          .value();
  EXPECT_EQ(memory.admission->Admit(Video(fresh, 60, "b"), At()).available,
            C("40"));
  EXPECT_TRUE(memory.admission->Admit(Video(fresh, 60, "a"), At()).replayed);
  for (int i = 0; i < 7; ++i) {
    const MintedKey& key = i % 2 == 0 ? old : fresh;
    ASSERT_TRUE(memory.admission->Admit({.key = key.secret.text()}, At()).ok());
  }
  EXPECT_EQ(memory.admission->Admit({.key = old.secret.text()}, At()).reason,
            Reason::kRateLimited);
  EXPECT_EQ(memory.admission->Admit({.key = fresh.secret.text()}, At()).reason,
            Reason::kRateLimited);
  const UnixNanos behind = At(absl::Hours(1));
  EXPECT_EQ(memory.admission->Admit({.key = old.secret.text()}, behind).reason,
            Reason::kUnauthenticated);
  EXPECT_TRUE(
      memory.admission->Admit({.key = fresh.secret.text()}, behind).ok());
}

TEST(Admission, NewAccountIsOnTheFirstPlanWithoutBeingAsked) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory, "new");
  const AdmissionResult a =
      memory.admission->Admit({.key = key.secret.text()}, At());
  EXPECT_EQ(a.plan->name(), "free_trial");
  EXPECT_EQ(a.limits->remaining(0), 9u);
  EXPECT_EQ(a.limits->remaining(1), 99u);
  // Again: nothing changes.
  ASSERT_THAT(memory.admission->SetPlan("new", "pro", {}, kNow), IsOk());
  EXPECT_EQ(memory.admission->Provision("new", kNow)->plan, "pro");
}

TEST(Admission, PlanChangesKeepWhatWasUsed) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(memory.admission->Admit({.key = key.secret.text()}, At()).ok());
  }
  ASSERT_THAT(memory.admission->SetPlan("acme", "pro", {}, kNow), IsOk());
  const AdmissionResult a =
      memory.admission->Admit({.key = key.secret.text()}, At());
  EXPECT_EQ(a.plan->name(), "pro");
  EXPECT_EQ(a.limits->remaining(0), 49u);
  // Its own windows, then the plan's again.
  ASSERT_THAT(
      memory.admission->SetWindows("acme", W("minute:12/1m,day:50/24h"), kNow),
      IsOk());
  EXPECT_EQ(memory.admission->Admit({.key = key.secret.text()}, At())
                .limits->remaining(0),
            0u);
  ASSERT_THAT(memory.admission->SetWindows("acme", {}, kNow), IsOk());
  EXPECT_EQ(memory.admission->Admit({.key = key.secret.text()}, At())
                .limits->remaining(0),
            47u);
}

TEST(Admission, EachChangeOfAnAccountHasItsTime) {
  MemoryAdmission memory;
  Admission& admission = *memory.admission;
  ASSERT_THAT(admission.Provision("acme", kNow), IsOk());
  const auto times = [&] {
    const AccountRecord record = memory.accounts->Find("acme").value();
    return std::pair(record.created_at, record.changed_at);
  };
  EXPECT_EQ(times(), std::pair(kNow, kNow));
  const absl::Time t = kNow + absl::Seconds(1);
  ASSERT_THAT(admission.SetPlan("acme", "pro", {}, t), IsOk());
  EXPECT_EQ(times(), std::pair(kNow, t));
  ASSERT_THAT(admission.SetWindows("acme", {}, t + absl::Seconds(1)), IsOk());
  EXPECT_EQ(times(), std::pair(kNow, t + absl::Seconds(1)));
  ASSERT_THAT(admission.Suspend("acme", t + absl::Seconds(2)), IsOk());
  EXPECT_EQ(times(), std::pair(kNow, t + absl::Seconds(2)));
  ASSERT_THAT(admission.Resume("acme", t + absl::Seconds(3)), IsOk());
  EXPECT_EQ(times(), std::pair(kNow, t + absl::Seconds(3)));
}

// A window that ends after the last representable time never admits again.
TEST(Admission, RefusalWithoutARetryTimeIsNotRetryable) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  ASSERT_THAT(
      memory.admission->SetWindows("acme", W("minute:1/1m,day:5/24h"), kNow),
      IsOk());
  const UnixNanos end =
      UnixNanos::FromNanos(UnixNanos::Max().nanos() - 10'000'000'000);
  ASSERT_TRUE(memory.admission->Admit({.key = key.secret.text()}, end).ok());
  const AdmissionResult a =
      memory.admission->Admit({.key = key.secret.text()}, end);
  EXPECT_EQ(a.reason, Reason::kRateLimited);
  EXPECT_FALSE(a.retryable);
}

TEST(Admission, UnknownPlansAndAccountsAreNamed) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  EXPECT_THAT(
      memory.admission->SetPlan("acme", "prp", {}, kNow),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"pro\"")));
  EXPECT_THAT(memory.admission->SetWindows("acme", W("a:1/1m,b:1/1h"), kNow),
              IsOk());
  for (const absl::Status& status :
       {memory.admission->SetPlan("other", "pro", {}, kNow),
        memory.admission->SetWindows("other", {}, kNow),
        memory.admission->Suspend("other", kNow),
        memory.admission->Resume("other", kNow),
        memory.admission->Describe("other", At()).status()}) {
    EXPECT_THAT(status,
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"other\"")));
  }
  EXPECT_THAT(memory.admission->Provision("a b", kNow),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

TEST(Admission, WhatTheStoreRefusedDidNotHappen) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  memory.account_store.error = absl::UnavailableError("disk");
  const absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;
  EXPECT_THAT(memory.admission->Provision("new", kNow),
              StatusIs(kUnavailable, _));
  EXPECT_THAT(memory.admission->SetPlan("acme", "pro", {}, kNow),
              StatusIs(kUnavailable, _));
  const AdmissionResult a =
      memory.admission->Admit({.key = key.secret.text()}, At());
  EXPECT_EQ(a.plan->name(), "free_trial");
  EXPECT_EQ(a.limits->remaining(0), 9u);
  // But who is to be kept out, is.
  EXPECT_THAT(memory.admission->Suspend("acme", kNow),
              StatusIs(kUnavailable, _));
  EXPECT_EQ(memory.admission->Admit({.key = key.secret.text()}, At()).reason,
            Reason::kSuspended);
  // It is shown as it is in force, and not durable, until it is written.
  EXPECT_TRUE(memory.accounts->Find("acme")->is_suspended);
  EXPECT_FALSE(memory.accounts->Find("acme")->is_durable);
  memory.account_store.error = absl::OkStatus();
  EXPECT_THAT(memory.admission->Provision("new", kNow), IsOk());
  EXPECT_THAT(memory.accounts->RetryPuts(), IsOk());
  EXPECT_TRUE(memory.accounts->Find("acme")->is_durable);
  EXPECT_THAT(memory.admission->Suspend("acme", kNow), IsOk());
}

TEST(Admission, AccountsOutliveTheAdmission) {
  MemoryAdmission memory;
  const MintedKey acme = NewKey(memory);
  const MintedKey other = NewKey(memory, "other");
  ASSERT_THAT(
      memory.admission->SetPlan("acme", "enterprise", W("minute:7/1m"), kNow),
      IsOk());
  ASSERT_THAT(memory.admission->Suspend("other", kNow), IsOk());
  memory.Open();
  const AdmissionResult a =
      memory.admission->Admit({.key = acme.secret.text()}, At());
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(a.plan->name(), "enterprise");
  EXPECT_EQ(a.limits->remaining(0), 6u);
  EXPECT_EQ(memory.admission->Admit({.key = other.secret.text()}, At()).reason,
            Reason::kSuspended);
}

TEST(Admission, ProvisioningAnAccountAgainBindsItsKeys) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  ASSERT_THAT(memory.keys->Bind("acme", 0), IsOk());
  ASSERT_EQ(memory.admission->Admit({.key = key.secret.text()}, At()).reason,
            Reason::kNotProvisioned);
  ASSERT_THAT(memory.admission->Provision("acme", kNow), IsOk());
  EXPECT_TRUE(memory.admission->Admit({.key = key.secret.text()}, At()).ok());
}

TEST(Admission, SuspendedAccountEndsWhatRuns) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "100", At());
  ASSERT_TRUE(memory.admission->Admit(Video(key, 10, "a"), At()).ok());
  ASSERT_THAT(memory.admission->Suspend("acme", kNow), IsOk());
  EXPECT_THAT(memory.admission->Complete({"acme", "a", 10'000}, At()), IsOk());
}

TEST(Admission, AccountOnAPlanThatIsGoneIsFoundWhenItOpens) {
  MemoryAdmission memory;
  memory.account_store.rows = {{.account_id = "acme", .plan = "gold"}};
  memory.admission.reset();
  memory.accounts = AccountDirectory::Open(memory.account_store).value();
  EXPECT_THAT(Admission::Open(memory.parts(), {}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("acme"), HasSubstr("\"gold\""))));
  EXPECT_THAT(Admission::Open(memory.parts(), {.first_plan = "gold"}),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
  EXPECT_THAT(Admission::Open(memory.parts(),
                              {.reservation_timeout = absl::ZeroDuration()}),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

// The built-in catalog with this price of a second of video, and this limit of
// a minute on Free Trial.
Catalog PricedAt(absl::string_view second, absl::string_view windows) {
  const Catalog& built_in = Catalog::BuiltIn();
  Catalog::Spec spec = {.version = absl::StrCat("at-", second)};
  spec.price_lists.push_back(
      PriceList::Create(
          absl::InfinitePast(),
          {{"avatar_video",
            Price::Create({.credits = C(second), .per = 1'000}).value()}})
          .value());
  spec.operations.assign(built_in.operations().begin(),
                         built_in.operations().end());
  spec.operations.push_back({"relic", QuantityUnit::kCount, "piece"});
  for (const Plan& plan : built_in.plans()) {
    Plan::Spec copy = {.name = plan.name()};
    copy.windows.assign(plan.windows().begin(), plan.windows().end());
    copy.operations.assign(plan.operations().begin(), plan.operations().end());
    if (plan.name() == "free_trial") copy.windows = W(windows);
    // Another order: a plan's place is another one.
    spec.plans.insert(spec.plans.begin(), Plan::Create(copy).value());
  }
  return Catalog::Create(spec).value();
}

TEST(Admission, CatalogIsReplacedFromTheNextRequestAndUseIsKept) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "1000", At());
  ASSERT_EQ(memory.admission->Admit(Video(key, 10, "a"), At()).need, C("10"));
  const Catalog next = PricedAt("3", "minute:4/1m,day:100/24h");
  ASSERT_THAT(memory.admission->SetCatalog(next), IsOk());
  EXPECT_EQ(&memory.admission->catalog(), &next);
  const AdmissionResult a = memory.admission->Admit(Video(key, 10, "b"), At());
  EXPECT_EQ(a.need, C("30"));
  EXPECT_EQ(a.plan, next.FindPlan("free_trial"));
  EXPECT_EQ(a.limits->remaining(0), 2u);
  EXPECT_EQ(memory.admission->Describe("acme", At())->plan, a.plan);
  // A job goes by the prices that it was admitted at; a new account by these.
  EXPECT_EQ(memory.admission->Complete({"acme", "a", 9'000}, At())->charged,
            C("9"));
  const MintedKey other = NewKey(memory, "globex");
  EXPECT_EQ(memory.admission->Admit({.key = other.secret.text()}, At()).plan,
            a.plan);
  ASSERT_THAT(memory.admission->SetCatalog(Catalog::BuiltIn()), IsOk());
  EXPECT_EQ(memory.admission->Admit(Video(key, 10, "c"), At()).need, C("10"));
  EXPECT_EQ(memory.admission->Admit({.key = other.secret.text()}, At()).plan,
            Catalog::BuiltIn().FindPlan("free_trial"));
}

TEST(Admission, CatalogThatCannotBeUsedChangesNothing) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "1000", At());
  ASSERT_THAT(NewKey(memory, "studio").record.account_id, "studio");
  ASSERT_THAT(memory.admission->SetPlan("studio", "scale", {}, kNow), IsOk());
  const auto without = [](absl::string_view plan) {
    const Catalog all = PricedAt("3", "minute:10/1m,day:100/24h");
    Catalog::Spec spec = {.version = "without"};
    spec.operations.assign(all.operations().begin(), all.operations().end());
    spec.price_lists.assign(all.price_lists().begin(), all.price_lists().end());
    for (const Plan& p : all.plans()) {
      if (p.name() != plan) spec.plans.push_back(p);
    }
    return Catalog::Create(spec).value();
  };
  const Catalog no_scale = without("scale");
  const Catalog no_trial = without("free_trial");
  // Windows of `many` have no room any more, those of acme's plan have.
  for (size_t i = 0; i < LimiterRegistry::kDistinctWindowsMax; ++i) {
    memory.limits
        ->SetWindows("acme", W(absl::StrCat("day:", 1'000 + i, "/24h")), At())
        .IgnoreError();
  }
  ASSERT_THAT(memory.admission->SetPlan("acme", "free_trial", {}, kNow),
              IsOk());
  const Catalog other_windows = PricedAt("3", "minute:4/1m,day:77/24h");
  const struct {
    const Catalog& catalog;
    absl::StatusCode code;
    absl::string_view said;
  } kCases[] = {
      {no_scale, absl::StatusCode::kFailedPrecondition, "account studio"},
      {no_trial, absl::StatusCode::kInvalidArgument, "free_trial"},
      {other_windows, absl::StatusCode::kResourceExhausted, "windows"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.said);
    EXPECT_THAT(memory.admission->SetCatalog(c.catalog),
                StatusIs(c.code, HasSubstr(std::string(c.said))));
    EXPECT_EQ(&memory.admission->catalog(), &Catalog::BuiltIn());
    const AdmissionResult a = memory.admission->Admit(
        Video(key, 10, absl::StrCat("job-", c.said.size())), At());
    EXPECT_EQ(a.need, C("10"));
    EXPECT_EQ(a.plan, Catalog::BuiltIn().FindPlan("free_trial"));
    EXPECT_EQ(a.limits->windows().window(0).limit(), 10u);
  }
}

TEST(Admission, WindowsInShadowModeReportAndRefuseNobody) {
  MemoryAdmission memory(Catalog::BuiltIn(), {.shadow_windows = {"day"}});
  const MintedKey key = NewKey(memory);
  ASSERT_THAT(
      memory.admission->SetWindows("acme", W("minute:5/1m,day:3/24h"), kNow),
      IsOk());
  size_t would_refuse = 0;
  for (int i = 0; i < 7; ++i) {
    const AdmissionResult a =
        memory.admission->Admit({.key = key.secret.text()}, At());
    EXPECT_EQ(a.ok(), i < 5) << i;
    EXPECT_EQ(a.limits->windows().size(), 1u);
    // What the others refuse is not counted.
    EXPECT_EQ(a.shadow.has_value(), i < 5);
    if (a.shadow.has_value()) would_refuse += !a.shadow->allowed();
  }
  EXPECT_EQ(would_refuse, 2u);
}

TEST(Admission, AccountWithAllWindowsInShadowModeIsNotOneWithout) {
  MemoryAdmission memory(Catalog::BuiltIn(),
                         {.shadow_windows = {"minute", "day"}});
  const MintedKey key = NewKey(memory);
  for (int i = 0; i < 12; ++i) {
    const AdmissionResult a =
        memory.admission->Admit({.key = key.secret.text()}, At());
    EXPECT_TRUE(a.ok());
    EXPECT_FALSE(a.limits.has_value());
    EXPECT_EQ(a.shadow->allowed(), i < 10) << i;
  }
  ASSERT_THAT(memory.admission->SetPlan("acme", "enterprise", {}, kNow),
              IsOk());
  EXPECT_EQ(memory.admission->Admit({.key = key.secret.text()}, At()).reason,
            Reason::kNoWindows);
}

TEST(Admission, ViewShowsWhatAnAccountIsOnAndHas) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  const auto fresh = memory.admission->Describe("acme", At());
  ASSERT_THAT(fresh, IsOk());
  EXPECT_FALSE(fresh->balance.has_value());
  memory.Grant("acme", "100", At());
  ASSERT_TRUE(memory.admission->Admit(Video(key, 10, "a"), At()).ok());
  const auto view = memory.admission->Describe("acme", At());
  ASSERT_THAT(view, IsOk());
  EXPECT_EQ(view->record.plan, "free_trial");
  EXPECT_EQ(view->plan->name(), "free_trial");
  EXPECT_EQ(FormatWindows(view->windows), "minute:10/1m,day:100/24h");
  EXPECT_EQ(view->limits->remaining(0), 9u);
  EXPECT_FALSE(view->shadow.has_value());
  EXPECT_EQ(view->balance->available, C("90"));
  EXPECT_EQ(view->balance->reserved, C("10"));
  ASSERT_THAT(memory.admission->SetPlan("acme", "enterprise", {}, kNow),
              IsOk());
  EXPECT_FALSE(memory.admission->Describe("acme", At())->limits.has_value());
}

TEST(Admission, HandedOverRegistryMakesItUnavailable) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  ASSERT_THAT(memory.limits->HandOver([](const LimiterRegistry::Account&) {}),
              IsOk());
  const AdmissionResult a =
      memory.admission->Admit({.key = key.secret.text()}, At());
  EXPECT_EQ(a.reason, Reason::kUnavailable);
  EXPECT_TRUE(a.retryable);
}

class CountingObserver : public AdmissionObserver {
 public:
  void OnAdmitted(const AdmissionResult& a) override {
    ++admitted;
    last = a.reason;
  }
  void OnRefused(const AdmissionResult& a) override {
    ++refused;
    last = a.reason;
  }
  void OnSettled(const Settlement& settlement) override {
    charged = settlement.charged;
  }

  size_t admitted = 0;
  size_t refused = 0;
  Reason last = Reason::kAdmitted;
  Credits charged;
};

// A key of scope service or admin works for the account that it names, and is
// bound by its plan and its credits, but by no window.
TEST(Admission, ServiceKeyNamesTheAccountAndNoWindowApplies) {
  for (const ApiKeyScope scope : {ApiKeyScope::kService, ApiKeyScope::kAdmin}) {
    MemoryAdmission memory;
    const MintedKey customer = NewKey(memory);
    const MintedKey service =
        memory.admission
            ->CreateKey({.account_id = "billing", .scope = scope}, kNow)
            .value();
    ASSERT_THAT(
        memory.admission->SetPlan("acme", "pro", W("minute:1/1m"), kNow),
        IsOk());
    memory.Grant("acme", "100", At());
    AdmissionRequest asked = Video(service, 10, "job-1");
    AdmissionResult a = memory.admission->Admit(asked, At());
    EXPECT_EQ(a.reason, Reason::kWrongScope);
    EXPECT_THAT(a.detail, HasSubstr(std::string(ApiKeyScopeName(scope))));
    EXPECT_EQ(
        memory.admission->Admit({.key = service.secret.text()}, At()).reason,
        Reason::kWrongScope);
    asked.account = "acme";
    a = memory.admission->Admit(asked, At());
    EXPECT_TRUE(a.ok());
    EXPECT_EQ(a.account(), "acme");
    EXPECT_EQ(a.need, C("10"));
    EXPECT_FALSE(a.limits.has_value());
    asked.id = "job-2";
    EXPECT_TRUE(memory.admission->Admit(asked, At()).ok());
    EXPECT_EQ(TracesOf(memory, At()).used, 0u);
    asked.id = "job-3";
    asked.quantity = 81'000;
    EXPECT_EQ(memory.admission->Admit(asked, At()).reason,
              Reason::kInsufficientCredits);
    ASSERT_THAT(memory.admission->SetPlan("acme", "free_trial", {}, kNow),
                IsOk());
    asked.operation = "photo_avatar";
    EXPECT_EQ(memory.admission->Admit(asked, At()).reason,
              Reason::kOperationNotInPlan);
    ASSERT_THAT(memory.admission->Suspend("acme", kNow), IsOk());
    EXPECT_EQ(memory.admission->Admit(asked, At()).reason, Reason::kSuspended);
    asked.account = "nobody";
    EXPECT_EQ(memory.admission->Admit(asked, At()).reason,
              Reason::kNotProvisioned);
  }
}

TEST(Admission, CustomerKeyNamesNoOtherAccount) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  NewKey(memory, "other");
  memory.Grant("other", "100", At());
  memory.Grant("acme", "100", At());
  AdmissionRequest asked = Video(key, 10, "job-1");
  asked.account = "other";
  EXPECT_EQ(memory.admission->Admit(asked, At()).reason, Reason::kWrongScope);
  asked.account = "acme";
  EXPECT_TRUE(memory.admission->Admit(asked, At()).ok());
}

TEST(Admission, ObserverHearsOfEveryAnswer) {
  CountingObserver observer;
  MemoryAdmission memory(Catalog::BuiltIn(), {.observer = &observer});
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "100", At());
  (void)memory.admission->Admit({}, At());
  EXPECT_EQ(observer.last, Reason::kUnauthenticated);
  (void)memory.admission->Admit(Video(key, 10, "a"), At());
  (void)memory.admission->Admit(Video(key, 1'000, "b"), At());
  EXPECT_EQ(observer.last, Reason::kInsufficientCredits);
  EXPECT_EQ(observer.admitted, 1u);
  EXPECT_EQ(observer.refused, 2u);
  ASSERT_THAT(memory.admission->Complete({"acme", "a", 10'000}, At()), IsOk());
  EXPECT_EQ(observer.charged, C("10"));
}

// Ids that look like what admission makes of others.
TEST(Admission, IdsOfReservationsAndTheirEndsNeverMeet) {
  MemoryAdmission memory;
  const MintedKey key = NewKey(memory);
  memory.Grant("acme", "100", At());
  const std::string ids[] = {"a", "complete:1000:a", "cancel:a", "admit:a",
                             "1000:a"};
  for (const std::string& id : ids) {
    ASSERT_TRUE(memory.admission->Admit(Video(key, 2, id), At()).ok()) << id;
  }
  for (const std::string& id : ids) {
    EXPECT_THAT(memory.admission->Complete({"acme", id, 1'000}, At()), IsOk())
        << id;
  }
  EXPECT_EQ(memory.ledger->BalanceOf("acme", At())->posted, C("5"));
}

}  // namespace
}  // namespace konpro
