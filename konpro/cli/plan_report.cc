#include "konpro/cli/plan_report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/catalog/operation.h"
#include "konpro/cli/command.h"
#include "konpro/limits/rate_window.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
namespace {

std::vector<int64_t> Flat(const std::vector<std::vector<int64_t>>& lists) {
  std::vector<int64_t> all;
  for (const auto& list : lists)
    all.insert(all.end(), list.begin(), list.end());
  return all;
}

// The windows that an account of a plan without windows is given: those of the
// published plans.
std::vector<RateWindow> WindowsToBeGiven() {
  return {*RateWindow::Create(
              {.name = "minute", .limit = 1, .period = absl::Minutes(1)}),
          *RateWindow::Create(
              {.name = "day", .limit = 1, .period = absl::Hours(24)})};
}

std::string TimeOrNothing(UnixNanos time) {
  return time == UnixNanos::Max() ? "" : internal::FormatRfc3339(time.ToTime());
}

// In whole seconds, never earlier than `rfc3339`.
std::string ToSecondsUp(const std::string& rfc3339) {
  absl::Time time;
  absl::ParseTime(absl::RFC3339_full, rfc3339, &time, nullptr);
  const absl::Time second =
      absl::UnixEpoch() +
      absl::Ceil(time - absl::UnixEpoch(), absl::Seconds(1));
  return absl::FormatTime("%E4Y-%m-%d %H:%M:%S", second, absl::UTCTimeZone());
}

std::string MoneyText(const v1::Money& money) {
  return absl::StrCat(money.amount(), " ", money.currency());
}

template <typename Limits>
std::string LimitsText(const Limits& limits) {
  return absl::StrJoin(
      limits, ", ", [](std::string* out, const v1::WindowLimit& limit) {
        absl::StrAppend(out, limit.limit(), " per ", limit.window());
      });
}

}  // namespace

std::string DurationText(double seconds) {
  if (std::isinf(seconds)) return "never";
  return FormatQuantity(static_cast<int64_t>(std::ceil(seconds)) * 1'000,
                        QuantityUnit::kMilliseconds);
}

bool PlanQuestion::has_expiring() const {
  return std::any_of(available.begin(), available.end(),
                     [](const ExpiringCredits& credits) {
                       return credits.expires_at != UnixNanos::Max();
                     });
}

PlanComparison::PlanComparison(const Catalog& catalog,
                               const PlanQuestion& question)
    : catalog_(catalog),
      question_(question),
      has_expiring_(question.has_expiring()),
      counts_(CountsOfAll()),
      running_(Flat(counts_)),
      work_{.start = question.start, .used = question.used} {}

std::vector<std::vector<int64_t>> PlanComparison::CountsOfAll() const {
  std::vector<std::vector<int64_t>> counts;
  for (const Plan& plan : catalog_.plans()) {
    counts.emplace_back();
    if (!plan.has_windows() || !has_expiring_) continue;
    const Schedule schedule = ScheduleOf(
        plan.windows(), {.start = question_.start, .used = question_.used});
    for (const ExpiringCredits& credits : question_.available) {
      counts.back().push_back(RequestsBefore(schedule, credits.expires_at));
    }
  }
  return counts;
}

void PlanComparison::Finish(const Estimator& estimator) {
  work_.requests = estimator.requests();
  work_.cost = estimator.total();
  for (size_t i = 0; i < catalog_.plans().size(); ++i) {
    PlanFit fit = FitPlan(catalog_.plans()[i], work_);
    fit.allowed = estimator.RefusedBy(*fit.plan).empty();
    // Without a schedule nothing is known to expire too early.
    std::vector<Credits> before(question_.available.size(), work_.cost);
    for (size_t k = 0; k < counts_[i].size(); ++k) {
      before[k] = running_.CostOfFirst(counts_[i][k]);
    }
    FundsFit funds;
    if (!question_.available.empty()) {
      funds = *FitFunds(question_.available, before, work_.cost);
    }
    fit.shortfall = funds.shortfall;
    fits_.push_back(fit);
    expired_.push_back(funds.expired);
  }
}

const PlanFit& PlanComparison::FitOf(const Plan& plan) const {
  return fits_[static_cast<size_t>(&plan - catalog_.plans().data())];
}

Credits PlanComparison::ExpiredUnder(const Plan& plan) const {
  return expired_[static_cast<size_t>(&plan - catalog_.plans().data())];
}

std::vector<const PlanFit*> PlanComparison::Carrying() const {
  std::vector<const PlanFit*> carrying;
  for (const PlanFit& fit : fits_) {
    if (fit.Carries(question_.deadline)) carrying.push_back(&fit);
  }
  return carrying;
}

std::vector<v1::WindowLimit> PlanComparison::NeededLimits(
    const Plan& plan) const {
  const std::vector<RateWindow> windows =
      plan.has_windows() ? std::vector<RateWindow>(plan.windows().begin(),
                                                   plan.windows().end())
                         : WindowsToBeGiven();
  const std::optional<std::vector<int64_t>> limits =
      SmallestLimits(windows, work_, *question_.deadline);
  std::vector<v1::WindowLimit> needed;
  for (size_t i = 0; limits.has_value() && i < windows.size(); ++i) {
    needed.emplace_back();
    needed.back().set_window(std::string(windows[i].name()));
    needed.back().set_limit((*limits)[i]);
  }
  return needed;
}

