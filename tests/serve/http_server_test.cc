#include "konpro/serve/http_server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/http.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/listen_socket.h"
#include "tests/testing/socket_folder.h"

namespace konpro {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr absl::string_view kHost = "Host: konpro\r\n";

// A connection to a Unix socket.
class Client {
 public:
  explicit Client(const std::string& path)
      : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX};
    memcpy(address.sun_path, path.data(), path.size());
    EXPECT_EQ(
        connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0)
        << strerror(errno);
  }
  ~Client() { close(fd_); }

  void Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  void EndOfRequests() { shutdown(fd_, SHUT_WR); }
  // What comes until `end` does, or the connection ends.
  std::string ReadUntil(absl::string_view end) {
    std::string text;
    char bytes[4'096];
    while (end.empty() || !absl::StrContains(text, end)) {
      const ssize_t count = read(fd_, bytes, sizeof(bytes));
      if (count <= 0) break;
      text.append(bytes, static_cast<size_t>(count));
    }
    return text;
  }
  std::string ReadAll() { return ReadUntil(""); }

 private:
  const int fd_;
};

std::string Request(absl::string_view method, absl::string_view target,
                    absl::string_view body = "") {
  return absl::StrCat(method, " ", target, " HTTP/1.1\r\n", kHost,
                      "Content-Length: ", body.size(),
                      "\r\nConnection: close\r\n\r\n", body);
}

class HttpServerTest : public ::testing::Test {
 protected:
  std::unique_ptr<HttpServer> Start(HttpServer::Handler handler,
                                    HttpServer::Options options) {
    return *HttpServer::Start(*ListenUnix(path_), std::move(handler), options);
  }
  std::string Ask(const std::string& request) {
    Client client(path_);
    client.Send(request);
    return client.ReadAll();
  }

  const testing::SocketFolder folder_;
  const std::string path_ = folder_.path() + "/http.sock";
};

HttpAnswer Echo(const HttpRequest& request) {
  std::string fields;
  for (const HttpHeader& header : request.headers) {
    absl::StrAppend(&fields, header.name, "=", header.value, ";");
  }
  return {.status = 201,
          .fields = {{"X-Fields", fields}},
          .body = absl::StrCat(request.method, " ", request.path, " '",
                               request.body, "'")};
}

