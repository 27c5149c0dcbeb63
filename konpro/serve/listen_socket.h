// Sockets that listen, before a server accepts their connections.
//
//   ListenSocket socket = *ListenTcp("127.0.0.1:0");
//   socket.address()                       // "127.0.0.1:41235"
//   ListenUnix("/var/lib/konpro/credits.db.sock");    // mode 0600
//
// Thread safety: thread-compatible.
#ifndef KONPRO_SERVE_LISTEN_SOCKET_H_
#define KONPRO_SERVE_LISTEN_SOCKET_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace konpro {

class ListenSocket {
 public:
  ListenSocket(int fd, std::string address)
      : fd_(fd), address_(std::move(address)) {}
  ~ListenSocket();
  ListenSocket(ListenSocket&& other) noexcept;
  ListenSocket& operator=(ListenSocket&&) = delete;

  const std::string& address() const { return address_; }
  bool is_loopback() const { return is_loopback_; }
  // Gives the descriptor to the caller.
  int Release() { return std::exchange(fd_, -1); }

 private:
  friend absl::StatusOr<ListenSocket> ListenTcp(absl::string_view address);

  int fd_;
  std::string address_;
  bool is_loopback_ = true;
};

// `address` is "ADDRESS:PORT" with the address in digits; "[::1]:8080" for
// IPv6. Port 0 takes a free one. kInvalidArgument: it has another form.
// kUnavailable: the system refuses the address, or it is in use.
absl::StatusOr<ListenSocket> ListenTcp(absl::string_view address);

// Only the file's owner can connect. A socket that is at `path` is replaced.
// kInvalidArgument: the path is too long for a socket. kUnavailable: the socket
// cannot be made.
// REQUIRES: no server uses the socket at `path`.
absl::StatusOr<ListenSocket> ListenUnix(const std::string& path);

}  // namespace konpro

#endif  // KONPRO_SERVE_LISTEN_SOCKET_H_
