// The command line: calls the command that the arguments name, and returns its
// exit code.
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "google/protobuf/stubs/logging.h"
#include "konpro/access/service.h"
#include "konpro/base/internal/name.h"
#include "konpro/catalog/catalog.h"
#include "konpro/cli/account_flags.h"
#include "konpro/cli/accuracy_command.h"
#include "konpro/cli/accuracy_flags.h"
#include "konpro/cli/backup_command.h"
#include "konpro/cli/command.h"
#include "konpro/cli/diff_command.h"
#include "konpro/cli/diff_flags.h"
#include "konpro/cli/estimate_command.h"
#include "konpro/cli/estimate_flags.h"
#include "konpro/cli/forecast_command.h"
#include "konpro/cli/forecast_flags.h"
#include "konpro/cli/ledger_flags.h"
#include "konpro/cli/plans_command.h"
#include "konpro/cli/plans_flags.h"
#include "konpro/cli/price_command.h"
#include "konpro/cli/price_flags.h"
#include "konpro/cli/replay_command.h"
#include "konpro/cli/replay_flags.h"
#include "konpro/cli/serve_command.h"

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
    "  5  the plan misses --deadline, or its limits are not known; with "
    "--plan=all, every\n     plan\n"
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

// Where a command line is run.
struct Context {
  Streams streams;
  // The service that a server has open; nullptr: commands open their file.
  Service* open = nullptr;
};

ExitCode RunCommandLine(const std::vector<std::string>& arguments,
                        const Context& context);

// Runs a command on a file: by the server that has it open, or else here.
template <typename Flags>
ExitCode RunOnFile(const std::vector<std::string>& arguments, Flags& flags,
                   const Context& context) {
  Streams streams = context.streams;
  if (context.open != nullptr) {
    flags.RunOn(*context.open);
    return flags.Run(streams);
  }
  if (!MayBeServed(flags.db())) return flags.Run(streams);
  absl::StatusOr<std::string> input = flags.ReadInput(streams);
  if (!input.ok()) {
    PrintReason(streams, input.status().message());
    return ExitCode::kBadInput;
  }
  const std::optional<ExitCode> code =
      RunByServer(flags.db(), arguments, *input, streams);
  if (code.has_value()) {
    explicit_bzero(input->data(), input->size());
    return *code;
  }
  std::istringstream in(*input);
  explicit_bzero(input->data(), input->size());
  return flags.Run({.in = in,
                    .out = streams.out,
                    .err = streams.err,
                    .progress = streams.progress});
}

// `konpro forecast` of a ledger's file.
class ForecastOfFile {
 public:
  explicit ForecastOfFile(ForecastCommandOptions& options)
      : options_(options) {}

  const std::string& db() const { return options_.file; }
  absl::StatusOr<std::string> ReadInput(Streams) const { return ""; }
  void RunOn(Service& open) { options_.open = &open.ledger(); }
  ExitCode Run(Streams streams) const {
    if (options_.open != nullptr && !options_.catalog.empty()) {
      PrintReason(streams,
                  "--catalog: the server that has the file open has its own");
      return ExitCode::kBadInput;
    }
    return RunForecast(options_, streams);
  }

 private:
  ForecastCommandOptions& options_;
};

// The first word of `arguments` that stands where a command's name does and is
// none, with the nearest name; "" if there is no such word.
std::string MisspeltCommand(const CLI::App& root,
                            const std::vector<std::string>& arguments) {
  const CLI::App* app = &root;
  std::string path = "konpro";
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const std::vector<const CLI::App*> commands =
        app->get_subcommands([](const CLI::App*) { return true; });
    if (commands.empty()) return "";
    if (word.starts_with('-')) {
      // The value of an option may stand in the next word.
      const CLI::Option* const option = app->get_option_no_throw(word);
      if (option != nullptr && option->get_items_expected_min() > 0) ++i;
      continue;
    }
    std::vector<absl::string_view> names;
    const CLI::App* next = nullptr;
    for (const CLI::App* command : commands) {
      names.push_back(command->get_name());
      if (command->get_name() == word) next = command;
    }
    if (next == nullptr) {
      return absl::StrCat(path, " has no command ", internal::Quoted(word),
                          internal::Suggestion(word, names));
    }
    app = next;
    absl::StrAppend(&path, " ", word);
  }
  return "";
}

