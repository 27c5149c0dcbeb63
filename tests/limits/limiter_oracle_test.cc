// Millions of random steps against the naive model.
#include "tests/testing/limiter_oracle.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

using ::konpro::testing::WindowOracle;

constexpr int kStepsTotal = 10'000'000;
constexpr int kStepsPerEpisode = 40;

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // Within [0, bound).
  uint64_t Below(uint64_t bound) { return engine_() % bound; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  // Within [low, high], most often near an end or small.
  int64_t Between(int64_t low, int64_t high) {
    const uint64_t span = static_cast<uint64_t>(high - low) + 1;
    switch (Below(6)) {
      case 0:
        return low;
      case 1:
        return high;
      case 2:
        return low + static_cast<int64_t>(Below(span));
      default:
        return low + static_cast<int64_t>(Below(std::min<uint64_t>(span, 12)));
    }
  }

 private:
  std::mt19937_64 engine_;
};

RateWindow RandomWindow(Random& random, absl::string_view name) {
  const bool fixed = random.OneIn(2);
  const int64_t period_ms =
      random.Between(RateWindow::kPeriodMinMs, RateWindow::kPeriodMaxMs);
  return RateWindow::Create(
             {.name = name,
              .kind = fixed ? WindowKind::kFixed : WindowKind::kTokenBucket,
              .limit =
                  random.Between(RateWindow::kLimitMin, RateWindow::kLimitMax),
              .period = absl::Milliseconds(period_ms),
              .phase = absl::Milliseconds(fixed && random.OneIn(2)
                                              ? random.Between(0, period_ms - 1)
                                              : 0)})
      .value();
}

