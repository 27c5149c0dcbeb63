// How a SQLite file is opened: OpenSqliteBackend(), SqliteStore::Open().
#ifndef KONPRO_SQLITE_SQLITE_OPTIONS_H_
#define KONPRO_SQLITE_SQLITE_OPTIONS_H_

#include <string>

namespace konpro {

struct SqliteOptions {
  // Whether a missing file is created.
  bool create = true;
  // The name of a registered VFS; "" is SQLite's own.
  std::string vfs;
};

}  // namespace konpro

#endif  // KONPRO_SQLITE_SQLITE_OPTIONS_H_
