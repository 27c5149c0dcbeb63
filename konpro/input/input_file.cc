#include "konpro/input/input_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace konpro {
namespace {

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";

// The size of a regular file, or -1.
int64_t FileSize(const std::string& path) {
  struct stat status;
  if (path == "-" || stat(path.c_str(), &status) != 0 ||
      !S_ISREG(status.st_mode)) {
    return -1;
  }
  return status.st_size;
}

}  // namespace

InputFile::InputFile(const std::string& path, std::istream& in,
                     std::ostream* progress_out)
    : path_(path), in_(&in), progress_(progress_out, FileSize(path)) {
  block_.resize(kBlockBytes);
  if (path == "-") return;
  errno = 0;
  file_.open(path, std::ios::binary);
  in_ = &file_;
  failed_ = !file_;
  errno_ = errno;
  struct stat status;
  if (!failed_ && stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    failed_ = true;
    errno_ = EISDIR;
  }
}

absl::string_view InputFile::Peek() {
  if (peeked_.empty()) peeked_ = Read();
  return peeked_;
}

absl::string_view InputFile::Read() {
  if (!peeked_.empty()) return std::exchange(peeked_, {});
  if (failed_) return {};
  errno = 0;
  in_->read(block_.data(), static_cast<std::streamsize>(block_.size()));
  if (in_->bad()) {
    failed_ = true;
    errno_ = errno;
    return {};
  }
  absl::string_view block(block_.data(), static_cast<size_t>(in_->gcount()));
  progress_.Advance(static_cast<int64_t>(block.size()));
  if (block.empty()) progress_.Clear();
  if (std::exchange(first_, false) &&
      block.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    block.remove_prefix(kByteOrderMark.size());
    // An input of a mark alone: the next block says whether more follows.
    if (block.empty()) return Read();
  }
  return block;
}

std::string InputFile::error() const {
  if (!failed_) return "";
  return absl::StrCat("cannot be read: ",
                      errno_ != 0 ? std::strerror(errno_) : "input error");
}

absl::StatusOr<std::string> ReadWholeInput(const std::string& path,
                                           std::istream& in, size_t bytes_max) {
  InputFile input(path, in, /*progress_out=*/nullptr);
  std::string text;
  for (absl::string_view block = input.Read(); !block.empty();
       block = input.Read()) {
    text.append(block.data(), block.size());
    if (text.size() > bytes_max) {
      return absl::InvalidArgumentError(
          absl::StrCat("more than ", bytes_max, " bytes"));
    }
  }
  if (!input.error().empty()) return absl::NotFoundError(input.error());
  return text;
}

}  // namespace konpro
