// The account ids of a registry's slots, in one block: a byte of size and the
// bytes, one after the other.
//
// Thread safety: thread-compatible.
#ifndef KONPRO_LIMITS_INTERNAL_SLOT_IDS_H_
#define KONPRO_LIMITS_INTERNAL_SLOT_IDS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

namespace konpro::internal {

class SlotIds {
 public:
  // `accounts` is how many ids there may be.
  SlotIds(size_t slots, size_t accounts);

  // Valid until the next Erase() or Store(). REQUIRES: the slot has an id.
  absl::string_view Of(size_t slot) const;
  // REQUIRES: 1 .. 255 bytes; the slot has none.
  void Store(size_t slot, absl::string_view id);
  // REQUIRES: the slot has an id.
  void Erase(size_t slot);

 private:
  std::vector<char> bytes_;
  std::vector<uint32_t> begins_;  // by slot; 0: no id
  size_t erased_bytes_ = 0;
};

}  // namespace konpro::internal

#endif  // KONPRO_LIMITS_INTERNAL_SLOT_IDS_H_
