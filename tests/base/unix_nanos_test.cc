#include "konpro/base/unix_nanos.h"

#include <cstdint>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace konpro {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMax = INT64_MAX;

TEST(UnixNanos, ConvertsAndKeepsToItsDomain) {
  const struct {
    absl::Time time;
    int64_t nanos;
  } kCases[] = {
      {absl::UnixEpoch(), 0},
      {absl::InfinitePast(), 0},
      {absl::UnixEpoch() - absl::Nanoseconds(1), 0},
      {absl::UnixEpoch() + absl::Nanoseconds(1.75), 1},
      {absl::FromUnixSeconds(1'700'000'000), 1'700'000'000 * kSecond},
      {absl::FromUnixNanos(kMax), kMax},
      {absl::FromUnixNanos(kMax) + absl::Nanoseconds(1), kMax},
      {absl::InfiniteFuture(), kMax},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(UnixNanos::FromTime(c.time).nanos(), c.nanos) << c.time;
  }
  EXPECT_EQ(UnixNanos::FromNanos(-1), UnixNanos());
  EXPECT_EQ(UnixNanos::Max() - UnixNanos(), absl::Nanoseconds(kMax));
  EXPECT_EQ(UnixNanos::FromNanos(5).ToTime(),
            absl::UnixEpoch() + absl::Nanoseconds(5));
}

}  // namespace
}  // namespace konpro
