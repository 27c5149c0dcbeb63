#include "konpro/catalog/operation.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "konpro/base/internal/name.h"

namespace konpro {
namespace {

constexpr int64_t kSecondMs = 1'000;
constexpr int64_t kMinuteMs = 60 * kSecondMs;
constexpr int64_t kHourMs = 60 * kMinuteMs;

// What a leaf found wrong; the caller has the whole text for the message.
enum class Fault { kNone, kForm, kTooFine, kTooLarge, kThousands };

constexpr absl::string_view kBlanks = " \t";

bool IsDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c));
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

// `text` is `digits[.digits]`: sets `units` to that many times `base_units`.
Fault ParseDecimal(absl::string_view text, int64_t base_units, int64_t& units) {
  const size_t point = std::min(text.find('.'), text.size());
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

// `text` is `digits[.digits]`, a number of pieces. "1.000" is one in one
// country and a thousand in the next.
Fault ParseCount(absl::string_view text, int64_t& units) {
  constexpr size_t kGroupDigits = 3;
  const size_t point = text.find('.');
  const bool is_grouped = point != text.npos && point >= 1 &&
                          point <= kGroupDigits && text.front() != '0' &&
                          text.size() - point - 1 == kGroupDigits;
  const Fault fault = ParseDecimal(text, 1, units);
  const bool reads = fault == Fault::kNone || fault == Fault::kTooFine;
  return is_grouped && reads ? Fault::kThousands : fault;
}

absl::string_view WithoutBlanks(absl::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return "";
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

void SkipBlanks(absl::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
}

absl::string_view TakeDigitsAndPoints(absl::string_view& text) {
  const size_t end =
      std::min(text.find_first_not_of("0123456789."), text.size());
  const absl::string_view number = text.substr(0, end);
  text.remove_prefix(end);
  return number;
}

// The milliseconds of the unit that is the next word of `text`, which is taken;
// 0 if it is no unit.
int64_t TakeUnit(absl::string_view& text) {
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
                {"millisecond", 1},
                {"milliseconds", 1}};
  const size_t end = std::min(
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), text.size());
  for (const auto& unit : kUnits) {
    if (text.substr(0, end) != unit.name) continue;
    text.remove_prefix(end);
    return unit.ms;
  }
  return 0;
}

// "1h30m", "1 h 30 min", "90 seconds", "0.5h"
Fault ParseUnits(absl::string_view text, int64_t& ms) {
  int64_t larger_unit_ms = std::numeric_limits<int64_t>::max();
  ms = 0;
  do {
    const absl::string_view number = TakeDigitsAndPoints(text);
    SkipBlanks(text);
    const int64_t unit_ms = TakeUnit(text);
    SkipBlanks(text);
    if (unit_ms == 0 || unit_ms >= larger_unit_ms) return Fault::kForm;
    larger_unit_ms = unit_ms;
    int64_t part_ms = 0;
    const Fault fault = ParseDecimal(number, unit_ms, part_ms);
    if (fault != Fault::kNone) return fault;
    if (__builtin_add_overflow(ms, part_ms, &ms)) return Fault::kTooLarge;
  } while (!text.empty());
  return Fault::kNone;
}

// "PT1H2M3.25S", a duration of ISO 8601 that is a time alone: the length of its
// days, months and years depends on a calendar. Only the last part may have a
// fraction.
Fault ParseIsoTime(absl::string_view text, int64_t& ms) {
  static constexpr struct {
    char designator;
    int64_t ms;
  } kParts[] = {{'H', kHourMs}, {'M', kMinuteMs}, {'S', kSecondMs}};
  text.remove_prefix(2);
  if (text.empty()) return Fault::kForm;
  ms = 0;
  for (const auto& part : kParts) {
    absl::string_view rest = text;
    const absl::string_view number = TakeDigitsAndPoints(rest);
    if (rest.empty() || rest.front() != part.designator) continue;
    text = rest.substr(1);
    if (number.find('.') != number.npos && !text.empty()) return Fault::kForm;
    int64_t part_ms = 0;
    const Fault fault = ParseDecimal(number, part.ms, part_ms);
    if (fault != Fault::kNone) return fault;
    if (__builtin_add_overflow(ms, part_ms, &ms)) return Fault::kTooLarge;
  }
  return text.empty() ? Fault::kNone : Fault::kForm;
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
    const Fault fault = ParseDecimal(number, unit_ms, part_ms);
    if (fault != Fault::kNone) return fault;
    if (field > 0 && part_ms >= 60 * unit_ms) return Fault::kForm;
    if (__builtin_add_overflow(ms, part_ms, &ms)) return Fault::kTooLarge;
  }
  return Fault::kNone;
}

