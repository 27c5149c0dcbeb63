// An HttpServer puts a function behind a listening socket: libmicrohttpd's
// event loops, limits, deadlines, and an end that finishes what it has begun.
//
//   auto server = *HttpServer::Start(*ListenTcp("127.0.0.1:8080"),
//       [&](const HttpRequest& request) { return api.Answer(request, now); },
//       {.threads = 4, .body_bytes_max = 64 << 10});
//   server->Stop();
//
// A thread serves as many connections as there are, each as far as its bytes
// have come: a client that is slow holds a connection, never a thread. A
// connection is cut that does not finish a request within `request_timeout` of
// its first line, or is idle for `idle_timeout`; so whatever a client does, it
// holds one of `connections_max` for a bounded time.
//
// Thread safety: the handler is called from all threads at once. Start() and
// Stop() are not concurrent with each other.
//
// Limits: kConnectionBytesMax of memory for a connection's fields, of the
// request and of the answer (431 beyond); bodies of body_bytes_max (413).
#ifndef KONPRO_SERVE_HTTP_SERVER_H_
#define KONPRO_SERVE_HTTP_SERVER_H_

#include <cstddef>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "konpro/access/http.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/listen_socket.h"

namespace konpro {

class HttpServer {
 public:
  using Handler = std::function<HttpAnswer(const HttpRequest&)>;

  static constexpr size_t kConnectionBytesMax = size_t{32} << 10;

  struct Options {
    unsigned threads = 1;
    unsigned connections_max = 1'024;
    size_t body_bytes_max = 0;
    absl::Duration request_timeout = absl::Seconds(10);
    // Above the 60 seconds for which nginx keeps a connection: who closes it
    // first must be the client, or a request meets a closed door.
    absl::Duration idle_timeout = absl::Seconds(65);
    // How long Stop() waits for requests that have begun.
    absl::Duration stop_timeout = absl::Seconds(5);
  };

  // kUnavailable: there are no threads or descriptors for it.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      ListenSocket socket, Handler handler, const Options& options);

  // Stop().
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Accepts no connection more, waits for the requests that are being answered,
  // and ends the threads. Behind it the handler is called no more.
  void Stop();

 private:
  class Daemon;

  explicit HttpServer(std::unique_ptr<Daemon> daemon);

  std::unique_ptr<Daemon> daemon_;
};

}  // namespace konpro

#endif  // KONPRO_SERVE_HTTP_SERVER_H_
