#include "konpro/base/internal/huge_pages.h"

#include <sys/mman.h>

#include <cstdint>

namespace konpro::internal {

HugePages::HugePages(size_t bytes)
    : bytes_((bytes + kPageBytes - 1) / kPageBytes * kPageBytes) {
  // One page more, so that a whole number of them can begin at a multiple.
  const size_t around = bytes_ + kPageBytes;
  void* const got = mmap(nullptr, around, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (got == MAP_FAILED) return;
  const size_t before =
      kPageBytes - reinterpret_cast<uintptr_t>(got) % kPageBytes;
  char* const begin = static_cast<char*>(got) + before;
  munmap(got, before);
  if (before < kPageBytes) munmap(begin + bytes_, kPageBytes - before);
#ifdef MADV_HUGEPAGE
  // Advice: a system without huge pages uses small ones. A table that is
  // smaller than a huge page should not take one.
  if (bytes >= kPageBytes) madvise(begin, bytes_, MADV_HUGEPAGE);
#endif
  data_ = begin;
}

HugePages::~HugePages() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

}  // namespace konpro::internal
