#include "konpro/serve/admin.h"

#include <curl/curl.h>
#include <sys/stat.h>

#include <memory>
#include <sstream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/json_util.h"
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

std::string ToJson(const google::protobuf::Message& message) {
  std::string json;
  // Fails for messages of unknown types alone, and there is none.
  (void)google::protobuf::util::MessageToJsonString(message, &json);
  return json;
}

absl::StatusOr<CommandResult> ParseAnswer(const std::string& json) {
  v1::CommandAnswer answer;
  if (!google::protobuf::util::JsonStringToMessage(json, &answer).ok()) {
    return absl::UnavailableError("the server's answer cannot be read");
  }
  return CommandResult{.exit_code = answer.exit_code(),
                       .out = std::move(*answer.mutable_out()),
                       .err = std::move(*answer.mutable_err())};
}

}  // namespace

std::string AdminSocketPath(absl::string_view db) {
  return absl::StrCat(db, ".sock");
}

HttpAnswer AnswerCommand(const HttpRequest& request, const CommandRunner& run) {
  if (request.path != kPath || request.method != "POST") {
    return AnswerOf(absl::NotFoundError("no resource has this path"));
  }
  v1::CommandRequest command;
  if (!google::protobuf::util::JsonStringToMessage(
           {request.body.data(), request.body.size()}, &command)
           .ok()) {
    return AnswerOf(absl::InvalidArgumentError("the body is not a command"));
  }
  std::istringstream in(command.input());
  std::ostringstream out;
  std::ostringstream err;
  v1::CommandAnswer answer;
  answer.set_exit_code(run(
      {command.arguments().begin(), command.arguments().end()}, in, out, err));
  answer.set_out(out.str());
  answer.set_err(err.str());
  return {.status = 200,
          .fields = {{"Content-Type", "application/json"}},
          .body = ToJson(answer)};
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
  const std::string bytes = ToJson(request);
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
  std::string answer;
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
  // A server that was killed left its socket.
  if (code == CURLE_COULDNT_CONNECT) return std::nullopt;
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK || status != 200) {
    return absl::UnavailableError(absl::StrCat(
        path, ": the server that has the file open did not answer (",
        code != CURLE_OK ? curl_easy_strerror(code) : absl::StrCat(status),
        "); whether it ran the command is not known"));
  }
  absl::StatusOr<CommandResult> result = ParseAnswer(answer);
  if (!result.ok()) return result.status();
  return std::optional<CommandResult>(*std::move(result));
}

}  // namespace konpro