// One account through kStepsPerEpisode random calls.
class Episode {
 public:
  explicit Episode(uint64_t seed)
      : random_(seed), size_(random_.OneIn(4) ? 1 : 2) {
    ChangeWindows();
    constexpr int64_t kMax = INT64_MAX;
    const std::array<int64_t, 4> starts = {
        0, 1'700'000'000'000'000'000,
        static_cast<int64_t>(random_.Below(uint64_t{1} << 63)),
        kMax - static_cast<int64_t>(random_.Below(100'000'000'000'000'000))};
    now_ = starts[random_.Below(starts.size())];
  }

  void Run() {
    for (int i = 0; i < kStepsPerEpisode && !::testing::Test::HasFailure();
         ++i) {
      Step();
    }
  }

 private:
  struct Admission {
    Decision decision;
    // The model of the windows' owner, to know what shares its states.
    std::vector<WindowOracle> owner;
    std::vector<WindowOracle::Receipt> receipts;
  };

  void Step() {
    MoveTime();
    switch (random_.Below(16)) {
      case 0:
        return ChangeWindows();
      case 1:
      case 2:
        return ReleaseOne();
      default:
        return Acquire();
    }
  }

  void MoveTime() {
    const RateWindow& window = windows_.back()->window(random_.Below(size_));
    const int64_t period = window.period_ms() * 1'000'000;
    const int64_t interval = std::max<int64_t>(1, period / window.limit());
    int64_t step = 0;
    switch (random_.Below(8)) {
      case 0:
        step = static_cast<int64_t>(random_.Below(3));
        break;
      case 1:
        step = period + static_cast<int64_t>(random_.Below(3)) - 1;
        break;
      case 2:
        step = -static_cast<int64_t>(
            random_.Below(random_.OneIn(2) ? 2 * period : 2'000'000'000));
        break;
      case 3:
        step = interval + static_cast<int64_t>(random_.Below(3)) - 1;
        break;
      default:
        step = static_cast<int64_t>(random_.Below(2 * interval));
    }
    if (step > 0 && now_ > INT64_MAX - step) step = 0;
    now_ = std::max<int64_t>(0, now_ + step);
  }

  uint64_t Cost() {
    const uint64_t limit =
        windows_.back()->window(random_.Below(size_)).limit();
    switch (random_.Below(12)) {
      case 0:
        return 0;
      case 1:
        return limit;
      case 2:
        return limit + 1;
      case 3:
        return std::array<uint64_t, 3>{~uint64_t{0}, uint64_t{1} << 63,
                                       uint64_t{1} << 32}[random_.Below(3)];
      case 4:
      case 5:
        return 1 + random_.Below(limit);
      default:
        return 1;
    }
  }

  void Acquire() {
    const uint64_t cost = Cost();
    const LimiterState before = cell_.Load();
    const UnixNanos now = UnixNanos::FromNanos(now_);
    const LimiterWindows& windows = *windows_.back();
    const Decision peek = Peek(cell_, windows, cost, now);
    ASSERT_EQ(cell_.Load(), before);
    CheckRemaining(peek);
    const Decision decision = TryAcquire(cell_, windows, cost, now);
    ASSERT_EQ(decision.outcome(), peek.outcome());

    bool exceeds = false;
    bool admitted = true;
    for (const WindowOracle& oracle : oracles_) {
      exceeds = exceeds || !oracle.IsPossible(cost);
      admitted = admitted && oracle.Admits(cost, now_);
    }
    ASSERT_EQ(decision.outcome(), exceeds    ? LimitOutcome::kExceedsLimit
                                  : admitted ? LimitOutcome::kAllowed
                                             : LimitOutcome::kRetryLater);
    if (exceeds || cost == 0) {
      ASSERT_EQ(cell_.Load(), before);
    } else if (!admitted) {
      CheckRefused(before, cost);
    } else {
      Admission admission = {
          .decision = decision, .owner = oracles_, .receipts = {}};
      for (WindowOracle& oracle : oracles_) {
        admission.receipts.push_back(oracle.Take(cost, now_));
      }
      admissions_.push_back(admission);
      ASSERT_EQ(cell_.Load(), decision.state());
    }
    const std::vector<WindowOracle> stored = oracles_;
    for (WindowOracle& oracle : oracles_) oracle = oracle.Seen(now_);
    CheckRemaining(decision);
    CheckRetry(decision, cost);
    CheckReset(decision);
    oracles_ = stored;
  }

  // A refusal changes windows that are ahead, and does if only they refuse.
  void CheckRefused(const LimiterState& before, uint64_t cost) {
    const LimiterState after = cell_.Load();
    bool refused_by_others = false;
    for (size_t i = 0; i < size_; ++i) {
      if (!oracles_[i].IsAhead(now_)) {
        refused_by_others =
            refused_by_others || !oracles_[i].Admits(cost, now_);
        ASSERT_EQ(after.windows[i], before.windows[i]);
      } else if (after.windows[i] != before.windows[i]) {
        oracles_[i] = oracles_[i].Seen(now_);
      }
    }
    if (!refused_by_others) {
      ASSERT_NE(after, before);
    }
  }

  bool AllAdmit(uint64_t cost, int64_t at) const {
    return std::all_of(
        oracles_.begin(), oracles_.end(),
        [&](const WindowOracle& o) { return o.Admits(cost, at); });
  }

  void CheckRemaining(const Decision& decision) {
    for (size_t i = 0; i < size_; ++i) {
      const uint64_t remaining = decision.remaining(i);
      ASSERT_TRUE(oracles_[i].Admits(remaining, now_)) << remaining;
      ASSERT_FALSE(oracles_[i].Admits(remaining + 1, now_)) << remaining;
    }
  }

  void CheckRetry(const Decision& decision, uint64_t cost) {
    const int64_t at = decision.retry_at().nanos();
    switch (decision.outcome()) {
      case LimitOutcome::kAllowed:
        ASSERT_EQ(at, now_);
        return;
      case LimitOutcome::kExceedsLimit:
        ASSERT_EQ(at, INT64_MAX);
        return;
      case LimitOutcome::kNoWindows:
      case LimitOutcome::kUnknownAccount:
        FAIL() << "the account has windows";
      case LimitOutcome::kRetryLater:
        break;
    }
    ASSERT_GT(at, now_);
    ASSERT_FALSE(AllAdmit(cost, at - 1));
    ASSERT_FALSE(oracles_[decision.binding_window()].Admits(cost, at - 1));
    if (at < INT64_MAX) {
      ASSERT_TRUE(AllAdmit(cost, at));
    }
  }

  void CheckReset(const Decision& decision) {
    for (size_t i = 0; i < size_; ++i) {
      const int64_t at = decision.reset_at(i).nanos();
      ASSERT_GE(at, now_);
      if (at > now_) {
        ASSERT_FALSE(oracles_[i].IsFresh(at - 1));
      }
      if (at < INT64_MAX) {
        ASSERT_TRUE(oracles_[i].IsFresh(at));
      }
    }
  }

  void ReleaseOne() {
    if (admissions_.empty()) return;
    const size_t index = random_.Below(admissions_.size());
    const Admission admission = admissions_[index];
    admissions_.erase(admissions_.begin() + index);
    ASSERT_TRUE(Release(cell_, *windows_.back(), admission.decision,
                        UnixNanos::FromNanos(now_)));
    for (size_t i = 0; i < size_; ++i) {
      if (!oracles_[i].SharesStatesWith(admission.owner[i])) continue;
      oracles_[i].Refund(admission.receipts[i], now_);
    }
  }

  void ChangeWindows() {
    const RateWindow first = RandomWindow(random_, "first");
    const RateWindow second = RandomWindow(random_, "second");
    std::vector<RateWindow> chosen = {first, second};
    // Most changes keep the period and the kind.
    for (size_t i = 0; !windows_.empty() && i < size_; ++i) {
      const RateWindow& old = windows_.back()->window(i);
      if (random_.OneIn(3)) continue;
      chosen[i] = RateWindow::Create({.name = old.name(),
                                      .kind = old.kind(),
                                      .limit = chosen[i].limit(),
                                      .period = old.period(),
                                      .phase = old.phase()})
                      .value();
    }
    auto windows = size_ == 1
                       ? std::make_unique<LimiterWindows>(chosen[0])
                       : std::make_unique<LimiterWindows>(chosen[0], chosen[1]);
    std::vector<WindowOracle> oracles;
    for (size_t i = 0; i < size_; ++i) {
      oracles.push_back(WindowOracle(chosen[i]));
      if (oracles_.empty()) continue;
      oracles.back() = oracles.back().Carried(oracles_[i], now_);
    }
    if (!windows_.empty()) {
      LimiterState state = cell_.Load();
      ASSERT_TRUE(
          cell_.CompareExchange(state, Carry(*windows_.back(), *windows, state,
                                             UnixNanos::FromNanos(now_))));
    }
    windows_.push_back(std::move(windows));
    oracles_ = std::move(oracles);
  }

  Random random_;
  size_t size_;
  int64_t now_ = 0;
  LimiterCell cell_;
  // All that ever were: decisions refer to them.
  std::vector<std::unique_ptr<LimiterWindows>> windows_;
  std::vector<WindowOracle> oracles_;
  std::vector<Admission> admissions_;
};

TEST(Limiter, AgreesWithTheListOfAdmittedTimes) {
  const char* seed_text = std::getenv("KONPRO_SEED");
  const uint64_t seed =
      seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : 1;
  for (uint64_t i = 0; i < kStepsTotal / kStepsPerEpisode; ++i) {
    Episode(seed + i).Run();
    ASSERT_FALSE(HasFailure()) << "KONPRO_SEED=" << seed + i;
  }
}

}  // namespace
}  // namespace konpro
