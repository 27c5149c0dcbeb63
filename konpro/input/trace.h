// A trace is a list of requests and when they came: CSV with a header row, of
// which the options name the columns, or an access log in common or combined
// log format (docs/formats.md). A row is one request. Requests are in order of
// time, however the rows stand.
//
//   TIMESTAMP,customer,seconds
//   2023-11-16 18:17:03.979,acme,12.5
//   2023-11-16 18:17:04.031,blue,8
//
//   std::optional<TraceReplay> replay;
//   ReadTrace({"trace.csv", in},
//             {.time = "TIMESTAMP",
//              .operation = "avatar_video",
//              .quantity = "seconds",
//              .unit = "s",
//              .account = "customer"},
//             catalog, errors,
//             [&] { replay.emplace(plans, catalog, ReplayMode::kDrop); },
//             [&](const TraceRequest& request) { return replay->Add(request);
//             });
//
//   192.0.2.7 - acme [16/Nov/2023:18:17:03 +0000] "GET / HTTP/1.1" 200 17
//
//   ReadTrace({"access.log", in}, {.form = TraceForm::kAccessLog}, ...);
//
// Thread safety: pure but for the input, the errors and temporary files.
//
// Memory: a file whose rows are in order takes none. Rows out of order, and
// what is no regular file and so cannot be read twice, are sorted in 64 MiB and
// then in a temporary file (internal/request_sorter.h).
#ifndef KONPRO_INPUT_TRACE_H_
#define KONPRO_INPUT_TRACE_H_

#include <cstdint>
#include <istream>
#include <ostream>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "konpro/catalog/catalog.h"
#include "konpro/estimate/replay.h"
#include "konpro/input/input_file.h"

namespace konpro {

enum class TraceForm {
  kCsv,
  kAccessLog,
};

// Empty texts: the trace does not say.
struct TraceOptions {
  TraceForm form = TraceForm::kCsv;
  // A column of times, which CSV must have; of CSV alone.
  std::string time;
  // The name of an operation that the catalog knows, for all rows; else a
  // column. Without it, requests are of no operation that is metered.
  std::string operation;
  // A column, of CSV alone. It needs an operation.
  std::string quantity;
  // What a bare number in the quantity column counts; else the cells say it.
  std::string unit;
  // A column; else all requests are of one account. Of an access log: "user",
  // "address", or "" for the user if the log names one, else the address.
  std::string account;
};

// kInvalidArgument if options do not go together. The message begins with
// the option, such as `--unit: `.
absl::Status CheckTraceOptions(const TraceOptions& options,
                               const Catalog& catalog);

// Where a trace is.
struct TraceSource {
  // A file, or "-" for `in`.
  const std::string& path;
  std::istream& in;
  // See InputFile.
  std::ostream* progress_out = nullptr;
};

// Calls `begin`, and then `add` with each request, in order of time; of equal
// times, in that of the rows. If a row out of order is found on the way, it
// calls `begin` once more: what was added is to be forgotten, and comes again.
// Every error goes to `errors`, an error of `add` among them. Returns how many
// rows have a time before one of a row above. REQUIRES: CheckTraceOptions() is
// OK.
int64_t ReadTrace(const TraceSource& source, const TraceOptions& options,
                  const Catalog& catalog, InputErrors& errors,
                  absl::FunctionRef<void()> begin,
                  absl::FunctionRef<absl::Status(const TraceRequest&)> add);

}  // namespace konpro

#endif  // KONPRO_INPUT_TRACE_H_
