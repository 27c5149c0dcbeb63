#include "konpro/serve/http_server.h"

#include <microhttpd.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "konpro/base/mutex.h"
#include "konpro/serve/wiped_text.h"

namespace konpro {
namespace {

constexpr absl::Duration kSweepEvery = absl::Milliseconds(500);
// How long a connection waits for a descriptor, or for one of connections_max,
// before it is looked for again.
constexpr absl::Duration kNoRoomWait = absl::Milliseconds(20);

// A connection and its deadline. libmicrohttpd's own timeout begins again with
// each byte, so a client that sends a byte now and then would hold a connection
// for ever.
struct Connection {
  int fd;
  std::atomic<int64_t> deadline_ns;
  // Of the request that is being read; used by the connection's thread alone.
  bool has_nul = false;
};

struct Request {
  WipedText body;
};

int64_t After(absl::Duration time) {
  return absl::GetCurrentTimeNanos() + absl::ToInt64Nanoseconds(time);
}

Connection* ConnectionOf(MHD_Connection* connection) {
  const MHD_ConnectionInfo* info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info == nullptr ? nullptr
                         : static_cast<Connection*>(info->socket_context);
}

// A path is decoded by segment, after it was split: an id may contain a slash.
size_t KeepEscapes(void*, MHD_Connection*, char* text) { return strlen(text); }

// Whether the other end of a Unix socket is `user` or root.
bool IsFrom(int fd, uid_t user) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == 0 || peer.uid == user);
}

// Key texts do not stay in memory after their request. The library's buffers
// are its own until the answer is queued, and not read again, but for the
// fields that say how the connection goes on. It gives the rest back to the
// system when the connection ends (kConnectionBytesMax).
// A key in a wrong field is one too.
bool MayHoldKey(absl::string_view name) {
  return absl::EqualsIgnoreCase(name, kApiKeyHeader) ||
         absl::EqualsIgnoreCase(name, MHD_HTTP_HEADER_AUTHORIZATION);
}

MHD_Result CollectHeader(void* headers, MHD_ValueKind, const char* name,
                         const char* value) {
  static_cast<std::vector<HttpHeader>*>(headers)->push_back(
      {name, value == nullptr ? "" : value});
  return MHD_YES;
}

