#include "konpro/estimate/internal/planner.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/catalog/catalog.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_decision.h"
#include "konpro/limits/schedule.h"

namespace konpro {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
// 2027-01-15 08:00:00 UTC.
constexpr int64_t kBase = 1'800'000'000 * kSecond;

RateWindow Window(const char* name, int64_t limit, absl::Duration period,
                  WindowKind kind = WindowKind::kFixed) {
  return RateWindow::Create(
             {.name = name, .kind = kind, .limit = limit, .period = period})
      .value();
}

UnixNanos At(const char* text) {
  absl::Time time;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, nullptr));
  return UnixNanos::FromTime(time);
}

absl::Time Time(const char* text) { return At(text).ToTime(); }

const Plan& BuiltIn(const char* name) {
  return *Catalog::BuiltIn().FindPlan(name);
}

TEST(FitPlan, KnowsWhenTheWorkIsDone) {
  const struct {
    const char* plan;
    int64_t requests;
    const char* start;
    absl::Duration duration;
    std::optional<size_t> binding;
  } kCases[] = {
      {"pro", 0, "2027-03-01T00:00:00Z", absl::ZeroDuration(), {}},
      {"pro", 60, "2027-03-01T00:00:59Z", absl::ZeroDuration(), {}},
      {"pro", 61, "2027-03-01T00:00:59Z", absl::Seconds(1), 0},
      {"pro", 1'001, "2027-03-01T23:58:00Z", absl::Minutes(16), 0},
      {"pro", 1'001, "2027-03-01T00:00:00Z", absl::Hours(24), 1},
      {"free_trial", 250, "2027-03-01T00:00:00Z",
       absl::Hours(48) + absl::Minutes(4), 0},
      {"scale", 1'001, "2027-03-01T00:00:00Z", absl::Minutes(3), 0},
  };
  for (const auto& c : kCases) {
    const PlanFit fit = FitPlan(BuiltIn(c.plan),
                                {.requests = c.requests, .start = At(c.start)});
    ASSERT_TRUE(fit.schedule.has_value());
    EXPECT_EQ(fit.last.at - At(c.start), c.duration)
        << c.plan << " " << c.requests;
    EXPECT_EQ(fit.last.binding_window, c.binding);
  }
  EXPECT_FALSE(FitPlan(BuiltIn("enterprise"), {.requests = 1}).Carries({}));
}

TEST(FitPlan, CountsWhatWasUsedAndNoMoreThanTheLimit) {
  const UnixNanos start = At("2027-03-01T12:00:30Z");
  const auto duration = [&](const char* plan, std::vector<WindowUse> used) {
    return FitPlan(BuiltIn(plan),
                   {.requests = 1, .start = start, .used = std::move(used)})
               .last.at -
           start;
  };
  EXPECT_EQ(duration("pro", {{"minute", 59}, {"day", 340}}),
            absl::ZeroDuration());
  EXPECT_EQ(duration("pro", {{"minute", 60}}), absl::Seconds(30));
  EXPECT_EQ(duration("free_trial", {{"minute", 12}}), absl::Seconds(30));
  EXPECT_EQ(duration("free_trial", {{"day", 340}}),
            absl::Hours(12) - absl::Seconds(30));
  EXPECT_EQ(duration("pro", {{"hour", 1'000}}), absl::ZeroDuration());
}

TEST(MonthsBegun, FollowsTheCalendar) {
  const struct {
    const char* start;
    const char* last;
    int64_t months;
  } kCases[] = {
      {"2027-01-15T08:00:00Z", "2027-01-15T08:00:00Z", 1},
      {"2027-01-15T08:00:00Z", "2027-02-15T07:59:59.999Z", 1},
      {"2027-01-15T08:00:00Z", "2027-02-15T08:00:00Z", 2},
      {"2027-01-15T08:00:00.5Z", "2027-02-15T08:00:00.4Z", 1},
      {"2027-01-15T08:00:00.5Z", "2027-02-15T08:00:00.5Z", 2},
      {"2027-01-31T00:00:00Z", "2027-02-27T23:59:59Z", 1},
      {"2027-01-31T00:00:00Z", "2027-02-28T00:00:00Z", 2},
      {"2027-01-31T00:00:00Z", "2027-03-30T23:59:59Z", 2},
      {"2027-01-31T00:00:00Z", "2027-03-31T00:00:00Z", 3},
      {"2028-02-29T12:00:00Z", "2029-02-28T12:00:00Z", 13},
      {"2027-12-31T00:00:00Z", "2028-01-01T00:00:00Z", 1},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(MonthsBegun(Time(c.start), Time(c.last)), c.months)
        << c.start << " " << c.last;
  }
}

Credits Ticks(int64_t ticks) { return Credits::FromTicks(ticks); }

TEST(RequestsBefore, LeavesOutThoseAtTheTimeItself) {
  const UnixNanos start = At("2027-03-01T00:00:00Z");
  const RateWindow minute[] = {Window("minute", 10, absl::Minutes(1))};
  const Schedule schedule = ScheduleOf(minute, {.start = start});
  const auto before = [&](absl::Duration after) {
    return RequestsBefore(schedule,
                          UnixNanos::FromTime(start.ToTime() + after));
  };
  EXPECT_EQ(before(absl::ZeroDuration()), 0);
  EXPECT_EQ(before(absl::Nanoseconds(1)), 10);
  EXPECT_EQ(before(absl::Minutes(1)), 10);
  EXPECT_EQ(before(absl::Minutes(1) + absl::Nanoseconds(1)), 20);
  EXPECT_EQ(before(absl::Minutes(7)), 70);
}

TEST(RunningCost, IsThatOfTheFirstRequests) {
  RunningCost cost({5, 0, 3, 100, 3, 8});
  cost.Add(2, Ticks(10));
  cost.Add(0, Ticks(99));
  cost.Add(4, Ticks(1));
  cost.Add(2, Ticks(100));
  const std::pair<int64_t, int64_t> kCases[] = {
      {0, 0}, {3, 21}, {5, 23}, {8, 224}, {100, 224}};
  for (const auto& [count, ticks] : kCases) {
    EXPECT_EQ(cost.CostOfFirst(count), Ticks(ticks)) << count;
  }
}

TEST(FitFunds, WhatExpiresIsDrawnOnFirst) {
  const UnixNanos soon = UnixNanos::FromNanos(1);
  const UnixNanos later = UnixNanos::FromNanos(2);
  const struct {
    std::vector<ExpiringCredits> credits;
    std::vector<Credits> before;
    int64_t cost;
    int64_t shortfall;
    int64_t expired;
  } kCases[] = {
      {{}, {}, 10, 10, 0},
      {{{Ticks(10)}}, {Ticks(0)}, 10, 0, 0},
      {{{Ticks(12)}}, {Ticks(0)}, 10, 0, 0},
      {{{Ticks(10), soon}}, {Ticks(4)}, 10, 6, 6},
      {{{Ticks(10), soon}}, {Ticks(10)}, 10, 0, 0},
      {{{Ticks(12), soon}}, {Ticks(10)}, 10, 0, 0},
      {{{Ticks(10), soon}}, {Ticks(0)}, 10, 10, 10},
      {{{Ticks(6)}, {Ticks(10), soon}}, {Ticks(0), Ticks(4)}, 10, 0, 6},
      // What went out early draws on both; the later one is then too small.
      {{{Ticks(3), soon}, {Ticks(5), later}}, {Ticks(6), Ticks(9)}, 9, 1, 0},
      {{{Ticks(5), later}, {Ticks(3), soon}}, {Ticks(7), Ticks(1)}, 9, 3, 2},
  };
  for (const auto& c : kCases) {
    const auto fit = FitFunds(c.credits, c.before, Ticks(c.cost));
    ASSERT_TRUE(fit.has_value());
    EXPECT_EQ(fit->shortfall, Ticks(c.shortfall)) << &c - kCases;
    EXPECT_EQ(fit->expired, Ticks(c.expired)) << &c - kCases;
  }
  const std::vector<Credits> never(2);
  EXPECT_FALSE(
      FitFunds({{Credits::Max()}, {Ticks(1)}}, never, Ticks(1)).has_value());
}

TEST(SmallestLimits, MeetTheDeadlineAndNoSmallerOnesDo) {
  const RateWindow kShapes[] = {Window("minute", 1, absl::Minutes(1)),
                                Window("day", 1, absl::Hours(24))};
  const UnixNanos start = At("2027-03-01T09:00:00Z");
  const struct {
    int64_t requests;
    const char* deadline;
    std::vector<int64_t> limits;
  } kCases[] = {
      {0, "2027-03-01T09:00:00Z", {1, 1}},
      {10, "2027-03-01T09:00:00Z", {10, 10}},
      {10, "2027-03-01T09:00:59Z", {10, 10}},
      {10, "2027-03-01T09:01:00Z", {5, 10}},
      // Three days, and 541 minutes of the last one.
      {10'000, "2027-03-03T09:00:00Z", {7, 3'334}},
      {int64_t{1} << 40, "2027-03-01T09:01:00Z", {}},
  };
  for (const auto& c : kCases) {
    const auto limits = SmallestLimits(
        kShapes, {.requests = c.requests, .start = start}, At(c.deadline));
    EXPECT_EQ(limits.value_or(std::vector<int64_t>()), c.limits) << c.requests;
  }
}

TEST(Recommend, SaysWhyItIsCheap) {
  const UnixNanos start = At("2027-03-01T00:00:00Z");
  const auto plan = [](const char* name, int64_t limit, const char* currency,
                       int64_t per_month) {
    return Plan::Create({.name = name,
                         .windows = {Window("minute", limit, absl::Minutes(1))},
                         .price = PlanPrice{currency, {per_month}, {}}})
        .value();
  };
  const std::vector<Plan> plans = {
      plan("slow", 1, "USD", 9), plan("odd", 10, "USD", 7),
      plan("quick", 100, "USD", 8), plan("alike", 100, "USD", 8)};
  std::vector<PlanFit> fits;
  for (const Plan& p : plans) {
    fits.push_back(FitPlan(p, {.requests = 100, .start = start}));
  }
  Recommendation best = Recommend(fits, {});
  EXPECT_TRUE(best.by_money);
  EXPECT_EQ(best.cheapest, 1u);
  EXPECT_EQ(best.fastest, 2u);
  best = Recommend(fits, start);  // at once
  EXPECT_EQ(best.cheapest, 2u);
  fits[2].shortfall = Ticks(2);
  fits[3].shortfall = Ticks(1);
  EXPECT_EQ(Recommend(fits, start).fastest, 3u);
  // Another currency cannot be compared: the first of the catalog.
  const Plan euro = plan("euro", 10, "EUR", 1);
  fits.push_back(FitPlan(euro, {.requests = 100, .start = start}));
  best = Recommend(fits, {});
  EXPECT_FALSE(best.by_money);
  EXPECT_EQ(best.cheapest, 0u);
  EXPECT_EQ(best.fastest, 1u);
}

// The oracle: every request through the limiter itself, every credit through a
// list of what is left, and every plan against every other one.

struct Case {
  std::vector<Plan> plans;
  std::vector<bool> allowed;
  std::vector<Credits> costs;  // of each request
  PlannedWork work;
  std::optional<UnixNanos> deadline;
  std::vector<ExpiringCredits> credits;
};

struct Outcome {
  bool carries = false;
  UnixNanos last;
  int64_t shortfall = 0;
  std::optional<Money> money;
};

std::vector<UnixNanos> StepThrough(const Plan& plan, const PlannedWork& work) {
  const LimiterWindows windows = LimiterWindows::Of(plan.windows());
  std::vector<WindowUse> uses;
  for (const WindowUse& use : work.used) {
    for (const RateWindow& window : plan.windows()) {
      if (window.name() == use.window) {
        uses.push_back({use.window, std::min(use.used, window.limit())});
      }
    }
  }
  LimiterCell cell(StateWithUse(windows, uses, work.start).value());
  std::vector<UnixNanos> times;
  UnixNanos now = work.start;
  for (int64_t i = 0; i < work.requests; ++i) {
    for (;;) {
      const Decision decision = TryAcquire(cell, windows, 1, now);
      if (decision.allowed()) break;
      now = decision.retry_at();
    }
    times.push_back(now);
  }
  return times;
}

int64_t Uncovered(std::vector<ExpiringCredits> credits,
                  const std::vector<Credits>& costs,
                  const std::vector<UnixNanos>& times) {
  std::sort(credits.begin(), credits.end(),
            [](const ExpiringCredits& a, const ExpiringCredits& b) {
              return a.expires_at < b.expires_at;
            });
  int64_t uncovered = 0;
  for (size_t i = 0; i < costs.size(); ++i) {
    int64_t left = costs[i].ticks();
    for (ExpiringCredits& c : credits) {
      if (times[i] >= c.expires_at) continue;
      const int64_t taken = std::min(left, c.amount.ticks());
      left -= taken;
      c.amount = Ticks(c.amount.ticks() - taken);
    }
    uncovered += left;
  }
  return uncovered;
}

Outcome Oracle(const Case& c, size_t i) {
  Outcome outcome;
  const Plan& plan = c.plans[i];
  if (!c.allowed[i] || !plan.has_windows()) return outcome;
  const std::vector<UnixNanos> times = StepThrough(plan, c.work);
  outcome.last = times.empty() ? c.work.start : times.back();
  outcome.carries = !c.deadline.has_value() || outcome.last <= *c.deadline;
  outcome.shortfall = Uncovered(c.credits, c.costs, times);
  if (plan.price().has_value()) {
    int64_t months = 0;
    absl::CivilMonth month(2027, 1);  // all cases begin on a 15th
    while (
        absl::FromCivil(absl::CivilSecond(month.year(), month.month(), 15, 8),
                        absl::UTCTimeZone()) +
            (c.work.start.ToTime() - UnixNanos::FromNanos(kBase).ToTime()) <=
        outcome.last.ToTime()) {
      ++months;
      ++month;
    }
    outcome.money = plan.price()->CostOf(c.work.cost, months);
  }
  return outcome;
}

Case RandomCase(std::mt19937_64& random) {
  const auto below = [&](int64_t n) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
  };
  Case c;
  constexpr absl::Duration kPeriods[] = {absl::Seconds(7), absl::Minutes(1),
                                         absl::Hours(1), absl::Hours(24),
                                         absl::Hours(24 * 20)};
  const int64_t plans = 1 + below(4);
  for (int64_t i = 0; i < plans; ++i) {
    Plan::Spec spec = {.name = absl::StrCat("p", i)};
    const int64_t windows = below(8) == 0 ? 0 : 1 + below(2);
    for (int64_t w = 0; w < windows; ++w) {
      spec.windows.push_back(Window(
          w == 0 ? "minute" : "day", 1 + below(40),
          kPeriods[below(std::size(kPeriods))],
          below(2) == 0 ? WindowKind::kFixed : WindowKind::kTokenBucket));
    }
    if (below(4) != 0) {
      spec.price = PlanPrice{below(9) == 0 ? "EUR" : "USD",
                             {below(3) * 50'000'000},
                             {below(3) * 10'000}};
    }
    c.plans.push_back(Plan::Create(spec).value());
    c.allowed.push_back(below(6) != 0);
  }
  c.work.requests = below(below(3) == 0 ? 150 : 40);
  c.work.start = UnixNanos::FromNanos(kBase + below(50 * kSecond));
  int64_t cost = 0;
  for (int64_t i = 0; i < c.work.requests; ++i) {
    c.costs.push_back(Ticks(below(100) * Credits::kTicksPerCredit / 7));
    cost += c.costs.back().ticks();
  }
  c.work.cost = Ticks(cost);
  if (below(2) == 0) c.work.used.push_back({"minute", below(60)});
  if (below(2) == 0) c.work.used.push_back({"day", below(60)});
  constexpr int64_t kSpans[] = {1, 100, 4'000, 100'000, 3'000'000};
  const auto later = [&] {
    return UnixNanos::FromNanos(c.work.start.nanos() +
                                below(kSpans[below(5)] * kSecond));
  };
  if (below(2) == 0) c.deadline = later();
  const int64_t credits = below(4);
  for (int64_t i = 0; i < credits; ++i) {
    c.credits.push_back({Ticks(below(cost + 1))});
    if (below(3) != 0) c.credits.back().expires_at = later();
  }
  return c;
}

// What a caller does with the library.
std::vector<PlanFit> Fits(const Case& c) {
  std::vector<PlanFit> fits;
  for (size_t i = 0; i < c.plans.size(); ++i) {
    PlanFit fit = FitPlan(c.plans[i], c.work);
    fit.allowed = c.allowed[i];
    if (fit.schedule.has_value()) {
      std::vector<int64_t> counts;
      for (const ExpiringCredits& credits : c.credits) {
        counts.push_back(RequestsBefore(*fit.schedule, credits.expires_at));
      }
      RunningCost running(counts);
      for (const Credits cost : c.costs) running.Add(1, cost);
      std::vector<Credits> before;
      for (const int64_t count : counts) {
        before.push_back(running.CostOfFirst(count));
      }
      fit.shortfall = FitFunds(c.credits, before, c.work.cost)->shortfall;
    }
    fits.push_back(fit);
  }
  return fits;
}

TEST(Recommend, EqualsBruteForce) {
  constexpr uint64_t kSeed = 2027;
  std::mt19937_64 random(kSeed);
  int recommended = 0;
  int by_money = 0;
  for (int n = 0; n < 10'000; ++n) {
    SCOPED_TRACE(absl::StrCat("seed ", kSeed, ", case ", n));
    const Case c = RandomCase(random);
    const std::vector<PlanFit> fits = Fits(c);
    std::vector<Outcome> outcomes;
    for (size_t i = 0; i < c.plans.size(); ++i) {
      outcomes.push_back(Oracle(c, i));
      const Outcome& outcome = outcomes.back();
      ASSERT_EQ(fits[i].Carries(c.deadline), outcome.carries);
      if (!outcome.carries) continue;
      ASSERT_EQ(fits[i].last.at, outcome.last);
      ASSERT_EQ(fits[i].shortfall.ticks(), outcome.shortfall);
      ASSERT_EQ(fits[i].money, outcome.money);
    }
    // A plan is the cheapest where no other one is better.
    const auto least = [&](auto&& is_better) {
      std::optional<size_t> found;
      for (size_t i = 0; i < outcomes.size(); ++i) {
        bool is_best = outcomes[i].carries;
        for (size_t k = 0; k < outcomes.size() && is_best; ++k) {
          if (k == i || !outcomes[k].carries) continue;
          is_best = outcomes[k].shortfall != outcomes[i].shortfall
                        ? outcomes[k].shortfall > outcomes[i].shortfall
                        : !is_better(k, i);
        }
        if (is_best) found = i;
      }
      return found;
    };
    int64_t smallest = std::numeric_limits<int64_t>::max();
    for (const Outcome& o : outcomes) {
      if (o.carries) smallest = std::min(smallest, o.shortfall);
    }
    bool money = true;
    std::string currency;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (!outcomes[i].carries || outcomes[i].shortfall != smallest) continue;
      money &= outcomes[i].money.has_value();
      if (!money) break;
      const std::string& one = c.plans[i].price()->currency;
      money &= currency.empty() || currency == one;
      currency = one;
    }
    const auto cheaper = [&](size_t a, size_t b) {
      if (money && outcomes[a].money != outcomes[b].money) {
        return outcomes[a].money < outcomes[b].money;
      }
      return a < b;
    };
    const Recommendation best = Recommend(fits, c.deadline);
    ASSERT_EQ(best.cheapest, least(cheaper));
    ASSERT_EQ(best.fastest, least([&](size_t a, size_t b) {
                return outcomes[a].last != outcomes[b].last
                           ? outcomes[a].last < outcomes[b].last
                           : cheaper(a, b);
              }));
    recommended += best.cheapest.has_value() ? 1 : 0;
    by_money += best.by_money ? 1 : 0;
  }
  EXPECT_GT(recommended, 3'000);
  EXPECT_GT(by_money, 1'000);
}

TEST(SmallestLimits, AreThoseThatStepByStepAreFound) {
  constexpr uint64_t kSeed = 7;
  std::mt19937_64 random(kSeed);
  int found = 0;
  for (int n = 0; n < 500; ++n) {
    const Case c = RandomCase(random);
    const Plan& plan = c.plans[0];
    if (!plan.has_windows() || c.work.requests == 0) continue;
    const UnixNanos deadline =
        c.deadline.value_or(UnixNanos::FromNanos(kBase + 90'000 * kSecond));
    const auto limits = SmallestLimits(plan.windows(), c.work, deadline);
    const auto meets = [&](const std::vector<int64_t>& with) {
      Plan::Spec spec = {.name = "p"};
      for (size_t i = 0; i < plan.windows().size(); ++i) {
        const RateWindow& w = plan.windows()[i];
        spec.windows.push_back(RateWindow::Create({.name = w.name(),
                                                   .kind = w.kind(),
                                                   .limit = with[i],
                                                   .period = w.period()})
                                   .value());
      }
      return StepThrough(Plan::Create(spec).value(), c.work).back() <= deadline;
    };
    ASSERT_TRUE(limits.has_value()) << "case " << n;
    ++found;
    EXPECT_TRUE(meets(*limits)) << "seed " << kSeed << ", case " << n;
    for (size_t i = 0; i < limits->size(); ++i) {
      std::vector<int64_t> fewer = *limits;
      if (--fewer[i] == 0) continue;
      EXPECT_FALSE(meets(fewer)) << "seed " << kSeed << ", case " << n;
    }
  }
  EXPECT_GT(found, 300);
}

}  // namespace
}  // namespace konpro
