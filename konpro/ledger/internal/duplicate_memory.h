// The command ids that were used lately: a table of keyed hashes of account and
// id, with sequences. A hit is a candidate: the caller reads the entry and
// compares the id. Ids are forgotten by the ledger's time.
//
// Slots of 16 bytes in open addressing, at most three quarters full. They are
// never erased one by one: forgotten ids are below a sequence, count as absent,
// and are left out when the table is rebuilt.
//
// Sequences have no gaps, so hashes in their order need no sequences: a segment
// has those of kSegmentEntries sequences, 8 bytes each. Snapshots keep
// segments.
//
// Thread safety: thread-compatible.
#ifndef KONPRO_LEDGER_INTERNAL_DUPLICATE_MEMORY_H_
#define KONPRO_LEDGER_INTERNAL_DUPLICATE_MEMORY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"

namespace konpro::internal {

// The hash of an account and an id: of the vector of their lengths and their
// words of seven bytes, as a polynomial in a secret point modulo 2^61-1
// (Carter, Wegman, "Universal classes of hash functions", 1979). Two pairs of
// at most 384 bytes agree for one key in 2^55.
class IdHash {
 public:
  using Key = std::array<uint64_t, 2>;
  static Key RandomKey();

  explicit IdHash(const Key& key) : key_(key), point_(key[0] % kPrime) {}

  const Key& key() const { return key_; }
  uint64_t operator()(absl::string_view account, absl::string_view id) const;

 private:
  static constexpr uint64_t kPrime = (uint64_t{1} << 61) - 1;

  Key key_;
  uint64_t point_;
};

class DuplicateMemory {
 public:
  static constexpr uint64_t kSegmentEntries = 4096;

  struct Segment {
    uint64_t first = 0;  // sequence
    uint64_t count = 0;
    UnixNanos newest_at;
    // Until it is full and written.
    std::vector<uint64_t> hashes;
    // The digest of its row in the snapshot, and whether the row is current.
    std::array<uint64_t, 2> digest{};
    bool is_written = false;
  };

  explicit DuplicateMemory(absl::Duration window);

  // Forgets whole segments. An id is remembered while now - at <= window.
  void Forget(UnixNanos now);

  // Calls `is_it(sequence)` for each candidate, until one returns true; returns
  // that sequence, or 0.
  template <typename F>
  uint64_t Find(uint64_t hash, F&& is_it) const {
    for (size_t i = hash >> shift_;; ++i) {
      const Slot& slot = slots_[i & mask_];
      if (slot.sequence == 0) return 0;
      if (slot.hash == hash && slot.sequence >= first_ &&
          is_it(slot.sequence)) {
        return slot.sequence;
      }
    }
  }

  // Prefetches what Find() and Add() will read.
  void Prefetch(uint64_t hash) const {
    __builtin_prefetch(&slots_[hash >> shift_]);
  }

  // REQUIRES: sequences in order without gaps, times that do not go back.
  void Add(uint64_t sequence, uint64_t hash, UnixNanos at);

  // The segments from the oldest on; and the forgotten ones, until they are
  // dropped.
  std::deque<Segment>& segments() { return segments_; }
  const std::vector<Segment>& forgotten() const { return forgotten_; }
  void DropForgotten() { forgotten_.clear(); }
  size_t bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    uint64_t hash = 0;
    uint64_t sequence = 0;  // 0: empty
  };

  void Insert(const Slot& slot);
  void Rebuild();

  int64_t window_ns_;
  std::vector<Slot> slots_;
  size_t mask_ = 0;
  int shift_ = 0;
  size_t used_ = 0;     // slots, forgotten ones among them
  uint64_t first_ = 0;  // below it, slots are forgotten
  std::deque<Segment> segments_;
  std::vector<Segment> forgotten_;
};

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_DUPLICATE_MEMORY_H_
