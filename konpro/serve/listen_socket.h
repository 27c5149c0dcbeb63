// Sockets that listen, before anybody serves them.
//
//   ListenSocket socket = *ListenTcp("127.0.0.1:0");
//   socket.address()                       // "127.0.0.1:41235"
//   ListenUnix("/var/lib/konpro/credits.db.sock");    // mode 0600
//
// Thread safety: thread-compatible. ListenUnix() sets the process's umask for a
// moment: call it before there are threads that make files.
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
  // Whose it is from now on.
  int Release() { return std::exchange(fd_, -1); }

 private:
  friend absl::StatusOr<ListenSocket> ListenTcp(absl::string_view address);

  int fd_;
  std::string address_;
  bool is_loopback_ = true;
};

// "ADDRESS:PORT", an address in digits ("[::1]:8080" of IPv6); port 0 takes one
// that is free. kInvalidArgument: it is none such. kUnavailable: the address
// cannot be had.
absl::StatusOr<ListenSocket> ListenTcp(absl::string_view address);

// Only the file's owner can connect. A socket that was left at `path` is
// replaced: whoever calls this knows that nobody serves it. kInvalidArgument:
// the path is too long for a socket. kUnavailable: it cannot be made.
absl::StatusOr<ListenSocket> ListenUnix(const std::string& path);

}  // namespace konpro

#endif  // KONPRO_SERVE_LISTEN_SOCKET_H_
