#include "konpro/ledger/account_command.h"

namespace konpro {

absl::string_view OverrunName(Overrun overrun) {
  return overrun == Overrun::kReject ? "reject" : "top-up";
}

absl::string_view DrawModeName(DrawMode mode) {
  switch (mode) {
    case DrawMode::kNormal:
      return "normal";
    case DrawMode::kBestEffort:
      return "best-effort";
    case DrawMode::kCheckOnly:
      return "check-only";
    case DrawMode::kCollect:
      return "collect";
  }
  return "";
}

std::optional<Credits> SumOf(absl::Span<const Allocation> parts) {
  std::optional<Credits> sum = Credits();
  for (const Allocation& part : parts) {
    sum = CheckedAdd(*sum, part.amount);
    if (!sum.has_value()) break;
  }
  return sum;
}

}  // namespace konpro
