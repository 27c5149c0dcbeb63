#include "konpro/serve/limits_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "konpro/limits/limiter_image.h"

namespace konpro {
namespace {

constexpr int kFlags = O_RDWR | O_NOFOLLOW | O_CLOEXEC;

absl::Status SystemError(absl::string_view path, absl::string_view what,
                         int error) {
  const std::string text =
      absl::StrCat(path, ": ", what, ": ", strerror(error));
  return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(text)
                                            : absl::UnavailableError(text);
}

// The process holds the lock until the file is closed, however it ends.
absl::Status Lock(int fd, const std::string& path) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (errno == EWOULDBLOCK) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": another process has it open"));
  }
  return SystemError(path, "cannot be locked", errno);
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = fd >= 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  return done ? absl::OkStatus()
              : SystemError(folder, "cannot be written", error);
}

}  // namespace

// What an earlier life left, read whole and locked. It is not mapped: a page
// that the disk cannot read, or a file that becomes shorter, is an error of
// pread() and the end of the process in a mapping.
class LimitsFile::Earlier {
 public:
  Earlier(const Earlier&) = delete;
  Earlier& operator=(const Earlier&) = delete;
  ~Earlier() { close(fd_); }

  // The file at `path`, or null if there is none.
  static absl::StatusOr<std::unique_ptr<Earlier>> Read(const std::string& path);

  absl::Span<char> bytes() { return absl::MakeSpan(bytes_); }

 private:
  explicit Earlier(int fd) : fd_(fd) {}

  absl::Status CheckAndLock(const std::string& path, struct stat& opened) const;
  absl::Status ReadAll(const std::string& path, size_t size);

  const int fd_;
  std::vector<char> bytes_;
};

absl::StatusOr<std::unique_ptr<LimitsFile::Earlier>> LimitsFile::Earlier::Read(
    const std::string& path) {
  const int fd = open(path.c_str(), kFlags);
  if (fd < 0 && errno == ENOENT) return nullptr;
  if (fd < 0 && errno == ELOOP) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is a symbolic link, which is not followed"));
  }
  if (fd < 0) return SystemError(path, "cannot be opened", errno);
  std::unique_ptr<Earlier> file(new Earlier(fd));
  struct stat opened = {};
  absl::Status status = file->CheckAndLock(path, opened);
  if (status.ok()) {
    status = file->ReadAll(path, static_cast<size_t>(opened.st_size));
  }
  if (!status.ok()) return status;
  return file;
}

absl::Status LimitsFile::Earlier::CheckAndLock(const std::string& path,
                                               struct stat& opened) const {
  if (fstat(fd_, &opened) != 0 || !S_ISREG(opened.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is not a regular file"));
  }
  if (opened.st_uid != geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is another user's"));
  }
  const absl::Status locked = Lock(fd_, path);
  if (!locked.ok()) return locked;
  // Another process may have replaced it before the lock was free.
  struct stat named = {};
  if (lstat(path.c_str(), &named) != 0 || named.st_ino != opened.st_ino ||
      named.st_dev != opened.st_dev) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": another process has it open"));
  }
  return absl::OkStatus();
}

