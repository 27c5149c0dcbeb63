#include <algorithm>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/unix_nanos.h"
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
  const absl::StatusOr<int64_t*> session = SessionOf(record, *rated);
  if (!session.ok()) return session.status();
  std::optional<Credits> cost = rated->cost;
  int64_t so_far = 0;
  if (*session != nullptr) {
    cost = __builtin_add_overflow(**session, rated->quantity, &so_far)
               ? std::nullopt
               : rated->price->CostOfSlice(**session, so_far);
  }
  Tally& tally = accounts_[record.account_id()];
  if (tally.lines.empty()) tally.lines.resize(catalog_.operations().size());
  EstimateLine& line = tally.lines[IndexOf(rated->operation)];
  int64_t quantity = 0;
  const std::optional<Credits> total =
      cost.has_value() ? CheckedAdd(total_, *cost) : std::nullopt;
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
  line.cost = *CheckedAdd(line.cost, *cost);
  tally.total = *CheckedAdd(tally.total, *cost);
  if (*session != nullptr) **session = so_far;
  total_ = *total;
  has_records_[IndexOf(rated->operation)] = true;
  ++records_;
  return absl::OkStatus();
}

absl::StatusOr<int64_t*> UsageTotals::SessionOf(const v1::UsageRecord& record,
                                                const RatedUsage& rated) {
  if (record.job_id().empty() || rated.price->IsPerUnit()) return nullptr;
  // Ids and names have no blanks.
  const std::string key = absl::StrCat(
      record.account_id(), " ", record.job_id(), " ", rated.operation->name,
      " ", UnixNanos::FromTime(rated.prices->effective_at()).nanos());
  const auto found = sessions_.find(key);
  if (found != sessions_.end()) return &found->second;
  if (sessions_.size() >= sessions_max_) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "job_id: above ", sessions_max_,
        " jobs of operations whose price has "
        "an increment, a minimum or a rounding, each of which is priced as a "
        "whole: price the records in parts, by job"));
  }
  return &sessions_.try_emplace(key, 0).first->second;
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
