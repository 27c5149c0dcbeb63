#include "konpro/base/internal/progress_bar.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace konpro::internal {

void ProgressBar::Draw() {
  constexpr absl::Duration kRedraw = absl::Milliseconds(100);
  const absl::Time now = absl::Now();
  if (now < next_draw_) return;
  next_draw_ = now + kRedraw;
  std::string bar = unit_.empty() ? absl::StrCat("\r", done_ >> 20, " MiB read")
                                  : absl::StrCat("\r", done_, " ", unit_);
  if (total_ > 0) {
    constexpr int64_t kCells = 40;
    const int64_t cells = std::min(kCells, done_ * kCells / total_);
    absl::StrAppend(&bar, " [", std::string(cells, '#'),
                    std::string(kCells - cells, '.'), "] ",
                    std::min<int64_t>(100, done_ * 100 / total_), "%");
  }
  *out_ << bar << std::flush;
  drawn_ = true;
}

void ProgressBar::Clear() {
  if (drawn_) *out_ << "\r\033[K" << std::flush;
  drawn_ = false;
}

}  // namespace konpro::internal