namespace {

void DescribeSchedule(const PlanFit& fit, v1::Estimate& report) {
  v1::RequestSchedule& schedule = *report.mutable_schedule();
  schedule.set_start(internal::FormatRfc3339(fit.schedule->start().ToTime()));
  schedule.set_first(TimeOrNothing(fit.schedule->first().at));
  schedule.set_last(TimeOrNothing(fit.last.at));
  if (fit.last.binding_window.has_value()) {
    schedule.set_binding_window(
        std::string(fit.plan->windows()[*fit.last.binding_window].name()));
  }
  schedule.set_duration_seconds(
      absl::ToDoubleSeconds(fit.schedule->duration()));
}

void DescribeDeadline(const PlanComparison& comparison, const PlanFit& fit,
                      v1::Estimate& report) {
  const UnixNanos deadline = *comparison.question().deadline;
  v1::Deadline& out = *report.mutable_deadline();
  out.set_at(internal::FormatRfc3339(deadline.ToTime()));
  out.set_met(fit.Carries(deadline));
  if (out.met()) return;
  if (fit.allowed) {
    if (fit.schedule.has_value()) {
      out.set_late_seconds(absl::ToDoubleSeconds(fit.last.never()
                                                     ? absl::InfiniteDuration()
                                                     : fit.last.at - deadline));
    }
    for (const v1::WindowLimit& limit : comparison.NeededLimits(*fit.plan)) {
      *out.add_needed_limits() = limit;
    }
  }
  for (const PlanFit* other : comparison.Carrying()) {
    out.add_met_by(other->plan->name());
  }
}

// Uses of windows that are above the plan's limit.
void DescribeUse(const PlanQuestion& question, const Plan& plan,
                 v1::Estimate& report) {
  for (const WindowUse& use : question.used) {
    for (const RateWindow& window : plan.windows()) {
      if (window.name() != use.window || use.used <= window.limit()) continue;
      report.add_assumptions(
          absl::StrCat(plan.name(), ": ", use.used, " used in window ",
                       use.window, " count as its limit, ", window.limit()));
    }
  }
}

}  // namespace

void DescribePlan(const PlanComparison& comparison, const Plan& plan,
                  v1::Estimate& report) {
  const PlanFit& fit = comparison.FitOf(plan);
  const PlanQuestion& question = comparison.question();
  if (fit.allowed && fit.schedule.has_value()) DescribeSchedule(fit, report);
  if (question.deadline.has_value()) DescribeDeadline(comparison, fit, report);
  if (!question.available.empty()) {
    *report.mutable_shortfall() = ToAmount(fit.shortfall);
  }
  if (question.has_expiring() && report.has_schedule()) {
    *report.mutable_expiring() = ToAmount(comparison.ExpiredUnder(plan));
  }
  if (fit.allowed && fit.money.has_value()) {
    v1::Money& money = *report.mutable_money();
    money.set_currency(plan.price()->currency);
    money.set_amount(fit.money->ToString());
    money.set_months(fit.months);
    report.add_assumptions(
        "money: each month that has begun by the last request, from the start, "
        "and the credits, rounded to six places half to even");
  }
  if (fit.allowed) DescribeUse(question, plan, report);
}

namespace {

// Where no plan carries the work: what would.
std::string WhatWouldHaveToChange(const PlanComparison& comparison) {
  const PlanFit* soonest = nullptr;
  const PlanFit* without_windows = nullptr;
  bool any_allowed = false;
  for (const PlanFit& fit : comparison.fits()) {
    if (!fit.allowed) continue;
    any_allowed = true;
    if (!fit.schedule.has_value()) {
      without_windows = &fit;
    } else if (soonest == nullptr || fit.last.at < soonest->last.at) {
      soonest = &fit;
    }
  }
  if (!any_allowed) return "no plan allows all of it";
  if (!comparison.question().deadline.has_value()) {
    return without_windows == nullptr
               ? "no plan is ever done with it"
               : absl::StrCat("only ", without_windows->plan->name(),
                              " allows it, with limits given per account");
  }
  const UnixNanos deadline = *comparison.question().deadline;
  std::vector<std::string> changes;
  if (soonest != nullptr && !soonest->last.never()) {
    changes.push_back(absl::StrCat(
        soonest->plan->name(), " is done at ",
        internal::FormatRfc3339(soonest->last.at.ToTime()), ", ",
        DurationText(absl::ToDoubleSeconds(soonest->last.at - deadline)),
        " late"));
  }
  if (without_windows != nullptr) {
    const std::vector<v1::WindowLimit> limits =
        comparison.NeededLimits(*without_windows->plan);
    if (!limits.empty()) {
      changes.push_back(absl::StrCat(without_windows->plan->name(),
                                     " needs limits of ", LimitsText(limits)));
    }
  }
  return absl::StrCat("no plan meets the deadline", changes.empty() ? "" : "; ",
                      absl::StrJoin(changes, "; "));
}

std::string Reason(const PlanComparison& comparison,
                   const Recommendation& best) {
  const PlanFit& cheapest = comparison.fits()[*best.cheapest];
  const PlanFit& fastest = comparison.fits()[*best.fastest];
  const bool deadline = comparison.question().deadline.has_value();
  std::string reason =
      best.by_money
          ? absl::StrCat(cheapest.plan->name(),
                         " costs the least: ", cheapest.money->ToString(), " ",
                         cheapest.plan->price()->currency)
          : absl::StrCat("credits are the same under every plan: ",
                         cheapest.plan->name(), " is the first that ",
                         deadline ? "meets the deadline" : "allows all of it");
  if (&fastest != &cheapest) {
    absl::StrAppend(
        &reason, "; ", fastest.plan->name(), " is done ",
        DurationText(absl::ToDoubleSeconds(cheapest.last.at - fastest.last.at)),
        " earlier");
  } else {
    absl::StrAppend(&reason, "; none is done earlier");
  }
  if (cheapest.shortfall > Credits()) {
    absl::StrAppend(&reason, "; ", cheapest.shortfall.ToString(),
                    " credits are missing");
  }
  return reason;
}

}  // namespace

