#include "konpro/ledger/account_command.h"

namespace konpro {

std::optional<Credits> SumOf(absl::Span<const Allocation> parts) {
  std::optional<Credits> sum = Credits();
  for (const Allocation& part : parts) {
    sum = CheckedAdd(*sum, part.amount);
    if (!sum.has_value()) break;
  }
  return sum;
}

}  // namespace konpro
