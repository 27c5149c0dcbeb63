// Daily spend as commands read it: usage records, which are priced, or CSV of
// days.
//
//   date,credits,capped
//   2027-01-04,120.5,
//   2027-01-05,300,yes
#ifndef KONPRO_CLI_SPEND_HISTORY_H_
#define KONPRO_CLI_SPEND_HISTORY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "konpro/catalog/catalog.h"
#include "konpro/estimate/forecast.h"
#include "konpro/input/input_errors.h"
#include "konpro/input/input_file.h"

namespace konpro::cli {

// How records become spend.
struct SpendSource {
  const Catalog& catalog;
  // Where the input is, for a ledger's file, which is opened by its path.
  std::string file;
  // Only this account's; "" for all of them together.
  std::string account;
  // A record counts on the day of its start_time there.
  absl::TimeZone zone;
};

struct SpendHistory {
  SpendByDay spend;
  // Whether there were records.
  bool priced = false;
  // Records that are left out: without a price, and of other accounts.
  int64_t unpriced_records = 0;
  int64_t other_records = 0;
};

// A date of the years 1 to 9999, as 2027-01-31; else kInvalidArgument.
absl::StatusOr<absl::CivilDay> ParseDay(absl::string_view text);

// Tells records, days and a ledger's file apart by the first bytes. Of a
// ledger, what was spent and captured counts on the day of its event. What is
// wrong goes to `errors`; the history means nothing then.
SpendHistory ReadSpendHistory(InputFile& input, const SpendSource& source,
                              InputErrors& errors);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_SPEND_HISTORY_H_
