#include "konpro/catalog/operation.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/internal/quantity_text.h"

namespace konpro {
namespace {

constexpr int64_t kSecondMs = 1'000;
constexpr int64_t kMinuteMs = 60 * kSecondMs;
constexpr int64_t kHourMs = 60 * kMinuteMs;

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
  return unit == QuantityUnit::kCount ? internal::ParseCount(text)
                                      : internal::ParseMilliseconds(text);
}

absl::StatusOr<int64_t> ParseDecimalQuantity(absl::string_view text,
                                             int64_t base_units) {
  return internal::ParseDecimal(text, base_units);
}

absl::StatusOr<int64_t> ParseQuantityOrBaseUnits(absl::string_view text,
                                                 QuantityUnit unit) {
  const bool is_digits =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      });
  return is_digits ? internal::ParseCount(text) : ParseQuantity(text, unit);
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
