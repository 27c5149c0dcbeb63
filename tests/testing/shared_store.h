// A store in memory that outlives its ledger, and fails when a test says so:
// before anything is written, or when everything is.
#ifndef KONPRO_TESTS_TESTING_SHARED_STORE_H_
#define KONPRO_TESTS_TESTING_SHARED_STORE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "konpro/ledger/store.h"

namespace konpro::testing {

class SharedStore : public Store {
 public:
  struct Content {
    MemoryStore store;
    // Asked at each Append(); none: it never fails.
    std::function<bool()> fails_before;
    std::function<bool()> fails_after;
    // Asked at each WriteSnapshots(); if it fails, nothing is written.
    std::function<bool()> fails_snapshot;
    // That WriteSnapshots() changed, each time it was called.
    size_t snapshot_rows = 0;
  };

  explicit SharedStore(std::shared_ptr<Content> content)
      : content_(std::move(content)) {}

  std::string name() const override { return "shared"; }
  absl::StatusOr<JournalHead> ReadHead() override {
    return content_->store.ReadHead();
  }
  absl::Status Append(const JournalHead& head,
                      absl::Span<const StoredEntry> entries) override {
    if (content_->fails_before && content_->fails_before()) {
      return absl::UnavailableError("shared: failed before");
    }
    const absl::Status status = content_->store.Append(head, entries);
    if (status.ok() && content_->fails_after && content_->fails_after()) {
      return absl::UnavailableError("shared: failed after");
    }
    return status;
  }
  absl::Status Read(uint64_t first, uint64_t last,
                    EntryVisitor visit) override {
    return content_->store.Read(first, last, visit);
  }
  absl::Status WriteSnapshots(
      absl::Span<const SnapshotChange> changes) override {
    if (content_->fails_snapshot && content_->fails_snapshot()) {
      return absl::UnavailableError("shared: failed at the snapshot");
    }
    content_->snapshot_rows += changes.size();
    return content_->store.WriteSnapshots(changes);
  }
  absl::Status ReadSnapshots(SnapshotVisitor visit) override {
    return content_->store.ReadSnapshots(visit);
  }
  absl::Status DropSnapshots() override {
    return content_->store.DropSnapshots();
  }

 private:
  const std::shared_ptr<Content> content_;
};

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_SHARED_STORE_H_
