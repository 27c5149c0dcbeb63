#include "konpro/base/internal/progress_bar.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace konpro::internal {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(ProgressBar, IsDrawnAndRemoved) {
  std::ostringstream err;
  {
    ProgressBar bar(&err, /*total=*/100'000, "requests");
    bar.Advance(25'000);
    EXPECT_THAT(err.str(),
                HasSubstr("25000 requests [##########......................"
                          "........] 25%"));
  }
  EXPECT_THAT(err.str(), EndsWith("\r\033[K"));
  ProgressBar(nullptr, 1).Advance(1);
}

}  // namespace
}  // namespace konpro::internal
