#include "konpro/limits/limiter_registry.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/account_id.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/account_hash.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;
using Handle = LimiterRegistry::Handle;
using Windows = std::vector<RateWindow>;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'699'920'000 * kSecond;  // of a day

UnixNanos At(int64_t after) { return UnixNanos::FromNanos(kStart + after); }

RateWindow Window(absl::string_view name, int64_t limit, absl::Duration period,
                  WindowKind kind = WindowKind::kFixed) {
  return RateWindow::Create(
             {.name = name, .kind = kind, .limit = limit, .period = period})
      .value();
}
Windows MinuteAndDay(int64_t minute, int64_t day) {
  return {Window("minute", minute, absl::Minutes(1)),
          Window("day", day, absl::Hours(24))};
}

std::unique_ptr<LimiterRegistry> Registry(size_t capacity,
                                          bool staggered = false,
                                          uint64_t seed = 1) {
  return LimiterRegistry::Create(
             {.capacity = capacity, .staggered = staggered, .seed = seed})
      .value();
}

TEST(LimiterRegistry, DecidesForEachAccountAlone) {
  const auto registry = Registry(10);
  ASSERT_THAT(registry->Insert("a", MinuteAndDay(2, 5)), IsOk());
  ASSERT_THAT(registry->Insert("b", MinuteAndDay(1, 5)), IsOk());
  const struct {
    absl::string_view account;
    uint64_t cost;
    LimitOutcome outcome;
  } kCases[] = {
      {"a", 1, LimitOutcome::kAllowed},
      {"b", 1, LimitOutcome::kAllowed},
      {"b", 1, LimitOutcome::kRetryLater},
      {"a", 1, LimitOutcome::kAllowed},
      {"a", 1, LimitOutcome::kRetryLater},
      {"a", 3, LimitOutcome::kExceedsLimit},
      {"c", 1, LimitOutcome::kUnknownAccount},
      {"c", 0, LimitOutcome::kUnknownAccount},
      {"", 1, LimitOutcome::kUnknownAccount},
      {"a", 0, LimitOutcome::kAllowed},
      {"aa", 1, LimitOutcome::kUnknownAccount},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(registry->TryAcquire(c.account, c.cost, At(0)).outcome(),
              c.outcome)
        << c.account << " " << c.cost;
  }
  EXPECT_EQ(registry->size(), 2u);
}

TEST(LimiterRegistry, UnknownAccountIsRefusedForEver) {
  const auto registry = Registry(10);
  const std::string long_id(129, 'x');
  EXPECT_FALSE(registry->Find(long_id));
  for (const absl::string_view id : {"", "a", long_id.c_str()}) {
    const Decision d = registry->TryAcquire(id, 1, At(3));
    EXPECT_EQ(d.outcome(), LimitOutcome::kUnknownAccount);
    EXPECT_FALSE(d.allowed());
    EXPECT_EQ(d.retry_at(), UnixNanos::Max());
    EXPECT_EQ(registry->TryAcquire(id, 1).outcome(), d.outcome());
  }
  EXPECT_EQ(registry->Peek(Handle(), 1, At(3)).outcome(),
            LimitOutcome::kUnknownAccount);
  EXPECT_TRUE(
      registry->Release(Handle(), registry->TryAcquire("a", 1, At(3)), At(3)));
}

TEST(LimiterRegistry, HandleIsTheAccount) {
  const auto registry = Registry(10);
  const Handle handle = registry->Insert("a", MinuteAndDay(3, 9)).value();
  EXPECT_TRUE(registry->TryAcquire(handle, 2, At(0)).allowed());
  const Decision d = registry->TryAcquire("a", 1, At(0));
  EXPECT_TRUE(d.allowed());
  EXPECT_EQ(registry->Peek(registry->Find("a"), 1, At(0)).remaining(1), 6u);
  EXPECT_TRUE(registry->Release(handle, d, At(1)));
  EXPECT_EQ(registry->Peek(handle, 1, At(1)).remaining(0), 1u);
}

