#include "konpro/estimate/replay.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "konpro/catalog/price_list.h"
#include "konpro/estimate/internal/price_time.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"

// A client that waits needs no queue here. Its requests are served in order:
// the next one is made when it comes, or when the last one that waited was
// admitted, whichever is later. retry_at() is exact, so a request is refused
// once at most.
//
// The peak is counted by the rule of a FIXED window as well, one that refuses
// nothing: requests whose clock goes backward count in the window that holds,
// as they do for the limiter.

namespace konpro {
namespace {

constexpr size_t kWindowsMax = LimiterWindows::kWindowsMax;

// The state of one account under one plan.
struct AccountReplay {
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
      since.from = internal::FirstAtOrAfter(list.effective_at());
      for (const Operation& operation : catalog.operations()) {
        since.prices.push_back(list.Find(operation.name));
      }
    }
  }

  // nullptr if there is none.
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

  // In the order of their times.
  std::vector<Since> since_;
};

// A trace under one plan.
class PlanSimulator {
 public:
  PlanSimulator(const Plan& plan, const Catalog& catalog, const Prices& prices,
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
  absl::Status Add(const TraceRequest& request, AccountReplay& account);

  PlanReplay Result(const TraceSummary& trace) const;

 private:
  void CountRefused(AccountReplay& account) {
    if (!std::exchange(account.refused, true)) ++accounts_refused_;
  }
  absl::Status CountDemand(UnixNanos at, AccountReplay& account);
  absl::Status AddCost(const TraceRequest& request, UnixNanos at);
  size_t IndexOf(const Operation& operation) const {
    return static_cast<size_t>(&operation - catalog_.operations().data());
  }

  // Constant after construction.
  const Plan& plan_;
  const Catalog& catalog_;
  const Prices& prices_;
  const ReplayMode mode_;
  // By the operation's place in the catalog.
  std::vector<bool> allowed_;
  // nullopt if the plan has none.
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

absl::Status PlanSimulator::Add(const TraceRequest& request,
                                AccountReplay& account) {
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

absl::Status PlanSimulator::CountDemand(UnixNanos at, AccountReplay& account) {
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

absl::Status PlanSimulator::AddCost(const TraceRequest& request, UnixNanos at) {
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

PlanReplay PlanSimulator::Result(const TraceSummary& trace) const {
  PlanReplay result = {.plan = &plan_,
                       .fits = plan_.has_windows() &&
                               admitted_ == trace.requests && waited_ == 0,
                       .admitted = admitted_,
                       .not_allowed = not_allowed_,
                       .without_windows = without_windows_,
                       .accounts_refused = accounts_refused_,
                       .cost = cost_,
                       .waited = waited_,
                       .longest_wait = absl::Nanoseconds(max_wait_ns_),
                       .last_admitted = last_admitted_};
  for (size_t i = 0; i < demand_.size(); ++i) {
    result.windows.push_back(
        {.refused = refused_[i], .peak = static_cast<int64_t>(peak_[i])});
  }
  for (size_t i = 0; i < allowed_.size(); ++i) {
    const Operation& operation = catalog_.operations()[i];
    if (refused_operations_[i]) result.refused_operations.push_back(&operation);
    if (unpriced_operations_[i]) {
      result.unpriced_operations.push_back(&operation);
    }
  }
  return result;
}

}  // namespace

struct TraceReplay::State {
  explicit State(const Catalog& catalog) : prices(catalog) {}

  const Prices prices;
  std::vector<PlanSimulator> plans;
  // An account's states in the order of the plans.
  absl::flat_hash_map<std::string, std::unique_ptr<AccountReplay[]>> accounts;
};

TraceReplay::TraceReplay(const std::vector<const Plan*>& plans,
                         const Catalog& catalog, ReplayMode mode)
    : mode_(mode), state_(std::make_unique<State>(catalog)) {
  for (const Plan* plan : plans) {
    state_->plans.emplace_back(*plan, catalog, state_->prices, mode);
  }
}

TraceReplay::~TraceReplay() = default;

absl::Status TraceReplay::Add(const TraceRequest& request) {
  std::vector<PlanSimulator>& plans = state_->plans;
  std::unique_ptr<AccountReplay[]>& account = state_->accounts[request.account];
  if (account == nullptr) {
    account = std::make_unique<AccountReplay[]>(plans.size());
    ++trace_.accounts;
  }
  ++trace_.requests;
  if (request.at < trace_.last) ++trace_.out_of_order;
  trace_.first = std::min(trace_.first, request.at);
  trace_.last = std::max(trace_.last, request.at);
  for (size_t i = 0; i < plans.size(); ++i) {
    absl::Status added = plans[i].Add(request, account[i]);
    if (!added.ok()) return added;
  }
  return absl::OkStatus();
}

std::vector<PlanReplay> TraceReplay::Results() const {
  std::vector<PlanReplay> results;
  for (const PlanSimulator& plan : state_->plans) {
    results.push_back(plan.Result(trace_));
  }
  return results;
}

}  // namespace konpro
