// Matchers for absl::Status and absl::StatusOr, which the system's Abseil
// lacks.
//
//   EXPECT_THAT(Credits::Parse("x"),
//               StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("x")));
//   EXPECT_THAT(status, IsOk());
#ifndef KONPRO_TESTS_TESTING_STATUS_MATCHERS_H_
#define KONPRO_TESTS_TESTING_STATUS_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace konpro::testing {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// The code equals `code` and the message, as std::string, matches `message`.
MATCHER_P2(StatusIs, code, message, "has the given code and message") {
  const absl::Status& status = StatusOf(arg);
  *result_listener << "which is " << status;
  return status.code() == code &&
         ::testing::Matches(message)(std::string(status.message()));
}

MATCHER(IsOk, "is OK") {
  *result_listener << "which is " << StatusOf(arg);
  return StatusOf(arg).ok();
}

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_STATUS_MATCHERS_H_
