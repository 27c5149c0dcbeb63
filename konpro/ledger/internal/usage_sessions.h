// The quantity that was charged for each job so far, as of the journal. A slice
// of a session is priced by it.
//
//   sessions.Observe(command, at);             // of every command that applied
//   sessions.Charged({"acme", "call-7", "interactive_avatar", since}, now)
//
// A job is kept under 128 bits of a SHA-256 of its names, in 40 to 80 bytes of
// memory. If nothing is charged to it for `idle_max`, it counts as a new job.
//
// Thread safety: thread-compatible.
#ifndef KONPRO_LEDGER_INTERNAL_USAGE_SESSIONS_H_
#define KONPRO_LEDGER_INTERNAL_USAGE_SESSIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/internal/sha256.h"
#include "konpro/ledger/internal/usage_fate.h"
#include "konpro/ledger/ledger_command.h"

namespace konpro::internal {

class UsageSessions {
 public:
  // What is priced as one quantity. The price list is part of it: what was used
  // under an older price list is not charged again under the next.
  struct Session {
    absl::string_view account;
    absl::string_view job;
    absl::string_view operation;
    UnixNanos prices_since;
  };

  explicit UsageSessions(absl::Duration idle_max) : idle_max_(idle_max) {}

  // Adds what a command that applied at `at` charged.
  void Observe(const LedgerCommand& command, UnixNanos at);

  // In base units of the operation.
  int64_t Charged(const Session& session, UnixNanos now);

  // How the reservation of that id was settled; nullopt: it was not.
  std::optional<JobState> SettledAs(absl::string_view account,
                                    absl::string_view reservation,
                                    UnixNanos now);

  void Clear() { kept_.clear(); }
  size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    int64_t quantity = 0;
    UnixNanos at;
  };

  absl::uint128 KeyOf(const Session& session);
  void Put(const Session& session, int64_t quantity, UnixNanos at);

  const absl::Duration idle_max_;
  absl::flat_hash_map<absl::uint128, Kept> kept_;
  size_t sweep_at_size_ = size_t{1} << 16;
  Sha256 sha256_;
};

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_USAGE_SESSIONS_H_
