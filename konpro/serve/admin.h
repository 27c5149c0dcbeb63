// How a command reaches a file that a server has open: over the Unix socket
// beside it, which only the file's owner can connect to. The server runs the
// very function that the command line runs, on what it has open; so there is no
// second set of rules, and no second form of a report.
//
//   // in the server:
//   HttpServer::Start(*ListenUnix(AdminSocketPath(db)),
//                     [&](const HttpRequest& request) {
//                       return AnswerCommand(request, run);
//                     }, {...});
//   // in a command:
//   ForwardCommand(db, {"keys", "list", "acme", "--db=credits.db"}, "")
//
// Thread safety: AnswerCommand() is as thread-safe as `run`.
//
// Limits: kCommandBytesMax of arguments and input; kForwardTimeout for the
// answer.
#ifndef KONPRO_SERVE_ADMIN_H_
#define KONPRO_SERVE_ADMIN_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/access/http.h"
#include "konpro/cli/command.h"
#include "konpro/cli/exit_code.h"
#include "konpro/serve/http_request.h"

namespace konpro::serve {

inline constexpr size_t kCommandBytesMax = size_t{1} << 20;
inline constexpr absl::Duration kForwardTimeout = absl::Seconds(60);

// Runs a command's words, as they are behind "konpro".
using CommandRunner = std::function<cli::ExitCode(
    const std::vector<std::string>& arguments, cli::Streams streams)>;

struct CommandResult {
  cli::ExitCode code = cli::ExitCode::kInternal;
  std::string out;
  std::string err;
};

std::string AdminSocketPath(absl::string_view db);

// POST /v1/command.
HttpAnswer AnswerCommand(const HttpRequest& request, const CommandRunner& run);

// What the server that has `db` open made of the command; nullopt where none
// has: nothing was sent then. kUnavailable: it did not answer; whether the
// command was run is not known. kResourceExhausted: the command is too long.
absl::StatusOr<std::optional<CommandResult>> ForwardCommand(
    absl::string_view db, const std::vector<std::string>& arguments,
    absl::string_view input);

}  // namespace konpro::serve

#endif  // KONPRO_SERVE_ADMIN_H_
