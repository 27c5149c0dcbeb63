#include "konpro/estimate/estimator.h"

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
  return !__builtin_mul_overflow(a, b, &product) &&
         !__builtin_add_overflow(sum, product, &sum);
}

}  // namespace

Estimator::Estimator(const Catalog& catalog, absl::Time at)
    : first_operation_(catalog.operations().data()) {
  const PriceList* prices = catalog.PricesAt(at);
  if (prices != nullptr) prices_since_ = prices->effective_at();
  for (const Operation& operation : catalog.operations()) {
    lines_.push_back(
        {.operation = &operation,
         .price = prices == nullptr ? nullptr : prices->Find(operation.name)});
  }
}

absl::Status Estimator::Add(const EstimateJob& job) {
  if (job.jobs == 0) return absl::OkStatus();
  EstimateLine& line = lines_[job.operation - first_operation_];
  EstimateLine sum = line;
  int64_t requests = requests_;
  if (!AddProduct(job.quantity, job.jobs, sum.quantity)) {
    return TooMuch(job, "quantity");
  }
  if (!AddProduct(job.jobs, 1, requests)) return TooMuch(job, "requests");
  sum.jobs += job.jobs;  // at most `requests`

  Credits total = total_;
  if (line.price != nullptr) {
    const std::optional<int64_t> billed =
        line.price->BilledQuantity(job.quantity);
    const std::optional<Credits> each = line.price->CostOf(job.quantity);
    if (!billed.has_value() || !each.has_value() ||
        !AddProduct(*billed, job.jobs, sum.billed_quantity)) {
      return TooMuch(job, "cost");
    }
    const std::optional<Credits> all = CheckedMultiply(*each, job.jobs);
    if (!all.has_value()) return TooMuch(job, "cost");
    const std::optional<Credits> new_total = CheckedAdd(total, *all);
    if (!new_total.has_value()) return TooMuch(job, "total");
    total = *new_total;
    // Costs are not negative: a line is at most the total.
    sum.cost = *CheckedAdd(sum.cost, *all);
  }
  line = sum;
  requests_ = requests;
  total_ = total;
  return absl::OkStatus();
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
