// How many reads and estimates a customer's key may make: a window of its own,
// apart from the windows of the account's plan.
//
//   ReadLimit limit(/*per_minute=*/60);
//   limit.Acquire(key_id, now).allowed()
//
// Thread safety: thread-safe.
//
// Limits: kKeysMax keys that have read something lately; if there are more,
// some begin anew.
#ifndef KONPRO_SERVE_INTERNAL_READ_LIMIT_H_
#define KONPRO_SERVE_INTERNAL_READ_LIMIT_H_

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "konpro/access/api_key.h"
#include "konpro/base/mutex.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter_decision.h"

namespace konpro::internal {

class ReadLimit {
 public:
  static constexpr size_t kKeysMax = 65'536;

  // REQUIRES: per_minute is one or more.
  explicit ReadLimit(int64_t per_minute);

  // The decision about one read; its windows live as long as this.
  Decision Acquire(ApiKeyId key, UnixNanos now);

 private:
  // Takes out the keys whose window is fresh again, or all if none is.
  void MakeRoom(UnixNanos now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const LimiterWindows windows_;
  Mutex mu_;
  std::unordered_map<uint64_t, LimiterState> keys_ ABSL_GUARDED_BY(mu_);
};

}  // namespace konpro::internal

#endif  // KONPRO_SERVE_INTERNAL_READ_LIMIT_H_
