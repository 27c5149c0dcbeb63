#include "konpro/cli/forecast_command.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "konpro/access/backend.h"
#include "konpro/cli/service_session.h"
#include "konpro/estimate/forecast.h"
#include "konpro/input/input_file.h"
#include "konpro/input/spend_history.h"
#include "konpro/ledger/ledger.h"
#include "konpro/report/forecast_report.h"
#include "konpro/report/report_message.h"
#include "proto/report.pb.h"

namespace konpro::cli {
namespace {

using ::absl::CivilDay;

constexpr int kDefaultDays = 14;

std::string DayText(std::optional<CivilDay> day) {
  return day.has_value() ? absl::FormatCivilTime(*day) : "";
}

CivilDay Today(const ForecastCommandOptions& options) {
  return absl::ToCivilDay(options.now, options.zone);
}

// Of a ledger; entries that are ahead of the clock count on days to come.
absl::StatusOr<SpendHistory> ReadLedger(Ledger& ledger,
                                        const ForecastCommandOptions& options,
                                        Streams streams) {
  NoteClock(ledger, {.clock = options.now, .file = options.file}, streams);
  return SpendOfLedger(ledger, options.account, options.zone);
}

absl::StatusOr<SpendHistory> ReadLedgerFile(
    const ForecastCommandOptions& options, Streams streams) {
  if (options.file == "-") {
    return absl::InvalidArgumentError(
        "a ledger is read from its file, not from standard input: name the "
        "file");
  }
  absl::StatusOr<Backend> backend = OpenBackend(options.file, /*create=*/false);
  if (!backend.ok()) return backend.status();
  const absl::StatusOr<std::unique_ptr<Ledger>> ledger =
      Ledger::Open(std::move(backend->ledger), {});
  if (!ledger.ok()) return ledger.status();
  return ReadLedger(**ledger, options, streams);
}

// The history in options.file or options.open. What is wrong goes to `errors`.
SpendHistory ReadHistory(const ForecastCommandOptions& options,
                         const Catalog& catalog, Streams streams,
                         InputErrors& errors) {
  absl::StatusOr<SpendHistory> history = SpendHistory{};
  if (options.open != nullptr) {
    history = ReadLedger(*options.open, options, streams);
  } else {
    InputFile input(options.file, streams.in, streams.progress);
    if (!LooksLikeLedgerFile(input.Peek())) {
      return ReadSpendHistory(input, {catalog, options.account, options.zone},
                              errors);
    }
    history = ReadLedgerFile(options, streams);
  }
  if (history.ok()) return *std::move(history);
  // The messages of a store begin with its path, and so do the errors.
  errors.AddForFile(absl::StripPrefix(history.status().message(),
                                      absl::StrCat(options.file, ": ")));
  return {};
}

void PrintReport(const v1::Forecast& report, absl::Span<const DailySpend> days,
                 CivilDay first_day, const ForecastCommandOptions& options,
                 std::ostream& out) {
  if (options.format == ReportFormat::kJson) return PrintJson(report, out);
  if (options.format == ReportFormat::kHtml) {
    return PrintHtml(report, {.source = options.file, .history = days}, out);
  }
  PrintForecast(report, days, first_day, out);
}

// The first day that is not over.
CivilDay FirstDay(const SpendByDay& spend,
                  const ForecastCommandOptions& options) {
  if (options.as_of.has_value()) return *options.as_of;
  const CivilDay today = Today(options);
  if (!spend.last_day().has_value()) return today;
  return std::min(*spend.last_day() + 1, today);
}

ExitCode Verdict(const Forecast& forecast, const SpendHistory& history,
                 const ForecastCommandOptions& options, Streams streams) {
  if (history.unpriced_records > 0) {
    PrintReason(streams, absl::StrCat("no price for ", history.unpriced_records,
                                      " records"));
    return ExitCode::kNotAllowed;
  }
  if (forecast.basis == Forecast::Basis::kNoHistory) {
    PrintReason(streams, "no history: nothing can be forecast");
    return ExitCode::kBadInput;
  }
  if (!forecast.runway.has_value() || !forecast.runway->likely.has_value()) {
    return ExitCode::kOk;
  }
  const CivilDay likely = *forecast.runway->likely;
  if (options.next_allowance.has_value()
          ? likely >= *options.next_allowance
          : !options.until.has_value() || likely > *options.until) {
    return ExitCode::kOk;
  }
  PrintReason(
      streams,
      absl::StrCat("not covered: available ", options.available->ToString(),
                   ", which is likely to run out on ", DayText(likely)));
  return ExitCode::kOverAvailable;
}

absl::StatusOr<int> HorizonDays(const ForecastCommandOptions& options,
                                CivilDay first_day) {
  if (!options.until.has_value()) return kDefaultDays;
  const int64_t days = *options.until - first_day + 1;
  if (days >= 1 && days <= kForecastDaysMax) return static_cast<int>(days);
  return absl::OutOfRangeError(absl::StrCat(
      "--until: ", DayText(options.until), " is outside ", DayText(first_day),
      " .. ", DayText(first_day + (kForecastDaysMax - 1))));
}

ExitCode BadInput(Streams streams, const absl::Status& status) {
  PrintReason(streams, status.message());
  return ExitCode::kBadInput;
}

}  // namespace

ExitCode RunForecast(const ForecastCommandOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = LoadCatalog(options.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  InputErrors errors(options.file, streams.err);
  const SpendHistory history = ReadHistory(options, *catalog, streams, errors);
  errors.Finish();
  if (!errors.none()) return ExitCode::kBadInput;

  const CivilDay first_day = FirstDay(history.spend, options);
  const absl::StatusOr<int> horizon_days = HorizonDays(options, first_day);
  if (!horizon_days.ok()) return BadInput(streams, horizon_days.status());
  const std::vector<DailySpend> days = history.spend.BuildDailySpend(first_day);
  const ForecastOptions asked = {
      .horizon_days = *horizon_days,
      .available = options.available,
      .next_allowance = options.next_allowance,
      .spent_on_first_day = history.spend.SpentOn(first_day),
      .seed = options.seed};
  const absl::StatusOr<Forecast> forecast = MakeForecast(days, asked);
  if (!forecast.ok()) return BadInput(streams, forecast.status());
  const absl::StatusOr<v1::Forecast> report = ToForecastReport(
      *forecast, asked, history.spend, days,
      {.first_day = first_day,
       .today = Today(options),
       .first_day_was_chosen = options.as_of.has_value(),
       .catalog_version = history.priced ? catalog->version() : "",
       .unpriced_records = history.unpriced_records,
       .other_records = history.other_records,
       .unplaced_refunds = history.unplaced_refunds,
       .backtest = options.backtest});
  if (!report.ok()) return BadInput(streams, report.status());
  PrintReport(*report, days, first_day, options, streams.out);
  return Verdict(*forecast, history, options, streams);
}

}  // namespace konpro::cli
