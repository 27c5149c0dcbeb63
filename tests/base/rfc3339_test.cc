#include "konpro/base/internal/rfc3339.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro::internal {
namespace {

using ::absl::StatusCode;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

TEST(Rfc3339, IsReadExactly) {
  const struct {
    absl::string_view text;
    absl::Time time;
  } kCases[] = {
      {"1970-01-01T00:00:00Z", absl::UnixEpoch()},
      {"1970-01-01t00:00:00z", absl::UnixEpoch()},
      {"1970-01-01T01:00:00+01:00", absl::UnixEpoch()},
      {"1969-12-31T23:59:59.999999999-00:00",
       absl::UnixEpoch() - absl::Nanoseconds(1)},
      {"2027-01-01T00:00:00Z", absl::FromUnixSeconds(1'798'761'600)},
      {"9999-12-31T23:59:59.9Z", kRfc3339End - absl::Milliseconds(100)},
      {"0000-01-01T00:00:00Z", kRfc3339Min},
  };
  for (const auto& c : kCases) {
    const absl::StatusOr<absl::Time> time = ParseRfc3339(c.text);
    ASSERT_TRUE(time.ok()) << c.text << time.status();
    EXPECT_EQ(*time, c.time) << c.text;
    EXPECT_EQ(ParseRfc3339(FormatRfc3339(*time)).value(), *time) << c.text;
  }
}

TEST(Rfc3339, IsWrittenInUtc) {
  EXPECT_EQ(FormatRfc3339(absl::UnixEpoch()), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatRfc3339(kRfc3339Min + absl::Milliseconds(1'500)),
            "0000-01-01T00:00:01.5Z");
}

TEST(Rfc3339, AnythingElseIsRefused) {
  for (absl::string_view text :
       {"", "2027", "2027-01-01", "2027-01-01T00:00:00", "infinite-future",
        "infinite-past", " 2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z ",
        "2027-02-30T00:00:00Z", "12027-01-01T00:00:00Z", "27-01-01T00:00:00Z",
        "-027-01-01T00:00:00Z", "2027-01-01 00:00:00Z", "2027-01-01T24:00:01Z",
        "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
        "2027-01-01T00:00:00+1", "2027-01-01T00:00:00ZZ", "1798761600"}) {
    EXPECT_THAT(ParseRfc3339(text),
                StatusIs(StatusCode::kInvalidArgument,
                         HasSubstr("is no RFC 3339 time such as 2027-")))
        << text;
  }
}

}  // namespace
}  // namespace konpro::internal
