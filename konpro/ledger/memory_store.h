// A Store that ends with the process: for tests, for simulations, and to
// measure the least that a backend costs.
//
//   auto ledger = Ledger::Open(std::make_unique<MemoryStore>(), {});
//
// Thread safety: thread-compatible.
#ifndef KONPRO_LEDGER_MEMORY_STORE_H_
#define KONPRO_LEDGER_MEMORY_STORE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "konpro/ledger/store.h"

namespace konpro {

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

#endif  // KONPRO_LEDGER_MEMORY_STORE_H_
