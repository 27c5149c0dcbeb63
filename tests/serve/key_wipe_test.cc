// The text of a key is nowhere in the memory of a server once its request has
// ended, however it ended. The test keeps the text masked and composes requests
// on a page of its own, so that the only copies are the server's.
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/access/api_key.h"
#include "konpro/access/http.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/serve/admin.h"
#include "konpro/serve/api.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/http_server.h"
#include "konpro/serve/listen_socket.h"
#include "konpro/serve/metrics.h"
#include "tests/testing/memory_admission.h"
#include "tests/testing/socket_folder.h"

namespace konpro {
namespace {

using ::konpro::testing::MemoryAdmission;

constexpr char kMask = 0x5A;
constexpr size_t kKeyBytes = 36;
constexpr size_t kBase64Bytes = 48;  // of a key

// A text in the form of a key, masked.
std::string MaskedKey() {
  static std::random_device random;
  std::string masked = "kp_";
  while (masked.size() < kKeyBytes) {
    masked += static_cast<char>('a' + random() % 26);
  }
  for (char& c : masked) c ^= kMask;
  return masked;
}

// The masked text in base64, as the bytes of a command are in JSON.
std::string MaskedBase64(const std::string& masked) {
  constexpr absl::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string base64;
  for (size_t i = 0; i < masked.size(); i += 3) {
    const auto byte = [&](size_t k) {
      return static_cast<unsigned>(masked[i + k] ^ kMask);
    };
    const unsigned bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (const int shift : {18, 12, 6, 0}) {
      base64 += static_cast<char>(kDigits[bits >> shift & 63] ^ kMask);
    }
  }
  return base64;
}

// Memory that nothing else uses, and that is wiped.
class Page {
 public:
  static constexpr size_t kBytes = size_t{1} << 20;

  Page()
      : bytes_(static_cast<char*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
  ~Page() { munmap(bytes_, kBytes); }

  char* bytes() const { return bytes_; }

  // `text`, with the key in place of each "$".
  absl::string_view Compose(absl::string_view text,
                            const std::string& masked) const {
    size_t size = 0;
    for (const char c : text) {
      if (c != '$') {
        bytes_[size++] = c;
        continue;
      }
      for (const char m : masked) bytes_[size++] = m ^ kMask;
    }
    return {bytes_, size};
  }

 private:
  char* const bytes_;
};

// The key of a JSON answer, masked.
std::string KeyIn(absl::string_view answer) {
  const size_t at = answer.find("\"kp_");
  if (at == answer.npos) return "";
  std::string masked;
  for (const char c : answer.substr(at + 1, ApiKeyText::kBytes)) {
    masked += static_cast<char>(c ^ kMask);
  }
  return masked;
}

// How often the text is in `bytes`.
size_t CopiesIn(absl::string_view bytes, const std::string& masked) {
  size_t copies = 0;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while ((at = static_cast<const char*>(
              memchr(at, masked[0] ^ kMask, static_cast<size_t>(end - at)))) !=
         nullptr) {
    size_t same = 1;
    while (same < masked.size() && at + same < end &&
           (at[same] ^ kMask) == masked[same]) {
      ++same;
    }
    copies += same == masked.size();
    ++at;
  }
  return copies;
}

// How often the text is in the memory of this process.
size_t Copies(const std::string& masked) {
  const std::unique_ptr<FILE, int (*)(FILE*)> maps(
      fopen("/proc/self/maps", "r"), fclose);
  const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  const Page window;
  char* const bytes = window.bytes();
  const auto own = reinterpret_cast<uint64_t>(bytes);
  size_t copies = 0;
  char line[512];
  while (fgets(line, sizeof(line), maps.get()) != nullptr) {
    uint64_t at = 0;
    uint64_t end = 0;
    char access[8];
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &at, &end, access) != 3 ||
        access[0] != 'r' || access[1] != 'w') {
      continue;
    }
    while (at < end) {
      // What is read is not searched once more.
      if (at >= own && at < own + Page::kBytes) at = own + Page::kBytes;
      if (at >= end) break;
      size_t size = std::min<uint64_t>(Page::kBytes, end - at);
      if (at < own) size = std::min<uint64_t>(size, own - at);
      const ssize_t got = pread(memory, bytes, size, static_cast<off_t>(at));
      if (got <= 0) break;
      copies += CopiesIn({bytes, static_cast<size_t>(got)}, masked);
      // Windows overlap by less than a text.
      const bool is_last = size < Page::kBytes;
      at += is_last ? size : size - masked.size() + 1;
    }
  }
  close(memory);
  return copies;
}

TEST(KeyWipe, ATextThatStaysIsFound) {
  const std::string masked = MaskedKey();
  EXPECT_EQ(Copies(masked), 0u);
  const Page page;
  const auto kept =
      std::make_unique<std::string>(page.Compose("some $ text", masked));
  EXPECT_EQ(Copies(masked), 2u);
}

class KeyWipeTest : public ::testing::Test {
 protected:
  enum class Client {
    kWaits,  // until the server closes
    kCuts,   // once the server has read what was sent
    kStays,  // when it has the answer
  };

