#include "konpro/serve/limits_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "konpro/access/limiter_snapshot.h"
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
  const std::string written = path + ".new";
  const int fd =
      open(written.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return SystemError(written);
  bool ok = true;
  {
    FileOutputStream out(fd);
    SnapshotLimiter(registry, [&](const v1::LimiterSnapshot& part) {
      ok = ok && SerializeDelimitedToZeroCopyStream(part, &out);
    });
    ok = ok && out.Flush();
  }
  ok = ok && fsync(fd) == 0;
  ok = close(fd) == 0 && ok;
  ok = ok && rename(written.c_str(), path.c_str()) == 0;
  return ok ? absl::OkStatus() : SystemError(written);
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
