#include "konpro/cli/ledger_query_command.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/util/json_util.h"
#include "konpro/base/clock_tolerance.h"
#include "konpro/catalog/catalog.h"
#include "konpro/estimate/estimator.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/journal_repair.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/statement.h"
#include "konpro/report/ledger_message.h"
#include "konpro/report/report_message.h"
#include "proto/report.pb.h"

namespace konpro::cli {
namespace {

template <typename Message, typename PrintTable>
ExitCode Print(const Message& message, const ServiceFile& file,
               PrintTable print_table, Streams streams) {
  if (file.format == ReportFormat::kJson) {
    PrintJson(message, streams.out);
  } else {
    print_table(message, streams.out);
  }
  return ExitCode::kOk;
}

}  // namespace

ExitCode RunLedgerBalance(const ServiceFile& file,
                          const BalanceOptions& options, Streams streams) {
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, LedgerUse::kRead, streams, code);
  if (ledger == nullptr) return code;
  const absl::StatusOr<Account> account =
      options.at_seq.has_value()
          ? ledger->AccountAtSequence(options.account, *options.at_seq)
          : ledger->AccountAt(options.account, UnixNanosOf(file));
  if (!account.ok()) return FailWith(account.status(), streams);
  return Print(ToAccountCredits(options.account, *account), file,
               PrintCreditsText, streams);
}

ExitCode RunLedgerHistory(const ServiceFile& file,
                          const HistoryOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = CatalogOf(file, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, LedgerUse::kRead, streams, code);
  if (ledger == nullptr) return code;
  v1::LedgerHistory history;
  history.set_account(options.account);
  const absl::Status status = ledger->History(
      options.account, [&](const JournalEntry& entry, absl::string_view) {
        *history.add_entries() = ToEntry(entry);
        return absl::OkStatus();
      });
  if (!status.ok()) return FailWith(status, streams);
  return Print(
      history, file,
      [&](const v1::LedgerHistory& message, std::ostream& out) {
        PrintHistoryText(message, *catalog, out);
      },
      streams);
}

ExitCode RunLedgerExplain(const ServiceFile& file,
                          const ExplainOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = CatalogOf(file, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, LedgerUse::kRead, streams, code);
  if (ledger == nullptr) return code;
  const absl::StatusOr<Ledger::CommandPlace> place =
      FindCommand(*ledger, options.account, options.command);
  if (!place.ok()) return FailWith(place.status(), streams);
  const absl::StatusOr<Explanation> explanation =
      ledger->Explain(place->sequence);
  if (!explanation.ok()) return FailWith(explanation.status(), streams);
  return Print(
      ToExplanation(*explanation), file,
      [&](const v1::LedgerExplanation& message, std::ostream& out) {
        PrintExplanationText(message, *catalog, out);
      },
      streams);
}

ExitCode RunLedgerStatement(const ServiceFile& file,
                            const StatementOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = CatalogOf(file, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, LedgerUse::kRead, streams, code);
  if (ledger == nullptr) return code;
  // Midnight, or the first instant after a midnight that does not exist.
  const auto begin_of = [&](absl::CivilMonth month) {
    return UnixNanos::FromTime(absl::FromCivil(month, options.zone));
  };
  const StatementPeriod period{.begin = begin_of(options.month),
                               .end = begin_of(options.month + 1)};
  const absl::StatusOr<Statement> statement =
      MakeStatement(*ledger, options.account, period, UnixNanosOf(file));
  if (!statement.ok()) return FailWith(statement.status(), streams);
  return Print(
      ToStatement(*statement, options.account, options.zone, period, *catalog),
      file, PrintStatementText, streams);
}

ExitCode RunLedgerVerify(const ServiceFile& file, Streams streams) {
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, LedgerUse::kRead, streams, code);
  if (ledger == nullptr) return code;
  const absl::StatusOr<VerifyReport> report =
      ledger->Verify([&](uint64_t entries) {
        if (streams.progress == nullptr) return;
        *streams.progress << "\r" << entries << " entries" << std::flush;
      });
  if (streams.progress != nullptr) *streams.progress << "\r\033[K";
  if (!report.ok()) return FailWith(report.status(), streams);
  v1::LedgerVerification message = ToMessage(*report);
  const absl::StatusOr<std::optional<AheadOfClock>> ahead =
      FindAheadOfClock(*ledger, JournalClockOf(file));
  if (!ahead.ok()) return FailWith(ahead.status(), streams);
  if (ahead->has_value()) {
    message.set_ahead_at(ClockText((*ahead)->last_at.ToTime()));
    message.set_good_through((*ahead)->good_through);
  }
  (void)Print(message, file, PrintVerificationText, streams);
  // OpenLedger() has said why.
  return ahead->has_value() ? ExitCode::kInternal : ExitCode::kOk;
}

ExitCode RunLedgerExport(const ServiceFile& file, Streams streams) {
  ExitCode code = ExitCode::kOk;
  const LedgerPointer ledger =
      OpenLedger(file, LedgerUse::kRead, streams, code);
  if (ledger == nullptr) return code;
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string line;
  const absl::Status status = ledger->ForEachEntry(
      1, ~uint64_t{0}, [&](const JournalEntry& entry, absl::string_view) {
        line.clear();
        (void)google::protobuf::util::MessageToJsonString(ToEntry(entry), &line,
                                                          options);
        streams.out << line << "\n";
        return absl::OkStatus();
      });
  return status.ok() ? ExitCode::kOk : FailWith(status, streams);
}

}  // namespace konpro::cli
