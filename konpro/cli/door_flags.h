// The options of `konpro keys` and `konpro account`, read into those of their
// commands.
#ifndef KONPRO_CLI_DOOR_FLAGS_H_
#define KONPRO_CLI_DOOR_FLAGS_H_

#include <functional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "konpro/access/service.h"
#include "konpro/cli/account_command.h"
#include "konpro/cli/command.h"
#include "konpro/cli/door_session.h"
#include "konpro/cli/keys_command.h"

namespace konpro::cli {

// Must outlive the App that it is added to. Thread-compatible.
class DoorFlags {
 public:
  DoorFlags() = default;
  DoorFlags(const DoorFlags&) = delete;
  DoorFlags& operator=(const DoorFlags&) = delete;

  void AddKeys(CLI::App& app, const std::string& exit_codes);
  void AddAccount(CLI::App& app, const std::string& exit_codes);

  // All of these are of the command that was parsed.

  const std::string& db() const { return file_.db; }
  // What it reads besides the file; "" of most. From then on it is to be found
  // in streams.in, wherever it was.
  absl::StatusOr<std::string> ReadInput(Streams streams);
  // Has it run on what a server has open, with its input in streams.in.
  void RunOn(Service& open);
  ExitCode Run(Streams streams) const { return run_(streams); }

 private:
  // A command of `group`, which is what run_ is once it was parsed.
  CLI::App& AddCommand(CLI::App& group, const char* name, const char* help,
                       std::function<ExitCode(Streams)> run);
  void AddFile(CLI::App& group);
  void AddWhoami(CLI::App& keys);

  std::function<ExitCode(Streams)> run_;
  CLI::App* whoami_command_ = nullptr;
  DoorFile file_;
  std::string account_;
  std::string key_;
  CreateKeyOptions create_;
  ResetKeyOptions reset_;
  WhoamiOptions whoami_;
  AccountPlanOptions plan_;
};

}  // namespace konpro::cli

#endif  // KONPRO_CLI_DOOR_FLAGS_H_
