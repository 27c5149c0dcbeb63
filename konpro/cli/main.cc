// The command line: options in, a command called, an exit code out.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "google/protobuf/stubs/logging.h"
#include "konpro/catalog.h"
#include "konpro/cli/command.h"
#include "konpro/cli/estimate_command.h"
#include "konpro/cli/plans_command.h"
#include "konpro/cli/price_command.h"
#include "konpro/internal/rfc3339.h"

namespace konpro::cli {
namespace {

constexpr char kVersion[] = "0.1.0";

constexpr char kExitCodes[] =
    "Exit codes:\n"
    "  0  fine\n"
    "  1  internal error, or the report could not be written\n"
    "  2  a wrong option or a wrong input; nothing was estimated\n"
    "  3  the total is above --budget\n"
    "  4  the total is above --available\n"
    "  6  the plan does not allow an operation, or it has no price\n"
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

using FormatNames = std::map<std::string, Format>;

void AddFormat(CLI::App& command, Format& format, const FormatNames& names) {
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

// An option of credits, zero or more.
void AddCredits(CLI::App& command, const char* name,
                std::optional<Credits>& credits, const char* help) {
  command
      .add_option_function<std::string>(
          name,
          [name, &credits](const std::string& text) {
            const absl::StatusOr<Credits> parsed = Credits::Parse(text);
            if (!parsed.ok()) {
              throw CLI::ValidationError(
                  name, std::string(parsed.status().message()));
            }
            if (*parsed < Credits()) {
              throw CLI::ValidationError(name, "is zero or more, not " + text);
            }
            credits = *parsed;
          },
          help)
      ->type_name("CREDITS");
}

void AddEstimate(CLI::App& app, EstimateOptions& options) {
  CLI::App& command = *app.add_subcommand(
      "estimate", "what a batch of jobs will cost, and which plan carries it");
  command.footer(
      std::string(
          "A manifest is CSV with a header row, or JSON Lines with the same "
          "names:\noperation and quantity, and where wanted jobs (how many "
          "alike, default 1) and id.\nA quantity is 90s, 1m30s, 1500ms, 0.5h, "
          "1:30 or 1:02:03.250 of time, or a whole number\nof images.\n\n") +
      kExitCodes);
  command
      .add_option("FILE", options.file, "the manifest; - for standard input")
      ->required()
      ->type_name("");
  command.add_option("--plan", options.plan, "report on this plan, or on all")
      ->type_name("NAME|all");
  AddCredits(command, "--available", options.available,
             "the balance that must cover the total");
  AddCredits(command, "--budget", options.budget,
             "the most that the total may be");
  AddCatalog(command, options.catalog);
  command
      .add_option_function<std::string>(
          "--at",
          [&options](const std::string& text) {
            const absl::StatusOr<absl::Time> at = internal::ParseRfc3339(text);
            if (!at.ok()) {
              throw CLI::ValidationError("--at",
                                         std::string(at.status().message()));
            }
            options.at = *at;
          },
          "take the prices in effect at this time (default: now)")
      ->type_name("RFC3339");
  AddFormat(command, options.format,
            {{"table", Format::kTable},
             {"json", Format::kJson},
             {"markdown", Format::kMarkdown},
             {"csv", Format::kCsv}});
  command.add_flag("--explain", options.explain,
                   "show how each line's cost comes about");
  const char* kColumns = "Columns of other CSV files";
  command
      .add_option("--operation", options.columns.operation,
                  "an operation for all rows, or the column that names it")
      ->type_name("NAME|COL")
      ->group(kColumns);
  command
      .add_option("--quantity", options.columns.quantity,
                  "the column of quantities")
      ->type_name("COL")
      ->group(kColumns);
  command
      .add_option("--unit", options.columns.unit,
                  "what a bare number in the quantity column counts")
      ->type_name("ms|s|min|h|image")
      ->group(kColumns);
  command
      .add_option("--jobs", options.columns.jobs,
                  "the column that says how many jobs a row stands for")
      ->type_name("COL")
      ->group(kColumns);
  command
      .add_option("--ignore-columns", options.columns.ignored,
                  "columns that mean nothing here")
      ->delimiter(',')
      ->type_name("COL,...")
      ->group(kColumns);
}

void AddPlans(CLI::App& app, PlansOptions& options) {
  CLI::App& command =
      *app.add_subcommand("plans", "plans, request limits and prices");
  command.footer(kExitCodes);
  AddCatalog(command, options.catalog);
  AddFormat(command, options.format,
            {{"table", Format::kTable},
             {"json", Format::kJson},
             {"textproto", Format::kTextproto}});
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
            options.form = name == "jsonl"       ? RecordForm::kJsonLines
                           : name == "delimited" ? RecordForm::kDelimited
                                                 : RecordForm::kAuto;
          },
          "how the records are written (default: auto)")
      ->type_name("auto|jsonl|delimited")
      ->check(CLI::IsMember({"auto", "jsonl", "delimited"}).description(""));
  AddCatalog(command, options.catalog);
  AddCredits(command, "--budget", options.budget,
             "the most that the total may be");
  AddFormat(command, options.format,
            {{"table", Format::kTable},
             {"json", Format::kJson},
             {"markdown", Format::kMarkdown},
             {"csv", Format::kCsv}});
}

ExitCode Main(int argc, char** argv) {
  CLI::App app(
      "Credits and request limits of KonPro's API: what jobs will "
      "cost, which plan carries them.",
      "konpro");
  app.set_version_flag("--version", VersionText());
  app.footer(kExitCodes);
  EstimateOptions estimate;
  estimate.at = absl::Now();
  PlansOptions plans;
  PriceOptions price;
  AddPlans(app, plans);
  AddEstimate(app, estimate);
  AddPrice(app, price);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;
    app.exit(error);
    std::cout.flush();
    if (!std::cout) return ExitCode::kInternal;
    return asked ? ExitCode::kOk : ExitCode::kBadInput;
  }

  if (app.get_subcommands().empty()) {
    std::cerr << app.help() << "\n";
    return ExitCode::kBadInput;
  }
  const Streams streams = {
      .in = std::cin,
      .out = std::cout,
      .err = std::cerr,
      .progress = isatty(STDERR_FILENO) ? &std::cerr : nullptr,
  };
  const std::pair<const char*, std::function<ExitCode()>> kCommands[] = {
      {"plans", [&] { return RunPlans(plans, streams); }},
      {"estimate", [&] { return RunEstimate(estimate, streams); }},
      {"price", [&] { return RunPrice(price, streams); }},
  };
  ExitCode code = ExitCode::kInternal;
  for (const auto& [name, run] : kCommands) {
    if (app.got_subcommand(name)) code = run();
  }
  std::cout.flush();
  if (!std::cout) {
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
  return static_cast<int>(konpro::cli::Main(argc, argv));
}
