// A reader of JSON (RFC 8259) for what must be refused with its place and its
// reason, and never read in part: a body of a request, a line of a file.
//
//   ParseJson("{\"quantity\": \"90s\"}")->members[0].value.text   // "90s"
//   ParseJson("{\"a\": 1, \"a\": 2}")
//   // kInvalidArgument: "line 1, column 10: member \"a\" stands twice"
//
// Strict: one value, with nothing after it but blanks; no member of an object
// twice; texts in UTF-8. Numbers are kept as they are written.
//
// Thread safety: pure.
//
// Limits: kJsonDepthMax arrays and objects within each other.
#ifndef KONPRO_BASE_INTERNAL_JSON_VALUE_H_
#define KONPRO_BASE_INTERNAL_JSON_VALUE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace konpro::internal {

inline constexpr int kJsonDepthMax = 32;

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
  // Of a text, decoded; of a number or a boolean, as it is written.
  std::string text;
  std::vector<JsonMember> members;  // of an object, in their order
  std::vector<JsonValue> items;     // of an array
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

// kInvalidArgument, beginning with "line 1, column 5: ". Columns count bytes.
absl::StatusOr<JsonValue> ParseJson(absl::string_view text);

}  // namespace konpro::internal

#endif  // KONPRO_BASE_INTERNAL_JSON_VALUE_H_
