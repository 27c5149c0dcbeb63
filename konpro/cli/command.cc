#include "konpro/cli/command.h"

#include "absl/strings/str_cat.h"
#include "konpro/estimate/estimator.h"
#include "konpro/input/catalog_input.h"

namespace konpro::cli {

std::optional<Catalog> LoadCatalog(const std::string& path, Streams streams) {
  return Loaded(ReadCatalog(path, streams.in), streams);
}

void PrintReason(Streams streams, absl::string_view reason) {
  streams.out.flush();
  streams.err << "konpro: " << reason << "\n";
}

ExitCode FailWith(const absl::Status& status, Streams streams) {
  PrintReason(streams, status.message());
  return ExitCodeOf(status);
}

ExitCode CheckAvailable(Credits total, std::optional<Credits> available,
                        Streams streams) {
  if (!available.has_value() || total <= *available) return ExitCode::kOk;
  PrintReason(streams,
              absl::StrCat("not covered: need ", total.ToString(),
                           ", available ", available->ToString(), ", short ",
                           Shortfall(total, *available)->ToString()));
  return ExitCode::kOverAvailable;
}

ExitCode CheckBudget(Credits total, std::optional<Credits> budget,
                     Streams streams) {
  if (!budget.has_value() || total <= *budget) return ExitCode::kOk;
  PrintReason(streams,
              absl::StrCat("over budget: ", total.ToString(), " credits are ",
                           Shortfall(total, *budget)->ToString(), " above ",
                           budget->ToString()));
  return ExitCode::kOverBudget;
}

}  // namespace konpro::cli
