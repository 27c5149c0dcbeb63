#include "konpro/limits/internal/slot_ids.h"

namespace konpro::internal {
namespace {

constexpr size_t kBytesReserved = 32;  // of an id

}  // namespace

SlotIds::SlotIds(size_t slots, size_t accounts) : bytes_(1), begins_(slots) {
  // A vector that grows leaves holes in the heap as large as itself; what is
  // reserved and not used is not resident.
  bytes_.reserve(accounts * kBytesReserved);
}

absl::string_view SlotIds::Of(size_t slot) const {
  const char* const id = &bytes_[begins_[slot]];
  return absl::string_view(id + 1, static_cast<unsigned char>(*id));
}

void SlotIds::Store(size_t slot, absl::string_view id) {
  begins_[slot] = static_cast<uint32_t>(bytes_.size());
  bytes_.push_back(static_cast<char>(id.size()));
  bytes_.insert(bytes_.end(), id.begin(), id.end());
}

// Offsets stay below 2^32: at most a third of the live bytes are erased ones.
void SlotIds::Erase(size_t slot) {
  erased_bytes_ += 1 + Of(slot).size();
  begins_[slot] = 0;
  if (erased_bytes_ <= bytes_.size() / 4) return;
  std::vector<char> before(1);
  before.reserve(bytes_.capacity());
  before.swap(bytes_);
  erased_bytes_ = 0;
  for (uint32_t& at : begins_) {
    if (at == 0) continue;
    const auto begin = before.begin() + at;
    const auto end = begin + 1 + static_cast<unsigned char>(*begin);
    at = static_cast<uint32_t>(bytes_.size());
    bytes_.insert(bytes_.end(), begin, end);
  }
}

}  // namespace konpro::internal
