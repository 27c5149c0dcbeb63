// The options of `konpro keys` and `konpro account`.
#ifndef KONPRO_CLI_ACCOUNT_FLAGS_H_
#define KONPRO_CLI_ACCOUNT_FLAGS_H_

#include <functional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "konpro/access/service.h"
#include "konpro/cli/accounts_command.h"
#include "konpro/cli/command.h"
#include "konpro/cli/keys_command.h"
#include "konpro/cli/service_session.h"

namespace konpro::cli {

// Must outlive the App that it is added to. Thread-compatible.
class AccountFlags {
 public:
  AccountFlags() = default;
  AccountFlags(const AccountFlags&) = delete;
  AccountFlags& operator=(const AccountFlags&) = delete;

  void AddKeys(CLI::App& app, const std::string& exit_codes);
  void AddAccount(CLI::App& app, const std::string& exit_codes);

  // All of these are of the command that was parsed.

  const std::string& db() const { return file_.db; }
  // What the command reads besides the file; "" for most. The command then
  // reads it from streams.in, from wherever it came.
  absl::StatusOr<std::string> ReadInput(Streams streams);
  // Makes the command run on the service that a server has open, with its input
  // in streams.in.
  void RunOn(Service& open);
  ExitCode Run(Streams streams) const { return run_(streams); }

 private:
  // Adds a command to `group`, which sets run_ when it is parsed.
  CLI::App& AddCommand(CLI::App& group, const char* name, const char* help,
                       std::function<ExitCode(Streams)> run);
  void AddFile(CLI::App& group);
  void AddWhoami(CLI::App& keys);

  std::function<ExitCode(Streams)> run_;
  CLI::App* whoami_command_ = nullptr;
  ServiceFile file_;
  std::string account_;
  std::string key_;
  CreateKeyOptions create_;
  ResetKeyOptions reset_;
  WhoamiOptions whoami_;
  AccountPlanOptions plan_;
};

}  // namespace konpro::cli

#endif  // KONPRO_CLI_ACCOUNT_FLAGS_H_
