// A server and its clients for SOAK_SECONDS (60 if it is not set): mixed
// traffic at a bounded rate. Memory and descriptors stay what they were once
// all is warm, and the journal verifies.
#include <curl/curl.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "konpro/access/admission.h"
#include "konpro/access/key_directory.h"
#include "konpro/access/service.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/ledger.h"
#include "konpro/limits/rate_window.h"
#include "konpro/serve/api.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/http_server.h"
#include "konpro/serve/listen_socket.h"
#include "konpro/serve/metrics.h"
#include "konpro/sqlite/sqlite_backend.h"

namespace konpro {
namespace {

constexpr int kClients = 4;
constexpr absl::Duration kPause = absl::Milliseconds(20);  // of a client
// The ids of a minute's commands, and what malloc keeps of its peaks.
constexpr int64_t kGrowthBytesMax = int64_t{8} << 20;

int64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t pages = 0;
  int64_t resident = 0;
  statm >> pages >> resident;
  return resident * 4'096;
}

int Descriptors() {
  const std::filesystem::directory_iterator service("/proc/self/fd");
  return static_cast<int>(
      std::distance(begin(service), std::filesystem::directory_iterator()));
}

size_t Ignore(char*, size_t size, size_t count, void*) { return size * count; }

struct FreeCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// One client: its own connection, one request after another.
class Client {
 public:
  Client(std::string url, std::string key)
      : url_(std::move(url)), key_(std::move(key)), curl_(curl_easy_init()) {}

  // The status; 0 if there was no answer.
  long Ask(const std::string& path, const std::string& body,
           const std::string& id, bool with_key = true) {
    curl_easy_reset(curl_.get());
    curl_slist* list = nullptr;
    list = curl_slist_append(list, "Content-Type: application/json");
    if (with_key) {
      list = curl_slist_append(list, absl::StrCat("x-api-key: ", key_).c_str());
    }
    if (!id.empty()) {
      list = curl_slist_append(list,
                               absl::StrCat("Idempotency-Key: ", id).c_str());
    }
    const std::unique_ptr<curl_slist, FreeCurl> headers(list);
    const std::string url = url_ + path;
    curl_easy_setopt(curl_.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl_.get(), CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl_.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_.get(), CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(curl_.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl_.get(), CURLOPT_WRITEFUNCTION, &Ignore);
    if (!body.empty()) {
      curl_easy_setopt(curl_.get(), CURLOPT_COPYPOSTFIELDS, body.c_str());
    }
    if (curl_easy_perform(curl_.get()) != CURLE_OK) return 0;
    long status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    return status;
  }

 private:
  const std::string url_;
  const std::string key_;
  const std::unique_ptr<CURL, FreeCurl> curl_;
};

// What a client does next, by chance; the status that it must get.
void Step(Client& client, Client& service, std::mt19937& random,
          const std::string& id) {
  switch (random() % 8) {
    case 0:
      EXPECT_EQ(client.Ask("/v1/account", "", ""), 200);
      return;
    case 1:
      EXPECT_EQ(client.Ask("/v1/admit", "", "", /*with_key=*/false), 401);
      return;
    case 2:
      EXPECT_EQ(client.Ask("/metrics", "", ""), 200);
      return;
    case 3:
      EXPECT_EQ(client.Ask("/v1/estimate",
                           R"({"jobs":[{"operation":"avatar_video",
                                        "quantity":90000}]})",
                           ""),
                200);
      return;
    case 4:
      EXPECT_EQ(client.Ask("/v1/jobs", "{", id), 400);
      return;
    case 5: {
      const std::string job = R"({"operation":"avatar_video","quantity":9000})";
      EXPECT_EQ(client.Ask("/v1/jobs", job, id), 200);
      EXPECT_EQ(client.Ask("/v1/jobs", job, id), 200);
      const std::string end = absl::StrCat("/v1/jobs/", id);
      if (random() % 2 == 0) {
        EXPECT_EQ(service.Ask(end + "/cancel", R"({"account":"acme"})", ""),
                  200);
      } else {
        EXPECT_EQ(service.Ask(end + "/complete",
                              R"({"account":"acme","quantity":5000})", ""),
                  200);
      }
      return;
    }
    default:
      EXPECT_EQ(client.Ask("/v1/admit", "", ""), 200);
  }
}

