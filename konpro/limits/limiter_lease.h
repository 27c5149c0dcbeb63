// A LimiterLease is one thread's stock of permits of an account that many
// threads hammer: taken from the cell in one step of `batch`, spent without
// touching the shared cache line.
//
//   LimiterLease lease(cell, windows, /*batch=*/64);   // one per thread
//   lease.TryAcquire(/*cost=*/1, now).allowed()        // true; 63 in stock
//   lease.Return(now);                                 // before it goes
//
// Never more is admitted than without leases: what is in stock counts as used.
// A stock is spent only while every FIXED window that it was taken from lasts,
// and melts as a bucket refills: its oldest permit is gone when the bucket has
// one more, so that a stock and a full bucket never add up.
//
// What it costs: up to batch - 1 permits a thread are stranded where nobody
// else can take them, until Return() or until their window ends; a thread that
// is refused may see permits in another's stock. A thread with a stock is
// served before threads without, which is not fair near a limit. There, where
// the cell holds no whole batch any more, a lease takes from the cell what each
// request costs and strands nothing new.
//
// Thread safety: thread-compatible: a lease belongs to one thread, its cell to
// all. It refers to the cell and the windows, and notices no change of windows:
// whoever makes one has all leases Return() before and makes new ones behind.
//
// Limits: batch 1 .. windows.cost_max(); a larger one counts as that.
#ifndef KONPRO_LIMITS_LIMITER_LEASE_H_
#define KONPRO_LIMITS_LIMITER_LEASE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "konpro/base/unix_nanos.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/limiter_decision.h"
#include "konpro/limits/rate_window.h"

namespace konpro {

class LimiterLease {
 public:
  LimiterLease(LimiterCell& cell, const LimiterWindows& windows, uint64_t batch)
      : cell_(&cell),
        windows_(&windows),
        batch_(std::max<uint64_t>(1, std::min(batch, windows.cost_max()))) {}
  LimiterLease(const LimiterLease&) = delete;
  LimiterLease& operator=(const LimiterLease&) = delete;
  // What is in stock stays taken: Return() needs a time.
  ~LimiterLease() = default;

  // Decides as konpro::TryAcquire() does, except that permits in other threads'
  // stocks count as used. The decision speaks of the state when the stock was
  // taken, and can be given to Release().
  Decision TryAcquire(uint64_t cost, UnixNanos now) {
    if (cost - 1 < stock_ && now < ends_at_ &&
        now.nanos() <= melted_at_ns_ - static_cast<int64_t>(cost) * melt_ns_)
        [[likely]] {
      stock_ -= cost;
      melted_at_ns_ -= static_cast<int64_t>(cost) * melt_ns_;
      return Spent(cost);
    }
    return Restock(cost, now);
  }

  // Gives the stock back, as Release() does. False where that lost too many
  // races: the stock is as it was.
  bool Return(UnixNanos now) {
    if (stock_ == 0) return true;
    if (!Release(*cell_, *windows_, Spent(stock_), now)) return false;
    stock_ = 0;
    return true;
  }

  uint64_t stock() const { return stock_; }

 private:
  Decision Spent(uint64_t cost) const {
    return Decision(LimitOutcome::kAllowed, *windows_, taken_, cost, taken_at_);
  }

  Decision Restock(uint64_t cost, UnixNanos now);

  // Constant after construction.
  LimiterCell* cell_;
  const LimiterWindows* windows_;
  uint64_t batch_;

  // The stock, and where it comes from.
  uint64_t stock_ = 0;
  LimiterState taken_;
  UnixNanos taken_at_;
  UnixNanos ends_at_;         // the first end of a FIXED window
  int64_t melt_ns_ = 0;       // the shortest time between permits of a bucket
  int64_t melted_at_ns_ = 0;  // when the bucket has given the stock back
};

inline Decision LimiterLease::Restock(uint64_t cost, UnixNanos now) {
  if (cost == 0 || cost > batch_ || !Return(now)) {
    return konpro::TryAcquire(*cell_, *windows_, cost, now);
  }
  const Decision batch = konpro::TryAcquire(*cell_, *windows_, batch_, now);
  if (!batch.allowed()) {
    return konpro::TryAcquire(*cell_, *windows_, cost, now);
  }
  taken_ = batch.state();
  taken_at_ = now;
  ends_at_ = UnixNanos::Max();
  melt_ns_ = 0;
  melted_at_ns_ = UnixNanos::Max().nanos();
  bool melts = false;
  for (size_t i = 0; i < windows_->size(); ++i) {
    const RateWindow& window = windows_->window(i);
    if (window.kind() == WindowKind::kFixed) {
      ends_at_ = std::min(ends_at_, batch.reset_at(i));
      continue;
    }
    const int64_t interval_ns = window.period_ms() * 1'000'000 / window.limit();
    melt_ns_ = melts ? std::min(melt_ns_, interval_ns) : interval_ns;
    melts = true;
  }
  stock_ = batch_ - cost;
  if (melts) {
    melted_at_ns_ = static_cast<int64_t>(
        std::min<__int128>(UnixNanos::Max().nanos(),
                           taken_at_.nanos() + __int128{melt_ns_} * stock_));
  }
  return Spent(cost);
}

}  // namespace konpro

#endif  // KONPRO_LIMITS_LIMITER_LEASE_H_
