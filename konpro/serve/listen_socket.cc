#include "konpro/serve/listen_socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace konpro {
namespace {

constexpr int kBacklog = 1'024;

absl::Status SystemError(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", strerror(errno)));
}

std::string TextOf(const sockaddr_storage& address, socklen_t size) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host,
                  sizeof(host), port, sizeof(port),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "";
  }
  return address.ss_family == AF_INET6 ? absl::StrCat("[", host, "]:", port)
                                       : absl::StrCat(host, ":", port);
}

bool IsLoopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
}

}  // namespace

ListenSocket::~ListenSocket() {
  if (fd_ >= 0) close(fd_);
}

ListenSocket::ListenSocket(ListenSocket&& other) noexcept
    : fd_(other.Release()),
      address_(std::move(other.address_)),
      is_loopback_(other.is_loopback_) {}

absl::StatusOr<ListenSocket> ListenTcp(absl::string_view address) {
  const absl::Status invalid = absl::InvalidArgumentError(
      absl::StrCat(address, ": not an address such as 127.0.0.1:8080"));
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return invalid;
  absl::string_view host = address.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[") != absl::ConsumeSuffix(&host, "]")) {
    return invalid;
  }
  // getaddrinfo() takes 65536 for 0.
  uint32_t port = 0;
  if (!absl::SimpleAtoi(address.substr(colon + 1), &port) || port > 65'535) {
    return invalid;
  }
  const addrinfo hints{
      .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
      .ai_socktype = SOCK_STREAM,
  };
  addrinfo* list = nullptr;
  if (host.empty() ||
      getaddrinfo(std::string(host).c_str(), absl::StrCat(port).c_str(), &hints,
                  &list) != 0) {
    return invalid;
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> found(list,
                                                             freeaddrinfo);
  const int fd =
      socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return SystemError(address);
  ListenSocket made(fd, "");
  const int on = 1;
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      bind(fd, found->ai_addr, found->ai_addrlen) != 0 ||
      listen(fd, kBacklog) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return SystemError(address);
  }
  made.address_ = TextOf(bound, size);
  made.is_loopback_ = IsLoopback(bound);
  return made;
}

absl::StatusOr<ListenSocket> ListenUnix(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": a socket's path has at most ",
                     sizeof(address.sun_path) - 1, " bytes"));
  }
  memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return SystemError(path);
  ListenSocket made(fd, path);
  // Another file is not ours to remove.
  struct stat old;
  if (lstat(path.c_str(), &old) == 0 && S_ISSOCK(old.st_mode)) {
    unlink(path.c_str());
  }
  // bind() gives the file the mode of its descriptor: there is no moment in
  // which others could connect.
  if (fchmod(fd, 0600) != 0 ||
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
          0 ||
      listen(fd, kBacklog) != 0) {
    return SystemError(path);
  }
  return made;
}

}  // namespace konpro
