// Any manifest, CSV or JSON Lines: a report, or errors and no report.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/cli/estimate_command.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
  std::ostringstream out;
  std::ostringstream err;
  const auto code = konpro::cli::RunEstimate(
      {.file = "-",
       .plan = "all",
       .deadline_after = absl::Hours(1),
       .used = {{"minute", 7}},
       .available = {{konpro::Credits::FromTicks(1'000'000),
                      konpro::UnixNanos::FromNanos(90'000'000'000)}},
       .explain = true},
      {in, out, err});
  const bool bad = code == konpro::cli::ExitCode::kBadInput;
  if (bad != out.str().empty()) std::abort();
  if (bad && err.str().empty()) std::abort();
  return 0;
}
