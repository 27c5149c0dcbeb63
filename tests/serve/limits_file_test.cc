// Lives of a process, one after the other, on one file.
#include "konpro/serve/limits_file.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_image.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/status_matchers.h"

namespace {

// What the next calls of the system answer: see the functions below.
struct SystemCalls {
  int pread_error = 0;
  int msync_error = 0;
  bool is_other_user = false;
  std::function<void()> on_msync;
} system_calls;

}  // namespace

// In place of the C library's, for the whole test.
extern "C" ssize_t pread(int fd, void* bytes, size_t size, off_t at) {
  if (system_calls.pread_error != 0) {
    errno = system_calls.pread_error;
    return -1;
  }
  return syscall(SYS_pread64, fd, bytes, size, at);
}
extern "C" int msync(void* begin, size_t size, int flags) {
  if (system_calls.on_msync != nullptr) system_calls.on_msync();
  if (system_calls.msync_error != 0) {
    errno = system_calls.msync_error;
    return -1;
  }
  return static_cast<int>(syscall(SYS_msync, begin, size, flags));
}
extern "C" uid_t geteuid() noexcept {
  return static_cast<uid_t>(syscall(SYS_geteuid)) +
         (system_calls.is_other_user ? 1 : 0);
}

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::_;
using ::testing::AllOf;
using ::testing::HasSubstr;

