#include "konpro/ledger/usage.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::absl::StatusCode;
using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

v1::UsageRecord Good() {
  v1::UsageRecord record;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
      record_id: "r-1" account_id: "a-1" operation: "avatar_video"
      duration { seconds: 90 nanos: 250000000 }
      start_time { seconds: 1700000000 } end_time { seconds: 1700000100 }
      job_id: "j-1" labels { key: "k" value: "v" })",
                                                            &record));
  return record;
}

TEST(Usage, IsPricedLikeAnEstimate) {
  const absl::StatusOr<RatedUsage> rated =
      RateUsage(Catalog::BuiltIn(), Good());
  ASSERT_THAT(rated, IsOk());
  EXPECT_EQ(rated->operation->name, "avatar_video");
  EXPECT_EQ(rated->quantity, 90'250);
  EXPECT_EQ(rated->cost, Credits::Parse("90.25").value());
}

TEST(Usage, StartTimeChoosesThePrice) {
  const auto price = [](int64_t ticks) {
    return Price::Create({.credits = Credits::FromTicks(ticks)}).value();
  };
  const auto list = [&](int64_t seconds, int64_t ticks) {
    return PriceList::Create(absl::FromUnixSeconds(seconds),
                             {{"avatar_video", price(ticks)}})
        .value();
  };
  const Catalog catalog =
      Catalog::Create(
          {.version = "1",
           .operations = {{"avatar_video", QuantityUnit::kMilliseconds, "ms"}},
           .price_lists = {list(1'700'000'000, 5), list(1'700'000'001, 7)},
           .plans = {Plan::Create({.name = "p"}).value()}})
          .value();
  v1::UsageRecord record = Good();
  EXPECT_EQ(RateUsage(catalog, record)->cost.ticks(), 5 * 90'250);
  record.mutable_start_time()->set_seconds(1'700'000'001);
  EXPECT_EQ(RateUsage(catalog, record)->cost.ticks(), 7 * 90'250);
  record.mutable_start_time()->set_seconds(1'699'999'999);
  EXPECT_THAT(RateUsage(catalog, record),
              StatusIs(StatusCode::kNotFound, HasSubstr("has no price")));
}

TEST(Usage, AllErrorsOfARecordAreSaidAtOnce) {
  EXPECT_THAT(UsageRecordErrors(Good(), Catalog::BuiltIn()), IsEmpty());
  EXPECT_THAT(UsageRecordErrors(v1::UsageRecord(), Catalog::BuiltIn()),
              ElementsAre("record_id: missing", "account_id: missing",
                          "operation: missing",
                          "quantity: missing: give a duration or a count",
                          "start_time: missing", "end_time: missing"));
  EXPECT_THAT(RateUsage(Catalog::BuiltIn(), v1::UsageRecord()),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("account_id: missing; operation: missing")));
}

TEST(Usage, EveryBoundHasTwoSides) {
  using Record = v1::UsageRecord;
  const std::string longest_id(kUsageIdBytesMax, 'i');
  const std::string longest_job(kUsageJobIdBytesMax, 'j');
  const std::string longest_key(kUsageLabelKeyBytesMax, 'k');
  const std::string longest_value(kUsageLabelValueBytesMax, 'v');
  const auto labels = [](size_t count) {
    return [count](Record& r) {
      r.clear_labels();
      for (size_t i = 0; i < count; ++i) {
        (*r.mutable_labels())[absl::StrCat("k", i)] = "v";
      }
    };
  };
  const std::pair<std::function<void(Record&)>, std::string> kCases[] = {
      {[&](Record& r) { r.set_record_id(longest_id); }, ""},
      {[&](Record& r) { r.set_record_id(longest_id + "i"); }, "record_id: "},
      {[](Record& r) { r.set_record_id("a b"); }, "record_id: "},
      {[](Record& r) { r.set_record_id("\xc3\xa4"); }, "record_id: "},
      {[&](Record& r) { r.set_account_id(longest_id); }, ""},
      {[&](Record& r) { r.set_account_id(longest_id + "i"); }, "account_id: "},
      {[](Record& r) { r.set_job_id(""); }, ""},
      {[&](Record& r) { r.set_job_id(longest_job); }, ""},
      {[&](Record& r) { r.set_job_id(longest_job + "j"); }, "job_id: "},
      {[](Record& r) { r.set_operation("avatar_vide"); },
       "operation: unknown operation \"avatar_vide\"; did you mean"},
      {[](Record& r) { r.set_count(1); },
       "count: avatar_video is metered in time: give a duration"},
      {[](Record& r) { r.set_operation("photo_avatar"); },
       "duration: photo_avatar is counted: give a count"},
      {[](Record& r) {
         r.set_operation("photo_avatar");
         r.set_count(0);
       },
       ""},
      {[](Record& r) {
         r.set_operation("photo_avatar");
         r.set_count(-1);
       },
       "count: -1 is negative"},
      {[](Record& r) { r.mutable_duration()->Clear(); }, ""},
      {[](Record& r) { r.mutable_duration()->set_seconds(-1); },
       "duration: negative"},
      {[](Record& r) { r.mutable_duration()->set_nanos(-1); },
       "duration: negative"},
      {[](Record& r) { r.mutable_duration()->set_nanos(999'000'000); }, ""},
      {[](Record& r) { r.mutable_duration()->set_nanos(1'000'000'000); },
       "duration: above"},
      {[](Record& r) { r.mutable_duration()->set_nanos(1); },
       "duration: finer"},
      {[](Record& r) { r.mutable_duration()->set_seconds(315'576'000'000); },
       ""},
      {[](Record& r) { r.mutable_duration()->set_seconds(315'576'000'001); },
       "duration: above"},
      {[](Record& r) { *r.mutable_end_time() = r.start_time(); }, ""},
      {[](Record& r) { r.mutable_end_time()->set_seconds(1'699'999'999); },
       "end_time: before start_time"},
      {[](Record& r) { r.mutable_start_time()->set_nanos(999'999'999); }, ""},
      {[](Record& r) { r.mutable_start_time()->set_nanos(1'000'000'000); },
       "start_time: outside"},
      {[](Record& r) { r.mutable_start_time()->set_nanos(-1); },
       "start_time: outside"},
      {[](Record& r) { r.mutable_start_time()->set_seconds(-62'135'596'800); },
       ""},
      {[](Record& r) { r.mutable_start_time()->set_seconds(-62'135'596'801); },
       "start_time: outside"},
      {[](Record& r) { r.mutable_end_time()->set_seconds(253'402'300'799); },
       ""},
      {[](Record& r) { r.mutable_end_time()->set_seconds(253'402'300'800); },
       "end_time: outside"},
      {labels(kUsageLabelsMax), ""},
      {labels(kUsageLabelsMax + 1), "labels: 33 are more than 32"},
      {[&](Record& r) { (*r.mutable_labels())[longest_key] = longest_value; },
       ""},
      {[&](Record& r) { (*r.mutable_labels())[longest_key + "k"] = ""; },
       "labels: "},
      {[&](Record& r) { (*r.mutable_labels())["k"] = longest_value + "v"; },
       "labels: "},
      {[](Record& r) { (*r.mutable_labels())[""] = "v"; }, "labels: "},
  };
  for (const auto& [change, error] : kCases) {
    v1::UsageRecord record = Good();
    change(record);
    const auto errors = UsageRecordErrors(record, Catalog::BuiltIn());
    if (error.empty()) {
      EXPECT_THAT(errors, IsEmpty()) << record.ShortDebugString();
    } else {
      EXPECT_THAT(errors, ElementsAre(StartsWith(error)));
    }
  }
}

TEST(Usage, ACostBeyondTheRangeIsAnError) {
  v1::UsageRecord record = Good();
  record.set_operation("photo_avatar");
  record.set_count(1'000'000'000'000);
  EXPECT_THAT(RateUsage(Catalog::BuiltIn(), record),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("photo_avatar")));
}

}  // namespace
}  // namespace konpro