bool ClaimsMoreThan(MHD_Connection* connection, size_t bytes_max) {
  const char* length = MHD_lookup_connection_value(
      connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
  uint64_t bytes = 0;
  return length != nullptr &&
         (!absl::SimpleAtoi(length, &bytes) || bytes > bytes_max);
}

// The fields of a request that say where it ends and whom it is for. Two
// programs that read them differently see different requests (RFC 9112, 6.1,
// 6.3 and 3.2), so what is not plain is refused.
struct Framing {
  int hosts = 0;
  int lengths = 0;
  int encodings = 0;
  bool has_blank_in_name = false;
  bool is_chunked = false;
};

MHD_Result CollectFraming(void* framing, MHD_ValueKind, const char* name,
                          const char* value) {
  auto& all = *static_cast<Framing*>(framing);
  all.hosts += absl::EqualsIgnoreCase(name, "host");
  all.lengths += absl::EqualsIgnoreCase(name, "content-length");
  if (absl::EqualsIgnoreCase(name, "transfer-encoding")) {
    ++all.encodings;
    all.is_chunked =
        value != nullptr && absl::EqualsIgnoreCase(value, "chunked");
  }
  all.has_blank_in_name |=
      absl::string_view(name).find_first_of(" \t") != absl::string_view::npos;
  return MHD_YES;
}

// What is wrong with the request's first line and fields, or "".
absl::string_view FaultOf(MHD_Connection* connection,
                          absl::string_view version) {
  const Connection* const its = ConnectionOf(connection);
  if (its != nullptr && its->has_nul) return "the target: has a NUL";
  Framing framing;
  MHD_get_connection_values(connection, MHD_HEADER_KIND, &CollectFraming,
                            &framing);
  if (framing.hosts > 1) return "Host: there are several";
  if (framing.hosts == 0 && version != "HTTP/1.0") return "Host: is missing";
  if (framing.lengths > 1) return "Content-Length: there are several";
  if (framing.encodings > 0 && framing.lengths > 0) {
    return "Transfer-Encoding: stands beside Content-Length";
  }
  if (framing.encodings > 1 ||
      (framing.encodings == 1 && !framing.is_chunked)) {
    return "Transfer-Encoding: only chunked is understood";
  }
  if (framing.has_blank_in_name) return "a field's name has a blank";
  return "";
}

// The path of a target in absolute form (RFC 9112, 3.2.2), or all of it.
absl::string_view PathOf(absl::string_view target) {
  for (const absl::string_view scheme : {"http://", "https://"}) {
    if (!absl::StartsWithIgnoreCase(target, scheme)) continue;
    const size_t path = target.find('/', scheme.size());
    return path == absl::string_view::npos ? "/" : target.substr(path);
  }
  return target;
}

// Frees the body of an answer, which may have been a new key's.
void FreeBody(void* body) {
  const std::unique_ptr<std::string> sent(static_cast<std::string*>(body));
  Wipe(*sent);
}

MHD_Result Queue(MHD_Connection* connection, HttpAnswer answer, bool is_last) {
  auto body = std::make_unique<std::string>(std::move(answer.body));
  MHD_Response* response =
      MHD_create_response_from_buffer_with_free_callback_cls(
          body->size(), body->data(), &FreeBody, body.get());
  if (response == nullptr) return MHD_NO;
  body.release();  // FreeBody() owns it
  for (const HttpField& field : answer.fields) {
    if (field.value.empty()) continue;  // the library has no such fields
    if (MHD_add_response_header(response, std::string(field.name).c_str(),
                                field.value.c_str()) != MHD_YES) {
      MHD_destroy_response(response);
      return MHD_NO;  // rather than an answer that lacks a field
    }
  }
  if (is_last) {
    // Without it, the end of the connection says the same.
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
  }
  const MHD_Result queued = MHD_queue_response(
      connection, static_cast<unsigned>(answer.status), response);
  MHD_destroy_response(response);
  return queued;
}

}  // namespace

class HttpServer::Daemon {
 public:
  Daemon(Handler handler, const Options& options)
      : handler_(std::move(handler)), options_(options) {}

