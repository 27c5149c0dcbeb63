// `konpro keys`: the API keys in a file. A key's text is printed once, by the
// command that made it, and is never taken from the command line.
#ifndef KONPRO_CLI_KEYS_COMMAND_H_
#define KONPRO_CLI_KEYS_COMMAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "konpro/cli/command.h"
#include "konpro/cli/door_session.h"

namespace konpro::cli {

struct CreateKeyOptions {
  std::string account;
  absl::Time expires_at = absl::InfiniteFuture();
};
// Provisions the account where it is missing.
ExitCode RunKeysCreate(const DoorFile&, const CreateKeyOptions&, Streams);

ExitCode RunKeysList(const DoorFile&, const std::string& account, Streams);

// `key`: its id.
ExitCode RunKeysDeactivate(const DoorFile&, const std::string& key, Streams);

struct ResetKeyOptions {
  std::string key;  // its id
  absl::Duration overlap;
};
ExitCode RunKeysReset(const DoorFile&, const ResetKeyOptions&, Streams);

struct WhoamiOptions {
  // Where the key's text is: a file, or an environment variable; both "":
  // standard input. Blanks and line ends around it are ignored.
  std::string file;
  std::string variable;
};
// What the options say, read; the text is to be wiped. kInvalidArgument or
// kUnavailable: it cannot be.
absl::StatusOr<std::string> ReadKey(const WhoamiOptions&, Streams);
// kBadInput where no account is behind the key, and why.
ExitCode RunKeysWhoami(const DoorFile&, const WhoamiOptions&, Streams);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_KEYS_COMMAND_H_
