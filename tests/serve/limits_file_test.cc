#include "konpro/serve/limits_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;

const UnixNanos kNow =
    UnixNanos::FromTime(absl::FromUnixSeconds(1'798'761'630));

std::unique_ptr<LimiterRegistry> Registry(size_t capacity = 16) {
  return LimiterRegistry::Create({.capacity = capacity}).value();
}

const std::vector<RateWindow>& Hour() {
  static const auto& windows = *new std::vector<RateWindow>{
      *RateWindow::Create({.name = "hour",
                           .kind = WindowKind::kFixed,
                           .limit = 10,
                           .period = absl::Hours(1)})};
  return windows;
}

std::string Contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool Exists(const std::string& path) {
  struct stat file;
  return stat(path.c_str(), &file) == 0;
}

class LimitsFile : public ::testing::Test {
 protected:
  LimitsFile() : registry_(Registry()) {
    EXPECT_THAT(registry_->Insert("acme", Hour()), IsOk());
    EXPECT_TRUE(registry_->TryAcquire("acme", 3, kNow).allowed());
    unlink(path_.c_str());
  }

  uint64_t Remaining(LimiterRegistry& registry) {
    return registry.TryAcquire("acme", 0, kNow).remaining(0);
  }

  std::unique_ptr<LimiterRegistry> registry_;
  const std::string path_ = ::testing::TempDir() + "/credits.db.limits";
};

TEST_F(LimitsFile, WhatWindowsHaveUsedIsRestored) {
  ASSERT_THAT(SaveLimits(*registry_, path_), IsOk());
  const std::unique_ptr<LimiterRegistry> restored = Registry();
  ASSERT_THAT(RestoreLimits(path_, *restored), IsOk());
  EXPECT_EQ(restored->size(), 1u);
  EXPECT_EQ(Remaining(*restored), 7u);
}

TEST_F(LimitsFile, NoFileIsNoAccounts) {
  const std::unique_ptr<LimiterRegistry> restored = Registry();
  EXPECT_THAT(RestoreLimits(path_, *restored), IsOk());
  EXPECT_EQ(restored->size(), 0u);
}

TEST_F(LimitsFile, ASaveReplacesTheFile) {
  ASSERT_THAT(SaveLimits(*registry_, path_), IsOk());
  EXPECT_TRUE(registry_->TryAcquire("acme", 2, kNow).allowed());
  // A save that was cut off may have left more than this one writes.
  std::ofstream(path_ + ".new") << std::string(10'000, 'x');
  chmod((path_ + ".new").c_str(), 0600);
  ASSERT_THAT(SaveLimits(*registry_, path_), IsOk());
  EXPECT_FALSE(Exists(path_ + ".new"));
  struct stat file;
  ASSERT_EQ(stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  const std::unique_ptr<LimiterRegistry> restored = Registry();
  ASSERT_THAT(RestoreLimits(path_, *restored), IsOk());
  EXPECT_EQ(Remaining(*restored), 5u);
}

TEST_F(LimitsFile, AFailedSaveLeavesWhatWasThere) {
  EXPECT_THAT(SaveLimits(*registry_, "/nowhere/limits"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("/nowhere")));
  // A file that cannot be replaced: its path is a folder's.
  const std::string folder = ::testing::TempDir() + "/folder";
  mkdir(folder.c_str(), 0700);
  mkdir((folder + "/kept").c_str(), 0700);
  EXPECT_THAT(SaveLimits(*registry_, folder),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(folder)));
  EXPECT_TRUE(Exists(folder + "/kept"));
  // No room on the device.
  if (access("/dev/full", W_OK) == 0 &&
      symlink("/dev/full", (path_ + ".new").c_str()) == 0) {
    std::ofstream(path_) << "before";
    EXPECT_THAT(SaveLimits(*registry_, path_),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr(path_)));
    EXPECT_EQ(Contents(path_), "before");
    unlink((path_ + ".new").c_str());
  }
}

TEST_F(LimitsFile, ADamagedFileIsDataLoss) {
  ASSERT_THAT(SaveLimits(*registry_, path_), IsOk());
  const std::string whole = Contents(path_);
  for (const std::string& bytes :
       {whole.substr(0, whole.size() - 1), whole.substr(0, 1), whole + "\x05",
        std::string("no limits at all")}) {
    std::ofstream(path_, std::ios::binary) << bytes;
    EXPECT_THAT(RestoreLimits(path_, *Registry()),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(path_)))
        << bytes.size();
  }
}

TEST_F(LimitsFile, ErrorsOfTheRegistryNameTheFile) {
  EXPECT_THAT(registry_->Insert("globex", Hour()), IsOk());
  ASSERT_THAT(SaveLimits(*registry_, path_), IsOk());
  EXPECT_THAT(RestoreLimits(path_, *Registry(1)),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr(absl::StrCat(path_, ": "))));
  EXPECT_THAT(RestoreLimits(::testing::TempDir() + "/no/folder", *Registry()),
              IsOk());
  EXPECT_THAT(RestoreLimits(path_ + "/below", *Registry()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("below")));
}

}  // namespace
}  // namespace konpro
