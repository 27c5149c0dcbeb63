#include "konpro/cli/serve_command.h"

#include <unistd.h>

#include <istream>
#include <optional>
#include <ostream>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "konpro/access/backend.h"
#include "konpro/catalog/catalog.h"
#include "konpro/cli/flag_parsing.h"
#include "konpro/cli/service_session.h"
#include "konpro/input/catalog_input.h"
#include "konpro/input/input_file.h"
#include "konpro/serve/admin.h"
#include "konpro/serve/proxy_routes.h"

namespace konpro::cli {

void AddServe(CLI::App& app, const std::string& exit_codes,
              ServeCommandOptions& all) {
  ServeOptions& options = all.serve;
  CLI::App& command = *app.add_subcommand(
      "serve", "keys, limits and credits over HTTP, until SIGTERM");
  command.footer(
      std::string("It is for your own machines: nginx in front of an API, "
                  "and services that end jobs.\nWhile it runs, commands on the "
                  "same file reach it by FILE.sock.\n\n") +
      exit_codes);
  command
      .add_option("--db", options.db, "the file of accounts, keys and credits")
      ->required()
      ->type_name("FILE");
  command
      .add_option("--listen", options.listen,
                  "the address to listen on; port 0 takes a free one (default: "
                  "127.0.0.1:8080)")
      ->type_name("ADDRESS:PORT");
  command
      .add_option("--threads", options.threads,
                  "the number of threads (default: 8)")
      ->type_name("N")
      ->check(CLI::Range(1u, ServeOptions::kThreadsMax).description(""));
  command
      .add_option("--reads-per-minute", options.reads_per_minute,
                  "reads and estimates that a customer's key may make, apart "
                  "from the plan's\nlimits (default: 60)")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}).description(""));
  command
      .add_option("--routes", all.routes,
                  "what requests behind a proxy cost (konpro.v1.Routes as "
                  "text), for /v1/authorize;\nread once (default: they are "
                  "counted and hold nothing)")
      ->type_name("FILE");
  AddClockTolerance(command, all.clock_tolerance);
  AddCatalog(command, all.catalog);
}

ExitCode RunServeCommand(const ServeCommandOptions& options,
                         const ServedCommand& run, Streams streams) {
  const std::optional<Catalog> catalog = LoadCatalog(options.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  ServeOptions serve = options.serve;
  serve.db = FollowLinks(std::move(serve.db));
  serve.clock_tolerance =
      options.clock_tolerance.value_or(serve.clock_tolerance);
  serve.load_catalog = [&] { return ReadCatalog(options.catalog, streams.in); };
  if (!options.routes.empty()) {
    const absl::StatusOr<std::string> text =
        ReadText(options.routes, streams.in, kRoutesFileBytesMax);
    if (!text.ok()) return FailWith(text.status(), streams);
    absl::StatusOr<ProxyRoutes> routes =
        ProxyRoutes::Parse(*text, options.routes, *catalog);
    if (!routes.ok()) return FailWith(routes.status(), streams);
    serve.routes = *std::move(routes);
  }
  absl::StatusOr<Backend> backend = OpenBackend(serve.db, /*create=*/true);
  if (!backend.ok()) return FailWith(backend.status(), streams);
  const absl::Status status = RunServe(
      serve, *catalog, *std::move(backend),
      [&](Service& service, const std::vector<std::string>& arguments,
          std::istream& in, std::ostream& out, std::ostream& err) {
        return static_cast<int>(
            run(service, arguments, {.in = in, .out = out, .err = err}));
      },
      streams.out, streams.err);
  return status.ok() ? ExitCode::kOk : FailWith(status, streams);
}

void AddClock(CLI::App& app, ClockCommandOptions& options) {
  CLI::App& command =
      *app.add_subcommand("clock", "whether a running server trusts its clock");
  command.footer(
      "A server whose wall clock is set by more than 5 minutes while it runs "
      "stops holding\nand charging credits (503), until the clock is set "
      "right or --confirm says that it\nis right now. Exit code 1: it does "
      "not trust it.");
  command.add_option("--db", options.db, "the file that the server has open")
      ->required()
      ->type_name("FILE");
  command.add_flag("--confirm", options.confirm, "the clock is right now");
}

ExitCode RunClockCommand(const ClockCommandOptions& options,
                         const std::vector<std::string>& arguments,
                         Streams streams) {
  const std::optional<ExitCode> code =
      RunByServer(options.db, arguments, "", streams);
  if (code.has_value()) return *code;
  PrintReason(streams,
              absl::StrCat("--db: no server has ", options.db, " open"));
  return ExitCode::kBadInput;
}

std::optional<ExitCode> RunByServer(const std::string& db,
                                    const std::vector<std::string>& arguments,
                                    absl::string_view input, Streams streams) {
  const absl::StatusOr<std::optional<CommandResult>> result =
      ForwardCommand(db, arguments, input);
  if (!result.ok()) {
    PrintReason(streams, result.status().message());
    return ExitCode::kInternal;
  }
  if (!result->has_value()) return std::nullopt;
  streams.out << (*result)->out;
  streams.out.flush();
  streams.err << (*result)->err;
  return static_cast<ExitCode>((*result)->exit_code);
}

bool MayBeServed(const std::string& db) {
  return access(AdminSocketPath(db).c_str(), F_OK) == 0;
}

}  // namespace konpro::cli
