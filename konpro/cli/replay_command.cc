#include "konpro/cli/replay_command.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/base/credits.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/plan.h"
#include "konpro/catalog/price_list.h"
#include "konpro/input/input_errors.h"
#include "konpro/input/input_file.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"
#include "konpro/report/report_json.h"
#include "konpro/report/report_message.h"
#include "konpro/report/table.h"
#include "proto/report.pb.h"

// A client that waits needs no queue here. Its requests are served in order, so
// that all it takes to know when the next one is made is when the last one that
// waited was admitted: then, or when it comes, whichever is later. What the
// limiter calls retry_at() is exact, so a request is refused once at most.
//
// The peak is counted by the rule of a FIXED window as well, one that refuses
// nothing: requests whose clock goes backward count in the window that holds,
// as they do for the limiter.

namespace konpro::cli {
namespace {

constexpr size_t kWindowsMax = LimiterWindows::kWindowsMax;

// The state of one account under one plan.
struct AccountState {
  LimiterCell cell;
  // What was asked for in the present windows, admitted or not.
  std::array<WindowState, kWindowsMax> asked;
  // When the last request that waited was admitted.
  UnixNanos queued_until;
  bool refused = false;
};

// The prices of all operations at all times, ready for each request.
class Prices {
 public:
  explicit Prices(const Catalog& catalog) {
    for (const PriceList& list : catalog.price_lists()) {
      Since& since = since_.emplace_back();
      since.from = FirstAtOrAfter(list.effective_at());
      for (const Operation& operation : catalog.operations()) {
        since.prices.push_back(list.Find(operation.name));
      }
    }
  }

  // nullptr where there is none.
  const Price* Find(size_t operation, UnixNanos at) const {
    for (size_t i = since_.size(); i > 0; --i) {
      if (since_[i - 1].from <= at) return since_[i - 1].prices[operation];
    }
    return nullptr;
  }

 private:
  struct Since {
    UnixNanos from;
    // By the operation's place in the catalog.
    std::vector<const Price*> prices;
  };

  static UnixNanos FirstAtOrAfter(absl::Time time) {
    const UnixNanos at = UnixNanos::FromTime(time);
    return at.ToTime() < time ? UnixNanos::FromNanos(at.nanos() + 1) : at;
  }

  // In the order of their times.
  std::vector<Since> since_;
};

// What is true of a trace whatever the plan.
struct TraceSummary {
  int64_t requests = 0;
  int64_t accounts = 0;
  int64_t out_of_order = 0;
  UnixNanos first = UnixNanos::Max();
  UnixNanos last;
};

// A trace under one plan.
class PlanReplay {
 public:
  PlanReplay(const Plan& plan, const Catalog& catalog, const Prices& prices,
             ReplayMode mode)
      : plan_(plan), catalog_(catalog), prices_(prices), mode_(mode) {
    for (const Operation& operation : catalog.operations()) {
      allowed_.push_back(plan.Allows(operation.name));
    }
    refused_operations_.resize(allowed_.size());
    unpriced_operations_.resize(allowed_.size());
    const absl::Span<const RateWindow> windows = plan.windows();
    if (windows.size() == 1) windows_.emplace(windows[0]);
    if (windows.size() == 2) windows_.emplace(windows[0], windows[1]);
    for (const RateWindow& window : windows) {
      demand_.push_back(WindowRule({.limit = RateWindow::kLimitMax,
                                    .period_ms = window.period_ms(),
                                    .phase_ms = window.phase_ms()}));
    }
  }

  // kOutOfRange: a sum or a wait leaves its range.
  absl::Status Add(const TraceRequest& request, AccountState& account);

  v1::Replay Report(const TraceSummary& trace, bool priced) const;

  const Plan& plan() const { return plan_; }

 private:
  void CountRefused(AccountState& account) {
    if (!std::exchange(account.refused, true)) ++accounts_refused_;
  }
  absl::Status CountDemand(UnixNanos at, AccountState& account);
  absl::Status AddCost(const TraceRequest& request, UnixNanos at);
  size_t IndexOf(const Operation& operation) const {
    return static_cast<size_t>(&operation - catalog_.operations().data());
  }
  std::vector<std::string> Assumptions(bool priced) const;

