#include "konpro/report/replay_report.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/operation.h"
#include "konpro/limits/rate_window.h"
#include "konpro/report/internal/table.h"
#include "konpro/report/report_message.h"

namespace konpro {
namespace {

std::vector<std::string> Assumptions(const Plan& plan, ReplayMode mode,
                                     const Catalog& catalog, bool priced) {
  std::vector<std::string> texts = {
      mode == ReplayMode::kDrop
          ? "each row is one request, and one that is refused is lost"
          : "each row is one request, and one that is refused is retried "
            "exactly when it can be admitted; later requests of its account "
            "wait for it"};
  texts.push_back(
      priced ? absl::StrCat("prices of catalog ", catalog.version(),
                            ", in effect when each request was admitted")
             : "no costs: --operation and --quantity say what is asked for");
  if (!plan.has_windows()) {
    texts.push_back(absl::StrCat(
        plan.name(),
        " has no request limits of its own: an account on it must be given "
        "them before anything is admitted"));
  }
  return texts;
}

void DescribeTrace(const TraceSummary& trace, v1::Replay& report) {
  report.set_requests(trace.requests);
  report.set_accounts(trace.accounts);
  report.set_out_of_order(trace.out_of_order);
  if (trace.requests == 0) return;
  report.set_first_request(internal::FormatRfc3339(trace.first.ToTime()));
  report.set_last_request(internal::FormatRfc3339(trace.last.ToTime()));
}

void DescribePlan(const PlanReplay& result, v1::Replay& report) {
  report.set_plan(result.plan->name());
  report.set_fits(result.fits);
  report.set_admitted(result.admitted);
  report.set_not_allowed(result.not_allowed);
  report.set_without_windows(result.without_windows);
  report.set_accounts_refused(result.accounts_refused);
  for (size_t i = 0; i < result.windows.size(); ++i) {
    const std::string name(result.plan->windows()[i].name());
    (*report.mutable_refused())[name] = result.windows[i].refused;
    (*report.mutable_peak())[name] = result.windows[i].peak;
  }
  report.set_waited(result.waited);
  report.set_max_wait_seconds(absl::ToDoubleSeconds(result.longest_wait));
  if (result.admitted > 0) {
    report.set_last_admitted(
        internal::FormatRfc3339(result.last_admitted.ToTime()));
  }
  for (const Operation* operation : result.refused_operations) {
    report.add_refused_operations(operation->name);
  }
  for (const Operation* operation : result.unpriced_operations) {
    report.add_unpriced_operations(operation->name);
  }
}

int64_t RefusedByWindows(const v1::Replay& report) {
  int64_t sum = 0;
  for (const auto& [window, refused] : report.refused()) sum += refused;
  return sum;
}

// Rounded up to whole seconds.
std::string WaitText(double seconds) {
  return FormatQuantity(static_cast<int64_t>(std::ceil(seconds)) * 1'000,
                        QuantityUnit::kMilliseconds);
}

// "2023-11-16 18:17:03" of an RFC 3339 time.
std::string SecondText(const std::string& time) {
  return time.empty()
             ? "never"
             : absl::StrCat(time.substr(0, 10), " ", time.substr(11, 8));
}

ReportTable ReplaysTable(absl::Span<const v1::Replay> reports,
                         ReplayMode mode) {
  const bool any_not_allowed = std::any_of(
      reports.begin(), reports.end(),
      [](const v1::Replay& report) { return report.not_allowed() > 0; });
  const bool drop = mode == ReplayMode::kDrop;
  std::vector<ReportTable::Column> columns = {{"plan"}, {"fits"}};
  const auto add_column = [&](const char* title) {
    columns.push_back({title, ColumnAlign::kRight});
  };
  add_column("admitted");
  if (any_not_allowed) add_column("not allowed");
  add_column(drop ? "refused" : "waited");
  add_column(drop ? "accounts refused" : "longest wait");
  if (!drop) add_column("last admitted (UTC)");
  if (reports[0].has_cost()) add_column("credits");

  ReportTable table(columns);
  for (const v1::Replay& report : reports) {
    std::vector<std::string> row = {report.plan(), report.fits() ? "yes" : "no",
                                    absl::StrCat(report.admitted())};
    if (any_not_allowed) row.push_back(absl::StrCat(report.not_allowed()));
    // A plan without windows refuses nothing by its own numbers.
    const bool has_windows = report.peak_size() > 0;
    if (has_windows) {
      row.push_back(
          absl::StrCat(drop ? RefusedByWindows(report) : report.waited()));
      row.push_back(drop ? absl::StrCat(report.accounts_refused())
                         : WaitText(report.max_wait_seconds()));
      if (!drop) row.push_back(SecondText(report.last_admitted()));
      if (report.has_cost()) row.push_back(report.cost().credits());
    }
    row.resize(columns.size(), "-");
    table.AddRow(row);
  }
  return table;
}

ReportTable WindowsTable(absl::Span<const v1::Replay> reports,
                         absl::Span<const Plan* const> plans) {
  ReportTable table({{"plan"},
                     {"window"},
                     {"limit", ColumnAlign::kRight},
                     {"peak", ColumnAlign::kRight},
                     {"refused", ColumnAlign::kRight}});
  for (size_t i = 0; i < plans.size(); ++i) {
    for (const RateWindow& window : plans[i]->windows()) {
      const std::string name(window.name());
      table.AddRow({plans[i]->name(), name, absl::StrCat(window.limit()),
                    absl::StrCat(reports[i].peak().at(name)),
                    absl::StrCat(reports[i].refused().at(name))});
    }
    if (!plans[i]->has_windows()) {
      table.AddRow({plans[i]->name(), "none", "-", "-", "-"});
    }
  }
  return table;
}

void PrintFacts(absl::Span<const v1::Replay> reports, std::ostream& out) {
  const v1::Replay& trace = reports[0];
  out << "requests: " << trace.requests() << ", accounts: " << trace.accounts()
      << ", out of order: " << trace.out_of_order() << "\n";
  if (trace.requests() > 0) {
    out << "first: " << trace.first_request()
        << ", last: " << trace.last_request() << "\n";
  }
  out << "peak: the most requests of one account in one such window, admitted "
         "or not\n";
  std::vector<std::string> said;
  for (const v1::Replay& report : reports) {
    for (const std::string& text : report.assumptions()) {
      if (std::find(said.begin(), said.end(), text) != said.end()) continue;
      out << "assumed: " << text << "\n";
      said.push_back(text);
    }
  }
}

}  // namespace

std::vector<v1::Replay> ToReplayReports(const TraceReplay& replay,
                                        const Catalog& catalog,
                                        const ReplayedTrace& trace) {
  std::vector<v1::Replay> reports;
  for (const PlanReplay& result : replay.Results()) {
    v1::Replay& report = reports.emplace_back();
    report.set_catalog_version(catalog.version());
    report.set_mode(replay.mode() == ReplayMode::kDrop ? "drop" : "wait");
    DescribeTrace(replay.trace(), report);
    report.set_out_of_order(report.out_of_order() + trace.rows_out_of_order);
    DescribePlan(result, report);
    if (trace.priced) *report.mutable_cost() = ToAmount(result.cost);
    for (std::string& text :
         Assumptions(*result.plan, replay.mode(), catalog, trace.priced)) {
      report.add_assumptions(std::move(text));
    }
    if (trace.rows_out_of_order > 0) {
      report.add_assumptions(
          "requests are decided in order of time: rows with a time before that "
          "of a row above were sorted");
    }
  }
  return reports;
}

void PrintReplays(absl::Span<const v1::Replay> reports,
                  absl::Span<const Plan* const> plans, ReplayMode mode,
                  std::ostream& out) {
  std::vector<absl::string_view> fit;
  for (const v1::Replay& report : reports) {
    if (report.fits()) fit.push_back(report.plan());
  }
  out << "plans that admit every request at once: "
      << (fit.empty() ? "none" : absl::StrJoin(fit, ", ")) << "\n\n";
  ReplaysTable(reports, mode).PrintText(out);
  out << "\n";
  WindowsTable(reports, plans).PrintText(out);
  out << "\n";
  PrintFacts(reports, out);
}

}  // namespace konpro