absl::Duration SoakTime() {
  const char* const text = std::getenv("SOAK_SECONDS");
  int seconds = 60;
  if (text != nullptr && !absl::SimpleAtoi(text, &seconds)) seconds = 60;
  return absl::Seconds(seconds);
}

TEST(ServeSoak, MemoryAndDescriptorsStayAndTheJournalVerifies) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::string db = ::testing::TempDir() + "/soak.db";
  const unsigned seed = std::random_device()();
  RecordProperty("seed", static_cast<int>(seed));
  std::cout << "seed " << seed << std::endl;
  ServeMetrics metrics;
  Service::Options options;
  options.admission.observer = &metrics;
  auto service =
      Service::Open(Catalog::BuiltIn(), OpenSqliteBackend(db, {}).value(),
                    std::move(options))
          .value();
  const absl::Time start = absl::Now();
  const MintedKey key =
      service->admission().CreateKey({.account_id = "acme"}, start).value();
  const MintedKey service_key =
      service->admission()
          .CreateKey({.account_id = "billing", .scope = ApiKeyScope::kService},
                     start)
          .value();
  const std::vector<RateWindow> wide =
      ParseWindows("minute:1000000000/1m,day:1000000000/24h").value();
  ASSERT_TRUE(
      service->admission().SetPlan("acme", "enterprise", wide, start).ok());
  ASSERT_TRUE(service->ledger()
                  .Apply({.account = "acme",
                          .id = "grant",
                          .at = UnixNanos::FromTime(start),
                          .request = GrantCommand{.amount = *Credits::Parse(
                                                      "1000000000")}})
                  .ok());
  Api api({.admission = service->admission(),
           .keys = service->keys(),
           .accounts = service->accounts(),
           .ledger = service->ledger(),
           .metrics = metrics,
           .reads_per_minute = 1'000'000});
  ListenSocket socket = ListenTcp("127.0.0.1:0").value();
  const std::string url = "http://" + socket.address();
  auto server =
      HttpServer::Start(std::move(socket),
                        [&api](const HttpRequest& request) {
                          return api.Answer(request, UnixNanos::CoarseNow());
                        },
                        {.threads = 4, .body_bytes_max = kApiBodyBytesMax})
          .value();

  std::atomic<bool> stop{false};
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] {
      std::mt19937 random(seed + i);
      Client client(url, std::string(key.secret.text().Reveal()));
      Client ends(url, std::string(service_key.secret.text().Reveal()));
      for (int step = 0; !stop.load(); ++step) {
        Step(client, ends, random, absl::StrCat("job-", i, "-", step));
        absl::SleepFor(kPause);
      }
    });
  }
  // A fourth of the time warms everything.
  absl::SleepFor(SoakTime() / 4);
  const int64_t resident = ResidentBytes();
  const int descriptors = Descriptors();
  absl::SleepFor(SoakTime() * 3 / 4);
  EXPECT_LE(ResidentBytes() - resident, kGrowthBytesMax);
  EXPECT_LE(Descriptors(), descriptors + 1);  // SQLite's own, now and then
  std::cout << "grew by " << ResidentBytes() - resident << " bytes, "
            << Descriptors() - descriptors << " descriptors\n";
  stop.store(true);
  for (std::thread& client : clients) client.join();
  server->Stop();

  const absl::StatusOr<VerifyReport> report =
      service->ledger().Verify([](uint64_t) {});
  ASSERT_TRUE(report.ok()) << report.status();
  std::cout << report->entries << " entries\n" << metrics.Text();
  const Balance balance =
      service->ledger().BalanceOf("acme", UnixNanos::CoarseNow()).value();
  EXPECT_EQ(balance.reserved, Credits());
  EXPECT_EQ(balance.available.ticks() + balance.posted.ticks(),
            Credits::Parse("1000000000")->ticks());
}

}  // namespace
}  // namespace konpro
