// The body of a request: JSON into a message of proto/api.proto, with errors
// that name the member and the form that it should have.
//
//   v1::CreateJobRequest body;
//   ReadBody("{\"operation\": \"avatar_video\", \"quantity\": 1.5}", body)
//   // OK: a quantity is kept as it is written, until its operation is known
//   BaseUnitsOf(body.quantity(), operation)
//   // kInvalidArgument: "quantity: \"1.5\" is no quantity: time has a unit..."
//   BaseUnitsOf("90s", operation)                            // 90,000
//   ReadBody("[]", body)
//   // kInvalidArgument: "the body: is an array, should be one JSON object"
//
// Thread safety: pure.
//
// Limits: kBodyBytesMax.
#ifndef KONPRO_SERVE_REQUEST_BODY_H_
#define KONPRO_SERVE_REQUEST_BODY_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "konpro/catalog/operation.h"

namespace konpro {

inline constexpr size_t kBodyBytesMax = size_t{64} << 10;

// ReadJsonMessage(), in which a quantity may also be a number: sets the fields
// of `message` that `body` has and that can be read, also if others cannot.
// kInvalidArgument: the first error, beginning with the member's path, such as
// "jobs[3].quantity: ". kResourceExhausted: there are too many bytes.
absl::Status ReadBody(absl::string_view body,
                      google::protobuf::Message& message);

// The base units that a `quantity` of a body, or of a header field, says:
// digits alone are base units, all else is as ParseQuantity().
// kInvalidArgument, and kOutOfRange: the message begins with "quantity: ".
absl::StatusOr<int64_t> BaseUnitsOf(absl::string_view quantity,
                                    const Operation& operation);
// Whether it is a whole number without a unit, and so needs no operation to be
// read.
bool IsBaseUnits(absl::string_view quantity);

}  // namespace konpro

#endif  // KONPRO_SERVE_REQUEST_BODY_H_
