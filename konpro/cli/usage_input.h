// Usage records as commands read them: JSON Lines or length-delimited binary
// (docs/formats.md).
#ifndef KONPRO_CLI_USAGE_INPUT_H_
#define KONPRO_CLI_USAGE_INPUT_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "konpro/cli/input.h"
#include "proto/usage.pb.h"

namespace konpro::cli {

// How usage records are written.
enum class RecordForm {
  kAuto,       // told apart by the first bytes
  kJsonLines,  // one JSON object a line
  kDelimited,  // length-delimited binary protobuf
};

// Whether an input that begins with `begin` is length-delimited.
bool LooksDelimited(absl::string_view begin);

// Gives each record to `add`, in order, and every error to `errors`, an error
// of `add` among them, with the record's place. Memory does not grow with
// records.
void ReadUsageRecords(
    Input& input, RecordForm form, InputErrors& errors,
    absl::FunctionRef<absl::Status(const v1::UsageRecord&)> add);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_USAGE_INPUT_H_
