// `konpro account`: which plan the accounts in a file are on, and what they
// have.
#ifndef KONPRO_CLI_ACCOUNT_COMMAND_H_
#define KONPRO_CLI_ACCOUNT_COMMAND_H_

#include <string>
#include <vector>

#include "konpro/cli/command.h"
#include "konpro/cli/door_session.h"
#include "konpro/limits/rate_window.h"

namespace konpro::cli {

// All of these print the account as it then is.

// A new account is on the Free Trial; one that is there stays as it is.
ExitCode RunAccountProvision(const DoorFile&, const std::string& account,
                             Streams);

struct AccountPlanOptions {
  std::string account;
  std::string plan;
  std::vector<RateWindow> windows;  // none: the plan's
};
ExitCode RunAccountPlan(const DoorFile&, const AccountPlanOptions&, Streams);

ExitCode RunAccountSuspend(const DoorFile&, const std::string& account,
                           Streams);
ExitCode RunAccountResume(const DoorFile&, const std::string& account, Streams);
ExitCode RunAccountShow(const DoorFile&, const std::string& account, Streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_ACCOUNT_COMMAND_H_
