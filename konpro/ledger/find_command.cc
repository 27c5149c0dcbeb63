#include "konpro/ledger/find_command.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"

namespace konpro {

absl::StatusOr<Ledger::CommandPlace> FindCommand(Ledger& ledger,
                                                 absl::string_view account,
                                                 absl::string_view id) {
  if (!account.empty()) {
    const absl::StatusOr<uint64_t> sequence = ledger.FindCommand(account, id);
    if (!sequence.ok()) return sequence.status();
    if (*sequence != 0) {
      return Ledger::CommandPlace{.account = std::string(account),
                                  .sequence = *sequence};
    }
  }
  absl::StatusOr<std::vector<Ledger::CommandPlace>> places =
      ledger.FindCommand(id);
  if (!places.ok()) return places.status();
  const Ledger::CommandPlace* found = nullptr;
  for (const Ledger::CommandPlace& place : *places) {
    if (!account.empty() && place.account != account) continue;
    if (found != nullptr && found->account != place.account) {
      return absl::InvalidArgumentError(absl::StrCat(
          "id ", internal::Quoted(id), " is a command of ",
          internal::Quoted(found->account), " and of ",
          internal::Quoted(place.account), ": say which with --account"));
    }
    found = &place;
  }
  if (found != nullptr) return *found;
  return absl::NotFoundError(
      absl::StrCat("no command has the id ", internal::Quoted(id)));
}

}  // namespace konpro
