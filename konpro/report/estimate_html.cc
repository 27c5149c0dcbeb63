#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/operation.h"
#include "konpro/limits/rate_window.h"
#include "konpro/report/estimate_report.h"
#include "konpro/report/internal/html_page.h"
#include "konpro/report/internal/plan_text.h"
#include "konpro/report/internal/report_line_text.h"
#include "konpro/report/internal/svg_chart.h"
#include "konpro/report/internal/table.h"

namespace konpro {
namespace {

using Verdict = HtmlPage::Verdict;
using Fact = HtmlPage::Fact;

constexpr int kStretches = 200;

// How many requests are out at `time`: at least `from`.
uint64_t SubmittedAt(const Schedule& schedule, UnixNanos time, uint64_t from) {
  uint64_t to = schedule.requests();
  while (from < to) {
    const uint64_t middle = to - (to - from) / 2;
    if (schedule.At(middle).at <= time) {
      from = middle;
    } else {
      to = middle - 1;
    }
  }
  return from;
}

std::string LimitsText(const Plan& plan) {
  std::vector<std::string> texts;
  for (const RateWindow& window : plan.windows()) {
    texts.push_back(absl::StrCat(window.limit(), " per ", window.name()));
  }
  return texts.empty() ? "given per account" : absl::StrJoin(texts, ", ");
}

// Where an amount lies on an axis; never shown as a figure.
double Place(const v1::Amount& amount) {
  return static_cast<double>(amount.ticks()) /
         static_cast<double>(Credits::kTicksPerCredit);
}

std::string CostText(const v1::ReportLine& line) {
  return line.has_cost() ? line.cost().credits() : "no price";
}

bool IsUncertain(const v1::ReportLine& line) {
  return line.has_uncertain_jobs() && line.uncertain_jobs() > 0;
}

std::string Basis(const v1::ReportLine& line) {
  if (!IsUncertain(line)) return "exact";
  return absl::StrCat("assumed: ", line.uncertain_jobs(), " of ", line.jobs(),
                      " jobs");
}

std::string Names(
    const google::protobuf::RepeatedPtrField<std::string>& names) {
  return names.empty() ? "none" : absl::StrJoin(names, ", ");
}

// What `estimate` says whatever the plan.
std::vector<Verdict> GeneralVerdicts(const v1::Estimate& estimate,
                                     bool one_shortfall) {
  std::vector<Verdict> verdicts;
  const auto add = [&](ChartTone tone, auto&&... parts) {
    verdicts.push_back({absl::StrCat(parts...), tone});
  };
  if (estimate.has_available() && one_shortfall) {
    const std::string& available = estimate.available().credits();
    if (estimate.shortfall().ticks() > 0) {
      add(ChartTone::kBad, estimate.shortfall().credits(),
          " short: ", available, " available");
    } else {
      add(ChartTone::kGood, "covered: ", available, " available");
    }
  }
  if (estimate.has_budget()) {
    const std::string& budget = estimate.budget().credits();
    if (estimate.over_budget().ticks() > 0) {
      add(ChartTone::kBad, estimate.over_budget().credits(),
          " above the budget of ", budget);
    } else {
      add(ChartTone::kGood, "within the budget of ", budget);
    }
  }
  if (estimate.range().has_probability_within_budget()) {
    add(ChartTone::kMuted,
        absl::StrFormat("budget kept in %.1f%% of samples",
                        estimate.range().probability_within_budget() * 100));
  }
  if (!estimate.unpriced_operations().empty()) {
    add(ChartTone::kBad, "no price: ", Names(estimate.unpriced_operations()));
  }
  return verdicts;
}

// "deadline 2027-... met by pro, scale", of those plans of which `holds` is
// true.
Verdict VerdictOfPlans(const v1::Estimates& estimates,
                       absl::string_view holds_by,
                       absl::string_view holds_for_none,
                       absl::FunctionRef<bool(const v1::Estimate&)> holds) {
  std::vector<absl::string_view> plans;
  for (const v1::Estimate& estimate : estimates.plans()) {
    if (holds(estimate)) plans.push_back(estimate.plan());
  }
  if (plans.empty()) return {std::string(holds_for_none), ChartTone::kBad};
  return {absl::StrCat(holds_by, absl::StrJoin(plans, ", ")), ChartTone::kGood};
}

// Of plans that cost different amounts: which of them the money is enough for.
std::vector<Verdict> MoneyVerdicts(const v1::Estimates& estimates) {
  const v1::Estimate& first = estimates.plans(0);
  std::vector<Verdict> verdicts;
  if (first.has_available()) {
    verdicts.push_back(VerdictOfPlans(
        estimates, "covered by what is available: ", "no plan is covered",
        [](const v1::Estimate& estimate) {
          return estimate.allowed() && estimate.shortfall().ticks() == 0;
        }));
  }
  if (first.has_budget()) {
    const std::string& budget = first.budget().credits();
    verdicts.push_back(VerdictOfPlans(
        estimates, absl::StrCat("within the budget of ", budget, ": "),
        absl::StrCat("no plan is within the budget of ", budget),
        [](const v1::Estimate& estimate) {
          return estimate.allowed() && estimate.over_budget().ticks() == 0;
        }));
  }
  return verdicts;
}

std::vector<Verdict> PageVerdicts(const v1::Estimates& estimates) {
  const v1::Estimate& first = estimates.plans(0);
  // If credits expire, each plan may lack other ones: its card says so.
  std::vector<Verdict> verdicts =
      TotalsDiffer(estimates)
          ? MoneyVerdicts(estimates)
          : GeneralVerdicts(
                first, estimates.plans_size() == 1 || !first.has_expiring());
  const bool allowed = std::any_of(
      estimates.plans().begin(), estimates.plans().end(),
      [](const v1::Estimate& estimate) { return estimate.allowed(); });
  if (!allowed) {
    verdicts.push_back({estimates.plans_size() > 1 || first.plan().empty()
                            ? "no plan allows all of it"
                            : absl::StrCat(first.plan(), " does not allow ",
                                           Names(first.refused_operations())),
                        ChartTone::kBad});
  } else if (first.has_deadline()) {
    const std::string deadline =
        absl::StrCat("deadline ", first.deadline().at());
    verdicts.push_back(VerdictOfPlans(
        estimates, absl::StrCat(deadline, " met by "),
        absl::StrCat(deadline, " missed"), [](const v1::Estimate& estimate) {
          return estimate.deadline().met();
        }));
  }
  return verdicts;
}

// "15000", or "15000 to 28000" if plans cost different amounts.
std::string TotalText(const v1::Estimates& estimates) {
  const auto [least, most] =
      std::minmax_element(estimates.plans().begin(), estimates.plans().end(),
                          [](const v1::Estimate& a, const v1::Estimate& b) {
                            return a.total().ticks() < b.total().ticks();
                          });
  if (least->total().ticks() == most->total().ticks()) {
    return least->total().credits();
  }
  return absl::StrCat(least->total().credits(), " to ",
                      most->total().credits());
}

void PrintHeader(const v1::Estimates& estimates, const EstimatePage& details,
                 HtmlPage& page) {
  const v1::Estimate& first = estimates.plans(0);
  std::string lead = absl::StrCat(first.requests(), " requests");
  if (!first.plan().empty() && estimates.plans_size() == 1) {
    absl::StrAppend(&lead, " under plan ", first.plan());
  }
  absl::StrAppend(&lead, ", prices of catalog ", first.catalog_version());
  if (TotalsDiffer(estimates)) {
    absl::StrAppend(&lead,
                    ". They change while requests wait, so each plan costs "
                    "another amount");
  }
  page.Header(absl::StrCat("konpro estimate of ", details.source),
              TotalText(estimates),
              first.has_range() ? "credits, likely" : "credits", lead);
  page.Verdicts(PageVerdicts(estimates));
}

// What sections of one estimate are called, and what their charts are.
struct Scope {
  // Of the page's only plan, or of all plans, "".
  std::string plan;
  int index = 0;

