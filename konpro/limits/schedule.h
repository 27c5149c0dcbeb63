// A Schedule says when requests can be submitted: what the limiter would admit
// to a client that submits each one, in order, as early as it can. It needs no
// clock, takes nothing from a cell and does not step through the requests.
//
//   const LimiterWindows pro(minute, day);                // 60, 1000
//   const LimiterState used =
//       *StateWithUse(pro, {{"minute", 12}, {"day", 340}}, start);
//   const Schedule schedule(pro, used, start, /*requests=*/1'000);
//   schedule.last().at                    // when the 1,000th goes out
//   schedule.last().binding_window        // 0: it waited for a minute
//   schedule.duration()                   // last().at - start
//   schedule.At(500).at                   // when the 500th does
//   for (const Submission& s : schedule.Submissions()) ...    // all of them
//
//   Submitter submitter(pro, used, start);          // requests with costs
//   submitter.Next(/*cost=*/3).at
//
// Thread safety: Schedule is immutable, Submitter thread-compatible. Each keeps
// a copy of the windows.
//
// Invariants: (1) Replayed in order through TryAcquire(), a schedule meets no
// refusal. (2) Of what goes out at one instant later than the start, the first
// request is refused one nanosecond earlier. (3) At(k) is the k-th of
// Submissions(), and depends on no number of requests.
//
// Cost: At() takes time that grows with the logarithm of the periods, and
// memory that does not grow: under a microsecond for one window and for plans
// whose windows nest, a few microseconds for any two FIXED windows. Next() and
// Submissions() take one step of the limiter for each request.
//
// Limits: 0 .. 2^60 requests; otherwise those of limiter_decision.h. What would
// lie after the end of time, or can never be admitted, is at UnixNanos::Max().
#ifndef KONPRO_LIMITS_SCHEDULE_H_
#define KONPRO_LIMITS_SCHEDULE_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter_decision.h"

namespace konpro {

struct Submission {
  // UnixNanos::Max(): never.
  UnixNanos at;
  // The window that is waited for: of those that refuse the longest, the first.
  // What goes out together waited for the same. nullopt if nothing was
  // waited for, or if it never goes out.
  std::optional<size_t> binding_window;

  bool never() const { return at == UnixNanos::Max(); }

  friend bool operator==(const Submission&, const Submission&) = default;
};

// What is known about an account from outside: permits used in a window.
struct WindowUse {
  absl::string_view window;  // its name
  int64_t used = 0;
};

// The state of windows in which just this was used at `at`; a window that is
// not named is fresh. kInvalidArgument: no window has the name, one is named
// twice, or `used` is not 0 .. the window's limit.
absl::StatusOr<LimiterState> StateWithUse(const LimiterWindows& windows,
                                          absl::Span<const WindowUse> uses,
                                          UnixNanos at);

// Submits requests of any cost, one after the other.
class Submitter {
 public:
  Submitter(const LimiterWindows& windows, const LimiterState& state,
            UnixNanos start)
      : windows_(windows), state_(state), now_(start) {}

  // The next request. One whose cost is above a limit is never admitted and
  // takes nothing; the next goes out as if it had not been.
  Submission Next(uint64_t cost);

  // After what has been submitted.
  const LimiterState& state() const { return state_; }
  UnixNanos now() const { return now_; }

 private:
  LimiterWindows windows_;
  LimiterState state_;
  UnixNanos now_;
  std::optional<size_t> binding_window_;
};

class Schedule {
 public:
  static constexpr uint64_t kRequestsMax = uint64_t{1} << 60;

  class Stream;  // begin() and end()

  // `requests` of cost 1 from `start` on, after what `state` has used.
  // REQUIRES: requests <= kRequestsMax; `state` is not closed.
  Schedule(const LimiterWindows& windows, const LimiterState& state,
           UnixNanos start, uint64_t requests)
      : windows_(windows),
        state_(SeenAt(windows, state, start)),
        start_(start),
        requests_(requests) {}

  const LimiterWindows& windows() const { return windows_; }
  UnixNanos start() const { return start_; }
  uint64_t requests() const { return requests_; }

  // The submission of request `number`, counted from 1.
  // REQUIRES: 1 <= number <= kRequestsMax; it may be above requests().
  Submission At(uint64_t number) const;

  // The first and the last request; the start if there is none.
  Submission first() const { return requests_ == 0 ? None() : At(1); }
  Submission last() const { return requests_ == 0 ? None() : At(requests_); }

  // From the start to the last request; infinite if that is never.
  absl::Duration duration() const {
    const Submission end = last();
    return end.never() ? absl::InfiniteDuration() : end.at - start_;
  }

  // A range of all submissions, in order; it does not outlive the schedule.
  Stream Submissions() const;

 private:
  Submission None() const { return {.at = start_}; }

  LimiterWindows windows_;
  LimiterState state_;
  UnixNanos start_;
  uint64_t requests_;
};

}  // namespace konpro

#include "konpro/limits/internal/schedule_stream.h"  // IWYU pragma: export

#endif  // KONPRO_LIMITS_SCHEDULE_H_
