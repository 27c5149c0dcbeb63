#include "konpro/base/internal/quantity_text.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"

namespace konpro::internal {
namespace {

constexpr int64_t kSecondMs = 1'000;
constexpr int64_t kMinuteMs = 60 * kSecondMs;
constexpr int64_t kHourMs = 60 * kMinuteMs;

constexpr absl::string_view kBlanks = " \t";
constexpr absl::string_view kBlanksAround = " \t\r\n";

// What a leaf found wrong; the caller has the whole text for the message.
enum class Fault { kNone, kForm, kTooFine, kTooLarge };

bool IsDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c));
}

bool IsLetter(char c) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c));
}

absl::string_view WithoutBlanksAround(absl::string_view text) {
  const size_t first = text.find_first_not_of(kBlanksAround);
  if (first == text.npos) return "";
  return text.substr(first, text.find_last_not_of(kBlanksAround) - first + 1);
}

void SkipBlanks(absl::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
}

// The longest beginning of `text` of which `belongs` accepts every byte. It is
// taken.
template <typename Belongs>
absl::string_view TakeWhile(absl::string_view& text, Belongs belongs) {
  size_t size = 0;
  while (size < text.size() && belongs(text[size])) ++size;
  const absl::string_view taken = text.substr(0, size);
  text.remove_prefix(size);
  return taken;
}

