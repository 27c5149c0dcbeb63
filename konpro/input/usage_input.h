// Usage records as commands read them: JSON Lines or length-delimited binary
// (docs/formats.md).
//
//   UsageTotals totals(catalog);
//   ReadUsageRecords(input, UsageRecordForm::kAuto, errors,
//                    [&](const v1::UsageRecord& record) {
//                      return totals.Add(record);
//                    });
//
// Thread safety: pure but for the input and the errors.
#ifndef KONPRO_INPUT_USAGE_INPUT_H_
#define KONPRO_INPUT_USAGE_INPUT_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "konpro/input/input_file.h"
#include "proto/usage.pb.h"

namespace konpro {

// How usage records are written.
enum class UsageRecordForm {
  kAuto,       // the first bytes decide
  kJsonLines,  // one JSON object a line
  kDelimited,  // length-delimited binary protobuf
};

// Whether an input that begins with `begin` is length-delimited.
bool LooksDelimited(absl::string_view begin);

// Where a record stands in its input.
struct UsageRecordPlace {
  // From 1, of JSON Lines; 0: by number and offset.
  int64_t line = 0;
  int64_t number = 0;
  int64_t offset = 0;
};

// An error of the record at `place`.
void AddRecordError(InputErrors& errors, const UsageRecordPlace& place,
                    absl::string_view what);
// The same of what is no error.
void AddRecordNote(InputErrors& errors, const UsageRecordPlace& place,
                   absl::string_view what);

// Gives each record to `add`, in order, and every error to `errors`, an error
// of `add` among them, with the record's place. Memory does not grow with
// records. What `add` leaves in the record is of no matter.
void ReadUsageRecords(
    InputFile& input, UsageRecordForm form, InputErrors& errors,
    absl::FunctionRef<absl::Status(v1::UsageRecord&, const UsageRecordPlace&)>
        add);
void ReadUsageRecords(
    InputFile& input, UsageRecordForm form, InputErrors& errors,
    absl::FunctionRef<absl::Status(const v1::UsageRecord&)> add);

}  // namespace konpro

#endif  // KONPRO_INPUT_USAGE_INPUT_H_
