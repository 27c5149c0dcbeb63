// A RateWindow says how many requests an account may make per period. It has no
// state, no clock and no account: plan.h says which windows a plan has,
// limiter_decision.h what a request does to them, limiter.h keeps their state.
//
//   const RateWindow minute = *RateWindow::Create(
//       {.name = "minute", .limit = 60, .period = absl::Minutes(1)});
//   minute.period()                              // 1m
//
//   ParseWindows("minute:60/1m,day:1000/24h")    // two RateWindows
//   ParseWindows("day:1000/24h+6h")              // begins at 06:00
//   ParseWindows("burst:100/10s:token_bucket")   // refilled all the time
//   FormatWindows({&minute, 1})                  // "minute:60/1m"
//
// Kinds:
//   FIXED         windows [k * period, (k + 1) * period) from the Unix epoch,
//                 plus the phase. Any trailing period holds at most 2 x limit.
//   TOKEN_BUCKET  capacity = limit, refilled at limit per period (the generic
//                 cell rate algorithm, ITU-T I.371). Any trailing period holds
//                 at most 2 x limit - 1.
// If the clock is set back by more than a second, the window that holds then is
// used up, and a FIXED window can admit one limit more (docs/design.md).
//
// Text: NAME:LIMIT/PERIOD, then `+PHASE` of a fixed window that begins later,
// then `:token_bucket` of a bucket; a comma between two windows.
//
// Thread safety: immutable, trivially copyable. All functions are pure.
//
// Invariants: (1) ParseWindows(FormatWindows(w)) is w.
//
// Limits: name 1 .. 23 bytes; limit 1 .. 2^30-1 requests; period 1 s .. 366
// days in whole milliseconds; phase 0 .. below the period, FIXED alone. An
// account or a plan has at most two windows, of different names.
#ifndef KONPRO_LIMITS_RATE_WINDOW_H_
#define KONPRO_LIMITS_RATE_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace konpro {

enum class WindowKind : uint8_t { kFixed, kTokenBucket };

class RateWindow {
 public:
  // Of an account or a plan.
  static constexpr size_t kWindowsMax = 2;
  static constexpr size_t kNameBytesMax = 23;
  static constexpr int64_t kLimitMin = 1;
  static constexpr int64_t kLimitMax = (int64_t{1} << 30) - 1;
  static constexpr int64_t kPeriodMinMs = 1'000;
  static constexpr int64_t kPeriodMaxMs = int64_t{366} * 86'400'000;

  struct Spec {
    // A lower-case letter, then lower-case letters, digits and "_".
    absl::string_view name;
    WindowKind kind = WindowKind::kFixed;
    int64_t limit = 0;
    absl::Duration period;
    // How much later than the epoch's multiples a fixed window begins.
    absl::Duration phase;
  };

  // kInvalidArgument if a field is outside its limits. The message begins with
  // the field's name, such as `limit: `.
  static absl::StatusOr<RateWindow> Create(const Spec& spec);

  absl::string_view name() const { return name_; }
  WindowKind kind() const { return kind_; }
  int64_t limit() const { return limit_; }
  absl::Duration period() const { return absl::Milliseconds(period_ms_); }
  absl::Duration phase() const { return absl::Milliseconds(phase_ms_); }
  int64_t period_ms() const { return period_ms_; }
  int64_t phase_ms() const { return phase_ms_; }

  friend bool operator==(const RateWindow&, const RateWindow&) = default;

 private:
  RateWindow() = default;

  char name_[kNameBytesMax + 1] = {};  // then NUL to the end
  WindowKind kind_ = WindowKind::kFixed;
  int64_t limit_ = 0;
  int64_t period_ms_ = 0;
  int64_t phase_ms_ = 0;
};

static_assert(std::is_trivially_copyable_v<RateWindow>);
static_assert(sizeof(RateWindow) == 56);

// kInvalidArgument if an account cannot have these together: more than
// RateWindow::kWindowsMax, or two of one name. The message begins with the
// place, such as `windows[1].name: `.
absl::Status CheckWindows(absl::Span<const RateWindow> windows);

// No windows for "". kInvalidArgument, naming the window, if a rule is broken;
// CheckWindows() included.
absl::StatusOr<std::vector<RateWindow>> ParseWindows(absl::string_view text);

std::string FormatWindows(absl::Span<const RateWindow> windows);

}  // namespace konpro

#endif  // KONPRO_LIMITS_RATE_WINDOW_H_
