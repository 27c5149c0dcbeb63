#include "konpro/catalog/operation.h"

#include <iterator>
#include <limits>
#include <random>
#include <string>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/quantity_oracle.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::absl::StatusCode;
using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

constexpr QuantityUnit kTime = QuantityUnit::kMilliseconds;

TEST(Quantity, IsParsedExactly) {
  const struct {
    absl::string_view text;
    QuantityUnit unit;
    int64_t quantity;
  } kCases[] = {
      {"90s", kTime, 90'000},
      {"1m30s", kTime, 90'000},
      {"1min30s", kTime, 90'000},
      {"1500ms", kTime, 1'500},
      {"0.5h", kTime, 1'800'000},
      {"1:30", kTime, 90'000},
      {"0:00.001", kTime, 1},
      {"90:00", kTime, 5'400'000},
      {"1:02:03.250", kTime, 3'723'250},
      {"100:00:00", kTime, 360'000'000},
      {"1h2m3s4ms", kTime, 3'723'004},
      {"1h4ms", kTime, 3'600'004},
      {"0s", kTime, 0},
      {"0.001s", kTime, 1},
      {"0.0010000000000000000000000s", kTime, 1},
      {" 90s", kTime, 90'000},
      {"\t90s  ", kTime, 90'000},
      {"90 s", kTime, 90'000},
      {"90sec", kTime, 90'000},
      {"90 secs", kTime, 90'000},
      {"90 seconds", kTime, 90'000},
      {"1 second", kTime, 1'000},
      {"1h 30m", kTime, 5'400'000},
      {" 1 h  30 min ", kTime, 5'400'000},
      {"1hr30mins", kTime, 5'400'000},
      {"2hrs", kTime, 7'200'000},
      {"1 hour 2 minutes 3 seconds 4 milliseconds", kTime, 3'723'004},
      {"2 hours 1 minute", kTime, 7'260'000},
      {"1500 msec", kTime, 1'500},
      {"1 millisecond", kTime, 1},
      {" 1:30 ", kTime, 90'000},
      {"PT1M30S", kTime, 90'000},
      {"PT1H2M3.25S", kTime, 3'723'250},
      {"PT0S", kTime, 0},
      {"PT90S", kTime, 90'000},
      {"PT1.5H", kTime, 5'400'000},
      {" PT1H1S ", kTime, 3'601'000},
      {" 12 ", QuantityUnit::kCount, 12},
      {"4.0", QuantityUnit::kCount, 4},
      {"4.00", QuantityUnit::kCount, 4},
      {"4.0000", QuantityUnit::kCount, 4},
      {"1234.000", QuantityUnit::kCount, 1234},
      {"0.000", QuantityUnit::kCount, 0},
      {"1.000s", kTime, 1'000},
      {"9223372036854775807ms", kTime, 9'223'372'036'854'775'807},
      {"9223372036854775.807s", kTime, 9'223'372'036'854'775'807},
      // Blanks, words and capitals.
      {"90s \t\r\n", kTime, 90'000},
      {"1 hour 30 minutes 2 seconds 5 milliseconds", kTime, 5'402'005},
      {"2 hrs", kTime, 7'200'000},
      {"2hr", kTime, 7'200'000},
      {"90 Secs", kTime, 90'000},
      {"90S", kTime, 90'000},
      {"1H 5MS", kTime, 3'600'005},
      {"1.5 Min", kTime, 90'000},
      // ISO 8601.
      {"PT1H", kTime, 3'600'000},
      {"PT1H0M1S", kTime, 3'601'000},
      {"PT1H1S", kTime, 3'601'000},
      {"PT90.250S", kTime, 90'250},
      {"PT0,5H", kTime, 1'800'000},
      {"pt1m30s", kTime, 90'000},
      {"P0DT90S", kTime, 90'000},
      {"P0Y0M0W0DT0S", kTime, 0},
      {"P0D", kTime, 0},
      // Zero is the same in every unit.
      {"0", kTime, 0},
      {"0.00", kTime, 0},
      {"0", QuantityUnit::kCount, 0},
      {"12", QuantityUnit::kCount, 12},
      {" 12\t", QuantityUnit::kCount, 12},
      {"12.0", QuantityUnit::kCount, 12},
      // No group of digits has four, or stands after 0 or after four digits.
      {"1.0000", QuantityUnit::kCount, 1},
      {"1000.000", QuantityUnit::kCount, 1'000},
      {"9223372036854775807", QuantityUnit::kCount, 9'223'372'036'854'775'807},
  };
  for (const auto& c : kCases) {
    const auto parsed = ParseQuantity(c.text, c.unit);
    ASSERT_TRUE(parsed.ok()) << c.text << ": " << parsed.status();
    EXPECT_EQ(*parsed, c.quantity) << c.text;
  }
}

TEST(Quantity, AnythingElseIsRefusedWithWhatWouldBeRight) {
  const struct {
    std::string text;
    QuantityUnit unit;
    StatusCode code;
    absl::string_view reason;
  } kCases[] = {
      {"90", kTime, StatusCode::kInvalidArgument, "write 90s, 1m30s"},
      {"", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"s", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"ninety", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"1e9s", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"NaN", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {" ", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"90 ", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"1h 30", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"1 m s", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"1m1min", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"1 month", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"90\ns", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"1: 30", kTime, StatusCode::kInvalidArgument, "1:02:03.250"},
      {"P1DT1H", kTime, StatusCode::kInvalidArgument, "PT1M30S"},
      {"PT1S1M", kTime, StatusCode::kInvalidArgument, "PT1M30S"},
      {"PT1S1S", kTime, StatusCode::kInvalidArgument, "PT1M30S"},
      {"PT1.5M30S", kTime, StatusCode::kInvalidArgument, "PT1M30S"},
      {"PT1 M", kTime, StatusCode::kInvalidArgument, "PT1M30S"},
      {"PTM", kTime, StatusCode::kInvalidArgument, "PT1M30S"},
      {"PT1.0001S", kTime, StatusCode::kInvalidArgument, "finer"},
      {"PT2562047788016H", kTime, StatusCode::kOutOfRange, "too large"},
      {"9 0s", kTime, StatusCode::kInvalidArgument, "not grouped"},
      {"1 000 s", kTime, StatusCode::kInvalidArgument, "not grouped"},
      {"1,5s", kTime, StatusCode::kInvalidArgument, "write 1.5s or 1500s"},
      {"1'500s", kTime, StatusCode::kInvalidArgument, "write 1.5s or 1500s"},
      {"5M", kTime, StatusCode::kInvalidArgument, "may be a month"},
      {"1H30M", kTime, StatusCode::kInvalidArgument, "may be a month"},
      {"5Ms", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"1d", kTime, StatusCode::kInvalidArgument, "write 24h"},
      {"2 Days 1h", kTime, StatusCode::kInvalidArgument, "write 24h"},
      {"90 apples", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"90s1", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"1h30", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"P1D", kTime, StatusCode::kInvalidArgument, "write PT1M30S"},
      {"P1M", kTime, StatusCode::kInvalidArgument, "write PT1M30S"},
      {"P", kTime, StatusCode::kInvalidArgument, "write PT1M30S"},
      {"PT", kTime, StatusCode::kInvalidArgument, "write PT1M30S"},
      {"P0DT", kTime, StatusCode::kInvalidArgument, "write PT1M30S"},
      {"PT1.5H30M", kTime, StatusCode::kInvalidArgument, "write PT1M30S"},
      {"PT30S1M", kTime, StatusCode::kInvalidArgument, "write PT1M30S"},
      {"PT1M30", kTime, StatusCode::kInvalidArgument, "write PT1M30S"},
      {"PT 1M", kTime, StatusCode::kInvalidArgument, "write PT1M30S"},
      {"-PT1M", kTime, StatusCode::kInvalidArgument, "negative"},
      {"PT0.0001S", kTime, StatusCode::kInvalidArgument, "finer than one"},
      {"PT2562047788016H", kTime, StatusCode::kOutOfRange, "too large"},
      {"1.000", QuantityUnit::kCount, StatusCode::kInvalidArgument,
       "write 1 or 1000"},
      {"999.000", QuantityUnit::kCount, StatusCode::kInvalidArgument,
       "write 999 or 999000"},
      {"1.500", QuantityUnit::kCount, StatusCode::kInvalidArgument,
       "a point may group digits: write 1500"},
      {"1,000", QuantityUnit::kCount, StatusCode::kInvalidArgument,
       "not grouped"},
      {"1 000", QuantityUnit::kCount, StatusCode::kInvalidArgument,
       "not grouped"},
      {"1'000", QuantityUnit::kCount, StatusCode::kInvalidArgument,
       "not grouped"},
      {"1.000.000", QuantityUnit::kCount, StatusCode::kInvalidArgument,
       "not grouped"},
      {"1.000,5", QuantityUnit::kCount, StatusCode::kInvalidArgument,
       "not grouped"},
      {"0x10", QuantityUnit::kCount, StatusCode::kInvalidArgument,
       "whole number"},
      {"+90s", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"1s1m", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"1s1s", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"1..5s", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"1.s", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {".5s", kTime, StatusCode::kInvalidArgument, "time has a unit"},
      {"1:2", kTime, StatusCode::kInvalidArgument, "1:02:03.250"},
      {"1:60", kTime, StatusCode::kInvalidArgument, "1:02:03.250"},
      {"1:60:00", kTime, StatusCode::kInvalidArgument, "1:02:03.250"},
      {"1.5:30", kTime, StatusCode::kInvalidArgument, "1:02:03.250"},
      {"1:30s", kTime, StatusCode::kInvalidArgument, "1:02:03.250"},
      {":30", kTime, StatusCode::kInvalidArgument, "1:02:03.250"},
      {"1:", kTime, StatusCode::kInvalidArgument, "1:02:03.250"},
      {"1:2:3:4", kTime, StatusCode::kInvalidArgument, "1:02:03.250"},
      {std::string("9\0s", 3), kTime, StatusCode::kInvalidArgument, "\"9?s\""},
      {"-5s", kTime, StatusCode::kInvalidArgument, "negative"},
      {"0.000025m", kTime, StatusCode::kInvalidArgument,
       "finer than one milli"},
      {"0.5ms", kTime, StatusCode::kInvalidArgument, "finer than one milli"},
      {"1.0005s", kTime, StatusCode::kInvalidArgument, "finer than one milli"},
      {"1:30.0001", kTime, StatusCode::kInvalidArgument, "finer than one"},
      {"9223372036854775808ms", kTime, StatusCode::kOutOfRange, "too large"},
      {"9223372036854775.808s", kTime, StatusCode::kOutOfRange, "too large"},
      {"2562047788016h", kTime, StatusCode::kOutOfRange, "too large"},
      {"1.5", QuantityUnit::kCount, StatusCode::kInvalidArgument,
       "finer than one pie"},
      {"12s", QuantityUnit::kCount, StatusCode::kInvalidArgument,
       "whole number"},
      {"-1", QuantityUnit::kCount, StatusCode::kInvalidArgument, "negative"},
      {"9223372036854775808", QuantityUnit::kCount, StatusCode::kOutOfRange,
       "large"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(ParseQuantity(c.text, c.unit),
                StatusIs(c.code, HasSubstr(std::string(c.reason))))
        << c.text;
  }
}

TEST(Quantity, OfAColumnWithAUnitIsABareDecimal) {
  EXPECT_EQ(ParseDecimalQuantity("1164", 1'000).value(), 1'164'000);
  EXPECT_EQ(ParseDecimalQuantity("1.5", 60'000).value(), 90'000);
  EXPECT_THAT(ParseDecimalQuantity("90s", 1'000),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("write a number such as 90")));
  EXPECT_EQ(ParseDecimalQuantity(" 1.500 ", 1'000).value(), 1'500);
  EXPECT_THAT(ParseDecimalQuantity("1.000", 1),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("ambiguous")));
  EXPECT_THAT(ParseDecimalQuantity("0.0001", 1'000),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("finer")));
}

TEST(Quantity, OfAColumnInPiecesIsNoGroupedNumber) {
  EXPECT_EQ(ParseDecimalQuantity(" 4.0 ", 1).value(), 4);
  EXPECT_EQ(ParseDecimalQuantity("1.500", 60'000).value(), 90'000);
  EXPECT_THAT(ParseDecimalQuantity("1.000", 1),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("1 or 1000")));
  EXPECT_THAT(ParseDecimalQuantity("1,000", 1'000),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("not grouped")));
}

TEST(Quantity, OfARequestIsBaseUnitsOrWhatPeopleWrite) {
  EXPECT_EQ(ParseQuantityOrBaseUnits("90000", kTime).value(), 90'000);
  EXPECT_EQ(ParseQuantityOrBaseUnits("90s", kTime).value(), 90'000);
  EXPECT_EQ(ParseQuantityOrBaseUnits("PT1M30S", kTime).value(), 90'000);
  EXPECT_EQ(ParseQuantityOrBaseUnits("12", QuantityUnit::kCount).value(), 12);
  EXPECT_THAT(ParseQuantityOrBaseUnits("1.5", kTime),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("has a unit")));
  EXPECT_THAT(ParseQuantityOrBaseUnits("-1", kTime),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("negative")));
  EXPECT_THAT(
      ParseQuantityOrBaseUnits("9223372036854775808", QuantityUnit::kCount),
      StatusIs(StatusCode::kOutOfRange, HasSubstr("too large")));
}

// Texts of pieces of all forms, in order and out of it.
TEST(Quantity, IsTheOracles) {
  const char* const kPieces[] = {
      "1",   "0",   "30", "1.5", "0.250", "007", ".",    ",",    "90", ":",
      "02",  "h",   "m",  "s",   "ms",    "min", "sec",  "hour", "H",  "M",
      "S",   "MS",  "P",  "PT",  "T",     "D",   "0D",   " ",    "\t", "-",
      "hrs", "Sec", "mS", "s ",  "h ",    "+",   "days", "1e3",  "\n", "12"};
  std::mt19937_64 random(23);
  int64_t read = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string text;
    for (size_t pieces = 1 + random() % 7; pieces > 0; --pieces) {
      text += kPieces[random() % std::size(kPieces)];
    }
    for (QuantityUnit unit : {kTime, QuantityUnit::kCount}) {
      const auto parsed = ParseQuantity(text, unit);
      const auto right = testing::OracleQuantity(text, unit);
      ASSERT_EQ(parsed.ok(), right.has_value())
          << "\"" << text << "\" " << parsed.status();
      ASSERT_EQ(right.value_or(0), parsed.ok() ? *parsed : 0) << text;
      read += parsed.ok();
    }
  }
  EXPECT_GT(read, 5'000);
}

TEST(Quantity, PrintedReadsBack) {
  EXPECT_EQ(FormatQuantity(0, kTime), "0s");
  EXPECT_EQ(FormatQuantity(90'000, kTime), "1m30s");
  EXPECT_EQ(FormatQuantity(60'000, kTime), "1m");
  EXPECT_EQ(FormatQuantity(3'600'250, kTime), "1h0.25s");
  EXPECT_EQ(FormatQuantity(12, QuantityUnit::kCount), "12");
  std::mt19937_64 random(2);
  for (int i = 0; i < 100'000; ++i) {
    const auto quantity = static_cast<int64_t>(random() >> (1 + random() % 63));
    for (QuantityUnit unit : {kTime, QuantityUnit::kCount}) {
      EXPECT_EQ(ParseQuantity(FormatQuantity(quantity, unit), unit).value(),
                quantity);
    }
  }
}

TEST(Operation, NamesAndUnitsAreChecked) {
  const std::string longest(Operation::kNameBytesMax, 'a');
  EXPECT_THAT(ValidateOperation({longest, kTime, "ms"}), IsOk());
  EXPECT_THAT(ValidateOperation({"voice_clone", QuantityUnit::kCount, "item"}),
              IsOk());
  for (const Operation& bad : {
           Operation{longest + "a", kTime, "ms"},
           Operation{"", kTime, "ms"},
           Operation{"Avatar", kTime, "ms"},
           Operation{"9lives", kTime, "ms"},
           Operation{"avatar-video", kTime, "ms"},
           Operation{"avatar_video", kTime, "s"},
           Operation{"photo_avatar", QuantityUnit::kCount, ""},
           Operation{"photo_avatar", QuantityUnit::kCount, "s"},
           Operation{"photo_avatar", QuantityUnit::kCount, "ms"},
       }) {
    EXPECT_THAT(ValidateOperation(bad),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("\"")))
        << bad.name << " " << bad.unit_name;
  }
}

}  // namespace
}  // namespace konpro
