#include "konpro/serve/server_log.h"

#include <sstream>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace konpro {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);
const absl::Status kFull = absl::UnavailableError("credits.db: disk full");

TEST(ServerLog, TroubleIsSaidOnceAMinuteAndItsEndOnce) {
  std::ostringstream out;
  ServerLog log(out);
  log.NoteStore(absl::OkStatus(), kStart);
  for (int second = 0; second < 90; ++second) {
    log.NoteStore(kFull, kStart + absl::Seconds(second));
  }
  log.NoteStore(absl::OkStatus(), kStart + absl::Seconds(90));
  log.NoteStore(absl::OkStatus(), kStart + absl::Seconds(91));
  log.NoteStore(kFull, kStart + absl::Seconds(92));
  log.NoteStore(absl::OkStatus(), kStart + absl::Seconds(94));
  EXPECT_EQ(out.str(),
            "konpro: the store cannot be written: credits.db: disk full\n"
            "konpro: the store still cannot be written (61 writes): "
            "credits.db: disk full\n"
            "konpro: the store can be written again; 90 writes failed in "
            "1m30s\n"
            "konpro: the store cannot be written: credits.db: disk full\n"
            "konpro: the store can be written again; 1 write failed in 2s\n");
}

TEST(ServerLog, LinesOfManyThreadsStayWhole) {
  std::ostringstream out;
  ServerLog log(out);
  const auto write = [&] {
    for (int i = 0; i < 100; ++i) log.Line("a line");
  };
  std::thread other(write);
  write();
  other.join();
  std::string expected;
  for (int i = 0; i < 200; ++i) expected += "konpro: a line\n";
  EXPECT_EQ(out.str(), expected);
}

}  // namespace
}  // namespace konpro
