// The oracle is protobuf's own reader: what is plain is what that reads.
#include "konpro/input/internal/usage_json.h"

#include <iostream>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "proto/usage.pb.h"

namespace konpro {
namespace {

using ::google::protobuf::util::MessageDifferencer;

bool ParseByProtobuf(const std::string& json, v1::UsageRecord& record) {
  record.Clear();
  return google::protobuf::util::JsonStringToMessage(json, &record).ok();
}

// Whether it is plain, after a comparison with protobuf where it is.
bool IsPlain(const std::string& json) {
  v1::UsageRecord plain;
  if (!ParsePlainUsageJson(json, plain)) return false;
  v1::UsageRecord expected;
  EXPECT_TRUE(ParseByProtobuf(json, expected)) << json;
  EXPECT_TRUE(MessageDifferencer::Equals(plain, expected))
      << json << "\n"
      << plain.ShortDebugString() << "\n"
      << expected.ShortDebugString();
  return true;
}

TEST(UsageJson, WhatMachinesWriteIsPlain) {
  for (const char* json :
       {R"({})",
        " { } \r\n",
        R"({"record_id":"r","accountId":"a"})",
        R"({"recordId" : "r" , "account_id" : "a"})",
        R"({"operation":"avatar_video","jobId":"j","job_id2":""})",
        R"({"count":"0"})",
        R"({"count":12})",
        R"({"count": 7 })",
        R"({"duration":"0s"})",
        R"({"duration":"90s"})",
        R"({"duration":"1.5s"})",
        R"({"duration":"1.000000001s"})",
        R"({"duration":"315575999999.999999999s"})",
        R"({"start_time":"1970-01-01T00:00:00Z"})",
        R"({"startTime":"2026-02-28T23:59:59.999Z"})",
        R"({"end_time":"2024-02-29T00:00:00Z"})",
        R"({"endTime":"2000-02-29T00:00:00Z"})",
        R"({"endTime":"9999-12-31T23:59:59.999999999Z"})",
        R"({"labels":{}})",
        R"({"labels":{"a":"1","b":""}})",
        R"({"partial":true})",
        R"({"partial":false})",
        R"({"late":true})",
        R"({"late":false,"partial":true})"}) {
    const bool known = std::string(json).find("job_id2") == std::string::npos;
    EXPECT_EQ(IsPlain(json), known) << json;
  }
}

TEST(UsageJson, TheRestIsLeftToProtobuf) {
  for (const char* json : {"",
                           "{",
                           "}",
                           "[]",
                           "null",
                           "{}{}",
                           "{},",
                           R"({"record_id":"r"} x)",
                           R"({"record_id":null})",
                           R"({"record_id":"a","record_id":"b"})",
                           R"({"record_id":"a","recordId":"b"})",
                           R"({"record_id":"\u0041"})",
                           "{\"record_id\":\"\xC3\xA9\"}",
                           R"({"record_id":"r)",
                           R"({"record_id":7})",
                           R"({"record_id":"r",})",
                           R"({,})",
                           R"({record_id:"r"})",
                           R"({'record_id':'r'})",
                           R"({"count":-1})",
                           R"({"count":"01"})",
                           R"({"count":1.0})",
                           R"({"count":1e3})",
                           R"({"count":""})",
                           R"({"count":" 1"})",
                           R"({"count":[1]})",
                           R"({"count":9223372036854775807})",
                           R"({"count":"1","duration":"1s"})",
                           R"({"duration":"1"})",
                           R"({"duration":"-1s"})",
                           R"({"duration":"s"})",
                           R"({"duration":".5s"})",
                           R"({"duration":"1.s"})",
                           R"({"duration":"1.0000000001s"})",
                           R"({"duration":"315576000000s"})",
                           R"({"start_time":"2026-02-29T00:00:00Z"})",
                           R"({"start_time":"1900-02-29T00:00:00Z"})",
                           R"({"start_time":"2100-02-29T00:00:00Z"})",
                           R"({"start_time":"2026-13-01T00:00:00Z"})",
                           R"({"start_time":"2026-00-01T00:00:00Z"})",
                           R"({"start_time":"2026-01-32T00:00:00Z"})",
                           R"({"start_time":"2026-01-01T24:00:00Z"})",
                           R"({"start_time":"2026-01-01T00:60:00Z"})",
                           R"({"start_time":"2026-01-01T00:00:60Z"})",
                           R"({"start_time":"2026-01-01T00:00:00+00:00"})",
                           R"({"start_time":"2026-01-01t00:00:00Z"})",
                           R"({"start_time":"1969-12-31T23:59:59Z"})",
                           R"({"labels":{"a":"1","a":"2"}})",
                           R"({"labels":{"a":1}})",
                           R"({"labels":["a"]})",
                           R"({"partial":"true"})",
                           R"({"partial":tru})"}) {
    EXPECT_FALSE(IsPlain(json)) << json;
  }
}

// Every day from 1970 to 9999, and a few instants of it.
TEST(UsageJson, EveryDayIsTheSameAsProtobufs) {
  v1::UsageRecord written;
  for (int64_t day = 0; day < 2'932'897; day += 13) {
    written.mutable_start_time()->set_seconds(day * 86'400 + day % 86'400);
    std::string json;
    ASSERT_TRUE(
        google::protobuf::util::MessageToJsonString(written, &json).ok());
    v1::UsageRecord read;
    ASSERT_TRUE(ParsePlainUsageJson(json, read)) << json;
    ASSERT_EQ(read.start_time().seconds(), written.start_time().seconds());
  }
}

std::string WrittenRecord(std::mt19937_64& random) {
  v1::UsageRecord record;
  const auto any = [&](uint64_t n) {
    return static_cast<int64_t>(random() % n);
  };
  if (any(4) != 0) record.set_record_id(absl::StrCat("r-", any(1'000)));
  if (any(4) != 0) record.set_account_id(absl::StrCat("a/", any(1'000)));
  if (any(4) != 0) record.set_operation("avatar_video");
  if (any(2) == 0) record.set_job_id(absl::StrCat("job~", any(10)));
  if (any(3) == 0) {
    record.set_count(any(uint64_t{1} << (1 + any(59))));
  } else {
    record.mutable_duration()->set_seconds(any(100'000));
    record.mutable_duration()->set_nanos(
        static_cast<int32_t>(any(1'000) * 1'000'000));
  }
  record.mutable_start_time()->set_seconds(any(253'402'300'800));
  record.mutable_start_time()->set_nanos(
      static_cast<int32_t>(any(1'000'000'000)));
  if (any(3) == 0) (*record.mutable_labels())["team"] = "film";
  if (any(3) == 0) record.set_partial(true);
  if (any(3) == 0) record.set_late(true);
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = any(2) == 0;
  options.add_whitespace = any(4) == 0;
  std::string json;
  EXPECT_TRUE(
      google::protobuf::util::MessageToJsonString(record, &json, options).ok());
  return json;
}

TEST(UsageJson, WhatProtobufWritesIsPlainAndWhatIsBrokenIsNotTakenForAnother) {
  const uint64_t seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    std::string json = WrittenRecord(random);
    ASSERT_TRUE(IsPlain(json)) << json;
    static constexpr char kBytes[] = "{}[]\",:.0019-sTZ \\et";
    for (uint64_t n = random() % 3; n < 3; ++n) {
      const size_t at = random() % json.size();
      if (random() % 3 == 0) {
        json.erase(at, 1);
      } else {
        json[at] = kBytes[random() % (sizeof(kBytes) - 1)];
      }
      IsPlain(json);
    }
  }
}

}  // namespace
}  // namespace konpro
