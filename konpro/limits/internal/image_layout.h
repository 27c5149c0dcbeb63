// The bytes of limiter_image.h: a header of a page, records of windows, and the
// registry's slots. docs/formats.md describes them.
//
// Thread safety: the atomic fields are read after the writer has ended, or by
// the writer itself.
#ifndef KONPRO_LIMITS_INTERNAL_IMAGE_LAYOUT_H_
#define KONPRO_LIMITS_INTERNAL_IMAGE_LAYOUT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "absl/types/span.h"
#include "konpro/limits/internal/account_hash.h"
#include "konpro/limits/limiter_decision.h"
#include "konpro/limits/rate_window.h"

namespace konpro::internal {

inline constexpr char kImageMagic[9] = "KPLIMITS";
inline constexpr uint32_t kImageVersion = 3;
inline constexpr size_t kImagePageBytes = 4'096;
inline constexpr size_t kImageOwnerBytes = 64;
inline constexpr size_t kImageWindowsMax = 65'536;
inline constexpr size_t kSlotsPerLine = 2;

struct LimiterSlot;  // limiter_registry_inline.h

// Which windows a slot has: bits 15..0 the number of their record, bits 63..16
// a generation from 1 on, which each change of a slot in a registry's life has
// anew: it wraps after 2^48 changes, 8 years of a million a second. Two tags
// that are equal are of one change, so that windows that came, went and came
// again differ. 0: the slot's account is not there.
using WindowsTag = uint64_t;
inline constexpr int kGenerationShift = 16;
static_assert(kImageWindowsMax == size_t{1} << kGenerationShift);
inline constexpr size_t IndexOf(WindowsTag tag) {
  return static_cast<uint16_t>(tag);
}
inline constexpr WindowsTag TagOf(size_t index, uint64_t generation) {
  return generation << kGenerationShift | index;
}
// The record of no windows: what accounts that are not there have.
inline constexpr size_t kNoAccount = 0;

// The same as the registry's memory has it.
struct ImageSlot {
  uint64_t hash;
  uint64_t windows;
  uint64_t words[2];
};
static_assert(sizeof(ImageSlot) == 32);

struct ImageWindow {
  char name[RateWindow::kNameBytesMax + 1];
  uint64_t kind;
  int64_t limit;
  int64_t period_ms;
  int64_t phase_ms;
};

// One LimiterWindows.
struct ImageWindows {
  uint16_t size;
  uint16_t kept_size;  // the last of these may limit nothing
  uint32_t is_suspended;
  ImageWindow windows[RateWindow::kWindowsMax];
  uint64_t sum;  // of the above
};
static_assert(sizeof(ImageWindows) == 128);

using ImageWord = std::atomic<uint64_t>;
static_assert(ImageWord::is_always_lock_free);

struct ImageHeader {
  // Constant, and summed.
  char magic[8];
  uint32_t version;
  uint32_t zero;
  uint64_t lines;
  AccountHash::Key key;
  uint64_t sum;

  char owner[kImageOwnerBytes];

  ImageWord windows_size;  // records
  ImageWord fresh_since;
  ImageWord accounts;
  ImageWord members;  // the sum of MemberOf() all accounts
  ImageWord accounts_synced;
  // An account that comes or goes: its slot and one, and its MemberOf().
  ImageWord changing_slot;
  ImageWord changing_member;
  // A cell whose windows are replaced: its slot and one, its windows and words
  // before it was closed.
  ImageWord replaced_slot;
  ImageWord replaced_windows;  // a tag
  ImageWord replaced_words[2];
  // Once the writer has ended in order, the sum of the file and bit 0; else 0.
  // One word, so that it is never half there.
  ImageWord seal;
};
static_assert(std::is_standard_layout_v<ImageHeader>);
static_assert(sizeof(ImageHeader) <= kImagePageBytes);

inline constexpr size_t kImageRecordsAt = kImagePageBytes;
inline constexpr size_t kImageSlotsAt =
    kImageRecordsAt + kImageWindowsMax * sizeof(ImageWindows);
static_assert(kImageSlotsAt % kImagePageBytes == 0);

inline size_t ImageBytes(size_t lines) {
  const size_t bytes =
      kImageSlotsAt + lines * kSlotsPerLine * sizeof(ImageSlot);
  return (bytes + kImagePageBytes - 1) / kImagePageBytes * kImagePageBytes;
}

// 64 bits that change if any of the words does. REQUIRES: whole words.
inline uint64_t SumOf(const void* bytes, size_t size, uint64_t sum = 0) {
  for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, static_cast<const char*>(bytes) + at, sizeof(word));
    sum = (sum ^ word) * 0x9e3779b97f4a7c15;
    sum ^= sum >> 32;
  }
  return sum;
}

inline uint64_t MemberOf(size_t slot, uint64_t hash) {
  const uint64_t words[2] = {slot + 1, hash | 1};
  return SumOf(words, sizeof(words));
}

}  // namespace konpro::internal

#endif  // KONPRO_LIMITS_INTERNAL_IMAGE_LAYOUT_H_