  // With kWaits, `made` is the key in the answer's body, masked.
  void Send(absl::string_view text, const std::string& masked, Client client,
            std::string* made = nullptr) {
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{.sun_family = AF_UNIX};
    memcpy(address.sun_path, path_.data(), path_.size());
    ASSERT_EQ(
        connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
        0);
    const Page page;
    absl::string_view bytes = page.Compose(text, masked);
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    if (client == Client::kCuts) absl::SleepFor(absl::Milliseconds(50));
    const Page answer;
    if (client == Client::kStays) {
      EXPECT_GT(read(fd_, answer.bytes(), Page::kBytes), 0);
      return;
    }
    if (client == Client::kWaits) {
      size_t size = 0;
      ssize_t got;
      while ((got = read(fd_, answer.bytes() + size, Page::kBytes - size)) >
             0) {
        size += static_cast<size_t>(got);
      }
      if (made != nullptr) *made = KeyIn({answer.bytes(), size});
    }
    Close();
  }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  // Until the server has seen the end of the connection.
  size_t CopiesSoon(const std::string& masked) {
    size_t copies = 0;
    for (int i = 0; i < 50; ++i) {
      copies = Copies(masked);
      if (copies == 0) break;
      absl::SleepFor(absl::Milliseconds(20));
    }
    return copies;
  }