const UnixNanos kNow =
    UnixNanos::FromTime(absl::FromUnixSeconds(1'798'761'630));

UnixNanos At(int64_t seconds) {
  return UnixNanos::FromNanos(kNow.nanos() + seconds * 1'000'000'000);
}

std::vector<RateWindow> W(absl::string_view text) {
  return ParseWindows(text).value();
}

std::string Contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void Write(const std::string& path, absl::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}
// Whether the file has these bytes: a file that has not is too large to print.
::testing::AssertionResult Has(const std::string& path,
                               absl::string_view bytes) {
  const std::string contents = Contents(path);
  if (contents == bytes) return ::testing::AssertionSuccess();
  const auto differ = std::mismatch(contents.begin(), contents.end(),
                                    bytes.begin(), bytes.end());
  return ::testing::AssertionFailure()
         << path << " has " << contents.size() << " bytes, not " << bytes.size()
         << "; they differ from byte " << differ.first - contents.begin()
         << " on";
}
bool Exists(const std::string& path) {
  struct stat file;
  return lstat(path.c_str(), &file) == 0;
}

class LimitsFileTest : public ::testing::Test {
 protected:
  using File = std::unique_ptr<LimitsFile>;

  ~LimitsFileTest() override {
    system_calls = {};
    unlink(path_.c_str());
    unlink((path_ + ".new").c_str());
  }

  absl::StatusOr<File> Open(absl::string_view boot_id = "boot-1") {
    return LimitsFile::Open(
        path_,
        {.capacity = 100, .accounts = ids_, .boot_id = std::string(boot_id)});
  }
  // A life: the file, with the windows that every life gives its accounts.
  File Live(absl::string_view windows = "minute:10/1m,day:1000/24h",
            absl::string_view boot_id = "boot-1") {
    absl::StatusOr<File> file = Open(boot_id);
    EXPECT_THAT(file, IsOk());
    for (const std::string& id : ids_) {
      LimiterRegistry& registry = (*file)->registry();
      if (registry.Find(id)) {
        EXPECT_THAT(registry.SetWindows(id, W(windows), kNow), IsOk());
      } else {
        EXPECT_THAT(registry.Insert(id, W(windows)), IsOk());
      }
    }
    return *std::move(file);
  }
  // How many of `asked` requests are admitted.
  static int Admitted(LimitsFile& file, int asked, absl::string_view id,
                      UnixNanos now = kNow) {
    int admitted = 0;
    for (int i = 0; i < asked; ++i) {
      admitted += file.registry().TryAcquire(id, 1, now).allowed();
    }
    return admitted;
  }
  // Runs `life` in a process that ends by SIGKILL, and returns what it did.
  static int Killed(const std::function<int()>& life) {
    int pipe_ends[2];
    EXPECT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      const int result = life();
      if (write(pipe_ends[1], &result, sizeof(result)) < 0) _exit(1);
      raise(SIGKILL);
    }
    // A life that fails ends the reading too.
    close(pipe_ends[1]);
    int result = -1;
    EXPECT_EQ(read(pipe_ends[0], &result, sizeof(result)),
              ssize_t{sizeof(result)});
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    close(pipe_ends[0]);
    return result;
  }

  // The file's 64 bits at a place.
  static uint64_t WordAt(const std::string& bytes, size_t at) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    return word;
  }

  // docs/formats.md, "Limits file".
  static constexpr size_t kSealAt = 336;
  static constexpr size_t kSlotsAt = 4'096 + 65'536 * 128;
  static constexpr size_t kSlotBytes = 32;

  const std::string path_ =
      ::testing::TempDir() + "/" +
      ::testing::UnitTest::GetInstance()->current_test_info()->name() +
      ".limits";
  std::vector<std::string> ids_ = {"acme", "other"};
};

TEST_F(LimitsFileTest, TwelveLivesUnderSigkillAdmitAsOneDoes) {
  int admitted = 0;
  for (int life = 0; life < 12; ++life) {
    admitted += Killed([&] { return Admitted(*Live(), 10, "acme", At(life)); });
  }
  EXPECT_EQ(admitted, 10);
  const File file = Live();
  EXPECT_EQ(Admitted(*file, 20, "other"), 10);
  EXPECT_EQ(Admitted(*file, 20, "acme", At(60)), 10);
}

TEST_F(LimitsFileTest, OrderlyEndForgetsNothingOnAnyMachine) {
  {
    const File file = Live();
    EXPECT_EQ(Admitted(*file, 7, "acme"), 7);
    EXPECT_THAT(file->Close(), IsOk());
  }
  EXPECT_EQ(Admitted(*Live("minute:10/1m,day:1000/24h", "boot-2"), 10, "acme"),
            3);
}

// What a crash of the machine leaves is what was last written to the disk. The
// page cache outlives the process here, so that a copy stands for the disk.
TEST_F(LimitsFileTest, CrashOfTheMachineForgetsWhatWasNotWritten) {
  std::string on_disk;
  {
    const File file = Live("minute:10/1m,day:20/24h");
    EXPECT_EQ(Admitted(*file, 7, "acme"), 7);
    EXPECT_THAT(file->Sync(), IsOk());
    on_disk = Contents(path_);
    EXPECT_EQ(Admitted(*file, 2, "acme"), 2);
  }
  Write(path_, on_disk);
  const File file = Live("minute:10/1m,day:20/24h", "boot-2");
  EXPECT_EQ(Admitted(*file, 10, "acme"), 3);
  EXPECT_EQ(Admitted(*file, 20, "acme", At(60)), 10);
}

TEST_F(LimitsFileTest, PlanThatChangesBetweenLivesKeepsWhatWasUsed) {
  Killed([&] { return Admitted(*Live("minute:10/1m"), 6, "acme"); });
  EXPECT_EQ(Admitted(*Live("minute:8/1m"), 10, "acme"), 2);
  EXPECT_EQ(Admitted(*Live("minute:12/1m:token_bucket"), 20, "acme"), 4);
}

// A clock that was set back while no process lived.
TEST_F(LimitsFileTest, StatesThatAreAheadLockNoWindowForLongerThanItsPeriod) {
  Killed([&] { return Admitted(*Live("minute:10/1m"), 6, "acme", At(7'200)); });
  const File file = Live("minute:10/1m");
  EXPECT_EQ(Admitted(*file, 10, "acme"), 0);
  EXPECT_EQ(Admitted(*file, 20, "acme", At(60)), 10);
}

TEST_F(LimitsFileTest, IsTheOwnersAloneAndFollowsNoLink) {
  const std::string target = path_ + ".target";
  Write(target, "precious");
  ASSERT_EQ(symlink(target.c_str(), (path_ + ".new").c_str()), 0);
  {
    const File file = Live();
    struct stat made;
    ASSERT_EQ(stat(path_.c_str(), &made), 0);
    EXPECT_EQ(made.st_mode & 0777, 0600u);
    EXPECT_EQ(made.st_blocks * 512, made.st_size);
    EXPECT_FALSE(Exists(path_ + ".new"));
  }
  EXPECT_TRUE(Has(target, "precious"));
  unlink(path_.c_str());
  ASSERT_EQ(symlink(target.c_str(), path_.c_str()), 0);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("symbolic link")));
  EXPECT_TRUE(Has(target, "precious"));
  unlink(target.c_str());
}

TEST_F(LimitsFileTest, BelongsToOneProcess) {
  const File file = Live();
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("another process has it open")));
}

TEST_F(LimitsFileTest, FullDiskIsAnErrorThatLeavesTheOldFile) {
  Killed([&] { return Admitted(*Live(), 6, "acme"); });
  const std::string before = Contents(path_);
  // Stands for the disk's end; posix_fallocate() says so in the same way.
  signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit;
  getrlimit(RLIMIT_FSIZE, &old_limit);
  const rlimit limit = {.rlim_cur = 65'536, .rlim_max = old_limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable,
                               AllOf(HasSubstr(path_), HasSubstr("no room"))));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  EXPECT_FALSE(Exists(path_ + ".new"));
  EXPECT_TRUE(Has(path_, before));
  EXPECT_EQ(Admitted(*Live(), 10, "acme"), 4);
}

