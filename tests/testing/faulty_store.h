// A Store in memory whose Append() fails when it is told to: before anything is
// written, or behind it, when nobody was told.
#ifndef KONPRO_TESTS_TESTING_FAULTY_STORE_H_
#define KONPRO_TESTS_TESTING_FAULTY_STORE_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "konpro/ledger/store.h"

namespace konpro::testing {

class FaultyStore : public Store {
 public:
  enum class Fault { kNone, kBefore, kBehind };

  // Asked at each Append(); never by two threads at once.
  std::function<Fault()> fault = [] { return Fault::kNone; };

  std::string name() const override { return "faulty"; }
  absl::StatusOr<JournalHead> ReadHead() override { return store_.ReadHead(); }
  absl::Status Append(const JournalHead& head,
                      absl::Span<const StoredEntry> entries) override {
    const Fault now = fault();
    if (now == Fault::kBefore) return absl::UnavailableError("nothing written");
    const absl::Status status = store_.Append(head, entries);
    if (now == Fault::kNone || !status.ok()) return status;
    return absl::UnavailableError("written, but who knows");
  }
  absl::Status Read(uint64_t first, uint64_t last,
                    EntryVisitor visit) override {
    return store_.Read(first, last, visit);
  }
  absl::Status WriteSnapshots(
      absl::Span<const SnapshotChange> changes) override {
    return store_.WriteSnapshots(changes);
  }
  absl::Status ReadSnapshots(SnapshotVisitor visit) override {
    return store_.ReadSnapshots(visit);
  }
  absl::Status DropSnapshots() override { return store_.DropSnapshots(); }

 private:
  MemoryStore store_;
};

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_FAULTY_STORE_H_
