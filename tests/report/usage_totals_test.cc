#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/price_list.h"
#include "konpro/estimate/estimator.h"
#include "konpro/report/usage_report.h"
#include "proto/usage.pb.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'800'000'000;

Credits C(absl::string_view text) { return Credits::Parse(text).value(); }

// 1 credit a second: "call" in steps of 30 s and at least 30 s, "plain"
// exactly, "third" of a credit for 7 ms. Twice that from kSecond on.
Catalog SteppedCatalog() {
  const auto list = [](absl::Time since, absl::string_view credits) {
    const Price call = *Price::Create({.credits = C(credits),
                                       .per = 1'000,
                                       .increment = 30'000,
                                       .minimum = 30'000});
    const Price plain = *Price::Create({.credits = C(credits), .per = 1'000});
    const Price third = *Price::Create({.credits = C(credits), .per = 7});
    return *PriceList::Create(
        since, {{"call", call}, {"plain", plain}, {"third", third}});
  };
  Catalog::Spec spec;
  spec.version = "stepped";
  spec.operations = {{"call", QuantityUnit::kMilliseconds, "ms"},
                     {"plain", QuantityUnit::kMilliseconds, "ms"},
                     {"third", QuantityUnit::kMilliseconds, "ms"}};
  spec.price_lists = {list(absl::InfinitePast(), "1"),
                      list(absl::FromUnixSeconds(kSecond), "2")};
  spec.plans = {*Plan::Create({.name = "any"})};
  return *Catalog::Create(std::move(spec));
}

v1::UsageRecord Slice(absl::string_view account, absl::string_view job,
                      absl::string_view operation, int64_t ms,
                      int64_t start = kSecond - 100) {
  v1::UsageRecord record;
  record.set_record_id("r");
  record.set_account_id(std::string(account));
  record.set_operation(std::string(operation));
  record.mutable_duration()->set_seconds(ms / 1'000);
  record.mutable_duration()->set_nanos(
      static_cast<int32_t>(ms % 1'000 * 1'000'000));
  record.mutable_start_time()->set_seconds(start);
  record.mutable_end_time()->set_seconds(start + 10);
  record.set_job_id(std::string(job));
  record.set_partial(true);
  return record;
}

TEST(UsageTotals, AnIncrementAndAMinimumCountOnceASession) {
  const Catalog catalog = SteppedCatalog();
  struct Row {
    std::vector<v1::UsageRecord> records;
    absl::string_view total;
  };
  const Row rows[] = {
      {{Slice("a", "j", "call", 10'000), Slice("a", "j", "call", 10'000),
        Slice("a", "j", "call", 10'000)},
       "30"},
      // Another job, account or price list is another session.
      {{Slice("a", "j", "call", 10'000), Slice("a", "k", "call", 10'000)},
       "60"},
      {{Slice("a", "j", "call", 10'000), Slice("b", "j", "call", 10'000)},
       "60"},
      {{Slice("a", "j", "call", 10'000),
        Slice("a", "j", "call", 10'000, kSecond)},
       "90"},
      // A record without a job is all there is of it.
      {{Slice("a", "", "call", 10'000), Slice("a", "", "call", 10'000)}, "60"},
      {{Slice("a", "j", "plain", 10'000), Slice("a", "j", "plain", 10'000)},
       "20"},
      // 7 ms in slices of 1: rounded once.
      {{Slice("a", "j", "third", 1), Slice("a", "j", "third", 1),
        Slice("a", "j", "third", 1), Slice("a", "j", "third", 1),
        Slice("a", "j", "third", 1), Slice("a", "j", "third", 1),
        Slice("a", "j", "third", 1)},
       "1"},
  };
  for (const Row& row : rows) {
    UsageTotals totals(catalog);
    for (const v1::UsageRecord& record : row.records) {
      ASSERT_THAT(totals.Add(record), IsOk());
    }
    EXPECT_EQ(totals.total(), C(row.total));
    Credits sum;
    for (const UsageTotals::Account& account : totals.Accounts()) {
      for (const EstimateLine& line : account.lines) {
        sum = *CheckedAdd(sum, line.cost);
      }
    }
    EXPECT_EQ(sum, totals.total());
  }
}

TEST(UsageTotals, SessionsAreBoundedOnlyWhereAPriceNeedsThem) {
  const Catalog catalog = SteppedCatalog();
  UsageTotals totals(catalog, /*sessions_max=*/3);
  const auto add = [&](absl::string_view operation, int job) {
    return totals.Add(Slice("a", absl::StrCat("job-", job), operation, 10'000));
  };
  for (int job = 0; job < 3; ++job) EXPECT_THAT(add("call", job), IsOk());
  EXPECT_THAT(add("call", 3), StatusIs(absl::StatusCode::kResourceExhausted,
                                       HasSubstr("job_id: above 3 jobs")));
  EXPECT_EQ(totals.total(), C("90"));
  EXPECT_EQ(totals.records(), 3);
  EXPECT_THAT(add("call", 0), IsOk());
  for (int job = 0; job < 100; ++job) EXPECT_THAT(add("plain", job), IsOk());
}

}  // namespace
}  // namespace konpro
