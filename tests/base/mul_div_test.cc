#include "konpro/base/internal/mul_div.h"

#include <limits>
#include <optional>

#include "gtest/gtest.h"

namespace konpro::internal {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

TEST(MulDiv, RoundsHalfToEven) {
  const struct {
    int64_t a, b, c;
    std::optional<int64_t> result;
  } kCases[] = {
      {1, 1, 2, 0},
      {3, 1, 2, 2},
      {5, 1, 2, 2},
      {-1, 1, 2, 0},
      {-3, 1, 2, -2},
      {-5, 1, 2, -2},
      {2, 1, 3, 1},
      {1, 1, 3, 0},
      {-2, 1, 3, -1},
      {7, 6, 1, 42},
      {kMax, kMax, kMax, kMax},
      {kMin, kMax, kMax, kMin},
      {kMax, 2, 1, std::nullopt},
      {kMin, 2, 1, std::nullopt},
      {kMin, kMin, kMax, std::nullopt},
      {kMax, 3, 2, std::nullopt},
      {kMax, kMax - 1, kMax, kMax - 1},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(MulDivHalfEven(c.a, c.b, c.c), c.result)
        << c.a << " * " << c.b << " / " << c.c;
  }
}

}  // namespace
}  // namespace konpro::internal