TEST(LimiterRegistry, OwnClockIsTheCoarseOne) {
  const auto registry = Registry(10);
  const Handle handle = registry->Insert("a", MinuteAndDay(3, 9)).value();
  const UnixNanos before = UnixNanos::CoarseNow();
  EXPECT_GE(registry->TryAcquire("a", 1).now(), before);
  EXPECT_GE(registry->TryAcquire(handle, 1).now(), before);
  EXPECT_LE(registry->TryAcquire(handle, 1).now(),
            UnixNanos::FromTime(absl::Now()));
}

TEST(LimiterRegistry, WrongInputChangesNothing) {
  EXPECT_THAT(LimiterRegistry::Create({.capacity = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("0 accounts are outside 1 .. 16777216")));
  EXPECT_THAT(
      LimiterRegistry::Create({.capacity = LimiterRegistry::kCapacityMax + 1}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("capacity: ")));
  const auto registry = Registry(10);
  const Windows windows = MinuteAndDay(2, 5);
  ASSERT_THAT(registry->Insert("a", windows), IsOk());
  EXPECT_THAT(registry->Insert("a", windows),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("a")));
  EXPECT_THAT(registry->Insert("", windows),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("account_id: \"\" is not 1 to 128 bytes")));
  EXPECT_THAT(
      registry->Insert(std::string(129, 'x'), windows),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("account_id: ")));
  EXPECT_THAT(registry->Insert("a b", windows),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"a b\" is not")));
  EXPECT_THAT(registry->Insert("b", {windows[0], windows[1], windows[0]}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("windows[2]: more than 2 windows")));
  EXPECT_THAT(
      registry->Insert("b", {windows[0], windows[0]}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("windows[1].name: \"minute\" is the first window's")));
  EXPECT_THAT(registry->SetWindows("b", windows, At(0)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("b")));
  EXPECT_THAT(
      registry->SetWindows("a", {windows[0], windows[0]}, At(0)),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("windows[1].name: \"minute\" is the first window's")));
  const LimiterWindows compiled(windows[0]);
  EXPECT_THAT(
      registry->Restore(
          {.id = "b", .windows = &compiled, .state = LimiterState::Closed()}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("b")));
  EXPECT_THAT(registry->Restore({.id = "a", .windows = &compiled, .state = {}}),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("a")));
  EXPECT_EQ(registry->size(), 1u);
}

TEST(LimiterRegistry, IdsOfEveryLengthAreTold) {
  const auto registry = Registry(1'000);
  std::vector<std::string> ids;
  for (size_t size = 1; size <= 128; ++size) {
    ids.push_back(std::string(size, 'a'));
    ids.push_back(std::string(size, '!'));
    ids.push_back(std::string(size - 1, 'a') + "b");
    if (size > 1) ids.push_back("b" + std::string(size - 1, 'a'));
    if (size > 8) ids.push_back(ids.back().substr(0, size - 5) + "bbbbb");
  }
  for (const std::string& id : ids) {
    ASSERT_FALSE(registry->Find(id)) << id.size();
    ASSERT_THAT(registry->Insert(id, MinuteAndDay(1, 5)), IsOk()) << id.size();
  }
  for (const std::string& id : ids) {
    EXPECT_TRUE(registry->TryAcquire(id, 1, At(0)).allowed()) << id.size();
  }
}

// Zeros follow a short id's bytes; its length is hashed too.
TEST(LimiterRegistry, HashOfZerosDependsOnTheirNumber) {
  const internal::AccountHash hash(internal::AccountHash::KeyOf(1));
  std::set<uint64_t> hashes;
  for (size_t size = 1; size <= kAccountIdBytesMax; ++size) {
    hashes.insert(hash(std::string(size, '\0')));
  }
  EXPECT_EQ(hashes.size(), kAccountIdBytesMax);
}

TEST(LimiterRegistry, AccountWithoutWindowsIsRefusedUntilItHasSome) {
  const auto registry = Registry(10);
  const Handle handle = registry->Insert("enterprise", {}).value();
  for (const uint64_t cost : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}}) {
    const Decision d = registry->TryAcquire(handle, cost, At(0));
    EXPECT_EQ(d.outcome(), LimitOutcome::kNoWindows);
    EXPECT_EQ(d.windows().size(), 0u);
  }
  ASSERT_THAT(registry->SetWindows("enterprise", MinuteAndDay(5, 9), At(0)),
              IsOk());
  EXPECT_TRUE(registry->TryAcquire(handle, 4, At(0)).allowed());
  // Taking the windows away and giving them back mints nothing.
  ASSERT_THAT(registry->SetWindows("enterprise", {}, At(1)), IsOk());
  EXPECT_EQ(registry->TryAcquire(handle, 1, At(1)).outcome(),
            LimitOutcome::kNoWindows);
  ASSERT_THAT(registry->SetWindows("enterprise", {}, At(1)), IsOk());
  ASSERT_THAT(registry->SetWindows("enterprise", MinuteAndDay(6, 9), At(1)),
              IsOk());
  const Decision d = registry->Peek(handle, 1, At(1));
  EXPECT_EQ(d.remaining(0), 2u);
  EXPECT_EQ(d.remaining(1), 5u);
}

