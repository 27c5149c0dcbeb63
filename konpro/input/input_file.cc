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

// What an input that begins with `begin` is, if that is no text in UTF-8, and
// what to do about it; else "".
absl::string_view ForeignForm(absl::string_view begin) {
  constexpr absl::string_view kUtf16 =
      "UTF-16: save it as UTF-8, or convert it by iconv -f UTF-16 -t UTF-8";
  static constexpr struct {
    absl::string_view first_bytes;
    absl::string_view what;
  } kForms[] = {
      {{"\xFF\xFE\0\0", 4}, "UTF-32: save it as UTF-8"},
      {{"\0\0\xFE\xFF", 4}, "UTF-32: save it as UTF-8"},
      {"\x1F\x8B", "gzip: decompress it first, by gzip -dc"},
      {"BZh91AY", "bzip2: decompress it first, by bzip2 -dc"},
      {{"\xFD"
        "7zXZ\0",
        6},
       "xz: decompress it first, by xz -dc"},
      {"\x28\xB5\x2F\xFD", "zstd: decompress it first, by zstd -dc"},
      {"PK\x03\x04",
       "zip: unpack it first, or save the sheet as CSV if it is a spreadsheet "
       "(.xlsx, .ods)"},
      {"\xD0\xCF\x11\xE0", "a spreadsheet (.xls): save the sheet as CSV"},
      {"%PDF-", "a PDF"},
  };
  for (const auto& form : kForms) {
    if (begin.substr(0, form.first_bytes.size()) == form.first_bytes) {
      return form.what;
    }
  }
  // UTF-16, with a mark or without: text in which every other byte is zero.
  // What konpro reads begins with ASCII.
  const auto is_text = [&](size_t i) {
    return begin[i] == '\t' || begin[i] == '\r' || begin[i] == '\n' ||
           (begin[i] >= ' ' && begin[i] <= '~');
  };
  for (absl::string_view mark : {"", "\xFF\xFE", "\xFE\xFF"}) {
    if (begin.substr(0, mark.size()) != mark) continue;
    const size_t at = mark.size();
    if (!mark.empty() && begin.size() == at) return kUtf16;
    for (size_t zero : {at, at + 1}) {
      const size_t text = 2 * at + 1 - zero;
      if (begin.size() >= at + 2 && begin[zero] == '\0' && is_text(text) &&
          (!mark.empty() || (begin.size() >= 4 && begin[zero + 2] == '\0' &&
                             is_text(text + 2)))) {
        return kUtf16;
      }
    }
  }
  return "";
}

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
  if (!std::exchange(first_, false)) return block;
  foreign_form_ = ForeignForm(block);
  if (!foreign_form_.empty()) {
    failed_ = true;
    progress_.Clear();
    return {};
  }
  if (block.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    block.remove_prefix(kByteOrderMark.size());
    // An input of a mark alone: the next block says whether more follows.
    if (block.empty()) return Read();
  }
  return block;
}

std::string InputFile::error() const {
  if (!failed_) return "";
  if (!foreign_form_.empty()) {
    return absl::StrCat("cannot be read: it is ", foreign_form_);
  }
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

absl::StatusOr<std::string> ReadText(const std::string& path, std::istream& in,
                                     size_t bytes_max) {
  InputFile input(path, in, /*progress_out=*/nullptr);
  std::string text;
  while (text.size() <= bytes_max) {
    const absl::string_view block = input.Read();
    if (block.empty()) break;
    text.append(block.data(), block.size());
  }
  if (!input.error().empty()) {
    return absl::NotFoundError(absl::StrCat(path, ": ", input.error()));
  }
  return text;
}

}  // namespace konpro
