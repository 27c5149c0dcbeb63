// A Store is where a ledger keeps its journal, and pieces of state that save it
// from reading the journal from the start. It knows bytes and their order, and
// no rule: ledger.h has those.
//
//   store.Append(head, entries)      // all of them and durable, or none
//   store.Read(8, 10, visit)         // entries 8, 9, 10
//   store.WriteSnapshots(changes)    // all or none; may be dropped
//
// A backend is memory_store.h, sqlite_store.h, or one for a server: Append() is
// a compare-and-swap on the head, so that of two ledgers on one store one is
// told kAborted and changes nothing, and no lock need outlive a call. A ledger
// decides about ids; a backend may put a unique index on account and id of what
// is appended besides.
//
// Thread safety: thread-compatible. A ledger calls its store by one thread at a
// time.
//
// Errors: kAborted: the head was another. kUnavailable: it is unknown whether
// anything was written, and a later call may work. kResourceExhausted: no room.
// kDataLoss: what is kept there is damaged. After any error of Append(),
// ReadHead() says what is kept.
#ifndef KONPRO_LEDGER_STORE_H_
#define KONPRO_LEDGER_STORE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace konpro {

using JournalHash = std::array<uint8_t, 32>;

// The last entry; before the first, sequence 0 and a hash of zeros.
struct JournalHead {
  uint64_t sequence = 0;
  JournalHash hash{};

  friend bool operator==(const JournalHead&, const JournalHead&) = default;
};

struct StoredEntry {
  uint64_t sequence = 0;
  absl::string_view bytes;
  JournalHash hash{};  // of this entry and all before

  friend bool operator==(const StoredEntry&, const StoredEntry&) = default;
};

struct SnapshotChange {
  absl::string_view key;
  std::optional<absl::string_view> value;  // nullopt: it is gone
};

class Store {
 public:
  using EntryVisitor = absl::FunctionRef<absl::Status(const StoredEntry&)>;
  using SnapshotVisitor =
      absl::FunctionRef<absl::Status(absl::string_view, absl::string_view)>;

  virtual ~Store() = default;

  // What messages call it, such as the name of a file.
  virtual std::string name() const = 0;

  virtual absl::StatusOr<JournalHead> ReadHead() = 0;

  // Appends `entries` behind `head` and makes them durable.
  // REQUIRES: their sequences follow head.sequence without a gap; not empty.
  virtual absl::Status Append(const JournalHead& head,
                              absl::Span<const StoredEntry> entries) = 0;

  // The entries first .. last, in order, as far as there are such; ends at the
  // first error of `visit` and returns it. What is visited lives for the visit.
  virtual absl::Status Read(uint64_t first, uint64_t last,
                            EntryVisitor visit) = 0;

  virtual absl::Status WriteSnapshots(
      absl::Span<const SnapshotChange> changes) = 0;
  // All of them, ordered by key.
  virtual absl::Status ReadSnapshots(SnapshotVisitor visit) = 0;
  virtual absl::Status DropSnapshots() = 0;
};

}  // namespace konpro

#endif  // KONPRO_LEDGER_STORE_H_
