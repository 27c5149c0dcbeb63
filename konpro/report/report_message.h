// Amounts and lines of an estimate as messages of a report
// (proto/report.proto), and times as all reports show them: RFC 3339 in UTC, or
// the names of the ends of time. And any message as JSON, the form in which
// every report can be saved and read back.
//
//   ToAmount(*Credits::Parse("12.5")).credits()      // "12.5"
//   *report.mutable_lines() =
//       ToReportLines(estimator.Lines(), Show(estimator.total()),
//                     /*explain=*/false, estimator.prices_since());
//   TimeText(absl::FromUnixSeconds(1'798'761'600))   // "2027-01-01T00:00:00Z"
//   TimeText(absl::InfiniteFuture())                 // "never"
//   TimeText(absl::InfinitePast())                   // "always"
//   PrintJson(ToAmount(*Credits::Parse("12.5")), out);
//   // {
//   //  "ticks": "75000000",
//   //  "credits": "12.5"
//   // }
//
// Thread safety: all functions are pure but for `out`; equal messages give
// equal bytes.
#ifndef KONPRO_REPORT_REPORT_MESSAGE_H_
#define KONPRO_REPORT_REPORT_MESSAGE_H_

#include <optional>
#include <ostream>
#include <string>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "google/protobuf/repeated_field.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/estimate/estimator.h"
#include "proto/report.pb.h"

namespace konpro {

// The forms in which reports are printed. Each report has some of them.
enum class ReportFormat { kTable, kJson, kMarkdown, kCsv, kTextproto, kHtml };

v1::Amount ToAmount(Credits credits);

// `lines` as lines of a report, whose shown costs add up to `total`. With
// `explain`, each priced line says how its cost comes about: its price is in
// effect since `prices_since`, which must then have a value.
// REQUIRES: the costs of `lines` sum to what `total` shows.
google::protobuf::RepeatedPtrField<v1::ReportLine> ToReportLines(
    absl::Span<const EstimateLine> lines, ShownCredits total, bool explain,
    std::optional<absl::Time> prices_since);

// "from the start", "since 2027-01-01T00:00:00Z".
std::string PriceVersion(absl::Time effective_at);

// "never" from the year 10000 on, "always" before the year 1.
std::string TimeText(absl::Time time);
// "never" for UnixNanos::Max(), "always" for 0.
std::string TimeText(UnixNanos time);

// One JSON value and a line feed. Names are those of the fields, fields without
// a value are printed too, and the keys of maps are sorted.
void PrintJson(const google::protobuf::Message& message, std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_REPORT_MESSAGE_H_
