// Bodies of requests a second, from JSON to a message. The rival is protobuf's
// own reader, which takes a member that stands twice, and texts that are no
// JSON.
#include <string>

#include "benchmark/benchmark.h"
#include "google/protobuf/util/json_util.h"
#include "konpro/serve/request_body.h"
#include "proto/api.pb.h"

namespace konpro {
namespace {

// As a client's library writes them.
const std::string& Body() {
  static const std::string& body =
      *new std::string(R"({"operation": "avatar_video", "quantity": "90s", )"
                       R"("job": "order-2027-000001", "top_up": false})");
  return body;
}

void BM_ReadBody_Konpro(benchmark::State& state) {
  for (auto _ : state) {
    v1::CreateJobRequest request;
    if (!ReadBody(Body(), request).ok()) state.SkipWithError("bad body");
    benchmark::DoNotOptimize(request);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ReadBody_Konpro);

void BM_ReadBody_Protobuf(benchmark::State& state) {
  for (auto _ : state) {
    v1::CreateJobRequest request;
    if (!google::protobuf::util::JsonStringToMessage(Body(), &request).ok()) {
      state.SkipWithError("bad body");
    }
    benchmark::DoNotOptimize(request);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ReadBody_Protobuf);

}  // namespace
}  // namespace konpro

BENCHMARK_MAIN();
