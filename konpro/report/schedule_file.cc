#include "konpro/report/schedule_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/input/progress_bar.h"

namespace konpro {
namespace {

constexpr size_t kBlockBytes = size_t{256} << 10;

// A file that appears under its name when it is complete, or never does.
class NewFile {
 public:
  explicit NewFile(std::string path)
      : path_(std::move(path)), temporary_(path_ + ".XXXXXX") {
    const int descriptor = mkstemp(temporary_.data());
    if (descriptor >= 0) file_ = fdopen(descriptor, "wb");
    errno_ = errno;
  }
  ~NewFile() {
    if (file_ == nullptr) return;
    std::fclose(file_);
    unlink(temporary_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  bool Write(absl::string_view bytes) {
    if (file_ == nullptr) return false;
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size()) {
      return true;
    }
    errno_ = errno;
    return false;
  }

  // Gives it its name, and the permissions of any new file.
  bool Finish() {
    if (file_ == nullptr) return false;
    const mode_t mask = umask(0);
    umask(mask);
    const bool written = fchmod(fileno(file_), 0666 & ~mask) == 0 &&
                         std::fflush(file_) == 0 && fsync(fileno(file_)) == 0 &&
                         std::rename(temporary_.c_str(), path_.c_str()) == 0;
    errno_ = errno;
    if (!written) return false;
    std::fclose(std::exchange(file_, nullptr));
    return true;
  }

  absl::Status Error() const {
    return absl::UnavailableError(
        absl::StrCat(path_, ": cannot be written: ", std::strerror(errno_)));
  }

 private:
  std::string path_;
  std::string temporary_;
  std::FILE* file_ = nullptr;
  int errno_ = 0;
};

}  // namespace

absl::Status WriteScheduleFile(const std::string& path,
                               const Schedule& schedule,
                               std::ostream* progress) {
  if (schedule.requests() > static_cast<uint64_t>(kScheduleRowsMax)) {
    return absl::OutOfRangeError(
        absl::StrCat(path, ": a schedule has at most ", kScheduleRowsMax,
                     " requests, not ", schedule.requests()));
  }
  if (schedule.last().never()) {
    return absl::OutOfRangeError(absl::StrCat(
        path, ": some requests can never be submitted: no schedule"));
  }
  NewFile file(path);
  // The share of requests stands for the share of bytes.
  ProgressBar bar(progress, static_cast<int64_t>(schedule.requests()),
                  "requests");
  std::string block = "request,submit_at,waits_for\n";
  int64_t number = 0;
  int64_t shown = 0;
  Submission last;
  std::string tail;
  for (const Submission& submission : schedule.Submissions()) {
    // Many go out together.
    if (number == 0 || !(submission == last)) {
      last = submission;
      tail = absl::StrCat(
          ",", internal::FormatRfc3339(submission.at.ToTime()), ",",
          submission.binding_window.has_value()
              ? schedule.windows().window(*submission.binding_window).name()
              : "",
          "\n");
    }
    absl::StrAppend(&block, ++number, tail);
    if (block.size() < kBlockBytes) continue;
    if (!file.Write(block)) return file.Error();
    block.clear();
    bar.Advance(number - std::exchange(shown, number));
  }
  if (!file.Write(block) || !file.Finish()) return file.Error();
  return absl::OkStatus();
}

}  // namespace konpro