ExitCode RunCommandLine(const std::vector<std::string>& arguments,
                        const Context& context) {
  const Streams streams = context.streams;
  CLI::App app(
      "Credits and request limits of KonPro's API: what jobs will "
      "cost, and which plan fits them.",
      "konpro");
  app.set_version_flag("--version", VersionText());
  app.footer(kExitCodes);
  EstimateOptions estimate;
  estimate.start = absl::Now();
  PlansOptions plans;
  PriceOptions price;
  AddPlans(app, kExitCodes, plans);
  AddEstimate(app, kExitCodes, estimate);
  AddPrice(app, kExitCodes, price);
  ForecastCommandOptions forecast;
  forecast.now = estimate.start;
  AddForecast(app, kExitCodes, forecast);
  DiffOptions diff;
  AddDiff(app, kExitCodes, diff);
  AccuracyOptions accuracy;
  AddAccuracy(app, kExitCodes, accuracy);
  ReplayOptions replay;
  AddReplay(app, kExitCodes, replay);
  AccountFlags accounts;
  accounts.AddAccount(app, kExitCodes);
  accounts.AddKeys(app, kExitCodes);
  BackupFlags backup;
  backup.Add(app, kExitCodes);
  LedgerFlags ledger;
  ledger.Add(app, kExitCodes);
  ServeCommandOptions serve;
  AddServe(app, kExitCodes, serve);
  ClockCommandOptions clock;
  AddClock(app, clock);
  try {
    // CLI11 takes words from the end.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;
    const std::string misspelt = asked ? "" : MisspeltCommand(app, arguments);
    if (misspelt.empty()) {
      app.exit(error, streams.out, streams.err);
    } else {
      PrintReason(streams, misspelt);
    }
    streams.out.flush();
    if (!streams.out) return ExitCode::kInternal;
    return asked ? ExitCode::kOk : ExitCode::kBadInput;
  }

  if (app.get_subcommands().empty()) {
    streams.err << app.help() << "\n";
    return ExitCode::kBadInput;
  }
  const auto on_accounts = [&] {
    return RunOnFile(arguments, accounts, context);
  };
  ForecastOfFile forecast_of_file(forecast);
  const std::pair<const char*, std::function<ExitCode()>> kCommands[] = {
      {"plans", [&] { return RunPlans(plans, streams); }},
      {"estimate", [&] { return RunEstimate(estimate, streams); }},
      {"price", [&] { return RunPrice(price, streams); }},
      {"forecast",
       [&] { return RunOnFile(arguments, forecast_of_file, context); }},
      {"diff", [&] { return RunDiff(diff, streams); }},
      {"accuracy", [&] { return RunAccuracy(accuracy, streams); }},
      {"replay", [&] { return RunReplay(replay, streams); }},
      {"account", on_accounts},
      {"keys", on_accounts},
      {"backup",
       [&] { return RunOnFile(backup.Arguments(), backup, context); }},
      {"ledger", [&] { return RunOnFile(arguments, ledger, context); }},
      {"clock", [&] { return RunClockCommand(clock, arguments, streams); }},
      {"serve",
       [&] {
         const auto run = [](Service& service,
                             const std::vector<std::string>& words,
                             Streams command) {
           return RunCommandLine(words, {.streams = command, .open = &service});
         };
         return RunServeCommand(serve, run, streams);
       }},
  };
  // A server runs the commands on its file, and makes no file but a backup.
  constexpr absl::string_view kOnFile[] = {"account", "backup", "forecast",
                                           "keys", "ledger"};
  ExitCode code = ExitCode::kInternal;
  for (const auto& [name, run] : kCommands) {
    if (!app.got_subcommand(name)) continue;
    if (context.open != nullptr &&
        std::find(std::begin(kOnFile), std::end(kOnFile), name) ==
            std::end(kOnFile)) {
      PrintReason(streams, "not a command on a file that a server has open");
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
  // A closed pipe is an error of writing; it must not end the process silently.
  std::signal(SIGPIPE, SIG_IGN);
  // So is a file that has reached RLIMIT_FSIZE.
  std::signal(SIGXFSZ, SIG_IGN);
  // Commands report errors of their input themselves.
  google::protobuf::SetLogHandler(nullptr);
  // `bazel run` starts in another folder; paths are relative to the user's.
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
