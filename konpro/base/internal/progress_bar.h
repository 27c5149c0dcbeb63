// How far a long read or write has come, drawn on one line of a terminal and
// removed at the end.
//
//   ProgressBar bar(&err, /*total=*/100'000, "requests");
//   bar.Advance(25'000);
//   // 25000 requests [##########..............................] 25%
//
// Thread safety: thread-compatible.
#ifndef KONPRO_BASE_INTERNAL_PROGRESS_BAR_H_
#define KONPRO_BASE_INTERNAL_PROGRESS_BAR_H_

#include <cstdint>
#include <ostream>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace konpro::internal {

class ProgressBar {
 public:
  // Draws nothing if `out` is null. `total` is below 0 if the size is unknown,
  // as for a pipe. `unit` is what is counted, "" for bytes; it must outlive the
  // bar.
  ProgressBar(std::ostream* out, int64_t total, absl::string_view unit = "")
      : out_(out), total_(total), unit_(unit) {}
  ~ProgressBar() { Clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Advance(int64_t count) {
    done_ += count;
    if (out_ != nullptr) Draw();
  }

  // Removes the bar from the terminal.
  void Clear();

 private:
  // At most ten times a second.
  void Draw();

  std::ostream* out_;
  int64_t total_;
  absl::string_view unit_;
  int64_t done_ = 0;
  bool drawn_ = false;
  absl::Time next_draw_ = absl::InfinitePast();
};

}  // namespace konpro::internal

#endif  // KONPRO_BASE_INTERNAL_PROGRESS_BAR_H_
