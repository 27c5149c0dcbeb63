#include "konpro/base/internal/huge_pages.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "gtest/gtest.h"

namespace konpro::internal {
namespace {

constexpr size_t kPage = HugePages::kPageBytes;

TEST(HugePages, MemoryIsZeroedWholePagesThatBeginAtOne) {
  const struct {
    size_t bytes;
    size_t mapped;
  } kRows[] = {
      {1, kPage},
      {kPage, kPage},
      {kPage + 1, 2 * kPage},
      {3 * kPage, 3 * kPage},
  };
  for (const auto& row : kRows) {
    const HugePages pages(row.bytes);
    ASSERT_NE(pages.data(), nullptr);
    EXPECT_EQ(pages.bytes(), row.mapped);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(pages.data()) % kPage, 0u);
    char* const begin = static_cast<char*>(pages.data());
    EXPECT_EQ(std::count(begin, begin + row.mapped, 0),
              static_cast<std::ptrdiff_t>(row.mapped));
    std::fill(begin, begin + row.mapped, 'x');
  }
}

TEST(HugePages, MoreThanTheSystemHasIsNull) {
  EXPECT_EQ(HugePages(size_t{1} << 60).data(), nullptr);
}

TEST(HugePages, MoveKeepsTheMemory) {
  HugePages from(kPage);
  void* const data = from.data();
  const HugePages to(std::move(from));
  EXPECT_EQ(to.data(), data);
  EXPECT_EQ(from.data(), nullptr);
  *static_cast<char*>(to.data()) = 'x';
}

}  // namespace
}  // namespace konpro::internal
