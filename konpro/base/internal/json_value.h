// A reader of JSON (RFC 8259) for what must be refused with its place and its
// reason, and never read in part: the body of a request, a line of a file.
//
//   JsonValue value;
//   ReadJson("{\"quantity\": \"90s\"}", value)   // nullopt
//   value.members[0].value.text                  // "90s"
//   ReadJson("{\"a\": 1, \"a\": 2}", value)->what
//                                           // "member \"a\" stands twice"
//
// Strict: one value, with nothing after it but blanks; no member of an object
// twice; texts in UTF-8, without half of a surrogate pair. Numbers are kept as
// they are written.
//
// Thread safety: pure.
//
// Limits: kJsonDepthMax arrays and objects within each other.
#ifndef KONPRO_BASE_INTERNAL_JSON_VALUE_H_
#define KONPRO_BASE_INTERNAL_JSON_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace konpro::internal {

inline constexpr int kJsonDepthMax = 64;

enum class JsonKind : uint8_t {
  kNull,
  kBool,
  kNumber,
  kString,
  kArray,
  kObject,
};
// With its article: "a number".
absl::string_view JsonKindName(JsonKind kind);

struct JsonMember;

struct JsonValue {
  JsonKind kind = JsonKind::kNull;
  // The offset of its first byte.
  size_t begin = 0;
  // Of a text, decoded; of a number or a boolean, as it is written.
  std::string text;
  std::vector<JsonMember> members;  // of an object, in their order
  std::vector<JsonValue> items;     // of an array
};

struct JsonMember {
  // The offset of its name's first quote.
  size_t begin = 0;
  std::string name;
  JsonValue value;
};

struct JsonSyntaxError {
  size_t at = 0;
  std::string what;
  // Whether the text is not one whole value: it is empty, or breaks off, or
  // goes on after the value.
  bool is_of_extent = false;
};

// Reads all of `text` into `value`, which must be fresh. After an error it has
// what was read before: whole values, in arrays and objects that are whole or
// not.
std::optional<JsonSyntaxError> ReadJson(absl::string_view text,
                                        JsonValue& value);

// Line and column of an offset in `text`, from 1. Columns count bytes.
struct TextPlace {
  int64_t line = 1;
  int64_t column = 1;
};
TextPlace PlaceOf(absl::string_view text, size_t at);

}  // namespace konpro::internal

#endif  // KONPRO_BASE_INTERNAL_JSON_VALUE_H_
