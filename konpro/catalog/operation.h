// An Operation is something that is metered, and a Quantity is how much of it.
// Operations are data: a catalog names them (catalog.h) and prices them
// (price_list.h).
//
//   Operation{"avatar_video", QuantityUnit::kMilliseconds, "ms"}
//   Operation{"photo_avatar", QuantityUnit::kCount, "image"}
//
//   ParseQuantity("12", QuantityUnit::kCount)               // 12
//   constexpr QuantityUnit kTime = QuantityUnit::kMilliseconds;
//   ParseQuantity("1m30s", kTime)                           // 90,000
//   ParseQuantity("1 min 30 sec", kTime)                    // 90,000
//   ParseQuantity("1:02:03.250", kTime)                     // 3,723,250
//   ParseQuantity("PT1M30S", kTime)                         // 90,000
//   ParseQuantity("90", kTime)                              // kInvalidArgument
//
// Thread safety: immutable. All functions are pure.
//
// Limits: a name has 1 .. 48 bytes; a quantity is 0 .. 2^63-1 milliseconds
// (292 million years) or pieces.
#ifndef KONPRO_CATALOG_OPERATION_H_
#define KONPRO_CATALOG_OPERATION_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace konpro {

// What a base unit of an operation is.
enum class QuantityUnit : uint8_t {
  kMilliseconds,  // of media or of a session
  kCount,         // of pieces
};

struct Operation {
  static constexpr size_t kNameBytesMax = 48;

  // A lower-case letter, then lower-case letters, digits and "_".
  std::string name;
  QuantityUnit unit = QuantityUnit::kMilliseconds;
  // What a base unit is called: "ms", or what is counted, such as "image".
  std::string unit_name;

  friend bool operator==(const Operation&, const Operation&) = default;
};

// kInvalidArgument if the name or the unit's name breaks a rule above. The
// message begins with `name: ` or `unit: `.
absl::Status ValidateOperation(const Operation& operation);

// The base units that `text` says, read exactly. What can mean one thing only
// is read; blanks around it do not count.
//
// Milliseconds: numbers with units, larger before smaller, each unit once, with
// blanks between them or without ("1h30m", "90s", "0.5h", "1 min 30.25 sec");
// or a clock ("MM:SS", "HH:MM:SS", each with up to three decimal places; every
// field but the first has two digits and is below 60); or hours, minutes and
// seconds of ISO 8601 ("PT1M30S"); or 0. The units are `h` (`hr`, `hour`), `m`
// (`min`, `minute`), `s` (`sec`, `second`) and `ms` (`msec`, `millisecond`),
// the words also in the plural.
//
// Count: a whole number. "4.0" is one; "1.000" is not, as its point may group
// digits.
//
// kInvalidArgument, saying what would be right: another form, a number of time
// without a unit, grouped digits, a negative, anything finer than a millisecond
// or than one piece. kOutOfRange: above 2^63-1 base units.
absl::StatusOr<int64_t> ParseQuantity(absl::string_view text,
                                      QuantityUnit unit);

// The base units of a bare decimal `text` that counts `base_units` each, for
// tables that name the unit once: ("1.5", 1000) is 1,500. Errors as above.
// REQUIRES: base_units > 0.
absl::StatusOr<int64_t> ParseDecimalQuantity(absl::string_view text,
                                             int64_t base_units);

// A quantity of an HTTP request: digits alone count base units, as in
// protobuf's JSON; all else is as in ParseQuantity().
absl::StatusOr<int64_t> ParseQuantityOrBaseUnits(absl::string_view text,
                                                 QuantityUnit unit);

// Reads back through ParseQuantity(): "1h1m30.25s", "0s", "12".
// REQUIRES: quantity >= 0.
std::string FormatQuantity(int64_t quantity, QuantityUnit unit);

}  // namespace konpro

#endif  // KONPRO_CATALOG_OPERATION_H_
