// Rate windows as people type them and files keep them.
//
//   ParseWindows("minute:60/1m,day:1000/24h")    // two RateWindows
//   ParseWindows("day:1000/24h+6h")              // begins at 06:00
//   ParseWindows("burst:100/10s:token_bucket")   // refilled all the time
//   FormatWindows(plan.windows())                // "minute:60/1m,day:1000/24h"
//
// A window is NAME:LIMIT/PERIOD, then `+PHASE` of a fixed one that begins
// later, then `:token_bucket` where it is one; rate_window.h has the rules.
//
// Thread safety: pure functions.
//
// Invariants: (1) ParseWindows(FormatWindows(w)) is w.
#ifndef KONPRO_CATALOG_WINDOW_TEXT_H_
#define KONPRO_CATALOG_WINDOW_TEXT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/limits/rate_window.h"

namespace konpro {

// None for "". kInvalidArgument, naming the window, where a rule is broken:
// also where there are more than two, or two of one name.
absl::StatusOr<std::vector<RateWindow>> ParseWindows(absl::string_view text);

std::string FormatWindows(absl::Span<const RateWindow> windows);

}  // namespace konpro

#endif  // KONPRO_CATALOG_WINDOW_TEXT_H_
