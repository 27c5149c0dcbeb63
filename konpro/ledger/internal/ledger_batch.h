// A batch of commands each of which is made when it is its turn, and what it
// may look up then: the ledger's state with the commands before it in the
// batch.
//
// Thread safety: a LedgerBatch is thread-safe, a BatchLookup is used by the
// maker that it is passed to alone.
#ifndef KONPRO_LEDGER_INTERNAL_LEDGER_BATCH_H_
#define KONPRO_LEDGER_INTERNAL_LEDGER_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/internal/journal_codec.h"
#include "konpro/ledger/internal/ledger_book.h"
#include "konpro/ledger/internal/usage_sessions.h"
#include "konpro/ledger/ledger_command.h"

namespace konpro {
class Ledger;
}  // namespace konpro

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
  // What is known of jobs. If there is something to read for it, everybody
  // waits: see LedgerBatch::ReadSessions().
  bool HasSessions() const { return book_.HasSessions(); }
  absl::StatusOr<UsageSessions*> Sessions() const {
    while (!book_.HasSessions()) {
      const absl::Status status = book_.ReadSomeSessions();
      if (!status.ok()) return status;
    }
    return &book_.sessions();
  }

 private:
  LedgerBook& book_;
};

class LedgerBatch {
 public:
  // Makes command `i` of a batch. The results before `i` are there, though not
  // durable yet. False: `outcome` is the result, and nothing is applied. It may
  // be called on another thread, and must not call the ledger.
  using CommandMaker = absl::FunctionRef<bool(
      size_t i, const BatchLookup& lookup, LedgerCommand& command,
      absl::StatusOr<LedgerOutcome>& outcome)>;

  // Ledger::ApplyBatch() of commands each of which may depend on the results
  // before it.
  static void Apply(Ledger& ledger, size_t count, CommandMaker make,
                    std::vector<absl::StatusOr<LedgerOutcome>>& outcomes);

  // Reads the sessions that the ledger has not read yet, piece by piece:
  // others take turns with it.
  static absl::Status ReadSessions(Ledger& ledger);
};

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_LEDGER_BATCH_H_
