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

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "konpro/access/backend.h"
#include "konpro/sqlite/sqlite_options.h"

namespace konpro {

// Errors of SqliteStore::Open() (sqlite_store.h).
absl::StatusOr<Backend> OpenSqliteBackend(const std::string& path,
                                          const SqliteOptions& options);

// A new file at `path` with what `fill` puts into it: whole and on the disk, or
// not there. Until it is filled it has another name, and nobody can open it.
// kAlreadyExists: there is a file of that name, or a log of it. kUnavailable:
// it cannot be written. Otherwise the error of `fill`. A process that is killed
// leaves PATH.unfinished-PID, which can be removed.
absl::Status MakeSqliteFile(const std::string& path,
                            absl::FunctionRef<absl::Status(Backend&)> fill);

}  // namespace konpro

#endif  // KONPRO_SQLITE_SQLITE_BACKEND_H_
