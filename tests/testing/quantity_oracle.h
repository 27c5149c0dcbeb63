// What ParseQuantity() reads, said a second time: one regular expression for
// each form, and sums in 128 bits.
#ifndef KONPRO_TESTS_TESTING_QUANTITY_ORACLE_H_
#define KONPRO_TESTS_TESTING_QUANTITY_ORACLE_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <regex>
#include <string>

#include "konpro/catalog/operation.h"

namespace konpro::testing {

// The regular expressions recurse once a byte.
inline constexpr size_t kQuantityOracleBytesMax = 200;

// `number` times `unit`; nullopt if that is no whole number below 2^63.
inline std::optional<__int128> OracleProduct(std::string number, int64_t unit) {
  for (char& c : number) {
    if (c == ',') c = '.';
  }
  std::string whole = number.substr(0, number.find('.'));
  std::string places = number.size() > whole.size()
                           ? number.substr(whole.size() + 1)
                           : std::string();
  while (!places.empty() && places.back() == '0') places.pop_back();
  whole.erase(0, whole.find_first_not_of('0'));
  if (whole.size() > 19 || places.size() > 8) return std::nullopt;
  __int128 value = 0;
  for (char c : whole + places) value = 10 * value + (c - '0');
  value *= unit;
  for (size_t i = 0; i < places.size(); ++i) {
    if (value % 10 != 0) return std::nullopt;
    value /= 10;
  }
  return value;
}

// REQUIRES: text.size() <= kQuantityOracleBytesMax.
inline std::optional<int64_t> OracleQuantity(std::string text,
                                             QuantityUnit unit) {
  const std::string blanks = " \t\r\n";
  text.erase(0, text.find_first_not_of(blanks));
  if (text.empty()) return std::nullopt;
  text.erase(text.find_last_not_of(blanks) + 1);
  static const std::regex kCount(R"((\d+)(\.0+)?)");
  static const std::regex kGrouped(R"([1-9]\d?\d?\.\d\d\d)");
  static const std::regex kZero(R"(0+(\.0+)?)");
  static const std::regex kClock(R"((?:(\d+):(?=\d\d:))?(\d+):(\d\d)(\.\d+)?)");
  static const std::regex kUnits(
      R"((?:(\d+(?:\.\d+)?)[ \t]*(?:[hH]|HR|hr|[hH][rR][sS]|[hH][oO][uU][rR][sS]?)[ \t]*)?)"
      R"((?:(\d+(?:\.\d+)?)[ \t]*(?:m|[mM][iI][nN][sS]?|[mM][iI][nN][uU][tT][eE][sS]?)(?![a-zA-Z])[ \t]*)?)"
      R"((?:(\d+(?:\.\d+)?)[ \t]*(?:[sS]|[sS][eE][cC][sS]?|[sS][eE][cC][oO][nN][dD][sS]?)[ \t]*)?)"
      R"((?:(\d+(?:\.\d+)?)[ \t]*(?:ms|MS|[mM][sS][eE][cC][sS]?|[mM][iI][lL][lL][iI][sS][eE][cC][oO][nN][dD][sS]?)[ \t]*)?)");
  static const std::regex kIso(
      R"([pP](?:0+[yY])?(?:0+[mM])?(?:0+[wW])?(?:0+[dD])?)"
      R"((?:[tT](?:(\d+(?:[.,]\d+(?=.$))?)[hH])?(?:(\d+(?:[.,]\d+(?=.$))?)[mM])?)"
      R"((?:(\d+(?:[.,]\d+)?)[sS])?)?)");
  std::smatch found;
  __int128 sum = 0;
  const auto add = [&](size_t group, int64_t base_units) {
    if (!found[group].matched) return true;
    const auto product = OracleProduct(found[group].str(), base_units);
    sum += product.value_or(0);
    return product.has_value();
  };
  bool good = false;
  if (unit == QuantityUnit::kCount) {
    good = std::regex_match(text, found, kCount) &&
           !std::regex_match(text, kGrouped) && add(1, 1);
  } else if (std::regex_match(text, kZero)) {
    good = true;
  } else if (std::regex_match(text, found, kClock)) {
    const bool has_hours = found[1].matched;
    const std::string seconds = found[3].str() + found[4].str();
    const bool fields_fit =
        found[3].str() < "60" && (!has_hours || found[2].str() < "60");
    const auto product = OracleProduct(seconds, 1'000);
    good = fields_fit && product.has_value() && add(1, 3'600'000) &&
           add(2, 60'000);
    sum += product.value_or(0);
  } else if (std::regex_match(text, found, kIso)) {
    const char last = text.back();
    good = last != 'T' && last != 't' && text.size() > 1 && add(1, 3'600'000) &&
           add(2, 60'000) && add(3, 1'000);
  } else if (std::regex_match(text, found, kUnits)) {
    good = add(1, 3'600'000) && add(2, 60'000) && add(3, 1'000) && add(4, 1);
  }
  if (!good || sum > std::numeric_limits<int64_t>::max()) return std::nullopt;
  return static_cast<int64_t>(sum);
}

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_QUANTITY_ORACLE_H_