bool TakeLetter(absl::string_view& text, char upper) {
  if (text.empty() ||
      absl::ascii_toupper(static_cast<unsigned char>(text[0])) != upper) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

// `text` is `digits`: sets `number` to it.
Fault ParseDigits(absl::string_view text, int64_t& number) {
  if (text.empty()) return Fault::kForm;
  bool overflow = false;
  number = 0;
  for (char c : text) {
    if (!IsDigit(c)) return Fault::kForm;
    overflow |= __builtin_mul_overflow(number, 10, &number) ||
                __builtin_add_overflow(number, c - '0', &number);
  }
  return overflow ? Fault::kTooLarge : Fault::kNone;
}

// `text` is `.digits`: sets `units` to that fraction of `base_units`.
Fault ParseFraction(absl::string_view text, int64_t base_units,
                    int64_t& units) {
  // Beyond eighteen places only zeros divide out: base_units is below 10^18 in
  // every table of units there is.
  constexpr size_t kPlacesMax = 18;
  text.remove_prefix(1);
  const size_t last = text.find_last_not_of('0');
  if (text.empty()) return Fault::kForm;
  const absl::string_view places =
      text.substr(0, last == text.npos ? 1 : last + 1);
  for (char c : text) {
    if (!IsDigit(c)) return Fault::kForm;
  }
  if (places.size() > kPlacesMax) return Fault::kTooFine;
  int64_t numerator = 0;
  ParseDigits(places, numerator);
  int64_t denominator = 1;
  for (size_t i = 0; i < places.size(); ++i) denominator *= 10;
  const __int128 product = static_cast<__int128>(numerator) * base_units;
  if (product % denominator != 0) return Fault::kTooFine;
  units = static_cast<int64_t>(product / denominator);
  return Fault::kNone;
}

// `text` is `digits[.digits]`, or with another of `points`: sets `units` to
// that many times `base_units`.
Fault ParseNumber(absl::string_view text, int64_t base_units, int64_t& units,
                  absl::string_view points = ".") {
  const size_t point = std::min(text.find_first_of(points), text.size());
  int64_t fraction = 0;
  if (point < text.size()) {
    const Fault fault = ParseFraction(text.substr(point), base_units, fraction);
    if (fault != Fault::kNone) return fault;
  }
  const Fault fault = ParseDigits(text.substr(0, point), units);
  if (fault != Fault::kNone) return fault;
  const bool overflow = __builtin_mul_overflow(units, base_units, &units) ||
                        __builtin_add_overflow(units, fraction, &units);
  return overflow ? Fault::kTooLarge : Fault::kNone;
}

// The milliseconds of the unit that `word` names, or 0. A word of three
// letters or more has any case, a shorter one is in lower or in upper case: an
// "Ms" could be a million seconds. An "M" alone may be a month elsewhere.
int64_t UnitMs(absl::string_view word) {
  static constexpr struct {
    absl::string_view name;
    int64_t ms;
  } kUnits[] = {{"h", kHourMs},
                {"hr", kHourMs},
                {"hrs", kHourMs},
                {"hour", kHourMs},
                {"hours", kHourMs},
                {"m", kMinuteMs},
                {"min", kMinuteMs},
                {"mins", kMinuteMs},
                {"minute", kMinuteMs},
                {"minutes", kMinuteMs},
                {"s", kSecondMs},
                {"sec", kSecondMs},
                {"secs", kSecondMs},
                {"second", kSecondMs},
                {"seconds", kSecondMs},
                {"ms", 1},
                {"msec", 1},
                {"msecs", 1},
                {"millisecond", 1},
                {"milliseconds", 1}};
  for (const auto& unit : kUnits) {
    if (!absl::EqualsIgnoreCase(word, unit.name)) continue;
    if (word.size() > 2 || word == unit.name) return unit.ms;
    if (word != "M" && word == absl::AsciiStrToUpper(unit.name)) return unit.ms;
  }
  return 0;
}

// "1h30m", "90 sec", "0.5h"
Fault ParseUnits(absl::string_view text, int64_t& ms) {
  int64_t larger_unit_ms = std::numeric_limits<int64_t>::max();
  ms = 0;
  do {
    const absl::string_view number =
        TakeWhile(text, [](char c) { return IsDigit(c) || c == '.'; });
    SkipBlanks(text);
    const int64_t unit_ms = UnitMs(TakeWhile(text, IsLetter));
    if (unit_ms == 0 || unit_ms >= larger_unit_ms) return Fault::kForm;
    larger_unit_ms = unit_ms;
    int64_t part_ms = 0;
    const Fault fault = ParseNumber(number, unit_ms, part_ms);
    if (fault != Fault::kNone) return fault;
    if (__builtin_add_overflow(ms, part_ms, &ms)) return Fault::kTooLarge;
    SkipBlanks(text);
  } while (!text.empty());
  return Fault::kNone;
}

// "1:30", "1:02:03.250"
Fault ParseClock(absl::string_view text, int64_t& ms) {
  const size_t fields = 1 + std::count(text.begin(), text.end(), ':');
  if (fields > 3) return Fault::kForm;
  ms = 0;
  int64_t unit_ms = fields == 3 ? kHourMs : kMinuteMs;
  for (size_t field = 0; field < fields; ++field, unit_ms /= 60) {
    const bool is_last = field + 1 == fields;
    const size_t end = std::min(text.find(':'), text.size());
    const absl::string_view number = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t point = number.find('.');
    if (point != number.npos && !is_last) return Fault::kForm;
    if (field > 0 && std::min(point, number.size()) != 2) return Fault::kForm;
    int64_t part_ms = 0;
    const Fault fault = ParseNumber(number, unit_ms, part_ms);
    if (fault != Fault::kNone) return fault;
    if (field > 0 && part_ms >= 60 * unit_ms) return Fault::kForm;
    if (__builtin_add_overflow(ms, part_ms, &ms)) return Fault::kTooLarge;
  }
  return Fault::kNone;
}

// Takes the parts of an ISO 8601 duration up to its "T" or its end. Only zeros
// are read: a year, a month and a day have no fixed length.
Fault TakeZeroDays(absl::string_view& text, bool& any) {
  constexpr absl::string_view kParts = "YMWD";
  size_t part = 0;
  while (!text.empty() && IsDigit(text[0])) {
    int64_t number = 0;
    const Fault fault = ParseDigits(TakeWhile(text, IsDigit), number);
    if (fault != Fault::kNone) return fault;
    while (part < kParts.size() && !TakeLetter(text, kParts[part])) ++part;
    if (part++ == kParts.size() || number != 0) return Fault::kForm;
    any = true;
  }
  return Fault::kNone;
}

// "PT1M30S": ISO 8601, 5.5.2.2. Only the last part has a fraction, after a
// point or a comma.
Fault ParseIso(absl::string_view text, int64_t& ms) {
  bool any = false;
  ms = 0;
  TakeLetter(text, 'P');
  const Fault days_fault = TakeZeroDays(text, any);
  if (days_fault != Fault::kNone) return days_fault;
  if (text.empty()) return any ? Fault::kNone : Fault::kForm;
  if (!TakeLetter(text, 'T') || text.empty()) return Fault::kForm;
  constexpr absl::string_view kParts = "HMS";
  int64_t unit_ms = kHourMs;
  for (size_t part = 0; !text.empty(); ++part, unit_ms /= 60) {
    const absl::string_view number = TakeWhile(
        text, [](char c) { return IsDigit(c) || c == '.' || c == ','; });
    for (; part < kParts.size() && !TakeLetter(text, kParts[part]); ++part) {
      unit_ms /= 60;
    }
    if (part >= kParts.size()) return Fault::kForm;
    if (!text.empty() && number.find_first_of(".,") != number.npos) {
      return Fault::kForm;
    }
    int64_t part_ms = 0;
    const Fault fault = ParseNumber(number, unit_ms, part_ms, ".,");
    if (fault != Fault::kNone) return fault;
    if (__builtin_add_overflow(ms, part_ms, &ms)) return Fault::kTooLarge;
  }
  return Fault::kNone;
}

Fault ParseTime(absl::string_view text, int64_t& ms) {
  if (absl::StrContains(text, ':')) return ParseClock(text, ms);
  if (!text.empty() && (text[0] == 'P' || text[0] == 'p')) {
    return ParseIso(text, ms);
  }
  // Zero is the same in every unit.
  const Fault fault = ParseNumber(text, 1, ms);
  if (fault == Fault::kNone && ms == 0) return Fault::kNone;
  return ParseUnits(text, ms);
}

// Whether the point of `text`, a number, may group digits: "1.000".
bool MayGroupDigits(absl::string_view text) {
  const size_t point = text.find('.');
  return point >= 1 && point <= 3 && text.size() == point + 4 &&
         text[0] != '0' && std::all_of(text.begin(), text.end(), [](char c) {
           return IsDigit(c) || c == '.';
         });
}

// Whether digits stand apart in `text`, as in "1 000", "1'000" and "1,000".
bool HasDigitsApart(absl::string_view text) {
  const size_t first = text.find_first_of(" \t',_");
  if (first == text.npos || first == 0 || !IsDigit(text[first - 1])) {
    return false;
  }
  const absl::string_view rest = text.substr(first + 1);
  return !rest.empty() && IsDigit(rest[0]);
}

// What would be right in place of the time `text`.
std::string TimeHint(absl::string_view text) {
  constexpr absl::string_view kForms =
      "time has a unit: write 90s, 1m30s, 1500ms, 0.5h, 1:30, 1:02:03.250 or "
      "PT1M30S";
  if (HasDigitsApart(text)) {
    return "digits are not grouped, and the decimal sign is a point: write "
           "1.5s or 1500s";
  }
  const bool iso = !text.empty() && (text[0] == 'P' || text[0] == 'p');
  absl::string_view rest = iso ? "" : text;
  while (!rest.empty()) {
    const absl::string_view word = TakeWhile(rest, IsLetter);
    TakeWhile(rest, [](char c) { return !IsLetter(c); });
    if (word == "M") return "\"M\" may be a month: write m or min for minutes";
    const std::string lower = absl::AsciiStrToLower(word);
    if (lower == "d" || lower == "day" || lower == "days") {
      return "a day may have 23 or 25 hours: write 24h";
    }
  }
  if (iso) {
    return "of an ISO 8601 duration, hours, minutes and seconds are read: "
           "write PT1M30S or PT90S";
  }
  return std::string(kForms);
}

// What would be right in place of the count `text`.
std::string CountHint(absl::string_view text) {
  if (HasDigitsApart(text) || std::count(text.begin(), text.end(), '.') > 1) {
    return "digits are not grouped: write a whole number such as 1000";
  }
  return "write a whole number such as 12";
}

// The error that `fault` is, with `hint` as what would be right and `finest`
// as what cannot be divided.
absl::Status FaultError(Fault fault, absl::string_view text,
                        absl::string_view hint, absl::string_view finest) {
  const std::string quoted = Quoted(text);
  switch (fault) {
    case Fault::kNone:
      return absl::OkStatus();
    case Fault::kTooFine:
      return absl::InvalidArgumentError(
          absl::StrCat(quoted, " is finer than one ", finest));
    case Fault::kTooLarge:
      return absl::OutOfRangeError(
          absl::StrCat(quoted, " is too large: at most ",
                       std::numeric_limits<int64_t>::max(), " ", finest, "s"));
    case Fault::kForm:
      break;
  }
  if (!text.empty() && text.front() == '-') {
    return absl::InvalidArgumentError(
        absl::StrCat(quoted, " is negative: a quantity is zero or more"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(quoted, " is no quantity: ", hint));
}

absl::Status MayBeThousands(absl::string_view text) {
  const size_t point = text.find('.');
  const absl::string_view whole = text.substr(0, point);
  const absl::string_view places = text.substr(point + 1);
  return absl::InvalidArgumentError(absl::StrCat(
      Quoted(text), " is ambiguous, since a point may group digits: write ",
      places == "000" ? absl::StrCat(whole, " or ") : "", whole, places));
}

}  // namespace

absl::StatusOr<int64_t> ParseMilliseconds(absl::string_view text) {
  text = WithoutBlanksAround(text);
  int64_t ms = 0;
  const Fault fault = ParseTime(text, ms);
  if (fault == Fault::kNone) return ms;
  return FaultError(fault, text, TimeHint(text), "millisecond");
}

absl::StatusOr<int64_t> ParseCount(absl::string_view text) {
  text = WithoutBlanksAround(text);
  if (MayGroupDigits(text)) return MayBeThousands(text);
  int64_t count = 0;
  const Fault fault = ParseNumber(text, 1, count);
  if (fault == Fault::kNone) return count;
  return FaultError(fault, text, CountHint(text), "piece");
}

absl::StatusOr<int64_t> ParseDecimal(absl::string_view text,
                                     int64_t base_units) {
  text = WithoutBlanksAround(text);
  if (base_units == 1 && MayGroupDigits(text)) return MayBeThousands(text);
  int64_t quantity = 0;
  const Fault fault = ParseNumber(text, base_units, quantity);
  if (fault == Fault::kNone) return quantity;
  return FaultError(
      fault, text,
      HasDigitsApart(text)
          ? "digits are not grouped, and the decimal sign is a point: write a "
            "number such as 1000 or 1.5"
          : "the unit is given elsewhere: write a number such as 90",
      base_units == 1 ? "piece" : "millisecond");
}

}  // namespace konpro::internal
