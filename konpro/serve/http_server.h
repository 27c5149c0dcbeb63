// An HttpServer calls a function for each HTTP request that reaches a listening
// socket: libmicrohttpd's event loops, with limits, deadlines, and a stop that
// finishes the requests that have begun.
//
//   auto server = *HttpServer::Start(*ListenTcp("127.0.0.1:0"),
//       [&](const HttpRequest& request) { return api.Answer(request, now); },
//       {.threads = 4, .body_bytes_max = 64 << 10});
//   server->Stop();
//
// One thread serves many connections, each as its bytes arrive, so a slow
// client holds a connection and never a thread. The server closes a connection
// that has not finished a request within `request_timeout` of the request's
// first line, or that is idle for `idle_timeout`. So every client holds one of
// `connections_max` for a bounded time.
//
// A request that two programs could read differently is refused with 400, and
// the connection closed: two Content-Length or Host, Transfer-Encoding beside
// Content-Length, HTTP/1.1 without Host, a NUL (%00) in the target. A NUL that
// stands in a field's value itself, or in the target, is not seen:
// libmicrohttpd ends the text there. A proxy in front refuses it.
//
// Thread safety: the handler is called on all threads at once. Start() and
// Stop() must not be concurrent with each other.
//
// Limits: kConnectionBytesMax of memory for the header fields of a request and
// of its answer (431 above it); bodies of body_bytes_max (413).
#ifndef KONPRO_SERVE_HTTP_SERVER_H_
#define KONPRO_SERVE_HTTP_SERVER_H_

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "konpro/access/http.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/listen_socket.h"

namespace konpro {

class HttpServer {
 public:
  using Handler = std::function<HttpAnswer(const HttpRequest&)>;

  // Above 32 KiB libmicrohttpd maps a connection's memory, and so gives it back
  // to the system at its end: no key stays in it, however its request ended.
  static constexpr size_t kConnectionBytesMax = size_t{36} << 10;

  struct Options {
    unsigned threads = 1;
    unsigned connections_max = 1'024;
    size_t body_bytes_max = 0;
    absl::Duration request_timeout = absl::Seconds(10);
    // Above the 60 seconds for which nginx keeps a connection: the client must
    // close it first, or a request meets a closed connection.
    absl::Duration idle_timeout = absl::Seconds(65);
    // Answers the user of this id and root alone: who is at the other end of a
    // Unix socket, as the kernel says it. nullopt: anyone who can connect.
    std::optional<uid_t> only_user;
    // How long Stop() waits for requests that have begun.
    absl::Duration stop_timeout = absl::Seconds(5);
  };

  // kUnavailable: the process has no threads or descriptors left.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      ListenSocket socket, Handler handler, const Options& options);

  // Stop().
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Accepts no more connections, waits for the requests that have begun, and
  // ends the threads. Once it has returned, the handler is not called again.
  void Stop();

 private:
  class Daemon;

  explicit HttpServer(std::unique_ptr<Daemon> daemon);

  std::unique_ptr<Daemon> daemon_;
};

}  // namespace konpro

#endif  // KONPRO_SERVE_HTTP_SERVER_H_
