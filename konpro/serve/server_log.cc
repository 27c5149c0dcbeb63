#include "konpro/serve/server_log.h"

#include "absl/strings/str_cat.h"

namespace konpro {
namespace {

std::string CountText(uint64_t failures) {
  return absl::StrCat(failures, failures == 1 ? " write" : " writes");
}

}  // namespace

void ServerLog::LineLocked(absl::string_view text) {
  err_ << "konpro: " << text << std::endl;
  // A log on the same disk may have failed; it is tried again.
  err_.clear();
}

void ServerLog::Line(absl::string_view text) {
  const MutexLock lock(mu_);
  LineLocked(text);
}

void ServerLog::NoteStore(const absl::Status& status, absl::Time now) {
  const MutexLock lock(mu_);
  if (status.ok()) {
    if (failures_ == 0) return;
    LineLocked(absl::StrCat(
        "the store can be written again; ", CountText(failures_), " failed in ",
        absl::FormatDuration(absl::Trunc(now - began_, absl::Seconds(1)))));
    failures_ = 0;
    return;
  }
  if (failures_++ == 0) {
    began_ = said_ = now;
    LineLocked(absl::StrCat("the store cannot be written: ", status.message()));
  } else if (now - said_ >= kRepeatAfter) {
    said_ = now;
    LineLocked(absl::StrCat("the store still cannot be written (",
                            CountText(failures_), "): ", status.message()));
  }
}

}  // namespace konpro
