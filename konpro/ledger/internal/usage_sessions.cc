#include "konpro/ledger/internal/usage_sessions.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"

namespace konpro::internal {

// Names are printable ASCII without blanks, so a blank separates them. No
// operation has the name "", which stands for how a reservation was settled:
// the number of its JobState.
absl::uint128 UsageSessions::KeyOf(const Session& session) {
  const std::string since = absl::StrCat(" ", session.prices_since.nanos());
  const absl::string_view pieces[] = {session.account,   " ",  session.job, " ",
                                      session.operation, since};
  const Sha256Digest digest = sha256_(pieces);
  uint64_t high;
  uint64_t low;
  std::memcpy(&high, digest.data(), sizeof(high));
  std::memcpy(&low, digest.data() + sizeof(high), sizeof(low));
  return absl::MakeUint128(high, low);
}

void UsageSessions::Put(const Session& session, int64_t quantity,
                        UnixNanos at) {
  kept_[KeyOf(session)] = {.quantity = quantity, .at = at};
  if (kept_.size() < sweep_at_size_) return;
  for (auto it = kept_.begin(); it != kept_.end();) {
    const auto next = std::next(it);
    if (at - it->second.at > idle_max_) kept_.erase(it);
    it = next;
  }
  sweep_at_size_ = std::max(sweep_at_size_, 2 * kept_.size());
}

void UsageSessions::Observe(const LedgerCommand& command, UnixNanos at) {
  const auto* const capture = std::get_if<LedgerCapture>(&command.request);
  const bool is_charge = capture != nullptr ||
                         std::holds_alternative<SpendCommand>(command.request);
  // A capture is of its own reservation's session, or of none.
  const bool is_of_session =
      command.pricing.has_value() && !command.pricing->job.empty() &&
      (capture == nullptr || capture->reservation == command.pricing->job);
  if (is_charge && is_of_session) {
    const Pricing& pricing = *command.pricing;
    Put({command.account, pricing.job, pricing.operation, pricing.effective_at},
        pricing.quantity, at);
  }
  // An id that was forgotten may be reserved again: another job, and open.
  if (std::holds_alternative<LedgerReserve>(command.request)) {
    kept_.erase(KeyOf({command.account, command.id, "", UnixNanos()}));
  }
  if (capture != nullptr && capture->final) {
    Put({command.account, capture->reservation, "", UnixNanos()},
        capture->is_record ? static_cast<int64_t>(JobState::kSettledByRecord)
                           : static_cast<int64_t>(JobState::kSettledByCommand),
        at);
  }
  if (command.settles_job) {
    Put({command.account, command.pricing->job, "", UnixNanos()},
        static_cast<int64_t>(JobState::kSettledByRecord), at);
  }
  if (const auto* v = std::get_if<LedgerVoid>(&command.request)) {
    Put({command.account, v->reservation, "", UnixNanos()},
        static_cast<int64_t>(JobState::kVoided), at);
  }
}

int64_t UsageSessions::Charged(const Session& session, UnixNanos now) {
  const auto found = kept_.find(KeyOf(session));
  if (found == kept_.end() || now - found->second.at > idle_max_) return 0;
  return found->second.quantity;
}

std::optional<JobState> UsageSessions::SettledAs(absl::string_view account,
                                                 absl::string_view reservation,
                                                 UnixNanos now) {
  const int64_t state = Charged({account, reservation, "", UnixNanos()}, now);
  if (state == 0) return std::nullopt;
  return static_cast<JobState>(state);
}

}  // namespace konpro::internal
