// The admin socket: how a command of the command line reaches a database file
// that a server has open. The socket stands beside the file, and only the
// file's owner can connect to it. The server runs the same function that the
// command line would have run, on the service that it has open, so rules and
// reports are the same.
//
//   // In the server:
//   HttpServer::Start(*ListenUnix(AdminSocketPath(db)),
//                     [&](const HttpRequest& request) {
//                       return AnswerCommand(request, run);
//                     }, {...});
//   // In the command line:
//   ForwardCommand(db, {"keys", "list", "acme", "--db=credits.db"}, "")
//
// Who may be at the other end: the server and the caller are the same user, or
// root, or the server is the owner of the database file. Each side asks the
// kernel who the other is (SO_PEERCRED), so a socket that another user has made
// in a shared folder receives no key.
//
// Thread safety: AnswerCommand() is as thread-safe as `run`; ForwardCommand()
// is thread-safe.
//
// Limits: kCommandBytesMax of arguments and input; kForwardTimeout for the
// answer.
#ifndef KONPRO_SERVE_ADMIN_H_
#define KONPRO_SERVE_ADMIN_H_

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/access/http.h"
#include "konpro/serve/http_request.h"

namespace konpro {

inline constexpr size_t kCommandBytesMax = size_t{1} << 20;
inline constexpr absl::Duration kForwardTimeout = absl::Seconds(60);

// Runs a command and returns its exit code. `arguments` are the words that
// follow "konpro" on the command line.
using CommandRunner =
    std::function<int(const std::vector<std::string>& arguments,
                      std::istream& in, std::ostream& out, std::ostream& err)>;

struct CommandResult {
  int exit_code = 1;
  std::string out;
  std::string err;
};

// The file that `db` names: a symbolic link is followed, so that a database has
// the same socket and the same file of limits by each of its names.
std::string FollowLinks(std::string db);

// Beside the file that `db` names.
std::string AdminSocketPath(absl::string_view db);

// Whether a command may go to a server that runs as user `server`; `owner` is
// the owner of the database file, if there is one.
bool MayServe(uid_t server, std::optional<uid_t> owner, uid_t self);

// POST /v1/command.
HttpAnswer AnswerCommand(const HttpRequest& request, const CommandRunner& run);

// Sends a command to the server that has `db` open, and returns its result.
// nullopt: no server has it open, and nothing was sent. kPermissionDenied: the
// socket is another user's; nothing was sent. kUnavailable: the server did not
// answer; whether it ran the command is not known.
// kResourceExhausted: the command is longer than kCommandBytesMax.
absl::StatusOr<std::optional<CommandResult>> ForwardCommand(
    absl::string_view db, const std::vector<std::string>& arguments,
    absl::string_view input);

}  // namespace konpro

#endif  // KONPRO_SERVE_ADMIN_H_
