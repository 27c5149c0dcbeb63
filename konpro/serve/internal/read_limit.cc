#include "konpro/serve/internal/read_limit.h"

#include "absl/time/time.h"
#include "konpro/limits/rate_window.h"

namespace konpro::internal {

ReadLimit::ReadLimit(int64_t per_minute)
    : windows_(RateWindow::Create({.name = "reads",
                                   .kind = WindowKind::kTokenBucket,
                                   .limit = per_minute,
                                   .period = absl::Minutes(1)})
                   .value()) {}

Decision ReadLimit::Acquire(ApiKeyId key, UnixNanos now) {
  const MutexLock lock(mu_);
  if (keys_.size() >= kKeysMax && !keys_.contains(key.value())) MakeRoom(now);
  LimiterState& state = keys_[key.value()];
  const Decision decision = Decide(windows_, state, /*cost=*/1, now);
  state = decision.state();
  return decision;
}

void ReadLimit::MakeRoom(UnixNanos now) {
  std::erase_if(keys_, [&](const auto& key) {
    return windows_.rule(0).FreshAt(key.second.windows[0], now) <= now;
  });
  if (keys_.size() >= kKeysMax) keys_.clear();
}

}  // namespace konpro::internal
