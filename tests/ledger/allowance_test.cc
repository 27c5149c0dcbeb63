#include "konpro/ledger/allowance.h"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::absl::StatusCode;
using Day = ::absl::CivilDay;
using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::StartsWith;

Allowance::Spec Spec(Cycle cycle, Day anchor, absl::string_view zone = "UTC") {
  return {.source = "subscription-7",
          .item = "credits",
          .amount = Credits::FromTicks(1),
          .cycle = cycle,
          .anchor = anchor,
          .zone = std::string(zone)};
}

Allowance Make(Cycle cycle, Day anchor, absl::string_view zone = "UTC") {
  return Allowance::Create(Spec(cycle, anchor, zone)).value();
}

UnixNanos At(absl::string_view rfc3339) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, rfc3339, &time, &error))
      << error;
  return UnixNanos::FromTime(time);
}

TEST(Allowance, BeginsAreComputedFromTheAnchor) {
  struct Case {
    Cycle cycle;
    Day anchor;
    absl::string_view zone;
    int64_t index;
    absl::string_view begin;
  };
  constexpr absl::string_view kBerlin = "Europe/Berlin";
  const Day end_of_january(2027, 1, 31);
  const Day leap_day(2028, 2, 29);
  const std::vector<Case> cases = {
      {Cycle::kMonth, end_of_january, "UTC", 0, "2027-01-31T00:00:00Z"},
      {Cycle::kMonth, end_of_january, "UTC", 1, "2027-02-28T00:00:00Z"},
      {Cycle::kMonth, end_of_january, "UTC", 2, "2027-03-31T00:00:00Z"},
      {Cycle::kMonth, end_of_january, "UTC", 3, "2027-04-30T00:00:00Z"},
      {Cycle::kMonth, end_of_january, "UTC", 13, "2028-02-29T00:00:00Z"},
      {Cycle::kMonth, end_of_january, "UTC", 24, "2029-01-31T00:00:00Z"},
      {Cycle::kMonth, end_of_january, kBerlin, 1, "2027-02-28T00:00:00+01:00"},
      {Cycle::kMonth, end_of_january, kBerlin, 2, "2027-03-31T00:00:00+02:00"},
      {Cycle::kMonth, Day(2027, 1, 30), "UTC", 1, "2027-02-28T00:00:00Z"},
      {Cycle::kMonth, Day(2027, 1, 28), "UTC", 1, "2027-02-28T00:00:00Z"},
      {Cycle::kMonth, Day(2027, 12, 15), "UTC", 1, "2028-01-15T00:00:00Z"},
      {Cycle::kYear, leap_day, "UTC", 1, "2029-02-28T00:00:00Z"},
      {Cycle::kYear, leap_day, "UTC", 4, "2032-02-29T00:00:00Z"},
      {Cycle::kWeek, Day(2027, 3, 25), kBerlin, 1, "2027-04-01T00:00:00+02:00"},
      {Cycle::kDay, Day(2027, 2, 28), "UTC", 1, "2027-03-01T00:00:00Z"},
      // Midnight is left out, and is there twice.
      {Cycle::kDay, Day(2018, 11, 3), "America/Sao_Paulo", 1,
       "2018-11-04T01:00:00-02:00"},
      {Cycle::kDay, Day(2026, 10, 31), "America/Havana", 1,
       "2026-11-01T00:00:00-04:00"},
      {Cycle::kDay, Day(2026, 10, 31), "America/Havana", 2,
       "2026-11-02T00:00:00-05:00"},
      // The 30th of December was left out.
      {Cycle::kDay, Day(2011, 12, 29), "Pacific/Apia", 1,
       "2011-12-31T00:00:00+14:00"},
      {Cycle::kDay, Day(2011, 12, 29), "Pacific/Apia", 2,
       "2011-12-31T00:00:00+14:00"},
      {Cycle::kDay, Day(2011, 12, 29), "Pacific/Apia", 3,
       "2012-01-01T00:00:00+14:00"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Make(c.cycle, c.anchor, c.zone).Begin(c.index), At(c.begin))
        << c.begin;
  }
}