  bool Start(int fd) {
    listen_fd_ = fd;
    stop_fd_ = eventfd(0, EFD_CLOEXEC);
    if (stop_fd_ < 0) return false;
    daemon_ = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET,
        0, nullptr, nullptr, &OnRequest, this, MHD_OPTION_NOTIFY_CONNECTION,
        &OnConnection, this, MHD_OPTION_NOTIFY_COMPLETED, &OnCompleted, this,
        MHD_OPTION_URI_LOG_CALLBACK, &OnFirstLine, this,
        MHD_OPTION_UNESCAPE_CALLBACK, &KeepEscapes, nullptr,
        MHD_OPTION_THREAD_POOL_SIZE,
        options_.threads == 1 ? 0u : options_.threads,
        MHD_OPTION_CONNECTION_LIMIT, options_.connections_max,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, size_t{kConnectionBytesMax},
        MHD_OPTION_CONNECTION_TIMEOUT,
        static_cast<unsigned>(absl::ToInt64Seconds(options_.idle_timeout)),
        MHD_OPTION_END);
    if (daemon_ == nullptr) {
      close(stop_fd_);
      return false;
    }
    sweeper_ = std::thread([this] { Sweep(); });
    acceptor_ = std::thread([this] { AcceptAll(); });
    return true;
  }

  void Stop() {
    stopping_.store(true, std::memory_order_relaxed);
    eventfd_write(stop_fd_, 1);
    acceptor_.join();
    close(listen_fd_);
    close(stop_fd_);
    {
      const MutexLock lock(mu_);
      const absl::Time end = absl::Now() + options_.stop_timeout;
      while (requests_ > 0 && absl::Now() < end) {
        changed_.WaitFor(mu_, end - absl::Now());
      }
      is_ended_ = true;
    }
    changed_.NotifyAll();
    sweeper_.join();
    MHD_stop_daemon(daemon_);
  }

 private:
  // libmicrohttpd's own loop asks at once again when there is no descriptor for
  // a connection that waits, and so takes a whole processor.
  void AcceptAll() {
    while (WaitFor(listen_fd_)) {
      if (!HasRoom()) {
        WaitFor(-1);
        continue;
      }
      sockaddr_storage address{};
      socklen_t size = sizeof(address);
      auto* const from = reinterpret_cast<sockaddr*>(&address);
      const int fd =
          accept4(listen_fd_, from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd >= 0) {
        // It owns `fd` from here on, also if it refuses it.
        (void)MHD_add_connection(daemon_, fd, from, size);
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
                 errno == ENOMEM) {
        WaitFor(-1);
      }
    }
  }

  // Until `fd` is readable or, if it is -1, for kNoRoomWait. False: Stop() was
  // called.
  bool WaitFor(int fd) {
    pollfd ready[] = {{.fd = stop_fd_, .events = POLLIN},
                      {.fd = fd, .events = POLLIN}};
    poll(
        ready, std::size(ready),
        fd < 0 ? static_cast<int>(absl::ToInt64Milliseconds(kNoRoomWait)) : -1);
    return (ready[0].revents & POLLIN) == 0;
  }

  bool HasRoom() ABSL_LOCKS_EXCLUDED(mu_) {
    const MutexLock lock(mu_);
    return connections_.size() < options_.connections_max;
  }

  static void OnConnection(void* self, MHD_Connection* connection,
                           void** context,
                           MHD_ConnectionNotificationCode code) {
    auto& daemon = *static_cast<Daemon*>(self);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
      const MHD_ConnectionInfo* info = MHD_get_connection_info(
          connection, MHD_CONNECTION_INFO_CONNECTION_FD);
      auto* made =
          new Connection{.fd = info->connect_fd,
                         .deadline_ns = After(daemon.options_.request_timeout)};
      *context = made;
      daemon.Insert(made);
      return;
    }
    // The descriptor is closed after this call, so Sweep() never shuts down one
    // that is in use again.
    auto* ended = static_cast<Connection*>(*context);
    daemon.Erase(ended);
    delete ended;
  }

  static void* OnFirstLine(void* self, const char* target,
                           MHD_Connection* connection) {
    const auto& daemon = *static_cast<Daemon*>(self);
    if (Connection* its = ConnectionOf(connection)) {
      its->deadline_ns = After(daemon.options_.request_timeout);
      // Decoded, it would end the text of the path.
      its->has_nul = absl::StrContains(target, "%00");
    }
    return nullptr;
  }

  static MHD_Result OnRequest(void* self, MHD_Connection* connection,
                              const char* url, const char* method,
                              const char* version, const char* data,
                              size_t* data_bytes, void** context) {
    auto& daemon = *static_cast<Daemon*>(self);
    const size_t body_bytes_max = daemon.options_.body_bytes_max;
    if (*context == nullptr) {
      const std::optional<uid_t> user = daemon.options_.only_user;
      const Connection* const its = ConnectionOf(connection);
      if (user.has_value() && (its == nullptr || !IsFrom(its->fd, *user))) {
        return MHD_NO;
      }
      *context = new Request();
      daemon.CountRequest(1);
      // An answer now is sent before the body has come.
      const absl::string_view fault = FaultOf(connection, version);
      if (!fault.empty()) {
        return Queue(connection, AnswerOf(absl::InvalidArgumentError(fault)),
                     /*is_last=*/true);
      }
      return ClaimsMoreThan(connection, body_bytes_max)
                 ? daemon.TooLarge(connection)
                 : MHD_YES;
    }
    Request& request = *static_cast<Request*>(*context);
    if (*data_bytes > 0) {
      // A body without a Content-Length.
      if (*data_bytes > body_bytes_max - request.body.text().size())
        return MHD_NO;
      request.body.Append({data, *data_bytes});
      Wipe({data, *data_bytes});
      *data_bytes = 0;
      return MHD_YES;
    }
    std::vector<HttpHeader> headers;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, &CollectHeader,
                              &headers);
    std::vector<HttpHeader> arguments;
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &CollectHeader,
                              &arguments);
    HttpAnswer answer = daemon.handler_({.method = method,
                                         .path = PathOf(url),
                                         .arguments = arguments,
                                         .headers = headers,
                                         .body = request.body.text()});
    for (const HttpHeader& header : headers) {
      if (MayHoldKey(header.name)) {
        Wipe(header.value);
      }
    }
    // Read after the handler: Stop() may have begun meanwhile.
    return Queue(connection, std::move(answer),
                 daemon.stopping_.load(std::memory_order_relaxed));
  }

  MHD_Result TooLarge(MHD_Connection* connection) const {
    return Queue(
        connection,
        AnswerOf(absl::ResourceExhaustedError(absl::StrCat(
            "a body has at most ", options_.body_bytes_max, " bytes"))),
        /*is_last=*/true);
  }

  static void OnCompleted(void* self, MHD_Connection* connection,
                          void** context, MHD_RequestTerminationCode) {
    auto& daemon = *static_cast<Daemon*>(self);
    if (Connection* its = ConnectionOf(connection)) {
      its->deadline_ns = After(daemon.options_.idle_timeout);
    }
    // A request that ended within its headers was never counted.
    if (*context == nullptr) return;
    delete static_cast<Request*>(*context);
    *context = nullptr;
    daemon.CountRequest(-1);
  }

  void Insert(Connection* connection) ABSL_LOCKS_EXCLUDED(mu_) {
    const MutexLock lock(mu_);
    connections_.insert(connection);
  }
  void Erase(Connection* connection) ABSL_LOCKS_EXCLUDED(mu_) {
    const MutexLock lock(mu_);
    connections_.erase(connection);
  }

  void CountRequest(int by) ABSL_LOCKS_EXCLUDED(mu_) {
    const MutexLock lock(mu_);
    requests_ += by;
    if (requests_ == 0) changed_.NotifyAll();
  }

  // Shuts down connections whose deadline has passed: the thread that serves
  // one then sees it end.
  void Sweep() ABSL_LOCKS_EXCLUDED(mu_) {
    const MutexLock lock(mu_);
    while (!is_ended_) {
      changed_.WaitFor(mu_, kSweepEvery);
      const int64_t now = absl::GetCurrentTimeNanos();
      for (Connection* connection : connections_) {
        if (connection->deadline_ns <= now) {
          shutdown(connection->fd, SHUT_RDWR);
        }
      }
    }
  }

  // Constant after Start().
  const Handler handler_;
  const Options options_;
  MHD_Daemon* daemon_ = nullptr;
  int listen_fd_ = -1;
  int stop_fd_ = -1;  // readable once Stop() is called
  std::thread sweeper_;
  std::thread acceptor_;
  // Atomic.
  std::atomic<bool> stopping_{false};
  // Guarded by mu_.
  Mutex mu_;
  CondVar changed_;  // requests_ is 0, or is_ended_
  std::unordered_set<Connection*> connections_ ABSL_GUARDED_BY(mu_);
  int requests_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_ended_ ABSL_GUARDED_BY(mu_) = false;
};

HttpServer::HttpServer(std::unique_ptr<Daemon> daemon)
    : daemon_(std::move(daemon)) {}

HttpServer::~HttpServer() { Stop(); }

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    ListenSocket socket, Handler handler, const Options& options) {
  auto daemon = std::make_unique<Daemon>(std::move(handler), options);
  const int fd = socket.Release();
  if (!daemon->Start(fd)) {
    close(fd);
    return absl::UnavailableError(
        absl::StrCat(socket.address(), ": the server could not be started"));
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(daemon)));
}

void HttpServer::Stop() {
  if (daemon_ == nullptr) return;
  daemon_->Stop();
  daemon_.reset();
}

}  // namespace konpro
