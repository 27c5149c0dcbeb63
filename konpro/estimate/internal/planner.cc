#include "konpro/estimate/internal/planner.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/time/civil_time.h"
#include "konpro/limits/limiter_decision.h"

namespace konpro {
namespace {

// A larger limit never delays a request, and a later one never comes earlier;
// so limits and counts are found by bisection, with the schedule itself as the
// judge.

RateWindow WithLimit(const RateWindow& window, int64_t limit) {
  // Only the limit changes, and it is within its range.
  return *RateWindow::Create({.name = window.name(),
                              .kind = window.kind(),
                              .limit = limit,
                              .period = window.period(),
                              .phase = window.phase()});
}

// The smallest limit of windows[index], the others as they are; 0 for none.
int64_t SmallestLimit(std::vector<RateWindow>& windows, size_t index,
                      const PlannedWork& work, UnixNanos deadline) {
  const auto meets = [&](int64_t limit) {
    windows[index] = WithLimit(windows[index], limit);
    return Meets(ScheduleOf(windows, work), deadline);
  };
  if (!meets(RateWindow::kLimitMax)) return 0;
  int64_t low = RateWindow::kLimitMin;
  int64_t high = RateWindow::kLimitMax;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (meets(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  windows[index] = WithLimit(windows[index], high);
  return high;
}

// The same day and time so many months later, or the month's last day.
absl::CivilSecond MonthsLater(absl::CivilSecond time, int64_t months) {
  const absl::CivilMonth month = absl::CivilMonth(time) + months;
  const absl::CivilDay last = absl::CivilDay(month + 1) - 1;
  const absl::CivilDay day(month.year(), month.month(),
                           std::min(time.day(), last.day()));
  return absl::CivilSecond(day) +
         (time - absl::CivilSecond(absl::CivilDay(time)));
}

}  // namespace

Schedule ScheduleOf(absl::Span<const RateWindow> windows,
                    const PlannedWork& work) {
  std::vector<WindowUse> uses;
  for (const WindowUse& use : work.used) {
    for (const RateWindow& window : windows) {
      if (window.name() != use.window) continue;
      uses.push_back({use.window, std::min(use.used, window.limit())});
    }
  }
  const LimiterWindows limiter = LimiterWindows::Of(windows);
  return Schedule(limiter, *StateWithUse(limiter, uses, work.start), work.start,
                  static_cast<uint64_t>(work.requests));
}

int64_t RequestsBefore(const Schedule& schedule, UnixNanos time) {
  int64_t low = 0;
  int64_t high = static_cast<int64_t>(Schedule::kRequestsMax);
  while (low < high) {
    const int64_t middle = low + (high - low + 1) / 2;
    if (schedule.At(static_cast<uint64_t>(middle)).at < time) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

bool Meets(const Schedule& schedule, UnixNanos deadline) {
  const Submission last = schedule.last();
  return !last.never() && last.at <= deadline;
}

std::optional<std::vector<int64_t>> SmallestLimits(
    absl::Span<const RateWindow> windows, const PlannedWork& work,
    UnixNanos deadline) {
  std::vector<RateWindow> changed;
  for (const RateWindow& window : windows) {
    changed.push_back(WithLimit(window, RateWindow::kLimitMax));
  }
  std::vector<size_t> order(windows.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return windows[a].period() > windows[b].period();
  });
  std::vector<int64_t> limits(windows.size());
  for (const size_t i : order) {
    limits[i] = SmallestLimit(changed, i, work, deadline);
    if (limits[i] == 0) return std::nullopt;
  }
  return limits;
}

RunningCost::RunningCost(std::vector<int64_t> counts)
    : counts_(std::move(counts)) {
  std::sort(counts_.begin(), counts_.end());
  counts_.erase(std::unique(counts_.begin(), counts_.end()), counts_.end());
}

void RunningCost::Add(int64_t requests, Credits each) {
  while (costs_.size() < counts_.size() &&
         counts_[costs_.size()] - requests_ <= requests) {
    const int64_t more = counts_[costs_.size()] - requests_;
    costs_.push_back(*CheckedAdd(cost_, *CheckedMultiply(each, more)));
  }
  cost_ = *CheckedAdd(cost_, *CheckedMultiply(each, requests));
  requests_ += requests;
}

Credits RunningCost::CostOfFirst(int64_t count) const {
  const size_t i = static_cast<size_t>(
      std::lower_bound(counts_.begin(), counts_.end(), count) -
      counts_.begin());
  return i < costs_.size() ? costs_[i] : cost_;
}

std::optional<FundsFit> FitFunds(absl::Span<const ExpiringCredits> credits,
                                 absl::Span<const Credits> spent_before,
                                 Credits cost) {
  std::vector<size_t> order(credits.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return credits[a].expires_at < credits[b].expires_at;
  });
  // What has gone out before each expiry draws on it first: what the earlier
  // credits have not covered by then, and no more than goes out until then.
  int64_t covered = 0;
  int64_t expired = 0;
  int64_t sum = 0;
  int64_t seen = 0;
  for (const size_t i : order) {
    const int64_t amount = credits[i].amount.ticks();
    if (__builtin_add_overflow(sum, amount, &sum)) return std::nullopt;
    // Never: all of it goes out before.
    const int64_t spent = credits[i].expires_at == UnixNanos::Max()
                              ? cost.ticks()
                              : spent_before[i].ticks();
    seen = std::max(seen, spent);
    const int64_t used = std::min(amount, seen - covered);
    covered += used;
    if (spent < cost.ticks()) expired += amount - used;
  }
  return FundsFit{.shortfall = Credits::FromTicks(cost.ticks() - covered),
                  .expired = Credits::FromTicks(expired)};
}

int64_t MonthsBegun(absl::Time start, absl::Time last) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::CivilSecond begin = absl::ToCivilSecond(start, utc);
  const absl::Duration fraction = start - absl::FromCivil(begin, utc);
  int64_t months = absl::CivilMonth(absl::ToCivilSecond(last, utc)) -
                   absl::CivilMonth(begin);
  const absl::Time next =
      absl::FromCivil(MonthsLater(begin, months), utc) + fraction;
  return next <= last ? months + 1 : months;
}

PlanFit FitPlan(const Plan& plan, const PlannedWork& work) {
  PlanFit fit = {.plan = &plan, .cost = work.cost};
  if (!plan.has_windows()) return fit;
  fit.schedule = ScheduleOf(plan.windows(), work);
  fit.last = fit.schedule->last();
  if (plan.price().has_value() && !fit.last.never()) {
    fit.months = MonthsBegun(work.start.ToTime(), fit.last.at.ToTime());
    fit.money = plan.price()->CostOf(work.cost, fit.months);
  }
  return fit;
}

Recommendation Recommend(absl::Span<const PlanFit> fits,
                         std::optional<UnixNanos> deadline) {
  std::vector<size_t> carrying;
  for (size_t i = 0; i < fits.size(); ++i) {
    if (!fits[i].Carries(deadline)) continue;
    if (!carrying.empty() &&
        fits[i].shortfall < fits[carrying.front()].shortfall) {
      carrying.clear();
    }
    if (carrying.empty() ||
        fits[i].shortfall == fits[carrying.front()].shortfall) {
      carrying.push_back(i);
    }
  }
  Recommendation recommendation;
  if (carrying.empty()) return recommendation;
  const PlanFit& first = fits[carrying.front()];
  recommendation.by_money =
      std::all_of(carrying.begin(), carrying.end(), [&](size_t i) {
        return fits[i].money.has_value() &&
               fits[i].plan->price()->currency == first.plan->price()->currency;
      });
  const auto cheaper = [&](size_t a, size_t b) {
    if (recommendation.by_money && fits[a].money != fits[b].money) {
      return fits[a].money < fits[b].money;
    }
    return !recommendation.by_money && fits[a].cost != fits[b].cost
               ? fits[a].cost < fits[b].cost
               : a < b;
  };
  recommendation.cheapest =
      *std::min_element(carrying.begin(), carrying.end(), cheaper);
  recommendation.fastest = *std::min_element(
      carrying.begin(), carrying.end(), [&](size_t a, size_t b) {
        return fits[a].last.at != fits[b].last.at
                   ? fits[a].last.at < fits[b].last.at
                   : cheaper(a, b);
      });
  return recommendation;
}

}  // namespace konpro
