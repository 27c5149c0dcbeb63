#include "konpro/base/internal/replaced_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace konpro::internal {
namespace {

// A new file: one that was left by a crash, or made by another user, is not
// written to, and no link is followed.
int MakeFile(const std::string& path, mode_t mode) {
  unlink(path.c_str());
  return open(path.c_str(),
              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
}

}  // namespace

ReplacedFile::ReplacedFile(std::string path, std::string temporary_path,
                           mode_t mode)
    : path_(std::move(path)),
      temporary_path_(std::move(temporary_path)),
      fd_(MakeFile(temporary_path_, mode)) {
  if (fd_ < 0) Failed();
}

ReplacedFile::~ReplacedFile() {
  if (fd_ < 0) return;
  close(fd_);
  if (!is_committed_) unlink(temporary_path_.c_str());
}

bool ReplacedFile::Write(absl::string_view bytes) {
  if (errno_ != 0) return false;
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed();
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

absl::Status ReplacedFile::Commit() {
  if (errno_ == 0) {
    is_committed_ = (fsync(fd_) == 0 &&
                     rename(temporary_path_.c_str(), path_.c_str()) == 0) ||
                    Failed();
  }
  if (is_committed_) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(path_, ": cannot be written: ", strerror(errno_)));
}

bool ReplacedFile::Failed() {
  errno_ = errno;
  return false;
}

}  // namespace konpro::internal
