// Opens a Backend in one SQLite file: the embedded default. The ledger, the
// keys and the accounts have tables of their own in it (docs/formats.md).
//
//   Backend backend = *OpenSqliteBackend("credits.db", {});
//   auto service = *Service::Open(catalog, std::move(backend), {});
//
// Thread safety: as Backend's. The stores share one connection and take turns.
#ifndef KONPRO_SQLITE_SQLITE_BACKEND_H_
#define KONPRO_SQLITE_SQLITE_BACKEND_H_

#include <string>

#include "absl/status/statusor.h"
#include "konpro/access/backend.h"
#include "konpro/sqlite/sqlite_options.h"

namespace konpro {

// Errors of SqliteStore::Open() (sqlite_store.h).
absl::StatusOr<Backend> OpenSqliteBackend(const std::string& path,
                                          const SqliteOptions& options);

}  // namespace konpro

#endif  // KONPRO_SQLITE_SQLITE_BACKEND_H_
