#include "konpro/cli/ingest_command.h"

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "konpro/catalog/catalog.h"
#include "konpro/cli/ledger_output.h"
#include "konpro/input/input_errors.h"
#include "konpro/input/input_file.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/ingest.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/usage_ledger.h"
#include "konpro/report/report_format.h"
#include "konpro/report/report_json.h"
#include "konpro/report/report_message.h"
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

v1::IngestReport ToReport(const IngestTotals& totals, int64_t refused,
                          const Catalog& catalog) {
  v1::IngestReport report;
  report.set_catalog_version(catalog.version());
  report.set_applied(totals.applied);
  report.set_replayed(totals.replayed);
  report.set_denied(totals.denied);
  report.set_refused(refused);
  report.set_records(totals.applied + totals.replayed + totals.denied +
                     refused);
  std::map<std::string, int64_t> denials;
  for (const auto& [refusal, records] : totals.denials) {
    denials[std::string(RefusalName(refusal))] = records;
  }
  for (const auto& [reason, records] : denials) {
    v1::IngestReason& denial = *report.add_denials();
    denial.set_reason(reason);
    denial.set_records(records);
  }
  if (totals.charged.has_value()) {
    *report.mutable_charged() = ToAmount(*totals.charged);
  }
  return report;
}

void PrintReport(const v1::IngestReport& report, ReportFormat format,
                 std::ostream& out) {
  if (format == ReportFormat::kJson) return PrintJson(report, out);
  out << "records: " << report.records() << ", applied: " << report.applied()
      << ", there before: " << report.replayed()
      << ", denied: " << report.denied() << ", refused: " << report.refused()
      << "\n";
  for (const v1::IngestReason& denial : report.denials()) {
    out << "denied, now or the first time: " << denial.records() << " for "
        << denial.reason() << "\n";
  }
  if (report.has_charged()) {
    out << "charged: " << report.charged().credits() << " credits\n";
  }
  out << "assumed: prices of catalog " << report.catalog_version()
      << ", in effect when each job began\n";
}

ExitCode CodeOfReport(const v1::IngestReport& report, bool lacked_credits,
                      Streams streams) {
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

ExitCode RunLedgerIngest(const LedgerFile& file, const IngestOptions& options,
                         Streams streams) {
  const std::optional<Catalog> catalog = CatalogOf(file, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, /*create=*/false, streams, code);
  if (ledger == nullptr) return code;
  UsageLedger usage(*ledger, *catalog);
  InputErrors errors(options.records, streams.err,
                     std::numeric_limits<int64_t>::max());
  InputFile input(options.records, streams.in, streams.progress);
  OutcomePrinter printer(errors);
  Ingestion ingestion(
      usage, [&] { return TimeOf(file); },
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
  const v1::IngestReport report = ToReport(totals, errors.count(), *catalog);
  PrintReport(report, file.format, streams.out);
  return CodeOfReport(
      report, totals.denials.count(Refusal::kInsufficientCredits) > 0, streams);
}

}  // namespace konpro::cli
