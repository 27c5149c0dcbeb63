// A folder for Unix sockets, whose paths have at most 107 bytes: the test's own
// folder may have a longer path. It is removed in the end.
#ifndef KONPRO_TESTS_TESTING_SOCKET_FOLDER_H_
#define KONPRO_TESTS_TESTING_SOCKET_FOLDER_H_

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace konpro::testing {

class SocketFolder {
 public:
  SocketFolder() { path_ = mkdtemp(path_.data()); }
  ~SocketFolder() { std::filesystem::remove_all(path_); }
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/konpro_XXXXXX";
};

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_SOCKET_FOLDER_H_