TEST(LimiterRegistry, WindowsThatHaveRoomCanBeSetWhenNoOthersCan) {
  const auto registry = Registry(10);
  const Handle handle = registry->Insert("a", MinuteAndDay(3, 9)).value();
  ASSERT_THAT(registry->KeepWindows("a", MinuteAndDay(4, 9)), IsOk());
  EXPECT_EQ(registry->Peek(handle, 1, At(0)).remaining(0), 3u);
  EXPECT_THAT(registry->KeepWindows("b", MinuteAndDay(4, 9)),
              StatusIs(absl::StatusCode::kNotFound, ::testing::_));
  for (size_t i = 2; i < LimiterRegistry::kDistinctWindowsMax; ++i) {
    ASSERT_THAT(registry->KeepWindows("a", MinuteAndDay(100, 100 + i)), IsOk());
  }
  for (const auto& call :
       {registry->KeepWindows("a", MinuteAndDay(5, 9)),
        registry->SetWindows("a", MinuteAndDay(5, 9), At(0))}) {
    EXPECT_THAT(call,
                StatusIs(absl::StatusCode::kResourceExhausted, ::testing::_));
  }
  EXPECT_THAT(registry->SetWindows("a", MinuteAndDay(4, 9), At(0)), IsOk());
  EXPECT_EQ(registry->Peek(handle, 1, At(0)).remaining(0), 4u);
}

TEST(LimiterRegistry, PlanChangeCountsFromTheNextCallAndKeepsWhatWasUsed) {
  const auto registry = Registry(10);
  const Handle handle = registry->Insert("a", MinuteAndDay(3, 9)).value();
  ASSERT_TRUE(registry->TryAcquire(handle, 3, At(0)).allowed());
  const struct {
    Windows windows;
    uint64_t minute_left;
    uint64_t day_left;
  } kCases[] = {
      {MinuteAndDay(10, 20), 7, 17},
      {MinuteAndDay(2, 4), 0, 1},
      {{Window("minute", 6, absl::Minutes(1), WindowKind::kTokenBucket),
        Window("day", 9, absl::Hours(24))},
       3,
       6},
      {MinuteAndDay(5, 5), 2, 2},
  };
  for (const auto& c : kCases) {
    ASSERT_THAT(registry->SetWindows("a", c.windows, At(0)), IsOk());
    const Decision d = registry->Peek(handle, 1, At(0));
    EXPECT_EQ(d.remaining(0), c.minute_left);
    EXPECT_EQ(d.remaining(1), c.day_left);
  }
}

// semantics: a change never mints. What comes after the first windows, and how
// many permits of the day are left when it is back.
TEST(LimiterRegistry, WindowThatIsDroppedAndComesBackKeepsWhatWasUsed) {
  const RateWindow minute = Window("minute", 50, absl::Minutes(1));
  const RateWindow day = Window("day", 9, absl::Hours(24));
  const RateWindow hour = Window("hour", 30, absl::Hours(1));
  const struct {
    std::vector<std::vector<RateWindow>> between;
    uint64_t left;
  } cases[] = {
      {{{minute}}, 5},
      {{{minute}, {}}, 5},
      {{{}, {minute}}, 5},
      {{{minute}, {minute}}, 5},
      {{{hour}}, 5},
      {{{day}}, 5},
      {{{minute}, {day}, {minute}}, 5},
  };
  for (const auto& c : cases) {
    const auto registry = Registry(10);
    const Handle handle = registry->Insert("a", {minute, day}).value();
    for (int i = 0; i < 4; ++i) {
      EXPECT_TRUE(registry->TryAcquire(handle, 1, At(0)).allowed());
    }
    for (const std::vector<RateWindow>& windows : c.between) {
      ASSERT_THAT(registry->SetWindows("a", windows, At(0)), IsOk());
    }
    EXPECT_EQ(registry->DropIdle(At(3'600'000'000'000)), 0u);
    ASSERT_THAT(registry->SetWindows("a", {minute, day}, At(0)), IsOk());
    EXPECT_EQ(registry->Peek(handle, 1, At(0)).remaining(1), c.left);
  }
}

