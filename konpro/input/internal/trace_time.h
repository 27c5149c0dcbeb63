// Times as traces write them, read exactly and quickly into the data plane's
// nanoseconds.
//
//   ParseTraceTime("2023-11-16T18:17:03.5Z")           // RFC 3339
//   ParseTraceTime("2023-11-16T20:17:03.5+02:00")      // the same instant
//   ParseTraceTime("2023-11-16 18:17:03.5")            // the same: UTC
//   ParseTraceTime("1700158623.5")                     // the same: since 1970
//   ParseTraceTime("2023-11-16T18:17:03.5")            // kInvalidArgument
//   ParseLogTime("16/Nov/2023:19:17:03 +0100")         // of an access log
//
// A fraction may have any number of digits; those after the ninth are cut off.
// A leap second, 23:59:60 UTC with any fraction, is the instant after it.
//
// Thread safety: all functions are pure.
//
// Limits: those of unix_nanos.h. A time outside is an error here, not the
// nearer end.
#ifndef KONPRO_INPUT_INTERNAL_TRACE_TIME_H_
#define KONPRO_INPUT_INTERNAL_TRACE_TIME_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/base/unix_nanos.h"

namespace konpro {

// kInvalidArgument, saying what would be right: another form, no such date or
// time of day, a "T" without a time zone. kOutOfRange: outside the limits.
absl::StatusOr<UnixNanos> ParseTraceTime(absl::string_view text);

// What stands in the brackets of an access log. Errors as above.
absl::StatusOr<UnixNanos> ParseLogTime(absl::string_view text);

}  // namespace konpro

#endif  // KONPRO_INPUT_INTERNAL_TRACE_TIME_H_