// No zone of today's database skips more than the hour from midnight on, so
// this one is made: its clocks go from 23:30 on 2027-03-27 to 00:30.
TEST(Allowance, ADayBeginsAtItsFirstInstant) {
  const auto number = [](int64_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>(value >> shift & 0xff));
    }
    return bytes;
  };
  const UnixNanos jump = At("2027-03-27T23:30:00Z");
  std::string file = "TZif" + std::string(16, '\0');
  for (const int count : {0, 0, 0, 1, 2, 8}) file += number(count);
  file += number(jump.nanos() / 1'000'000'000) + '\1';
  file += number(0) + std::string("\0\0", 2) + number(3'600) + "\1\4";
  file += std::string("STD\0DST\0", 8);
  const std::string dir = ::testing::TempDir();
  std::ofstream(dir + "/Jump", std::ios::binary) << file;
  ASSERT_EQ(setenv("TZDIR", dir.c_str(), 1), 0);
  const absl::StatusOr<Allowance> daily =
      Allowance::Create(Spec(Cycle::kDay, Day(2027, 3, 27), "Jump"));
  ASSERT_EQ(unsetenv("TZDIR"), 0);
  ASSERT_THAT(daily, IsOk());
  EXPECT_EQ(daily->Begin(0), At("2027-03-27T00:00:00Z"));
  EXPECT_EQ(daily->Begin(1), jump);
  EXPECT_EQ(daily->Begin(2), At("2027-03-29T00:00:00+01:00"));
  EXPECT_EQ(daily->IndexAt(jump), 1);
}

TEST(Allowance, DaysAreAsLongAsTheZoneHasThem) {
  const std::vector<std::pair<Day, int>> cases = {
      {Day(2027, 3, 27), 24},  {Day(2027, 3, 28), 23},  {Day(2027, 3, 29), 24},
      {Day(2027, 10, 30), 24}, {Day(2027, 10, 31), 25}, {Day(2027, 11, 1), 24}};
  for (const auto& [day, hours] : cases) {
    const Allowance daily = Make(Cycle::kDay, day, "Europe/Berlin");
    EXPECT_EQ(daily.Begin(1) - daily.Begin(0), absl::Hours(hours)) << day;
  }
}

TEST(Allowance, IndexAtIsTheInverseOfBegin) {
  for (const Cycle cycle :
       {Cycle::kDay, Cycle::kWeek, Cycle::kMonth, Cycle::kYear}) {
    for (const absl::string_view zone :
         {"UTC", "Europe/Berlin", "Pacific/Apia", "America/Sao_Paulo",
          "Asia/Kathmandu", "Africa/Monrovia"}) {
      const Allowance allowance = Make(cycle, Day(1970, 1, 31), zone);
      ASSERT_EQ(allowance.IndexAt(
                    UnixNanos::FromNanos(allowance.Begin(0).nanos() - 1)),
                std::nullopt);
      const int64_t count = cycle == Cycle::kDay ? 20'000 : 250;
      for (int64_t k = 0; k < count; ++k) {
        const UnixNanos begin = allowance.Begin(k);
        const UnixNanos end = allowance.Begin(k + 1);
        ASSERT_LE(begin, end);
        if (begin == end) continue;  // left out
        ASSERT_EQ(allowance.IndexAt(begin), k) << zone;
        ASSERT_EQ(allowance.IndexAt(UnixNanos::FromNanos(end.nanos() - 1)), k)
            << zone;
      }
    }
  }
}

TEST(Allowance, EndsWithItsPeriodsOrWithTime) {
  Allowance::Spec spec = Spec(Cycle::kYear, Day(2027, 1, 1));
  spec.periods = 3;
  EXPECT_EQ(Allowance::Create(spec)->index_end(), 3);
  spec.periods = Allowance::kPeriodsMax;
  const Allowance endless = Allowance::Create(spec).value();
  // Time ends on 2262-04-11.
  EXPECT_EQ(endless.index_end(), 2262 - 2027 + 1);
  EXPECT_LT(endless.Begin(endless.index_end() - 1), UnixNanos::Max());
  EXPECT_EQ(endless.Begin(endless.index_end()), UnixNanos::Max());
  EXPECT_EQ(endless.Begin(Allowance::kPeriodsMax), UnixNanos::Max());
  EXPECT_EQ(Make(Cycle::kDay, Day(2261, 12, 31)).index_end(), 102);
}

TEST(Allowance, NamesGrantsBySourceItemAndIndex) {
  const Allowance allowance = Make(Cycle::kMonth, Day(2027, 1, 31));
  EXPECT_EQ(allowance.GrantId(0), "subscription-7/credits/0");
  EXPECT_EQ(allowance.GrantId(199'999), "subscription-7/credits/199999");
}

TEST(Allowance, EveryFieldHasLimits) {
  const Allowance::Spec good = Spec(Cycle::kDay, Day(2027, 1, 1));
  Allowance::Spec widest = good;
  widest.source = std::string(100, 's');
  widest.item = std::string(100, '~');
  widest.amount = Credits::Max();
  widest.rollover_max = Credits::Max();
  widest.anchor = Day(2261, 12, 31);
  widest.zone = "America/Argentina/ComodRivadavia";
  widest.operations = std::vector<std::string>(64, std::string(48, 'o'));
  EXPECT_THAT(Allowance::Create(widest), IsOk());
  widest.anchor = Day(1970, 1, 1);
  EXPECT_THAT(Allowance::Create(widest), IsOk());

  using Change = void (*)(Allowance::Spec&);
  const std::vector<std::pair<const char*, Change>> cases = {
      {"source: ", [](auto& s) { s.source = ""; }},
      {"source: ", [](auto& s) { s.source = "a/b"; }},
      {"source: ", [](auto& s) { s.source = "a b"; }},
      {"source: ", [](auto& s) { s.source = std::string(101, 's'); }},
      {"item: ", [](auto& s) { s.item = ""; }},
      {"item: ", [](auto& s) { s.item = "i\n"; }},
      {"amount: ", [](auto& s) { s.amount = Credits(); }},
      {"amount: ", [](auto& s) { s.amount = Credits::FromTicks(-1); }},
      {"cycle: ", [](auto& s) { s.cycle = static_cast<Cycle>(4); }},
      {"anchor: ", [](auto& s) { s.anchor = Day(1969, 12, 31); }},
      {"anchor: ", [](auto& s) { s.anchor = Day(2262, 1, 1); }},
      {"zone: ", [](auto& s) { s.zone = ""; }},
      {"zone: ", [](auto& s) { s.zone = "Europe/Konpro"; }},
      {"zone: ", [](auto& s) { s.zone = "Europe"; }},
      {"zone: ", [](auto& s) { s.zone = "localtime"; }},
      {"zone: ", [](auto& s) { s.zone = "libc:UTC"; }},
      {"zone: ", [](auto& s) { s.zone = "/usr/share/zoneinfo/UTC"; }},
      {"zone: ", [](auto& s) { s.zone = "Europe/../UTC"; }},
      {"zone: ", [](auto& s) { s.zone = std::string(65, 'z'); }},
      {"operations[64]: ", [](auto& s) { s.operations.resize(65, "o"); }},
      {"operations[1]: ",
       [](auto& s) {
         s.operations = {"a", ""};
       }},
      {"operations[0]: ",
       [](auto& s) { s.operations = {std::string(49, 'o')}; }},
      {"kind: ", [](auto& s) { s.kind = static_cast<GrantKind>(2); }},
      {"rollover_max: ",
       [](auto& s) { s.rollover_max = Credits::FromTicks(-1); }},
      {"periods: ", [](auto& s) { s.periods = 0; }},
      {"periods: ", [](auto& s) { s.periods = 200'001; }},
  };
  for (const auto& [field, change] : cases) {
    Allowance::Spec spec = good;
    change(spec);
    EXPECT_THAT(Allowance::Create(spec),
                StatusIs(StatusCode::kInvalidArgument, StartsWith(field)));
  }
}

}  // namespace
}  // namespace konpro
