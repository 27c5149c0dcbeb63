// Whether a history of calls on one cell is linearizable (Herlihy and Wing,
// "Linearizability", TOPLAS 1990): each call may be thought to have happened in
// one instant between its start and its end.
#ifndef KONPRO_TESTS_TESTING_LIMITER_HISTORY_H_
#define KONPRO_TESTS_TESTING_LIMITER_HISTORY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"

namespace konpro::testing {

// What a thread calls. A release gives back the thread's own admission by its
// call number `released`, or does nothing where that was refused.
struct LimiterCall {
  enum class Verb : uint8_t { kAcquire, kRelease };

  Verb verb = Verb::kAcquire;
  uint64_t cost = 1;
  UnixNanos now;
  size_t released = 0;
};

// The calls so far of one thread, with their decisions (of a release: any).
using Decisions = std::vector<Decision>;

template <typename Cell>
Decision Call(Cell& cell, const LimiterWindows& windows,
              const LimiterCall& call, const Decisions& before) {
  if (call.verb == LimiterCall::Verb::kAcquire) {
    return TryAcquire(cell, windows, call.cost, call.now);
  }
  const Decision& decision = before[call.released];
  Release(cell, windows, decision, call.now);
  return decision;
}

// The set of all orders of the calls that explain what was seen so far.
class HistoryMonitor {
 public:
  static constexpr size_t kThreadsMax = 3;

  HistoryMonitor(const LimiterWindows& windows, const LimiterState& initial)
      : windows_(&windows), explanations_{{Words(initial), {}}} {}

  void Start(size_t thread, const LimiterCall& call, const Decisions& before) {
    pending_[thread] = {call, before};
  }

  // False where no order explains that the call of `thread` ended with
  // `decision`.
  bool End(size_t thread, const Decision& decision) {
    Set result;
    for (const Explanation& e : explanations_) {
      Extend(e, thread, ResultOf(decision, pending_[thread]->first), result);
    }
    explanations_ = std::move(result);
    pending_[thread].reset();
    return !explanations_.empty();
  }

  // What tells two monitors with the same pending calls apart.
  using Words2 = std::array<uint64_t, 2>;
  // What a call answers: a refusal is decided by one window alone, so that its
  // state is no part of it.
  using Result = std::optional<std::tuple<LimitOutcome, Words2>>;
  using Explanation = std::pair<Words2, std::array<Result, kThreadsMax>>;
  using Set = std::set<Explanation>;
  const Set& explanations() const { return explanations_; }

 private:
  using Pending = std::pair<LimiterCall, Decisions>;

  static Words2 Words(const LimiterState& state) {
    return {state.windows[0].word, state.windows[1].word};
  }
  static Result ResultOf(const Decision& decision, const LimiterCall& call) {
    if (call.verb == LimiterCall::Verb::kRelease || !decision.allowed()) {
      return {{decision.outcome(), Words2{}}};
    }
    return {{decision.outcome(), Words(decision.state())}};
  }

  // Lets pending calls happen behind `e`, in every order, until `thread`'s
  // does.
  void Extend(const Explanation& e, size_t thread, const Result& wanted,
              Set& result) const {
    if (e.second[thread].has_value()) {
      if (e.second[thread] != wanted) return;
      Explanation kept = e;
      kept.second[thread].reset();
      result.insert(kept);
      return;
    }
    for (size_t t = 0; t < kThreadsMax; ++t) {
      if (!pending_[t].has_value() || e.second[t].has_value()) continue;
      LimiterCell cell(
          LimiterState{{WindowState{e.first[0]}, WindowState{e.first[1]}}});
      const Decision decision =
          Call(cell, *windows_, pending_[t]->first, pending_[t]->second);
      Explanation next = e;
      next.first = Words(cell.Load());
      next.second[t] = ResultOf(decision, pending_[t]->first);
      Extend(next, thread, wanted, result);
      // A refusal uses up what is ahead, or leaves that to a later call.
      if (decision.outcome() != LimitOutcome::kRetryLater) continue;
      for (const Words2& other :
           {e.first,
            Words(SeenAt(*windows_,
                         {{WindowState{e.first[0]}, WindowState{e.first[1]}}},
                         pending_[t]->first.now))}) {
        if (next.first == other) continue;
        next.first = other;
        Extend(next, thread, wanted, result);
      }
    }
  }

  const LimiterWindows* windows_;
  std::array<std::optional<Pending>, kThreadsMax> pending_;
  Set explanations_;
};

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_LIMITER_HISTORY_H_
