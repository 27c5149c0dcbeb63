#include "konpro/serve/limits_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "konpro/access/limiter_snapshot.h"
#include "konpro/base/internal/replaced_file.h"
#include "proto/limiter.pb.h"

namespace konpro {
namespace {

using google::protobuf::io::FileInputStream;
using google::protobuf::io::FileOutputStream;
using google::protobuf::util::ParseDelimitedFromZeroCopyStream;
using google::protobuf::util::SerializeDelimitedToZeroCopyStream;

absl::Status SystemError(const std::string& path) {
  return absl::UnavailableError(absl::StrCat(path, ": ", strerror(errno)));
}

}  // namespace

absl::Status SaveLimits(LimiterRegistry& registry, const std::string& path) {
  internal::ReplacedFile file(path, path + ".new", 0600);
  bool written = file.fd() >= 0;
  if (written) {
    FileOutputStream out(file.fd());
    SnapshotLimiter(registry, [&](const v1::LimiterSnapshot& part) {
      written = written && SerializeDelimitedToZeroCopyStream(part, &out);
    });
    written = out.Flush() && written;
    if (!written) {
      return absl::UnavailableError(absl::StrCat(
          path, ": cannot be written: ", strerror(out.GetErrno())));
    }
  }
  return file.Commit();
}

absl::Status RestoreLimits(const std::string& path, LimiterRegistry& registry) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return errno == ENOENT ? absl::OkStatus() : SystemError(path);
  }
  FileInputStream in(fd);
  in.SetCloseOnDelete(true);
  for (;;) {
    v1::LimiterSnapshot part;
    bool is_end = false;
    if (!ParseDelimitedFromZeroCopyStream(&part, &in, &is_end)) {
      if (is_end) return absl::OkStatus();
      return absl::DataLossError(absl::StrCat(
          path, ": not a file of limits; without it all windows are fresh"));
    }
    const absl::Status restored = RestoreLimiter(part, registry);
    if (!restored.ok()) {
      return absl::Status(restored.code(),
                          absl::StrCat(path, ": ", restored.message()));
    }
  }
}

}  // namespace konpro
