// JSON (RFC 8259) read into a protobuf message, strictly: a member that stands
// twice, by whichever of its names, and one that the message does not have are
// errors, each with its place. All JSON that comes from outside is read here:
// files, and bodies of requests.
//
//   v1::UsageRecord record;
//   ReadJsonMessage(R"({"job_id":"a","jobId":"b"})", record)->what
//                                       // member "job_id" stands twice
//   ReadJsonMessage(R"({"count":"90s"})", record)->what
//                                       // count: "90s" is not a whole number
//   ReadJsonMessage(R"({"duration":"1m 30s"})", record)     // nullopt
//   ReadJsonLine("[{}, {}]", record)->what
//                                       // is an array, should be ...
//
// protobuf's own reader takes more than JSON, such as {'a':1}, and of a member
// that stands twice the last.
//
// Thread safety: all functions are pure.
//
// Limits: objects and arrays are within each other up to kJsonDepthMax.
#ifndef KONPRO_INPUT_JSON_MESSAGE_H_
#define KONPRO_INPUT_JSON_MESSAGE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "konpro/base/internal/json_value.h"

namespace konpro {

using internal::kJsonDepthMax;

struct JsonError {
  // From 1; columns are bytes.
  int64_t line = 1;
  int64_t column = 1;
  // Of a member, beginning with its path: `jobs[3].quantity: is null, should
  // be a text`.
  std::string what;
  // Whether the text is no JSON.
  bool is_of_syntax = false;
  // Whether `what` is of the whole text, as is "is empty, should be ...".
  bool is_of_whole = false;
  // Whether the text is not one whole object: it is an array, or breaks off, or
  // goes on after the object.
  bool is_of_extent = false;
};

struct JsonMessageOptions {
  // The name of text fields that may also be a number: they get it as it is
  // written, a whole number such as 60000.0 or 6e4 in digits.
  absl::string_view text_or_number;
  // What those should be, for an error.
  absl::string_view text_or_number_form;
};

// Reads `text`, one object with nothing but blanks around it, into `message`,
// which is cleared before. Members have the fields' names, also in
// lowerCamelCase; null is absent. A whole number may be a text of its digits. A
// google.protobuf.Duration may also be a time in one of the forms of
// ParseQuantity(). Returns the error that stands first in the text; `message`
// then has the members that could be read, up to an error of syntax.
std::optional<JsonError> ReadJsonMessage(
    absl::string_view text, google::protobuf::Message& message,
    const JsonMessageOptions& options = {});

// The same of one line of JSON Lines. An error of extent says that there is one
// object a line.
std::optional<JsonError> ReadJsonLine(absl::string_view line,
                                      google::protobuf::Message& message);

// The same of an object of any members, as they are written.
std::optional<JsonError> ReadJsonLine(absl::string_view line,
                                      internal::JsonValue& object);

}  // namespace konpro

#endif  // KONPRO_INPUT_JSON_MESSAGE_H_
