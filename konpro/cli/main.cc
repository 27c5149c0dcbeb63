// The command line: options in, a command called, an exit code out.
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <iterator>
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
#include "konpro/catalog/catalog.h"
#include "konpro/cli/accuracy_command.h"
#include "konpro/cli/accuracy_flags.h"
#include "konpro/cli/command.h"
#include "konpro/cli/diff_command.h"
#include "konpro/cli/diff_flags.h"
#include "konpro/cli/door_flags.h"
#include "konpro/cli/estimate_command.h"
#include "konpro/cli/estimate_flags.h"
#include "konpro/cli/flag_parsing.h"
#include "konpro/cli/forecast_command.h"
#include "konpro/cli/forecast_flags.h"
#include "konpro/cli/ledger_flags.h"
#include "konpro/cli/plans_command.h"
#include "konpro/cli/plans_flags.h"
#include "konpro/cli/price_command.h"
#include "konpro/cli/price_flags.h"
#include "konpro/cli/replay_command.h"
#include "konpro/cli/replay_flags.h"
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
