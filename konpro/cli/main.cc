// The command line: options in, a command called, an exit code out.
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "google/protobuf/stubs/logging.h"
#include "konpro/access/service.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/cli/accuracy_command.h"
#include "konpro/cli/command.h"
#include "konpro/cli/diff_command.h"
#include "konpro/cli/door_flags.h"
#include "konpro/cli/estimate_command.h"
#include "konpro/cli/forecast_command.h"
#include "konpro/cli/ledger_flags.h"
#include "konpro/cli/plans_command.h"
#include "konpro/cli/price_command.h"
#include "konpro/cli/replay_command.h"
#include "konpro/cli/spend_history.h"
#include "konpro/estimate/planner.h"
#include "konpro/report/percent.h"
#include "konpro/report/report_format.h"
#include "konpro/serve/admin.h"
#include "konpro/serve/serve.h"

namespace konpro::cli {
namespace {

constexpr char kVersion[] = "0.1.0";

constexpr char kExitCodes[] =
    "Exit codes:\n"
    "  0  fine\n"
    "  1  internal error, or the report could not be written\n"
    "  2  a wrong option or a wrong input; nothing was estimated\n"
    "  3  the total is above --budget, or rises by more than --max-increase\n"
    "  4  the total is above --available, or that runs out too early; an "
    "account has too\n     few credits\n"
    "  5  the plan misses --deadline, or with --plan=all every plan does\n"
    "  6  the plan does not allow an operation, or it has no price\n"
    "  7  an account denies a command for another reason\n"
    "  8  the estimate was further from the bill than --max-error\n"
    "The report is printed first, the reason then goes to standard error.";

std::string VersionText() {
  return absl::StrCat("konpro ", kVersion, "\ncatalog ",
                      Catalog::BuiltIn().version(), "\nbuild C++ ",
                      __cplusplus / 100 % 100, ", compiler " __VERSION__,
#ifdef __OPTIMIZE__
                      ", optimised"
#else
                      ", not optimised"
#endif
  );
}

using FormatNames = std::map<std::string, ReportFormat>;

void AddFormat(CLI::App& command, ReportFormat& format,
               const FormatNames& names) {
  std::vector<std::string> texts;
  for (const auto& [name, unused] : names) texts.push_back(name);
  command
      .add_option_function<std::string>(
          "--format",
          [&format, names](const std::string& name) {
            format = names.at(name);
          },
          "how the report is printed (default: table)")
      ->type_name(absl::StrJoin(texts, "|"))
      ->check(CLI::IsMember(texts).description(""));
}

void AddCatalog(CLI::App& command, std::string& catalog) {
  command
      .add_option("--catalog", catalog,
                  "a catalog file in place of the built-in catalog")
      ->type_name("FILE");
}

// What `text` is in credits, zero or more; throws where it is none.
Credits ParseCredits(const char* name, const std::string& text) {
  const absl::StatusOr<Credits> parsed = Credits::Parse(text);
  if (!parsed.ok()) {
    throw CLI::ValidationError(name, std::string(parsed.status().message()));
  }
  if (*parsed < Credits()) {
    throw CLI::ValidationError(name, "is zero or more, not " + text);
  }
  return *parsed;
}

// An option of credits, zero or more.
void AddCredits(CLI::App& command, const char* name,
                std::optional<Credits>& credits, const char* help) {
  command
      .add_option_function<std::string>(
          name,
          [name, &credits](const std::string& text) {
            credits = ParseCredits(name, text);
          },
          help)
      ->type_name("CREDITS");
}

// What `text` is as a time; throws where it is none.
absl::Time ParseTime(const char* name, const std::string& text) {
  const absl::StatusOr<absl::Time> time = internal::ParseRfc3339(text);
  if (!time.ok()) {
    throw CLI::ValidationError(name, std::string(time.status().message()));
  }
  return *time;
}

// "12.5" or "12.5@2027-01-01T00:00:00Z".
ExpiringCredits ParseAvailable(const std::string& text) {
  constexpr char kName[] = "--available";
  const size_t at = text.find('@');
  ExpiringCredits credits = {ParseCredits(kName, text.substr(0, at))};
  if (at != text.npos) {
    credits.expires_at =
        UnixNanos::FromTime(ParseTime(kName, text.substr(at + 1)));
  }
  return credits;
}

// "minute:12": a window's name and a count.
std::pair<std::string, int64_t> ParseUse(absl::string_view text) {
  const size_t colon = text.find(':');
  int64_t used = 0;
  if (colon == text.npos || !absl::SimpleAtoi(text.substr(colon + 1), &used) ||
      used < 0) {
    throw CLI::ValidationError(
        "--used", "write requests by window, such as minute:12,day:340");
  }
  return {std::string(text.substr(0, colon)), used};
}

void AddScheduleOptions(CLI::App& command, EstimateOptions& options) {
  const char* kSchedule = "When it is done (with --plan)";
  command
      .add_option_function<std::string>(
          "--start",
          [&options](const std::string& text) {
            options.start = ParseTime("--start", text);
          },
          "when the first request may go out (default: now)")
      ->type_name("RFC3339")
      ->group(kSchedule);
  command
      .add_option_function<std::string>(
          "--deadline",
          [&options](const std::string& text) {
            if (!text.starts_with('+')) {
              options.deadline = ParseTime("--deadline", text);
              return;
            }
            const absl::StatusOr<int64_t> after =
                ParseQuantity(text.substr(1), QuantityUnit::kMilliseconds);
            if (!after.ok()) {
              throw CLI::ValidationError("--deadline",
                                         std::string(after.status().message()));
            }
            options.deadline_after = absl::Milliseconds(*after);
          },
          "when the last request must have gone out, or how long after the "
          "start, such as +48h")
      ->type_name("RFC3339|+TIME")
      ->group(kSchedule);
  command
      .add_option_function<std::string>(
          "--used",
          [&options](const std::string& text) {
            for (absl::string_view use : absl::StrSplit(text, ',')) {
              options.used.push_back(ParseUse(use));
            }
          },
          "requests that windows have counted before the start")
      ->type_name("WINDOW:N,...")
      ->group(kSchedule);
  command
      .add_option("--schedule", options.schedule_file,
                  "write when each request can go out, as CSV")
      ->type_name("FILE")
      ->group(kSchedule);
}

void AddColumns(CLI::App& command, ManifestColumns& columns) {
  const char* kColumns = "Columns of other CSV files";
  command
      .add_option("--operation", columns.operation,
                  "an operation for all rows, or the column that names it")
      ->type_name("NAME|COL")
      ->group(kColumns);
  command
      .add_option("--quantity", columns.quantity, "the column of quantities")
      ->type_name("COL")
      ->group(kColumns);
  command
      .add_option("--unit", columns.unit,
                  "what a bare number in the quantity column counts")
      ->type_name("ms|s|min|h|image")
      ->group(kColumns);
  command
      .add_option("--jobs", columns.jobs,
                  "the column that says how many jobs a row stands for")
      ->type_name("COL")
      ->group(kColumns);
  command
      .add_option("--ignore-columns", columns.ignored,
                  "columns that mean nothing here")
      ->delimiter(',')
      ->type_name("COL,...")
      ->group(kColumns);
}

void AddEstimate(CLI::App& app, EstimateOptions& options) {
  CLI::App& command = *app.add_subcommand(
      "estimate", "what a batch of jobs will cost, and which plan carries it");
  command.footer(
      std::string(
          "A manifest is CSV with a header row, or JSON Lines with the same "
          "names:\noperation and quantity, and where wanted jobs (how many "
          "alike, default 1) and id.\nA quantity is 90s, 1m30s, 1500ms, 0.5h, "
          "1:30 or 1:02:03.250 of time, or a whole number\nof images; where it "
          "is uncertain, low..likely..high, such as 60s..90s..150s.\n\n") +
      kExitCodes);
  command
      .add_option("FILE", options.file, "the manifest; - for standard input")
      ->required()
      ->type_name("");
  command.add_option("--plan", options.plan, "report on this plan, or on all")
      ->type_name("NAME|all");
  command
      .add_option_function<std::vector<std::string>>(
          "--available",
          [&options](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              options.available.push_back(ParseAvailable(text));
            }
          },
          "the balance that must cover the total; once for each part of it "
          "that expires")
      ->type_name("CREDITS[@RFC3339]")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  AddCredits(command, "--budget", options.budget,
             "the most that the total may be");
  AddCatalog(command, options.catalog);
  command
      .add_option_function<std::string>(
          "--at",
          [&options](const std::string& text) {
            options.at = ParseTime("--at", text);
          },
          "take the prices in effect at this time (default: --start)")
      ->type_name("RFC3339");
  command
      .add_option("--seed", options.seed,
                  "of the samples where quantities are uncertain (default: 1)")
      ->type_name("N");
  AddScheduleOptions(command, options);
  AddFormat(command, options.format,
            {{"table", ReportFormat::kTable},
             {"json", ReportFormat::kJson},
             {"markdown", ReportFormat::kMarkdown},
             {"csv", ReportFormat::kCsv},
             {"html", ReportFormat::kHtml}});
  command.add_flag("--explain", options.explain,
                   "show how each line's cost comes about");
  AddColumns(command, options.columns);
}

void AddPlans(CLI::App& app, PlansOptions& options) {
  CLI::App& command =
      *app.add_subcommand("plans", "plans, request limits and prices");
  command.footer(kExitCodes);
  AddCatalog(command, options.catalog);
  AddFormat(command, options.format,
            {{"table", ReportFormat::kTable},
             {"json", ReportFormat::kJson},
             {"textproto", ReportFormat::kTextproto}});
}

void AddPrice(CLI::App& app, PriceOptions& options) {
  CLI::App& command = *app.add_subcommand(
      "price", "what usage records cost, per account and operation");
  command.footer(kExitCodes);
  command
      .add_option("FILE", options.file,
                  "konpro.v1.UsageRecord as JSON Lines or as length-delimited "
                  "binary; - for standard input")
      ->required()
      ->type_name("");
  command
      .add_option_function<std::string>(
          "--input",
          [&options](const std::string& name) {
            options.form = name == "jsonl"       ? UsageRecordForm::kJsonLines
                           : name == "delimited" ? UsageRecordForm::kDelimited
                                                 : UsageRecordForm::kAuto;
          },
          "how the records are written (default: auto)")
      ->type_name("auto|jsonl|delimited")
      ->check(CLI::IsMember({"auto", "jsonl", "delimited"}).description(""));
  AddCatalog(command, options.catalog);
  command
      .add_option("--plan", options.plan,
                  "the plan that must allow every operation with records")
      ->type_name("NAME");
  AddCredits(command, "--available", options.available,
             "the balance that must cover the total");
  AddCredits(command, "--budget", options.budget,
             "the most that the total may be");
  AddFormat(command, options.format,
            {{"table", ReportFormat::kTable},
             {"json", ReportFormat::kJson},
             {"markdown", ReportFormat::kMarkdown},
             {"csv", ReportFormat::kCsv}});
}

// What `text` is as a percentage; throws where it is none.
Percent ParsePercent(const char* name, const std::string& text) {
  const absl::StatusOr<Percent> percent = Percent::Parse(text);
  if (!percent.ok()) {
    throw CLI::ValidationError(name, std::string(percent.status().message()));
  }
  return *percent;
}

void AddDiff(CLI::App& app, DiffOptions& options) {
  CLI::App& command =
      *app.add_subcommand("diff", "what changed between two saved estimates");
  command.footer(std::string("Estimates are saved with `konpro estimate FILE "
                             "--format=json`.\n\n") +
                 kExitCodes);
  command.add_option("OLD", options.old_file, "the estimate before")
      ->required()
      ->type_name("");
  command
      .add_option("NEW", options.new_file,
                  "the estimate now; one of both may be - for standard input")
      ->required()
      ->type_name("");
  command
      .add_option_function<std::string>(
          "--max-increase",
          [&options](const std::string& text) {
            if (text.ends_with('%')) {
              options.max_increase_percent =
                  ParsePercent("--max-increase", text);
            } else {
              options.max_increase = ParseCredits("--max-increase", text);
            }
          },
          "by how much the total may rise: credits, or % of the old total")
      ->type_name("CREDITS|PERCENT%");
  AddFormat(command, options.format,
            {{"table", ReportFormat::kTable}, {"json", ReportFormat::kJson}});
}

void AddAccuracy(CLI::App& app, AccuracyOptions& options) {
  CLI::App& command = *app.add_subcommand(
      "accuracy", "how far an estimate was from what was used");
  command.footer(kExitCodes);
  command
      .add_option("ESTIMATE", options.estimate_file,
                  "saved with `konpro estimate FILE --format=json`")
      ->required()
      ->type_name("");
  command
      .add_option("ACTUAL", options.actual_file,
                  "saved with `konpro price FILE --format=json`; one of both "
                  "may be - for standard input")
      ->required()
      ->type_name("");
  command
      .add_option_function<std::string>(
          "--max-error",
          [&options](const std::string& text) {
            options.max_error = ParsePercent("--max-error", text);
          },
          "the most that the weighted error may be")
      ->type_name("PERCENT");
  AddFormat(command, options.format,
            {{"table", ReportFormat::kTable}, {"json", ReportFormat::kJson}});
}

// An option of a date.
void AddDay(CLI::App& command, const char* name,
            std::optional<absl::CivilDay>& day, const char* help) {
  command
      .add_option_function<std::string>(
          name,
          [name, &day](const std::string& text) {
            const absl::StatusOr<absl::CivilDay> parsed = ParseDay(text);
            if (!parsed.ok()) {
              throw CLI::ValidationError(
                  name, std::string(parsed.status().message()));
            }
            day = *parsed;
          },
          help)
      ->type_name("DATE");
}

void AddForecast(CLI::App& app, ForecastCommandOptions& options) {
  CLI::App& command = *app.add_subcommand(
      "forecast", "what the next days will cost, and when the credits run out");
  command.footer(
      std::string("A history is usage records, as `konpro price` takes them, a "
                  "ledger's file, or CSV\nwith the columns date and credits, "
                  "and where wanted "
                  "capped (yes where a limit was reached).\nEntries below zero "
                  "are top-ups, not spend.\n\n") +
      kExitCodes);
  command.add_option("FILE", options.file, "the history; - for standard input")
      ->required()
      ->type_name("");
  AddCredits(command, "--available", options.available,
             "the balance: says when it runs out");
  AddDay(command, "--until", options.until,
         "the last day to forecast (default: two weeks)");
  AddDay(command, "--next-allowance", options.next_allowance,
         "when new credits come: says whether the balance lasts until then");
  AddDay(command, "--as-of", options.as_of,
         "the day that is not over; it and later ones are forecast (default: "
         "the day after the last entry, or today)");
  command
      .add_option("--account", options.account,
                  "read this account's records alone (default: all together)")
      ->type_name("ID");
  command
      .add_option_function<std::string>(
          "--zone",
          [&options](const std::string& name) {
            if (!absl::LoadTimeZone(name, &options.zone)) {
              throw CLI::ValidationError("--zone",
                                         "no time zone such as Europe/Berlin");
            }
          },
          "whose days are meant (default: UTC)")
      ->type_name("NAME");
  command.add_flag("--backtest", options.backtest,
                   "show how the forecast would have done on the same history");
  command
      .add_option("--seed", options.seed,
                  "of the simulated futures (default: 1)")
      ->type_name("N");
  AddCatalog(command, options.catalog);
  AddFormat(command, options.format,
            {{"table", ReportFormat::kTable},
             {"json", ReportFormat::kJson},
             {"html", ReportFormat::kHtml}});
}

void AddTraceColumns(CLI::App& command, TraceOptions& options) {
  const std::tuple<const char*, std::string&, const char*, const char*>
      kOptions[] = {
          {"--time", options.time, "the column of times", "COL"},
          {"--account", options.account,
           "the column of accounts (without: all are one); of an access log, "
           "user or\naddress (without: the user where there is one, else the "
           "address)",
           "COL|user|address"},
          {"--operation", options.operation,
           "an operation for all rows, or the column that names it",
           "NAME|COL"},
          {"--quantity", options.quantity, "the column of quantities", "COL"},
          {"--unit", options.unit,
           "what a bare number in the quantity column counts",
           "ms|s|min|h|image"},
      };
  for (const auto& [name, value, help, type] : kOptions) {
    command.add_option(name, value, help)->type_name(type)->group("Columns");
  }
}

void AddReplay(CLI::App& app, ReplayOptions& options) {
  CLI::App& command = *app.add_subcommand(
      "replay", "would this traffic fit a plan: a trace through the limiter");
  command.footer(
      std::string(
          "A trace is CSV with a header row and a column of times, or an "
          "access log in common or\ncombined format. A time is "
          "2023-11-16T18:17:03.5Z, 2023-11-16 18:17:03.5 (UTC) or\n"
          "1700158623.5 (seconds since 1970). Columns that no option names "
          "are ignored.\nThe peak of a window is the most requests of one "
          "account in one of its periods,\nadmitted or not.\n\n") +
      kExitCodes);
  command.add_option("TRACE", options.file, "the trace; - for standard input")
      ->required()
      ->type_name("");
  command
      .add_option("--plan", options.plan,
                  "replay under this plan, or under all (default: all)")
      ->type_name("NAME|all");
  command
      .add_option_function<std::string>(
          "--mode",
          [&options](const std::string& name) {
            options.mode =
                name == "wait" ? ReplayMode::kWait : ReplayMode::kDrop;
          },
          "what is refused is lost, or waits until it is admitted, in order "
          "(default: drop)")
      ->type_name("drop|wait")
      ->check(CLI::IsMember({"drop", "wait"}).description(""));
  command
      .add_option_function<std::string>(
          "--format-in",
          [&options](const std::string& name) {
            options.trace.form =
                name == "clf" ? TraceForm::kAccessLog : TraceForm::kCsv;
          },
          "how the trace is written (default: csv)")
      ->type_name("csv|clf")
      ->check(CLI::IsMember({"csv", "clf"}).description(""));
  AddCatalog(command, options.catalog);
  AddFormat(command, options.format,
            {{"table", ReportFormat::kTable}, {"json", ReportFormat::kJson}});
  AddTraceColumns(command, options.trace);
}

struct ServeFlags {
  ServeOptions options;
  // A catalog file; "" for the built-in catalog.
  std::string catalog;
};

void AddServe(CLI::App& app, ServeFlags& flags) {
  ServeOptions& options = flags.options;
  CLI::App& command = *app.add_subcommand(
      "serve", "keys, limits and credits over HTTP, until SIGTERM");
  command.footer(
      std::string("It is for your own machines: nginx in front of an API, "
                  "and services that end jobs.\nWhile it runs, the commands "
                  "that take --db reach it by FILE.sock.\n\n") +
      kExitCodes);
  command
      .add_option("--db", options.db, "the file of accounts, keys and credits")
      ->required()
      ->type_name("FILE");
  command
      .add_option("--listen", options.listen,
                  "where to listen; port 0 takes a free one (default: "
                  "127.0.0.1:8080)")
      ->type_name("ADDRESS:PORT");
  command
      .add_option("--threads", options.threads,
                  "threads that answer (default: 8)")
      ->type_name("N")
      ->check(CLI::Range(1u, ServeOptions::kThreadsMax).description(""));
  AddCatalog(command, flags.catalog);
}

// What a command line is run in.
struct Context {
  Streams streams;
  // What a server has open; nullptr: commands open their file.
  Service* open = nullptr;
};

ExitCode RunCommandLine(const std::vector<std::string>& arguments,
                        const Context& context);

// A command on a file: by the server that has it open, or else here.
template <typename Flags>
ExitCode RunOnFile(const std::vector<std::string>& arguments, Flags& flags,
                   const Context& context) {
  Streams streams = context.streams;
  if (context.open != nullptr) {
    flags.RunOn(*context.open);
    return flags.Run(streams);
  }
  if (access(AdminSocketPath(flags.db()).c_str(), F_OK) != 0) {
    return flags.Run(streams);
  }
  absl::StatusOr<std::string> input = flags.ReadInput(streams);
  if (!input.ok()) {
    PrintReason(streams, input.status().message());
    return ExitCode::kBadInput;
  }
  const auto forwarded = ForwardCommand(flags.db(), arguments, *input);
  std::istringstream in(*input);
  explicit_bzero(input->data(), input->size());
  if (!forwarded.ok()) {
    PrintReason(streams, forwarded.status().message());
    return ExitCode::kInternal;
  }
  if (!forwarded->has_value()) {
    return flags.Run({.in = in,
                      .out = streams.out,
                      .err = streams.err,
                      .progress = streams.progress});
  }
  streams.out << (*forwarded)->out;
  streams.out.flush();
  streams.err << (*forwarded)->err;
  return static_cast<ExitCode>((*forwarded)->exit_code);
}

ExitCode RunServer(const ServeFlags& flags, Streams streams) {
  const std::optional<Catalog> catalog = LoadCatalog(flags.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  const absl::Status status = RunServe(
      flags.options, *catalog,
      [](Service& service, const std::vector<std::string>& arguments,
         std::istream& in, std::ostream& out, std::ostream& err) {
        return static_cast<int>(RunCommandLine(
            arguments,
            {.streams = {.in = in, .out = out, .err = err}, .open = &service}));
      },
      streams.out, streams.err);
  return status.ok() ? ExitCode::kOk : FailWith(status, streams);
}

ExitCode RunCommandLine(const std::vector<std::string>& arguments,
                        const Context& context) {
  const Streams streams = context.streams;
  CLI::App app(
      "Credits and request limits of KonPro's API: what jobs will "
      "cost, which plan carries them.",
      "konpro");
  app.set_version_flag("--version", VersionText());
  app.footer(kExitCodes);
  EstimateOptions estimate;
  estimate.start = absl::Now();
  PlansOptions plans;
  PriceOptions price;
  AddPlans(app, plans);
  AddEstimate(app, estimate);
  AddPrice(app, price);
  ForecastCommandOptions forecast;
  forecast.now = estimate.start;
  AddForecast(app, forecast);
  DiffOptions diff;
  AddDiff(app, diff);
  AccuracyOptions accuracy;
  AddAccuracy(app, accuracy);
  ReplayOptions replay;
  AddReplay(app, replay);
  DoorFlags door;
  door.AddAccount(app, kExitCodes);
  door.AddKeys(app, kExitCodes);
  LedgerFlags ledger;
  ledger.Add(app, kExitCodes);
  ServeFlags serve;
  AddServe(app, serve);
  try {
    // CLI11 takes words from the end.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;
    app.exit(error, streams.out, streams.err);
    streams.out.flush();
    if (!streams.out) return ExitCode::kInternal;
    return asked ? ExitCode::kOk : ExitCode::kBadInput;
  }

  // Jobs are priced when they begin.
  if (app.get_subcommand("estimate")->count("--at") == 0) {
    estimate.at = estimate.start;
  }
  if (app.get_subcommands().empty()) {
    streams.err << app.help() << "\n";
    return ExitCode::kBadInput;
  }
  const auto on_door = [&] { return RunOnFile(arguments, door, context); };
  const std::pair<const char*, std::function<ExitCode()>> kCommands[] = {
      {"plans", [&] { return RunPlans(plans, streams); }},
      {"estimate", [&] { return RunEstimate(estimate, streams); }},
      {"price", [&] { return RunPrice(price, streams); }},
      {"forecast", [&] { return RunForecast(forecast, streams); }},
      {"diff", [&] { return RunDiff(diff, streams); }},
      {"accuracy", [&] { return RunAccuracy(accuracy, streams); }},
      {"replay", [&] { return RunReplay(replay, streams); }},
      {"account", on_door},
      {"keys", on_door},
      {"ledger", [&] { return RunOnFile(arguments, ledger, context); }},
      {"serve", [&] { return RunServer(serve, streams); }},
  };
  // A server runs what is about its file, and reads no other files.
  constexpr absl::string_view kOnFile[] = {"account", "keys", "ledger"};
  ExitCode code = ExitCode::kInternal;
  for (const auto& [name, run] : kCommands) {
    if (!app.got_subcommand(name)) continue;
    if (context.open != nullptr &&
        std::find(std::begin(kOnFile), std::end(kOnFile), name) ==
            std::end(kOnFile)) {
      PrintReason(streams, "no command of a file that a server has open");
      return ExitCode::kBadInput;
    }
    code = run();
  }
  streams.out.flush();
  if (!streams.out) {
    PrintReason(streams, "the report could not be written");
    return ExitCode::kInternal;
  }
  return code;
}

}  // namespace
}  // namespace konpro::cli

int main(int argc, char** argv) {
  // A reader that goes away is an error of writing, not a silent death.
  std::signal(SIGPIPE, SIG_IGN);
  // Commands say themselves what is wrong with an input, and where.
  google::protobuf::SetLogHandler(nullptr);
  // `bazel run` starts in a folder of its own; paths are meant from the user's.
  const char* directory = std::getenv("BUILD_WORKING_DIRECTORY");
  if (directory != nullptr && chdir(directory) != 0) {
    std::cerr << "konpro: cannot enter " << directory << "\n";
    return static_cast<int>(konpro::cli::ExitCode::kInternal);
  }
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  return static_cast<int>(konpro::cli::RunCommandLine(
      {argv + 1, argv + argc},
      {.streams = {.in = std::cin,
                   .out = std::cout,
                   .err = std::cerr,
                   .progress = isatty(STDERR_FILENO) ? &std::cerr : nullptr}}));
}
