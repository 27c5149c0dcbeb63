// A Store keeps a ledger's journal, and a snapshot that saves the ledger from
// reading the journal from the start. It stores bytes in order, and knows none
// of the ledger's rules.
//
//   store.Append(head, entries)      // all of them and durable, or none
//   store.Read(8, 10, visit)         // entries 8, 9, 10
//   store.WriteSnapshots(changes)    // all or none; may be dropped
//
//   Ledger::Open(std::make_unique<MemoryStore>(), {})
//
// Backends are MemoryStore, sqlite_store.h, or one for a server. Append() is
// a compare-and-swap on the head: of two ledgers on one store one gets kAborted
// and changes nothing, and no lock has to outlive a call. The ledger finds
// duplicate ids; a backend may add a unique index on account and id.
//
// Thread safety: thread-compatible. A ledger calls its store from one thread at
// a time.
//
// Errors: kAborted: the head was another. kUnavailable: it is unknown whether
// anything was written, and a later call may work, such as when the disk has
// room again. kDataLoss: what is stored is damaged. After any error of
// Append(), ReadHead() returns what is stored.
#ifndef KONPRO_LEDGER_STORE_H_
#define KONPRO_LEDGER_STORE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

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
  std::optional<absl::string_view> value;  // nullopt: the row is deleted
};

class Store {
 public:
  using EntryVisitor = absl::FunctionRef<absl::Status(const StoredEntry&)>;
  using SnapshotVisitor =
      absl::FunctionRef<absl::Status(absl::string_view, absl::string_view)>;

  virtual ~Store() = default;

  // Its name in messages, such as that of a file.
  virtual std::string name() const = 0;

  virtual absl::StatusOr<JournalHead> ReadHead() = 0;

  // Appends `entries` after `head` and makes them durable.
  // REQUIRES: their sequences follow head.sequence without a gap; not empty.
  virtual absl::Status Append(const JournalHead& head,
                              absl::Span<const StoredEntry> entries) = 0;

  // Visits the entries first .. last that exist, in order; ends at the first
  // error of `visit` and returns it. An entry is valid during its visit.
  virtual absl::Status Read(uint64_t first, uint64_t last,
                            EntryVisitor visit) = 0;

  virtual absl::Status WriteSnapshots(
      absl::Span<const SnapshotChange> changes) = 0;
  // Visits all rows, ordered by key.
  virtual absl::Status ReadSnapshots(SnapshotVisitor visit) = 0;
  virtual absl::Status DropSnapshots() = 0;
};

// A Store that ends with the process: for tests, for simulations, and to
// measure the least that a backend costs.
class MemoryStore : public Store {
 public:
  std::string name() const override { return "memory"; }

  absl::StatusOr<JournalHead> ReadHead() override { return head_; }
  absl::Status Append(const JournalHead& head,
                      absl::Span<const StoredEntry> entries) override;
  absl::Status Read(uint64_t first, uint64_t last, EntryVisitor visit) override;
  absl::Status WriteSnapshots(
      absl::Span<const SnapshotChange> changes) override;
  absl::Status ReadSnapshots(SnapshotVisitor visit) override;
  absl::Status DropSnapshots() override;

 private:
  // Bytes are contiguous in chunks that never move. An entry larger than a
  // chunk has a chunk of its own.
  static constexpr size_t kChunkBytes = size_t{1} << 20;

  JournalHead head_;
  std::vector<std::string> chunks_;
  std::vector<StoredEntry> entries_;  // the first has sequence 1
  std::map<std::string, std::string, std::less<>> snapshots_;
};

}  // namespace konpro

#endif  // KONPRO_LEDGER_STORE_H_