v1::Recommendation ToRecommendation(const PlanComparison& comparison) {
  const Recommendation best =
      Recommend(comparison.fits(), comparison.question().deadline);
  v1::Recommendation recommendation;
  if (!best.cheapest.has_value()) {
    recommendation.set_reason(WhatWouldHaveToChange(comparison));
    return recommendation;
  }
  recommendation.set_cheapest(comparison.fits()[*best.cheapest].plan->name());
  recommendation.set_fastest(comparison.fits()[*best.fastest].plan->name());
  recommendation.set_reason(Reason(comparison, best));
  return recommendation;
}

ReportTable PlansTable(absl::Span<const v1::Estimate> reports) {
  const auto any = [&](auto&& has) {
    return std::any_of(reports.begin(), reports.end(), has);
  };
  const bool expiring =
      any([](const v1::Estimate& report) { return report.has_expiring(); });
  const bool money =
      any([](const v1::Estimate& report) { return report.has_money(); });
  std::vector<ReportTable::Column> columns = {
      {"plan"}, {"allowed"}, {"last request (UTC)"}, {"waits for"}};
  if (expiring) columns.push_back({"short", ColumnAlign::kRight});
  if (money) columns.push_back({"money", ColumnAlign::kRight});
  ReportTable table(columns);
  for (const v1::Estimate& report : reports) {
    const v1::RequestSchedule& schedule = report.schedule();
    std::vector<std::string> row = {report.plan(),
                                    report.allowed() ? "yes" : "no"};
    row.push_back(!report.has_schedule()    ? "-"
                  : schedule.last().empty() ? "never"
                                            : ToSecondsUp(schedule.last()));
    row.push_back(
        schedule.binding_window().empty() ? "-" : schedule.binding_window());
    if (expiring) {
      row.push_back(report.has_expiring() ? report.shortfall().credits() : "-");
    }
    if (money) {
      row.push_back(report.has_money() ? MoneyText(report.money()) : "-");
    }
    table.AddRow(row);
  }
  return table;
}

std::string DeadlineText(const v1::Estimate& report) {
  const v1::Deadline& deadline = report.deadline();
  std::vector<std::string> changes;
  if (std::isinf(deadline.late_seconds())) {
    changes.push_back("it is never done");
  } else if (deadline.late_seconds() > 0) {
    changes.push_back(
        absl::StrCat("late by ", DurationText(deadline.late_seconds())));
  }
  if (!deadline.needed_limits().empty()) {
    changes.push_back(
        absl::StrCat("needs limits of ", LimitsText(deadline.needed_limits())));
  }
  if (!deadline.met_by().empty()) {
    changes.push_back(
        absl::StrCat("met by ", absl::StrJoin(deadline.met_by(), ", ")));
  }
  return absl::StrJoin(changes, "; ");
}

std::vector<std::string> PlanFacts(const v1::Estimate& report) {
  std::vector<std::string> facts;
  if (!report.refused_operations().empty()) {
    facts.push_back(absl::StrCat(
        report.plan(),
        " does not allow: ", absl::StrJoin(report.refused_operations(), ", ")));
  }
  if (report.has_expiring() && report.expiring().ticks() > 0) {
    facts.push_back(absl::StrCat(report.plan(), ": ",
                                 report.expiring().credits(),
                                 " credits expire before they are used"));
  }
  if (report.has_deadline() && report.allowed()) {
    facts.push_back(report.deadline().met()
                        ? absl::StrCat(report.plan(), " meets the deadline")
                        : absl::StrCat(report.plan(),
                                       report.has_schedule()
                                           ? " misses the deadline: "
                                           : " cannot meet the deadline as it "
                                             "is: ",
                                       DeadlineText(report)));
  }
  return facts;
}

}  // namespace konpro::cli
