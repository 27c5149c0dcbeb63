// The log of a server: lines on a stream, from any thread. Trouble of the store
// is said once, then at most once a minute, and its end is said: every request
// meets it, and the log is on the disk too.
//
//   ServerLog log(std::cerr);
//   log.Line("listening");
//   log.NoteStore(absl::UnavailableError("credits.db: disk full"),
//   absl::Now());
//   // konpro: the store cannot be written: credits.db: disk full
//   log.NoteStore(absl::OkStatus(), absl::Now());
//   // konpro: the store can be written again; 1 write failed in 2s
//
// Thread safety: thread-safe, if nobody else writes to the stream.
#ifndef KONPRO_SERVE_SERVER_LOG_H_
#define KONPRO_SERVE_SERVER_LOG_H_

#include <cstdint>
#include <ostream>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/mutex.h"

namespace konpro {

class ServerLog {
 public:
  static constexpr absl::Duration kRepeatAfter = absl::Minutes(1);

  explicit ServerLog(std::ostream& err) : err_(err) {}

  void Line(absl::string_view text);
  // The outcome of a write to the store, as Service::Options::on_store has it.
  void NoteStore(const absl::Status& status, absl::Time now);

 private:
  void LineLocked(absl::string_view text) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  std::ostream& err_ ABSL_GUARDED_BY(mu_);
  uint64_t failures_ ABSL_GUARDED_BY(mu_) = 0;  // since it was fine
  absl::Time began_ ABSL_GUARDED_BY(mu_);
  absl::Time said_ ABSL_GUARDED_BY(mu_);
};

}  // namespace konpro

#endif  // KONPRO_SERVE_SERVER_LOG_H_
