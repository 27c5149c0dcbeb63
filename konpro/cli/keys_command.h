// `konpro keys`: the API keys in a file. A key's text is printed once, by the
// command that makes it, and is never read from the command line.
#ifndef KONPRO_CLI_KEYS_COMMAND_H_
#define KONPRO_CLI_KEYS_COMMAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "konpro/access/api_key.h"
#include "konpro/cli/command.h"
#include "konpro/cli/service_session.h"

namespace konpro::cli {

struct CreateKeyOptions {
  std::string account;
  ApiKeyScope scope = ApiKeyScope::kCustomer;
  absl::Time expires_at = absl::InfiniteFuture();
};
// Provisions the account if it is missing.
ExitCode RunKeysCreate(const ServiceFile&, const CreateKeyOptions&, Streams);

ExitCode RunKeysList(const ServiceFile&, const std::string& account, Streams);

// `key`: its id.
ExitCode RunKeysDeactivate(const ServiceFile&, const std::string& key, Streams);

struct ResetKeyOptions {
  std::string key;  // its id
  absl::Duration overlap;
};
ExitCode RunKeysReset(const ServiceFile&, const ResetKeyOptions&, Streams);

struct WhoamiOptions {
  // The key's text is in a file or an environment variable; both "": on
  // standard input. Blanks and line ends around it are ignored.
  std::string file;
  std::string variable;
};
// Reads the key's text, which the caller wipes. kInvalidArgument or
// kUnavailable: it cannot be read.
absl::StatusOr<std::string> ReadKey(const WhoamiOptions&, Streams);
// kBadInput if the key is refused.
ExitCode RunKeysWhoami(const ServiceFile&, const WhoamiOptions&, Streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_KEYS_COMMAND_H_
