#include "konpro/input/input.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace konpro::cli {
namespace {

constexpr absl::Duration kRedraw = absl::Milliseconds(100);
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

bool InputErrors::Counted() { return ++count_ > shown_max_; }

void InputErrors::Add(int64_t line, int64_t column, absl::string_view what) {
  if (!Counted()) Note(line, column, what);
}

void InputErrors::AddForFile(absl::string_view what) {
  if (!Counted()) NoteForFile(what);
}

void InputErrors::Note(int64_t line, int64_t column, absl::string_view what) {
  err_ << file_ << ":" << line << ":" << column << ": " << what << "\n";
}

void InputErrors::NoteForFile(absl::string_view what) {
  err_ << file_ << ": " << what << "\n";
}

void InputErrors::Finish() {
  if (count_ <= shown_max_) return;
  err_ << file_ << ": and " << count_ - shown_max_ << " more errors\n";
}

void Progress::Draw() {
  const absl::Time now = absl::Now();
  if (now < next_draw_) return;
  next_draw_ = now + kRedraw;
  std::string bar = unit_.empty() ? absl::StrCat("\r", done_ >> 20, " MiB read")
                                  : absl::StrCat("\r", done_, " ", unit_);
  if (total_ > 0) {
    constexpr int64_t kCells = 40;
    const int64_t cells = std::min(kCells, done_ * kCells / total_);
    absl::StrAppend(&bar, " [", std::string(cells, '#'),
                    std::string(kCells - cells, '.'), "] ",
                    std::min<int64_t>(100, done_ * 100 / total_), "%");
  }
  *out_ << bar << std::flush;
  drawn_ = true;
}

void Progress::Clear() {
  if (drawn_) *out_ << "\r\033[K" << std::flush;
  drawn_ = false;
}

Input::Input(const std::string& path, std::istream& in,
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

absl::string_view Input::Peek() {
  if (peeked_.empty()) peeked_ = Read();
  return peeked_;
}

absl::string_view Input::Read() {
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

std::string Input::error() const {
  if (!failed_) return "";
  return absl::StrCat("cannot be read: ",
                      errno_ != 0 ? std::strerror(errno_) : "input error");
}

bool LineReader::Next(absl::string_view& line) {
  carried_.clear();
  ++line_number_;
  while (true) {
    if (rest_.empty()) rest_ = input_.Read();
    const size_t end = rest_.find('\n');
    const size_t taken = end == rest_.npos ? rest_.size() : end + 1;
    if (carried_.size() + taken > kLineBytesMax) {
      too_long_ = true;
      return false;
    }
    const absl::string_view part = rest_.substr(0, taken);
    rest_.remove_prefix(taken);
    if (end != rest_.npos && carried_.empty()) {
      line = part;
      return true;
    }
    carried_.append(part.data(), part.size());
    if (end != rest_.npos || part.empty()) {
      line = carried_;
      return !carried_.empty();
    }
  }
}

}  // namespace konpro::cli
