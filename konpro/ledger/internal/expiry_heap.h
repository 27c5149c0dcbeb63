// The slots of a table by when they end: a binary heap with the position of
// each slot, so that any of them can be removed.
#ifndef KONPRO_LEDGER_INTERNAL_EXPIRY_HEAP_H_
#define KONPRO_LEDGER_INTERNAL_EXPIRY_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "konpro/base/unix_nanos.h"

namespace konpro::internal {

// Ordered by (end, sequence). Allocates only when it is larger than ever.
class ExpiryHeap {
 public:
  struct Entry {
    UnixNanos end;
    uint64_t sequence = 0;
    uint32_t slot = 0;
  };

  bool empty() const { return entries_.empty(); }
  // When the first ends; Max(): it is empty.
  UnixNanos next() const {
    return entries_.empty() ? UnixNanos::Max() : entries_[0].end;
  }
  // REQUIRES: !empty().
  const Entry& top() const { return entries_[0]; }

  // REQUIRES: its slot is not in the heap.
  void Insert(const Entry& entry) {
    if (entry.slot >= positions_.size()) positions_.resize(entry.slot + 1);
    entries_.push_back(entry);
    SiftUp(entries_.size() - 1, entry);
  }

  // REQUIRES: `slot` is in the heap.
  void Erase(uint32_t slot) {
    const size_t position = positions_[slot];
    const Entry last = entries_.back();
    entries_.pop_back();
    if (position == entries_.size()) return;
    if (position > 0 && IsBefore(last, entries_[(position - 1) / 2])) {
      SiftUp(position, last);
    } else {
      SiftDown(position, last);
    }
  }

 private:
  static bool IsBefore(const Entry& a, const Entry& b) {
    return a.end != b.end ? a.end < b.end : a.sequence < b.sequence;
  }

  void Place(size_t position, const Entry& entry) {
    entries_[position] = entry;
    positions_[entry.slot] = static_cast<uint32_t>(position);
  }

  void SiftUp(size_t position, const Entry& entry) {
    while (position > 0) {
      const size_t parent = (position - 1) / 2;
      if (!IsBefore(entry, entries_[parent])) break;
      Place(position, entries_[parent]);
      position = parent;
    }
    Place(position, entry);
  }

  void SiftDown(size_t position, const Entry& entry) {
    for (;;) {
      size_t child = 2 * position + 1;
      if (child >= entries_.size()) break;
      if (child + 1 < entries_.size() &&
          IsBefore(entries_[child + 1], entries_[child])) {
        ++child;
      }
      if (!IsBefore(entries_[child], entry)) break;
      Place(position, entries_[child]);
      position = child;
    }
    Place(position, entry);
  }

  std::vector<Entry> entries_;
  std::vector<uint32_t> positions_;  // by slot
};

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_EXPIRY_HEAP_H_
