#include "konpro/cli/exit_code.h"

namespace konpro::cli {

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ExitCode::kOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnauthenticated:
      return ExitCode::kBadInput;
    default:
      return ExitCode::kInternal;
  }
}

ExitCode ExitCodeOf(const AccountEffect& effect) {
  if (effect.applied()) return ExitCode::kOk;
  return effect.refusal == Refusal::kInsufficientCredits
             ? ExitCode::kOverAvailable
             : ExitCode::kDenied;
}

}  // namespace konpro::cli
