// Usage records a second through `konpro price`, from length-delimited binary.
// The rival is the floor: the same records parsed by protobuf and dropped.
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "konpro/cli/price_command.h"
#include "proto/usage.pb.h"

namespace konpro::cli {
namespace {

constexpr int kRecords = 100'000;
constexpr int kAccounts = 1'000;

const std::string& Records() {
  static const std::string& records = *new std::string([] {
    std::ostringstream out;
    v1::UsageRecord record;
    for (int i = 0; i < kRecords; ++i) {
      record.set_record_id(absl::StrCat("record-", i));
      record.set_account_id(absl::StrCat("account-", i * 7919 % kAccounts));
      if (i % 4 == 0) {
        record.set_operation("photo_avatar");
        record.set_count(1 + i % 10);
      } else {
        record.set_operation(i % 4 == 1 ? "avatar_video" : "video_translation");
        record.mutable_duration()->set_seconds(i % 600);
        record.mutable_duration()->set_nanos(i % 1'000 * 1'000'000);
      }
      record.mutable_start_time()->set_seconds(1'700'000'000 + i);
      record.mutable_end_time()->set_seconds(1'700'000'600 + i);
      record.set_job_id(absl::StrCat("job-", i));
      google::protobuf::util::SerializeDelimitedToOstream(record, &out);
    }
    return out.str();
  }());
  return records;
}

void BM_PriceRecords_Konpro(benchmark::State& state) {
  for (auto _ : state) {
    std::istringstream in(Records());
    std::ostringstream out;
    std::ostringstream err;
    if (RunPrice({.file = "-"}, {in, out, err}) != ExitCode::kOk) {
      state.SkipWithError("bad records");
    }
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
}
BENCHMARK(BM_PriceRecords_Konpro);

void BM_PriceRecords_ParseAlone(benchmark::State& state) {
  for (auto _ : state) {
    google::protobuf::io::ArrayInputStream in(Records().data(),
                                              Records().size());
    v1::UsageRecord record;
    bool clean_eof = false;
    while (google::protobuf::util::ParseDelimitedFromZeroCopyStream(
        &record, &in, &clean_eof)) {
      benchmark::DoNotOptimize(record.account_id());
      record.Clear();
    }
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
}
BENCHMARK(BM_PriceRecords_ParseAlone);

}  // namespace
}  // namespace konpro::cli

BENCHMARK_MAIN();