  // Constant after construction.
  const Plan& plan_;
  const Catalog& catalog_;
  const Prices& prices_;
  const ReplayMode mode_;
  // By the operation's place in the catalog.
  std::vector<bool> allowed_;
  // nullopt where the plan has none.
  std::optional<LimiterWindows> windows_;
  std::vector<WindowRule> demand_;

  int64_t admitted_ = 0;
  int64_t not_allowed_ = 0;
  int64_t without_windows_ = 0;
  int64_t accounts_refused_ = 0;
  int64_t waited_ = 0;
  std::array<int64_t, kWindowsMax> refused_ = {};
  std::array<uint64_t, kWindowsMax> peak_ = {};
  Credits cost_;
  int64_t max_wait_ns_ = 0;
  UnixNanos last_admitted_;
  std::vector<bool> refused_operations_;
  std::vector<bool> unpriced_operations_;
};

absl::Status PlanReplay::Add(const TraceRequest& request,
                             AccountState& account) {
  if (request.operation != nullptr && !allowed_[IndexOf(*request.operation)]) {
    ++not_allowed_;
    refused_operations_[IndexOf(*request.operation)] = true;
    CountRefused(account);
    return absl::OkStatus();
  }
  if (!windows_.has_value()) {
    ++without_windows_;
    CountRefused(account);
    return absl::OkStatus();
  }
  const absl::Status counted = CountDemand(request.at, account);
  if (!counted.ok()) return counted;

  UnixNanos at = std::max(request.at, account.queued_until);
  const Decision decision = TryAcquire(account.cell, *windows_, /*cost=*/1, at);
  if (!decision.allowed()) {
    ++refused_[decision.binding_window()];
    CountRefused(account);
    if (mode_ == ReplayMode::kDrop) return absl::OkStatus();
    at = decision.retry_at();
    account.queued_until = at;
    if (!TryAcquire(account.cell, *windows_, /*cost=*/1, at).allowed()) {
      return absl::OutOfRangeError(
          absl::StrCat("under ", plan_.name(),
                       " this would wait beyond 2262-04-11, the last day that "
                       "limits know"));
    }
  }
  ++admitted_;
  if (at > request.at) {
    ++waited_;
    max_wait_ns_ = std::max(max_wait_ns_, at.nanos() - request.at.nanos());
  }
  last_admitted_ = std::max(last_admitted_, at);
  return AddCost(request, at);
}

absl::Status PlanReplay::CountDemand(UnixNanos at, AccountState& account) {
  for (size_t i = 0; i < demand_.size(); ++i) {
    const auto [state, counted] = demand_[i].Advance(account.asked[i], 1, at);
    if (!counted) {
      return absl::OutOfRangeError(absl::StrCat(
          "more than ", RateWindow::kLimitMax,
          " requests of one account in one ", plan_.windows()[i].name()));
    }
    account.asked[i] = state;
    peak_[i] = std::max(peak_[i],
                        demand_[i].limit() - demand_[i].Remaining(state, at));
  }
  return absl::OkStatus();
}

absl::Status PlanReplay::AddCost(const TraceRequest& request, UnixNanos at) {
  if (!request.quantity.has_value()) return absl::OkStatus();
  const size_t operation = IndexOf(*request.operation);
  const Price* price = prices_.Find(operation, at);
  if (price == nullptr) {
    unpriced_operations_[operation] = true;
    return absl::OkStatus();
  }
  const std::optional<Credits> cost = price->CostOf(*request.quantity);
  const std::optional<Credits> sum =
      cost.has_value() ? CheckedAdd(cost_, *cost) : std::nullopt;
  if (!sum.has_value()) {
    return absl::OutOfRangeError(
        "the cost of what was admitted leaves the range of credits");
  }
  cost_ = *sum;
  return absl::OkStatus();
}

std::vector<std::string> PlanReplay::Assumptions(bool priced) const {
  std::vector<std::string> texts = {
      mode_ == ReplayMode::kDrop
          ? "each row is one request, and one that is refused is lost"
          : "each row is one request, and one that is refused is made again "
            "exactly when it can be admitted; later ones of its account queue "
            "behind it"};
  texts.push_back(
      priced ? absl::StrCat("prices of catalog ", catalog_.version(),
                            ", in effect when each request was admitted")
             : "no costs: --operation and --quantity say what is asked for");
  if (!plan_.has_windows()) {
    texts.push_back(absl::StrCat(
        plan_.name(),
        " has no request limits of its own: an account on it must be given "
        "them before anything is admitted"));
  }
  return texts;
}

v1::Replay PlanReplay::Report(const TraceSummary& trace, bool priced) const {
  v1::Replay report;
  report.set_catalog_version(catalog_.version());
  report.set_plan(plan_.name());
  report.set_mode(mode_ == ReplayMode::kDrop ? "drop" : "wait");
  report.set_fits(plan_.has_windows() && admitted_ == trace.requests &&
                  waited_ == 0);
  report.set_requests(trace.requests);
  report.set_accounts(trace.accounts);
  report.set_admitted(admitted_);
  report.set_not_allowed(not_allowed_);
  report.set_without_windows(without_windows_);
  report.set_accounts_refused(accounts_refused_);
  for (size_t i = 0; i < plan_.windows().size(); ++i) {
    const std::string name(plan_.windows()[i].name());
    (*report.mutable_refused())[name] = refused_[i];
    (*report.mutable_peak())[name] = static_cast<int64_t>(peak_[i]);
  }
  if (priced) *report.mutable_cost() = ToAmount(cost_);
  report.set_waited(waited_);
  report.set_max_wait_seconds(
      absl::ToDoubleSeconds(absl::Nanoseconds(max_wait_ns_)));
  if (admitted_ > 0)
    report.set_last_admitted(internal::FormatRfc3339(last_admitted_.ToTime()));
  report.set_out_of_order(trace.out_of_order);
  if (trace.requests > 0) {
    report.set_first_request(internal::FormatRfc3339(trace.first.ToTime()));
    report.set_last_request(internal::FormatRfc3339(trace.last.ToTime()));
  }
  for (size_t i = 0; i < allowed_.size(); ++i) {
    const std::string& name = catalog_.operations()[i].name;
    if (refused_operations_[i]) report.add_refused_operations(name);
    if (unpriced_operations_[i]) report.add_unpriced_operations(name);
  }
  for (std::string& text : Assumptions(priced)) {
    report.add_assumptions(std::move(text));
  }
  return report;
}

// A trace under several plans at once.
class Replay {
 public:
  Replay(const std::vector<const Plan*>& plans, const Catalog& catalog,
         ReplayMode mode)
      : prices_(catalog) {
    for (const Plan* plan : plans) {
      plans_.emplace_back(*plan, catalog, prices_, mode);
    }
  }

