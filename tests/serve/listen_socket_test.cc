#include "konpro/serve/listen_socket.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/socket_folder.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(ListenTcp, PortZeroTakesAFreeOne) {
  const absl::StatusOr<ListenSocket> socket = ListenTcp("127.0.0.1:0");
  ASSERT_THAT(socket, IsOk());
  EXPECT_THAT(socket->address(), MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
  EXPECT_TRUE(socket->is_loopback());
}

TEST(ListenTcp, APortIsTakenOnce) {
  ListenSocket socket = *ListenTcp("127.0.0.1:0");
  const std::string address = socket.address();
  EXPECT_THAT(ListenTcp(address),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(address)));
  {
    const ListenSocket moved = std::move(socket);
    EXPECT_EQ(moved.address(), address);
    EXPECT_THAT(ListenTcp(address),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr(address)));
  }
  EXPECT_THAT(ListenTcp(address), IsOk());
}

TEST(ListenTcp, AnAddressThatOthersReachIsNotLoopback) {
  const absl::StatusOr<ListenSocket> any = ListenTcp("0.0.0.0:0");
  ASSERT_THAT(any, IsOk());
  EXPECT_FALSE(any->is_loopback());
  const absl::StatusOr<ListenSocket> local = ListenTcp("127.1.2.3:0");
  ASSERT_THAT(local, IsOk());
  EXPECT_TRUE(local->is_loopback());
}

TEST(ListenTcp, AnIpV6AddressIsInBrackets) {
  const absl::StatusOr<ListenSocket> local = ListenTcp("[::1]:0");
  if (!local.ok()) GTEST_SKIP() << "no IPv6 here: " << local.status();
  EXPECT_THAT(local->address(), MatchesRegex("\\[::1\\]:[1-9][0-9]*"));
  EXPECT_TRUE(local->is_loopback());
  const absl::StatusOr<ListenSocket> any = ListenTcp("[::]:0");
  ASSERT_THAT(any, IsOk());
  EXPECT_FALSE(any->is_loopback());
}

TEST(ListenTcp, OtherTextsAreInvalid) {
  for (const absl::string_view address :
       {"", ":", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "localhost:8080",
        "127.0.0.1:65536", "127.0.0.1:-1", "::1]:1", "127.0.0.1]:1",
        "127.0.0.1:http", "127.0.0.1:99999", "127.0.0.256:1", "[::1:1",
        "[]:1"}) {
    EXPECT_THAT(ListenTcp(address), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("not an address")))
        << address;
  }
}

TEST(ListenUnix, OnlyTheOwnerCanConnect) {
  const testing::SocketFolder folder;
  const std::string path = folder.path() + "/owner.sock";
  const mode_t mask = umask(0);
  const absl::StatusOr<ListenSocket> socket = ListenUnix(path);
  EXPECT_EQ(umask(mask), 0u) << "the process's mask is as it was";
  ASSERT_THAT(socket, IsOk());
  EXPECT_EQ(socket->address(), path);
  EXPECT_TRUE(socket->is_loopback());
  struct stat file;
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_TRUE(S_ISSOCK(file.st_mode));
  EXPECT_EQ(file.st_mode & 0777, 0600u);
}

TEST(ListenUnix, ASocketThatWasLeftIsReplaced) {
  const testing::SocketFolder folder;
  const std::string path = folder.path() + "/left.sock";
  { EXPECT_THAT(ListenUnix(path), IsOk()); }
  struct stat file;
  ASSERT_EQ(stat(path.c_str(), &file), 0) << "nobody removed it";
  EXPECT_THAT(ListenUnix(path), IsOk());
}

TEST(ListenUnix, AnotherFileIsLeftAlone) {
  const testing::SocketFolder folder;
  const std::string path = folder.path() + "/file.sock";
  std::ofstream(path) << "data";
  EXPECT_THAT(ListenUnix(path),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(path)));
  std::string text;
  std::ifstream(path) >> text;
  EXPECT_EQ(text, "data");
}

TEST(ListenUnix, APathThatIsTooLongIsInvalid) {
  EXPECT_THAT(ListenUnix("/" + std::string(107, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at most 107 bytes")));
  EXPECT_THAT(ListenUnix("/nowhere/konpro.sock"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("nowhere")));
}

}  // namespace
}  // namespace konpro
