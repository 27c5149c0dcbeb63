#include "konpro/input/internal/trace_time.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"

namespace konpro {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int kFractionDigits = 9;

// A date, a time of day and how far its clock is ahead of UTC.
struct CivilTime {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int64_t nanos = 0;
  int offset_minutes = 0;
};

// Takes what it is asked for from the beginning of a text. A Take() that
// returns false leaves the text in no particular place.
class Scanner {
 public:
  explicit Scanner(absl::string_view text) : rest_(text) {}

  bool AtEnd() const { return rest_.empty(); }
  char Next() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool NextIsDigit() const { return Next() >= '0' && Next() <= '9'; }

  bool Take(char c) {
    if (Next() != c || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Exactly `count` digits.
  bool TakeDigits(int count, int& value) {
    value = 0;
    for (int i = 0; i < count; ++i) {
      if (!NextIsDigit()) return false;
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return true;
  }

  // What may follow whole seconds: a point and digits.
  bool TakeFraction(int64_t& nanos) {
    nanos = 0;
    if (!Take('.')) return true;
    if (!NextIsDigit()) return false;
    int digits = 0;
    for (; NextIsDigit(); rest_.remove_prefix(1)) {
      if (digits == kFractionDigits) continue;
      nanos = nanos * 10 + (rest_.front() - '0');
      ++digits;
    }
    for (; digits < kFractionDigits; ++digits) nanos *= 10;
    return true;
  }

  // HH:MM:SS.
  bool TakeTimeOfDay(CivilTime& time) {
    return TakeDigits(2, time.hour) && Take(':') &&
           TakeDigits(2, time.minute) && Take(':') &&
           TakeDigits(2, time.second);
  }

  // +HH:MM; `colon` says whether there is a colon.
  bool TakeOffset(bool colon, int& offset_minutes) {
    const bool is_west = Next() == '-';
    int hours = 0;
    int minutes = 0;
    if (!Take(is_west ? '-' : '+') || !TakeDigits(2, hours) ||
        (colon && !Take(':')) || !TakeDigits(2, minutes) || hours > 23 ||
        minutes > 59) {
      return false;
    }
    offset_minutes = (is_west ? -1 : 1) * (hours * 60 + minutes);
    return true;
  }

  // The first three letters of an English month.
  bool TakeMonth(int& month) {
    constexpr absl::string_view kMonths =
        "JanFebMarAprMayJunJulAugSepOctNovDec";
    const size_t at = kMonths.find(rest_.substr(0, 3));
    if (rest_.size() < 3 || at == kMonths.npos || at % 3 != 0) return false;
    month = static_cast<int>(at / 3) + 1;
    rest_.remove_prefix(3);
    return true;
  }

 private:
  absl::string_view rest_;
};

absl::Status OutOfDomain(absl::string_view text, absl::string_view hint = "") {
  return absl::OutOfRangeError(
      absl::StrCat(internal::Quoted(text), " is outside 1970-01-01 .. ",
                   "2262-04-11, the times that limits know", hint));
}

std::optional<UnixNanos> FromSeconds(int64_t seconds, int64_t nanos) {
  const int64_t max = UnixNanos::Max().nanos();
  if (seconds < 0 || seconds > max / kNanosPerSecond ||
      nanos > max - seconds * kNanosPerSecond) {
    return std::nullopt;
  }
  return UnixNanos::FromNanos(seconds * kNanosPerSecond + nanos);
}

absl::StatusOr<UnixNanos> FromCivil(const CivilTime& time,
                                    absl::string_view text) {
  const std::chrono::year_month_day date(
      std::chrono::year(time.year),
      std::chrono::month(static_cast<unsigned>(time.month)),
      std::chrono::day(static_cast<unsigned>(time.day)));
  constexpr int64_t kDaySeconds = 86'400;
  const int64_t days =
      date.ok() ? std::chrono::sys_days(date).time_since_epoch().count() : 0;
  const int64_t seconds = days * kDaySeconds + time.hour * 3'600 +
                          (time.minute - time.offset_minutes) * 60 +
                          time.second;
  const bool leap = time.second == 60 && seconds % kDaySeconds == 0;
  if (!date.ok() || time.hour > 23 || time.minute > 59 ||
      (time.second > 59 && !leap)) {
    return absl::InvalidArgumentError(absl::StrCat(
        internal::Quoted(text), " is no date and time of the calendar"));
  }
  const auto at = FromSeconds(seconds, leap ? 0 : time.nanos);
  if (!at.has_value()) return OutOfDomain(text);
  return *at;
}

absl::Status NoTime(absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(
      "no time: ", internal::Quoted(text),
      "; a time is 2023-11-16T18:17:03.5Z, 2023-11-16 18:17:03.5 (UTC) or "
      "1700158623.5 (seconds since 1970)"));
}

absl::StatusOr<UnixNanos> ParseEpochSeconds(absl::string_view text) {
  constexpr int64_t kSecondsMax = UnixNanos::Max().nanos() / kNanosPerSecond;
  Scanner scanner(text);
  const bool negative = scanner.Take('-');
  if (!scanner.NextIsDigit()) return NoTime(text);
  int64_t seconds = 0;
  int64_t nanos = 0;
  for (int digit = 0; scanner.NextIsDigit();) {
    scanner.TakeDigits(1, digit);
    // One more than the most is enough to refuse it.
    if (seconds <= kSecondsMax) seconds = seconds * 10 + digit;
  }
  if (!scanner.TakeFraction(nanos) || !scanner.AtEnd()) return NoTime(text);
  const auto at = FromSeconds(seconds, nanos);
  if (negative) return OutOfDomain(text);
  if (!at.has_value()) {
    return OutOfDomain(text, "; a bare number counts seconds since 1970");
  }
  return *at;
}

}  // namespace

absl::StatusOr<UnixNanos> ParseTraceTime(absl::string_view text) {
  if (text.size() < 5 || text[4] != '-') return ParseEpochSeconds(text);
  Scanner scanner(text);
  CivilTime time;
  if (!scanner.TakeDigits(4, time.year) || !scanner.Take('-') ||
      !scanner.TakeDigits(2, time.month) || !scanner.Take('-') ||
      !scanner.TakeDigits(2, time.day)) {
    return NoTime(text);
  }
  // RFC 3339 lets readers prefer a blank to the "T", and case is free.
  const bool blank = scanner.Take(' ');
  if ((!blank && !scanner.Take('T') && !scanner.Take('t')) ||
      !scanner.TakeTimeOfDay(time) || !scanner.TakeFraction(time.nanos)) {
    return NoTime(text);
  }
  if (scanner.AtEnd() && !blank) {
    return absl::InvalidArgumentError(
        absl::StrCat(internal::Quoted(text),
                     " has no time zone: append Z (UTC) or an offset such as "
                     "+02:00"));
  }
  if (!scanner.AtEnd() && !scanner.Take('Z') && !scanner.Take('z') &&
      !scanner.TakeOffset(/*colon=*/true, time.offset_minutes)) {
    return NoTime(text);
  }
  if (!scanner.AtEnd()) return NoTime(text);
  return FromCivil(time, text);
}

absl::StatusOr<UnixNanos> ParseLogTime(absl::string_view text) {
  Scanner scanner(text);
  CivilTime time;
  if (!scanner.TakeDigits(2, time.day) || !scanner.Take('/') ||
      !scanner.TakeMonth(time.month) || !scanner.Take('/') ||
      !scanner.TakeDigits(4, time.year) || !scanner.Take(':') ||
      !scanner.TakeTimeOfDay(time) || !scanner.Take(' ') ||
      !scanner.TakeOffset(/*colon=*/false, time.offset_minutes) ||
      !scanner.AtEnd()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no time: ", internal::Quoted(text),
                     "; a log's time is 16/Nov/2023:18:17:03 +0000"));
  }
  return FromCivil(time, text);
}

}  // namespace konpro
