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
// one more, so that a stock and a full bucket never add up. One that was taken
// before the clock was set back is not spent.
//
// What it costs: nobody else can take up to batch - 1 permits of each thread,
// until Return() or until their window ends; a thread that is refused may see
// permits in another's stock. A thread with a stock is served before threads
// without, which is not fair near a limit. There, once the cell holds no whole
// batch any more, a lease takes from the cell what each request costs and adds
// nothing to its stock.
//
// Thread safety: thread-compatible: a lease belongs to one thread, its cell to
// all. It refers to the cell and the windows, and notices no change of windows:
// before one, call Return() of all leases; after it, make new ones.
//
// Limits: batch 1 .. windows.cost_max(); a larger one counts as that.
#ifndef KONPRO_LIMITS_LIMITER_LEASE_H_
#define KONPRO_LIMITS_LIMITER_LEASE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/window_rule.h"
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
    if (cost - 1 < stock_) [[likely]] {
      const uint64_t until_ns = until_ns_ - cost * melt_ns_;
      // One comparison finds both a time after until_ns, which wraps, and one
      // before the stock was taken.
      if (until_ns - static_cast<uint64_t>(now.nanos()) <= lasts_ns_)
          [[likely]] {
        stock_ -= cost;
        until_ns_ = until_ns;
        return Spent(cost);
      }
    }
    return Restock(cost, now);
  }

  // Gives the stock back, as Release() does. False if that lost too many races:
  // the stock is as it was.
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
  // The last time at which a permit of it may be spent: the first FIXED window
  // ends, or the bucket has given the stock back.
  uint64_t until_ns_ = 0;
  uint64_t lasts_ns_ = 0;  // from when it was taken, less the skew of clocks
  uint64_t melt_ns_ = 0;   // the shortest time between permits of a bucket
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
  stock_ = batch_ - cost;
  until_ns_ = static_cast<uint64_t>(UnixNanos::Max().nanos());
  melt_ns_ = 0;
  bool melts = false;
  for (size_t i = 0; i < windows_->size(); ++i) {
    const RateWindow& window = windows_->window(i);
    if (window.kind() == WindowKind::kFixed) {
      const int64_t last =
          windows_->rule(i).EndOf(taken_.windows[i]).nanos() - 1;
      until_ns_ = std::min(until_ns_, static_cast<uint64_t>(last));
      continue;
    }
    const uint64_t interval_ns =
        static_cast<uint64_t>(window.period_ms() * 1'000'000 / window.limit());
    melt_ns_ = melts ? std::min(melt_ns_, interval_ns) : interval_ns;
    melts = true;
  }
  const uint64_t taken_ns = static_cast<uint64_t>(now.nanos());
  // The stock is at most a bucket, and that refills within a period.
  if (melts) until_ns_ = std::min(until_ns_, taken_ns + melt_ns_ * stock_);
  lasts_ns_ = until_ns_ - taken_ns + WindowRule::kSkewNs;
  return Spent(cost);
}

}  // namespace konpro

#endif  // KONPRO_LIMITS_LIMITER_LEASE_H_
