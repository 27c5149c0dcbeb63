// A SqliteFrontDoor is a FrontDoor and all that it stands in front of, in one
// SQLite file: who embeds the library or runs a command needs no more.
//
//   auto service = *SqliteFrontDoor::Open("credits.db", Catalog::BuiltIn(),
//   {}); service->door().CreateKey({.account_id = "acme"}, now);
//   service->ledger().Apply(...);
//
// Thread safety: the parts', each of which is thread-safe. Destruction is not
// concurrent with anything.
//
// Limits: room for keys and accounts is made when the file is opened. What
// windows have used is in memory alone: limiter_snapshot.h carries it from one
// process to the next.
#ifndef KONPRO_SQLITE_SQLITE_FRONT_DOOR_H_
#define KONPRO_SQLITE_SQLITE_FRONT_DOOR_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "konpro/access/account_directory.h"
#include "konpro/access/front_door.h"
#include "konpro/access/key_directory.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/ledger.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/sqlite/sqlite_database.h"

namespace konpro {

class SqliteFrontDoor {
 public:
  struct Options {
    FrontDoor::Options door;
    LedgerOptions ledger;
    SqliteOptions sqlite;
    // Room beyond what the file has; 150 bytes of memory each, and 64.
    size_t spare_keys = 65'536;
    size_t spare_accounts = 65'536;
    // What the accounts' windows have used, from where it was kept; null: all
    // of them are fresh. It must have room for the accounts.
    std::unique_ptr<LimiterRegistry> limits = nullptr;
    // The same into a registry that has room for them: called with it before
    // the accounts come. Its error is Open()'s.
    std::function<absl::Status(LimiterRegistry&)> restore_limits = nullptr;
  };

  // `catalog` outlives it. Errors of the parts.
  static absl::StatusOr<std::unique_ptr<SqliteFrontDoor>> Open(
      const std::string& path, const Catalog& catalog, Options options);

  // Writes when keys were last used; an error of that is lost.
  ~SqliteFrontDoor();
  SqliteFrontDoor(const SqliteFrontDoor&) = delete;
  SqliteFrontDoor& operator=(const SqliteFrontDoor&) = delete;

  FrontDoor& door() { return *door_; }
  KeyDirectory& keys() { return *keys_; }
  AccountDirectory& accounts() { return *accounts_; }
  LimiterRegistry& limits() { return *limits_; }
  Ledger& ledger() { return *ledger_; }

 private:
  SqliteFrontDoor() = default;

  // In the order in which each stands on those before.
  std::shared_ptr<SqliteDatabase> database_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<KeyStore> key_store_;
  std::unique_ptr<KeyDirectory> keys_;
  std::unique_ptr<AccountStore> account_store_;
  std::unique_ptr<AccountDirectory> accounts_;
  std::unique_ptr<LimiterRegistry> limits_;
  std::unique_ptr<FrontDoor> door_;
};

}  // namespace konpro

#endif  // KONPRO_SQLITE_SQLITE_FRONT_DOOR_H_
