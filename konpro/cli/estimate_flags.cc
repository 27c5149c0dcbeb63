#include "konpro/cli/estimate_flags.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/cli/flag_parsing.h"
#include "konpro/estimate/plan_fit.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
namespace {

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
            options.deadline_after =
                ParseTimeSpan("--deadline", text.substr(1));
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
                  "the unit of a bare number in the quantity column")
      ->type_name("ms|s|min|h|image")
      ->group(kColumns);
  command
      .add_option("--jobs", columns.jobs,
                  "the column that says how many jobs a row stands for")
      ->type_name("COL")
      ->group(kColumns);
  command.add_option("--ignore-columns", columns.ignored, "columns to ignore")
      ->delimiter(',')
      ->type_name("COL,...")
      ->group(kColumns);
}

}  // namespace

void AddEstimate(CLI::App& app, const std::string& exit_codes,
                 EstimateOptions& options) {
  CLI::App& command = *app.add_subcommand(
      "estimate", "what a batch of jobs will cost, and which plan fits it");
  command.footer(
      std::string(
          "A manifest is CSV with a header row, or JSON Lines with the same "
          "names:\noperation and quantity, and optionally jobs (how many "
          "alike, default 1) and id.\nA quantity is 90s, 1m30s, 1500ms, 0.5h, "
          "1:30, 1:02:03.250 or PT1M30S of time, or a whole\nnumber of images; "
          "if it is uncertain, low..likely..high, such as "
          "60s..90s..150s.\n\n") +
      exit_codes);
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
          "take the prices in effect at this time for all requests (default: "
          "those in effect when each request goes out)")
      ->type_name("RFC3339");
  command
      .add_option(
          "--seed", options.seed,
          "seed of the samples, if quantities are uncertain (default: 1)")
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

}  // namespace konpro::cli
