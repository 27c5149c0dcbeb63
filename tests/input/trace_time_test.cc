#include "konpro/input/internal/trace_time.h"

#include <cstdint>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kOutOfRange = absl::StatusCode::kOutOfRange;

constexpr int64_t kNoon = 1'700'158'623'000'000'000;  // 2023-11-16 18:17:03

TEST(TraceTime, EachFormIsReadToTheNanosecond) {
  const struct {
    const char* text;
    int64_t nanos;
  } kRows[] = {
      {"2023-11-16T18:17:03Z", kNoon},
      {"2023-11-16t18:17:03z", kNoon},
      {"2023-11-16T20:17:03+02:00", kNoon},
      {"2023-11-16T12:47:03-05:30", kNoon},
      {"2023-11-16T18:17:03-00:00", kNoon},
      {"2023-11-16 18:17:03", kNoon},
      {"2023-11-16 18:17:03Z", kNoon},
      {"2023-11-16 19:17:03+01:00", kNoon},
      {"1700158623", kNoon},
      {"0001700158623", kNoon},
      {"2023-11-16 18:17:03.9799600", kNoon + 979'960'000},
      {"2023-11-16 18:17:03.000000001", kNoon + 1},
      {"2023-11-16T18:17:03.5Z", kNoon + 500'000'000},
      {"1700158623.25", kNoon + 250'000'000},
      // Behind the ninth digit, nothing counts.
      {"2023-11-16 18:17:03.0000000019", kNoon + 1},
      {"1700158623.9999999999999999999999", kNoon + 999'999'999},
      // The calendar.
      {"2024-02-29 00:00:00", 1'709'164'800'000'000'000},
      {"2000-02-29 00:00:00", 951'782'400'000'000'000},
      // A leap second is the instant behind it, wherever the clock is.
      {"2016-12-31T23:59:60Z", 1'483'228'800'000'000'000},
      {"2016-12-31 23:59:60.75", 1'483'228'800'000'000'000},
      {"2017-01-01T00:59:60+01:00", 1'483'228'800'000'000'000},
      // The ends of the domain.
      {"1970-01-01 00:00:00", 0},
      {"0", 0},
      {"1969-12-31T23:00:00-01:00", 0},
      {"2262-04-11T23:47:16.854775807Z", UnixNanos::Max().nanos()},
      {"9223372036.854775807", UnixNanos::Max().nanos()},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<UnixNanos> at = ParseTraceTime(row.text);
    ASSERT_TRUE(at.ok()) << at.status();
    EXPECT_EQ(at->nanos(), row.nanos) << row.text;
  }
}

TEST(TraceTime, AnythingElseIsRefusedWithTheReason) {
  const struct {
    absl::string_view text;
    absl::StatusCode code;
    const char* message;
  } kRows[] = {
      {"", kInvalid, "no time: \"\"; a time is 2023-11-16T18:17:03.5Z"},
      {"yesterday", kInvalid, "no time"},
      {"1e9", kInvalid, "no time"},
      {"NaN", kInvalid, "no time"},
      {"+5", kInvalid, "no time"},
      {"-", kInvalid, "no time"},
      {"1700158623.", kInvalid, "no time"},
      {".5", kInvalid, "no time"},
      {"1700158623,5", kInvalid, "no time"},
      {" 1700158623", kInvalid, "no time"},
      {absl::string_view("1700158623\0", 11), kInvalid, "no time"},
      {"2023-11-16", kInvalid, "no time"},
      {"2023-11-16 18:17", kInvalid, "no time"},
      {"2023-11-16 18:17:03.", kInvalid, "no time"},
      {"2023-11-16_18:17:03", kInvalid, "no time"},
      {"2023-1-16 18:17:03", kInvalid, "no time"},
      {"2023-11-16 18:17:03 UTC", kInvalid, "no time"},
      {"2023-11-16 18:17:03+0100", kInvalid, "no time"},
      {"2023-11-16T18:17:03+24:00", kInvalid, "no time"},
      {"2023-11-16T18:17:03Z0", kInvalid, "no time"},
      {absl::string_view("2023-11-16 18:17:03\0", 20), kInvalid, "no time"},
      {"2023-11-16T18:17:03", kInvalid, "has no time zone: append Z"},
      {"2023-02-29 00:00:00", kInvalid, "no date and time of the calendar"},
      {"2023-02-30 00:00:00", kInvalid, "no date and time of the calendar"},
      {"2023-04-31 00:00:00", kInvalid, "no date and time of the calendar"},
      {"2023-13-01 00:00:00", kInvalid, "no date and time of the calendar"},
      {"2023-00-01 00:00:00", kInvalid, "no date and time of the calendar"},
      {"2023-01-00 00:00:00", kInvalid, "no date and time of the calendar"},
      {"2100-02-29 00:00:00", kInvalid, "no date and time of the calendar"},
      {"2023-11-16 24:00:00", kInvalid, "no date and time of the calendar"},
      {"2023-11-16 18:60:00", kInvalid, "no date and time of the calendar"},
      {"2023-11-16 18:17:60", kInvalid, "no date and time of the calendar"},
      {"2023-11-16 23:59:61", kInvalid, "no date and time of the calendar"},
      {"1969-12-31 23:59:59", kOutOfRange, "outside 1970-01-01 .. 2262-04-11"},
      {"1970-01-01T00:59:59+01:00", kOutOfRange, "outside 1970-01-01"},
      {"0000-01-01 00:00:00", kOutOfRange, "outside 1970-01-01"},
      {"-1", kOutOfRange, "outside 1970-01-01"},
      {"9999-12-31T23:59:59Z", kOutOfRange, "outside 1970-01-01"},
      {"2262-04-11T23:47:16.854775808Z", kOutOfRange, "outside 1970-01-01"},
      {"9223372036.854775808", kOutOfRange, "counts seconds since 1970"},
      {"9223372037", kOutOfRange, "counts seconds since 1970"},
      {"1700158623000", kOutOfRange, "counts seconds since 1970"},
      {"18446744073709551617", kOutOfRange, "counts seconds since 1970"},
      {"99999999999999999999999999999999999999", kOutOfRange, "outside"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(ParseTraceTime(row.text),
                StatusIs(row.code, HasSubstr(row.message)))
        << row.text;
  }
}

TEST(TraceTime, LogsHaveTheirOwnForm) {
  EXPECT_EQ(ParseLogTime("16/Nov/2023:18:17:03 +0000")->nanos(), kNoon);
  EXPECT_EQ(ParseLogTime("16/Nov/2023:10:17:03 -0800")->nanos(), kNoon);
  EXPECT_EQ(ParseLogTime("01/Jan/1970:00:00:00 +0000")->nanos(), 0);
  for (const char* text :
       {"16/nov/2023:18:17:03 +0000", "16/ovD/2023:18:17:03 +0000",
        "16/11/2023:18:17:03 +0000", "16/Nov/2023 18:17:03 +0000",
        "16/Nov/2023:18:17:03", "16/Nov/2023:18:17:03 +00:00", "16/No", "",
        "16/Nov/2023:18:17:03 +0000x"}) {
    EXPECT_THAT(ParseLogTime(text), StatusIs(kInvalid, HasSubstr("no time")))
        << text;
  }
  EXPECT_THAT(ParseLogTime("31/Jun/2023:18:17:03 +0000"),
              StatusIs(kInvalid, HasSubstr("calendar")));
  EXPECT_THAT(ParseLogTime("31/Dec/1969:18:17:03 +0000"),
              StatusIs(kOutOfRange, HasSubstr("outside")));
}

// Fields at random, a few of them wrong: what Abseil reads is what is read
// here, and nothing else is.
TEST(TraceTime, AgreesWithAbseil) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  const auto field = [&](int least, int most) {
    return static_cast<int>(random() % (most - least + 1)) + least;
  };
  int read = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string date = absl::StrFormat("%04d-%02d-%02d", field(1968, 2264),
                                       field(1, 12), field(1, 31));
    std::string time = absl::StrFormat("%02d:%02d:%02d", field(0, 24),
                                       field(0, 59), field(0, 59));
    for (int digits = field(0, 12); digits > 0; --digits) {
      if (time.size() == 8) time += ".";
      absl::StrAppend(&time, field(0, 9));
    }
    const std::string zone =
        field(0, 2) == 0
            ? "Z"
            : absl::StrFormat("%c%02d:%02d", field(0, 1) == 0 ? '+' : '-',
                              field(0, 23), field(0, 59));
    absl::Time expected;
    std::string error;
    const bool valid =
        absl::ParseTime(absl::RFC3339_full, absl::StrCat(date, "T", time, zone),
                        &expected, &error);
    const bool known = valid && expected >= absl::UnixEpoch() &&
                       expected < UnixNanos::Max().ToTime();
    const auto at = ParseTraceTime(absl::StrCat(date, "T", time, zone));
    ASSERT_EQ(at.ok(), known) << date << "T" << time << zone << at.status();
    if (!known) continue;
    ++read;
    ASSERT_EQ(*at, UnixNanos::FromTime(expected)) << date << time << zone;
    ASSERT_EQ(*ParseTraceTime(absl::StrCat(date, " ", time, zone)), *at);
    // The same instant in the other forms.
    ASSERT_EQ(*ParseTraceTime(absl::FormatTime(
                  "%Y-%m-%d %H:%M:%E*S", at->ToTime(), absl::UTCTimeZone())),
              *at);
    ASSERT_EQ(
        *ParseTraceTime(absl::StrFormat("%d.%09d", at->nanos() / 1'000'000'000,
                                        at->nanos() % 1'000'000'000)),
        *at);
    const std::string log =
        absl::FormatTime("%d/%b/%Y:%H:%M:%S %z", at->ToTime(),
                         absl::FixedTimeZone(field(-1'439, 1'439) * 60));
    ASSERT_EQ(ParseLogTime(log)->nanos(),
              at->nanos() - at->nanos() % 1'000'000'000)
        << log;
  }
  EXPECT_GT(read, 25'000);
}

}  // namespace
}  // namespace konpro
