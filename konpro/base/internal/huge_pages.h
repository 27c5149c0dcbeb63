// Zeroed memory for a large table, on huge pages if the system has them. It is
// mapped at once and resident when it is first written.
//
// Thread safety: immutable; what is in the memory is the owner's.
#ifndef KONPRO_BASE_INTERNAL_HUGE_PAGES_H_
#define KONPRO_BASE_INTERNAL_HUGE_PAGES_H_

#include <cstddef>
#include <utility>

namespace konpro::internal {

class HugePages {
 public:
  static constexpr size_t kPageBytes = size_t{2} << 20;

  // data() is null if the system has not as much memory.
  explicit HugePages(size_t bytes);
  HugePages(HugePages&& other)
      : data_(std::exchange(other.data_, nullptr)), bytes_(other.bytes_) {}
  HugePages(const HugePages&) = delete;
  HugePages& operator=(const HugePages&) = delete;
  ~HugePages();

  // At a multiple of kPageBytes.
  void* data() const { return data_; }
  // What is mapped: whole huge pages.
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_;
};

}  // namespace konpro::internal

#endif  // KONPRO_BASE_INTERNAL_HUGE_PAGES_H_
