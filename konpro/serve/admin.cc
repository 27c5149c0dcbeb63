#include "konpro/serve/admin.h"

#include <curl/curl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <sstream>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/json_util.h"
#include "konpro/input/json_message.h"
#include "konpro/serve/wiped_text.h"
#include "proto/command.pb.h"

namespace konpro {
namespace {

constexpr absl::string_view kPath = "/v1/command";
// The longest answer is a ledger's export.
constexpr size_t kAnswerBytesMax = size_t{1} << 30;

struct FreeCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

size_t Append(char* data, size_t size, size_t count, void* out) {
  auto& text = *static_cast<std::string*>(out);
  const size_t bytes = size * count;
  if (bytes > kAnswerBytesMax - text.size()) return 0;  // curl then fails
  text.append(data, bytes);
  return bytes;
}

// Who listens at the other end, asked before anything is sent.
struct PeerCheck {
  int fd = -1;
  std::optional<uid_t> owner;  // of the database file
  std::optional<uid_t> refused;
};

curl_socket_t OpenSocket(void* data, curlsocktype, curl_sockaddr* address) {
  return static_cast<PeerCheck*>(data)->fd =
             socket(address->family, address->socktype | SOCK_CLOEXEC,
                    address->protocol);
}

int CheckPeer(void* data, char*, char*, int, int) {
  auto& check = *static_cast<PeerCheck*>(data);
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(check.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return CURL_PREREQFUNC_ABORT;
  }
  if (MayServe(peer.uid, check.owner, geteuid())) return CURL_PREREQFUNC_OK;
  check.refused = peer.uid;
  return CURL_PREREQFUNC_ABORT;
}

std::string ToJson(const google::protobuf::Message& message) {
  std::string json;
  // Fails for messages of unknown types alone, and there is none.
  (void)google::protobuf::util::MessageToJsonString(message, &json);
  return json;
}

// A v1::CommandAnswer by hand: protobuf makes copies of its own.
std::string AnswerJson(int exit_code, absl::string_view out,
                       absl::string_view err) {
  std::string out64;
  std::string err64;
  absl::Base64Escape(out, &out64);
  absl::Base64Escape(err, &err64);
  // StrCat() makes it in one piece.
  std::string json = absl::StrCat("{\"exitCode\":", exit_code, ",\"out\":\"",
                                  out64, "\",\"err\":\"", err64, "\"}");
  Wipe(out64);
  Wipe(err64);
  return json;
}

absl::StatusOr<CommandResult> ParseAnswer(const std::string& json) {
  v1::CommandAnswer answer;
  if (ReadJsonMessage(json, answer).has_value()) {
    return absl::UnavailableError("the server's answer cannot be read");
  }
  return CommandResult{.exit_code = answer.exit_code(),
                       .out = std::move(*answer.mutable_out()),
                       .err = std::move(*answer.mutable_err())};
}

}  // namespace

std::string FollowLinks(std::string db) {
  constexpr int kLinksMax = 40;  // as the kernel has it
  for (int i = 0; i < kLinksMax; ++i) {
    char target[PATH_MAX];
    const ssize_t bytes = readlink(db.c_str(), target, sizeof(target));
    if (bytes <= 0 || bytes == ssize_t{sizeof(target)}) break;
    const absl::string_view text(target, static_cast<size_t>(bytes));
    const size_t slash = db.rfind('/');
    if (text.front() == '/' || slash == std::string::npos) {
      db = std::string(text);
    } else {
      db = absl::StrCat(db.substr(0, slash + 1), text);
    }
  }
  return db;
}

std::string AdminSocketPath(absl::string_view db) {
  return absl::StrCat(FollowLinks(std::string(db)), ".sock");
}

bool MayServe(uid_t server, std::optional<uid_t> owner, uid_t self) {
  return server == 0 || server == self || server == owner;
}

HttpAnswer AnswerCommand(const HttpRequest& request, const CommandRunner& run) {
  if (request.path != kPath || request.method != "POST") {
    return AnswerOf(absl::NotFoundError("no resource has this path"));
  }
  v1::CommandRequest command;
  if (const auto error = ReadJsonMessage(request.body, command)) {
    return AnswerOf(absl::InvalidArgumentError(
        absl::StrCat("the body is not a command: ", error->what)));
  }
  std::istringstream in(command.input());
  // Neither a key that a command reads stays in memory, nor one that it prints.
  Wipe(command.input());
  WipedStream out;
  WipedStream err;
  const int exit_code = run(
      {command.arguments().begin(), command.arguments().end()}, in, out, err);
  const std::string_view input = in.rdbuf()->view();
  Wipe({input.data(), input.size()});
  return {.status = 200,
          .fields = {{"Content-Type", "application/json"}},
          .body = AnswerJson(exit_code, out.text(), err.text())};
}

absl::StatusOr<std::optional<CommandResult>> ForwardCommand(
    absl::string_view db, const std::vector<std::string>& arguments,
    absl::string_view input) {
  const std::string path = AdminSocketPath(db);
  struct stat file;
  if (stat(path.c_str(), &file) != 0 || !S_ISSOCK(file.st_mode)) {
    return std::nullopt;
  }
  v1::CommandRequest request;
  for (const std::string& argument : arguments) request.add_arguments(argument);
  request.set_input(std::string(input));
  std::string bytes = ToJson(request);
  if (bytes.size() > kCommandBytesMax) {
    return absl::ResourceExhaustedError(
        "the command is too long for the server that has the file open");
  }
  const std::unique_ptr<CURL, FreeCurl> curl(curl_easy_init());
  const std::unique_ptr<curl_slist, FreeCurl> headers(
      curl_slist_append(nullptr, "Content-Type: application/json"));
  if (curl == nullptr || headers == nullptr) {
    return absl::UnavailableError("no memory for a request to the server");
  }
  PeerCheck check;
  struct stat database;
  if (stat(std::string(db).c_str(), &database) == 0) {
    check.owner = database.st_uid;
  }
  std::string answer;
  curl_easy_setopt(curl.get(), CURLOPT_OPENSOCKETFUNCTION, &OpenSocket);
  curl_easy_setopt(curl.get(), CURLOPT_OPENSOCKETDATA, &check);
  curl_easy_setopt(curl.get(), CURLOPT_PREREQFUNCTION, &CheckPeer);
  curl_easy_setopt(curl.get(), CURLOPT_PREREQDATA, &check);
  curl_easy_setopt(curl.get(), CURLOPT_URL, "http://localhost/v1/command");
  curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, path.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(
      curl.get(), CURLOPT_TIMEOUT_MS,
      static_cast<long>(absl::ToInt64Milliseconds(kForwardTimeout)));
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, bytes.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(bytes.size()));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &Append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
  const CURLcode code = curl_easy_perform(curl.get());
  Wipe(bytes);
  Wipe(request.input());
  // A server that was killed left its socket.
  if (code == CURLE_COULDNT_CONNECT) return std::nullopt;
  if (check.refused.has_value()) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, ": user ", *check.refused,
                     " listens there, who does not own the database; nothing "
                     "was sent. Remove the socket"));
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK || status != 200) {
    return absl::UnavailableError(absl::StrCat(
        path, ": the server that has the file open did not answer (",
        code != CURLE_OK ? curl_easy_strerror(code) : absl::StrCat(status),
        "); whether it ran the command is not known"));
  }
  absl::StatusOr<CommandResult> result = ParseAnswer(answer);
  Wipe(answer);
  if (!result.ok()) return result.status();
  return std::optional<CommandResult>(*std::move(result));
}

}  // namespace konpro