// The error that `fault` is, with `forms` as what would be right and `finest`
// as what cannot be divided.
absl::Status FaultError(Fault fault, absl::string_view text,
                        absl::string_view forms, absl::string_view finest) {
  const std::string quoted = internal::Quoted(text);
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
    case Fault::kThousands:
      return absl::InvalidArgumentError(
          absl::StrCat(quoted, " is ambiguous: write ",
                       absl::StrReplaceAll(text, {{".", ""}}),
                       " if the point separates thousands, else write it "
                       "without \".",
                       text.substr(text.find('.') + 1), "\""));
    case Fault::kForm:
      break;
  }
  if (!text.empty() && text.front() == '-') {
    return absl::InvalidArgumentError(
        absl::StrCat(quoted, " is negative: a quantity is zero or more"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(quoted, " is no quantity: ", forms));
}

}  // namespace

absl::Status ValidateOperation(const Operation& operation) {
  if (!internal::IsName(operation.name, Operation::kNameBytesMax)) {
    return absl::InvalidArgumentError(
        absl::StrCat("name: ", internal::Quoted(operation.name),
                     " is no operation name: write ", internal::kNameRule,
                     ", at most ", Operation::kNameBytesMax));
  }
  if (operation.unit == QuantityUnit::kMilliseconds) {
    if (operation.unit_name == "ms") return absl::OkStatus();
    return absl::InvalidArgumentError(
        "unit: what is metered in milliseconds has the unit \"ms\"");
  }
  // A count that called itself "s" would read as time in every table.
  for (absl::string_view time : {"ms", "s", "m", "min", "h"}) {
    if (operation.unit_name == time) {
      return absl::InvalidArgumentError(
          absl::StrCat("unit: \"", time,
                       "\" is a time, and time is metered in \"ms\": name what "
                       "is counted, such as \"image\""));
    }
  }
  if (!internal::IsName(operation.unit_name, Operation::kNameBytesMax)) {
    return absl::InvalidArgumentError(
        absl::StrCat("unit: ", internal::Quoted(operation.unit_name),
                     " is no unit: write \"ms\" or ", internal::kNameRule,
                     ", at most ", Operation::kNameBytesMax));
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ParseQuantity(absl::string_view text,
                                      QuantityUnit unit) {
  int64_t quantity = 0;
  text = WithoutBlanks(text);
  if (unit == QuantityUnit::kCount) {
    const Fault fault = ParseCount(text, quantity);
    if (fault == Fault::kNone) return quantity;
    return FaultError(fault, text,
                      "write a whole number such as 12, without separators",
                      "piece");
  }
  const Fault fault = text.substr(0, 2) == "PT" ? ParseIsoTime(text, quantity)
                      : text.find(':') == text.npos
                          ? ParseUnits(text, quantity)
                          : ParseClock(text, quantity);
  if (fault == Fault::kNone) return quantity;
  return FaultError(fault, text,
                    "time has a unit: write 90s, 1m30s, 1500ms, 0.5h, 1:30, "
                    "1:02:03.250 or PT1M30S",
                    "millisecond");
}

absl::StatusOr<int64_t> ParseDecimalQuantity(absl::string_view text,
                                             int64_t base_units) {
  int64_t quantity = 0;
  text = WithoutBlanks(text);
  const Fault fault = base_units == 1
                          ? ParseCount(text, quantity)
                          : ParseDecimal(text, base_units, quantity);
  if (fault == Fault::kNone) return quantity;
  return FaultError(fault, text,
                    "the unit is given elsewhere: write a number such as 90",
                    base_units == 1 ? "piece" : "millisecond");
}

std::string FormatQuantity(int64_t quantity, QuantityUnit unit) {
  if (unit == QuantityUnit::kCount) return absl::StrCat(quantity);
  std::string text;
  if (quantity >= kHourMs) {
    absl::StrAppend(&text, quantity / kHourMs, "h");
    quantity %= kHourMs;
  }
  if (quantity >= kMinuteMs) {
    absl::StrAppend(&text, quantity / kMinuteMs, "m");
    quantity %= kMinuteMs;
  }
  if (quantity == 0 && !text.empty()) return text;
  absl::StrAppend(&text, quantity / kSecondMs);
  if (quantity % kSecondMs != 0) {
    absl::StrAppend(&text, ".",
                    absl::Dec(quantity % kSecondMs, absl::kZeroPad3));
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "s";
}

}  // namespace konpro
