#include "konpro/ledger/internal/apply_command.h"

#include <cstdint>
#include <string>
#include <type_traits>
#include <variant>

#include "absl/time/time.h"
#include "konpro/base/unix_nanos.h"

namespace konpro::internal {
namespace {

UnixNanos After(UnixNanos time, absl::Duration duration) {
  const int64_t nanos = absl::ToInt64Nanoseconds(duration);
  int64_t sum = 0;
  if (__builtin_add_overflow(time.nanos(), nanos, &sum))
    return UnixNanos::Max();
  return UnixNanos::FromNanos(sum);
}

}  // namespace

void ApplyCommand(const EntryPlace& place, const LedgerCommand& command,
                  const Resolution& resolution, Account& account,
                  AccountEffect& effect) {
  const CommandMoment moment{.sequence = place.sequence, .now = place.at};
  std::visit(
      [&](const auto& r) {
        using R = std::decay_t<decltype(r)>;
        if constexpr (std::is_same_v<R, LedgerReserve>) {
          account.Apply(ReserveCommand{.amount = r.amount,
                                       .operation = r.operation,
                                       .expires_at = After(place.at, r.timeout),
                                       .overrun = r.overrun,
                                       .mode = r.mode},
                        moment, effect);
        } else if constexpr (std::is_same_v<R, LedgerCapture>) {
          account.Apply(CaptureCommand{.reservation = resolution.target,
                                       .amount = resolution.amount,
                                       .final = r.final,
                                       .collects = r.collects},
                        moment, effect);
        } else if constexpr (std::is_same_v<R, LedgerVoid>) {
          account.Apply(VoidCommand{.reservation = resolution.target}, moment,
                        effect);
        } else if constexpr (std::is_same_v<R, LedgerRefund>) {
          account.Apply(RefundCommand{.posting = resolution.target,
                                      .posted_at = resolution.posted_at,
                                      .posted = resolution.posted,
                                      .amount = resolution.amount},
                        moment, effect);
        } else if constexpr (std::is_same_v<R, GrantCommand>) {
          if (!r.id.empty()) return account.Apply(r, moment, effect);
          GrantCommand named = r;
          named.id = std::string(command.id);
          account.Apply(named, moment, effect);
        } else {
          account.Apply(r, moment, effect);
        }
      },
      command.request);
}

bool SameEffect(const AccountEffect& a, const AccountEffect& b) {
  return a.refusal == b.refusal && a.shortage == b.shortage &&
         a.held == b.held && a.posted == b.posted && a.refunded == b.refunded &&
         a.uncollected == b.uncollected && a.released == b.released;
}

}  // namespace konpro::internal
