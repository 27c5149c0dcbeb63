// Every order of the atomic steps of one call and of windows that are replaced
// meanwhile, also there and back and there again.
//
// Call and replacements are run again with what their steps were answered so
// far, which leads to the next step (see limiter_interleavings.h).
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kLimit = 3;
constexpr size_t kStepsMax = 16;  // of a call, before replacements go on

UnixNanos At(int64_t seconds) {
  return UnixNanos::FromNanos(1'700'000'040 * kSecond + seconds * kSecond);
}
const UnixNanos kNow = At(5);

RateWindow Window(absl::string_view name, WindowKind kind,
                  absl::Duration period) {
  return RateWindow::Create(
             {.name = name, .kind = kind, .limit = kLimit, .period = period})
      .value();
}

// A window to which the closed word looks like a number of the window that
// holds: the product of Holds() overflows.
RateWindow ClosedLooksHeld() {
  absl::Duration period = absl::Hours(24 * 200);
  while (!WindowRule(Window("v", WindowKind::kFixed, period))
              .Holds(WindowRule::kClosed, kNow)) {
    period += absl::Milliseconds(1);
  }
  return Window("v", WindowKind::kFixed, period);
}

// Windows of two names whose states mean other things in each plan.
constexpr size_t kSuspended = 4;
const std::array<LimiterWindows, 5>& Plans() {
  static const std::array<LimiterWindows, 5> plans = {
      LimiterWindows(Window("w", WindowKind::kFixed, absl::Minutes(1)),
                     Window("v", WindowKind::kFixed, absl::Hours(24))),
      LimiterWindows(Window("w", WindowKind::kFixed, absl::Hours(24)),
                     Window("v", WindowKind::kFixed, absl::Minutes(1))),
      LimiterWindows(Window("w", WindowKind::kTokenBucket, absl::Minutes(1)),
                     Window("v", WindowKind::kTokenBucket, absl::Hours(1))),
      LimiterWindows(Window("w", WindowKind::kFixed, absl::Minutes(1)),
                     ClosedLooksHeld()),
      LimiterWindows(Window("w", WindowKind::kFixed, absl::Minutes(1)),
                     Window("v", WindowKind::kFixed, absl::Hours(24)))
          .Suspended()};
  return plans;
}

enum class Step {
  kNone,
  kPresent,
  kIsPresent,
  kLoadFirst,
  kLoadSecond,
  kExchange,
  kPublish
};

struct Answer {
  std::array<uint64_t, 2> words = {};
  bool yes = false;

  friend auto operator<=>(const Answer&, const Answer&) = default;
};

// Answers from a script, and notes the first step after its end. What follows
// that is answered so that any code ends.
class Player {
 public:
  explicit Player(const std::vector<Answer>& script) : script_(script) {}

  Answer Next(Step step) {
    if (asked_ == Step::kNone && position_ < script_.size()) {
      return script_[position_++];
    }
    if (asked_ == Step::kNone) asked_ = step;
    const uint64_t full = WindowRule::kClosed.word - 1;
    return {.words = {full, full}, .yes = true};
  }
  bool Exchange(LimiterState& expected, const LimiterState& desired) {
    if (asked_ == Step::kNone && position_ == script_.size()) {
      expected_ = expected;
      desired_ = desired;
    }
    const Answer answer = Next(Step::kExchange);
    expected = {{WindowState{answer.words[0]}, WindowState{answer.words[1]}}};
    return answer.yes;
  }

  // The first step after the script's end; kNone: there is none.
  Step asked() const { return asked_; }
  const LimiterState& expected() const { return expected_; }
  const LimiterState& desired() const { return desired_; }

 private:
  const std::vector<Answer>& script_;
  size_t position_ = 0;
  Step asked_ = Step::kNone;
  LimiterState expected_;
  LimiterState desired_;
};

struct PlayedCell {
  LimiterState Load() const {
    const uint64_t first = player->Next(Step::kLoadFirst).words[0];
    const uint64_t second = player->Next(Step::kLoadSecond).words[0];
    return {{WindowState{first}, WindowState{second}}};
  }
  bool CompareExchange(LimiterState& expected, const LimiterState& desired) {
    return player->Exchange(expected, desired);
  }
  static void StepBack() {}

  Player* player;
};

struct PlayedWindows {
  internal::PresentWindows Present() const {
    const Answer answer = player->Next(Step::kPresent);
    return {&Plans()[answer.words[1] % Plans().size()], answer.words[0]};
  }
  bool IsPresent(uint64_t version) const {
    const Answer answer = player->Next(Step::kIsPresent);
    return player->asked() != Step::kNone || answer.words[0] == version;
  }

  Player* player;
};

enum class Verb { kAcquire, kPeek, kRelease };

struct Case {
  absl::string_view name;
  Verb verb = Verb::kAcquire;
  uint64_t used = 0;          // before
  bool is_ahead = false;      // that was two hours later
  std::vector<size_t> plans;  // the first, and what it is replaced by
  uint64_t least = 0;         // permits that are used at the end
  uint64_t most = 0;
  LimitOutcome outcome = LimitOutcome::kAllowed;
};

class EveryOrder {
 public:
  explicit EveryOrder(const Case& c) : case_(c) {
    const LimiterWindows& windows =
        Plans()[c.plans[0] == kSuspended ? 0 : c.plans[0]];
    LimiterCell cell;
    Decision taken = Peek(cell, windows, 1, kNow);
    const UnixNanos at = c.is_ahead ? At(7'200) : kNow;
    for (uint64_t i = 0; i < c.used; ++i) {
      taken = konpro::TryAcquire(cell, windows, 1, at);
    }
    taken_ = taken;
    Visit({.cell = cell.Load()});
  }

  size_t ends() const { return ends_; }
  size_t wrong() const { return wrong_; }

 private:
  struct World {
    LimiterState cell;
    uint64_t version = 0;  // and the place in Case::plans of what is published
    std::vector<Answer> call = {};
    bool call_ended = false;
    LimitOutcome outcome = LimitOutcome::kAllowed;
    uint64_t replacing = 1;  // the place in Case::plans
    std::vector<Answer> replacement = {};
  };
  using Key = std::tuple<uint64_t, uint64_t, uint64_t, std::vector<Answer>,
                         bool, uint64_t, std::vector<Answer>>;

  void Visit(const World& world) {
    if (!visited_
             .insert({world.cell.windows[0].word, world.cell.windows[1].word,
                      world.version, world.call, world.call_ended,
                      world.replacing, world.replacement})
             .second) {
      return;
    }
    const bool replaces = world.replacing < case_.plans.size();
    if (!world.call_ended && !(replaces && world.call.size() > kStepsMax)) {
      World next = world;
      StepCall(next);
      Visit(next);
    }
    if (replaces) {
      World next = world;
      StepReplacement(next);
      Visit(next);
    }
    if (world.call_ended && !replaces) End(world);
  }

  Decision Call(Player& player) const {
    PlayedCell cell = {&player};
    const PlayedWindows windows = {&player};
    switch (case_.verb) {
      case Verb::kAcquire:
        return internal::TryAcquire(cell, windows, 1, kNow);
      case Verb::kPeek:
        return internal::Peek(cell, windows, 1, kNow);
      case Verb::kRelease:
        internal::Release(cell, windows, *taken_, kNow);
    }
    return *taken_;
  }

  void StepCall(World& world) const {
    Player asking(world.call);
    Call(asking);
    Take(asking, world, world.call);
    Player checking(world.call);
    const Decision decision = Call(checking);
    if (checking.asked() != Step::kNone) return;
    world.call_ended = true;
    world.outcome = decision.outcome();
  }

  void Replace(Player& player, uint64_t to) const {
    PlayedCell cell = {&player};
    internal::ReplaceWindows(cell, Plans()[case_.plans[to - 1]],
                             Plans()[case_.plans[to]], kNow,
                             [&player] { player.Next(Step::kPublish); });
  }

  void StepReplacement(World& world) const {
    Player asking(world.replacement);
    Replace(asking, world.replacing);
    Take(asking, world, world.replacement);
    Player checking(world.replacement);
    Replace(checking, world.replacing);
    if (checking.asked() != Step::kNone) return;
    ++world.replacing;
    world.replacement.clear();
  }

  // Does what the player asked for, and adds the answer to its script.
  void Take(const Player& asking, World& world,
            std::vector<Answer>& script) const {
    switch (asking.asked()) {
      case Step::kNone:
        return;
      case Step::kPresent:
      case Step::kIsPresent:
        script.push_back(
            {.words = {world.version, case_.plans[world.version]}});
        return;
      case Step::kLoadFirst:
        script.push_back({.words = {world.cell.windows[0].word, 0}});
        return;
      case Step::kLoadSecond:
        script.push_back({.words = {world.cell.windows[1].word, 0}});
        return;
      case Step::kPublish:
        ++world.version;
        script.push_back({});
        return;
      case Step::kExchange:
        break;
    }
    const bool writes = world.cell == asking.expected();
    script.push_back(
        {.words = {world.cell.windows[0].word, world.cell.windows[1].word},
         .yes = writes});
    if (writes) world.cell = asking.desired();
  }

  void End(const World& world) {
    ++ends_;
    const LimiterWindows& windows = Plans()[case_.plans.back()];
    const Decision d = Peek(LimiterCell(world.cell), windows, 1, kNow);
    // While an account is suspended, nothing is admitted and nothing counted.
    const bool none = world.outcome == LimitOutcome::kNoWindows;
    bool is_right = none ? std::find(case_.plans.begin(), case_.plans.end(),
                                     kSuspended) != case_.plans.end()
                         : world.outcome == case_.outcome;
    for (size_t i = 0; i < windows.size(); ++i) {
      const uint64_t used = kLimit - d.remaining(i);
      is_right = is_right && (none ? case_.used : case_.least) <= used &&
                 used <= (none ? case_.used : case_.most);
    }
    if (!is_right) ++wrong_;
  }

  const Case& case_;
  std::optional<Decision> taken_;
  std::set<Key> visited_;
  size_t ends_ = 0;
  size_t wrong_ = 0;
};

TEST(ReplacedWindows, EveryOrderCountsACallOnceByWindowsThatItHad) {
  using enum Verb;
  using enum LimitOutcome;
  // A refund is lost if its windows are not there; an admission never.
  const Case kCases[] = {
      {"fresh, there", kAcquire, 0, false, {0, 1}, 1, 1, kAllowed},
      {"there", kAcquire, 1, false, {0, 1}, 2, 2, kAllowed},
      {"there and back", kAcquire, 1, false, {0, 1, 0}, 2, 2, kAllowed},
      {"and there again", kAcquire, 1, false, {0, 1, 0, 1}, 2, 2, kAllowed},
      {"bucket, there", kAcquire, 1, false, {2, 0}, 2, 2, kAllowed},
      {"bucket and back", kAcquire, 1, false, {2, 0, 2}, 2, 2, kAllowed},
      {"to a bucket and back", kAcquire, 1, false, {0, 2, 0}, 2, 2, kAllowed},
      {"bucket again", kAcquire, 1, false, {2, 1, 2, 1}, 2, 2, kAllowed},
      {"round", kAcquire, 1, false, {0, 1, 2, 0}, 2, 2, kAllowed},
      {"closed looks held", kAcquire, 1, false, {3, 1, 3}, 2, 2, kAllowed},
      {"suspended before", kAcquire, 1, false, {4, 0}, 2, 2, kAllowed},
      {"suspended meanwhile", kAcquire, 1, false, {0, 4, 1}, 2, 2, kAllowed},
      {"suspended again", kAcquire, 1, false, {4, 0, 4, 0}, 2, 2, kAllowed},
      {"suspended, peek", kPeek, 1, false, {4, 0, 4, 0}, 1, 1, kAllowed},
      {"full", kAcquire, 3, false, {0, 1, 0}, 3, 3, kRetryLater},
      {"full, bucket", kAcquire, 3, false, {2, 0, 2, 0}, 3, 3, kRetryLater},
      {"peek", kPeek, 1, false, {0, 1, 0, 1}, 1, 1, kAllowed},
      {"peek, full", kPeek, 3, false, {2, 0, 2}, 3, 3, kRetryLater},
      {"refund", kRelease, 2, false, {0, 1, 0}, 1, 2, kAllowed},
      {"refund, bucket", kRelease, 2, false, {2, 1, 2}, 1, 2, kAllowed},
      {"ahead", kAcquire, 1, true, {0, 1}, 3, 3, kRetryLater},
      {"ahead and back", kAcquire, 1, true, {0, 1, 0}, 3, 3, kRetryLater},
      {"ahead again", kAcquire, 1, true, {0, 1, 0, 1}, 3, 3, kRetryLater},
      {"bucket ahead", kAcquire, 1, true, {2, 0, 2}, 3, 3, kRetryLater},
      {"bucket ahead again",
       kAcquire,
       1,
       true,
       {2, 0, 2, 0},
       3,
       3,
       kRetryLater},
  };
  for (const Case& c : kCases) {
    const EveryOrder orders(c);
    EXPECT_EQ(orders.wrong(), 0u) << c.name;
    EXPECT_GT(orders.ends(), 10u) << c.name;
    std::cout << c.name << ": " << orders.ends() << " ends\n";
  }
}

}  // namespace
}  // namespace konpro
