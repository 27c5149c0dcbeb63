// JSON (RFC 8259) read into a protobuf message, strictly: a member that stands
// twice, by whichever of its names, and one that the message does not have are
// errors, each with its place.
//
//   v1::UsageRecord record;
//   ReadJsonMessage(R"({"job_id":"a","jobId":"b"})", record)->what
//                                       // member "job_id" stands twice
//   ReadJsonMessage(R"({"count":"90s"})", record)->what
//                                       // count: "90s" is no whole number
//   ReadJsonMessage(R"({"duration":"1m 30s"})", record)     // nullopt
//   ReadJsonLine("[{}, {}]", record)->what                  // one object a
//   line
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

namespace konpro {

inline constexpr int kJsonDepthMax = 64;

struct JsonError {
  // From 1; columns are bytes.
  int64_t line = 1;
  int64_t column = 1;
  std::string what;
  // Whether the text is not one whole object: it is an array, or breaks off, or
  // goes on after the object.
  bool is_of_extent = false;
};

// Reads `text`, one object with nothing but blanks around it, into `message`.
// On an error the message is of no matter. A google.protobuf.Duration may also
// be a time in one of the forms of ParseQuantity().
std::optional<JsonError> ReadJsonMessage(absl::string_view text,
                                         google::protobuf::Message& message);

// The same of one line of JSON Lines. An error of extent says that there is one
// object a line.
std::optional<JsonError> ReadJsonLine(absl::string_view line,
                                      google::protobuf::Message& message);

}  // namespace konpro

#endif  // KONPRO_INPUT_JSON_MESSAGE_H_
