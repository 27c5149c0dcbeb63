#include "konpro/serve/admin.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
using ::testing::_;
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

TEST_F(AdminTest, ADatabaseHasOneSocketByEachOfItsNames) {
  std::ofstream(db_) << "data";
  const std::string link = folder_.path() + "/link.db";
  const std::string second = folder_.path() + "/second.db";
  ASSERT_EQ(symlink("credits.db", link.c_str()), 0);
  ASSERT_EQ(symlink(link.c_str(), second.c_str()), 0);
  EXPECT_EQ(AdminSocketPath(second), db_ + ".sock");
  EXPECT_EQ(AdminSocketPath("no.db"), "no.db.sock");
  const std::string loop = folder_.path() + "/loop.db";
  ASSERT_EQ(symlink("loop.db", loop.c_str()), 0);
  EXPECT_EQ(AdminSocketPath(loop), loop + ".sock");
  const auto server = Serve([&](const HttpRequest& request) {
    return AnswerCommand(request, runner_);
  });
  for (const std::string& name : {db_, link, second}) {
    const Forwarded result = ForwardCommand(name, {"keys"}, "");
    ASSERT_THAT(result, IsOk());
    EXPECT_TRUE(result->has_value()) << name;
  }
}

TEST(MayServe, IsForRootTheCallerAndTheOwnerOfTheDatabase) {
  const struct {
    uid_t server;
    std::optional<uid_t> owner;
    uid_t self;
    bool may;
  } kCases[] = {
      {0, 1000, 1001, true},      {1000, 1000, 0, true},
      {1000, 1000, 1000, true},   {1001, 1000, 1001, true},
      {1001, 1000, 0, false},     {1001, std::nullopt, 0, false},
      {0, std::nullopt, 0, true}, {1001, std::nullopt, 1000, false},
      {1001, 0, 1000, false},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(MayServe(c.server, c.owner, c.self), c.may)
        << c.server << " " << c.owner.value_or(99) << " " << c.self;
  }
}

// A process of another user listens at the name of the socket, which only root
// can arrange here.
TEST_F(AdminTest, ASocketOfAnotherUserReceivesNothing) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  std::ofstream(db_) << "data";
  ASSERT_EQ(chmod(folder_.path().c_str(), 0777), 0);
  // The other user's credentials are those of the process that listens.
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setuid(65'534) != 0) _exit(1);
    const absl::StatusOr<ListenSocket> socket =
        ListenUnix(AdminSocketPath(db_));
    if (!socket.ok()) _exit(2);
    if (write(ready[1], "x", 1) != 1) _exit(3);
    pause();
  }
  close(ready[1]);
  char byte;
  if (read(ready[0], &byte, 1) != 1) {
    waitpid(child, nullptr, 0);
    GTEST_SKIP() << "there is no other user here";
  }
  EXPECT_THAT(ForwardCommand(db_, {"keys"}, "secret"),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("nothing was sent")));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ready[0]);
}

TEST_F(AdminTest, TheServerAnswersItsOwnUserAlone) {
  const auto start = [&](uid_t user) {
    return *HttpServer::Start(
        *ListenUnix(AdminSocketPath(db_)),
        [&](const HttpRequest& request) {
          return AnswerCommand(request, runner_);
        },
        {.body_bytes_max = kCommandBytesMax, .only_user = user});
  };
  {
    const auto server = start(geteuid());
    EXPECT_THAT(ForwardCommand(db_, {"keys"}, ""), IsOk());
  }
  if (geteuid() == 0) GTEST_SKIP() << "root may do everything";
  const auto server = start(geteuid() + 1);
  EXPECT_THAT(ForwardCommand(db_, {"keys"}, ""),
              StatusIs(absl::StatusCode::kUnavailable, _));
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
