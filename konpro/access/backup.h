// Copies what a Service keeps to another, empty Backend: accounts and keys as
// they are, and the journal up to an entry. The source may be in use meanwhile.
//
//   Backend copy = Backend::InMemory();
//   BackUp(*service, /*through=*/6, copy)->entries    // 6
//
// Balances follow from the journal. What rate windows have used is not copied.
//
// Thread safety: as `keys` and `accounts` are; nobody else uses `to`.
#ifndef KONPRO_ACCESS_BACKUP_H_
#define KONPRO_ACCESS_BACKUP_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "konpro/access/account_directory.h"
#include "konpro/access/backend.h"
#include "konpro/access/key_directory.h"
#include "konpro/access/service.h"
#include "konpro/ledger/ledger.h"

namespace konpro {

struct BackupCounts {
  uint64_t entries = 0;
  uint64_t keys = 0;
  uint64_t accounts = 0;
};

// Calls its argument with every record, until that fails: KeyStore::LoadAll(),
// AccountStore::LoadAll(), or the same of a directory that is in use.
using KeyReader = absl::FunctionRef<absl::Status(
    absl::FunctionRef<absl::Status(ApiKeyRecord)>)>;
using AccountReader = absl::FunctionRef<absl::Status(
    absl::FunctionRef<absl::Status(AccountRecord)>)>;

// kOutOfRange: the journal has fewer entries. Otherwise errors of either side;
// a part may have been copied then.
absl::StatusOr<BackupCounts> BackUp(Ledger& ledger, KeyReader keys,
                                    AccountReader accounts, uint64_t through,
                                    Backend& to);
// The same of a service in use.
absl::StatusOr<BackupCounts> BackUp(Service& service, uint64_t through,
                                    Backend& to);

}  // namespace konpro

#endif  // KONPRO_ACCESS_BACKUP_H_
