#include "konpro/input/internal/request_sorter.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

struct Row {
  int64_t at = 0;
  std::string account;
  const Operation* operation = nullptr;
  std::optional<int64_t> quantity;
  int64_t line = 0;

  friend bool operator==(const Row&, const Row&) = default;
};

// Ties are many, and an account may be larger than a block of the file.
std::vector<Row> RandomRows(std::mt19937_64& random, int64_t rows) {
  const Catalog& catalog = Catalog::BuiltIn();
  std::vector<Row> made;
  for (int64_t i = 0; i < rows; ++i) {
    const uint64_t kind = random();
    made.push_back(
        {.at = static_cast<int64_t>(random() % 50),
         .account = std::string(kind % 97 == 0 ? 100'000 : kind % 20,
                                static_cast<char>('a' + kind % 26)),
         .operation = kind % 3 == 0 ? nullptr : &catalog.operations()[kind % 4],
         .quantity = kind % 3 == 1 ? std::nullopt
                                   : std::optional<int64_t>(kind % 1'000),
         .line = i + 2});
  }
  return made;
}

TEST(RequestSorter, SortsByTimeAndKeepsTheOrderOfEquals) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  for (const size_t memory :
       {size_t{1}, size_t{2'000}, size_t{200'000}, size_t{64} << 20}) {
    for (const int64_t count : {0, 1, 2, 300}) {
      std::vector<Row> rows = RandomRows(random, count);
      RequestSorter sorter(memory);
      for (const Row& row : rows) {
        ASSERT_THAT(sorter.Add({.at = UnixNanos::FromNanos(row.at),
                                .account = row.account,
                                .operation = row.operation,
                                .quantity = row.quantity},
                               {.line = row.line, .column = 7}),
                    IsOk());
      }
      std::vector<Row> sorted;
      ASSERT_THAT(sorter.ForEach([&](const TraceRequest& request,
                                     const RowPlace& place) {
        EXPECT_EQ(place.column, 7);
        sorted.push_back({.at = request.at.nanos(),
                          .account = std::string(request.account),
                          .operation = request.operation,
                          .quantity = request.quantity,
                          .line = place.line});
      }),
                  IsOk());
      std::stable_sort(rows.begin(), rows.end(),
                       [](const Row& a, const Row& b) { return a.at < b.at; });
      ASSERT_TRUE(sorted == rows) << memory << " " << count;
      if (memory == 1) {
        EXPECT_EQ(sorter.runs(), rows.size());
      }
      if (memory > 1'000'000) {
        EXPECT_EQ(sorter.runs(), 0u);
      }
    }
  }
}

TEST(RequestSorter, NamesTheFolderThatItCannotWrite) {
  const char* before = std::getenv("TMPDIR");
  const std::string folder = before == nullptr ? "" : before;
  setenv("TMPDIR", "/nowhere/at/all", 1);
  RequestSorter sorter(/*memory_bytes_max=*/1);
  EXPECT_THAT(
      sorter.Add({.at = UnixNanos()}, {}),
      StatusIs(absl::StatusCode::kUnavailable,
               HasSubstr("cannot create a temporary file in /nowhere/at/all")));
  before == nullptr ? unsetenv("TMPDIR") : setenv("TMPDIR", folder.c_str(), 1);
}

TEST(RequestSorter, HasANamedLimit) {
  RequestSorter sorter(/*memory_bytes_max=*/1);
  absl::Status status;
  for (size_t i = 0; i <= RequestSorter::kRunsMax && status.ok(); ++i) {
    status = sorter.Add({.at = UnixNanos()}, {});
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                               HasSubstr("1024 times 1 bytes")));
}

}  // namespace
}  // namespace konpro
