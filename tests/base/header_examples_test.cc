// The examples of the room's public headers, as they stand there.
#include <cstdint>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/account_id.h"
#include "konpro/base/clock_tolerance.h"
#include "konpro/base/credits.h"
#include "konpro/base/mutex.h"
#include "konpro/base/unix_nanos.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::_;

TEST(HeaderExamples, AccountId) {
  // account_id.h
  EXPECT_THAT(CheckAccountId("acct-1"), IsOk());
  EXPECT_THAT(CheckAccountId("acct 1"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "account_id: \"acct 1\" is not 1 to 128 bytes of "
                       "printable ASCII without blanks"));
}

TEST(HeaderExamples, ClockTolerance) {
  const absl::Time noon = absl::FromUnixSeconds(1'793'620'800);
  const absl::Time one_pm = noon + absl::Hours(1);
  EXPECT_EQ(
      // clock_tolerance.h
      *TakeTime({.field = "--at", .asked = noon, .clock = one_pm}), noon);
  EXPECT_EQ(
      *TakeTime(
          {.field = "--at", .asked = noon + kClockTolerance, .clock = noon}),
      noon);
  EXPECT_THAT(TakeTime({.field = "--at", .asked = one_pm, .clock = noon}),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

TEST(HeaderExamples, Credits) {
  // credits.h
  EXPECT_EQ(Credits::Parse("12.5")->ticks(), 75'000'000);
  EXPECT_THAT(Credits::Parse("1e3"),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
  EXPECT_EQ(Credits::FromTicks(600'000).ToString(), "0.1");
  EXPECT_EQ(Credits::FromTicks(1).ToString(), "~0");
  EXPECT_EQ(CheckedAdd(Credits::Max(), Credits::FromTicks(1)), std::nullopt);
}

TEST(HeaderExamples, Mutex) {
  struct Counter {
    // mutex.h
    Mutex mu_;
    CondVar changed_;
    int64_t count_ ABSL_GUARDED_BY(mu_) = 0;

    int64_t WaitForOne() {
      const MutexLock lock(mu_);
      while (count_ == 0) changed_.Wait(mu_);
      return count_;
    }
    void Add() {
      const MutexLock lock(mu_);
      ++count_;
      changed_.NotifyOne();
    }
  };
  Counter counter;
  std::thread adder([&] { counter.Add(); });
  EXPECT_EQ(counter.WaitForOne(), 1);
  adder.join();
}

TEST(HeaderExamples, UnixNanos) {
  EXPECT_EQ(
      // unix_nanos.h
      UnixNanos::FromNanos(1'700'000'000'000'000'000),
      UnixNanos::FromTime(absl::FromUnixSeconds(1'700'000'000)));
  EXPECT_GT(UnixNanos::CoarseNow(),
            UnixNanos::FromNanos(1'700'000'000'000'000'000));
}

}  // namespace
}  // namespace konpro
