#include "konpro/input/internal/request_sorter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <queue>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace konpro {
namespace {

constexpr size_t kBlockBytes = size_t{64} << 10;

// A request as bytes of this process, which nobody else reads: this header,
// then the account.
struct Header {
  int64_t at = 0;
  uint64_t number = 0;
  int64_t line = 0;
  int64_t column = 0;
  const Operation* operation = nullptr;
  int64_t quantity = 0;
  uint32_t account_bytes = 0;
  bool has_quantity = false;
};

void Append(const TraceRequest& request, const RowPlace& place, uint64_t number,
            std::string& out) {
  const Header header = {
      .at = request.at.nanos(),
      .number = number,
      .line = place.line,
      .column = place.column,
      .operation = request.operation,
      .quantity = request.quantity.value_or(0),
      .account_bytes = static_cast<uint32_t>(request.account.size()),
      .has_quantity = request.quantity.has_value()};
  char bytes[sizeof(Header)];
  std::memcpy(bytes, &header, sizeof(header));
  out.append(bytes, sizeof(bytes));
  out.append(request.account.data(), request.account.size());
}

Header HeaderOf(absl::string_view bytes) {
  Header header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  return header;
}

// The request whose bytes begin `bytes`.
TraceRequest RequestOf(const Header& header, absl::string_view bytes) {
  return {.at = UnixNanos::FromNanos(header.at),
          .account = bytes.substr(sizeof(Header), header.account_bytes),
          .operation = header.operation,
          .quantity = header.has_quantity
                          ? std::optional<int64_t>(header.quantity)
                          : std::nullopt};
}

const char* TemporaryFolder() {
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

absl::Status FileError(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(
      "cannot ", what, " a temporary file in ", TemporaryFolder(),
      ", in which rows out of order are sorted: ", std::strerror(errno)));
}

}  // namespace

// One run of the file, read from its begin through a block.
class RequestSorter::Run {
 public:
  Run(int file, int64_t begin, int64_t end)
      : file_(file), next_(begin), end_(end) {}

  const Header& header() const { return header_; }
  TraceRequest request() const { return RequestOf(header_, rest()); }

  // The next request; nullopt at the end.
  absl::Status Next(bool& found) {
    at_ += size_;
    size_ = 0;
    found = false;
    absl::Status filled = Fill(sizeof(Header));
    if (!filled.ok() || rest().empty()) return filled;
    header_ = HeaderOf(rest());
    size_ = sizeof(Header) + header_.account_bytes;
    filled = Fill(size_);
    found = filled.ok();
    return filled;
  }

 private:
  absl::string_view rest() const {
    return absl::string_view(block_).substr(at_);
  }

  // Makes `size` bytes of the run available in rest(), unless it has ended.
  absl::Status Fill(size_t size) {
    if (rest().size() >= size || next_ == end_) return absl::OkStatus();
    block_.erase(0, at_);
    at_ = 0;
    const size_t wanted = std::max(kBlockBytes, size);
    while (block_.size() < wanted && next_ < end_) {
      const size_t had = block_.size();
      block_.resize(had + std::min<size_t>(wanted - had,
                                           static_cast<size_t>(end_ - next_)));
      const ssize_t got =
          pread(file_, &block_[had], block_.size() - had, next_);
      block_.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return FileError("read");
      next_ += got;
    }
    return absl::OkStatus();
  }

  const int file_;
  int64_t next_;
  const int64_t end_;
  std::string block_;
  // The request that Next() found begins there and has that many bytes.
  size_t at_ = 0;
  size_t size_ = 0;
  Header header_;
};

RequestSorter::~RequestSorter() {
  if (file_ >= 0) close(file_);
}

absl::Status RequestSorter::Add(const TraceRequest& request,
                                const RowPlace& place) {
  Entry entry = {.at = request.at, .number = number_, .offset = bytes_.size()};
  Append(request, place, number_++, bytes_);
  entry.size = bytes_.size() - entry.offset;
  entries_.push_back(entry);
  return bytes_.size() + entries_.size() * sizeof(Entry) < memory_bytes_max_
             ? absl::OkStatus()
             : Spill();
}

void RequestSorter::Sort() {
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) {
              return a.at != b.at ? a.at < b.at : a.number < b.number;
            });
}

absl::Status RequestSorter::Write(const std::string& block) {
  size_t written = 0;
  while (written < block.size()) {
    const ssize_t now =
        write(file_, block.data() + written, block.size() - written);
    if (now < 0 && errno == EINTR) continue;
    if (now < 0) return FileError("write");
    written += static_cast<size_t>(now);
  }
  return absl::OkStatus();
}

absl::Status RequestSorter::Spill() {
  if (run_ends_.size() == kRunsMax) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "rows out of order are more than can be sorted: ", kRunsMax, " times ",
        memory_bytes_max_, " bytes"));
  }
  if (file_ < 0) {
    std::string path = absl::StrCat(TemporaryFolder(), "/konpro-XXXXXX");
    file_ = mkostemp(path.data(), O_CLOEXEC);
    if (file_ < 0) return FileError("create");
    unlink(path.c_str());
  }
  Sort();
  std::string block;
  int64_t end = run_ends_.empty() ? 0 : run_ends_.back();
  for (const Entry& entry : entries_) {
    block.append(bytes_, entry.offset, entry.size);
    end += static_cast<int64_t>(entry.size);
    if (block.size() < kBlockBytes) continue;
    absl::Status written = Write(block);
    if (!written.ok()) return written;
    block.clear();
  }
  absl::Status written = Write(block);
  if (!written.ok()) return written;
  run_ends_.push_back(end);
  bytes_.clear();
  entries_.clear();
  return absl::OkStatus();
}

absl::Status RequestSorter::ForEach(
    absl::FunctionRef<void(const TraceRequest&, const RowPlace&)> request) {
  if (run_ends_.empty()) {
    Sort();
    for (const Entry& entry : entries_) {
      const absl::string_view bytes(bytes_.data() + entry.offset, entry.size);
      const Header header = HeaderOf(bytes);
      request(RequestOf(header, bytes), {header.line, header.column});
    }
    return absl::OkStatus();
  }
  if (!entries_.empty()) {
    absl::Status spilled = Spill();
    if (!spilled.ok()) return spilled;
  }
  std::string().swap(bytes_);
  std::vector<Entry>().swap(entries_);

  std::vector<std::unique_ptr<Run>> runs;
  const auto later = [](const Run* a, const Run* b) {
    return a->header().at != b->header().at
               ? a->header().at > b->header().at
               : a->header().number > b->header().number;
  };
  std::priority_queue<Run*, std::vector<Run*>, decltype(later)> queue(later);
  int64_t begin = 0;
  for (const int64_t end : run_ends_) {
    runs.push_back(
        std::make_unique<Run>(file_, std::exchange(begin, end), end));
    bool found = false;
    const absl::Status status = runs.back()->Next(found);
    if (!status.ok()) return status;
    if (found) queue.push(runs.back().get());
  }
  while (!queue.empty()) {
    Run* const run = queue.top();
    queue.pop();
    request(run->request(), {run->header().line, run->header().column});
    bool found = false;
    const absl::Status status = run->Next(found);
    if (!status.ok()) return status;
    if (found) queue.push(run);
  }
  return absl::OkStatus();
}

}  // namespace konpro