  std::unique_ptr<HttpServer> Start(HttpServer::Handler handler) {
    return *HttpServer::Start(*ListenUnix(path_), std::move(handler),
                              {.threads = 2, .body_bytes_max = 100'000});
  }

  int fd_ = -1;
  const testing::SocketFolder folder_;
  const std::string path_ = folder_.path() + "/http.sock";
};

TEST_F(KeyWipeTest, RequestThatEndedHoweverItEndedLeavesNoKey) {
  MemoryAdmission memory;
  ServeMetrics metrics;
  Api api({.admission = *memory.admission,
           .keys = *memory.keys,
           .accounts = *memory.accounts,
           .ledger = *memory.ledger,
           .metrics = metrics});
  const auto server = Start([&](const HttpRequest& request) {
    return api.Answer(request, UnixNanos::CoarseNow());
  });
  const std::string many(60'000, 'x');
  // The heap writes to the beginning of what it is given back.
  const std::string fill(40, 'x');
  const std::string close_it = "Connection: close\r\n";
  const std::string post =
      "POST /v1/jobs HTTP/1.1\r\nHost: k\r\nConnection: close\r\n";
  const struct {
    absl::string_view name;
    std::string request;
    Client client = Client::kWaits;
  } kRows[] = {
      {"answered", "GET /v1/account HTTP/1.1\r\nHost: k\r\nX-API-Key: $\r\n" +
                       close_it + "\r\n"},
      {"answered, and the connection stays",
       "GET /v1/account HTTP/1.1\r\nHost: k\r\nX-API-Key: $\r\n\r\n",
       Client::kStays},
      {"another field, and the connection stays",
       "GET /v1/account HTTP/1.1\r\nHost: k\r\nAuthorization: $\r\n\r\n",
       Client::kStays},
      {"two on a connection",
       "GET /v1/account HTTP/1.1\r\nHost: k\r\nx-api-key: $\r\n\r\n"
       "GET /v1/account HTTP/1.1\r\nHost: k\r\n" +
           close_it + "\r\n"},
      {"another field",
       "GET /v1/account HTTP/1.1\r\nHost: k\r\nAuthorization: Bearer $\r\n" +
           close_it + "\r\n"},
      {"the target",
       "GET /v1/account?key=$ HTTP/1.1\r\nHost: k\r\n" + close_it + "\r\n"},
      {"two keys",
       "GET /v1/account HTTP/1.1\r\nHost: k\r\nx-api-key: $\r\nX-Api-Key: "
       "$\r\n" +
           close_it + "\r\n"},
      {"refused",
       "GET /v1/account HTTP/1.1\r\nHost: k\r\nHost: l\r\n"
       "x-api-key: $\r\n\r\n"},
      {"too large a body",
       "POST /v1/jobs HTTP/1.1\r\nHost: k\r\nx-api-key: $"
       "\r\nContent-Length: 200000\r\n\r\n"},
      {"too large fields",
       "GET /v1/account HTTP/1.1\r\nHost: k\r\nx-api-key: $"
       "\r\nx-more: " +
           many + "\r\n\r\n"},
      {"no HTTP", "$ $ $\r\n\r\n"},
      {"cut within its fields",
       "GET /v1/account HTTP/1.1\r\nHost: k\r\nx-api-key: $\r\n",
       Client::kCuts},
      {"cut within the key",
       "GET /v1/account HTTP/1.1\r\nHost: k\r\nx-api-key: $", Client::kCuts},
      {"cut within the body",
       "POST /v1/jobs HTTP/1.1\r\nHost: k\r\nx-api-key: $\r\nContent-Length: "
       "900\r\n\r\n{\"key\":\"$\"",
       Client::kCuts},
      {"a body", post + "Content-Length: 60\r\n\r\n{\"text\":\"" + "$" +
                     "\"}            "},
      {"a long body", post + "Transfer-Encoding: chunked\r\n\r\n" + "4c\r\n" +
                          fill + "$\r\nea60\r\n" + many + "\r\n0\r\n\r\n"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.name);
    const std::string masked = MaskedKey();
    Send(row.request, masked, row.client);
    EXPECT_EQ(CopiesSoon(masked), 0u);
    Close();
  }
}

TEST_F(KeyWipeTest, AnswerWithANewKeyLeavesNone) {
  const std::string masked = MaskedKey();
  const auto server = Start([&](const HttpRequest&) {
    const Page page;
    return HttpAnswer{
        .status = 200,
        .body = std::string(page.Compose("{\"key\":\"$\"}\n", masked))};
  });
  Send("GET / HTTP/1.1\r\nHost: k\r\nConnection: close\r\n\r\n", masked,
       Client::kWaits);
  EXPECT_EQ(CopiesSoon(masked), 0u);
}

TEST_F(KeyWipeTest, KeyMadeByARequestLeavesNone) {
  MemoryAdmission memory;
  ServeMetrics metrics;
  Api api({.admission = *memory.admission,
           .keys = *memory.keys,
           .accounts = *memory.accounts,
           .ledger = *memory.ledger,
           .metrics = metrics});
  const MintedKey admin =
      memory.admission
          ->CreateKey({.account_id = "root", .scope = ApiKeyScope::kAdmin},
                      absl::Now())
          .value();
  const auto server = Start([&](const HttpRequest& request) {
    return api.Answer(request, UnixNanos::CoarseNow());
  });
  std::string masked;
  for (const char c : admin.secret.text().Reveal()) masked += c ^ kMask;
  std::string made;
  Send(
      "POST /v1/accounts/root/keys HTTP/1.1\r\nHost: k\r\nx-api-key: $\r\n"
      "Content-Type: application/json\r\nContent-Length: 2\r\n"
      "Connection: close\r\n\r\n{}",
      masked, Client::kWaits, &made);
  ASSERT_EQ(made.size(), ApiKeyText::kBytes);
  EXPECT_EQ(CopiesSoon(made), 0u);
}

// A command that reads a key and prints another, with much after it.
TEST_F(KeyWipeTest, CommandLeavesNoKey) {
  const std::string read = MaskedKey();
  const std::string printed = MaskedKey();
  bool was_read = false;
  const CommandRunner run = [&](const std::vector<std::string>&,
                                std::istream& in, std::ostream& out,
                                std::ostream& err) {
    const Page line;
    char* const bytes = line.bytes();
    in.getline(bytes, Page::kBytes);
    const Page expected;
    was_read = expected.Compose("$", read) == bytes;
    const Page page;
    // 39 bytes, so that base64 has the key apart.
    out << std::string(39, '-') << page.Compose("$\n", printed);
    err << std::string(39, '-') << page.Compose("$\n", printed);
    for (int i = 0; i < 2'000; ++i) {
      out << "more\n";
      err << "more\n";
    }
    return 0;
  };
  const auto server = Start(
      [&](const HttpRequest& request) { return AnswerCommand(request, run); });
  const std::string read64 = MaskedBase64(read);
  const std::string printed64 = MaskedBase64(printed);
  const absl::string_view before = "{\"arguments\":[\"keys\"],\"input\":\"";
  const absl::string_view after = "\"}";
  Send(absl::StrCat("POST /v1/command HTTP/1.1\r\nHost: k\r\nConnection: "
                    "close\r\nContent-Length: ",
                    before.size() + kBase64Bytes + after.size(), "\r\n\r\n",
                    before, "$", after),
       read64, Client::kWaits);
  EXPECT_TRUE(was_read);
  int i = 0;
  for (const std::string& text : {read, read64, printed, printed64}) {
    EXPECT_EQ(CopiesSoon(text), 0u) << i++;
  }
}

}  // namespace
}  // namespace konpro
