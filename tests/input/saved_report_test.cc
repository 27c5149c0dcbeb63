#include "konpro/input/saved_report.h"

#include <cstdint>
#include <sstream>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

absl::StatusOr<SavedReport> Saved(int64_t total, int64_t line) {
  std::istringstream in(absl::StrCat(
      R"({"total": {"ticks": )", total,
      R"(}, "lines": [{"operation": "a", "jobs": 2, "cost": {"ticks": )", line,
      "}}]}"));
  return ReadEstimate("-", in);
}

TEST(SavedReport, LinesAddUpToTheirTotal) {
  EXPECT_EQ(Saved(7, 7).value().total.ticks(), 7);
  EXPECT_EQ(Saved(7, 7).value().Find("a")->jobs, 2);
  for (const int64_t line : {6, 8}) {
    EXPECT_THAT(
        Saved(7, line),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr(absl::StrCat("-: lines of ", line,
                                        " ticks under a total of 7 ticks"))));
  }
}

TEST(SavedReport, AMissingFileIsNamed) {
  std::istringstream in;
  EXPECT_THAT(ReadUsageReport("/none/used.json", in),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("/none/used.json: cannot be read")));
}

}  // namespace
}  // namespace konpro