// Zeros, other bytes and missing ones, wherever something is. A cell
// alone is covered by what an orderly end leaves; of a process that was killed
// the memory is the system's and cannot be damaged by a disk.
TEST_F(LimitsFileTest, DamageIsAnErrorAndNeverFresh) {
  {
    const File file = Live();
    EXPECT_EQ(Admitted(*file, 6, "acme"), 6);
    EXPECT_THAT(file->Close(), IsOk());
  }
  const std::string whole = Contents(path_);
  const auto expect_damage = [&](const std::string& bytes,
                                 absl::string_view what) {
    unlink(path_.c_str());
    Write(path_, bytes);
    EXPECT_THAT(Open(),
                StatusIs(absl::StatusCode::kDataLoss,
                         AllOf(HasSubstr(path_), HasSubstr("move it away"))))
        << what;
    EXPECT_TRUE(Has(path_, bytes));
  };
  expect_damage("", "empty");
  expect_damage("KPLI", "four bytes");
  expect_damage(whole.substr(0, 4'096), "a page");
  expect_damage(whole.substr(0, whole.size() - 1), "without the last byte");
  expect_damage(whole + '\0', "one byte more");
  expect_damage(std::string(whole.size(), '\0'), "zeros");
  std::string changed = whole;
  changed[8] = 2;
  unlink(path_.c_str());
  Write(path_, changed);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss,
                               HasSubstr("has version 2, not 3")));
  int tried = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    // The owner, and the count as of the last write, say how far to trust it.
    const bool is_advice = (i >= 184 && i < 248) || (i >= 280 && i < 288);
    if (whole[i] == 0 || is_advice) continue;
    changed = whole;
    changed[i] ^= 0x10;
    expect_damage(changed, absl::StrCat("byte ", i));
    ++tried;
  }
  EXPECT_GT(tried, 100);
  unlink(path_.c_str());
  Write(path_, whole);
  EXPECT_EQ(Admitted(*Live(), 10, "acme"), 4);
}

// Of a file that a crash of the machine left, in which cells are not covered.
TEST_F(LimitsFileTest, LostAccountsAreDamageAfterACrashToo) {
  Killed([&] {
    const File file = Live();
    const int admitted = Admitted(*file, 6, "acme");
    return file->Sync().ok() && file->Sync().ok() ? admitted : -1;
  });
  std::string bytes = Contents(path_);
  for (size_t i = bytes.size() - 8'192; i < bytes.size(); ++i) bytes[i] = 0;
  for (const absl::string_view boot_id : {"boot-1", "boot-2"}) {
    unlink(path_.c_str());
    Write(path_, bytes);
    EXPECT_THAT(Open(boot_id), StatusIs(absl::StatusCode::kDataLoss,
                                        HasSubstr("accounts are missing")));
  }
}

// Each word of a slot, of a file that no seal covers.
TEST_F(LimitsFileTest, ClosedOrUnknownSlotIsDamage) {
  Killed([&] { return Admitted(*Live(), 6, "acme"); });
  const std::string whole = Contents(path_);
  size_t slot = kSlotsAt;
  while (slot < whole.size() && WordAt(whole, slot) <= 1) slot += kSlotBytes;
  ASSERT_LT(slot, whole.size());
  for (const size_t word : {size_t{1}, size_t{2}, size_t{3}}) {
    std::string changed = whole;
    changed.replace(slot + 8 * word, 8, 8, '\xff');
    unlink(path_.c_str());
    Write(path_, changed);
    EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss,
                                 HasSubstr("an account's windows or state")))
        << word;
  }
}

// A seal vouches for bytes that are on the disk, so it comes after them; and
// where they could not be written there is none.
TEST_F(LimitsFileTest, SealIsWrittenAfterWhatItIsOf) {
  const File file = Live();
  EXPECT_EQ(Admitted(*file, 6, "acme"), 6);
  std::vector<uint64_t> seals;
  system_calls.on_msync = [&] {
    seals.push_back(WordAt(Contents(path_), kSealAt));
  };
  system_calls.msync_error = EIO;
  EXPECT_THAT(file->Close(), StatusIs(absl::StatusCode::kUnavailable,
                                      HasSubstr("cannot be written")));
  EXPECT_THAT(seals, ::testing::ElementsAre(0u));
  EXPECT_EQ(WordAt(Contents(path_), kSealAt), 0u);
  system_calls.msync_error = 0;
  seals.clear();
  EXPECT_THAT(file->Close(), IsOk());
  EXPECT_THAT(seals, ::testing::ElementsAre(0u, ::testing::Ne(0u)));
}

