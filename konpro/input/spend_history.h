// Daily spend: from usage records, which are priced, from CSV of days, or from
// a ledger.
//
//   date,credits,capped
//   2027-01-04,120.5,
//   2027-01-05,300,yes
//
//   ReadSpendHistory(input, {catalog, ""}, errors).spend.last_day()
//   SpendOfLedger(*ledger, "acme", absl::UTCTimeZone())->spend.last_day()
//
// Thread safety: functions are pure but for what they read.
#ifndef KONPRO_INPUT_SPEND_HISTORY_H_
#define KONPRO_INPUT_SPEND_HISTORY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "konpro/catalog/catalog.h"
#include "konpro/estimate/forecast.h"
#include "konpro/input/input_file.h"
#include "konpro/ledger/ledger.h"

namespace konpro {

// How records become spend.
struct SpendSource {
  const Catalog& catalog;
  // Only this account's; "" for all of them together.
  std::string account;
  // A record counts on the day of its start_time there.
  absl::TimeZone zone = absl::UTCTimeZone();
};

struct SpendHistory {
  SpendByDay spend;
  // Whether there were records.
  bool priced = false;
  // Records or entries that are left out: without a price, and of other
  // accounts.
  int64_t unpriced_records = 0;
  int64_t other_records = 0;
  // Refunds of more than their days had spent.
  int64_t unplaced_refunds = 0;
};

// A date of the years 1 to 9999, as 2027-01-31; else kInvalidArgument.
absl::StatusOr<absl::CivilDay> ParseDay(absl::string_view text);

// Whether a file that begins with `begin` is a ledger's. The caller opens it.
bool LooksLikeLedgerFile(absl::string_view begin);

// Records, each priced as a slice of its session (SessionCosts), or days; the
// first bytes say which. What is wrong goes to `errors`; the history means
// nothing then.
SpendHistory ReadSpendHistory(InputFile& input, const SpendSource& source,
                              InputErrors& errors);

// What was spent and captured less what was refunded, on the day of the spend's
// event in `zone`; of `account`, or of all accounts for "". Memory grows with
// days, and with spends whose event was on another day than their entry. Errors
// as of Ledger::ForEachEntry() and SpendByDay::Add().
absl::StatusOr<SpendHistory> SpendOfLedger(Ledger& ledger,
                                           absl::string_view account,
                                           absl::TimeZone zone);

}  // namespace konpro

#endif  // KONPRO_INPUT_SPEND_HISTORY_H_
