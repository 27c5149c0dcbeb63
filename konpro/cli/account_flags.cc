#include "konpro/cli/account_flags.h"

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "konpro/cli/flag_parsing.h"
#include "konpro/limits/rate_window.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
namespace {

void AddText(CLI::App& command, const char* name, std::string& text,
             const char* help) {
  command.add_option(name, text, help)->required()->type_name("");
}

}  // namespace

CLI::App& AccountFlags::AddCommand(CLI::App& group, const char* name,
                                   const char* help,
                                   std::function<ExitCode(Streams)> run) {
  CLI::App& command = *group.add_subcommand(name, help);
  command.fallthrough();
  command.callback([this, run = std::move(run)] { run_ = run; });
  return command;
}

absl::StatusOr<std::string> AccountFlags::ReadInput(Streams streams) {
  if (!whoami_command_->parsed()) return std::string();
  absl::StatusOr<std::string> text = ReadKey(whoami_, streams);
  whoami_ = WhoamiOptions{};
  return text;
}

void AccountFlags::RunOn(Service& open) {
  file_.open = &open;
  whoami_ = WhoamiOptions{};
}

void AccountFlags::AddFile(CLI::App& group) {
  group.add_option("--db", file_.db, "the file of accounts, keys and credits")
      ->required()
      ->type_name("FILE");
  AddCatalog(group, file_.catalog);
  AddFormat(group, file_.format,
            {{"table", ReportFormat::kTable}, {"json", ReportFormat::kJson}});
}

void AccountFlags::AddKeys(CLI::App& app, const std::string& exit_codes) {
  CLI::App& keys = *app.add_subcommand(
      "keys", "API keys: create, list, deactivate, reset, identify");
  keys.require_subcommand(1);
  keys.footer(
      "A key's text is printed once, by the command that creates it. Other "
      "commands name the key\nby its id, which does not authenticate.\n\n" +
      exit_codes);
  AddFile(keys);
  CLI::App& create = AddCommand(
      keys, "create", "creates a key, and the account if it is missing",
      [this](Streams s) { return RunKeysCreate(file_, create_, s); });
  AddText(create, "ACCOUNT", create_.account, "the key's account");
  create
      .add_option_function<std::string>(
          "--expires",
          [this](const std::string& text) {
            create_.expires_at = ParseTime("--expires", text);
          },
          "when it ends (default: never)")
      ->type_name("RFC3339");
  create
      .add_option_function<std::string>(
          "--scope",
          [this](const std::string& text) {
            const absl::StatusOr<ApiKeyScope> scope = ParseApiKeyScope(text);
            if (!scope.ok()) {
              throw CLI::ValidationError("--scope",
                                         std::string(scope.status().message()));
            }
            create_.scope = *scope;
          },
          "customer: the account's own requests (default); service: reserves "
          "and ends jobs of any account and reports usage; admin: everything")
      ->type_name("SCOPE");
  AddText(
      AddCommand(keys, "list",
                 "all keys of an account, also those that are refused",
                 [this](Streams s) { return RunKeysList(file_, account_, s); }),
      "ACCOUNT", account_, "the account");
  AddText(AddCommand(
              keys, "deactivate", "deactivates a key at once and for good",
              [this](Streams s) { return RunKeysDeactivate(file_, key_, s); }),
          "KEY_ID", key_, "the id, as list shows it");
  CLI::App& reset =
      AddCommand(keys, "reset",
                 "replaces a key by a new one of the same account and scope",
                 [this](Streams s) { return RunKeysReset(file_, reset_, s); });
  AddText(reset, "KEY_ID", reset_.key, "the id, as list shows it");
  reset
      .add_option_function<std::string>(
          "--overlap",
          [this](const std::string& text) {
            reset_.overlap = ParseTimeSpan("--overlap", text);
          },
          "how long the old key is still accepted (default: not at all)")
      ->type_name("TIME");
  AddWhoami(keys);
}

void AccountFlags::AddWhoami(CLI::App& keys) {
  CLI::App& whoami = AddCommand(
      keys, "whoami",
      "the account of a key, whose text is read from standard input",
      [this](Streams s) { return RunKeysWhoami(file_, whoami_, s); });
  whoami_command_ = &whoami;
  CLI::Option* const file = whoami
                                .add_option("--key-file", whoami_.file,
                                            "read the text from this file")
                                ->type_name("FILE");
  whoami
      .add_option("--key-env", whoami_.variable,
                  "read the text from this environment variable")
      ->type_name("NAME")
      ->excludes(file);
}

void AccountFlags::AddAccount(CLI::App& app, const std::string& exit_codes) {
  CLI::App& account = *app.add_subcommand(
      "account", "the plan, limits and credits of accounts");
  account.require_subcommand(1);
  account.footer(exit_codes);
  AddFile(account);
  AddText(
      AddCommand(account, "provision",
                 "creates an account on the Free Trial; an existing account "
                 "is unchanged",
                 [this](Streams s) {
                   return RunAccountProvision(file_, account_, s);
                 }),
      "ACCOUNT", account_, "the account");
  CLI::App& plan =
      AddCommand(account, "plan", "puts an account on a plan",
                 [this](Streams s) { return RunAccountPlan(file_, plan_, s); });
  AddText(plan, "ACCOUNT", plan_.account, "the account");
  AddText(plan, "PLAN", plan_.plan, "a plan of the catalog");
  plan.add_option_function<std::string>(
          "--windows",
          [this](const std::string& text) {
            absl::StatusOr<std::vector<RateWindow>> windows =
                ParseWindows(text);
            if (!windows.ok()) {
              throw CLI::ValidationError(
                  "--windows", std::string(windows.status().message()));
            }
            plan_.windows = *std::move(windows);
          },
          "request limits of the account, such as minute:60/1m,day:1000/24h "
          "(default: the plan's)")
      ->type_name("WINDOWS");
  AddText(AddCommand(account, "suspend", "refuses all requests of an account",
                     [this](Streams s) {
                       return RunAccountSuspend(file_, account_, s);
                     }),
          "ACCOUNT", account_, "the account");
  AddText(AddCommand(account, "resume", "ends a suspension",
                     [this](Streams s) {
                       return RunAccountResume(file_, account_, s);
                     }),
          "ACCOUNT", account_, "the account");
  AddText(AddCommand(
              account, "show", "plan, limits, keys and credits",
              [this](Streams s) { return RunAccountShow(file_, account_, s); }),
          "ACCOUNT", account_, "the account");
}

}  // namespace konpro::cli