  absl::Status Add(const TraceRequest& request) {
    std::unique_ptr<AccountState[]>& account = accounts_[request.account];
    if (account == nullptr) {
      account = std::make_unique<AccountState[]>(plans_.size());
      ++trace_.accounts;
    }
    ++trace_.requests;
    if (request.at < trace_.last) ++trace_.out_of_order;
    trace_.first = std::min(trace_.first, request.at);
    trace_.last = std::max(trace_.last, request.at);
    for (size_t i = 0; i < plans_.size(); ++i) {
      absl::Status added = plans_[i].Add(request, account[i]);
      if (!added.ok()) return added;
    }
    return absl::OkStatus();
  }

  std::vector<v1::Replay> Reports(bool priced) const {
    std::vector<v1::Replay> reports;
    for (const PlanReplay& plan : plans_) {
      reports.push_back(plan.Report(trace_, priced));
    }
    return reports;
  }

 private:
  const Prices prices_;
  std::vector<PlanReplay> plans_;
  // An account's states in the order of the plans.
  absl::flat_hash_map<std::string, std::unique_ptr<AccountState[]>> accounts_;
  TraceSummary trace_;
};

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

ReportTable PlansTable(const std::vector<v1::Replay>& reports,
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

ReportTable WindowsTable(const std::vector<v1::Replay>& reports,
                         const std::vector<const Plan*>& plans) {
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

void PrintFacts(const std::vector<v1::Replay>& reports, std::ostream& out) {
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

void PrintReport(const std::vector<v1::Replay>& reports,
                 const std::vector<const Plan*>& plans,
                 const ReplayOptions& options, std::ostream& out) {
  if (options.format == ReportFormat::kJson) {
    if (options.plan != "all") return PrintJson(reports[0], out);
    v1::Replays all;
    for (const v1::Replay& report : reports) *all.add_plans() = report;
    return PrintJson(all, out);
  }
  std::vector<absl::string_view> fit;
  for (const v1::Replay& report : reports) {
    if (report.fits()) fit.push_back(report.plan());
  }
  out << "plans that admit every request at once: "
      << (fit.empty() ? "none" : absl::StrJoin(fit, ", ")) << "\n\n";
  PlansTable(reports, options.mode).PrintText(out);
  out << "\n";
  WindowsTable(reports, plans).PrintText(out);
  out << "\n";
  PrintFacts(reports, out);
}

ExitCode Verdict(const std::vector<v1::Replay>& reports, Streams streams) {
  ExitCode code = ExitCode::kOk;
  const bool allowed = std::any_of(
      reports.begin(), reports.end(),
      [](const v1::Replay& report) { return report.not_allowed() == 0; });
  if (!allowed) {
    code = ExitCode::kNotAllowed;
    PrintReason(
        streams,
        reports.size() > 1
            ? "no plan allows all of it"
            : absl::StrCat(
                  "plan ", reports[0].plan(), " does not allow ",
                  absl::StrJoin(reports[0].refused_operations(), ", ")));
  }
  std::vector<std::string> unpriced;
  for (const v1::Replay& report : reports) {
    for (const std::string& name : report.unpriced_operations()) {
      if (std::find(unpriced.begin(), unpriced.end(), name) == unpriced.end()) {
        unpriced.push_back(name);
      }
    }
  }
  if (!unpriced.empty()) {
    code = ExitCode::kNotAllowed;
    PrintReason(streams,
                absl::StrCat("no price for ", absl::StrJoin(unpriced, ", ")));
  }
  return code;
}

// Of the catalog's plans those that `name` means; empty after the reason went
// to streams.err.
std::vector<const Plan*> PlansToReplay(const std::string& name,
                                       const Catalog& catalog,
                                       Streams streams) {
  std::vector<const Plan*> plans;
  for (const Plan& plan : catalog.plans()) {
    if (name == "all" || name == plan.name()) plans.push_back(&plan);
  }
  if (plans.empty()) {
    PrintReason(streams,
                absl::StrCat("--plan: ", catalog.UnknownPlan(name).message()));
  }
  return plans;
}

}  // namespace

ExitCode RunReplay(const ReplayOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = LoadCatalog(options.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  const std::vector<const Plan*> plans =
      PlansToReplay(options.plan, *catalog, streams);
  if (plans.empty()) return ExitCode::kBadInput;
  const absl::Status checked = CheckTraceOptions(options.trace, *catalog);
  if (!checked.ok()) {
    PrintReason(streams, checked.message());
    return ExitCode::kBadInput;
  }

  Replay replay(plans, *catalog, options.mode);
  InputErrors errors(options.file, streams.err);
  InputFile input(options.file, streams.in, streams.progress);
  ReadTrace(input, options.trace, *catalog, errors,
            [&](const TraceRequest& request) { return replay.Add(request); });
  errors.Finish();
  if (!errors.none()) return ExitCode::kBadInput;

  const std::vector<v1::Replay> reports =
      replay.Reports(/*priced=*/!options.trace.quantity.empty());
  PrintReport(reports, plans, options, streams.out);
  return Verdict(reports, streams);
}

}  // namespace konpro::cli
