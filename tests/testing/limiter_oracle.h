// The limiter's naive model: a list of what was admitted, searched from the
// start for every question, in 128-bit integers. It shares no code with
// rate_window.h and limiter.h, and is too slow for anything but tests.
#ifndef KONPRO_TESTS_TESTING_LIMITER_ORACLE_H_
#define KONPRO_TESTS_TESTING_LIMITER_ORACLE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "konpro/limits/rate_window.h"

namespace konpro::testing {

class WindowOracle {
 public:
  using Wide = __int128;

  explicit WindowOracle(const RateWindow& window)
      : fixed_(window.kind() == WindowKind::kFixed),
        limit_(window.limit()),
        period_(Wide{window.period_ms()} * 1'000'000),
        phase_(Wide{window.phase_ms()} * 1'000'000),
        ticks_per_permit_((period_ + limit_ - 1) / limit_) {}

  // What one admission was: a change that Refund() can find again.
  struct Receipt {
    Wide place = 0;  // FIXED: the window's number; TOKEN_BUCKET: its tick
    Wide cost = 0;
  };

  bool IsPossible(Wide cost) const { return cost <= limit_; }

  // Whether what was admitted last was so at a clock that was set back since.
  bool IsAhead(int64_t now) const {
    constexpr Wide kSkew = 1'000'000'000;
    return fixed_ ? StoredNumber() * period_ + phase_ > now + kSkew
                  : Full() > Tick(now) + limit_ * ticks_per_permit_ + kSkew;
  }

  // This oracle, which has used the window at `now` up if it is ahead.
  WindowOracle Seen(int64_t now) const {
    WindowOracle result = *this;
    if (!IsAhead(now)) return result;
    result.entries_.clear();
    result.Take(limit_, now);
    return result;
  }

  bool Admits(Wide cost, int64_t now) const {
    if (!IsPossible(cost)) return false;
    if (cost == 0) return true;
    if (IsAhead(now)) return false;
    if (fixed_) return UsedIn(CurrentNumber(now)) + cost <= limit_;
    return std::max(Full(), Tick(now)) + (cost - limit_) * ticks_per_permit_ <=
           Tick(now);
  }

  // REQUIRES: Admits(cost, now).
  Receipt Take(Wide cost, int64_t now) {
    if (fixed_) {
      entries_.push_back({CurrentNumber(now), cost});
      return {entries_.back().place, cost};
    }
    entries_.push_back({Tick(now), cost * ticks_per_permit_});
    return {Tick(now), cost};
  }

  void Refund(const Receipt& receipt, int64_t now) {
    if (fixed_) {
      const Wide number = StoredNumber();
      if (receipt.place != number) return;
      const Wide back = std::min(receipt.cost, UsedIn(number));
      entries_.push_back({number, -back});
      return;
    }
    const Wide capacity = limit_ * ticks_per_permit_;
    const Wide time = std::max({receipt.place, Tick(now), Full() - capacity});
    const Wide back = receipt.cost * ticks_per_permit_ - (time - receipt.place);
    if (back > 0) entries_.push_back({kRefund, -back});
  }

  // Whether nothing is used at `now`.
  bool IsFresh(int64_t now) const {
    return fixed_ ? UsedIn(CurrentNumber(now)) == 0 : Full() <= Tick(now);
  }

  bool SharesStatesWith(const WindowOracle& other) const {
    return fixed_ == other.fixed_ && period_ == other.period_ &&
           (fixed_ ? phase_ == other.phase_ : limit_ == other.limit_);
  }

  // This oracle with the use of `from`, in whole permits or ticks rounded up.
  WindowOracle Carried(const WindowOracle& from, int64_t now) const {
    WindowOracle result = *this;
    if (SharesStatesWith(from)) {
      result.entries_ = from.entries_;
      return result;
    }
    Wide at = now;
    Wide used = 0;  // in the ticks of `from`
    Wide per_permit = 1;
    if (from.fixed_) {
      if (!from.entries_.empty()) {
        at = std::max(at, from.StoredNumber() * from.period_ + from.phase_);
      }
      used = from.UsedIn(from.CurrentNumber(static_cast<int64_t>(at)));
    } else {
      used = std::max(Wide{0}, from.Seen(now).Full() - from.Tick(now));
      per_permit = from.ticks_per_permit_;
    }
    const int64_t time = static_cast<int64_t>(at);
    if (fixed_) {
      const Wide permits = (used + per_permit - 1) / per_permit;
      result.entries_.push_back(
          {Number(time), std::min(permits, Wide{RateWindow::kLimitMax})});
    } else {
      // The state holds 64 bits, all ones taken.
      const Wide state_max = (Wide{1} << 64) - 2;
      const Wide ticks =
          (used * ticks_per_permit_ + per_permit - 1) / per_permit;
      result.entries_.push_back(
          {Tick(time), std::min(ticks, state_max - Tick(time))});
    }
    return result;
  }

 private:
  static constexpr Wide kRefund = -(Wide{1} << 100);

  struct Entry {
    Wide place;  // as Receipt's, or kRefund
    Wide delta;  // FIXED: permits; TOKEN_BUCKET: ticks
  };

  Wide Number(int64_t now) const {
    const Wide since = now - phase_;
    return since >= 0 ? since / period_ : -1;
  }
  Wide StoredNumber() const {
    Wide number = -1;
    for (const Entry& e : entries_) number = std::max(number, e.place);
    return number;
  }
  Wide CurrentNumber(int64_t now) const {
    return std::max(Number(now), StoredNumber());
  }
  Wide UsedIn(Wide number) const {
    Wide used = 0;
    for (const Entry& e : entries_) {
      if (e.place == number) used += e.delta;
    }
    return used;
  }

  Wide Tick(int64_t now) const {
    return now * (limit_ * ticks_per_permit_) / period_;
  }
  // The tick at which the bucket is full: each admission with all that followed
  // it must have been paid for, from its own time on.
  Wide Full() const {
    Wide full = 0;
    Wide behind = 0;
    for (auto e = entries_.rbegin(); e != entries_.rend(); ++e) {
      behind += e->delta;
      full = std::max(full, e->place + behind);
    }
    return full;
  }

  bool fixed_;
  Wide limit_;
  Wide period_;
  Wide phase_;
  Wide ticks_per_permit_;
  std::vector<Entry> entries_;
};

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_LIMITER_ORACLE_H_
