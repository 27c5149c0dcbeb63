// `konpro account`: the plan, limits and credits of the accounts in a file.
#ifndef KONPRO_CLI_ACCOUNTS_COMMAND_H_
#define KONPRO_CLI_ACCOUNTS_COMMAND_H_

#include <string>
#include <vector>

#include "konpro/cli/command.h"
#include "konpro/cli/service_session.h"
#include "konpro/limits/rate_window.h"

namespace konpro::cli {

// All of these print the account in its new state.

// A new account is on the Free Trial; an existing account is unchanged.
ExitCode RunAccountProvision(const ServiceFile&, const std::string& account,
                             Streams);

struct AccountPlanOptions {
  std::string account;
  std::string plan;
  std::vector<RateWindow> windows;  // none: the plan's
};
ExitCode RunAccountPlan(const ServiceFile&, const AccountPlanOptions&, Streams);

ExitCode RunAccountSuspend(const ServiceFile&, const std::string& account,
                           Streams);
ExitCode RunAccountResume(const ServiceFile&, const std::string& account,
                          Streams);
ExitCode RunAccountShow(const ServiceFile&, const std::string& account,
                        Streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_ACCOUNTS_COMMAND_H_
