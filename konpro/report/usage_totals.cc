#include <algorithm>
#include <optional>

#include "absl/status/statusor.h"
#include "konpro/catalog/operation.h"
#include "konpro/ledger/usage.h"
#include "konpro/report/usage_report.h"

namespace konpro {

absl::Status UsageTotals::Add(const v1::UsageRecord& record) {
  const absl::StatusOr<RatedUsage> rated = RateUsage(catalog_, record);
  if (!rated.ok()) {
    if (!absl::IsNotFound(rated.status())) return rated.status();
    has_records_[IndexOf(catalog_.FindOperation(record.operation()))] = true;
    ++records_;
    ++unpriced_records_;
    return absl::OkStatus();
  }
  const absl::StatusOr<SessionCosts::Slice> slice =
      sessions_.Next(record.account_id(), record.job_id(), *rated);
  if (!slice.ok()) return slice.status();
  Tally& tally = accounts_[record.account_id()];
  if (tally.lines.empty()) tally.lines.resize(catalog_.operations().size());
  EstimateLine& line = tally.lines[IndexOf(rated->operation)];
  int64_t quantity = 0;
  const std::optional<Credits> total = CheckedAdd(total_, slice->cost);
  if (!total.has_value() ||
      __builtin_add_overflow(line.quantity, rated->quantity, &quantity)) {
    return absl::OutOfRangeError(
        "the sum of all records leaves the range of "
        "64 bits");
  }
  // Costs are not negative: a line and an account are at most the total.
  line.operation = rated->operation;
  line.price = rated->price;
  line.jobs += 1;
  line.quantity = quantity;
  line.cost = *CheckedAdd(line.cost, slice->cost);
  tally.total = *CheckedAdd(tally.total, slice->cost);
  SessionCosts::Add(*slice);
  total_ = *total;
  has_records_[IndexOf(rated->operation)] = true;
  ++records_;
  return absl::OkStatus();
}

std::vector<std::string> UsageTotals::RefusedBy(const Plan& plan) const {
  std::vector<std::string> refused;
  for (const Operation& operation : catalog_.operations()) {
    if (has_records_[IndexOf(&operation)] && !plan.Allows(operation.name)) {
      refused.push_back(operation.name);
    }
  }
  return refused;
}

std::vector<UsageTotals::Account> UsageTotals::Accounts() const {
  std::vector<Account> accounts;
  for (const auto& [id, tally] : accounts_) {
    Account& account = accounts.emplace_back();
    account.id = id;
    account.total = tally.total;
    for (const EstimateLine& line : tally.lines) {
      if (line.jobs > 0) account.lines.push_back(line);
    }
  }
  std::sort(accounts.begin(), accounts.end(),
            [](const Account& a, const Account& b) { return a.id < b.id; });
  return accounts;
}

}  // namespace konpro