TEST(LimiterRegistry, FullRegistryRefusesAndKeepsWhatItHas) {
  for (const size_t capacity : {size_t{1}, size_t{7}, size_t{1'000}}) {
    const auto registry = Registry(capacity);
    for (size_t i = 0; i < capacity; ++i) {
      ASSERT_THAT(registry->Insert(absl::StrCat("a", i), MinuteAndDay(1, 5)),
                  IsOk());
    }
    EXPECT_THAT(registry->Insert("more", MinuteAndDay(1, 5)),
                StatusIs(absl::StatusCode::kResourceExhausted,
                         HasSubstr(absl::StrCat(capacity, " of ", capacity))));
    EXPECT_FALSE(registry->Find("more"));
    for (size_t i = 0; i < capacity; ++i) {
      EXPECT_TRUE(
          registry->TryAcquire(absl::StrCat("a", i), 1, At(0)).allowed());
    }
  }
}

TEST(LimiterRegistry, DifferentWindowsAreLimited) {
  const auto registry = Registry(LimiterRegistry::kDistinctWindowsMax + 1);
  for (size_t i = 0; i < LimiterRegistry::kDistinctWindowsMax; ++i) {
    ASSERT_THAT(registry->Insert(absl::StrCat("a", i),
                                 {Window("minute", 1 + i, absl::Minutes(1))}),
                IsOk());
  }
  EXPECT_THAT(
      registry->Insert("more", MinuteAndDay(1, 5)),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("65535")));
  EXPECT_THAT(
      registry->SetWindows("a0", MinuteAndDay(1, 5), At(0)),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("65535")));
  EXPECT_THAT(registry->Insert("more", {Window("minute", 9, absl::Minutes(1))}),
              IsOk());
}

// Whoever knows the key can make ids of equal hashes: where the first word is
// the negative of its key, no second word counts.
std::string FirstWord(uint64_t seed) {
  const uint64_t word = -internal::AccountHash::KeyOf(seed)[0];
  std::string bytes(sizeof(word), '\0');
  std::memcpy(bytes.data(), &word, sizeof(word));
  return bytes;
}

// The first seed with which such a word is legal in an id.
uint64_t CollidingSeed() {
  static const uint64_t seed = [] {
    uint64_t s = 0;
    while (!IsAccountId(FirstWord(s))) ++s;
    return s;
  }();
  return seed;
}

std::string Colliding(int second) {
  // Bytes 8 .. 15 are a factor of the first product alone if 16 more follow.
  return absl::StrCat(FirstWord(CollidingSeed()),
                      absl::Dec(second, absl::kZeroPad8), std::string(16, 'x'));
}

