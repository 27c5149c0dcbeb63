// Any trace, CSV or access log: a report, or errors and no report. The first
// byte chooses the form and the mode.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

#include "konpro/cli/replay_command.h"
#include "konpro/input/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using konpro::ReplayMode;
  using konpro::TraceForm;
  if (size == 0) return 0;
  konpro::cli::ReplayOptions options = {.file = "-"};
  if (data[0] % 2 == 0) {
    options.trace = {
        .time = "t", .operation = "o", .quantity = "q", .account = "a"};
  } else {
    options.trace.form = TraceForm::kAccessLog;
  }
  options.mode = data[0] / 2 % 2 == 0 ? ReplayMode::kWait : ReplayMode::kDrop;
  std::istringstream in(
      std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  std::ostringstream out;
  std::ostringstream err;
  const auto code = konpro::cli::RunReplay(options, {in, out, err});
  const bool bad = code == konpro::cli::ExitCode::kBadInput;
  if (bad != out.str().empty()) std::abort();
  if (bad && err.str().empty()) std::abort();
  return 0;
}
