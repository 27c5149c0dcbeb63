// What many usage records cost together, by account and operation, as a message
// and for people. What one record costs is ledger/usage.h.
//
//   UsageTotals totals(catalog);
//   totals.Add(record);                       // OK
//   totals.total()                            // of all accounts
//   totals.Accounts()[0].lines[0].quantity
//   const v1::UsageReport report = ToUsageReport(totals, {.plan = &pro});
//   PrintUsageReport(report, ReportFormat::kTable, out);
//
// Thread safety: thread-compatible. Equal arguments give equal bytes.
//
// Records of one account, job, operation and price list are slices of one
// session and cost what the session costs, as in a ledger (ledger/usage.h): an
// increment, a minimum and rounding count once a session.
//
// Limits: memory grows with accounts, not with records, and with jobs only of
// operations whose price has an increment, a minimum or a rounding:
// SessionCosts::kSessionsMax. Records are not compared: one that is added twice
// counts twice.
#ifndef KONPRO_REPORT_USAGE_REPORT_H_
#define KONPRO_REPORT_USAGE_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/plan.h"
#include "konpro/estimate/estimator.h"
#include "konpro/ledger/usage.h"
#include "konpro/report/report_message.h"
#include "proto/report.pb.h"
#include "proto/usage.pb.h"

namespace konpro {

class UsageTotals {
 public:
  struct Account {
    // Valid while the totals are.
    absl::string_view id;
    // Operations with priced records, in catalog order; `jobs` are records.
    std::vector<EstimateLine> lines;
    Credits total;
  };

  // `catalog` must outlive it.
  explicit UsageTotals(const Catalog& catalog,
                       size_t sessions_max = SessionCosts::kSessionsMax)
      : catalog_(catalog),
        sessions_(sessions_max),
        has_records_(catalog.operations().size()) {}

  // Adds a record; one without a price is counted. kOutOfRange: a sum leaves
  // its range. kResourceExhausted: above `sessions_max`. Nothing was added
  // then. Other errors as of RateUsage().
  absl::Status Add(const v1::UsageRecord& record);

  // Accounts with priced records, by id.
  std::vector<Account> Accounts() const;

  // The names of the operations with records, priced or not, that `plan` does
  // not allow; in catalog order.
  std::vector<std::string> RefusedBy(const Plan& plan) const;

  const Catalog& catalog() const { return catalog_; }
  Credits total() const { return total_; }
  // Priced or not.
  int64_t records() const { return records_; }
  int64_t unpriced_records() const { return unpriced_records_; }

 private:
  // What one account used.
  struct Tally {
    // One for each operation of the catalog, in its order.
    std::vector<EstimateLine> lines;
    Credits total;
  };

  size_t IndexOf(const Operation* operation) const {
    return static_cast<size_t>(operation - catalog_.operations().data());
  }

  const Catalog& catalog_;
  SessionCosts sessions_;
  // By the operation's place in the catalog.
  std::vector<bool> has_records_;
  absl::flat_hash_map<std::string, Tally> accounts_;
  Credits total_;
  int64_t records_ = 0;
  int64_t unpriced_records_ = 0;
};

// What the total is compared with.
struct UsageReportOptions {
  // The plan that must allow every operation with records, or nullptr.
  const Plan* plan = nullptr;
  std::optional<Credits> available;
  std::optional<Credits> budget;
};

// The shown costs of lines add up to their account's, and those of accounts to
// the total.
v1::UsageReport ToUsageReport(const UsageTotals& totals,
                              const UsageReportOptions& options);

// REQUIRES: `format` is kTable, kMarkdown or kCsv.
void PrintUsageReport(const v1::UsageReport& report, ReportFormat format,
                      std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_USAGE_REPORT_H_
