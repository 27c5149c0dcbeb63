// A trace of requests through the limiter itself, by the trace's own clock:
// would this traffic fit that plan? It reads no file (input/trace.h) and prints
// nothing (report/replay_report.h).
//
//   TraceReplay replay({&pro, &scale}, catalog, ReplayMode::kDrop);
//   replay.Add({.at = time, .account = "acme"})      // OK
//   replay.trace().requests                          // 1
//   replay.Results()[0].fits                         // of pro: true
//   replay.Results()[0].windows[0].peak              // 1
//
// Thread safety: thread-compatible.
//
// Invariants: (1) What is admitted is what TryAcquire() of limiter.h admits.
// (2) Requests are admitted, refused by one window, not allowed, or without
// windows; under kWait none is refused for good.
//
// Limits: memory grows with accounts and plans, not with requests.
#ifndef KONPRO_ESTIMATE_REPLAY_H_
#define KONPRO_ESTIMATE_REPLAY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/plan.h"

namespace konpro {

// One request of cost 1.
struct TraceRequest {
  UnixNanos at;
  // Valid during the call that receives it.
  absl::string_view account;
  // nullptr if the trace does not say. Else one of the catalog's.
  const Operation* operation = nullptr;
  // In base units of the operation; it needs an operation.
  std::optional<int64_t> quantity;
};

// What a client does whose request is refused.
enum class ReplayMode {
  // Nothing: the request is lost.
  kDrop,
  // It waits until retry_at() and makes the request again; the account's later
  // requests queue after it.
  kWait,
};

// What is true of a trace under any plan.
struct TraceSummary {
  int64_t requests = 0;
  int64_t accounts = 0;
  // Requests that are earlier than one before them.
  int64_t out_of_order = 0;
  // The earliest and the latest. Nothing without requests.
  UnixNanos first = UnixNanos::Max();
  UnixNanos last;
};

struct WindowReplay {
  // Requests that this window refused.
  int64_t refused = 0;
  // The most requests of one account in one period of the window, admitted or
  // not.
  int64_t peak = 0;
};

// What one plan made of the trace.
struct PlanReplay {
  const Plan* plan = nullptr;
  // Whether every request was admitted at once.
  bool fits = false;
  int64_t admitted = 0;
  // Requests of operations that the plan does not allow.
  int64_t not_allowed = 0;
  // Requests of a plan that has no windows: nothing is known of them.
  int64_t without_windows = 0;
  // Accounts with a request that was not admitted at once.
  int64_t accounts_refused = 0;
  // In the order of plan->windows().
  std::vector<WindowReplay> windows;
  // Of what was admitted and has a quantity and a price.
  Credits cost;
  // Requests that waited, and the longest wait.
  int64_t waited = 0;
  absl::Duration longest_wait;
  // When the last request was admitted; nothing if none was.
  UnixNanos last_admitted;
  // In catalog order: what the plan does not allow, and what was admitted and
  // has no price.
  std::vector<const Operation*> refused_operations;
  std::vector<const Operation*> unpriced_operations;
};

class TraceReplay {
 public:
  // `plans`, which are of `catalog`, and the catalog must outlive it.
  TraceReplay(const std::vector<const Plan*>& plans, const Catalog& catalog,
              ReplayMode mode);
  ~TraceReplay();
  TraceReplay(const TraceReplay&) = delete;
  TraceReplay& operator=(const TraceReplay&) = delete;

  // The next request of the trace, under every plan. kOutOfRange: a sum or a
  // wait leaves its range; the replay means nothing then.
  absl::Status Add(const TraceRequest& request);

  const TraceSummary& trace() const { return trace_; }
  ReplayMode mode() const { return mode_; }

  // In the order of the plans.
  std::vector<PlanReplay> Results() const;

 private:
  struct State;

  const ReplayMode mode_;
  const std::unique_ptr<State> state_;
  TraceSummary trace_;
};

}  // namespace konpro

#endif  // KONPRO_ESTIMATE_REPLAY_H_
