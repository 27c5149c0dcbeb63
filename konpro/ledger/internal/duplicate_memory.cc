#include "konpro/ledger/internal/duplicate_memory.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

namespace konpro::internal {
namespace {

constexpr size_t kWordBytes = 7;
constexpr int kSlotBitsMin = 10;

uint64_t MultiplyAdd(uint64_t sum, uint64_t point, uint64_t word,
                     uint64_t prime) {
  const unsigned __int128 wide =
      static_cast<unsigned __int128>(sum) * point + word;
  const uint64_t folded =
      (static_cast<uint64_t>(wide) & prime) + static_cast<uint64_t>(wide >> 61);
  return folded >= prime ? folded - prime : folded;
}

}  // namespace

IdHash::Key IdHash::RandomKey() {
  std::random_device random;
  Key key;
  for (uint64_t& word : key) word = uint64_t{random()} << 32 | random();
  return key;
}

uint64_t IdHash::operator()(absl::string_view account,
                            absl::string_view id) const {
  uint64_t sum = account.size() << 32 | id.size();
  for (absl::string_view text : {account, id}) {
    for (; !text.empty();
         text.remove_prefix(std::min(text.size(), kWordBytes))) {
      uint64_t word = 0;
      std::memcpy(&word, text.data(), std::min(text.size(), kWordBytes));
      sum = MultiplyAdd(sum, point_, word, kPrime);
    }
  }
  // All bits of it matter for the place in a table: a multiplication by an odd
  // number loses none.
  return (sum ^ key_[1]) * 0x9e3779b97f4a7c15;
}

DuplicateMemory::DuplicateMemory(absl::Duration window)
    : window_ns_(absl::ToInt64Nanoseconds(window)) {
  Rebuild();
}

void DuplicateMemory::Forget(UnixNanos now) {
  while (!segments_.empty() &&
         now.nanos() - segments_.front().newest_at.nanos() > window_ns_) {
    first_ = segments_.front().first + segments_.front().count;
    forgotten_.push_back(std::move(segments_.front()));
    segments_.pop_front();
  }
}

void DuplicateMemory::Add(uint64_t sequence, uint64_t hash, UnixNanos at) {
  if (segments_.empty() || segments_.back().count == kSegmentEntries ||
      (sequence - 1) % kSegmentEntries == 0) {
    segments_.push_back({.first = sequence});
  }
  Segment& segment = segments_.back();
  segment.newest_at = at;
  segment.hashes.push_back(hash);
  segment.is_written = false;
  ++segment.count;
  if (4 * (used_ + 1) > 3 * slots_.size()) Rebuild();
  Insert({.hash = hash, .sequence = sequence});
}

void DuplicateMemory::Insert(const Slot& slot) {
  size_t i = slot.hash >> shift_;
  while (slots_[i & mask_].sequence != 0) ++i;
  slots_[i & mask_] = slot;
  ++used_;
}

// At most three eighths full afterwards: the table doubles if nothing was
// forgotten, and shrinks if most was.
void DuplicateMemory::Rebuild() {
  const auto is_kept = [this](const Slot& slot) {
    return slot.sequence != 0 && slot.sequence >= first_;
  };
  const auto kept =
      static_cast<size_t>(std::count_if(slots_.begin(), slots_.end(), is_kept));
  int bits = kSlotBitsMin;
  while ((size_t{3} << bits) < 8 * kept) ++bits;
  const std::vector<Slot> before =
      std::exchange(slots_, std::vector<Slot>(size_t{1} << bits));
  mask_ = slots_.size() - 1;
  shift_ = 64 - bits;
  used_ = 0;
  for (const Slot& slot : before) {
    if (is_kept(slot)) Insert(slot);
  }
}

}  // namespace konpro::internal