// A change of windows writes between two calls of Sync().
TEST_F(LimitsFileTest, WriteThatFailedShowsUntilOneSucceeds) {
  const File file = Live();
  EXPECT_THAT(file->status(), IsOk());
  system_calls.msync_error = EIO;
  EXPECT_THAT(file->registry().SetWindows("acme", W("minute:11/1m"), kNow),
              IsOk());
  EXPECT_THAT(file->status(), StatusIs(absl::StatusCode::kUnavailable,
                                       HasSubstr("cannot be written")));
  EXPECT_THAT(file->Sync(), StatusIs(absl::StatusCode::kUnavailable, _));
  system_calls.msync_error = 0;
  EXPECT_THAT(file->Sync(), IsOk());
  EXPECT_THAT(file->status(), IsOk());
}

TEST_F(LimitsFileTest, PageThatTheDiskCannotReadIsAnError) {
  Killed([&] { return Admitted(*Live(), 6, "acme"); });
  const std::string before = Contents(path_);
  system_calls.pread_error = EIO;
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable,
                               HasSubstr("cannot be read")));
  system_calls.pread_error = 0;
  EXPECT_TRUE(Has(path_, before));
  EXPECT_EQ(Admitted(*Live(), 10, "acme"), 4);
}

TEST_F(LimitsFileTest, FileOfAnotherUserIsRefused) {
  Killed([&] { return Admitted(*Live(), 6, "acme"); });
  system_calls.is_other_user = true;
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("is another user's")));
}

// A catalog without the day's limit, over a restart, and one that has it again.
TEST_F(LimitsFileTest, WindowThatIsDroppedAndComesBackKeepsWhatWasUsed) {
  Killed([&] { return Admitted(*Live("minute:10/1m,day:20/24h"), 8, "acme"); });
  Killed([&] { return Admitted(*Live("minute:10/1m"), 1, "acme", At(60)); });
  const File file = Live("minute:100/1m,day:20/24h");
  EXPECT_EQ(Admitted(*file, 100, "acme", At(120)), 12);
}

// Pages of a crashed machine's file may be of different seconds: a header that
// is older than the slots is no damage there, and is where the process alone
// ended.
TEST_F(LimitsFileTest, PartsOfDifferentAgesAreDamageOnlyWithoutACrash) {
  std::string header;
  {
    const File file = Live();
    EXPECT_THAT(file->Sync(), IsOk());
    header = Contents(path_).substr(0, 4'096);
    EXPECT_THAT(file->registry().Insert("late", W("minute:10/1m")), IsOk());
    EXPECT_EQ(Admitted(*file, 6, "acme"), 6);
  }
  std::string bytes = Contents(path_);
  bytes.replace(0, header.size(), header);
  // The windows of the late account are recorded before it refers to them.
  const size_t windows_size = 248;
  bytes.replace(windows_size, 8, Contents(path_).substr(windows_size, 8));
  unlink(path_.c_str());
  Write(path_, bytes);
  EXPECT_THAT(Open("boot-1"), StatusIs(absl::StatusCode::kDataLoss,
                                       HasSubstr("others than were written")));
  EXPECT_EQ(Admitted(*Live("minute:10/1m,day:1000/24h", "boot-2"), 10, "acme"),
            4);
}

// Accounts that were dropped while they were idle begin as of then.
TEST_F(LimitsFileTest, TimeOfTheLastDropSurvives) {
  Killed([&] {
    Live()->registry().DropIdle(At(120));
    return 0;
  });
  EXPECT_EQ(Live()->registry().fresh_since(), At(120));
}

TEST_F(LimitsFileTest, AbsentFileIsNewAndSaysSo) {
  EXPECT_TRUE(Live()->is_new());
  EXPECT_FALSE(Live()->is_new());
}

TEST_F(LimitsFileTest, FileOfTheFirstVersionIsRefused) {
  Write(path_, absl::string_view("\x2b\x0a\x18\x0a\x16", 5));
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss,
                               HasSubstr("not a limits file of this version")));
}

}  // namespace
}  // namespace konpro