TEST(LimiterRegistry, AccountsWithEqualHashesAreBothRight) {
  const auto registry = Registry(100, /*staggered=*/false, CollidingSeed());
  const internal::AccountHash hash(
      internal::AccountHash::KeyOf(CollidingSeed()));
  ASSERT_EQ(hash(Colliding(0)), hash(Colliding(1)));
  std::vector<Handle> handles;
  constexpr int kMax = LimiterRegistry::kSharedHashesMax;
  for (int i = 0; i < kMax; ++i) {
    ASSERT_THAT(registry->Insert(Colliding(i), MinuteAndDay(kMax, 99)), IsOk());
    handles.push_back(registry->Find(Colliding(i)));
  }
  EXPECT_THAT(registry->Insert(Colliding(kMax), MinuteAndDay(1, 5)),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("has the hash of another")));
  EXPECT_EQ(registry->TryAcquire(Colliding(1'000), 1, At(0)).outcome(),
            LimitOutcome::kUnknownAccount);
  for (int i = 0; i < kMax; ++i) {
    ASSERT_TRUE(registry->TryAcquire(Colliding(i), 1 + i, At(0)).allowed());
  }
  for (int i = 0; i < kMax; ++i) {
    EXPECT_EQ(registry->Peek(handles[i], 1, At(0)).remaining(1), 98u - i);
  }
  ASSERT_THAT(registry->SetWindows(Colliding(3), MinuteAndDay(50, 99), At(0)),
              IsOk());
  EXPECT_EQ(registry->Peek(handles[3], 1, At(0)).remaining(0), 46u);
  EXPECT_EQ(registry->Peek(handles[4], 1, At(0)).remaining(0), kMax - 5u);
  // They stay, idle or not.
  EXPECT_EQ(registry->DropIdle(At(86'400 * kSecond)), 0u);
  EXPECT_TRUE(registry->Peek(handles[0], 1, At(0)).outcome() !=
              LimitOutcome::kUnknownAccount);
}

TEST(LimiterRegistry, DroppedAccountWithTheHashOfAnotherComesBack) {
  const auto registry = Registry(100, /*staggered=*/false, CollidingSeed());
  ASSERT_THAT(registry->Insert(Colliding(0), MinuteAndDay(3, 9)), IsOk());
  ASSERT_EQ(registry->DropIdle(At(0)), 1u);
  ASSERT_THAT(registry->Insert(Colliding(1), MinuteAndDay(3, 9)), IsOk());
  for (int i = 0; i < 2; ++i) registry->DropIdle(At(0));
  // One of them would take its slot.
  for (int i = 0; i < 98; ++i) {
    ASSERT_THAT(registry->Insert(absl::StrCat("a", i), MinuteAndDay(3, 9)),
                IsOk());
  }
  ASSERT_THAT(registry->Insert(Colliding(0), MinuteAndDay(3, 9)), IsOk());
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(registry->TryAcquire(Colliding(i), 1 + i, At(0)).allowed());
  }
  EXPECT_EQ(registry->Peek(registry->Find(Colliding(0)), 1, At(0)).remaining(0),
            2u);
}

TEST(LimiterRegistry, IdleAccountsAreDroppedAndMakeRoom) {
  const auto registry = Registry(2);
  const Handle idle = registry->Insert("idle", MinuteAndDay(3, 5)).value();
  const Handle busy = registry->Insert("busy", MinuteAndDay(3, 5)).value();
  ASSERT_TRUE(registry->TryAcquire("idle", 1, At(0)).allowed());
  ASSERT_TRUE(registry->TryAcquire("busy", 1, At(86'400 * kSecond)).allowed());
  EXPECT_EQ(registry->DropIdle(At(60 * kSecond)), 0u);
  EXPECT_EQ(registry->DropIdle(At(86'460 * kSecond)), 1u);
  EXPECT_EQ(registry->TryAcquire(idle, 1, At(86'460 * kSecond)).outcome(),
            LimitOutcome::kUnknownAccount);
  EXPECT_FALSE(registry->TryAcquire("idle", 1, At(86'460 * kSecond)).allowed());
  EXPECT_EQ(registry->size(), 1u);
  // Its room is free behind the next time.
  EXPECT_THAT(registry->Insert("next", MinuteAndDay(3, 5)),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("2")));
  EXPECT_EQ(registry->DropIdle(At(86'461 * kSecond)), 0u);
  ASSERT_THAT(registry->Insert("next", MinuteAndDay(3, 5)), IsOk());
  EXPECT_EQ(registry->TryAcquire(idle, 1, At(86'460 * kSecond)).outcome(),
            LimitOutcome::kUnknownAccount);
  EXPECT_EQ(registry->Peek(busy, 1, At(86'461 * kSecond)).remaining(1), 4u);
}

// In a table of few slots, most handles are of slots that got other accounts.
TEST(LimiterRegistry, HandleIsOfNobodyElse) {
  const auto registry = Registry(1);
  std::vector<Handle> handles;
  for (int i = 0; i < 500; ++i) {
    for (const Handle& handle : handles) {
      ASSERT_EQ(registry->Peek(handle, 1, At(0)).outcome(),
                LimitOutcome::kUnknownAccount);
    }
    const std::string id = absl::StrCat("account-", i);
    handles.push_back(registry->Insert(id, MinuteAndDay(3, 9)).value());
    for (const Handle& handle : handles) {
      ASSERT_EQ(registry->TryAcquire(handle, 0, At(0)).allowed(),
                &handle == &handles.back());
    }
    ASSERT_EQ(registry->DropIdle(At(0)), 1u);
    ASSERT_EQ(registry->DropIdle(At(0)), 0u);
  }
}

TEST(LimiterRegistry, DroppedAccountThatComesBackIsTheSame) {
  const auto registry = Registry(2);
  const Handle handle = registry->Insert("a", MinuteAndDay(3, 5)).value();
  ASSERT_TRUE(registry->TryAcquire(handle, 2, At(0)).allowed());
  ASSERT_EQ(registry->DropIdle(At(86'400 * kSecond)), 1u);
  ASSERT_THAT(registry->Insert("a", MinuteAndDay(4, 6)), IsOk());
  EXPECT_EQ(registry->size(), 1u);
  EXPECT_TRUE(registry->TryAcquire(handle, 4, At(86'400 * kSecond)).allowed());
  EXPECT_EQ(registry->DropIdle(At(86'400 * kSecond)), 0u);
}

// A stale clock meets no window that was dropped with its account.
TEST(LimiterRegistry, DropReopensNoWindow) {
  const auto registry = Registry(4);
  ASSERT_THAT(registry->Insert("a", {Window("minute", 3, absl::Minutes(1))}),
              IsOk());
  ASSERT_TRUE(registry->TryAcquire("a", 3, At(0)).allowed());
  ASSERT_EQ(registry->DropIdle(At(60 * kSecond)), 1u);
  ASSERT_EQ(registry->DropIdle(At(61 * kSecond)), 0u);
  EXPECT_EQ(registry->fresh_since(), At(61 * kSecond));
  ASSERT_THAT(registry->Insert("a", {Window("minute", 3, absl::Minutes(1))}),
              IsOk());
  ASSERT_TRUE(registry->TryAcquire("a", 3, At(59 * kSecond)).allowed());
  // These were permits of the second minute.
  EXPECT_FALSE(registry->TryAcquire("a", 1, At(119 * kSecond)).allowed());
  const auto next = Registry(4);
  next->RaiseFreshSince(registry->fresh_since());
  next->RaiseFreshSince(At(0));
  EXPECT_EQ(next->fresh_since(), At(61 * kSecond));
}

TEST(LimiterRegistry, StaggeredWindowsResetOneAfterTheOther) {
  const auto registry = Registry(4'000, /*staggered=*/true);
  std::map<int64_t, int> resets;
  for (int i = 0; i < 4'000; ++i) {
    const std::string id = absl::StrCat("account-", i);
    const Handle handle = registry->Insert(id, MinuteAndDay(1, 9)).value();
    ASSERT_TRUE(registry->TryAcquire(handle, 1, At(0)).allowed());
    const Decision d = registry->TryAcquire(handle, 1, At(1));
    ASSERT_EQ(d.retry_at(), d.reset_at(0));
    ++resets[d.reset_at(0).nanos()];
    ASSERT_FALSE(
        registry
            ->TryAcquire(handle, 1,
                         UnixNanos::FromNanos(d.retry_at().nanos() - 1))
            .allowed());
    ASSERT_TRUE(registry->TryAcquire(handle, 1, d.retry_at()).allowed());
    ASSERT_EQ((d.reset_at(1) - At(0)) / 1'440 / absl::Milliseconds(1) / 10,
              (d.reset_at(0) - At(0)) / absl::Milliseconds(1) / 10);
    // Wherever the account goes, whatever limit it gets.
    const auto other = Registry(1, /*staggered=*/true, /*seed=*/i);
    ASSERT_THAT(other->Insert(id, {}), IsOk());
    ASSERT_THAT(other->SetWindows(id, MinuteAndDay(7, 9), At(0)), IsOk());
    ASSERT_TRUE(other->TryAcquire(id, 1, At(0)).allowed());
    ASSERT_EQ(other->Peek(other->Find(id), 1, At(0)).reset_at(0),
              d.reset_at(0));
  }
  EXPECT_EQ(resets.size(), LimiterRegistry::kPhases);
  for (const auto& [at, count] : resets) EXPECT_LT(count, 60) << at;
  // A bucket has no boundary.
  const RateWindow bucket =
      Window("b", 1, absl::Minutes(1), WindowKind::kTokenBucket);
  const auto buckets = Registry(1, /*staggered=*/true);
  ASSERT_THAT(buckets->Insert("account-1", {bucket}), IsOk());
  EXPECT_EQ(buckets->TryAcquire("account-1", 1, At(0)).windows().window(0),
            bucket);
}

TEST(LimiterRegistry, BatchIsItsRequestsInOrder) {
  const auto registry = Registry(100);
  const auto twin = Registry(100);
  std::vector<std::string> ids;
  for (int i = 0; i < 60; ++i) {
    ids.push_back(absl::StrCat("account-", i));
    if (i % 10 == 0) continue;
    ASSERT_THAT(registry->Insert(ids[i], MinuteAndDay(3, 9)), IsOk());
    ASSERT_THAT(twin->Insert(ids[i], MinuteAndDay(3, 9)), IsOk());
  }
  ids.push_back("");
  ids.push_back(std::string(200, 'x'));
  std::mt19937_64 random(11);
  for (const size_t size : {0, 1, 31, 32, 33, 64, 100}) {
    std::vector<LimiterRegistry::Request> requests;
    for (size_t i = 0; i < size; ++i) {
      requests.push_back({ids[random() % ids.size()], random() % 5});
    }
    size_t seen = 0;
    registry->AcquireBatch(
        requests, At(size), [&](size_t i, const Decision& d) {
          ASSERT_EQ(i, seen++);
          const Decision single =
              twin->TryAcquire(requests[i].account, requests[i].cost, At(size));
          ASSERT_EQ(d.outcome(), single.outcome());
          ASSERT_EQ(d.state(), single.state());
        });
    EXPECT_EQ(seen, size);
  }
}

TEST(LimiterRegistry, HandedOverRegistryRefusesEverything) {
  const auto registry = Registry(10);
  const Handle handle = registry->Insert("a", MinuteAndDay(3, 9)).value();
  ASSERT_THAT(registry->Insert("idle", MinuteAndDay(3, 9)), IsOk());
  const Decision taken = registry->TryAcquire(handle, 2, At(0));
  ASSERT_EQ(registry->DropIdle(At(0)), 1u);
  std::map<std::string, LimiterState> shown;
  EXPECT_FALSE(registry->handed_over());
  ASSERT_THAT(registry->HandOver([&](const LimiterRegistry::Account& account) {
    shown[std::string(account.id)] = account.state;
  }),
              IsOk());
  EXPECT_TRUE(registry->handed_over());
  // Also what was dropped: a call may have been under way.
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown["a"], taken.state());
  EXPECT_EQ(registry->TryAcquire(handle, 1, At(0)).outcome(),
            LimitOutcome::kUnknownAccount);
  EXPECT_TRUE(registry->Release(handle, taken, At(0)));
  const auto is_over =
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("handed over"));
  EXPECT_THAT(registry->Insert("b", {}), is_over);
  EXPECT_THAT(registry->SetWindows("a", MinuteAndDay(1, 1), At(0)), is_over);
  EXPECT_THAT(registry->HandOver([](const LimiterRegistry::Account&) {}),
              is_over);
  EXPECT_EQ(registry->DropIdle(At(0)), 0u);
  EXPECT_EQ(registry->size(), 0u);
}

// Random verbs on few accounts in a small table, against a map of cells.
class Model {
 public:
  explicit Model(uint64_t seed)
      : random_(seed), registry_(Registry(kCapacity, false, seed)) {}

  void Step() {
    now_ += random_() % 3 == 0 ? random_() % (200 * kSecond) : 0;
    const std::string id = absl::StrCat("account-", random_() % kIds);
    switch (random_() % 12) {
      case 0:
      case 1:
        return Insert(id);
      case 2:
        return SetWindows(id);
      case 3:
        return random_() % 8 == 0 ? DropIdle() : Move();
      default:
        return Acquire(id);
    }
  }

 private:
  static constexpr size_t kCapacity = 24;
  static constexpr size_t kIds = 60;
  struct Known {
    LimiterWindows windows;
    LimiterState state;
  };

  Windows SomeWindows() {
    const WindowKind kind =
        random_() % 2 == 0 ? WindowKind::kFixed : WindowKind::kTokenBucket;
    Windows windows = {
        Window("minute", 1 + random_() % 6, absl::Minutes(1), kind),
        Window("hour", 1 + random_() % 20, absl::Hours(1))};
    if (random_() % 4 == 0) windows.pop_back();
    return windows;
  }
  static LimiterWindows Compiled(const Windows& windows) {
    return windows.size() == 1 ? LimiterWindows(windows[0])
                               : LimiterWindows(windows[0], windows[1]);
  }

  void Insert(const std::string& id) {
    const Windows windows = SomeWindows();
    const absl::Status status = registry_->Insert(id, windows).status();
    if (known_.count(id) > 0) {
      EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
    } else if (dropped_.count(id) == 0 &&
               known_.size() + dropped_.size() == kCapacity) {
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    } else {
      ASSERT_THAT(status, IsOk());
      dropped_.erase(id);
      known_.insert({id, {Compiled(windows), LimiterState()}});
    }
  }

  void SetWindows(const std::string& id) {
    const Windows windows = SomeWindows();
    const absl::Status status = registry_->SetWindows(id, windows, Now());
    const auto it = known_.find(id);
    if (it == known_.end()) {
      EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
      return;
    }
    ASSERT_THAT(status, IsOk());
    Known next = {KeepingOf(it->second.windows, Compiled(windows)),
                  LimiterState()};
    next.state =
        Carry(it->second.windows, next.windows, it->second.state, Now());
    known_.erase(it);
    known_.insert({id, next});
  }

  void DropIdle() {
    dropped_.clear();
    size_t expected = 0;
    for (auto it = known_.begin(); it != known_.end();) {
      const LimiterCell cell(it->second.state);
      const Decision d = Peek(cell, it->second.windows, 1, Now());
      bool fresh = d.reset_at(0) == Now();
      if (d.windows().kept_size() > 1) fresh = fresh && d.reset_at(1) == Now();
      if (!fresh) {
        ++it;
        continue;
      }
      ++expected;
      dropped_.insert({it->first, true});
      it = known_.erase(it);
    }
    EXPECT_EQ(registry_->DropIdle(Now()), expected);
  }

  // Into another registry: snapshot and restore.
  void Move() {
    auto next = Registry(kCapacity, false, random_());
    next->RaiseFreshSince(registry_->fresh_since());
    registry_->ForEach([&](const LimiterRegistry::Account& account) {
      EXPECT_THAT(next->Restore(account), IsOk());
    });
    registry_ = std::move(next);
    dropped_.clear();
  }

  void Acquire(const std::string& id) {
    const uint64_t cost = random_() % 4;
    const Decision d = registry_->TryAcquire(id, cost, Now());
    const auto it = known_.find(id);
    if (it == known_.end()) {
      EXPECT_EQ(d.outcome(), LimitOutcome::kUnknownAccount) << id;
      return;
    }
    LimiterCell cell(it->second.state);
    const Decision expected = TryAcquire(cell, it->second.windows, cost, Now());
    it->second.state = cell.Load();
    ASSERT_EQ(d.outcome(), expected.outcome());
    ASSERT_EQ(d.retry_at(), expected.retry_at());
    for (size_t i = 0; i < expected.windows().size(); ++i) {
      ASSERT_EQ(d.remaining(i), expected.remaining(i));
      ASSERT_EQ(d.reset_at(i), expected.reset_at(i));
    }
  }

  UnixNanos Now() const { return At(now_); }

  std::mt19937_64 random_;
  std::unique_ptr<LimiterRegistry> registry_;
  int64_t now_ = 0;
  std::map<std::string, Known> known_;
  std::map<std::string, bool> dropped_;
};

TEST(LimiterRegistry, AgreesWithAMapOfCells) {
  const char* seed_text = std::getenv("KONPRO_SEED");
  const uint64_t seed =
      seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : 1;
  for (uint64_t i = 0; i < 300; ++i) {
    Model model(seed + i);
    for (int step = 0; step < 2'000 && !HasFailure(); ++step) model.Step();
    ASSERT_FALSE(HasFailure()) << "KONPRO_SEED=" << seed + i;
  }
}

}  // namespace
}  // namespace konpro
