#include "konpro/cli/ingest_command.h"

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "konpro/catalog/catalog.h"
#include "konpro/input/input_file.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/ingest.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/usage.h"
#include "konpro/report/ledger_message.h"
#include "konpro/report/report_message.h"
#include "konpro/serve/clock_watch.h"
#include "proto/usage.pb.h"

namespace konpro::cli {
namespace {

// Prints what is wrong with each record, or why it was denied, with the
// record's place in the input.
class OutcomePrinter {
 public:
  explicit OutcomePrinter(InputErrors& errors) : errors_(errors) {}

  // Records are reported in the order in which they were added.
  void Add(const UsageRecordPlace& place) { places_.push_back(place); }
  void Report(const absl::StatusOr<LedgerOutcome>& outcome) {
    const UsageRecordPlace place = places_.front();
    places_.pop_front();
    ++reported_;
    if (!outcome.ok()) {
      AddRecordError(errors_, place, outcome.status().message());
    } else if (outcome->effect.refusal == Refusal::kJobSettled) {
      AddRecordNote(errors_, place, "job settled before: nothing is charged");
    } else if (!outcome->effect.applied()) {
      AddRecordNote(errors_, place,
                    absl::StrCat("denied: ", DenialText(outcome->effect)));
    }
  }

  int64_t reported() const { return reported_; }

 private:
  InputErrors& errors_;
  std::deque<UsageRecordPlace> places_;
  int64_t reported_ = 0;
};

// The clock now, for the next batch: one that is set while records are charged
// must not move the ledger.
absl::StatusOr<UnixNanos> BatchTime(const ServiceFile& file,
                                    const ClockWatch& watch) {
  const UnixNanos now = UnixNanosOf(file);
  if (watch.Trusts(now)) return now;
  return absl::UnavailableError(
      "the clock was set while records were charged, by more than 5 minutes: "
      "records from here on are not charged; set it right");
}

ExitCode CodeOfReport(const v1::IngestReport& report, bool lacked_credits,
                      Streams streams) {
  if (report.uncollected().ticks() != 0) {
    PrintReason(streams,
                absl::StrCat("uncollected: ", report.uncollected().credits(),
                             " credits that accounts lacked"));
  }
  if (report.refused() > 0) {
    PrintReason(streams,
                absl::StrCat("refused: ", report.refused(), " records"));
    return ExitCode::kBadInput;
  }
  if (report.denials().empty()) return ExitCode::kOk;
  PrintReason(streams, lacked_credits
                           ? "denied: accounts have too few credits"
                           : "denied: records that accounts do not take");
  return lacked_credits ? ExitCode::kOverAvailable : ExitCode::kDenied;
}

}  // namespace

ExitCode RunLedgerIngest(const ServiceFile& file, const IngestOptions& options,
                         Streams streams) {
  const std::optional<Catalog> catalog = CatalogOf(file, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  ExitCode code = ExitCode::kOk;
  const std::optional<UnixNanos> at = CommandTime(file, streams, code);
  if (!at.has_value()) return code;
  const LedgerPointer ledger =
      OpenLedger(file, LedgerUse::kChange, streams, code);
  if (ledger == nullptr) return code;
  UsageLedger usage(*ledger, *catalog, options.charging);
  InputErrors errors(options.records, streams.err,
                     std::numeric_limits<int64_t>::max());
  InputFile input(options.records, streams.in, streams.progress);
  OutcomePrinter printer(errors);
  const ClockWatch watch(file.clocks);
  Ingestion ingestion(
      usage, [&] { return file.at.has_value() ? *at : BatchTime(file, watch); },
      [&](const absl::StatusOr<LedgerOutcome>& outcome) {
        printer.Report(outcome);
      },
      {});
  ReadUsageRecords(input, options.form, errors,
                   [&](v1::UsageRecord& record, const UsageRecordPlace& place) {
                     printer.Add(place);
                     ingestion.Add(record);
                     return absl::OkStatus();
                   });
  ingestion.Finish();
  if (!ingestion.failure().ok()) {
    PrintReason(streams,
                absl::StrCat(ingestion.failure().message(),
                             "; it is safe to ingest the same records again"));
    return ExitCode::kInternal;
  }
  // Why an input cannot be read at all was printed.
  if (!input.error().empty() && printer.reported() == 0) {
    return ExitCode::kBadInput;
  }
  const IngestTotals& totals = ingestion.totals();
  const v1::IngestReport report = ToMessage(totals, errors.count(), *catalog);
  if (file.format == ReportFormat::kJson) {
    PrintJson(report, streams.out);
  } else {
    PrintIngestText(report, streams.out);
  }
  return CodeOfReport(
      report, totals.denials.count(Refusal::kInsufficientCredits) > 0, streams);
}

}  // namespace konpro::cli
