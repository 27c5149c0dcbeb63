// A deterministic scheduler: runs threads' calls on one cell in every order of
// their atomic steps (a load of one window, an exchange of both).
//
// A thread is its calls and what its steps answered so far: running the call
// again with these answers leads to its next step. Two orders that lead to the
// same cell, threads and explanations (limiter_history.h) are followed once.
#ifndef KONPRO_TESTS_TESTING_LIMITER_INTERLEAVINGS_H_
#define KONPRO_TESTS_TESTING_LIMITER_INTERLEAVINGS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/limiter_history.h"

namespace konpro::testing {

// A cell that answers from a script and says what it was asked behind its end.
class ScriptedCell {
 public:
  // What a step answers: a load one word, an exchange both and whether it
  // wrote.
  struct Answer {
    std::array<uint64_t, 2> words = {};
    bool wrote = false;
  };
  enum class Step { kNone, kLoadFirst, kLoadSecond, kExchange };

  explicit ScriptedCell(const std::vector<Answer>& script) : script_(script) {}

  LimiterState Load() const {
    const uint64_t first = Next(Step::kLoadFirst).words[0];
    const uint64_t second = Next(Step::kLoadSecond).words[0];
    return {{WindowState{first}, WindowState{second}}};
  }

  bool CompareExchange(LimiterState& expected, const LimiterState& desired) {
    if (asked_ == Step::kNone) {
      expected_ = expected;
      desired_ = desired;
    }
    const Answer answer = Next(Step::kExchange);
    expected = {{WindowState{answer.words[0]}, WindowState{answer.words[1]}}};
    return answer.wrote;
  }

  static void StepBack() {}

  // The first step behind the script's end, or kNone where the call ended.
  Step asked() const { return asked_; }
  const LimiterState& expected() const { return expected_; }
  const LimiterState& desired() const { return desired_; }

 private:
  // Behind the end, windows that are full for ever and exchanges that succeed
  // end any call.
  Answer Next(Step step) const {
    if (asked_ == Step::kNone && position_ < script_.size()) {
      return script_[position_++];
    }
    if (asked_ == Step::kNone) asked_ = step;
    const uint64_t full = WindowRule::kClosed.word - 1;
    return {.words = {full, full}, .wrote = true};
  }

  const std::vector<Answer>& script_;
  mutable size_t position_ = 0;
  mutable Step asked_ = Step::kNone;
  LimiterState expected_;
  LimiterState desired_;
};

class Interleavings {
 public:
  static constexpr size_t kThreads = 3;
  using Programs = std::array<std::vector<LimiterCall>, kThreads>;

  // REQUIRES: `windows` outlives this.
  Interleavings(const LimiterWindows& windows, Programs programs)
      : windows_(windows), programs_(std::move(programs)) {}

  struct Summary {
    size_t states = 0;       // distinct ones
    size_t ends = 0;         // distinct ones with all calls done
    size_t lost_races = 0;   // exchanges that found another state
    size_t unexplained = 0;  // ends of calls that no order explains
  };

  Summary Explore(const LimiterState& initial) {
    summary_ = {};
    visited_.clear();
    Visit({.cell = initial,
           .threads = {},
           .monitor = HistoryMonitor(windows_, initial)});
    return summary_;
  }

 private:
  struct Thread {
    std::vector<ScriptedCell::Answer> script;  // of the call under way
    Decisions decisions;                       // of the calls that ended
  };
  struct World {
    LimiterState cell;
    std::array<Thread, kThreads> threads;
    HistoryMonitor monitor;
  };
  using Words = std::array<uint64_t, 2>;

  static Words WordsOf(const LimiterState& state) {
    return {state.windows[0].word, state.windows[1].word};
  }

  // All that tells two worlds apart, every part behind its length.
  static std::string KeyOf(const World& world) {
    std::string key;
    const auto add = [&key](uint64_t value) {
      key.append(reinterpret_cast<const char*>(&value), sizeof(value));
    };
    const auto add_words = [&add](const Words& words) {
      add(words[0]);
      add(words[1]);
    };
    add_words(WordsOf(world.cell));
    for (const Thread& thread : world.threads) {
      add(thread.script.size());
      for (const ScriptedCell::Answer& answer : thread.script) {
        add_words(answer.words);
        add(answer.wrote);
      }
      add(thread.decisions.size());
      for (const Decision& d : thread.decisions) {
        add(static_cast<uint64_t>(d.outcome()));
        add_words(WordsOf(d.state()));
      }
    }
    for (const auto& [words, results] : world.monitor.explanations()) {
      add_words(words);
      for (const HistoryMonitor::Result& result : results) {
        add(result.has_value());
        if (!result.has_value()) continue;
        add(static_cast<uint64_t>(std::get<0>(*result)));
        add_words(std::get<1>(*result));
      }
    }
    return key;
  }

  void Visit(const World& world) {
    if (!visited_.insert(KeyOf(world)).second) return;
    ++summary_.states;
    bool done = true;
    for (size_t t = 0; t < kThreads; ++t) {
      if (world.threads[t].decisions.size() == programs_[t].size()) continue;
      done = false;
      World next = world;
      if (RunStep(next, t)) Visit(next);
    }
    if (done) ++summary_.ends;
  }

  // Lets thread `t` take one step. False where a call ended unexplained.
  bool RunStep(World& world, size_t t) {
    Thread& thread = world.threads[t];
    const LimiterCall& call = programs_[t][thread.decisions.size()];
    if (thread.script.empty()) {
      world.monitor.Start(t, call, thread.decisions);
    }
    ScriptedCell asking(thread.script);
    Call(asking, windows_, call, thread.decisions);
    switch (asking.asked()) {
      case ScriptedCell::Step::kNone:  // a release of nothing
        break;
      case ScriptedCell::Step::kLoadFirst:
        thread.script.push_back({.words = {world.cell.windows[0].word, 0}});
        break;
      case ScriptedCell::Step::kLoadSecond:
        thread.script.push_back({.words = {world.cell.windows[1].word, 0}});
        break;
      case ScriptedCell::Step::kExchange: {
        const bool writes = world.cell == asking.expected();
        if (!writes) ++summary_.lost_races;
        thread.script.push_back(
            {.words = WordsOf(world.cell), .wrote = writes});
        if (writes) world.cell = asking.desired();
        break;
      }
    }
    ScriptedCell checking(thread.script);
    const Decision decision = Call(checking, windows_, call, thread.decisions);
    if (checking.asked() != ScriptedCell::Step::kNone) return true;
    thread.decisions.push_back(decision);
    thread.script.clear();
    if (world.monitor.End(t, decision)) return true;
    ++summary_.unexplained;
    return false;
  }

  const LimiterWindows& windows_;
  const Programs programs_;
  std::unordered_set<std::string> visited_;
  Summary summary_;
};

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_LIMITER_INTERLEAVINGS_H_
