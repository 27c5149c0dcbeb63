// The examples of the room's public headers, as they stand there.
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/http.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/serve/admin.h"
#include "konpro/serve/api.h"
#include "konpro/serve/clock_watch.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/http_server.h"
#include "konpro/serve/limits_file.h"
#include "konpro/serve/listen_socket.h"
#include "konpro/serve/metrics.h"
#include "konpro/serve/proxy_routes.h"
#include "konpro/serve/request_body.h"
#include "konpro/serve/server_log.h"
#include "konpro/serve/wiped_text.h"
#include "proto/api.pb.h"
#include "tests/testing/memory_admission.h"
#include "tests/testing/socket_folder.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::MemoryAdmission;
using ::konpro::testing::SocketFolder;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

const UnixNanos now = UnixNanos::FromTime(absl::FromUnixSeconds(1'700'000'040));

TEST(HeaderExamples, Admin) {
  const SocketFolder folder;
  const std::string db = folder.path() + "/credits.db";
  const CommandRunner run = [](const std::vector<std::string>& arguments,
                               std::istream&, std::ostream& out,
                               std::ostream&) {
    out << arguments[1];
    return 0;
  };
  // admin.h
  const auto server = HttpServer::Start(
      *ListenUnix(AdminSocketPath(db)),
      [&](const HttpRequest& request) { return AnswerCommand(request, run); },
      {.body_bytes_max = kCommandBytesMax});
  ASSERT_THAT(server, IsOk());
  EXPECT_EQ(
      (*ForwardCommand(db, {"keys", "list", "acme", "--db=credits.db"}, ""))
          ->out,
      "list");
}

TEST(HeaderExamples, Api) {
  MemoryAdmission memory;
  ServeMetrics metrics;
  Admission* const admission = memory.admission.get();
  KeyDirectory* const keys = memory.keys.get();
  AccountDirectory* const accounts = memory.accounts.get();
  Ledger* const ledger = memory.ledger.get();
  const std::vector<HttpHeader> headers;
  // api.h
  Api api({.admission = *admission,
           .keys = *keys,
           .accounts = *accounts,
           .ledger = *ledger,
           .metrics = metrics});
  EXPECT_EQ(
      api.Answer({.method = "GET", .path = "/v1/admit", .headers = headers},
                 now)
          .status,
      401);
}

TEST(HeaderExamples, ProxyRoutes) {
  constexpr absl::string_view text = R"pb(
    routes {
      method: "POST"
      path: "/v1/videos"
      operation: "avatar_video"
      hold: "600s"
    }
  )pb";
  // proxy_routes.h
  absl::StatusOr<ProxyRoutes> routes =
      ProxyRoutes::Parse(text, "routes.textproto", Catalog::BuiltIn());
  absl::StatusOr<const ProxyRoute*> route =
      routes->Find("POST", "/v1/videos?draft=1");
  EXPECT_EQ((*route)->operation, "avatar_video");
}

TEST(HeaderExamples, ClockWatch) {
  const UnixNanos now = UnixNanos::CoarseNow();
  // clock_watch.h
  ClockWatch clock;
  EXPECT_TRUE(clock.is_trusted());
  EXPECT_TRUE(clock.is_trusted());
  clock.Confirm();
  EXPECT_TRUE(clock.Trusts(now));
}

TEST(HeaderExamples, HttpServer) {
  MemoryAdmission memory;
  ServeMetrics metrics;
  Api api({.admission = *memory.admission,
           .keys = *memory.keys,
           .accounts = *memory.accounts,
           .ledger = *memory.ledger,
           .metrics = metrics});
  // http_server.h
  auto server = *HttpServer::Start(
      *ListenTcp("127.0.0.1:0"),
      [&](const HttpRequest& request) { return api.Answer(request, now); },
      {.threads = 4, .body_bytes_max = 64 << 10});
  server->Stop();
}

TEST(HeaderExamples, LimitsFile) {
  const SocketFolder folder;
  ASSERT_EQ(chdir(folder.path().c_str()), 0);
  const std::vector<std::string> ids = {"acme"};
  const UnixNanos now = UnixNanos::CoarseNow();
  // limits_file.h
  auto file = *LimitsFile::Open("credits.db.limits",
                                {.capacity = 70'000, .accounts = ids});
  file->registry().TryAcquire("acme", 1, now);
  EXPECT_THAT(file->Sync(), IsOk());
  EXPECT_THAT(file->Close(), IsOk());
}

TEST(HeaderExamples, ListenSocket) {
  // listen_socket.h
  ListenSocket socket = *ListenTcp("127.0.0.1:0");
  EXPECT_THAT(socket.address(), HasSubstr("127.0.0.1:"));
  EXPECT_FALSE(ListenUnix("/var/lib/konpro/credits.db.sock").ok());
}

TEST(HeaderExamples, Metrics) {
  // metrics.h
  ServeMetrics metrics;
  metrics.CountAnswer(200);
  EXPECT_THAT(metrics.Text(),
              HasSubstr("konpro_http_answers_total{status=\"200\"} 1\n"));
}

TEST(HeaderExamples, RequestBody) {
  const Operation& operation =
      *Catalog::BuiltIn().FindOperation("avatar_video");
  // request_body.h
  v1::CreateJobRequest body;
  EXPECT_THAT(
      ReadBody("{\"operation\": \"avatar_video\", \"quantity\": 1.5}", body),
      IsOk());
  EXPECT_THAT(
      BaseUnitsOf(body.quantity(), operation),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("quantity: \"1.5\" is no quantity: time has a unit")));
  EXPECT_EQ(*BaseUnitsOf("90s", operation), 90'000);
  EXPECT_THAT(ReadBody("[]", body),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "the body: is an array, should be one JSON object"));
}

TEST(HeaderExamples, ServerLog) {
  ::testing::internal::CaptureStderr();
  // server_log.h
  ServerLog log(std::cerr);
  log.Line("listening");
  log.NoteStore(absl::UnavailableError("credits.db: disk full"), absl::Now());
  log.NoteStore(absl::OkStatus(), absl::Now());
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "konpro: listening\n"
            "konpro: the store cannot be written: credits.db: disk full\n"
            "konpro: the store can be written again; 1 write failed in 0\n");
}

TEST(HeaderExamples, WipedText) {
  // wiped_text.h
  WipedText body;
  body.Append("{\"input\": ");
  body.Append("\"...\"}");
  EXPECT_EQ(body.text(), "{\"input\": \"...\"}");
  WipedStream out;
  out << "kp_" << 1 << "\n";
  EXPECT_EQ(out.text(), "kp_1\n");
}

}  // namespace
}  // namespace konpro