TEST_F(HttpServerTest, PassesARequestAndItsAnswer) {
  const auto server = Start(Echo, {.body_bytes_max = 100});
  const std::string answer =
      Ask(Request("POST", "/a%20b/c?query=1", "the body"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 201 "));
  EXPECT_THAT(answer, HasSubstr("X-Fields: Host=konpro;Content-Length=8;"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nPOST /a%20b/c 'the body'"));
}

// As bytes: what two programs could read differently is refused.
TEST_F(HttpServerTest, RequestsOverASocketAreReadOneWayOnly) {
  using std::string_literals::operator""s;
  std::atomic<int> handled{0};
  const auto server = Start(
      [&](const HttpRequest& request) {
        ++handled;
        return Echo(request);
      },
      {.body_bytes_max = 100});
  const struct {
    std::string request;
    absl::string_view answer;
    absl::string_view part;
  } kRows[] = {
      {"GET /a HTTP/1.1\r\nHost: k\r\n\r\n", "HTTP/1.1 201 ", "GET /a ''"},
      {"GET /a HTTP/1.0\r\n\r\n", "HTTP/1.1 201 ", "GET /a ''"},
      {"GET /a HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "Host: is missing"},
      {"GET /a HTTP/1.1\r\nHost: k\r\nhost: k\r\n\r\n", "HTTP/1.1 400 ",
       "Host: there are several"},
      {"POST /a HTTP/1.1\r\nHost: k\r\nContent-Length: 2\r\n"
       "Content-Length: 3\r\n\r\nabc",
       "HTTP/1.1 400 ", "Content-Length: there are several"},
      {"POST /a HTTP/1.1\r\nHost: k\r\nContent-Length: 2\r\n"
       "content-length: 2\r\n\r\nab",
       "HTTP/1.1 400 ", "Content-Length: there are several"},
      {"POST /a HTTP/1.1\r\nHost: k\r\nContent-Length: 5\r\n"
       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 400 ", "Transfer-Encoding: stands beside Content-Length"},
      {"POST /a HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n"
       "Content-Length: 5\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 400 ", "Transfer-Encoding: stands beside Content-Length"},
      {"POST /a HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
       "0\r\n\r\n",
       "HTTP/1.1 400 ", "Transfer-Encoding: only chunked"},
      {"POST /a HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n"
       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 400 ", "Transfer-Encoding: only chunked"},
      {"POST /a HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n"
       "2\r\nab\r\n0\r\n\r\n",
       "HTTP/1.1 201 ", "POST /a 'ab'"},
      {"POST /a HTTP/1.1\r\nHost: k\r\nContent-Length: +2\r\n\r\nab",
       "HTTP/1.1 400 ", "Content-Length"},
      {"POST /a HTTP/1.1\r\nHost: k\r\nContent-Length : 2\r\n\r\nab",
       "HTTP/1.1 400 ", "blank"},
      {"GET /a%00b HTTP/1.1\r\nHost: k\r\n\r\n", "HTTP/1.1 400 ",
       "the target: has a NUL"},
      {"GET /a?q=%00 HTTP/1.1\r\nHost: k\r\n\r\n", "HTTP/1.1 400 ",
       "the target: has a NUL"},
      {"GET /a HTTP/1.1\r\nHost: k\r\nx-api\0-key: b\r\n\r\n"s, "HTTP/1.1 400 ",
       ""},
      {"GET http://k/a?b HTTP/1.1\r\nHost: k\r\n\r\n", "HTTP/1.1 201 ",
       "GET /a ''"},
      {"GET HTTPS://k HTTP/1.1\r\nHost: k\r\n\r\n", "HTTP/1.1 201 ",
       "GET / ''"},
      {"OPTIONS * HTTP/1.1\r\nHost: k\r\n\r\n", "HTTP/1.1 201 ",
       "OPTIONS * ''"},
      {"HEAD /a HTTP/1.1\r\nHost: k\r\n\r\n", "HTTP/1.1 201 ",
       "Content-Length: 10"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.request);
    Client client(path_);
    client.Send(row.request);
    client.EndOfRequests();
    const std::string answer = client.ReadAll();
    EXPECT_THAT(answer, StartsWith(std::string(row.answer)));
    EXPECT_THAT(answer, HasSubstr(std::string(row.part)));
    const int expected = absl::StartsWith(row.answer, "HTTP/1.1 201") ? 1 : 0;
    EXPECT_EQ(handled.exchange(0), expected);
  }
}

// A body that follows a refused request is never read as the next request.
TEST_F(HttpServerTest, RefusedRequestEndsItsConnection) {
  const auto server = Start(Echo, {.body_bytes_max = 100});
  EXPECT_THAT(
      Ask(absl::StrCat("POST /a HTTP/1.1\r\nHost: k\r\nContent-Length: 1\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                       Request("GET", "/smuggled"))),
      Not(HasSubstr("smuggled")));
}

TEST_F(HttpServerTest, AConnectionCarriesSeveralRequests) {
  const auto server = Start(Echo, {.body_bytes_max = 100});
  Client client(path_);
  for (int i = 0; i < 3; ++i) {
    client.Send(absl::StrCat("GET /", i, " HTTP/1.1\r\n", kHost, "\r\n"));
    EXPECT_THAT(client.ReadUntil("''"),
                HasSubstr(absl::StrCat("GET /", i, " ''")));
  }
}

TEST_F(HttpServerTest, ABodyAboveTheLimitIs413AndIsNotHandled) {
  std::atomic<int> handled{0};
  const auto server = Start(
      [&](const HttpRequest& request) {
        ++handled;
        return Echo(request);
      },
      {.body_bytes_max = 10});
  EXPECT_THAT(Ask(Request("POST", "/", "0123456789")),
              HasSubstr("'0123456789'"));
  EXPECT_EQ(handled, 1);
  EXPECT_THAT(Ask(Request("POST", "/", "0123456789a")),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Ask(absl::StrCat("POST / HTTP/1.1\r\n", kHost,
                               "Content-Length: 99999999999999999999\r\n\r\n")),
              AnyOf(StartsWith("HTTP/1.1 4"), ""));
  // Without a length the limit is noticed within the body.
  const std::string chunked = absl::StrCat(
      "POST / HTTP/1.1\r\n", kHost, "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_THAT(Ask(absl::StrCat(chunked, "b\r\n0123456789a\r\n0\r\n\r\n")),
              Not(HasSubstr("HTTP/1.1 201")));
  EXPECT_THAT(
      Ask(absl::StrCat(chunked, "6\r\n012345\r\n5\r\n6789a\r\n0\r\n\r\n")),
      Not(HasSubstr("HTTP/1.1 201")));
  EXPECT_EQ(handled, 1);
  Client client(path_);
  client.Send(absl::StrCat(chunked, "a\r\n0123456789\r\n0\r\n\r\n"));
  EXPECT_THAT(client.ReadUntil("'0123456789'"), HasSubstr("'0123456789'"));
}

TEST_F(HttpServerTest, FieldsAboveTheLimitAre431) {
  const auto server = Start(Echo, {.body_bytes_max = 10});
  EXPECT_THAT(Ask(absl::StrCat("GET / HTTP/1.1\r\n", kHost,
                               "X: ", std::string(40'000, 'x'), "\r\n\r\n")),
              StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, ARequestThatIsNotFinishedInTimeIsCut) {
  const auto server = Start(Echo, {.request_timeout = absl::Milliseconds(600),
                                   .idle_timeout = absl::Seconds(600)});
  Client client(path_);
  client.Send("GET / HTTP/1.1\r\nHost:");
  const absl::Time begin = absl::Now();
  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(500));
  // A byte now and then does not move the deadline.
  Client slow(path_);
  slow.Send("GET /");
  std::thread writer([&] {
    for (int i = 0; i < 20; ++i) {
      slow.Send("x");
      absl::SleepFor(absl::Milliseconds(100));
    }
  });
  EXPECT_EQ(slow.ReadAll(), "");
  writer.join();
}

TEST_F(HttpServerTest, AnIdleConnectionIsCut) {
  const auto server = Start(Echo, {.request_timeout = absl::Seconds(600),
                                   .idle_timeout = absl::Milliseconds(100)});
  Client client(path_);
  client.Send(absl::StrCat("GET / HTTP/1.1\r\n", kHost, "\r\n"));
  EXPECT_THAT(client.ReadAll(), HasSubstr("GET / ''"));
}

TEST_F(HttpServerTest, StopFinishesRequestsThatHaveBegun) {
  std::atomic<bool> begun{false};
  std::atomic<int> handled{0};
  const auto server = Start(
      [&](const HttpRequest& request) {
        begun = true;
        absl::SleepFor(absl::Milliseconds(300));
        ++handled;
        return Echo(request);
      },
      {.threads = 2});
  std::string answer;
  std::thread client(
      [&] { answer = Ask(absl::StrCat("GET / HTTP/1.1\r\n", kHost, "\r\n")); });
  while (!begun) absl::SleepFor(absl::Milliseconds(1));
  server->Stop();
  EXPECT_EQ(handled, 1);
  client.join();
  EXPECT_THAT(answer, HasSubstr("GET / ''"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
}

TEST_F(HttpServerTest, StopWaitsForAnUnfinishedRequestForABoundedTime) {
  const auto server = Start(
      Echo, {.body_bytes_max = 10, .stop_timeout = absl::Milliseconds(200)});
  Client client(path_);
  client.Send(absl::StrCat("POST / HTTP/1.1\r\n", kHost,
                           "Content-Length: 5\r\n\r\n12"));
  absl::SleepFor(absl::Milliseconds(300));  // until it has begun
  const absl::Time begin = absl::Now();
  server->Stop();
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(200));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
}

// A request that ended within its fields was not counted when it began, and one
// that ended within its body was.
TEST_F(HttpServerTest, StopWaitsForTheRequestsThatRunWhateverWasCutBefore) {
  std::atomic<int> begun{0};
  const auto server = Start(
      [&](const HttpRequest& request) {
        ++begun;
        absl::SleepFor(absl::Milliseconds(500));
        return Echo(request);
      },
      {.threads = 2, .body_bytes_max = 10, .stop_timeout = absl::Seconds(20)});
  for (const absl::string_view cut :
       {"GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: k\r\nx: y",
        "POST / HTTP/1.1\r\nHost: k\r\nContent-Length: 5\r\n\r\n12"}) {
    Client client(path_);
    client.Send(cut);
    absl::SleepFor(absl::Milliseconds(100));  // until it has been read
  }
  std::string answer;
  std::thread client(
      [&] { answer = Ask(absl::StrCat("GET / HTTP/1.1\r\n", kHost, "\r\n")); });
  while (begun == 0) absl::SleepFor(absl::Milliseconds(1));
  const absl::Time begin = absl::Now();
  server->Stop();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
  client.join();
  EXPECT_THAT(answer, HasSubstr("GET / ''"));
}

TEST_F(HttpServerTest, AConnectionAboveTheLimitWaitsAndIsNotRefused) {
  const auto server = Start(Echo, {.threads = 2,
                                   .connections_max = 2,
                                   .request_timeout = absl::Seconds(60),
                                   .idle_timeout = absl::Seconds(60)});
  auto first = std::make_unique<Client>(path_);
  Client second(path_);
  for (Client* client : {first.get(), &second}) {
    client->Send(absl::StrCat("GET /a HTTP/1.1\r\n", kHost, "\r\n"));
    EXPECT_THAT(client->ReadUntil("''"), HasSubstr("GET /a ''"));
  }
  std::atomic<bool> is_answered{false};
  std::string answer;
  std::thread third([&] {
    answer = Ask(Request("GET", "/b"));
    is_answered = true;
  });
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_FALSE(is_answered);
  first.reset();
  third.join();
  EXPECT_THAT(answer, HasSubstr("GET /b ''"));
}

// Connections begin and end on all threads at once, and the sweeper looks at
// them: the thread sanitizer reports each of their locks that is missing.
TEST_F(HttpServerTest, ManyConnectionsAreServedAtOnce) {
  constexpr int kClients = 4;
  constexpr int kRequests = 100;
  std::atomic<int> handled{0};
  const auto server = Start(
      [&](const HttpRequest& request) {
        ++handled;
        return Echo(request);
      },
      {.threads = 4,
       .request_timeout = absl::Seconds(60),
       .idle_timeout = absl::Seconds(60)});
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      for (int j = 0; j < kRequests; ++j) {
        answered += absl::StartsWith(Ask(Request("GET", "/")), "HTTP/1.1 201");
      }
      // While the sweeper looks at connections.
      absl::SleepFor(absl::Milliseconds(600));
      answered += absl::StartsWith(Ask(Request("GET", "/")), "HTTP/1.1 201");
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, kClients * (kRequests + 1));
  EXPECT_EQ(handled, kClients * (kRequests + 1));
}

}  // namespace
}  // namespace konpro