absl::Status LimitsFile::Earlier::ReadAll(const std::string& path,
                                          size_t size) {
  bytes_.resize(size);
  size_t done = 0;
  while (done < size) {
    const ssize_t count =
        pread(fd_, bytes_.data() + done, size - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError(path, "cannot be read", errno);
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  bytes_.resize(done);
  return absl::OkStatus();
}

// A file that is mapped and locked.
class LimitsFile::Mapping {
 public:
  Mapping(int fd, size_t bytes)
      : fd_(fd),
        bytes_(bytes),
        data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) {
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (is_mapped()) munmap(data_, bytes_);
    close(fd_);
  }

  // A new one of zeros, whose room on the disk is taken.
  static absl::StatusOr<std::unique_ptr<Mapping>> New(const std::string& path,
                                                      size_t bytes);

  bool is_mapped() const { return data_ != MAP_FAILED; }
  absl::Span<char> bytes() const { return {static_cast<char*>(data_), bytes_}; }
  // Writes the pages of `part`.
  void Flush(absl::Span<const char> part) {
    constexpr uintptr_t kPage = 4'096;
    const uintptr_t begin = reinterpret_cast<uintptr_t>(part.data());
    const uintptr_t page = begin / kPage * kPage;
    if (msync(reinterpret_cast<void*>(page), begin + part.size() - page,
              MS_SYNC) != 0) {
      error_.store(errno, std::memory_order_relaxed);
    }
  }
  // All of them; the error of the last write that failed is gone, or it is this
  // one's.
  void FlushAll() {
    error_.store(0, std::memory_order_relaxed);
    Flush(bytes());
  }
  // Of the last write: 0, or an errno.
  int error() const { return error_.load(std::memory_order_relaxed); }

 private:
  const int fd_;
  const size_t bytes_;
  void* const data_;
  std::atomic<int> error_{0};  // relaxed: it orders nothing
};

absl::StatusOr<std::unique_ptr<LimitsFile::Mapping>> LimitsFile::Mapping::New(
    const std::string& path, size_t bytes) {
  // What an earlier life left before it was complete; a link is removed, not
  // followed.
  unlink(path.c_str());
  const int fd = open(path.c_str(), kFlags | O_CREAT | O_EXCL, 0600);
  if (fd < 0) return SystemError(path, "cannot be made", errno);
  absl::Status status = Lock(fd, path);
  if (status.ok()) {
    const int error = posix_fallocate(fd, 0, static_cast<off_t>(bytes));
    if (error != 0) {
      status = SystemError(
          path, absl::StrCat("no room for its ", bytes, " bytes"), error);
    }
  }
  if (!status.ok()) {
    close(fd);
    unlink(path.c_str());
    return status;
  }
  auto mapping = std::make_unique<Mapping>(fd, bytes);
  if (!mapping->is_mapped()) {
    status = SystemError(path, "cannot be mapped", errno);
    unlink(path.c_str());
    return status;
  }
  return mapping;
}

LimitsFile::LimitsFile(std::string path, std::unique_ptr<Mapping> mapping,
                       std::unique_ptr<LimiterRegistry> registry, bool is_new)
    : path_(std::move(path)),
      mapping_(std::move(mapping)),
      registry_(std::move(registry)),
      is_new_(is_new) {}

LimitsFile::~LimitsFile() = default;

absl::StatusOr<std::unique_ptr<LimitsFile>> LimitsFile::Open(
    const std::string& path, const Options& options) {
  const absl::StatusOr<std::unique_ptr<Earlier>> old = Earlier::Read(path);
  if (!old.ok()) return old.status();
  std::optional<LimiterImage> image;
  if (*old != nullptr) {
    const absl::Span<char> bytes = (*old)->bytes();
    // Too short a file has no owner, and is no image either.
    bool is_whole = false;
    if (bytes.size() >= LimiterImage::BytesFor(1)) {
      const absl::Span<const char> owner = LimiterImage::Owner(bytes);
      is_whole = !options.boot_id.empty() &&
                 absl::string_view(owner.data(),
                                   strnlen(owner.data(), owner.size())) ==
                     options.boot_id;
    }
    absl::StatusOr<LimiterImage> read = LimiterImage::Read(bytes, is_whole);
    if (!read.ok()) {
      return absl::Status(
          read.status().code(),
          absl::StrCat(path, ": ", read.status().message(),
                       ". It says what each account has used of its rate "
                       "limits. Restore it from a copy, or move it away: then "
                       "all rate windows start fresh"));
    }
    image.emplace(*std::move(read));
  }
  const std::string new_path = path + ".new";
  absl::StatusOr<std::unique_ptr<Mapping>> mapping =
      Mapping::New(new_path, LimiterImage::BytesFor(options.capacity));
  if (!mapping.ok()) return mapping.status();
  Mapping* const mapped = mapping->get();
  absl::StatusOr<std::unique_ptr<LimiterRegistry>> registry =
      LimiterRegistry::Create(
          {.capacity = options.capacity,
           .memory = {.bytes = mapped->bytes(),
                      .flush = [mapped](absl::Span<const char> part) {
                        mapped->Flush(part);
                      }}});
  absl::Status status = registry.status();
  if (status.ok() && image.has_value()) {
    (*registry)->RaiseFreshSince(image->fresh_since());
    for (const std::string& id : options.accounts) {
      const std::optional<LimiterImage::Account> account = image->Find(id);
      if (!account.has_value()) continue;
      status = (*registry)->Restore(
          {.id = id, .windows = account->windows, .state = account->state});
      if (!status.ok()) break;
    }
  }
  if (status.ok()) {
    const absl::Span<char> owner = LimiterImage::Owner(mapped->bytes());
    std::copy_n(options.boot_id.begin(),
                std::min(options.boot_id.size(), owner.size()), owner.begin());
    auto file = std::unique_ptr<LimitsFile>(
        new LimitsFile(path, *std::move(mapping), *std::move(registry),
                       /*is_new=*/!image.has_value()));
    status = file->Sync();
    if (status.ok() && rename(new_path.c_str(), path.c_str()) != 0) {
      status = SystemError(path, "cannot be replaced", errno);
    }
    if (status.ok()) status = SyncFolderOf(path);
    if (status.ok()) return file;
  }
  unlink(new_path.c_str());
  return status;
}

absl::Status LimitsFile::Sync() {
  const size_t accounts = LimiterImage::Accounts(mapping_->bytes());
  mapping_->FlushAll();
  absl::Status written = status();
  if (written.ok()) LimiterImage::NoteSynced(mapping_->bytes(), accounts);
  return written;
}

absl::Status LimitsFile::status() const {
  const int error = mapping_->error();
  return error == 0 ? absl::OkStatus()
                    : SystemError(path_, "cannot be written", error);
}

absl::Status LimitsFile::Close() {
  // The machine may fail at any time: what the seal vouches for is on the disk
  // before it.
  const absl::Status synced = Sync();
  if (!synced.ok()) return synced;
  LimiterImage::Seal(mapping_->bytes());
  return Sync();
}

std::string LimitsFile::CurrentBootId() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(in, id);
  return id;
}

}  // namespace konpro
