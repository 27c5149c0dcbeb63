// Any usage records, JSON Lines or binary: a report, or errors and no report.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

#include "konpro/cli/price_command.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
  std::ostringstream out;
  std::ostringstream err;
  const auto code = konpro::cli::RunPrice({.file = "-"}, {in, out, err});
  const bool bad = code == konpro::cli::ExitCode::kBadInput;
  if (bad != out.str().empty()) std::abort();
  if (bad && err.str().empty()) std::abort();
  return 0;
}
