// What every command shares: its streams, its catalog and its report's form.
#ifndef KONPRO_CLI_COMMAND_H_
#define KONPRO_CLI_COMMAND_H_

#include <istream>
#include <optional>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/catalog.h"
#include "konpro/cli/exit_code.h"
#include "konpro/estimate/estimator.h"
#include "proto/report.pb.h"

namespace konpro::cli {

struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  // Where progress is drawn; nullptr where nobody watches.
  std::ostream* progress = nullptr;
};

enum class Format { kTable, kJson, kMarkdown, kCsv, kTextproto, kHtml };

// The catalog in the file at `path`, or the built-in one for ""; nullopt after
// the reason went to streams.err.
std::optional<Catalog> LoadCatalog(const std::string& path, Streams streams);

v1::Amount ToAmount(Credits credits);

// `lines`, whose costs sum to what `total` shows, as lines of a report.
google::protobuf::RepeatedPtrField<v1::ReportLine> ToReportLines(
    absl::Span<const EstimateLine> lines, ShownCredits total, bool explain,
    std::optional<absl::Time> prices_since);

// "3h12m30s", "12 image".
std::string QuantityText(const v1::ReportLine& line);

// How a line's cost comes about, in words that can be redone by hand.
std::string ExplanationText(const v1::ReportLine& line);

// "from the start", "since 2027-01-01T00:00:00Z".
std::string PriceVersion(absl::Time effective_at);

// One JSON value and a line feed; the keys of maps in their order.
void PrintJson(const google::protobuf::Message& message, std::ostream& out);

// The reason why a command does not return kOk, for people; behind the report.
void PrintReason(Streams streams, absl::string_view reason);

// Prints the error, and says what the process returns for it: kBadInput where
// the caller can do something about what was asked, else kInternal.
ExitCode FailWith(const absl::Status& status, Streams streams);

// kOverAvailable and its reason where `total` is above `available`.
ExitCode CheckAvailable(Credits total, std::optional<Credits> available,
                        Streams streams);

// kOverBudget and its reason where `total` is above `budget`.
ExitCode CheckBudget(Credits total, std::optional<Credits> budget,
                     Streams streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_COMMAND_H_
