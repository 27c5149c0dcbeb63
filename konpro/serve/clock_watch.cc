#include "konpro/serve/clock_watch.h"

#include <time.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "konpro/base/clock_tolerance.h"

namespace konpro {

ClockReading ReadClocks() {
  timespec wall{};
  timespec since_boot{};
  clock_gettime(CLOCK_REALTIME, &wall);
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return {.wall = absl::TimeFromTimespec(wall),
          .since_boot = absl::DurationFromTimespec(since_boot)};
}

ClockWatch::ClockWatch(std::function<ClockReading()> read)
    : read_(std::move(read)), offset_ns_(ReadOffset()) {}

int64_t ClockWatch::ReadOffset() const {
  const ClockReading reading = read_();
  return absl::ToInt64Nanoseconds(reading.wall - absl::UnixEpoch() -
                                  reading.since_boot);
}

absl::Duration ClockWatch::StepOf(int64_t offset_ns) const {
  return absl::Nanoseconds(offset_ns) -
         absl::Nanoseconds(offset_ns_.load(std::memory_order_relaxed));
}

absl::Duration ClockWatch::Step() const { return StepOf(ReadOffset()); }

bool ClockWatch::is_trusted() const {
  return absl::AbsDuration(Step()) <= kClockTolerance;
}

bool ClockWatch::Trusts(UnixNanos wall) const {
  const absl::Duration offset =
      wall.ToTime() - absl::UnixEpoch() - read_().since_boot;
  return absl::AbsDuration(StepOf(absl::ToInt64Nanoseconds(offset))) <=
         kClockTolerance;
}

std::string ClockWatch::Fault() const {
  const absl::Duration step = Step();
  if (absl::AbsDuration(step) <= kClockTolerance) return "";
  return absl::StrCat("the clock was set ",
                      step < absl::ZeroDuration() ? "back" : "ahead", " by ",
                      AheadText(absl::AbsDuration(step)),
                      " while the server ran: nothing is held or charged until "
                      "it is set right, or konpro clock --confirm says that it "
                      "is right now");
}

void ClockWatch::Confirm() {
  offset_ns_.store(ReadOffset(), std::memory_order_relaxed);
}

}  // namespace konpro
