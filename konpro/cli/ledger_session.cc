#include "konpro/cli/ledger_session.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "konpro/base/internal/name.h"
#include "konpro/sqlite/sqlite_backend.h"

namespace konpro::cli {

UnixNanos TimeOf(const LedgerFile& file) {
  return UnixNanos::FromTime(file.at.has_value() ? *file.at : absl::Now());
}

std::optional<Catalog> CatalogOf(const LedgerFile& file, Streams streams) {
  if (file.open == nullptr) return LoadCatalog(file.catalog, streams);
  if (file.catalog.empty()) return file.open->admission().catalog();
  PrintReason(streams,
              "--catalog: the server that has the file open has its own");
  return std::nullopt;
}

LedgerPointer OpenLedger(const LedgerFile& file, bool create, Streams streams,
                         ExitCode& code) {
  if (file.open != nullptr) {
    return LedgerPointer(&file.open->ledger(), LedgerCloser{.is_owner = false});
  }
  absl::StatusOr<Backend> backend =
      OpenSqliteBackend(file.db, {.create = create});
  if (!backend.ok()) {
    code = FailWith(backend.status(), streams);
    return nullptr;
  }
  absl::StatusOr<std::unique_ptr<Ledger>> ledger =
      Ledger::Open(std::move(backend->ledger), {});
  if (!ledger.ok()) {
    code = FailWith(ledger.status(), streams);
    return nullptr;
  }
  return LedgerPointer(ledger->release());
}

absl::StatusOr<Ledger::CommandPlace> FindTarget(Ledger& ledger,
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

}  // namespace konpro::cli
