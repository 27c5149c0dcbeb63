// A process that uses a registry is stopped after each of its instructions: the
// image can be read there, and nothing that was admitted is forgotten.
#include "konpro/limits/limiter_image.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/image_layout.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/limits/rate_window.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;

constexpr size_t kCapacity = 4;
constexpr int64_t kUsed = 3;  // before the first instruction that is watched

UnixNanos At(int64_t seconds) {
  return UnixNanos::FromNanos((1'700'000'040 + seconds) * 1'000'000'000);
}
std::vector<RateWindow> W(absl::string_view text) {
  return ParseWindows(text).value();
}

// What the process does, in place of its main(). The day's window is the second
// of account `a`, whatever the first is.
void Use(absl::Span<char> bytes) {
  auto registry =
      LimiterRegistry::Create(
          {.capacity = kCapacity, .seed = 1, .memory = {.bytes = bytes}})
          .value();
  bool done = registry->Insert("a", W("minute:10/1m,day:50/24h")).ok();
  for (int i = 0; i < kUsed; ++i) {
    done = done && registry->TryAcquire("a", 1, At(0)).allowed();
  }
  const auto bucket = W("minute:20/1m:token_bucket,day:60/24h");
  const auto shorter = W("hour:30/1h,day:50/24h");
  const auto other = W("minute:5/1m");
  raise(SIGSTOP);
  done = done && registry->Insert("b", other).ok() &&
         registry->SetWindows("a", bucket, At(0)).ok() &&
         registry->TryAcquire("a", 1, At(0)).allowed() &&
         registry->SetWindows("a", {}, At(0)).ok() &&
         registry->SetWindows("a", shorter, At(0)).ok() &&
         registry->DropIdle(At(3'600)) == 1 &&
         registry->DropIdle(At(3'600)) == 0 &&
         registry->Insert("c", other).ok();
  _exit(done ? 0 : 1);
}

// What `a` has used of its day; -1: it is not found.
int64_t UsedIn(absl::Span<const char> bytes, absl::string_view& error) {
  static std::string message;
  const absl::StatusOr<LimiterImage> image =
      LimiterImage::Read(bytes, /*is_whole=*/true);
  if (!image.ok()) {
    message = std::string(image.status().message());
    error = message;
    return -1;
  }
  const std::optional<LimiterImage::Account> a = image->Find("a");
  if (!a.has_value()) return -1;
  const WindowRule& day = a->windows->rule(1);
  return static_cast<int64_t>(day.limit() -
                              day.Remaining(a->state.windows[1], At(0)));
}

TEST(LimiterImage, EachInstructionLeavesWhatWasAdmitted) {
  const size_t size = LimiterImage::BytesFor(kCapacity);
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const absl::Span<char> bytes(static_cast<char*>(memory), size);
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(2);
    Use(bytes);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSTOPPED(status)) << "tracing a child is not allowed here";
  int64_t instructions = 0;
  int64_t readings = 0;
  int64_t used = kUsed;
  std::vector<char> last;
  while (WIFSTOPPED(status)) {
    // The header and the slots; windows are announced in the header.
    std::vector<char> now(bytes.begin(),
                          bytes.begin() + internal::kImagePageBytes);
    now.insert(now.end(), bytes.begin() + internal::kImageSlotsAt, bytes.end());
    if (now != last) {
      ++readings;
      absl::string_view error = "not found";
      const int64_t found = UsedIn(bytes, error);
      ASSERT_TRUE(found == used || found == used + 1)
          << error << ", used " << found << " after " << used
          << ", instruction " << instructions;
      used = found;
      last = std::move(now);
    }
    ASSERT_EQ(ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr), 0);
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ++instructions;
  }
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(used, kUsed + 1);
  EXPECT_GT(readings, 30);
  const absl::StatusOr<LimiterImage> end = LimiterImage::Read(bytes, true);
  ASSERT_THAT(end, IsOk());
  EXPECT_EQ(end->size(), 2u);
  std::cout << instructions << " instructions, " << readings << " readings\n";
  munmap(memory, size);
}

}  // namespace
}  // namespace konpro
