// A RateWindow says how many requests an account may make per period. It knows
// no clock, no account and no thread: plan.h says which windows a plan has.
//
//   *RateWindow::Create({.name = "minute", .limit = 60,
//                        .period = absl::Minutes(1)})
//
// Kinds:
//   FIXED         windows [k * period, (k + 1) * period) from the Unix epoch,
//                 plus the phase. Any trailing period holds at most 2 x limit.
//   TOKEN_BUCKET  capacity = limit, refilled at limit per period (the generic
//                 cell rate algorithm, ITU-T I.371). Any trailing period holds
//                 at most 2 x limit - 1.
//
// Thread safety: immutable, trivially copyable.
//
// Limits: name 1 .. 23 bytes; limit 1 .. 2^30-1 requests; period 1 s .. 366
// days in whole milliseconds; phase 0 .. below the period.
#ifndef KONPRO_RATE_WINDOW_H_
#define KONPRO_RATE_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace konpro {

enum class WindowKind : uint8_t { kFixed, kTokenBucket };

class RateWindow {
 public:
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

  // kInvalidArgument where a field is outside its limits. The message begins
  // with the field's name, such as `limit: `.
  static absl::StatusOr<RateWindow> Create(const Spec& spec);

  absl::string_view name() const { return name_; }
  WindowKind kind() const { return kind_; }
  int64_t limit() const { return limit_; }
  absl::Duration period() const { return absl::Milliseconds(period_ms_); }
  absl::Duration phase() const { return absl::Milliseconds(phase_ms_); }

  friend bool operator==(const RateWindow&, const RateWindow&) = default;

 private:
  RateWindow() = default;

  char name_[kNameBytesMax + 1] = {};  // NUL behind, NUL throughout
  WindowKind kind_ = WindowKind::kFixed;
  int64_t limit_ = 0;
  int64_t period_ms_ = 0;
  int64_t phase_ms_ = 0;
};

static_assert(std::is_trivially_copyable_v<RateWindow>);
static_assert(sizeof(RateWindow) == 56);

}  // namespace konpro

#endif  // KONPRO_RATE_WINDOW_H_
