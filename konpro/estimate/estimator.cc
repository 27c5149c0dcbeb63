#include "konpro/estimate/estimator.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace konpro {
namespace {

absl::Status TooMuch(const EstimateJob& job, const char* what) {
  return absl::OutOfRangeError(absl::StrCat(
      job.jobs, " x ", job.quantity, " ", job.operation->unit_name, " of ",
      job.operation->name, ": the ", what, " leaves the range of 64 bits"));
}

// sum += a * b, or false and `sum` as it was.
bool AddProduct(int64_t a, int64_t b, int64_t& sum) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product) ||
      __builtin_add_overflow(sum, product, &product)) {
    return false;
  }
  sum = product;
  return true;
}

}  // namespace

Estimator::Estimator(const Catalog& catalog,
                     const std::vector<PricePeriod>& periods)
    : first_operation_(catalog.operations().data()) {
  for (const Operation& operation : catalog.operations()) {
    lines_.push_back({.operation = &operation});
  }
  int64_t end = 0;
  for (const PricePeriod& period : periods) {
    if (__builtin_add_overflow(end, period.requests, &end)) {
      end = std::numeric_limits<int64_t>::max();
    }
    Period& added = periods_.emplace_back();
    added.prices = period.prices;
    added.end = end;
    for (const Operation& operation : catalog.operations()) {
      added.price_of.push_back(period.prices == nullptr
                                   ? nullptr
                                   : period.prices->Find(operation.name));
    }
    if (periods.size() > 1) added.lines = lines_;
  }
  periods_.back().end = std::numeric_limits<int64_t>::max();
}

void Estimator::ForEachPart(
    const Operation& operation, int64_t before, int64_t jobs,
    absl::FunctionRef<void(const Price*, int64_t)> part) const {
  for (const Period& period : periods_) {
    if (jobs == 0) return;
    if (period.end <= before) continue;
    const int64_t taken = std::min(jobs, period.end - before);
    part(period.price_of[IndexOf(operation)], taken);
    before += taken;
    jobs -= taken;
  }
}

absl::Status Estimator::Add(const EstimateJob& job) {
  if (job.jobs == 0) return absl::OkStatus();
  if (!AddProduct(job.jobs, 1, requests_)) return TooMuch(job, "requests");
  const int64_t before = requests_ - job.jobs;
  // The first period that is not over. Few catalogs have more than one ahead.
  auto period = periods_.begin();
  while (period->end <= before) ++period;
  if (job.jobs <= period->end - before) {
    absl::Status added = AddPart(job, job.jobs, *period);
    if (!added.ok()) requests_ = before;
    return added;
  }
  // An error takes back the parts before it. This happens once a period.
  const Estimator unchanged = *this;
  for (int64_t left = job.jobs; left > 0; ++period) {
    const int64_t taken = std::min(left, period->end - (requests_ - left));
    const absl::Status added = AddPart(job, taken, *period);
    if (!added.ok()) {
      *this = unchanged;
      requests_ = before;
      return added;
    }
    left -= taken;
  }
  return absl::OkStatus();
}

absl::Status Estimator::AddPart(const EstimateJob& job, int64_t jobs,
                                Period& period) {
  if (jobs == 0) return absl::OkStatus();
  const size_t index = IndexOf(*job.operation);
  const Price* price = period.price_of[index];
  EstimateLine sum = lines_[index];
  int64_t billed_jobs = 0;
  Credits cost;
  if (!AddProduct(job.quantity, jobs, sum.quantity)) {
    return TooMuch(job, "quantity");
  }
  sum.jobs += jobs;  // at most all requests
  Credits total = total_;
  if (price == nullptr) {
    sum.unpriced_jobs += jobs;
  } else {
    const std::optional<int64_t> billed = price->BilledQuantity(job.quantity);
    const std::optional<Credits> each = price->CostOf(job.quantity);
    if (!billed.has_value() || !each.has_value() ||
        !AddProduct(*billed, jobs, billed_jobs) ||
        !AddProduct(*billed, jobs, sum.billed_quantity)) {
      return TooMuch(job, "cost");
    }
    const std::optional<Credits> all = CheckedMultiply(*each, jobs);
    if (!all.has_value()) return TooMuch(job, "cost");
    const std::optional<Credits> new_total = CheckedAdd(total, *all);
    if (!new_total.has_value()) return TooMuch(job, "total");
    cost = *all;
    total = *new_total;
    // Costs are not negative: a line is at most the total.
    sum.cost = *CheckedAdd(sum.cost, cost);
    sum.price = price;
  }
  lines_[index] = sum;
  total_ = total;
  if (period.lines.empty()) return absl::OkStatus();
  // No figure of a period is above that of the whole.
  EstimateLine& line = period.lines[index];
  line.price = price;
  line.jobs += jobs;
  if (price == nullptr) line.unpriced_jobs += jobs;
  line.quantity += job.quantity * jobs;
  line.billed_quantity += billed_jobs;
  line.cost = *CheckedAdd(line.cost, cost);
  period.cost = *CheckedAdd(period.cost, cost);
  return absl::OkStatus();
}

std::optional<absl::Time> Estimator::prices_since() const {
  const PriceList* prices = periods_.front().prices;
  if (prices == nullptr) return std::nullopt;
  return prices->effective_at();
}

std::vector<EstimatePeriod> Estimator::Periods() const {
  std::vector<EstimatePeriod> periods;
  int64_t begin = 0;
  for (const Period& period : periods_) {
    const int64_t end = std::min(period.end, requests_);
    if (end > begin) {
      const bool only = period.lines.empty();
      EstimatePeriod& added = periods.emplace_back();
      added.prices = period.prices;
      added.requests = end - begin;
      added.cost = only ? total_ : period.cost;
      for (const EstimateLine& line : only ? lines_ : period.lines) {
        if (line.jobs > 0) added.lines.push_back(line);
      }
    }
    begin = std::max(begin, end);
  }
  return periods;
}

std::vector<EstimateLine> Estimator::Lines() const {
  std::vector<EstimateLine> lines;
  for (const EstimateLine& line : lines_) {
    if (line.jobs > 0) lines.push_back(line);
  }
  return lines;
}

std::vector<const Operation*> Estimator::RefusedBy(const Plan& plan) const {
  std::vector<const Operation*> refused;
  for (const EstimateLine& line : lines_) {
    if (line.jobs > 0 && !plan.Allows(line.operation->name)) {
      refused.push_back(line.operation);
    }
  }
  return refused;
}

std::optional<Credits> Shortfall(Credits cost, Credits available) {
  if (cost <= available) return Credits();
  return CheckedSubtract(cost, available);
}

}  // namespace konpro