  std::string Heading(absl::string_view heading) const {
    return plan.empty() ? std::string(heading)
                        : absl::StrCat(heading, ": plan ", plan);
  }
  std::string Id(absl::string_view id, absl::string_view suffix) const {
    return plan.empty() ? absl::StrCat(id, suffix)
                        : absl::StrCat(id, "-", index, suffix);
  }
};

void PrintCosts(const v1::Estimate& estimate, const Scope& scope,
                HtmlPage& page) {
  page.Section(scope.Heading("Cost per operation"));
  std::vector<ChartBar> bars;
  std::vector<std::string> values;
  double longest = 0;
  for (const v1::ReportLine& line : estimate.lines()) {
    bars.push_back(
        {.label = line.operation(),
         .value = CostText(line),
         .length = Place(line.cost()),
         .tone = IsUncertain(line) ? ChartTone::kWarning : ChartTone::kAccent});
    values.push_back(absl::StrCat(line.operation(), ": ", CostText(line)));
    longest = std::max(longest, bars.back().length);
  }
  if (!bars.empty()) {
    page.Chart([&](absl::string_view suffix, int width) {
      return BarChart({.id = scope.Id("cost", suffix),
                       .title = scope.Heading("Credits per operation"),
                       .description = absl::StrJoin(values, "; "),
                       .width = width},
                      NumberAxis("credits", 0, longest, 5), bars, {});
    });
  }
  const bool ranges = estimate.has_range();
  std::vector<ReportTable::Column> columns = {{"operation"},
                                              {"jobs", ColumnAlign::kRight},
                                              {"quantity", ColumnAlign::kRight},
                                              {"credits", ColumnAlign::kRight}};
  if (ranges) columns.push_back({"figures"});
  ReportTable table(columns);
  const auto row = [&](std::vector<std::string> cells, std::string basis) {
    if (ranges) cells.push_back(std::move(basis));
    return cells;
  };
  for (const v1::ReportLine& line : estimate.lines()) {
    table.AddRow(row({line.operation(), absl::StrCat(line.jobs()),
                      QuantityText(line), CostText(line)},
                     Basis(line)));
  }
  table.AddTotal(row({"total", absl::StrCat(estimate.requests()), "",
                      estimate.total().credits()},
                     "assumed: likely"));
  page.Print(table);
  page.Caption(
      ranges
          ? "Exact figures are of known quantities. Assumed ones, in another "
            "colour, take the likely quantity of jobs that are uncertain."
          : "All quantities are known: the figures are exact.");
}

std::vector<ChartMarker> Limits(const v1::Estimate& estimate) {
  std::vector<ChartMarker> markers;
  const auto add = [&](const char* name, const v1::Amount& amount, bool holds) {
    markers.push_back({absl::StrCat(name, " ", amount.credits()), Place(amount),
                       holds ? ChartTone::kGood : ChartTone::kBad});
  };
  if (estimate.has_budget()) {
    add("budget", estimate.budget(), estimate.over_budget().ticks() == 0);
  }
  if (estimate.has_available()) {
    add("available", estimate.available(),
        estimate.total().ticks() <= estimate.available().ticks());
  }
  return markers;
}

std::string MarkersText(absl::Span<const ChartMarker> markers) {
  return absl::StrJoin(markers, "",
                       [](std::string* out, const ChartMarker& marker) {
                         absl::StrAppend(out, "; ", marker.label);
                       });
}

// The total, or that of each plan if they differ, as bars against what there is
// for it.
void PrintTotals(const v1::Estimates& estimates, HtmlPage& page) {
  const bool differ = TotalsDiffer(estimates);
  std::vector<ChartMarker> markers = Limits(estimates.plans(0));
  std::vector<ChartBar> bars;
  std::vector<std::string> texts;
  double longest = 0;
  for (const v1::Estimate& estimate : estimates.plans()) {
    const bool holds = estimate.over_budget().ticks() == 0 &&
                       estimate.shortfall().ticks() == 0;
    bars.push_back({.label = differ ? estimate.plan() : "total",
                    .value = estimate.total().credits(),
                    .length = Place(estimate.total())});
    if (differ && !holds) bars.back().tone = ChartTone::kBad;
    texts.push_back(absl::StrCat(bars.back().label, " ", bars.back().value));
    longest = std::max(longest, bars.back().length);
    if (!differ) break;
  }
  for (ChartMarker& marker : markers) {
    longest = std::max(longest, marker.at);
    // Of one plan it may hold, and of another one not.
    if (differ) marker.tone = ChartTone::kMuted;
  }
  const absl::string_view title = differ ? "Totals against budget and balance"
                                         : "Total against budget and balance";
  page.Section(title);
  page.Chart([&](absl::string_view suffix, int width) {
    return BarChart({.id = absl::StrCat("total", suffix),
                     .title = std::string(title),
                     .description = absl::StrCat(absl::StrJoin(texts, "; "),
                                                 MarkersText(markers)),
                     .width = width},
                    NumberAxis("credits", 0, longest, 5), bars, markers);
  });
}

void PrintRange(const v1::Estimate& estimate, const Scope& scope,
                HtmlPage& page) {
  const v1::TotalRange& range = estimate.range();
  std::vector<ChartMarker> markers = Limits(estimate);
  markers.push_back({absl::StrCat("likely ", estimate.total().credits()),
                     Place(estimate.total()), ChartTone::kAccent});
  const auto quantile = [](const char* name, const v1::Amount& amount) {
    return ChartQuantile{name, amount.credits(), Place(amount)};
  };
  const ChartRange drawn = {quantile("P10", range.p10()),
                            quantile("P50", range.p50()),
                            quantile("P90", range.p90())};
  double low = drawn.low.at;
  double high = drawn.high.at;
  for (const ChartMarker& marker : markers) {
    low = std::min(low, marker.at);
    high = std::max(high, marker.at);
  }
  const double pad = (high - low) / 10;
  page.Section(scope.Heading("Range of the total"));
  page.Chart([&](absl::string_view suffix, int width) {
    return RangeChart(
        {.id = scope.Id("range", suffix),
         .title = scope.Heading("Range of the total"),
         .description =
             absl::StrCat(drawn.low.label, "; ", drawn.middle.label, "; ",
                          drawn.high.label, MarkersText(markers)),
         .width = width},
        NumberAxis("credits", std::max(0.0, low - pad), high + pad, 5), drawn,
        markers);
  });
  std::string text = absl::StrCat(
      "In 80 of 100 cases the total is between ", range.p10().credits(),
      " and ", range.p90().credits(), " credits; in half of them at most ",
      range.p50().credits(), ".");
  if (range.has_probability_within_budget()) {
    absl::StrAppendFormat(&text, " It stays within the budget in %.1f%%.",
                          range.probability_within_budget() * 100);
  }
  page.Paragraph(text);
  if (estimate.total().ticks() < range.p10().ticks() ||
      estimate.total().ticks() > range.p90().ticks()) {
    page.Paragraph(absl::StrCat(
        "The likely quantities alone come to ", estimate.total().credits(),
        ", which is outside of that: more can happen on one side of them than "
        "on the other."));
  }
  page.Caption(
      absl::StrCat("Of the sum's distribution, each uncertain job "
                   "drawn by itself: ",
                   range.samples(), " samples, seed ", range.seed(), "."));
}

std::string SubmissionsText(const v1::Estimate& estimate) {
  const v1::RequestSchedule& schedule = estimate.schedule();
  return absl::StrCat(estimate.requests(), " requests from ", schedule.start(),
                      "; first ", schedule.first(), "; last ", schedule.last(),
                      ", after ", DurationText(schedule.duration_seconds()));
}

// Whether there is more to see than that all go out at once.
bool HasTimeline(const PlanPage& plan) {
  return !plan.submissions.empty() &&
         plan.submissions.back().elapsed > absl::ZeroDuration();
}

std::string TimelineChart(const v1::Estimate& estimate, const PlanPage& plan,
                          const std::string& id, int width) {
  ChartSeries series;
  for (const SubmissionSample& sample : plan.submissions) {
    series.points.push_back({absl::ToDoubleSeconds(sample.elapsed),
                             static_cast<double>(sample.submitted)});
  }
  const auto requests = static_cast<double>(estimate.requests());
  return LineChart(
      {.id = id,
       .title = absl::StrCat("Requests submitted under plan ", estimate.plan()),
       .description = SubmissionsText(estimate),
       .width = width},
      ElapsedAxis("time since the start", plan.submissions.back().elapsed,
                  width > 500 ? 8 : 4),
      NumberAxis("requests submitted", 0, requests, 5), {.series = {series}});
}

std::vector<Fact> FactsOf(const v1::Estimate& estimate, const PlanPage& plan) {
  std::vector<Fact> facts;
  const auto add = [&](const char* name, std::string text) {
    if (!text.empty()) facts.push_back({name, std::move(text)});
  };
  add("limits", plan.limits);
  if (estimate.has_schedule()) {
    const v1::RequestSchedule& schedule = estimate.schedule();
    const auto or_never = [](const std::string& time) {
      return time.empty() ? "never" : time;
    };
    add("start", schedule.start());
    add("first request", or_never(schedule.first()));
    add("last request", or_never(schedule.last()));
    add("takes", DurationText(schedule.duration_seconds()));
    add("waits for", schedule.binding_window().empty()
                         ? "nothing"
                         : schedule.binding_window());
  }
  if (estimate.allowed() && estimate.has_deadline()) {
    add("deadline", DeadlineText(estimate));
  }
  if (estimate.has_expiring()) {
    add("short", estimate.shortfall().credits());
    add("expires unused", estimate.expiring().credits());
  }
  if (estimate.has_money()) {
    const v1::Money& money = estimate.money();
    add("money", absl::StrCat(money.amount(), " ", money.currency(), ", ",
                              money.months(),
                              money.months() == 1 ? " month" : " months"));
  }
  return facts;
}

// `differ`: whether the page has no verdict on money for all plans.
std::vector<Verdict> PlanVerdicts(const v1::Estimate& estimate,
                                  const v1::Recommendation& recommendation,
                                  bool differ) {
  std::vector<Verdict> verdicts;
  if (differ) verdicts = GeneralVerdicts(estimate, !estimate.has_expiring());
  if (!estimate.allowed()) {
    verdicts.push_back(
        {absl::StrCat("does not allow ", Names(estimate.refused_operations())),
         ChartTone::kBad});
  }
  if (recommendation.cheapest() == estimate.plan()) {
    verdicts.push_back({"cheapest", ChartTone::kAccent});
  }
  if (recommendation.fastest() == estimate.plan()) {
    verdicts.push_back({"fastest", ChartTone::kAccent});
  }
  if (estimate.allowed() && estimate.has_deadline()) {
    const v1::Deadline& deadline = estimate.deadline();
    verdicts.push_back(deadline.met()
                           ? Verdict{"meets the deadline", ChartTone::kGood}
                       : deadline.limits_not_known()
                           ? Verdict{"limits not known", ChartTone::kAccent}
                           : Verdict{"misses the deadline", ChartTone::kBad});
  }
  return verdicts;
}

// How long each plan takes, beside each other.
void PrintDurations(const v1::Estimates& estimates, HtmlPage& page) {
  std::vector<ChartBar> bars;
  std::vector<std::string> values;
  double longest = 0;
  for (const v1::Estimate& estimate : estimates.plans()) {
    const double seconds = estimate.schedule().duration_seconds();
    const bool ends = estimate.has_schedule() && std::isfinite(seconds);
    bars.push_back({.label = estimate.plan(),
                    .value = estimate.has_schedule() ? DurationText(seconds)
                             : estimate.allowed()    ? "limits not known"
                                                     : "not allowed",
                    .length = ends ? seconds : 0});
    values.push_back(absl::StrCat(bars.back().label, ": ", bars.back().value));
    longest = std::max(longest, bars.back().length);
  }
  if (longest <= 0) return;
  page.Chart([&](absl::string_view suffix, int width) {
    return BarChart({.id = absl::StrCat("plans", suffix),
                     .title = "Time until the last request, per plan",
                     .description = absl::StrJoin(values, "; "),
                     .width = width},
                    ElapsedAxis("time from the start until the last request",
                                absl::Seconds(longest), width > 500 ? 8 : 4),
                    bars, {});
  });
}

void PrintPlans(const v1::Estimates& estimates, const EstimatePage& details,
                HtmlPage& page) {
  const bool one = estimates.plans_size() == 1;
  const bool differ = TotalsDiffer(estimates);
  page.Section(one ? "Plan and submission timeline"
                   : "Plans and submission timeline");
  const v1::Recommendation& recommendation = estimates.recommendation();
  if (!recommendation.cheapest().empty()) {
    page.Paragraph(absl::StrCat("Cheapest: ", recommendation.cheapest(),
                                ". Fastest: ", recommendation.fastest(), "."));
  }
  if (!recommendation.reason().empty()) {
    page.Paragraph(absl::StrCat("Because ", recommendation.reason(), "."));
  }
  if (!one) PrintDurations(estimates, page);
  std::vector<HtmlPage::Card> cards;
  for (int i = 0; i < estimates.plans_size(); ++i) {
    const v1::Estimate& estimate = estimates.plans(i);
    const PlanPage& plan = details.plans[static_cast<size_t>(i)];
    cards.push_back({.title = estimate.plan(),
                     .verdicts = PlanVerdicts(estimate, recommendation, differ),
                     .facts = FactsOf(estimate, plan)});
    if (differ) {
      cards.back().facts.insert(
          cards.back().facts.begin(),
          {"total", absl::StrCat(estimate.total().credits(), " credits")});
    }
    if (!one && HasTimeline(plan)) {
      cards.back().chart = TimelineChart(
          estimate, plan, absl::StrCat("timeline-", i), HtmlPage::kNarrow);
    }
  }
  page.Cards(cards);
  if (!one || !HasTimeline(details.plans[0])) return;
  page.Chart([&](absl::string_view suffix, int width) {
    return TimelineChart(estimates.plans(0), details.plans[0],
                         absl::StrCat("timeline", suffix), width);
  });
}

void PrintAssumptions(const v1::Estimates& estimates, HtmlPage& page) {
  std::vector<std::string> assumptions;
  for (const v1::Estimate& estimate : estimates.plans()) {
    for (const std::string& assumption : estimate.assumptions()) {
      if (std::find(assumptions.begin(), assumptions.end(), assumption) ==
          assumptions.end()) {
        assumptions.push_back(assumption);
      }
    }
  }
  page.Section("Assumed");
  page.List(assumptions);
}

void PrintExplanations(const v1::Estimate& estimate, const Scope& scope,
                       HtmlPage& page) {
  std::vector<std::string> texts;
  const auto add = [&](const auto& lines) {
    for (const v1::ReportLine& line : lines) {
      if (line.has_explanation()) texts.push_back(ExplanationText(line));
    }
  };
  add(estimate.lines());
  for (const v1::PricePeriod& period : estimate.price_periods()) {
    add(period.lines());
  }
  if (texts.empty()) return;
  page.Section(scope.Heading("How each line comes about"));
  page.List(texts);
}

}  // namespace

std::vector<SubmissionSample> SampleSubmissions(const Schedule& schedule) {
  std::vector<SubmissionSample> samples;
  if (schedule.requests() == 0 || schedule.last().never()) return samples;
  const auto add = [&](UnixNanos at, uint64_t submitted) {
    const SubmissionSample sample = {at - schedule.start(),
                                     static_cast<int64_t>(submitted)};
    if (samples.empty() || !(samples.back() == sample)) {
      samples.push_back(sample);
    }
  };
  const int64_t start = schedule.start().nanos();
  const int64_t length = schedule.last().at.nanos() - start;
  add(schedule.start(), 0);
  uint64_t submitted = 0;
  for (int i = 0; i <= kStretches; ++i) {
    // Without the product, which may be too large for 64 bits.
    const int64_t elapsed =
        length / kStretches * i + length % kStretches * i / kStretches;
    const UnixNanos time = UnixNanos::FromNanos(start + elapsed);
    const uint64_t reached = SubmittedAt(schedule, time, submitted);
    if (reached == submitted) continue;
    add(schedule.At(submitted + 1).at, submitted);
    add(schedule.At(reached).at, reached);
    submitted = reached;
  }
  return samples;
}

EstimatePage ToEstimatePage(std::string source,
                            absl::Span<const Plan* const> plans,
                            const PlanComparison& comparison) {
  EstimatePage page = {.source = std::move(source), .plans = {}};
  page.plans.resize(std::max<size_t>(plans.size(), 1));
  for (size_t i = 0; i < plans.size(); ++i) {
    page.plans[i].limits = LimitsText(*plans[i]);
    const PlanFit& fit = comparison.FitOf(*plans[i]);
    if (!fit.allowed || !fit.schedule.has_value()) continue;
    page.plans[i].submissions = SampleSubmissions(*fit.schedule);
  }
  return page;
}

void PrintHtml(const v1::Estimates& estimates, const EstimatePage& details,
               std::ostream& out) {
  const v1::Estimate& first = estimates.plans(0);
  HtmlPage page(absl::StrCat("konpro estimate of ", details.source, ": ",
                             TotalText(estimates), " credits"),
                out);
  const bool differ = TotalsDiffer(estimates);
  // What all plans have in common is there once, from the first.
  const auto for_each =
      [&](absl::FunctionRef<void(const v1::Estimate&, const Scope&)> print) {
        if (!differ) return print(first, {});
        for (int i = 0; i < estimates.plans_size(); ++i) {
          print(estimates.plans(i), {estimates.plans(i).plan(), i});
        }
      };
  PrintHeader(estimates, details, page);
  for_each([&](const v1::Estimate& estimate, const Scope& scope) {
    PrintCosts(estimate, scope, page);
    if (!estimate.price_periods().empty()) {
      page.Paragraph(PricePeriodsText(estimate));
    }
  });
  if (first.has_range()) {
    for_each([&](const v1::Estimate& estimate, const Scope& scope) {
      PrintRange(estimate, scope, page);
    });
  } else if (first.has_budget() || first.has_available()) {
    PrintTotals(estimates, page);
  }
  if (first.plan().empty()) {
    page.Section("Plans");
    page.Paragraph(absl::StrCat(
        "Plans that allow all of it: ", Names(first.allowed_plans()), "."));
  } else {
    PrintPlans(estimates, details, page);
  }
  for_each([&](const v1::Estimate& estimate, const Scope& scope) {
    PrintExplanations(estimate, scope, page);
  });
  PrintAssumptions(estimates, page);
  page.Finish();
}

}  // namespace konpro
