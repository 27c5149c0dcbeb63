#include "konpro/base/internal/replaced_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace konpro::internal {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

std::string Contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool Exists(const std::string& path) {
  struct stat file;
  return lstat(path.c_str(), &file) == 0;
}

class ReplacedFileTest : public ::testing::Test {
 protected:
  ReplacedFileTest() { std::ofstream(path_) << "old"; }

  const std::string path_ = ::testing::TempDir() + "/replaced";
  const std::string temporary_ = path_ + ".new";
};

TEST_F(ReplacedFileTest, IsTheOldOneUntilItIsCommitted) {
  std::ofstream(temporary_) << std::string(1'000, 'x');
  {
    ReplacedFile file(path_, temporary_, 0600);
    EXPECT_TRUE(file.Write("new, "));
    EXPECT_TRUE(file.Write("and longer"));
    EXPECT_EQ(Contents(path_), "old");
    EXPECT_THAT(file.Commit(), IsOk());
    EXPECT_EQ(Contents(path_), "new, and longer");
  }
  EXPECT_EQ(Contents(path_), "new, and longer");
  EXPECT_FALSE(Exists(temporary_));
}

TEST_F(ReplacedFileTest, DoesNotWriteThroughALink) {
  const std::string victim = path_ + ".victim";
  std::ofstream(victim) << "data";
  unlink(temporary_.c_str());
  ASSERT_EQ(symlink(victim.c_str(), temporary_.c_str()), 0);
  ReplacedFile file(path_, temporary_, 0600);
  EXPECT_TRUE(file.Write("new"));
  EXPECT_THAT(file.Commit(), IsOk());
  EXPECT_EQ(Contents(victim), "data");
  EXPECT_EQ(Contents(path_), "new");
  struct stat made;
  ASSERT_EQ(lstat(path_.c_str(), &made), 0);
  EXPECT_TRUE(S_ISREG(made.st_mode));
  EXPECT_EQ(made.st_mode & 0777, 0600u);
}

TEST_F(ReplacedFileTest, OneThatIsNotCommittedLeavesNothing) {
  {
    ReplacedFile file(path_, temporary_, 0600);
    EXPECT_TRUE(file.Write("new"));
    EXPECT_TRUE(Exists(temporary_));
  }
  EXPECT_EQ(Contents(path_), "old");
  EXPECT_FALSE(Exists(temporary_));
}

TEST_F(ReplacedFileTest, AnErrorIsReportedByCommit) {
  {
    ReplacedFile file("/nowhere/file", "/nowhere/file.new", 0600);
    EXPECT_EQ(file.fd(), -1);
    EXPECT_FALSE(file.Write("new"));
    EXPECT_THAT(file.Commit(), StatusIs(absl::StatusCode::kUnavailable,
                                        HasSubstr("/nowhere/file: ")));
  }
  const std::string folder = ::testing::TempDir() + "/a_folder";
  mkdir(folder.c_str(), 0700);
  {
    ReplacedFile file(folder, temporary_, 0600);
    EXPECT_THAT(file.Commit(),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr(folder)));
  }
  EXPECT_FALSE(Exists(temporary_));
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  if (full < 0) return;
  {
    ReplacedFile file(path_, temporary_, 0600);
    ASSERT_EQ(dup2(full, file.fd()), file.fd());
    close(full);
    EXPECT_FALSE(file.Write("new"));
    EXPECT_FALSE(file.Write("more"));
    EXPECT_THAT(file.Commit(), StatusIs(absl::StatusCode::kUnavailable,
                                        HasSubstr("No space left")));
  }
  EXPECT_EQ(Contents(path_), "old");
}

TEST_F(ReplacedFileTest, HasTheMode) {
  const mode_t mask = umask(022);
  for (const mode_t mode : {0600u, 0666u}) {
    ReplacedFile file(path_, temporary_, mode);
    EXPECT_THAT(file.Commit(), IsOk());
    struct stat written;
    ASSERT_EQ(stat(path_.c_str(), &written), 0);
    EXPECT_EQ(written.st_mode & 0777, mode & ~022u);
  }
  umask(mask);
}

}  // namespace
}  // namespace konpro::internal
