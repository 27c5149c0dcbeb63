// What a command that is made within a batch may look up: the ledger's state
// with the commands before it in the batch (Ledger::ApplyEach()).
//
// Thread safety: thread-compatible.
#ifndef KONPRO_LEDGER_INTERNAL_LEDGER_BATCH_H_
#define KONPRO_LEDGER_INTERNAL_LEDGER_BATCH_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/internal/journal_codec.h"
#include "konpro/ledger/internal/ledger_book.h"
#include "konpro/ledger/ledger_command.h"

namespace konpro::internal {

class BatchLookup {
 public:
  explicit BatchLookup(LedgerBook& book) : book_(book) {}

  // The sequence of a remembered id; 0: it is not remembered.
  absl::StatusOr<uint64_t> FindCommand(absl::string_view account,
                                       absl::string_view id) const {
    return book_.FindId(account, id);
  }
  UnixNanos time() const { return book_.time(); }
  // The account, after it and the ledger have advanced to `at`; nullptr: it has
  // no command.
  absl::StatusOr<const Account*> AccountAt(absl::string_view account,
                                           UnixNanos at) const {
    return book_.AdvanceAccount(account, at);
  }
  // The entry refers to `bytes`.
  absl::Status ReadEntry(uint64_t sequence, std::string& bytes,
                         JournalEntry& entry) const {
    const absl::Status status = book_.ReadEntry(sequence, bytes);
    return status.ok() ? DecodeEntry(bytes, entry) : status;
  }

 private:
  LedgerBook& book_;
};

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_LEDGER_BATCH_H_
