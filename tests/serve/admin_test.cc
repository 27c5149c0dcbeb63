#include "konpro/serve/admin.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <istream>
#include <iterator>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/http.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/http_server.h"
#include "konpro/serve/listen_socket.h"
#include "tests/testing/socket_folder.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Forwarded = absl::StatusOr<std::optional<CommandResult>>;

class AdminTest : public ::testing::Test {
 protected:
  // A command whose output is its input, and which fails with 7.
  int Run(const std::vector<std::string>& arguments, std::istream& in,
          std::ostream& out, std::ostream& err) {
    arguments_ = arguments;
    out << std::string(std::istreambuf_iterator<char>(in), {});
    err << "denied";
    return 7;
  }
  HttpAnswer Answer(absl::string_view method, absl::string_view path,
                    absl::string_view body) {
    return AnswerCommand({.method = method, .path = path, .body = body},
                         runner_);
  }
  std::unique_ptr<HttpServer> Serve(HttpServer::Handler handler) {
    return *HttpServer::Start(*ListenUnix(AdminSocketPath(db_)),
                              std::move(handler),
                              {.body_bytes_max = kCommandBytesMax});
  }

  const testing::SocketFolder folder_;
  const std::string db_ = folder_.path() + "/credits.db";
  std::vector<std::string> arguments_;
  const CommandRunner runner_ = [this](auto&&... all) { return Run(all...); };
};

TEST_F(AdminTest, ACommandIsRunByTheServer) {
  const auto server = Serve([&](const HttpRequest& request) {
    return AnswerCommand(request, runner_);
  });
  // Not a text: what a command reads and writes are bytes.
  const std::string input("\0\xff\n\"{", 5);
  const Forwarded result =
      ForwardCommand(db_, {"keys", "list", "a \"b\"", ""}, input);
  ASSERT_THAT(result, IsOk());
  ASSERT_TRUE(result->has_value());
  EXPECT_THAT(arguments_, ElementsAre("keys", "list", "a \"b\"", ""));
  EXPECT_EQ((*result)->exit_code, 7);
  EXPECT_EQ((*result)->out, input);
  EXPECT_EQ((*result)->err, "denied");
}

TEST_F(AdminTest, WithoutAServerNothingIsSent) {
  const Forwarded none = ForwardCommand(db_ + "none", {"keys"}, "");
  ASSERT_THAT(none, IsOk());
  EXPECT_FALSE(none->has_value());
  // A server that was killed leaves its socket.
  { EXPECT_THAT(ListenUnix(AdminSocketPath(db_)), IsOk()); }
  const Forwarded dead = ForwardCommand(db_, {"keys"}, "");
  ASSERT_THAT(dead, IsOk());
  EXPECT_FALSE(dead->has_value());
  // A file of that name is not a socket.
  const std::string other = db_ + "file";
  std::ofstream(AdminSocketPath(other)) << "data";
  const Forwarded file = ForwardCommand(other, {"keys"}, "");
  ASSERT_THAT(file, IsOk());
  EXPECT_FALSE(file->has_value());
}

TEST_F(AdminTest, AnAnswerThatIsNotOneIsUnavailable) {
  {
    const auto server =
        Serve([](const HttpRequest&) { return HttpAnswer{.status = 500}; });
    EXPECT_THAT(ForwardCommand(db_, {"keys"}, ""),
                StatusIs(absl::StatusCode::kUnavailable,
                         HasSubstr("whether it ran the command")));
  }
  const auto server = Serve([](const HttpRequest&) {
    return HttpAnswer{.status = 200, .body = "no JSON"};
  });
  EXPECT_THAT(
      ForwardCommand(db_, {"keys"}, ""),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("cannot be read")));
}

TEST_F(AdminTest, AServerThatEndsBeforeItAnswersIsUnavailable) {
  ListenSocket socket = *ListenUnix(AdminSocketPath(db_));
  const int fd = socket.Release();
  std::thread server([&] {
    pollfd ready{.fd = fd, .events = POLLIN};
    poll(&ready, 1, -1);
    const int connection = accept(fd, nullptr, nullptr);
    char bytes[4'096];
    EXPECT_GT(read(connection, bytes, sizeof(bytes)), 0);
    close(connection);
  });
  EXPECT_THAT(ForwardCommand(db_, {"keys"}, ""),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("whether it ran the command")));
  server.join();
  close(fd);
}

TEST_F(AdminTest, ACommandThatIsTooLongIsNotSent) {
  int asked = 0;
  const auto server = Serve([&](const HttpRequest& request) {
    ++asked;
    return AnswerCommand(request, runner_);
  });
  EXPECT_THAT(
      ForwardCommand(db_, {"ledger"}, std::string(kCommandBytesMax, 'x')),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("too long")));
  EXPECT_EQ(asked, 0);
}

TEST_F(AdminTest, OtherRequestsAreRefused) {
  EXPECT_EQ(Answer("GET", "/v1/command", "{}").status, 404);
  EXPECT_EQ(Answer("POST", "/v1/commands", "{}").status, 404);
  EXPECT_EQ(Answer("POST", "/v1/command", "").status, 400);
  EXPECT_EQ(Answer("POST", "/v1/command", R"({"unknown":1})").status, 400);
  EXPECT_THAT(arguments_, ElementsAre());
  EXPECT_EQ(Answer("POST", "/v1/command", R"({"arguments":["x"]})").status,
            200);
  EXPECT_THAT(arguments_, ElementsAre("x"));
}

}  // namespace
}  // namespace konpro
